"""Colours of brain regions, derived from their names."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from napari_crbm.palette import oklab_to_srgb, srgb_to_oklab

# " L", "_R", " (left)", "-right", ", Left" at the end of a name; a single lower-case l or r may
# be part of the name itself.
_SIDE = re.compile(r"[\s_,\-(]+(?:L|R|[Ll]eft|[Rr]ight)\)?$")
# Chosen so that neighbours in the parametric fish differ.
_SALT = 2707
# Lightness varies as well as hue, so that regions differ for red-green colour-blind readers.
_LIGHTNESS = (0.58, 0.70, 0.82)
_CHROMA = 0.125
# OKLab distance below which two colours look alike, and the candidates for a replacement.
_ALIKE = 0.06
_OTHER_LIGHTNESS = (0.50, 0.58, 0.66, 0.74, 0.82)
_OTHER_CHROMA = (0.06, 0.125)
_N_HUES = 24


def without_side(name: str) -> str:
    """Return a region's name without its side: "Pallium L" gives "Pallium"."""
    return _SIDE.sub("", name) or name


def region_colours(names: Iterable[str]) -> NDArray[np.float64]:
    """Return colours of regions by name; both sides of a structure share one.

    Parameters
    ----------
    names : iterable of str

    Returns
    -------
    (R, 4) float64
        RGBA in [0, 1]. A name has the same colour in every recording. Lightness and hue
        both vary (OKLCH, equal chroma), so lightness alone tells a third of the pairs
        apart for colour-blind viewers.
    """
    codes = np.array(
        [zlib.crc32(without_side(name).lower().encode(), _SALT) for name in names],
        dtype=np.int64,
    )
    hue = (codes >> 8) % 3600 / 3600 * 2 * np.pi
    lightness = np.asarray(_LIGHTNESS)[codes % len(_LIGHTNESS)]
    return _rgba(lightness, np.full(len(codes), _CHROMA), hue)


def distinct_region_colours(names: Sequence[str]) -> NDArray[np.float64]:
    """Return distinguishable colours of the regions of one recording.

    A region has the colour of `region_colours` unless that of an earlier region looks alike;
    then it has the colour that differs most from all earlier ones. With more than about a
    hundred structures some colours are similar.

    Parameters
    ----------
    names : sequence of str

    Returns
    -------
    (R, 4) float64
        RGBA in [0, 1]; both sides of a structure share a colour.
    """
    structures = list(dict.fromkeys(without_side(name) for name in names))
    colours = region_colours(structures)
    grid = np.meshgrid(
        _OTHER_LIGHTNESS, _OTHER_CHROMA, np.arange(_N_HUES) * 2 * np.pi / _N_HUES, indexing="ij"
    )
    others = _rgba(*(axis.ravel() for axis in grid))
    lab, other_lab = srgb_to_oklab(colours[:, :3]), srgb_to_oklab(others[:, :3])
    free = np.full(len(others), np.inf)
    for place in range(len(structures)):
        before = np.linalg.norm(lab[:place] - lab[place], axis=1)
        if (before < _ALIKE).any():
            best = int(free.argmax())
            if free[best] > before.min():
                colours[place], lab[place] = others[best], other_lab[best]
        free = np.minimum(free, np.linalg.norm(other_lab - lab[place], axis=1))
    place_of = {name: place for place, name in enumerate(structures)}
    return colours[[place_of[without_side(name)] for name in names]].reshape(-1, 4)


def _rgba(
    lightness: NDArray[np.floating], chroma: NDArray[np.floating], hue: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Return opaque RGBA (n, 4) of OKLCH colours; hue in radians."""
    lab = np.stack([lightness, chroma * np.cos(hue), chroma * np.sin(hue)], axis=-1)
    # Rounded, because the last bit of a product depends on the number of colours in the array.
    return np.concatenate([np.round(oklab_to_srgb(lab), 6), np.ones((len(lab), 1))], axis=1)
