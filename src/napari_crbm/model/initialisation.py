"""Where training starts: from assemblies that linear statistics already show.

From tiny random weights the sparse penalty can win before any assembly has
formed, and the model stays at zero. Principal components beyond chance, rotated
until their loadings are sparse (varimax), are a rough picture of the assemblies;
turned into weights they put training past that trap.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from napari_crbm.model.kernels.bits import correlate
from napari_crbm.model.kernels.projection import project_frames
from napari_crbm.spikes import Spikes

# A loading is kept if it is this many standard errors from zero.
_SIGNIFICANT = 3.0
_MAX_WEIGHT = 3.0
_POWER_ITERATIONS = 3
_OVERSAMPLING = 10
_AUTO_MIN, _AUTO_MAX = 5, 200


class Start(NamedTuple):
    """Weights (N, M), fields (N,), and which weights (N, M) the recording supports."""

    weights: NDArray[np.float32]
    fields: NDArray[np.float32]
    supported: NDArray[np.bool_]


def random_start(spikes: Spikes, n_hidden: int, random_state: int) -> Start:
    """Tiny random weights and independent neurons (paper, Methods)."""
    generator = np.random.default_rng(random_state)
    scale = np.sqrt(0.1 / spikes.n_neurons)
    weights = generator.normal(0.0, scale, (spikes.n_neurons, n_hidden)).astype(np.float32)
    return Start(weights, independent_fields(spikes), np.zeros(weights.shape, dtype=bool))


def independent_fields(spikes: Spikes) -> NDArray[np.float32]:
    """Fields of independent neurons with the recorded mean activity, (N,)."""
    v = spikes.mean_activity
    return np.asarray(np.log((v + 1e-6) / (1 - v + 1e-6)), dtype=np.float32)


def assembly_start(spikes: Spikes, n_hidden: int | str, random_state: int) -> Start:
    """Weights from rotated principal components; spare units start random and tiny.

    Parameters
    ----------
    spikes : Spikes
        Training frames.
    n_hidden : int or "auto"
        Hidden units M; "auto" takes a quarter more than there are significant
        components, between 5 and 200.
    random_state : int
    """
    limit = min(spikes.shape) - 1
    wanted = _AUTO_MAX if n_hidden == "auto" else int(n_hidden)
    courses, loadings, variances = _principal_components(spikes, min(wanted, limit), random_state)
    # Eigenvalues of a correlation matrix of noise end here (Marchenko and Pastur 1967).
    chance = (1 + np.sqrt(spikes.n_neurons / spikes.n_frames)) ** 2
    n_significant = int((variances > chance).sum())
    if n_hidden == "auto":
        wanted = int(np.clip(np.ceil(1.25 * n_significant), _AUTO_MIN, _AUTO_MAX))
        wanted = min(wanted, limit)
    start = random_start(spikes, wanted, random_state)
    if n_significant == 0:
        return start
    n_kept = min(n_significant, wanted)
    rotation = varimax(loadings[:, :n_kept])
    weights, fields = _weights_from_components(
        spikes, courses[:, :n_kept] @ rotation, loadings[:, :n_kept] @ rotation
    )
    start.weights[:, :n_kept] = weights
    start.supported[:, :n_kept] = weights != 0
    return Start(start.weights, fields, start.supported)


def _principal_components(
    spikes: Spikes, n_components: int, random_state: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float64]]:
    """Leading components of the z-scored raster, by randomised subspace iteration.

    Returns
    -------
    courses : (T, K) float32
        Time courses of unit variance.
    loadings : (N, K) float32
        Correlation of every neuron with every course.
    variances : (K,)
        Eigenvalues of the correlation matrix.
    """
    generator = np.random.default_rng(random_state)
    v = spikes.mean_activity
    with np.errstate(divide="ignore"):
        scale = np.where((v > 0) & (v < 1), 1 / np.sqrt(v * (1 - v)), 0.0)
    n_frames = spikes.n_frames
    width = min(n_components + _OVERSAMPLING, *spikes.shape)
    frames = np.arange(n_frames)

    def to_time(y: NDArray[np.float32]) -> NDArray[np.float32]:
        scaled = np.ascontiguousarray(y * scale[:, None], dtype=np.float32)
        out = np.empty((n_frames, y.shape[1]), dtype=np.float32)
        project_frames(scaled, *spikes.by_frame, frames, out)
        return out - (v @ scaled).astype(np.float32)

    def to_neurons(x: NDArray[np.float32]) -> NDArray[np.float32]:
        out = np.empty((spikes.n_neurons, x.shape[1]), dtype=np.float32)
        correlate(spikes.by_neuron, np.ascontiguousarray(x), out)
        out -= np.outer(v, x.sum(axis=0))
        return np.asarray(out * scale[:, None], dtype=np.float32)

    basis = generator.standard_normal((spikes.n_neurons, width)).astype(np.float32)
    for _ in range(_POWER_ITERATIONS):
        basis = to_neurons(np.linalg.qr(to_time(basis))[0])
    courses = np.linalg.qr(to_time(basis))[0]
    loadings = to_neurons(courses)
    squares, rotation = np.linalg.eigh(loadings.T.astype(np.float64) @ loadings)
    order = np.argsort(squares)[::-1][:n_components]
    rotation = rotation[:, order].astype(np.float32)
    root = np.float32(np.sqrt(n_frames))
    return courses @ rotation * root, loadings @ rotation / root, squares[order] / n_frames


def varimax(
    loadings: NDArray[np.floating], max_iterations: int = 100, tolerance: float = 1e-5
) -> NDArray[np.float32]:
    """Rotation (K, K) that makes squared loadings as uneven as possible (Kaiser 1958).

    Columns are signed so that the third power of the rotated loadings sums to a
    positive value: an assembly is a few neurons that are more active together.
    """
    rotation = np.eye(loadings.shape[1])
    previous = 0.0
    for _ in range(max_iterations):
        rotated = loadings @ rotation
        target = rotated**3 - rotated * (rotated**2).mean(axis=0)
        left, singular, right = np.linalg.svd(loadings.T @ target)
        rotation = left @ right
        if singular.sum() < previous * (1 + tolerance):
            break
        previous = float(singular.sum())
    sign = np.sign(((loadings @ rotation) ** 3).sum(axis=0))
    return np.asarray(rotation * np.where(sign == 0, 1, sign), dtype=np.float32)


def _weights_from_components(
    spikes: Spikes, courses: NDArray[np.float32], loadings: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Weights and fields that reproduce the loadings if every course were on or off.

    A unit-variance on/off course with skewness s takes the values ``a = (s +
    sqrt(s^2 + 4)) / 2`` and ``-1 / a``. The log-odds of a neuron at the two, per unit
    of h, are its weight; its field makes up for what the weights add to its mean.
    """
    v = spikes.mean_activity[:, None]
    skewness = np.clip((courses.astype(np.float64) ** 3).mean(axis=0), 0.0, 10.0)
    on = 0.5 * (skewness + np.sqrt(skewness**2 + 4))
    off = -1 / on
    covariance = loadings * np.sqrt(v * (1 - v))
    floor = 0.5 / spikes.n_frames
    p_on = np.clip(v + covariance * on, floor, 0.98)
    p_off = np.clip(v + covariance * off, floor, 0.98)
    weights = (logit(p_on) - logit(p_off)) / (on - off)
    weights[np.abs(loadings) < _SIGNIFICANT / np.sqrt(spikes.n_frames)] = 0.0
    weights = np.clip(weights, -_MAX_WEIGHT, _MAX_WEIGHT)
    share_on = 1 / (1 + on**2)
    added = np.log(share_on * np.exp(weights * on) + (1 - share_on) * np.exp(weights * off))
    fields = independent_fields(spikes) - added.sum(axis=1)
    return weights.astype(np.float32), fields.astype(np.float32)
