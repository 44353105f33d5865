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

from napari_crbm.analysis.assemblies.regions import MIN_REGION_NEURONS
from napari_crbm.anatomy.names import match_names
from napari_crbm.errors import ModelError
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
