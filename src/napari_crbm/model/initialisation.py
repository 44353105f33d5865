"""Where training starts: from assemblies that linear statistics already show.

From tiny random weights the sparse penalty can win before any assembly has
formed, and the model stays at zero. Principal components beyond chance, rotated
until each involves few neurons, are a picture of the assemblies already; turned into
weights they put training past that trap.

Assemblies hold few neurons each, so their weights are nearly orthogonal; slow time
courses are not, they correlate by chance over a whole recording. Varimax of the loadings
makes the courses orthogonal, varimax of the components' unit vectors the weights.
The rotation used here is half-way: as good as the former for few assemblies, and with
two hundred of them it finds courses far closer to the true ones.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from napari_crbm.errors import ModelError
from napari_crbm.model import selection
from napari_crbm.model.blocks import row_blocks
from napari_crbm.model.checks import require
from napari_crbm.model.kernels.bits import correlate
from napari_crbm.model.refinement import refine, told_apart, z_scale
from napari_crbm.model.weights import DenseWeights
from napari_crbm.spikes import Spikes

# A loading is kept if it is this many standard errors from zero.
_SIGNIFICANT = 3.0
# The same for loadings that training keeps, see `selection.strict`: hardly any by chance.
_CERTAIN = 4.0
_MAX_WEIGHT = 3.0
#: Each assembly's weights are right if it were alone. Together they hold each other on, so
#: training starts from half of them, which is stable, unless they are told apart.
CAUTION = np.float32(0.5)
# The spectrum falls off slowly where it meets chance, so its end needs many.
_POWER_ITERATIONS = 8
_OVERSAMPLING = 10
_AUTO_MIN, _AUTO_MAX = 5, 200
# Hidden units that "auto" takes for each significant component of a small model.
_SPARE = 1.25
# Components that are rotated for each one that is kept: what lies just below chance helps
# to tell assemblies apart.
_SURPLUS = 1.3


class Components(NamedTuple):
    """Leading principal components of the z-scored raster.

    ``courses`` (T, K) float32 have unit variance, ``loadings`` (N, K) float32 are the
    correlations of every neuron with every course, ``variances`` (K,) the eigenvalues of
    the correlation matrix.
    """

    courses: NDArray[np.float32]
    loadings: NDArray[np.float32]
    variances: NDArray[np.float64]


class Start(NamedTuple):
    """Weights (N, M), fields (N,), and which weights (N, M) the recording supports."""

    weights: NDArray[np.float32]
    fields: NDArray[np.float32]
    supported: NDArray[np.bool_]


def random_start(spikes: Spikes, n_hidden: int, random_state: int) -> Start:
    """Tiny random weights and independent neurons (paper, Methods)."""
    generator = np.random.default_rng(random_state)
    scale = np.sqrt(0.1 / spikes.n_neurons)
    weights = np.empty((spikes.n_neurons, n_hidden), dtype=np.float32)
    for rows in row_blocks(spikes.n_neurons):
        weights[rows] = generator.normal(0.0, scale, weights[rows].shape)
    return Start(weights, independent_fields(spikes), np.zeros(weights.shape, dtype=bool))


def independent_fields(spikes: Spikes) -> NDArray[np.float32]:
    """Fields of independent neurons with the recorded mean activity, (N,)."""
    v = spikes.mean_activity
    return np.asarray(np.log((v + 1e-6) / (1 - v + 1e-6)), dtype=np.float32)


def assembly_start(spikes: Spikes, n_hidden: int | str, random_state: int) -> Start:
    """Weights from rotated principal components.

    Units beyond the components start random and tiny, or, in large models, without weights;
    there, components are also refined and their weights told apart, see `model.refinement`.

    Parameters
    ----------
    spikes : Spikes
        Training frames.
    n_hidden : int or "auto"
        Hidden units M, see `_n_units`.
    random_state : int

    Raises
    ------
    ModelError
        If ``n_hidden`` is not positive.
    """
    if n_hidden != "auto" and int(n_hidden) < 1:
        raise ModelError(f"A model needs at least one hidden unit; found n_hidden = {n_hidden}.")
    limit = min(spikes.shape) - 1
    most = _AUTO_MAX if n_hidden == "auto" else int(n_hidden)
    n_looked_at = min(int(np.ceil(_SURPLUS * most)), limit)
    components = _principal_components(spikes, n_looked_at, random_state)
    n_certain = int((components.variances > largest_by_chance(np.ones(1), spikes)).sum())
    enough = _n_units(n_certain, spikes.n_neurons)
    if n_hidden == "auto":
        most = min(enough, _AUTO_MAX)
    start = random_start(spikes, min(most, spikes.n_neurons), random_state)
    # Doubtful components split assemblies; they are worth it where more units are wanted.
    n_kept = n_certain if most <= enough else _n_significant(components, spikes)
    n_kept = min(n_kept, start.weights.shape[1])
    if n_kept == 0:
        return start
    n_rotated = min(int(np.ceil(_SURPLUS * n_kept)), n_looked_at)
    courses, loadings = sparse_components(components, n_rotated, n_kept)
    del components
    if start.weights.size > selection.FEW:
        courses, loadings = refine(spikes, courses, _CERTAIN)
        weights = weights_from_components(spikes, courses, loadings)
        weights = told_apart(spikes, weights, loadings)
        start.weights[:] = 0
    else:
        weights = CAUTION * weights_from_components(spikes, courses, loadings)
    start.weights[:, :n_kept] = weights
    start.supported[:, :n_kept] = weights != 0
    return Start(start.weights, start.fields - added_odds(weights, courses), start.supported)


def _n_units(n_certain: int, n_neurons: int) -> int:
    """Hidden units for so many significant components, at least 5.

    A quarter more, as far as the model stays small. In large ones, units that no component
    asks for take up what several assemblies do together, and tie them to each other.
    """
    spare = min(int(np.ceil(_SPARE * n_certain)), selection.FEW // n_neurons)
    return max(spare, n_certain, _AUTO_MIN)


def largest_by_chance(noise: NDArray[np.floating], spikes: Spikes) -> float:
    """Where the eigenvalues of the covariance of independent noise end.

    Marchenko and Pastur's (1967) edge for noise of any variances, by the equation of
    Silverstein and Choi (1995); ``(1 + sqrt(N / T))^2`` if all are one.

    Parameters
    ----------
    noise : (n,) float
        Variances, a sample of those of the N neurons.
    """
    ratio = spikes.n_neurons / spikes.n_frames
    m = -np.linspace(0.02, 0.995, 400)[:, None] / noise.max()
    return float((-1 / m[:, 0] + ratio * (noise / (1 + m * noise)).mean(axis=1)).min())


def _n_significant(components: Components, spikes: Spikes) -> int:
    """How many components exceed what the noise that they leave over would show."""
    v = spikes.mean_activity
    varies = np.flatnonzero((v > 0) & (v < 1))
    some = components.loadings[varies[:: max(1, len(varies) // 5000)]]
    count, more = 0, int((components.variances > largest_by_chance(np.ones(1), spikes)).sum())
    while more > count:
        count = more
        explained = (some[:, :count].astype(np.float64) ** 2).sum(axis=1)
        noise = np.maximum(1 - explained, 0.01) / (1 - count / spikes.n_frames)
        more = int((components.variances > largest_by_chance(noise, spikes)).sum())
    return count


def _principal_components(spikes: Spikes, n_components: int, random_state: int) -> Components:
    """Leading components, by randomised subspace iteration."""
    generator = np.random.default_rng(random_state)
    v = spikes.mean_activity
    scale = z_scale(spikes)
    n_frames = spikes.n_frames
    width = min(n_components + _OVERSAMPLING, *spikes.shape)
    frames = np.arange(n_frames)

    # Arrays of all neurons and components are what a start needs most memory for: there is
    # one, `basis`, and whatever is made of it is made in its place.
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


def sparse_components(
    components: Components, n_rotated: int, n_kept: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Courses (T, n_kept) and loadings (N, n_kept) of the sparsest rotated components.

    The loadings of ``components`` are used up.
    """
    courses, pattern, variances = (part[..., :n_rotated] for part in components)
    scale = (variances**0.25).astype(np.float32)
    pattern /= scale
    rotation = varimax(pattern)
    second, fourth = np.zeros(n_rotated), np.zeros(n_rotated)
    for rows in row_blocks(len(pattern)):
        pattern[rows] = pattern[rows] @ rotation
        squares = pattern[rows].astype(np.float64) ** 2
        second += squares.sum(axis=0)
        fourth += (squares**2).sum(axis=0)
    unevenness = len(pattern) * fourth / second**2
    sparsest = np.sort(np.argsort(-unevenness, kind="stable")[:n_kept])
    courses = (courses * scale) @ rotation[:, sparsest]
    spread = courses.std(axis=0)
    return courses / spread, pattern[:, sparsest] * spread


