"""Number of principal components of a recording beyond those of independent neurons.

The edge of Marchenko and Pastur (1967) holds for frames that are independent in time. Neurons
without assemblies exceed it when their activity is autocorrelated, their rates drift, a common
gain multiplies all rates, or the animal moves.

The limit therefore comes from surrogate data. Slow cosines (drift) and the population rate,
smoothed at three time scales, are regressed out of every neuron. Frames are divided by the square
root of the population rate, to which the standard deviation of independent neurons is
proportional. The activity of each neuron is then shifted in a circle by a random offset of its
own: this keeps its autocorrelation and destroys its correlations with others. Components larger
than those of the surrogates count. After these are regressed out, one more may count, because
regressing out the population rate, a sum of assemblies, removes one of them. Further ones would
not be assemblies: members have a larger variance while their assembly is on.

Optical crosstalk correlates close neighbours. Where positions are known, close neighbours are
shifted by the same offset, so that only correlations of distant neurons count as evidence.

Circular shifts without these steps fail under drift (Harris 2020, 10.1101/2020.11.29.402719) and
under a common gain.

Between the segments of a recording (sessions, conditions, gaps) the rates of all neurons may jump
at once, which is no assembly either. Drift is therefore described within each segment, and shifts
do not cross the borders.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import eigh
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import eigsh
from scipy.spatial import cKDTree

from napari_crbm.model.compute.bits import dense_from_bits
from napari_crbm.spikes import Spikes

#: Most neurons, drawn at random, that enter the count; this bounds time and memory.
MOST_NEURONS = 2000
#: Number of cosines that describe drift: half a period, one period, ... in the recording.
DRIFT_COSINES = 10
#: Widths, in frames, of the Gaussian windows that smooth the population rate; 0 for none.
POPULATION_FRAMES = (0.0, 3.0, 10.0)
#: Neurons are weighted by n / (n + this), with n their number of active frames: a single
#: coincidence of two rarely active neurons is a large correlation.
RARE_FRAMES = 10
#: Number of surrogates, and the limit in standard deviations above the mean of their largest
#: components.
SURROGATES, DEVIATIONS = 6, 4.0
#: Neurons closer than this many micrometres (two cell diameters) may contaminate each other and
#: are shifted together.
CROSSTALK_UM = 18.0
# Chains of more close neighbours are cut into cubes with sides of this many such distances.
_LONGEST_CHAIN, _CUBE = 40, 2.0
# The standard deviation of few surrogates may be small by chance; this share of the mean at least.
_LEAST_DEVIATION = 0.005
# Smallest relative population rate by whose square root frames are divided, and the standard errors
# that are taken off the rate of a single frame, so that few active neurons are not taken for gain.
_LEAST_RATE, _CAUTION = 0.3, 3.0
# Relative accuracy of eigenvalues.
_TOLERANCE = 1e-3
# Segments shorter than this share of the frames are joined with the next: means of short trials
# would take the courses of assemblies with them.
_SHORTEST_SEGMENT = 0.1


def n_beyond_chance(
    spikes: Spikes,
    most: int,
    random_state: int,
    coordinates: NDArray[np.floating] | None = None,
    borders: Sequence[int] = (),
) -> int:
    """Count the components beyond those of independent neurons.

    Parameters
    ----------
    spikes : Spikes
        Frames in the order of time. Of more than `MOST_NEURONS` neurons a random part is used.
    most : int
        Largest number that is counted.
    random_state : int
    coordinates : (N, D) float, optional
        Positions in micrometres, NaN where they are not known. Neurons that optical crosstalk
        may tie are then shifted together.
    borders : sequence of int
        First frames of further segments, ascending.
    """
    generator = np.random.default_rng(random_state)
    edges = _segment_edges(spikes.n_frames, borders)
    known = shared_courses(spikes, borders)
    neurons = _some(spikes, generator)
    courses = _cleaned(spikes, neurons, known)
    together = np.arange(len(neurons))
    if coordinates is not None:
        together = tied_by_crosstalk(coordinates[neurons])
    count = 0
    for at_most in (most, 1):
        if min(courses.shape) < 3 or not courses.any():
            break
        looked_at = min(most - count, min(courses.shape) - 2)
        if looked_at < 1:
            break
        limit = _limit(courses, together, known, edges, generator)
        values, vectors = _largest(courses, looked_at)
        more = min(int((values > limit).sum()), at_most)
        count += more
        if more == 0:
            break
        known = np.linalg.qr(np.hstack([known, vectors[:, :more]]))[0]
        courses = _without(courses, known)
    return count


def lasting(
    spikes: Spikes,
    known: NDArray[np.floating],
    random_state: int,
    borders: Sequence[int] = (),
) -> float:
    """Compute by what factor autocorrelation enlarges the largest component of chance.

    Parameters
    ----------
    spikes : Spikes
    known : (T, K) float
        Courses that explain neurons; they are projected out.
    random_state : int
    borders : sequence of int
        First frames of further segments, ascending.

    Returns
    -------
    float
        Largest component of neurons shifted in time, relative to that of neurons whose frames
        are in random order; 1 or more.
    """
    generator = np.random.default_rng(random_state)
    shared = shared_courses(spikes, borders)
    basis = np.linalg.qr(np.hstack([shared, known]))[0].astype(np.float32)
    courses = _cleaned(spikes, _some(spikes, generator), basis)
    if min(courses.shape) < 3 or not courses.any():
        return 1.0
    mixed = generator.permuted(courses, axis=0)
    of_mixed = _largest(_without(mixed, basis), 1)[0][0]
    edges = _segment_edges(spikes.n_frames, borders)
    shifted = _shifted(courses, np.arange(courses.shape[1]), edges, generator)
    of_shifted = _largest(_without(shifted, basis), 1)[0][0]
    return max(float(of_shifted / of_mixed), 1.0)


def shared_courses(spikes: Spikes, borders: Sequence[int] = ()) -> NDArray[np.float32]:
    """Return an orthonormal basis (T, K) of slow cosines and the population rate."""
    counts = np.asarray(spikes.frame_counts, dtype=np.float64)
    shared = [_smoothed(counts, width) - counts.mean() for width in POPULATION_FRAMES]
    columns = np.column_stack([slow_courses(spikes.n_frames, borders), *shared])
    left, size, _ = np.linalg.svd(columns, full_matrices=False)
    return np.asarray(left[:, size > 1e-9 * size[0]], dtype=np.float32)


def slow_courses(n_frames: int, borders: Sequence[int] = ()) -> NDArray[np.float32]:
    """Return cosines (T, K) slower than a fifth of the recording, which stand for drift.

    Each segment has its own, including its mean; ``borders`` are the first frames of further ones.
    """
    edges = _segment_edges(n_frames, borders)
    parts = []
    for first, last in pairwise(edges):
        size = last - first
        phase = np.pi * (np.arange(size) + 0.5) / size
        rates = np.arange(min(DRIFT_COSINES, n_frames // 10) * size // n_frames + 1)
        parts.append(np.cos(rates * phase[:, None]).astype(np.float32))
    courses = np.zeros((n_frames, sum(part.shape[1] for part in parts)), dtype=np.float32)
    column = 0
    for (first, last), part in zip(pairwise(edges), parts, strict=True):
        courses[first:last, column : column + part.shape[1]] = part
        column += part.shape[1]
    return courses


def _segment_edges(n_frames: int, borders: Sequence[int]) -> list[int]:
    """Return the first frame of each segment that is long enough, and the number of frames."""
    shortest = _SHORTEST_SEGMENT * n_frames
    edges = [0]
    for border in borders:
        if border - edges[-1] >= shortest and n_frames - border >= shortest:
            edges.append(int(border))
    return [*edges, n_frames]


def tied_by_crosstalk(coordinates: NDArray[np.floating]) -> NDArray[np.int64]:
    """Label neurons (N, D) such that close ones have the same label, (N,).

    Those of a chain of neighbours closer than `CROSSTALK_UM` have the same, unless the chain is
    long: it is then cut into cubes.
    """
    known = np.flatnonzero(np.isfinite(coordinates).all(axis=1))
    labels = np.arange(len(coordinates))
    if len(known) < 2:
        return labels
    places = np.asarray(coordinates[known], dtype=np.float64)
    pairs = cKDTree(places).query_pairs(CROSSTALK_UM, output_type="ndarray")
    shape = (len(known), len(known))
    near = sparse.coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=shape)
    chain = connected_components(near, directed=False)[1]
    cubes = np.floor(places / (_CUBE * CROSSTALK_UM)).astype(np.int64)
    cubes[np.bincount(chain)[chain] <= _LONGEST_CHAIN] = 0
    keys = np.column_stack([chain, cubes])
    first, group = np.unique(keys, axis=0, return_index=True, return_inverse=True)[1:]
    labels[known] = known[first[group.ravel()]]
    return labels


def _some(spikes: Spikes, generator: np.random.Generator) -> NDArray[np.int64]:
    """Draw some of the neurons whose activity varies."""
    n = spikes.neuron_counts
    neurons = np.flatnonzero((n > 0) & (n < spikes.n_frames))
    if len(neurons) > MOST_NEURONS:
        neurons = np.sort(generator.choice(neurons, MOST_NEURONS, replace=False))
    return neurons


def _cleaned(
    spikes: Spikes, neurons: NDArray[np.int64], known: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the weighted courses (T, n) of some neurons, without known courses."""
    courses = dense_from_bits(spikes.by_neuron[neurons], spikes.n_frames).astype(np.float32)
    courses -= courses.mean(axis=0)
    courses /= np.sqrt(_relative_rate(spikes))[:, None]
    courses = _without(courses, known)
    spread = courses.std(axis=0)
    n = spikes.neuron_counts[neurons]
    weight = np.sqrt(n / (n + RARE_FRAMES)) / np.maximum(spread, 1e-6)
    courses *= np.where(spread > 1e-3, weight, 0).astype(np.float32)
    return courses


