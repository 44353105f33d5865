"""Outline of a brain, from the positions of its neurons."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from napari_crbm.errors import RecordingError

Plane = Literal["dorsal", "side", "frontal"]

#: Coordinate columns (of z, y, x) seen in every plane.
PLANE_AXES: dict[str, tuple[int, int]] = {
    "dorsal": (1, 2),
    "side": (0, 1),
    "frontal": (0, 2),
}

# Another plane is shown first only if neurons cover clearly more of it.
_CLEARLY_WIDER = 2.0
_MIN_NEURONS = 10
_CELLS_PER_WIDTH = 3.0
# Smoothing width in units of the typical distance between neurons, and its bounds.
_WIDTH, _WIDTH_RANGE_UM = 1.8, (6.0, 60.0)
# Density that counts as brain, relative to that at the median neuron; includes sparse neuropil.
_LEVEL = 0.08
# Distance of that level beyond the outermost neurons, in smoothing widths.
_EXCESS = 0.6
_MAX_CELLS = 700
# Pieces smaller than this share of the largest are stray neurons, not brain.
_MIN_PIECE = 0.02


def widest_plane(coordinates_um: ArrayLike) -> Plane:
    """Return the plane on which neurons cover the largest area: dorsal unless clearly not.

    On a probe they are spread in depth, and seen from above they would hide each other.

    Parameters
    ----------
    coordinates_um : (N, 3) array
        Axes z, y, x, finite.
    """
    extent = np.maximum(np.ptp(np.asarray(coordinates_um), axis=0), 1.0)
    planes: tuple[Plane, ...] = ("dorsal", "side", "frontal")
    areas = [float(np.prod(extent[list(PLANE_AXES[plane])])) for plane in planes]
    areas[0] *= _CLEARLY_WIDER
    return planes[int(np.argmax(areas))]


def brain_outline(coordinates_um: ArrayLike, plane: Plane) -> list[NDArray[np.float64]]:
    """Compute closed outlines of the brain from the smoothed density of its neurons.

    Parameters
    ----------
    coordinates_um : (N, 3)
        Neuron positions in micrometres, axes z, y, x.
    plane : {"dorsal", "side", "frontal"}

    Returns
    -------
    list of (P, 2) float64
        Closed polygons (first point repeated), largest first, micrometres; columns are
        (y, x) for "dorsal", (z, y) for "side" and (z, x) for "frontal". Holes are filled and
        stray neurons ignored. Empty if there are fewer than 10 neurons or they lie on a line.

    Raises
    ------
    RecordingError
        If the plane is unknown or coordinates are not (N, 3).
    """
    points = np.asarray(coordinates_um, dtype=np.float64)
    if plane not in PLANE_AXES:
        raise RecordingError(f"Unknown plane '{plane}': use {', '.join(PLANE_AXES)}.")
    if points.ndim != 2 or points.shape[1] != 3:
        raise RecordingError(f"Coordinates must have shape (neurons, 3); found {points.shape}.")
    flat = points[:, PLANE_AXES[plane]]
    if len(flat) < _MIN_NEURONS or np.ptp(flat, axis=0).min() <= 0:
        return []
    low, high = np.quantile(flat, [0.005, 0.995], axis=0)
    width = float(np.clip(_WIDTH * np.sqrt(np.prod(high - low) / len(flat)), *_WIDTH_RANGE_UM))
    cell = max(width / _CELLS_PER_WIDTH, float(np.max(high - low)) / _MAX_CELLS)
    margin = 4.0 * width
    inside = ((flat > low - margin) & (flat < high + margin)).all(axis=1)
    origin = low - 2 * margin
    shape = np.ceil((high - low + 4 * margin) / cell).astype(int) + 1
    place = np.rint((flat[inside] - origin) / cell).astype(int)
    counts = np.zeros(tuple(shape))
    np.add.at(counts, tuple(place.T), 1.0)
    density = ndimage.gaussian_filter(counts, width / cell)
    brain = _solid(density >= _LEVEL * np.median(density[tuple(place.T)]))
    # Smoothing moves the edge outwards; moving it back by that distance closes narrow gaps.
    depth = ndimage.distance_transform_edt(brain) - ndimage.distance_transform_edt(~brain)
    depth = ndimage.gaussian_filter(depth, 0.5 * width / cell) - _EXCESS * width / cell
    return _contours(depth, origin, cell)


def _solid(brain: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the mask without holes and without small pieces."""
    filled = ndimage.binary_fill_holes(brain)
    pieces, n_pieces = ndimage.label(filled)
    areas = ndimage.sum_labels(filled, pieces, np.arange(1, n_pieces + 1))
    keep = np.flatnonzero(areas >= _MIN_PIECE * areas.max()) + 1
    return np.asarray(np.isin(pieces, keep))


def _contours(
    depth: NDArray[np.float64], origin: NDArray[np.float64], cell: float
) -> list[NDArray[np.float64]]:
    from contourpy import contour_generator

    lines = contour_generator(z=depth).lines(0.0)
    # Contours come as columns (second axis, first axis) of the grid.
    polygons = [np.asarray(line)[:, ::-1] * cell + origin for line in lines if len(line) > 3]
    return sorted(polygons, key=_area, reverse=True)


def _area(polygon: NDArray[np.float64]) -> float:
    a, b = polygon[:-1].T
    c, d = polygon[1:].T
    return 0.5 * abs(float((a * d - b * c).sum()))
