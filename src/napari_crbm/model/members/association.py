"""Association of neurons with the on/off time courses of assemblies, tested against shifts.

Three effects make a non-member look like a member: its own weight helps to switch the assembly on;
it belongs to another assembly that is active at the same time or shares neurons with this one; and
slow activity coincides by chance. Therefore

1. the time course is leave-one-out: in the frames in which the neuron is active, its weight is
   subtracted from the input of the unit;
2. the association is the correlation with this course or the partial correlation given the courses
   of all other units, whichever is closer to zero (zero if their signs differ). Both use the
   residual variance of the neuron after regression on all courses. Units with nearly the same
   course represent one assembly, so neither is held constant for the other;
3. courses are estimated twice, because the input of a unit also responds to assemblies that share
   neurons with it. The second estimate is the least-squares fit of all neurons by their
   associations with the first courses;
4. the regression coefficient is tested against its distribution over all circular shifts of the
   neuron within windows of time. The mean over all shifts is zero, and the variance is the inner
   product of the power spectra of neuron and course, so no shifts have to be drawn. Low rates and
   rare episodes skew this distribution; it is approximated by a gamma distribution.

Members are the neurons that pass a false discovery rate, for each assembly.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.special import ndtr

from napari_crbm.model.compute.threads import kernel_threads
from napari_crbm.model.compute.two_groups import active_threshold
from napari_crbm.model.compute.weights import efficient
from napari_crbm.model.members.courses import Products
from napari_crbm.model.members.windows import longest_window, window_edges
from napari_crbm.model.rbm import RBM
from napari_crbm.spikes import Spikes

#: False discovery rate of the members of each assembly (Benjamini and Hochberg 1995).
MAX_Q = 0.1
# Associations of fewer standard errors of independent frames do not decode courses.
_CERTAIN = 4.0
# Ridge of the decoding, as a share of the squared associations of each assembly.
_DECODING_RIDGE = 0.2
# Smallest variance of a neuron in the decoding, as an activity.
_LEAST_ACTIVITY = 1e-3
# Neurons whose spectra are computed together; this bounds the memory (32 MB at 4,000 frames).
_NEURONS_AT_ONCE = 1024


@dataclass(frozen=True, eq=False)
class Association:
    """Association of N neurons with M assemblies.

    Parameters
    ----------
    correlation : (N, M) float32
        Signed: the smaller of correlation and partial correlation, 0 if their signs differ.
    z : (N, M) float32
        Test statistic: standard normal for neurons that are not associated.
    members : (N, M) bool
        Neurons that are significantly associated, at the false discovery rate `MAX_Q`.
    """

    correlation: NDArray[np.float32]
    z: NDArray[np.float32]
    members: NDArray[np.bool_]


def associate(
    rbm: RBM,
    spikes: Spikes,
    frames: NDArray[np.integer] | None = None,
    numbers: NDArray[np.integer] | None = None,
) -> Association:
    """Estimate the association of each neuron with each assembly and test it against shifts.

    Parameters
    ----------
    rbm : RBM
    spikes : Spikes
        The recording.
    frames : (T,) int, optional
        Frames to use, ascending; those that the model was trained on. All by default.
    numbers : (all frames,) int, optional
        Numbers of the frames in time, which jump between segments of the recording.

    Raises
    ------
    ModelError
        If the recording has another number of neurons than the model.
    """
    longest = longest_window(spikes.n_frames)
    if frames is None:
        frames = np.arange(spikes.n_frames)
    edges = window_edges(frames if numbers is None else numbers[frames], longest)
    part = spikes.select_frames(frames)
    inputs, weights = rbm.inputs_h_from_v(part), rbm.weights
    with kernel_threads(rbm.n_threads) as workers:
        activity = rbm.hidden.mean(inputs)
        on = activity > active_threshold(activity)
        weights = _decoder(Products.of(part, inputs, weights, on, edges), part)
        efficient(weights).project_frames(part, np.arange(part.n_frames), inputs)
        on = inputs > active_threshold(inputs)
        correlation, z = _tested(Products.of(part, inputs, weights, on, edges), part, workers)
    return Association(correlation, z, np.column_stack([_discovered(column) for column in z.T]))


def _decoder(products: Products, spikes: Spikes) -> NDArray[np.float32]:
    """Compute weights (N, M) whose inputs fit all neurons by their associations."""
    loadings = np.empty(products.counts.shape, dtype=np.float32)
    for some in _blocks(spikes.n_neurons):
        loadings[some] = _parts(products[some]).correlation
    loadings[np.abs(loadings) * np.sqrt(spikes.n_frames) < _CERTAIN] = 0.0
    product = (loadings.T @ loadings).astype(np.float64)
    own = product.diagonal()
    inverse = np.linalg.inv(product + np.diag(_DECODING_RIDGE * own + (own == 0)))
    rate = spikes.mean_activity
    spread = np.sqrt(np.maximum(rate * (1 - rate), _LEAST_ACTIVITY))
    return np.ascontiguousarray(
        (loadings @ inverse.astype(np.float32)) / spread[:, None], dtype=np.float32
    )


def _blocks(n_neurons: int) -> Iterator[slice]:
    for start in range(0, n_neurons, _NEURONS_AT_ONCE):
        yield slice(start, start + _NEURONS_AT_ONCE)


@dataclass(frozen=True, eq=False)
class _Parts:
    """Regression of n neurons on the courses of M units.

    ``correlation`` as of `Association`; ``slope`` (n, M) on the courses with all others held
    constant; ``joint`` (n, M) on all courses; ``shrunk`` (n, M), the association as a share of
    the partial correlation; ``left``, the part of the squared length ``total`` of each neuron
    that no course explains, (n, 1).
    """

    correlation: NDArray[np.float64]
    slope: NDArray[np.float64]
    joint: NDArray[np.float64]
    shrunk: NDArray[np.float64]
    left: NDArray[np.float64]
    total: NDArray[np.float64]


def _parts(products: Products) -> _Parts:
    courses, in_window = products.courses, products.in_window.astype(np.float64)
    total = in_window.sum(axis=1) - (in_window**2 / np.diff(courses.edges)).sum(axis=1)
    total = np.maximum(total, 1e-9)[:, None]
    product = products.counts - in_window @ courses.means
    product *= np.where(courses.length > 0, 1 / np.maximum(courses.length, 1e-9), 0.0)
    slope, joint = product @ courses.dual, product @ courses.every
    left = total - (joint * product).sum(axis=1, keepdims=True)
    left = np.maximum(left, 1e-9 * total)
    alone = product / np.sqrt(left + product**2)
    partial = slope * np.sqrt(courses.room / (left + slope**2 * courses.room))
    agree = alone * partial > 0
    smaller = np.where(np.abs(alone) < np.abs(partial), alone, partial)
    correlation = np.where(agree, smaller, 0.0)
    shrunk = np.divide(correlation, partial, where=agree, out=np.zeros_like(partial))
    return _Parts(correlation, slope, joint, shrunk, left, total)


def _tested(
    products: Products, spikes: Spikes, workers: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Compute the association of all neurons and its test statistic, both (N, M)."""
    courses, n_frames = products.courses, spikes.n_frames
    power = courses.power()
    shared, skewness = courses.shared_power(power), courses.skewness / np.sqrt(n_frames)
    rate = np.clip(spikes.mean_activity, 1 / n_frames, 1 - 1 / n_frames)
    of_neuron = (1 - 2 * rate) / np.sqrt(rate * (1 - rate))
    correlation = np.empty(products.counts.shape, dtype=np.float32)
    z = np.empty_like(correlation)
    for some in _blocks(spikes.n_neurons):
        parts = _parts(products[some])
        # Shifts move the neuron with its part in other assemblies; that part is held constant.
        variance = _shift_variance(spikes.by_neuron[some], courses.edges, power, workers)
        deviation = np.sqrt(variance * (parts.left / parts.total))
        size = parts.slope * parts.shrunk
        size = np.divide(size, deviation, where=deviation > 0, out=np.zeros_like(size))
        correlation[some] = parts.correlation
        # Lasting activity apart from assemblies leaves fewer independent frames.
        independent = parts.left * courses.dual.diagonal() / n_frames
        apart = variance - parts.joint**2 @ shared
        fewer = np.divide(apart, independent, where=independent > 0, out=np.ones_like(apart))
        z[some] = _normal(size, of_neuron[some, None] * skewness * np.sqrt(np.maximum(fewer, 1)))
    return correlation, z


