"""Principal components of a recording, and their rotation to sparse ones.

Assemblies have few neurons each, so that their weights are nearly orthogonal. Slow time courses
are not: they correlate by chance over a whole recording. Varimax of the loadings makes the courses
orthogonal, varimax of the components' unit vectors makes the weights orthogonal. The rotation used
here lies between the two. With few assemblies it is as good as the former, and with two hundred
its courses are much closer to the true ones.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import ModelError
from napari_crbm.model.compute.blocks import row_blocks
from napari_crbm.model.compute.checks import require
from napari_crbm.model.compute.kernels.bits import correlate
from napari_crbm.model.compute.weights import DenseWeights
from napari_crbm.spikes import Spikes

#: Components that are rotated for each one that is kept: those just below chance help to separate
#: assemblies.
SURPLUS = 1.3
# The spectrum decays slowly near the chance level, so that the last components need many.
_POWER_ITERATIONS = 8
_OVERSAMPLING = 10
# Keeps quotients of components without variance finite.
_NOTHING = 1e-20


class Components(NamedTuple):
    """Leading principal components of the z-scored raster.

    ``courses`` (T, K) float32 have unit variance, ``loadings`` (N, K) float32 are the
    correlations of every neuron with every course, ``variances`` (K,) the eigenvalues of
    the correlation matrix.
    """

    courses: NDArray[np.float32]
    loadings: NDArray[np.float32]
    variances: NDArray[np.float64]


def principal_components(
    spikes: Spikes,
    n_components: int,
    random_state: int,
    known: NDArray[np.float32] | None = None,
) -> Components:
    """Compute the leading components by randomised subspace iteration.

    Parameters
    ----------
    spikes : Spikes
    n_components, random_state : int
    known : (T, K) float32, optional
        Courses that are projected out of all neurons first.
    """
    generator = np.random.default_rng(random_state)
    v = spikes.mean_activity
    scale = z_scale(spikes)
    n_frames = spikes.n_frames
    width = min(n_components + _OVERSAMPLING, *spikes.shape)
    frames = np.arange(n_frames)
    taken_out = np.zeros((n_frames, 0), dtype=np.float32)
    if known is not None:
        taken_out = np.linalg.qr(known - known.mean(axis=0))[0]

    # Arrays of all neurons and components need most of the memory of a start. There is only one,
    # `basis`, which is changed in place.
    basis = np.empty((spikes.n_neurons, width), dtype=np.float32)
    for rows in row_blocks(spikes.n_neurons):
        basis[rows] = generator.standard_normal(basis[rows].shape)

    def to_time() -> NDArray[np.float32]:
        means = np.zeros(width)
        for rows in row_blocks(spikes.n_neurons):
            basis[rows] *= scale[rows, None]
            means += v[rows] @ basis[rows]
        out = np.empty((n_frames, width), dtype=np.float32)
        DenseWeights(basis).project_frames(spikes, frames, out)
        out -= means.astype(np.float32)
        out -= taken_out @ (taken_out.T @ out)
        return np.asarray(np.linalg.qr(out)[0], dtype=np.float32)

    def to_neurons(courses: NDArray[np.float32]) -> None:
        require("courses", courses, (n_frames, width), np.float32)
        correlate(spikes.by_neuron, np.ascontiguousarray(courses), basis)
        sums = courses.sum(axis=0)
        for rows in row_blocks(spikes.n_neurons):
            basis[rows] = (basis[rows] - np.outer(v[rows], sums)) * scale[rows, None]

    for _ in range(_POWER_ITERATIONS):
        to_neurons(to_time())
    courses = to_time()
    to_neurons(courses)
    covariance = np.zeros((width, width))
    for rows in row_blocks(spikes.n_neurons):
        covariance += basis[rows].T.astype(np.float64) @ basis[rows]
    squares, rotation = np.linalg.eigh(covariance)
    order = np.argsort(squares)[::-1][:n_components]
    rotation = rotation[:, order].astype(np.float32)
    root = np.float32(np.sqrt(n_frames))
    for rows in row_blocks(spikes.n_neurons):
        basis[rows, : len(order)] = basis[rows] @ rotation / root
    return Components(courses @ rotation * root, basis[:, : len(order)], squares[order] / n_frames)


def largest_by_chance(noise: NDArray[np.floating], spikes: Spikes) -> float:
    """Compute the upper edge of the eigenvalues of the covariance of independent noise.

    The edge of Marchenko and Pastur (1967) for noise of any variances, by the equation of
    Silverstein and Choi (1995); ``(1 + sqrt(N / T))^2`` if all variances are one.

    Parameters
    ----------
    noise : (n,) float
        Variances of a sample of the N neurons.
    """
    ratio = spikes.n_neurons / spikes.n_frames
    m = -np.linspace(0.02, 0.995, 400)[:, None] / noise.max()
    return float((-1 / m[:, 0] + ratio * (noise / (1 + m * noise)).mean(axis=1)).min())


def z_scale(spikes: Spikes) -> NDArray[np.float64]:
    """Compute inverse standard deviations (N,) of the neurons; zero for constant ones."""
    v = spikes.mean_activity
    varies = (v > 0) & (v < 1)
    scale = np.zeros(len(v))
    scale[varies] = 1 / np.sqrt(v[varies] * (1 - v[varies]))
    return scale


def sparse_components(
    components: Components, n_rotated: int, n_kept: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Rotate components and keep those that are most like assemblies.

    These have the most skewed loadings: members are fewer than other neurons and have positive
    loadings. Kurtosis would not distinguish an assembly of a tenth of all neurons from a component
    of a few unusual frames. The loadings of ``components`` are overwritten.

    Returns
    -------
    courses : (T, n_kept) float32
    loadings : (N, n_kept) float32
    """
    courses, pattern, variances = (part[..., :n_rotated] for part in components)
    # Neurons that are copies of each other leave components without variance.
    scale = (np.maximum(variances, _NOTHING) ** 0.25).astype(np.float32)
    pattern /= scale
    rotation = varimax(pattern)
    second, third = np.zeros(n_rotated), np.zeros(n_rotated)
    for rows in row_blocks(len(pattern)):
        pattern[rows] = pattern[rows] @ rotation
        block = pattern[rows].astype(np.float64)
        second += (block**2).sum(axis=0)
        third += (block**3).sum(axis=0)
    skewness = third / second**1.5
    kept = np.sort(np.argsort(-skewness, kind="stable")[:n_kept])
    courses = (courses * scale) @ rotation[:, kept]
    spread = np.maximum(courses.std(axis=0), np.float32(_NOTHING))
    return courses / spread, pattern[:, kept] * spread