def _relative_rate(spikes: Spikes) -> NDArray[np.float32]:
    """Compute the relative population rate (T,), smoothed except where a frame is far above it."""
    counts = np.asarray(spikes.frame_counts, dtype=np.float64)
    mean = max(counts.mean(), 1e-9)
    at_least = counts - _CAUTION * np.sqrt(counts + 1)
    rate = np.maximum(_smoothed(counts, POPULATION_FRAMES[1]), at_least) / mean
    return np.asarray(np.maximum(rate, _LEAST_RATE), dtype=np.float32)


def _smoothed(counts: NDArray[np.float64], width: float) -> NDArray[np.float64]:
    # It takes a fifth of a second to import, and every command imports this module.
    from scipy.ndimage import gaussian_filter1d

    return counts if width == 0 else np.asarray(gaussian_filter1d(counts, width))


def _without(courses: NDArray[np.float32], known: NDArray[np.float32]) -> NDArray[np.float32]:
    """Project known courses (T, K), orthonormal, out of courses (T, n), in place."""
    courses -= known @ (known.T @ courses)
    return courses


def _shifted(
    courses: NDArray[np.float32],
    together: NDArray[np.int64],
    edges: Sequence[int],
    generator: np.random.Generator,
) -> NDArray[np.float32]:
    """Shift courses (T, n) in a circle by random offsets, equal for the same label (n,).

    Shifts stay within each segment between two of the ``edges``.
    """
    shifted = np.empty_like(courses)
    for first, last in pairwise(edges):
        size, part, out = last - first, courses[first:last], shifted[first:last]
        offsets = generator.integers(0, size, int(together.max()) + 1)
        for column, offset in enumerate(offsets[together].tolist()):
            out[:offset, column] = part[size - offset :, column]
            out[offset:, column] = part[: size - offset, column]
    return shifted


