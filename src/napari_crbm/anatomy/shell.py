"""Closed smooth surface of a brain, from the positions of its neurons or from an atlas."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from napari_crbm.anatomy.meshes import Mesh, marching_cubes
from napari_crbm.errors import RecordingError

if TYPE_CHECKING:
    from napari_crbm.anatomy.meshes import PlacedAtlas

_FEWEST = 50
# Cells along the longest side: of the distances, and of the surface, which then has a few
# thousand triangles.
_CELLS, _MESH_CELLS = 110, 46
# Smoothing in units of the typical distance between neighbours.
_WIDTH = 1.8
# Density that counts as brain, relative to that at the median neuron; includes neuropil.
_LEVEL = 0.08
# Pieces smaller than this share of the largest are stray neurons, not brain.
_LEAST_PIECE = 0.02
# Share of the neurons that may lie outside: stray ones.
_STRAY = 0.005
_QUERIED = 5000
# A brain that is thinner than this share of its length has no body, only an outline.
_THINNEST = 0.03


@dataclass(frozen=True, eq=False)
class Shell:
    """Distance from the surface of a brain, on a grid.

    Parameters
    ----------
    depth_um : (Z, Y, X) float32
        Distance below the surface in micrometres; negative outside.
    origin_um : (3,) float64
        Position of the first grid point, axes z, y, x.
    cell_um : float
        Distance between grid points.
    """

    depth_um: NDArray[np.float32]
    origin_um: NDArray[np.float64]
    cell_um: float

    def depth_at(self, points_um: ArrayLike) -> NDArray[np.float64]:
        """Return how far points (n, 3) lie below the surface, (n,) in micrometres."""
        places = (np.asarray(points_um, dtype=np.float64) - self.origin_um) / self.cell_um
        depth: NDArray[np.float64] = ndimage.map_coordinates(
            self.depth_um, places.T, order=1, mode="nearest", output=np.float64
        )
        return depth

    @cached_property
    def mesh(self) -> Mesh:
        """Return the surface: vertices (V, 3) in micrometres, and faces (F, 3).

        It is closed and has a few thousand triangles.
        """
        # The grid of distances is finer than the surface has to be.
        coarse = max(1.0, max(self.depth_um.shape) / _MESH_CELLS)
        shape = np.maximum(np.ceil((np.array(self.depth_um.shape) - 1) / coarse).astype(int), 4)
        places = np.stack(np.meshgrid(*map(np.arange, shape + 1), indexing="ij")) * coarse
        depth = ndimage.map_coordinates(self.depth_um, places, order=1, mode="nearest")
        # A border outside closes the surface.
        depth[[0, -1]] = depth[:, [0, -1]] = depth[:, :, [0, -1]] = -self.cell_um
        vertices, faces = marching_cubes(depth, 0.0, coarse * self.cell_um)
        return (vertices + self.origin_um).astype(np.float32), faces

    def keep_inside(self, vertices_um: NDArray[np.floating]) -> NDArray[np.float32]:
        """Return vertices (n, 3) with those outside moved onto the surface, along its normal."""
        moved = np.array(vertices_um, dtype=np.float64)
        slopes = np.gradient(self.depth_um, self.cell_um)
        # The distances are smoothed, so one step does not always suffice.
        for _ in range(4):
            outside = np.flatnonzero(self.depth_at(moved) < 0)
            if not len(outside):
                break
            places = ((moved[outside] - self.origin_um) / self.cell_um).T
            normal = np.stack(
                [
                    ndimage.map_coordinates(slope, places, order=1, mode="nearest")
                    for slope in slopes
                ]
            )
            length = np.maximum(np.linalg.norm(normal, axis=0), 1e-6)
            step = -self.depth_at(moved[outside]) / np.maximum(length, 0.2)
            moved[outside] += (normal / length * step).T
        return moved.astype(np.float32)

    def outline(
        self, axis: int, low_um: float = -np.inf, high_um: float = np.inf
    ) -> list[NDArray[np.float64]]:
        """Return the outline of a slab of the brain, seen along an axis.

        Parameters
        ----------
        axis : {0, 1, 2}
            Line of sight: z, y or x.
        low_um, high_um : float
            Bounds of the slab along that axis; the whole brain by default.

        Returns
        -------
        list of (P, 2) float64
            Closed polygons in micrometres, columns are the other two axes in order; empty if
            the slab lies outside the brain.
        """
        from contourpy import contour_generator

        places = self.origin_um[axis] + self.cell_um * np.arange(self.depth_um.shape[axis])
        chosen = np.flatnonzero((places >= low_um) & (places <= high_um))
        if not len(chosen):
            middle = np.clip((low_um + high_um) / 2, places[0], places[-1])
            chosen = np.array([np.abs(places - middle).argmin()])
        flat = np.take(self.depth_um, chosen, axis=axis).max(axis=axis)
        others = [other for other in range(3) if other != axis]
        lines = contour_generator(z=flat).lines(0.0)
        # Contours come as columns (second axis, first axis) of the grid.
        return [
            np.asarray(line)[:, ::-1] * self.cell_um + self.origin_um[others]
            for line in lines
            if len(line) > 3
        ]


def neuron_shell(coordinates_um: ArrayLike) -> Shell | None:
    """Compute the surface of a brain from the smoothed density of its neurons.

    Parameters
    ----------
    coordinates_um : (N, 3)
        Positions in micrometres, axes z, y, x.

    Returns
    -------
    Shell or None
        None for fewer than 50 neurons and for those that lie in a plane or on a line.

    Raises
    ------
    RecordingError
        If coordinates are not (N, 3).
    """
    points = np.asarray(coordinates_um, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 3:
        raise RecordingError(f"Coordinates must have shape (neurons, 3); found {points.shape}.")
    if len(points) < _FEWEST:
        return None
    low, high = np.quantile(points, [0.005, 0.995], axis=0)
    if (high - low).min() <= _THINNEST * (high - low).max():
        return None
    width = _widths(points, low, high)
    margin = 4 * width.max()
    cell = float((high - low + 2 * margin).max()) / _CELLS
    near = points[((points > low - margin) & (points < high + margin)).all(axis=1)]
    origin = low - 2 * margin
    shape = np.ceil((high - low + 4 * margin) / cell).astype(int) + 1
    place = tuple(np.rint((near - origin) / cell).astype(int).T)
    counts = np.zeros(tuple(shape), dtype=np.float32)
    np.add.at(counts, place, 1.0)
    density = ndimage.gaussian_filter(counts, np.maximum(width / cell, 0.5))
    brain = _solid(density >= _LEVEL * np.median(density[place]))
    depth = _depth(brain, cell, float(width.min()))
    shell = Shell(depth, origin, cell)
    # Smoothing moves the surface outwards: back to the outermost neurons that are not stray.
    excess = float(np.quantile(shell.depth_at(near), _STRAY)) - 0.5 * cell
    return _cropped(Shell(depth - np.float32(excess), origin, cell))


def atlas_shell(placed: PlacedAtlas) -> Shell:
    """Compute the surface of an atlas' brain in the coordinates of the recording placed in it."""
    extent = np.asarray(placed.atlas.extent_um, dtype=np.float64)
    corners = np.stack(np.meshgrid(*np.stack([0 * extent, extent], axis=1), indexing="ij"), -1)
    box = placed.placement.invert(corners.reshape(-1, 3))
    low, high = box.min(axis=0), box.max(axis=0)
    cell = float((high - low).max()) / _CELLS
    origin = low - 4 * cell
    shape = np.ceil((high - low) / cell).astype(int) + 9
    brain = np.zeros(tuple(shape), dtype=bool)
    rows = np.stack(np.meshgrid(np.arange(shape[1]), np.arange(shape[2]), indexing="ij"), -1)
    for k in range(shape[0]):
        plane = np.concatenate([np.full((*rows.shape[:2], 1), k), rows], axis=-1)
        points = placed.placement.apply(origin + cell * plane.reshape(-1, 3))
        inside = ((points >= 0) & (points <= extent)).all(axis=1)
        found = np.zeros(len(points), dtype=bool)
        found[inside] = placed.atlas.structure_at(points[inside]) >= 0
        brain[k] = found.reshape(rows.shape[:2])
    if not brain.any():
        raise RecordingError(f"The atlas {placed.atlas.name} has no labelled structure.")
    return _cropped(Shell(_depth(_solid(brain), cell, cell), origin, cell))


