"""Colours on napari's canvas: signed weights, rates, context; marks that suit its theme."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

#: Neurons that are there for context only.
CONTEXT = (0.62, 0.64, 0.66, 0.16)
OUTLINE = (0.75, 0.77, 0.8, 0.6)
#: Neurons that are active in the frame shown.
FLASH = (0.0, 0.86, 0.66, 1.0)

# From the middle outwards; blue against orange stays apart without red-green vision, and
# both ends are equally light, so neither sign looks stronger.
_NEGATIVE = np.array([[0.42, 0.45, 0.48], [0.27, 0.52, 0.70], [0.36, 0.77, 0.99]])
_POSITIVE = np.array([[0.48, 0.44, 0.41], [0.76, 0.46, 0.33], [1.00, 0.60, 0.43]])

#: Several assemblies at once, told apart also without red-green vision (Okabe and Ito).
SEVERAL = np.array(
    [
        [0.90, 0.62, 0.00],
        [0.34, 0.71, 0.91],
        [0.80, 0.47, 0.65],
        [0.00, 0.62, 0.45],
        [0.94, 0.89, 0.26],
        [0.84, 0.37, 0.00],
    ],
    dtype=np.float32,
)


class Ink(NamedTuple):
    """Colours (RGBA) of what has to stand out from the canvas and from all assemblies."""

    #: Members of more than one of several assemblies.
    shared: tuple[float, float, float, float]
    #: The chosen neuron, and those of a group that was picked with the lasso.
    chosen: tuple[float, float, float, float]
    #: What `shared` is called.
    shared_name: str


ON_DARK = Ink((1.0, 1.0, 1.0, 1.0), (1.0, 0.93, 0.35, 1.0), "white")
ON_LIGHT = Ink((0.0, 0.0, 0.0, 1.0), (0.72, 0.0, 0.55, 1.0), "black")


def several_colours(inside: NDArray[np.bool_], ink: Ink = ON_DARK) -> NDArray[np.float32]:
    """RGBA of neurons by the assembly they belong to; white (or black) in more than one.

    Parameters
    ----------
    inside : (n, A) bool
        Every neuron belongs to one assembly at least.
    ink : Ink
    """
    rgba = np.ones((len(inside), 4), dtype=np.float32)
    rgba[:, :3] = SEVERAL[inside.argmax(axis=1) % len(SEVERAL)]
    rgba[inside.sum(axis=1) > 1] = ink.shared
    return rgba


def weight_colours(weights: NDArray[np.floating], limit: float) -> NDArray[np.float32]:
    """RGBA of signed weights (n,), symmetric: grey at zero, full colour at ``limit``."""
    strength = np.clip(np.abs(weights) / max(limit, 1e-12), 0, 1)
    stops = np.linspace(0, 1, 3)
    rgba = np.ones((len(weights), 4), dtype=np.float32)
    for channel in range(3):
        up = np.interp(strength, stops, _POSITIVE[:, channel])
        down = np.interp(strength, stops, _NEGATIVE[:, channel])
        rgba[:, channel] = np.where(weights >= 0, up, down)
    return rgba


def weight_limit(weights: NDArray[np.floating]) -> float:
    """Weight at which colours are full: the largest but for a few outliers."""
    return float(np.quantile(np.abs(weights), 0.98)) if len(weights) else 1.0
