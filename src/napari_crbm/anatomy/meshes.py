"""Surfaces of the regions of an atlas, and of its whole brain."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_crbm.anatomy.placement import Placement
from napari_crbm.anatomy.structures import Atlas
from napari_crbm.errors import RecordingError, install_extra

#: Vertices (V, 3) float32 in micrometres (z, y, x), and faces (F, 3) int64.
Mesh = tuple[NDArray[np.float32], NDArray[np.int64]]

# Largest number of points at which an atlas is sampled; 5 um apart in a larval zebrafish.
_SAMPLES = 1_000_000
# Smoothing in grid cells: removes the steps of the voxels but keeps the shape.
_SMOOTHING = 0.8


def region_mesh(atlas: Atlas, name: str) -> Mesh:
    """Compute the surface of a structure, or of one side of it ("Pallium L").

    The surface comes from the atlas if it includes surfaces (BrainGlobe), else from marching
    cubes on its labels.

    Raises
    ------
    RecordingError
        If the atlas has no such structure, or the structure is empty.
    """
    structure, side = atlas.find(name)
    own = None if atlas.meshes is None else atlas.meshes(structure)
    if own is not None:
        vertices, faces = own
        if side:
            right = vertices[faces].mean(axis=1)[:, 2] > atlas.midline_um
            faces = faces[right == (side == "right")]
        return np.asarray(vertices, dtype=np.float32), np.asarray(faces, dtype=np.int64)
    labels, step = _sampled(atlas)
    mask = np.isin(labels, atlas.descendants(structure))
    if side:
        x = (np.arange(mask.shape[2]) + 0.5) * step
        mask &= (x > atlas.midline_um) == (side == "right")
    if not mask.any():
        raise RecordingError(f"'{name}' fills no space in the atlas {atlas.name}.")
    return _surface(mask, step)


@dataclass(frozen=True, eq=False)
class PlacedAtlas:
    """An atlas, and the placement of a recording in it."""

    atlas: Atlas
    placement: Placement

    def body(self, name: str) -> Mesh:
        """Return the surface of a region in the recording's own coordinates; see `region_mesh`."""
        vertices, faces = region_mesh(self.atlas, name)
        if np.linalg.det(self.placement.affine[:3, :3]) < 0:
            # Mirroring reverses the orientation of triangles.
            faces = faces[:, ::-1]
        return self.placement.invert(vertices).astype(np.float32), faces


@lru_cache(maxsize=2)
def brain_mesh(atlas: Atlas) -> Mesh:
    """Compute the surface of the whole brain, the union of all structures."""
    labels, step = _sampled(atlas)
    return _surface(ndimage.binary_closing(np.pad(labels >= 0, 2))[2:-2, 2:-2, 2:-2], step)


@lru_cache(maxsize=2)
def _sampled(atlas: Atlas) -> tuple[NDArray[np.int32], float]:
    """Sample the atlas' structures on a regular grid; also return its spacing in micrometres."""
    extent = np.asarray(atlas.extent_um, dtype=np.float64)
    step = max(float(np.cbrt(np.prod(extent) / _SAMPLES)), atlas.grain_um)
    axes = [(np.arange(int(np.ceil(size / step))) + 0.5) * step for size in extent]
    labels = np.empty(tuple(len(axis) for axis in axes), dtype=np.int32)
    for k, z in enumerate(axes[0]):
        plane = np.stack(np.meshgrid([z], axes[1], axes[2], indexing="ij"), axis=-1)
        labels[k] = atlas.structure_at(plane.reshape(-1, 3)).reshape(labels.shape[1:])
    return labels, step


def _surface(mask: NDArray[np.bool_], step: float) -> Mesh:
    """Compute the smooth surface of a mask on a grid with points at (k + 1/2) step."""
    filled = [np.flatnonzero(mask.any(axis=tuple({0, 1, 2} - {axis}))) for axis in range(3)]
    low = np.array([found[0] for found in filled])
    high = np.array([found[-1] + 1 for found in filled])
    margin = 3
    part = np.pad(mask[tuple(slice(a, b) for a, b in zip(low, high, strict=True))], margin)
    soft = ndimage.gaussian_filter(part.astype(np.float32), _SMOOTHING)
    # Smoothing would remove thin structures completely.
    level = min(0.5, 0.5 * float(soft.max()))
    vertices, faces = marching_cubes(soft, level, step)
    return (vertices + (low - margin + 0.5) * step).astype(np.float32), faces


def marching_cubes(
    values: NDArray[np.floating], level: float, cell: float
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Compute the isosurface of values on a grid, in multiples of the grid spacing.

    Raises
    ------
    RecordingError
        If scikit-image is not installed; the message says how to install it.
    """
    try:
        from skimage import measure
    except ImportError as error:
        raise RecordingError(
            f"Surfaces of regions need scikit-image: {install_extra('atlas')}."
        ) from error
    vertices, faces, _, _ = measure.marching_cubes(values, level)
    return np.asarray(vertices, dtype=np.float64) * cell, np.asarray(faces, dtype=np.int64)