def varimax(
    loadings: NDArray[np.floating], max_iterations: int = 100, tolerance: float = 1e-5
) -> NDArray[np.float32]:
    """Rotation (K, K) that makes squared loadings as uneven as possible (Kaiser 1958).

    Columns are signed so that the third power of the rotated loadings sums to a
    positive value: an assembly is a few neurons that are more active together.

    Raises
    ------
    ModelError
        If loadings are not a finite (N, K) array.
    """
    if loadings.ndim != 2 or not np.isfinite(loadings).all():
        raise ModelError(
            "Loadings must be numbers, one row a neuron and one column a component; found "
            f"shape {loadings.shape}, {np.count_nonzero(~np.isfinite(loadings)):,} not finite."
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


def weights_from_components(
    spikes: Spikes, courses: NDArray[np.float32], loadings: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Weights (N, K) that reproduce the loadings if every course were on or off.

    The log-odds of a neuron at the two values of a course, per unit of h, are its weight.
    """
    on, off, _ = _two_values(courses)
    floor = 0.5 / spikes.n_frames
    weights = np.empty_like(loadings)
    for rows in row_blocks(len(loadings)):
        v = spikes.mean_activity[rows, None]
        covariance = loadings[rows] * np.sqrt(v * (1 - v))
        p_on = np.clip(v + covariance * on, floor, 0.98)
        p_off = np.clip(v + covariance * off, floor, 0.98)
        block = (logit(p_on) - logit(p_off)) / (on - off)
        block[np.abs(loadings[rows]) < _SIGNIFICANT / np.sqrt(spikes.n_frames)] = 0.0
        weights[rows] = np.clip(block, -_MAX_WEIGHT, _MAX_WEIGHT)
    return weights


def added_odds(weights: NDArray[np.float32], courses: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logarithms (N,) of how much units add to the odds on average; fields make up for it."""
    on, off, share = _two_values(courses)
    added = np.empty(len(weights), dtype=np.float32)
    for rows in row_blocks(len(weights)):
        block = weights[rows]
        odds = share * np.exp(block * on) + (1 - share) * np.exp(block * off)
        added[rows] = np.log(odds).sum(axis=1)
    return added


def _two_values(
    courses: NDArray[np.float32],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """What a unit-variance course with skewness s is while on and off, and its share on, (K,).

    If it has two values they are ``a = (s + sqrt(s^2 + 4)) / 2`` and ``-1 / a``.
    """
    skewness = np.clip((courses.astype(np.float64) ** 3).mean(axis=0), 0.0, 10.0)
    on = 0.5 * (skewness + np.sqrt(skewness**2 + 4))
    return on, -1 / on, 1 / (1 + on**2)
