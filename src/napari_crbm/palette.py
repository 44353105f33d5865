"""All colours of data in the viewer and in figures: one palette per background.

All canvas layers, docks, legends and figures take their colours from here. Weights, couplings
and all other signed values share one scale: blue below zero, orange above, grey at zero. Both
ends have the same lightness (OKLab), so that neither sign looks stronger, and contrast with the
background increases with the absolute value. Colour-blind readers can distinguish blue from
orange, and the colours of assemblies from each other. Colours of brain regions are in
`napari_crbm.anatomy.colours`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

RGBA = tuple[float, float, float, float]

# OKLab to the cube roots of cone responses, and these to linear sRGB (Ottosson 2020).
_LAB_TO_CONES = np.array(
    [
        [1.0, 0.3963377774, 0.2158037573],
        [1.0, -0.1055613458, -0.0638541728],
        [1.0, -0.0894841775, -1.2914855480],
    ]
)
_CONES_TO_RGB = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ]
)

#: Context neurons of the canvas: translucent, because thousands overlap.
CONTEXT: RGBA = (0.62, 0.64, 0.66, 0.16)
#: Neurons of a second brain beside the first.
SECOND_CONTEXT: RGBA = (0.52, 0.66, 0.76, 0.16)
#: Lines and dots of plots in docks: contrast of 3 or more with light and dark windows.
BLUE, ORANGE, GREEN, GREY = "#3388cc", "#cf6f0c", "#00926a", "#808080"


@dataclass(frozen=True)
class Palette:
    """Colours for one background; strings are hexadecimal sRGB.

    Parameters
    ----------
    name : {"dark", "light"}
    zero : str
        Weights of zero.
    negative, positive : str
        Strongest negative and positive weights.
    assemblies : tuple of str
        Several assemblies at once, in the order of their selection; repeated after the last.
    values_map : str
        Matplotlib colour map of unsigned values; the largest contrasts most.
    shared, shared_name : str
        Neurons in more than one of the assemblies shown, and the name of that colour.
    mark : str
        The chosen neuron, and neurons chosen with the lasso.
    active : str
        Neurons that are active in the frame shown.
    neurons, outline, brain : str
        All other neurons, outline and area of the brain in figures.
    shell : str
        Surface and outline of the brain in the canvas.
    """

    name: str
    zero: str
    negative: str
    positive: str
    assemblies: tuple[str, ...]
    values_map: str
    shared: str
    shared_name: str
    mark: str
    active: str
    neurons: str
    outline: str
    brain: str
    shell: str

    def weights(self, weights: NDArray[np.floating], limit: float) -> NDArray[np.float32]:
        """Return RGBA (n, 4) of signed weights (n,): grey at zero, full colour from ``limit``."""
        place = np.clip(np.asarray(weights) / max(limit, 1e-12), -1, 1)
        steps = len(self.weight_scale) - 1
        return self.weight_scale[np.round((place + 1) / 2 * steps).astype(np.int64)]

    @cached_property
    def weight_scale(self) -> NDArray[np.float32]:
        """Return colours (257, 4) of weights from minus to plus the limit, even steps in OKLab."""
        ends = srgb_to_oklab(hex_to_rgb([self.negative, self.zero, self.positive]))
        place = np.linspace(-1, 1, 257)
        lab = np.stack([np.interp(place, (-1, 0, 1), ends[:, k]) for k in range(3)], axis=1)
        return with_alpha(oklab_to_srgb(lab))

    def assembly(self, place: int) -> str:
        """Return the colour of the assembly at this position of the selection, from 0."""
        return self.assemblies[place % len(self.assemblies)]

    def memberships(self, inside: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Return RGBA of neurons by their assembly, `shared` for neurons in more than one.

        Parameters
        ----------
        inside : (n, A) bool
            Membership in A assemblies, at least one per neuron.
        """
        colours = with_alpha(hex_to_rgb(self.assemblies))
        rgba: NDArray[np.float32] = colours[inside.argmax(axis=1) % len(colours)]
        rgba[inside.sum(axis=1) > 1] = with_alpha(hex_to_rgb([self.shared]))
        return rgba

    def fade(self, colour: str, strength: NDArray[np.floating]) -> NDArray[np.float32]:
        """Return RGBA (n, 4) from `zero` to a full colour as strength (n,) goes from 0 to 1."""
        grey, full = srgb_to_oklab(hex_to_rgb([self.zero, colour]))
        share = np.clip(strength, 0, 1)[:, None]
        return with_alpha(oklab_to_srgb((1 - share) * grey + share * full))


