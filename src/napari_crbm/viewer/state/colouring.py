"""Colours of all neurons by one quantity, with the colour bar that explains them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_crbm.palette import Palette


@dataclass(frozen=True, eq=False)
class Colouring:
    """Colours of all neurons by one quantity, with the colour bar that explains them.

    Parameters
    ----------
    kind : str
        Key of `layers.colour_kinds.KINDS`, or another name, for colours made by a dock.
    title : str
        Name of the quantity, with its unit.
    colours : (N, 4) float32
    values : (N,) float array, optional
        The quantity, if it is a number.
    low, high : str
        Values at the ends of the colour bar; empty without a bar.
    ramp : (K, 4) float array, optional
        The colour bar; none for categories.
    on : callable, optional
        Returns the same colouring for another palette; None if it has no colours of one.
    """

    kind: str
    title: str
    colours: NDArray[np.float32]
    values: NDArray[np.floating] | None = None
    low: str = ""
    high: str = ""
    ramp: NDArray[np.floating] | None = None
    on: Callable[[Palette], Colouring] | None = None