def _limit(
    courses: NDArray[np.float32],
    together: NDArray[np.int64],
    known: NDArray[np.float32],
    edges: Sequence[int],
    generator: np.random.Generator,
) -> float:
    """Compute the size that the largest component of surrogates rarely exceeds."""
    largest = np.array(
        [
            _largest(_without(_shifted(courses, together, edges, generator), known), 1)[0][0]
            for _ in range(SURROGATES)
        ]
    )
    mean = float(largest.mean())
    return mean + DEVIATIONS * max(float(largest.std(ddof=1)), _LEAST_DEVIATION * mean)


def _largest(
    courses: NDArray[np.float32], count: int
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Compute the largest eigenvalues (K,) of the covariance, and courses (T, K) of unit norm."""
    n_frames, n = courses.shape
    gram = (courses.T @ courses if n < n_frames else courses @ courses.T) / np.float32(n_frames)
    if count == 1:
        start = np.random.default_rng(0).standard_normal(len(gram)).astype(np.float32)
        values, vectors = eigsh(gram, k=1, tol=_TOLERANCE, v0=start)
    else:
        values, vectors = eigh(gram, subset_by_index=(len(gram) - count, len(gram) - 1))
    values, vectors = values[::-1], vectors[:, ::-1]
    if n < n_frames:
        vectors = courses @ vectors
        vectors /= np.maximum(np.linalg.norm(vectors, axis=0), 1e-9)
    return np.asarray(values, dtype=np.float64), np.asarray(vectors, dtype=np.float32)