def _shift_variance(
    bits: NDArray[np.uint64],
    edges: NDArray[np.int64],
    power: list[NDArray[np.float32]],
    workers: int,
) -> NDArray[np.float64]:
    """Compute the variance of the regression coefficients of n neurons over all shifts, (n, M)."""
    raster = np.unpackbits(bits.view(np.uint8), axis=1, count=edges[-1], bitorder="little")
    variance = np.zeros((len(bits), power[0].shape[1]), dtype=np.float32)
    for (first, last), of_courses in zip(pairwise(edges.tolist()), power, strict=True):
        block = raster[:, first:last].astype(np.float32)
        block -= block.mean(axis=1, keepdims=True)
        spectrum = fft.rfft(block, axis=1, workers=workers)
        variance += (spectrum.real**2 + spectrum.imag**2) @ of_courses
    return variance.astype(np.float64)


def _normal(deviations: NDArray[np.float64], skewness: NDArray[np.float64]) -> NDArray[np.float64]:
    """Transform deviates of a gamma distribution to normal ones (Wilson and Hilferty 1931)."""
    skewness = np.where(np.abs(skewness) < 1e-6, 1e-6, skewness)
    root = np.cbrt(np.maximum(skewness * deviations / 2 + 1, 0.0))
    normal = 6 / skewness * (root - 1) + skewness / 6
    return np.where(normal * deviations > 0, normal, 0.0)


def _discovered(z: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Mark the neurons (N,) that are significantly associated with one assembly, two-sided."""
    p = 2 * ndtr(-np.abs(z.astype(np.float64)))
    ordered = np.sort(p[p <= MAX_Q])
    below = np.flatnonzero(ordered <= MAX_Q * np.arange(1, len(ordered) + 1) / len(p))
    return np.asarray(p <= ordered[below[-1]] if len(below) else np.zeros(len(p), dtype=bool))