def _widths(
    points: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the smoothing along z, y, x: it bridges neighbours, and imaging planes."""
    from scipy.spatial import cKDTree

    asked = points[:: -(-len(points) // _QUERIED)]
    distance = cKDTree(points).query(asked, k=7)[0][:, -1]
    width = np.full(3, np.clip(np.median(distance), 1e-6, (high - low).max() / 12) * _WIDTH / 2)
    for axis in range(3):
        planes = np.unique(points[:, axis])
        planes = planes[(planes >= low[axis]) & (planes <= high[axis])]
        if len(planes) > 1:
            gap = float(np.diff(planes).max())
            width[axis] = max(width[axis], 0.6 * gap)
    return width


def _depth(brain: NDArray[np.bool_], cell: float, smooth_um: float) -> NDArray[np.float32]:
    """Return the smoothed distance from the border of a mask, positive inside."""
    depth = ndimage.distance_transform_edt(brain) - ndimage.distance_transform_edt(~brain)
    smooth = np.clip(smooth_um / cell, 1.0, 4.0)
    return np.asarray(ndimage.gaussian_filter(depth, smooth) * cell, dtype=np.float32)


def _solid(brain: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the mask closed, without holes and without small pieces."""
    grown = ndimage.binary_closing(np.pad(brain, 2), iterations=2)[2:-2, 2:-2, 2:-2]
    filled = ndimage.binary_fill_holes(grown | brain)
    pieces, n_pieces = ndimage.label(filled)
    sizes = ndimage.sum_labels(filled, pieces, np.arange(1, n_pieces + 1))
    keep = np.flatnonzero(sizes >= _LEAST_PIECE * sizes.max()) + 1
    return np.asarray(np.isin(pieces, keep))


def _cropped(shell: Shell) -> Shell:
    """Return the shell on the part of its grid that holds the brain, with a margin of 3 cells."""
    inside = shell.depth_um > 0
    bounds = []
    for axis in range(3):
        found = np.flatnonzero(inside.any(axis=tuple({0, 1, 2} - {axis})))
        bounds.append((max(found[0] - 3, 0), found[-1] + 4))
    part = shell.depth_um[tuple(slice(a, b) for a, b in bounds)]
    origin = shell.origin_um + shell.cell_um * np.array([a for a, _ in bounds])
    return Shell(np.ascontiguousarray(part), origin, shell.cell_um)
