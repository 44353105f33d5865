"""Represent assemblies of different animals by regions, or by places in a common atlas.

Two animals do not have the same neurons, but the places of their assemblies can be compared:
the mean weight of the neurons in each region, or around each place. Means are used instead of
sums so that dense parts of the brain do not count more than others.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.ndimage import gaussian_filter
from scipy.spatial import KDTree

from napari_crbm.analysis.assemblies.regions import MIN_REGION_NEURONS, midline_x
from napari_crbm.anatomy.names import match_names
from napari_crbm.errors import ModelError
from napari_crbm.model.members.members import Members
from napari_crbm.recording import Recording
from napari_crbm.regions import Regions

#: Distance within which two places count as the same: about the accuracy of registration of
#: larval brains and the differences between animals.
WIDTH_UM = 20.0

_FEWEST_REGIONS = 3
# Smallest density of neurons inside a brain, relative to the median.
_INSIDE_LEVEL = 0.1
# Brains with a smaller share of common places are not in the same space.
_LEAST_SHARED = 0.5
_MOST_VOXELS = 500_000
# How far a brain extends beyond its neurons, in spacings between neurons.
_REACH = 1.5
# A moved assembly should keep this part of its squared weights inside the brain.
_KEPT, _TRIES = 0.8, 20


class Ground(NamedTuple):
    """Matrices that average neurons over P common parts, one matrix per animal.

    ``first`` (P, N) and ``second`` (P, N') have rows that sum to one; ``names`` (P,) are the
    regions, empty for places.
    """

    first: sparse.csr_array
    second: sparse.csr_array
    names: tuple[str, ...] = ()


def common_regions(first: Recording, second: Recording) -> Ground:
    """Average over the regions of both animals, matched by name, of at least five neurons each.

    Raises
    ------
    ModelError
        If there are fewer than three.
    """
    pairs: list[tuple[int, int]] = []
    if first.regions is not None and second.regions is not None:
        counts = first.regions.counts, second.regions.counts
        pairs = [
            (a, b)
            for a, b in match_names(first.regions.names, second.regions.names)
            if min(counts[0][a], counts[1][b]) >= MIN_REGION_NEURONS
        ]
    if len(pairs) < _FEWEST_REGIONS or first.regions is None or second.regions is None:
        raise ModelError(
            f"'{first.name}' and '{second.name}' have {len(pairs)} regions of at least "
            f"{MIN_REGION_NEURONS} neurons in common; {_FEWEST_REGIONS} are needed. Give both "
            "the regions of one atlas (Anatomy dock), or match by place."
        )
    here, there = (list(side) for side in zip(*pairs, strict=True))
    return Ground(
        _region_means(first.regions, here),
        _region_means(second.regions, there),
        tuple(first.regions.names[k] for k in here),
    )


def common_places(first: Recording, second: Recording, width_um: float = WIDTH_UM) -> Ground:
    """Average around places where both animals have neurons, with a Gaussian window.

    Parameters
    ----------
    first, second : Recording
        With coordinates in one common space, as after registration to an atlas.
    width_um : float
        Standard deviation of the window, and the distance between places.

    Raises
    ------
    ModelError
        If the brains hardly overlap, or the window is too small for their size.
    """
    for recording in (first, second):
        if not recording.located.all():
            raise ModelError(
                f"{(~recording.located).sum():,} of {recording.n_neurons:,} neurons of "
                f"'{recording.name}' have no position, so assemblies cannot be matched by place."
            )
    points = first.positions, second.positions
    low = np.min([p.min(axis=0) for p in points], axis=0)
    high = np.max([p.max(axis=0) for p in points], axis=0)
    shape = np.asarray(np.floor((high - low) / width_um), dtype=np.int64) + 1
    if np.prod(shape) > _MOST_VOXELS:
        raise ModelError(
            f"A window of {width_um:g} um is too small for a space of "
            f"{' x '.join(f'{size:.0f}' for size in high - low)} um that holds both brains. "
            "Register both to one atlas, or use a wider window."
        )
    voxels = [np.asarray((p - low) // width_um, dtype=np.int64) for p in points]
    inside = np.ones(tuple(shape), dtype=bool)
    for voxel in voxels:
        density = np.zeros(tuple(shape))
        np.add.at(density, tuple(voxel.T), 1.0)
        density = gaussian_filter(density, 1.0, mode="constant")
        inside &= density > _INSIDE_LEVEL * np.median(density[tuple(voxel.T)])
    for recording, voxel in zip((first, second), voxels, strict=True):
        shared = float(inside[tuple(voxel.T)].mean())
        if shared < _LEAST_SHARED:
            raise ModelError(
                f"Only {100 * shared:.0f} % of the neurons of '{recording.name}' lie where both "
                "brains have neurons, so they are not in the same space. Register both to one "
                "atlas, or match by regions."
            )
    centres = low + width_um * (np.argwhere(inside) + 0.5)
    means = [_window_means(centres, p, width_um) for p in points]
    reached = np.all([np.diff(each.indptr) > 0 for each in means], axis=0)
    return Ground(*(each[reached] for each in means))


def profiles(means: sparse.csr_array, weights: NDArray[np.floating]) -> NDArray[np.float32]:
    """Compute the mean signed weight of each assembly in each part, (P, M)."""
    return np.asarray(means @ np.asarray(weights, dtype=np.float32), dtype=np.float32)


class Relocation:
    """Move each assembly of a brain to a random place.

    This gives the chance level of matching animals: number, size, compactness and symmetry of
    the assemblies are kept, their places are random. Each assembly is shifted rigidly along the
    length and depth of the brain so that its centre moves to a random neuron, and changes sides
    in half of the draws. If most of it would leave the brain, another place is tried.

    Parameters
    ----------
    coordinates_um : (N, 3)
        Axes z, y, x.
    weights : (N, M) float array

    Raises
    ------
    ModelError
        If a neuron has no position.
    """

    def __init__(self, coordinates_um: NDArray[np.floating], weights: NDArray[np.floating]) -> None:
        self._points = np.asarray(coordinates_um, dtype=np.float64)
        if not np.isfinite(self._points).all():
            raise ModelError(
                "Some neurons have no position, so it cannot be said how alike assemblies are by "
                "chance: match by neurons, or leave these neurons out."
            )
        self._weights = np.asarray(weights, dtype=np.float32)
        self._mirrored = self._points * (1, 1, -1)
        self._mirrored[:, 2] += 2 * midline_x(coordinates_um)
        # What moves are weights, so the strong ones decide, whatever the definition of members.
        inside = Members.by_weight(self._weights)
        self._members = [inside.of(unit) for unit in range(self._weights.shape[1])]
        tree = KDTree(self._points)
        spacing = float(np.median(tree.query(self._points, 2)[0][:, 1]))
        both = np.concatenate([self._points, self._mirrored])
        self._low = both.min(axis=0)
        extent = np.maximum(np.ptp(both, axis=0), 1.0)
        self._step = max(spacing / 2, float(np.cbrt(np.prod(extent) / _MOST_VOXELS)))
        shape = tuple(np.asarray(extent // self._step, dtype=np.int64) + 1)
        centres = self._low + self._step * (np.indices(shape).reshape(3, -1).T + 0.5)
        # Beyond the nearest neurons, a place lies outside the brain.
        distance, nearest = tree.query(centres, distance_upper_bound=_REACH * spacing + self._step)
        self._nearest = np.where(np.isfinite(distance), nearest, -1).reshape(shape)

    def draw(self, generator: np.random.Generator) -> NDArray[np.float32]:
        """Draw the weights of the moved assemblies, (N, M)."""
        moved = np.zeros_like(self._weights)
        for unit, inside in enumerate(self._members):
            if not len(inside):
                continue
            flip = generator.random() < 0.5
            shift = self._shift(unit, flip, generator)
            places = (self._mirrored if flip else self._points) - shift
            source = self._neuron_at(places)
            there = source >= 0
            moved[there, unit] = self._weights[source[there], unit]
        return moved

    def _shift(self, unit: int, flip: bool, generator: np.random.Generator) -> NDArray[np.float64]:
        """Draw a shift (z, y, 0) that keeps most of an assembly in the brain."""
        inside = self._members[unit]
        strength = self._weights[inside, unit] ** 2
        places = (self._mirrored if flip else self._points)[inside]
        centre = strength @ places / strength.sum()
        kept, best = -1.0, np.zeros(3)
        for neuron in generator.integers(len(self._points), size=_TRIES):
            shift = (self._points[neuron] - centre) * (1, 1, 0)
            share = float(strength @ (self._neuron_at(places + shift) >= 0) / strength.sum())
            if share > kept:
                kept, best = share, shift
            if share >= _KEPT:
                break
        return best

    def _neuron_at(self, places: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the neuron nearest to each place, -1 outside the brain."""
        voxel = np.asarray((places - self._low) // self._step, dtype=np.int64)
        valid = ((voxel >= 0) & (voxel < self._nearest.shape)).all(axis=1)
        found = np.full(len(places), -1, dtype=np.int64)
        found[valid] = self._nearest[tuple(voxel[valid].T)]
        return found


def _region_means(regions: Regions, chosen: list[int]) -> sparse.csr_array:
    members = sparse.csr_array(regions.membership[:, chosen].T, dtype=np.float32)
    return _rows_to_one(members)


def _window_means(
    centres: NDArray[np.floating], points: NDArray[np.floating], width_um: float
) -> sparse.csr_array:
    """Compute Gaussian weights of neurons around places, cut at two widths; rows sum to one."""
    near = KDTree(centres).sparse_distance_matrix(
        KDTree(points), 2 * width_um, output_type="coo_matrix"
    )
    window = np.exp(-0.5 * (near.data / width_um) ** 2).astype(np.float32)
    return _rows_to_one(sparse.csr_array((window, (near.row, near.col)), shape=near.shape))


def _rows_to_one(matrix: sparse.csr_array) -> sparse.csr_array:
    total = np.asarray(matrix.sum(axis=1)).ravel()
    scale = np.divide(1.0, total, out=np.zeros_like(total), where=total > 0)
    return sparse.csr_array(sparse.diags_array(scale.astype(np.float32)) @ matrix)
