"""Positions of the cells of an NWB plane segmentation, from any kind of mask.

A cell is described by the pixels (x, y, weight) or voxels (x, y, z, weight) it covers, in
one long table with the end of every cell, or by a picture (x, y) or volume (x, y, z) of
its own. Some programs write these axes in another order, see `Quirk`; pictures that lie
across the images of their plane are turned.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import RecordingError

# Values of masks read at a time.
_VALUES = 1 << 22
_MICROMETRES = {
    "meters": 1e6,
    "metres": 1e6,
    "m": 1e6,
    "millimeters": 1e3,
    "millimetres": 1e3,
    "mm": 1e3,
    "micrometers": 1.0,
    "micrometres": 1.0,
    "microns": 1.0,
    "micron": 1.0,
    "um": 1.0,
    "µm": 1.0,
}
# Grids coarser than this are place-holders that nobody replaced.
_LARGEST_VOXEL_UM = 200.0


class Quirk(Enum):
    """Programs whose NWB files deviate from the schema."""

    NONE = "none"
    #: Masks have y before x; grid spacing and place are place-holders.
    SUITE2P = "Suite2p"
    #: Pictures are laid out as C although their pixels count down columns.
    CAIMAN = "CaImAn"
    #: Grid spacing and frame rate are place-holders.
    VOLUSEG = "voluseg"


def quirk_of(segmentation: Any) -> Quirk:
    """Return which of these programs wrote a plane segmentation."""
    return {
        "suite2p output": Quirk.SUITE2P,
        "CNMF_ROIs": Quirk.CAIMAN,
        "output from voluseg": Quirk.VOLUSEG,
    }.get(str(segmentation.description), Quirk.NONE)


def centres(segmentation: Any, cells: NDArray[np.int64], quirk: Quirk) -> NDArray[np.float64]:
    """Compute the centres of mass of the chosen cells: z, y, x in voxels, (n, 3).

    Parameters
    ----------
    segmentation : pynwb.ophys.PlaneSegmentation
    cells : (n,) int64
        Rows of the table.
    quirk : Quirk

    Raises
    ------
    RecordingError
        If there is no mask, or a chosen cell covers nothing.
    """
    columns = segmentation.colnames
    if "voxel_mask" in columns:
        xyz = _from_lists(segmentation["voxel_mask"], 3, len(segmentation.id))
    elif "pixel_mask" in columns:
        xyz = _from_lists(segmentation["pixel_mask"], 2, len(segmentation.id))
    elif "image_mask" in columns:
        pictures = segmentation["image_mask"].data
        xyz = _from_pictures(pictures, quirk)
        if quirk is not Quirk.CAIMAN and _rows_first(segmentation, np.shape(pictures)[1:]):
            xyz[:, :2] = xyz[:, 1::-1]
    else:
        raise RecordingError(
            f"Plane segmentation '{segmentation.name}' has no masks, so its cells have no place: "
            "a column pixel_mask, voxel_mask or image_mask is needed; it has "
            f"{', '.join(columns) or 'no columns'}."
        )
    if quirk is Quirk.SUITE2P:
        xyz[:, :2] = xyz[:, 1::-1]
    if len(cells) and not 0 <= cells.min() <= cells.max() < len(xyz):
        raise RecordingError(
            f"Activity belongs to row {cells.max()} of plane segmentation '{segmentation.name}', "
            f"which has {len(xyz)}."
        )
    chosen = xyz[cells]
    empty = np.flatnonzero(~np.isfinite(chosen).all(axis=1))
    if len(empty):
        raise RecordingError(
            f"The mask of cell {cells[empty[0]]} in plane segmentation '{segmentation.name}' is "
            f"empty ({len(empty)} in all), so its place is not known."
        )
    return chosen[:, ::-1]


def _from_lists(index: Any, n_axes: int, n_cells: int) -> NDArray[np.float64]:
    """Compute centres x, y, z from lists of pixels per cell; ``index`` holds their ends."""
    ends = np.asarray(index.data[:], dtype=np.int64)
    entries = index.target.data
    n_entries = len(entries)
    if len(ends) != n_cells or (np.diff(ends, prepend=0) < 0).any() or ends[-1:] > n_entries:
        raise RecordingError(
            f"'{index.name}' contradicts itself: {len(ends)} ends for {n_cells} cells, up to "
            f"{ends.max(initial=0)} of {n_entries} entries."
        )
    sums = np.zeros((n_axes + 1, n_cells))
    for start in range(0, int(ends[-1]) if len(ends) else 0, _VALUES // 4):
        stop = min(start + _VALUES // 4, int(ends[-1]))
        fields = _fields(entries[start:stop], n_axes, index.name)
        cell = np.searchsorted(ends, np.arange(start, stop), side="right")
        weight = np.abs(np.nan_to_num(fields[-1]))
        for total, values in zip(sums, (*fields[:-1], np.ones(len(weight))), strict=True):
            total += np.bincount(cell, weight * values, n_cells)
    xyz = np.zeros((n_cells, 3))
    with np.errstate(invalid="ignore", divide="ignore"):
        xyz[:, :n_axes] = (sums[:-1] / sums[-1]).T
    return xyz


def _fields(entries: Any, n_axes: int, name: str) -> list[NDArray[np.float64]]:
    """Return x, y(, z) and weight of entries: named fields, or columns in older files."""
    values = np.asarray(entries)
    names = ("x", "y", "z")[:n_axes]
    if values.dtype.names:
        weight = "weight" if "weight" in values.dtype.names else values.dtype.names[-1]
        if set(names) <= set(values.dtype.names):
            return [values[field].astype(np.float64) for field in (*names, weight)]
    elif values.ndim == 2 and values.shape[1] == n_axes + 1 and values.dtype.kind in "iuf":
        return list(values.T.astype(np.float64))
    raise RecordingError(
        f"'{name}' must hold {', '.join(names)} and weight; found {values.dtype} of shape "
        f"{values.shape}."
    )


def _from_pictures(pictures: Any, quirk: Quirk) -> NDArray[np.float64]:
    """Compute centres x, y, z from one image or volume per cell, a few images at a time."""
    shape = tuple(int(length) for length in np.shape(pictures))
    if len(shape) not in (3, 4) or 0 in shape[1:]:
        raise RecordingError(
            f"'image_mask' must hold a picture or a volume a cell; found shape {shape}."
        )
    dims = shape[1:]
    xyz = np.zeros((shape[0], 3))
    step = max(1, _VALUES // int(np.prod(dims)))
    for start in range(0, shape[0], step):
        block = np.abs(np.nan_to_num(np.asarray(pictures[start : start + step], dtype=np.float64)))
        if quirk is Quirk.CAIMAN:
            flat = block.reshape(len(block), -1)
            block = np.stack([each.reshape(dims, order="F") for each in flat])
        total = block.reshape(len(block), -1).sum(axis=1)
        for axis, length in enumerate(dims):
            others = tuple(k for k in range(1, block.ndim) if k != axis + 1)
            with np.errstate(invalid="ignore", divide="ignore"):
                mean = block.sum(axis=others) @ np.arange(length) / total
            xyz[start : start + step, axis] = mean
    if quirk is Quirk.CAIMAN:
        # Its pictures have rows first.
        xyz[:, :2] = xyz[:, 1::-1]
    return xyz


def _rows_first(segmentation: Any, shape: tuple[int, ...]) -> bool:
    """Return whether images are (y, x), as many writers have them, not (x, y) as the schema says.

    Told by the size of the images of the same plane, if they are not square.
    """
    file = segmentation.get_ancestor("NWBFile")
    images = [*(segmentation.reference_images or ()), *(file.acquisition.values() if file else ())]
    for image in images:
        plane = getattr(image, "imaging_plane", segmentation.imaging_plane)
        size = getattr(image, "dimension", None)
        if plane is segmentation.imaging_plane and size is not None and len(size) >= 2:
            width, height = (int(length) for length in size[:2])
            return width != height and tuple(shape[:2]) == (height, width)
    return False


def spacing_um(plane: Any) -> tuple[float | None, float | None, float | None]:
    """Return the spacing of planes, rows and columns in micrometres, where stored."""
    sizes = _in_micrometres(plane.grid_spacing, plane.grid_spacing_unit)
    plausible = [size if 0 < size < _LARGEST_VOXEL_UM else None for size in sizes]
    x, y, z = (*plausible, None, None, None)[:3]
    return z, y, x


def origin_um(plane: Any) -> tuple[float, float, float] | None:
    """Return the position of the first pixel of an imaging plane: z, y, x in micrometres."""
    x, y, z = (*_in_micrometres(plane.origin_coords, plane.origin_coords_unit), 0.0, 0.0, 0.0)[:3]
    return None if plane.origin_coords is None else (z, y, x)


def _in_micrometres(values: Any, unit: Any) -> tuple[float, ...]:
    factor = _MICROMETRES.get(str(unit or "meters").strip().lower())
    if values is None or factor is None:
        return ()
    return tuple(float(value) * factor for value in np.ravel(values)[:3])
