r"""Refine rotated components to separated assemblies, and find further ones in their residual.

Large assemblies share neurons with many others. Rotated principal components separate their
courses only roughly, and the input of a hidden unit, a sum over the neurons of its assembly, also
responds to all assemblies that share these neurons. Such units soon represent mixtures, and the
common parts of mixtures couple them: in the long run they are on together far more often than
recorded assemblies are.

So the courses are refined in iterations. Courses that are on or off are replaced by their two
values, neurons are regressed on all courses at once, and the new courses are those that best
explain all neurons. The components of the residual then reveal further, smaller assemblies, which
the larger ones had masked. Finally every unit gets negative weights to neurons of assemblies that
it overlaps with. They make its input respond to its own assembly alone, and they compensate for
shared neurons: a neuron of two assemblies contributes :math:`\log(1 + e^{g + a + b})`, which is
more than the sum of both contributions, and so favours states in which both are on.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from napari_crbm.model.backends.numba_backend import NUMBA
from napari_crbm.model.compute.blocks import row_blocks
from napari_crbm.model.compute.two_groups import (
    EXPLAINED,
    FEWEST_FRAMES,
    mean_within,
    on_frames,
)
from napari_crbm.model.compute.weights import efficient
from napari_crbm.model.start.chance import lasting, slow_courses
from napari_crbm.model.start.components import (
    SURPLUS,
    principal_components,
    sparse_components,
    z_scale,
)
from napari_crbm.model.start.effective_frames import effective_frames
from napari_crbm.spikes import CHUNK_FRAMES, Spikes

#: A loading is kept if it is this many standard errors from zero: hardly any passes by chance.
CERTAIN = 4.0
# Iterations of regressing neurons on courses and courses on neurons; two almost suffice.
_ITERATIONS = 3
# Regularises the regression on courses that are nearly the same, in terms of their variance.
_RIDGE = 1e-3
# Weights against another assembly are omitted below this share of its own, and below this size.
_LEAST_SHARE = 0.01
_LEAST_WEIGHT = 0.01
# Components up to this many times the largest one of drawn spikes count as chance: draws differ by
# one per cent, and imperfect courses add another.
_CLEARLY = 1.02
# Largest number of assemblies looked for at once in a residual.
_AT_ONCE = 60


def all_assemblies(
    spikes: Spikes,
    courses: NDArray[np.float32],
    most: int,
    random_state: int,
    borders: Sequence[int] = (),
) -> Generator[int, None, tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Refine courses, and look for further ones in their residual until there are none.

    Takes minutes on a whole brain.

    Parameters
    ----------
    spikes : Spikes
    courses : (T, K) float32
        Rotated components to start from.
    most : int
        Largest number of assemblies.
    random_state : int
    borders : sequence of int
        First frames of further segments, ascending.

    Yields
    ------
    int
        Assemblies found so far, after every round.

    Returns
    -------
    courses : (T, K') float32
    loadings : (N, K') float32
        Those of `refine`, of assemblies that are on in ten frames or more.
    """
    brief, n_before, limit = courses[:, :0], 0, loading_limit(spikes)
    while True:
        courses, loadings = refine(spikes, courses, limit)
        lasts = _lasts(courses)
        brief = np.hstack([brief, courses[:, ~lasts]])
        courses, loadings = courses[:, lasts], loadings[:, lasts]
        n_found = courses.shape[1]
        yield n_found
        # The residual may have consisted of such frames, or of parts of known assemblies.
        if not n_before < n_found < most:
            return courses, loadings
        new = _residual_courses(
            spikes, courses, loadings, brief, most - n_found, random_state, borders
        )
        if new.shape[1] == 0:
            return courses, loadings
        courses, n_before = np.hstack([courses, new]), n_found
        del loadings


def _residual_courses(
    spikes: Spikes,
    courses: NDArray[np.float32],
    loadings: NDArray[np.float32],
    brief: NDArray[np.float32],
    most: int,
    random_state: int,
    borders: Sequence[int],
) -> NDArray[np.float32]:
    """Compute courses (T, K) of the components of the residual that exceed chance.

    Members have a larger variance while their assembly is on, all in the same frames, which
    enlarges components. The limit therefore comes from spikes drawn from the courses (parallel
    analysis, Horn 1965), times the factor by which autocorrelation enlarges components. Slow
    cosines are regressed out. A common gain may be among the components: the model needs units
    for it, too.
    """
    known = np.hstack([courses, brief, slow_courses(spikes.n_frames, borders)])
    n_looked_at = min(_AT_ONCE, min(spikes.shape) - known.shape[1] - 1)
    if n_looked_at < 1:
        return known[:, :0]
    drawn = _drawn(spikes, courses, loadings, random_state)
    limit = principal_components(drawn, n_looked_at, random_state, known).variances[0]
    del drawn
    # Spikes are drawn frame by frame; those of a recording last.
    limit *= lasting(spikes, known, random_state, borders)
    components = principal_components(spikes, n_looked_at, random_state, known)
    n_kept = min(int((components.variances > _CLEARLY * limit).sum()), most)
    if n_kept < 2:
        return components.courses[:, :n_kept]
    n_rotated = min(int(np.ceil(SURPLUS * n_kept)), n_looked_at)
    return sparse_components(components, n_rotated, n_kept)[0]


def _drawn(
    spikes: Spikes, courses: NDArray[np.float32], loadings: NDArray[np.float32], random_state: int
) -> Spikes:
    """Draw spikes of neurons that follow the courses and are independent otherwise."""
    generator = np.random.default_rng(random_state)
    v = spikes.mean_activity
    change = (loadings * np.sqrt(v * (1 - v))[:, None]).T.astype(np.float32)
    chance = v.astype(np.float32)

    def blocks() -> Iterator[NDArray[np.bool_]]:
        for frames in row_blocks(spikes.n_frames, CHUNK_FRAMES):
            expected = courses[frames] @ change
            expected += chance
            yield generator.random(expected.shape, dtype=np.float32) < expected

    return Spikes.from_chunks(blocks(), *spikes.shape)


