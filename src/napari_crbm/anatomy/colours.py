"""Colours of brain regions, derived from their names."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from napari_crbm.palette import oklab_to_srgb

# " L", "_R", " (left)", "-right", ", Left" at the end of a name; a lone lower-case l or r
# is too easily part of the name itself.
_SIDE = re.compile(r"[\s_,\-(]+(?:L|R|[Ll]eft|[Rr]ight)\)?$")
# Picked so that neighbours in the parametric fish differ.
_SALT = 2707
# Lightness varies as much as hue, so that regions stay apart without red-green vision.
_LIGHTNESS = (0.58, 0.70, 0.82)
_CHROMA = 0.125


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
    lab = np.stack([lightness, _CHROMA * np.cos(hue), _CHROMA * np.sin(hue)], axis=-1)
    rgb = oklab_to_srgb(lab)
    # Rounded, because a product's last bit depends on how many colours are made at once.
    return np.concatenate([np.round(rgb, 6), np.ones((len(codes), 1))], axis=1)
