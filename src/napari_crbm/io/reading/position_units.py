"""Unit of stored positions: millimetres, micrometres or pixels, and their conversion."""

from __future__ import annotations

import warnings
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_crbm.io.options import ReadOptions

PositionUnit = Literal["mm", "um", "pixel"]

#: A larval brain spans about a millimetre: a larger extent is not in mm.
LARGEST_EXTENT_MM = 5.0

_WORDS: dict[PositionUnit, tuple[str, ...]] = {
    "mm": ("mm", "millimetre", "millimeter", "millimetres", "millimeters"),
    "um": ("um", "µm", "μm", "micron", "microns", "micrometre", "micrometer", "micrometers"),
    "pixel": ("px", "pixel", "pixels", "voxel", "voxels"),
}
# With fewer neurons, all positions may be whole numbers by chance.
_FEWEST_WHOLE = 10


def unit_said(text: str) -> PositionUnit | None:
    """Return the unit that a file names in words, None if it is missing or unknown."""
    word = text.strip().lower()
    return next((unit for unit, words in _WORDS.items() if word in words), None)


def are_whole(positions: NDArray[np.floating]) -> bool:
    """Return whether positions (N, axes) are whole numbers, as pixels and voxels are."""
    known = positions[np.isfinite(positions).all(axis=1)]
    return len(known) >= _FEWEST_WHOLE and bool((known == np.round(known)).all())


def zyx_in_um(
    xyz: NDArray[np.float64], options: ReadOptions, said: str = ""
) -> tuple[NDArray[np.float64], str]:
    """Return positions as z, y, x in micrometres, and a note on their unit.

    The option ``unit`` decides, else sizes of pixels and planes, else what the file says, else
    the extent: below `LARGEST_EXTENT_MM` it is millimetres. Whole numbers that are taken for
    micrometres are probably pixels, and a warning says so.

    Parameters
    ----------
    xyz : (N, 3) float64
        Rows may be NaN.
    options : ReadOptions
    said : str
        Unit in the words of the file.
    """
    known = xyz[np.isfinite(xyz).all(axis=1)]
    extent = float(np.ptp(known, axis=0).max()) if len(known) else 0.0
    # If all neurons lie in one place, use their distance from the origin instead.
    extent = extent or float(np.abs(known).max(initial=0.0))
    zyx = xyz[:, ::-1].copy()
    if options.unit is not None:
        return zyx * (1000.0 if options.unit == "mm" else 1.0), options.unit
    named = unit_said(said)
    pixel, spacing = options.um_per_pixel, options.plane_spacing_um
    if named == "pixel" or pixel is not None or spacing is not None:
        return _from_pixels(zyx, pixel, spacing)
    if named is not None:
        return zyx * (1000.0 if named == "mm" else 1.0), f"{named} (the file says '{said}')"
    if 0 < extent < LARGEST_EXTENT_MM:
        return zyx * 1000.0, f"mm (inferred from the extent, {extent:.4g})"
    if are_whole(xyz):
        warnings.warn(
            "The positions are whole numbers, so they are probably pixels; they are treated "
            "as micrometres. Set um_per_pixel (--um-per-pixel) and plane_spacing_um "
            "(--plane-spacing-um), or unit 'um' (--unit um) if they are micrometres.",
            stacklevel=3,
        )
        return zyx, f"um (assumed; whole numbers, extent {extent:.4g})"
    return zyx, f"um (inferred from the extent, {extent:.4g})"


def _from_pixels(
    zyx: NDArray[np.float64], pixel: float | None, spacing: float | None
) -> tuple[NDArray[np.float64], str]:
    """Scale pixels and planes; unknown sizes count as one pixel, with a warning."""
    missing = []
    if pixel is None:
        missing.append("one pixel is taken for one micrometre (um_per_pixel)")
    depths = zyx[np.isfinite(zyx[:, 0]), 0]
    if spacing is None and len(np.unique(depths)) > 1:
        missing.append("one plane is taken to be as thick as a pixel is wide (plane_spacing_um)")
    if missing:
        warnings.warn(f"The positions are in pixels: {' and '.join(missing)}.", stacklevel=4)
    width = pixel or 1.0
    thick = spacing or width
    return (
        zyx * (thick, width, width),
        f"pixel, {width:g} um{'' if pixel else ' (assumed)'} wide, {thick:g} um"
        f"{'' if spacing else ' (assumed)'} from plane to plane",
    )
