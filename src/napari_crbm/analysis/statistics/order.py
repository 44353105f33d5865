"""Whether assemblies follow each other in the same order in training and held-out frames.

The order at a lag is the asymmetry of the correlations: how much more one assembly follows
another than precedes it. Independent courses have an order by chance. Slow changes even make it
repeat in the held-out frames, which are neighbours of the training frames. Trends are therefore
removed in windows of time, and the agreement is compared with that of two kinds of surrogates:

- The windows of each course are shifted in time independently. This keeps the course within a
  window and its similarity between neighbouring windows of training and held-out frames.
- Windows are reversed in time at random, all courses together. This keeps the correlations that
  have no order; a common component makes the asymmetries of many pairs similar.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_crbm.analysis.evidence.stretches import stretches

#: Surrogates of each kind.
N_SURROGATES = 199
# Longest window in longest lags. Shorter ones make drifts straighter and leave more windows to
# reverse; half of the frames have a partner at the longest lag.
_WINDOW = 2
# Neighbouring windows are reversed together if there are more than this, to bound the memory.
_MOST_REVERSED = 40
# Sum of squares below which a course is constant up to rounding.
_CONSTANT = 1e-12


@dataclass(frozen=True, eq=False)
class Order:
    """Agreement of the order of assemblies between training and held-out frames.

    Parameters
    ----------
    r : (L,) float64
        Pearson correlation of the asymmetries at each lag, over pairs of assemblies.
    p : (L,) float64
        Share of surrogates whose largest r over all lags reaches it, of the kind of surrogates
        in which it is larger.
    """

    r: NDArray[np.float64]
    p: NDArray[np.float64]


def temporal_order(
    train: NDArray[np.floating],
    test: NDArray[np.floating],
    lags: NDArray[np.integer],
    frames: tuple[NDArray[np.integer], NDArray[np.integer]],
    *,
    n_surrogates: int = N_SURROGATES,
    random_state: int = 0,
) -> Order:
    """Test whether assemblies follow each other in the same order in two parts of a recording.

    Parameters
    ----------
    train, test : (T, M) and (T', M) float arrays
        Activity of the assemblies.
    lags : (L,) int
        In frames, at least 1.
    frames : (train, test) int arrays
        Ascending numbers of these frames; pairs that span a gap are left out.
    n_surrogates : int
        Of each kind. The windows of both parts together, in the order of time, are shifted in
        a circle by a random number of windows for each course, or are reversed at random.
    random_state : int

    Returns
    -------
    Order
        NaN where an asymmetry is constant.
    """
    generator = np.random.default_rng(random_state)
    runs = [[np.arange(*ends) for ends in stretches(part)] for part in frames]
    longest = min(max(len(run) for run in part) for part in runs)
    length = min(_WINDOW * int(max(lags)), longest)
    windows = [_windows(part, length) for part in runs]
    cut = [_detrended(part[rows]) for part, rows in zip((train, test), windows, strict=True)]
    number = np.concatenate([part[rows[:, 0]] for part, rows in zip(frames, windows, strict=True)])
    is_train = np.arange(len(number)) < len(cut[0])
    joined = np.concatenate(cut)
    if len(np.unique(number)) == len(number):
        in_time = np.argsort(number)
        joined, is_train = joined[in_time], is_train[in_time]

    n_windows, _, n_units = joined.shape
    parts = (is_train, ~is_train)
    r = _agreement(*(_asymmetry(joined[part], lags) for part in parts))
    reached = np.ones((2, len(r)))
    rows = np.arange(n_windows)[:, None]
    groups = [_grouped(joined[part], lags) for part in parts]
    forward = _product([part.sum(axis=0) for part in groups], groups)
    for _ in range(n_surrogates):
        moved = (rows + generator.integers(n_windows, size=n_units)) % n_windows
        surrogate = np.take_along_axis(joined, moved[:, None, :], axis=0)
        shifted = _agreement(*(_asymmetry(surrogate[part], lags) for part in parts))
        signs = [generator.choice([-1.0, 1.0], len(part)) for part in groups]
        turned = [np.tensordot(s, part, 1) for s, part in zip(signs, groups, strict=True)]
        reached[0] += np.nanmax(shifted, initial=-1.0) >= r
        reached[1] += np.nanmax(_product(turned, groups), initial=-np.inf) >= forward
    p = reached.max(axis=0) / (n_surrogates + 1)
    return Order(r, np.where(np.isfinite(r), p, np.nan))


def _windows(runs: list[NDArray[np.int64]], length: int) -> NDArray[np.int64]:
    """Cut rows of consecutive frames into windows of equal length, (W, length)."""
    out = []
    for run in runs:
        n_windows = len(run) // length
        first = (len(run) - n_windows * length) // 2
        out.append(run[first : first + n_windows * length].reshape(n_windows, length))
    return np.concatenate(out)


def _detrended(courses: NDArray[np.floating]) -> NDArray[np.float64]:
    """Remove the linear trends in windows of courses, (W, length, M)."""
    out = courses - courses.mean(axis=1, keepdims=True, dtype=np.float64)
    time = np.arange(courses.shape[1]) - (courses.shape[1] - 1) / 2
    slope = np.einsum("t,wtm->wm", time, out) / max(time @ time, 1.0)
    return np.asarray(out - time[:, None] * slope[:, None, :])


def _asymmetry(
    windows: NDArray[np.float64],
    lags: NDArray[np.integer],
    square: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Compute correlations at a lag minus those at the negative lag, of all pairs, (L, P).

    Parameters
    ----------
    windows : (W, length, M) float64
    lags : (L,) int
    square : (M,) float64, optional
        Sums of squares to divide by; by default those of these windows.
    """
    n_units = windows.shape[2]
    upper = np.triu_indices(n_units, 1)
    if square is None:
        square = (windows**2).sum(axis=(0, 1))
    scale = np.divide(1.0, np.sqrt(square), out=np.zeros(n_units), where=square > _CONSTANT)
    out = np.empty((len(lags), len(upper[0])))
    for row, lag in enumerate(np.asarray(lags).tolist()):
        earlier, later = windows[:, : windows.shape[1] - lag], windows[:, lag:]
        products = earlier.reshape(-1, n_units).T @ later.reshape(-1, n_units)
        correlation = products * scale[:, None] * scale
        out[row] = (correlation - correlation.T)[upper]
    return out


def _grouped(windows: NDArray[np.float64], lags: NDArray[np.integer]) -> NDArray[np.float64]:
    """Compute the share of each group of neighbouring windows in the asymmetry, (G, L, P)."""
    square = (windows**2).sum(axis=(0, 1))
    groups = np.array_split(windows, min(len(windows), _MOST_REVERSED))
    return np.array([_asymmetry(group, lags, square) for group in groups])


def _product(
    asymmetries: Sequence[NDArray[np.float64]],
    groups: Sequence[NDArray[np.float64]],
) -> NDArray[np.float64]:
    """Compute the inner product of two asymmetries (L, P) at each lag, in units of the groups'.

    The unit does not change when groups of windows are reversed. A correlation would: groups that
    cancel leave the order in the others.
    """
    square = [(part**2).sum(axis=(0, 2)) for part in groups]
    unit = np.sqrt(square[0] * square[1])
    product = (asymmetries[0] * asymmetries[1]).sum(axis=1)
    return np.asarray(np.divide(product, unit, out=np.full(len(unit), np.nan), where=unit > 0))


def _agreement(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute Pearson's r of each row of two arrays (L, P); NaN where a row is constant."""
    centred = [part - part.mean(axis=1, keepdims=True) for part in (first, second)]
    norms = [np.sqrt((part**2).sum(axis=1)) for part in centred]
    product = norms[0] * norms[1]
    r = (centred[0] * centred[1]).sum(axis=1)
    return np.asarray(np.divide(r, product, out=np.full(len(r), np.nan), where=product > 0))