DARK = Palette(
    name="dark",
    zero="#666666",
    negative="#5bc4fc",
    positive="#ff976d",
    assemblies=(
        "#e69f00",
        "#56b4e9",
        "#b24d4a",
        "#7fd9b8",
        "#f7e602",
        "#205cff",
        "#61a58c",
        "#0587a9",
    ),
    values_map="cividis",
    shared="#ffffff",
    shared_name="white",
    mark="#ffed59",
    active="#00dba8",
    neurons="#34383c",
    outline="#6f6f6f",
    brain="#191c1f",
    shell="#9eadc2",
)
LIGHT = Palette(
    name="light",
    zero="#b8b8b8",
    negative="#036bb9",
    positive="#ab4501",
    assemblies=(
        "#d07000",
        "#0072b2",
        "#9f444e",
        "#089ca2",
        "#4a007a",
        "#6d86ff",
        "#532801",
        "#3a1bfe",
    ),
    values_map="cividis_r",
    shared="#000000",
    shared_name="black",
    mark="#c8009a",
    active="#009a74",
    neurons="#d9d9d6",
    outline="#9a9a9a",
    brain="#f7f7f5",
    shell="#596675",
)
PALETTES = {"light": LIGHT, "dark": DARK}


def weight_limit(weights: NDArray[np.floating]) -> float:
    """Return the weight at which colours are full: the 98th percentile of ``|w|``."""
    return float(np.quantile(np.abs(weights), 0.98)) if len(weights) else 1.0


def hex_to_rgb(colours: tuple[str, ...] | list[str]) -> NDArray[np.float64]:
    """Return sRGB (n, 3) in [0, 1] of colours written as ``#rrggbb``."""
    return np.array([[int(c[k : k + 2], 16) / 255 for k in (1, 3, 5)] for c in colours])


def rgb_to_hex(rgb: NDArray[np.floating]) -> str:
    """Return ``#rrggbb`` of one sRGB colour (3,) in [0, 1]."""
    return "#" + "".join(f"{round(255 * float(channel)):02x}" for channel in rgb[:3])


def with_alpha(rgb: NDArray[np.floating], alpha: float = 1.0) -> NDArray[np.float32]:
    """Return RGBA (n, 4) of colours (n, 3) at one opacity."""
    return np.concatenate([rgb, np.full((len(rgb), 1), alpha)], axis=1).astype(np.float32)


def oklab_to_srgb(lab: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return sRGB (n, 3) in [0, 1] of OKLab colours (n, 3); channels outside are clipped."""
    linear = np.clip((lab @ _LAB_TO_CONES.T) ** 3 @ _CONES_TO_RGB.T, 0.0, 1.0)
    bright = 1.055 * linear ** (1 / 2.4) - 0.055
    rgb: NDArray[np.float64] = np.where(linear <= 0.0031308, 12.92 * linear, bright)
    return rgb


def srgb_to_oklab(rgb: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return OKLab (n, 3) of sRGB colours (n, 3) in [0, 1]."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    cones = np.cbrt(np.maximum(np.linalg.solve(_CONES_TO_RGB, linear.T), 0.0))
    return np.linalg.solve(_LAB_TO_CONES, cones).T