def _lasts(courses: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Find courses (T, K) of unit variance that do not depend on a few frames alone."""
    share = FEWEST_FRAMES / len(courses)
    # The skewness of a course that is on in just so many frames.
    limit = (1 - 2 * share) / np.sqrt(share * (1 - share))
    return np.asarray((courses.astype(np.float64) ** 3).mean(axis=0) <= limit)


def loading_limit(spikes: Spikes) -> float:
    """Compute the size of a loading that is `CERTAIN` standard errors from zero."""
    return float(CERTAIN / np.sqrt(effective_frames(spikes)))


def refine(
    spikes: Spikes, courses: NDArray[np.float32], limit: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Estimate courses of assemblies, and the loadings of neurons on all of them at once.

    Parameters
    ----------
    spikes : Spikes
    courses : (T, K) float32
        Rotated components to start from.
    limit : float
        Loadings of smaller size are set to zero; see `loading_limit`.

    Returns
    -------
    courses : (T, K) float32
        Of unit variance.
    loadings : (N, K) float32
        Regression of z-scored neurons on all courses at once; the correlations, where courses
        overlap little.
    """
    scale = z_scale(spikes).astype(np.float32)
    for _ in range(_ITERATIONS):
        loadings = _loadings(spikes, _on_or_off(courses), scale, limit)
        courses = _courses(spikes, loadings, scale)
        spread = courses.std(axis=0)
        sign = np.where((courses.astype(np.float64) ** 3).sum(axis=0) < 0, -1, 1)
        factor = (sign * np.maximum(spread, 1e-9)).astype(np.float32)
        courses /= factor
    loadings *= factor
    return courses, loadings


def _on_or_off(courses: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return courses (T, K) of unit variance, with two values where two states explain them."""
    on = on_frames(courses)
    up, down = mean_within(courses, on), mean_within(courses, ~on)
    share = on.mean(axis=0)
    explained = share * (1 - share) * (up - down) ** 2
    two = explained > EXPLAINED * courses.var(axis=0, dtype=np.float64)
    two &= on.sum(axis=0) >= FEWEST_FRAMES
    values = np.where(two, np.where(on, up, down), courses).astype(np.float64)
    values -= values.mean(axis=0)
    return np.asarray(values / np.maximum(values.std(axis=0), 1e-9))


def _loadings(
    spikes: Spikes, courses: NDArray[np.float64], scale: NDArray[np.float32], limit: float
) -> NDArray[np.float32]:
    """Regress z-scored neurons on courses (T, K), with chance set to zero: (N, K)."""
    n_frames, width = courses.shape
    inverse = np.linalg.inv(courses.T @ courses / n_frames + _RIDGE * np.eye(width))
    error = limit * np.sqrt(np.diag(inverse))
    loadings = NUMBA.correlate(spikes, np.ascontiguousarray(courses, dtype=np.float32))
    for rows in row_blocks(len(loadings)):
        block = (loadings[rows] * (scale[rows, None] / n_frames)) @ inverse
        loadings[rows] = np.where(np.abs(block) > error, block, 0)
    return loadings


def _courses(
    spikes: Spikes, loadings: NDArray[np.float32], scale: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Compute courses (T, K) that best explain z-scored neurons by their loadings (N, K)."""
    weights = loadings * scale[:, None]
    projected = np.empty((spikes.n_frames, loadings.shape[1]), dtype=np.float32)
    efficient(weights).project_frames(spikes, np.arange(spikes.n_frames), projected)
    projected -= spikes.mean_activity.astype(np.float32) @ weights
    products = np.zeros((loadings.shape[1],) * 2)
    for rows in row_blocks(len(loadings)):
        products += loadings[rows].T.astype(np.float64) @ loadings[rows]
    own = np.diag(products)
    products += np.diag(_RIDGE * own + (own == 0))
    return np.asarray(projected @ np.linalg.inv(products), dtype=np.float32)


def separated(
    spikes: Spikes, weights: NDArray[np.float32], loadings: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Compute weights (N, K) with which every input responds to its own assembly alone.

    With weights ``weights @ mixing``, inputs change by ``loadings.T @ weights @ mixing`` with the
    courses; the mixing is chosen to make this matrix diagonal. Only its negative part is used:
    positive weights of an assembly to members of others would keep both active together.

    Parameters
    ----------
    spikes : Spikes
    weights, loadings : (N, K) float32
        Weights of each assembly as if it were alone, and loadings of `refine`.
    """
    v = spikes.mean_activity
    noise = np.sqrt(v * (1 - v)).astype(np.float32)
    answers = np.zeros((weights.shape[1],) * 2)
    for rows in row_blocks(len(weights)):
        answers += (loadings[rows] * noise[rows, None]).T.astype(np.float64) @ weights[rows]
    own = np.diag(answers)
    answers += np.diag(_RIDGE * np.abs(own) + (own == 0))
    mixing = np.linalg.inv(answers)
    own = np.diag(mixing)
    mixing /= np.where(own > 0, own, np.inf)
    mixing[mixing > -_LEAST_SHARE] = 0
    apart = np.empty_like(weights)
    for rows in row_blocks(len(weights)):
        against = (weights[rows] @ mixing).astype(np.float32)
        against[np.abs(against) < _LEAST_WEIGHT] = 0
        apart[rows] = weights[rows] + against
    return apart
