"""Surface around a group of neurons, from their positions."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import ndimage

from napari_crbm.anatomy.meshes import Mesh, marching_cubes
from napari_crbm.errors import RecordingError

_FEWEST = 8
_MOST_CELLS = 72
# Smoothing in units of the typical distance between neighbours, and its bounds.
_WIDTH, _WIDTH_RANGE_UM = 1.3, (5.0, 25.0)
_CELLS_PER_WIDTH = 1.25
# Density that counts as inside, relative to that at the median neuron.
_LEVEL = 0.3


def enclosing_surface(coordinates_um: ArrayLike) -> Mesh:
    """Compute the surface around neurons at a fraction of their typical density.

    Parameters
    ----------
    coordinates_um : (n, 3)
        Micrometres, axes z, y, x.

    Returns
    -------
    vertices : (V, 3) float32
        Micrometres, z, y, x.
    faces : (F, 3) int64
        Both empty for fewer than 8 neurons.

    Raises
    ------
    RecordingError
        If coordinates are not (n, 3).
    """
    points = np.asarray(coordinates_um, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 3:
        raise RecordingError(f"Coordinates must have shape (neurons, 3); found {points.shape}.")
    nothing = np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int64)
    if len(points) < _FEWEST:
        return nothing
    from scipy.spatial import cKDTree

    # The sixth neighbour, so that neurons of one imaging plane do not give a width of zero.
    distance = cKDTree(points).query(points, k=min(7, len(points)))[0][:, -1]
    width = float(np.clip(_WIDTH * np.median(distance), *_WIDTH_RANGE_UM))
    low = points.min(axis=0) - 3 * width
    extent = points.max(axis=0) + 3 * width - low
    cell = max(width / _CELLS_PER_WIDTH, float(extent.max()) / _MOST_CELLS)
    shape = np.ceil(extent / cell).astype(int) + 1
    place = tuple(np.rint((points - low) / cell).astype(int).T)
    counts = np.zeros(tuple(shape), dtype=np.float32)
    np.add.at(counts, place, 1.0)
    density = ndimage.gaussian_filter(counts, width / cell)
    # The level is below the density of most neurons and above that at the border of the grid.
    level = _LEVEL * float(np.median(density[place]))
    density[[0, -1]] = density[:, [0, -1]] = density[:, :, [0, -1]] = 0.0
    vertices, faces = marching_cubes(density, level, cell)
    return (low + vertices).astype(np.float32), faces