def varimax(
    loadings: NDArray[np.floating], max_iterations: int = 100, tolerance: float = 1e-5
) -> NDArray[np.float32]:
    """Compute the rotation (K, K) of maximal variance of squared loadings (Kaiser 1958).

    Columns have the sign for which the third powers of the rotated loadings sum to a positive
    value, since an assembly is a few neurons that are more active together.

    Raises
    ------
    ModelError
        If loadings are not a finite (N, K) array.
    """
    if loadings.ndim != 2 or not np.isfinite(loadings).all():
        raise ModelError(
            "Loadings must be finite and of shape (neurons, components); found shape "
            f"{loadings.shape}, {np.count_nonzero(~np.isfinite(loadings)):,} values not finite."
        )
    n_rows, width = loadings.shape
    rotation = np.eye(width)
    previous = 0.0
    for _ in range(max_iterations):
        cubed, plain, squares = np.zeros((width, width)), np.zeros((width, width)), np.zeros(width)
        for rows in row_blocks(n_rows):
            rotated = loadings[rows] @ rotation
            cubed += loadings[rows].T @ rotated**3
            plain += loadings[rows].T @ rotated
            squares += (rotated**2).sum(axis=0)
        left, singular, right = np.linalg.svd(cubed - plain * (squares / n_rows))
        rotation = left @ right
        if singular.sum() < previous * (1 + tolerance):
            break
        previous = float(singular.sum())
    skewness = sum(((loadings[rows] @ rotation) ** 3).sum(axis=0) for rows in row_blocks(n_rows))
    sign = np.sign(skewness)
    return np.asarray(rotation * np.where(sign == 0, 1, sign), dtype=np.float32)
