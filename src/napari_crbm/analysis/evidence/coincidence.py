r"""Held-out coincidence of the members of an assembly, against matched groups of neurons.

The statistic of a group S of n neurons with signs s is the mean covariance of its pairs
beyond what the population rate explains,

.. math:: e_S = \overline{s_i s_j c_{ij}} - \frac{(\overline{s_i c_{iP}})^2}{V_P}

:math:`c_{ij}` is the covariance of two neurons about their linear trends in windows of time
(so that drifts slower than a window cancel), :math:`c_{iP}` that of a neuron with the mean
activity of all neurons outside S, and :math:`V_P` the mean covariance of all pairs of
neurons, the variance of the population rate without the noise of single neurons. One gain
shared by all neurons gives :math:`c_{ij} = c_{iP} c_{jP} / V_P` and so :math:`e_S = 0`.
Pairs closer than an exclusion distance can be left out, since optical crosstalk makes
neighbours alike.

The null hypothesis is that members coincide no more than other neurons. Its distribution
comes from random groups of non-members, matched in size and mean activity, and from
independent circular shifts of every member within each window, which keep its rate and
autocorrelation. Over all shifts the variance of a pair's covariance is the inner product of
the two power spectra, so that no shift has to be drawn. The larger of the two standard
deviations counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, stats

from napari_crbm.analysis.evidence.windows import Windows

#: Random groups of non-members that every assembly is compared with.
N_CONTROLS = 60
# A control neuron is drawn among this share of all neurons, nearest in mean activity.
_MATCH_SHARE = 0.1
# Attempts to draw a control group without repeated neurons; small recordings may need repeats.
_MAX_REDRAWS = 100


@dataclass(frozen=True, eq=False)
class Coincidence:
    """Held-out coincidence of M groups of neurons.

    Parameters
    ----------
    excess : (M,) float64
        Mean covariance of the pairs of a group beyond the population rate; NaN for groups
        of fewer than two neurons.
    control_mean, deviation : (M,) float64
        Mean of matched groups, and the standard deviation under the null hypothesis.
    p : (M,) float64
        One-sided p-value; 1 for groups of fewer than two neurons.
    """

    excess: NDArray[np.float64]
    control_mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    p: NDArray[np.float64]


def coincidence(
    windows: Windows,
    signs: NDArray[np.integer],
    *,
    close: NDArray[np.int64] | None = None,
    n_controls: int = N_CONTROLS,
    random_state: int = 0,
) -> Coincidence:
    """Test whether the members of groups coincide beyond chance.

    Parameters
    ----------
    windows : Windows
    signs : (N, M) int8
        +1 and -1 for members of each group that are more and less active with it, 0 for
        other neurons.
    close : (P, 2) int, optional
        Pairs of neurons that are left out because of possible optical crosstalk; see
        `napari_crbm.analysis.evidence.crosstalk`.
    n_controls : int
        Matched groups per assembly.
    random_state : int
    """
    generator = np.random.default_rng(random_state)
    population = _Population(windows, close)
    order = np.argsort(population.rates, kind="stable")
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    results = []
    for group in signs.T:
        members = np.flatnonzero(group)
        if len(members) < 2:
            results.append((np.nan, np.nan, np.nan, 1.0))
            continue
        chosen = group[members].astype(np.float64)
        controls = _controls(members, order, rank, n_controls, generator)
        groups = [members, *controls]
        values = population.excess(groups, chosen)
        others = values[1:]
        shifted = _shift_deviation(windows, members)
        deviation = max(float(others.std(ddof=1)), shifted)
        if deviation == 0:
            results.append((values[0], others.mean(), 0.0, 1.0))
            continue
        t = (values[0] - others.mean()) / (deviation * np.sqrt(1 + 1 / n_controls))
        p = float(stats.t.sf(t, n_controls - 1))
        results.append((values[0], others.mean(), deviation, p))
    return Coincidence(*np.array(results, dtype=np.float64).reshape(-1, 4).T)


class _Population:
    """Quantities shared by all groups: rates, variances and the population rate over time."""

    def __init__(self, windows: Windows, close: NDArray[np.int64] | None) -> None:
        self.windows = windows
        self.variances = windows.variances()
        self.rates = np.asarray(windows.raster.mean(axis=0), dtype=np.float64)
        self.course = windows.detrended(np.asarray(windows.raster.sum(axis=1))[:, None])[:, 0]
        n = len(self.rates)
        pairs = self.course @ self.course / windows.n_frames - self.variances.sum()
        self.variance = pairs / (n * (n - 1))
        self.close = self.close_covariance = None
        if close is not None and len(close):
            values = windows.pair_covariances(close)
            rows, columns = close.T
            self.close_covariance = sparse.csr_array((values, (rows, columns)), shape=(n, n))
            ones = np.ones(len(close))
            self.close = sparse.csr_array((ones, (rows, columns)), shape=(n, n))

    def excess(
        self, groups: list[NDArray[np.int64]], signs: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Compute the excess of the mean pair covariance of equally large groups, (G,)."""
        windows, size = self.windows, len(signs)
        n, n_frames = len(self.rates), windows.n_frames
        columns = np.repeat(np.arange(len(groups)), size)
        rows = np.concatenate(groups)
        shape = (n, len(groups))
        signed = sparse.csc_array((np.tile(signs, len(groups)), (rows, columns)), shape=shape)
        plain = abs(signed)
        course = windows.detrended((windows.raster @ signed).toarray())
        own = windows.detrended((windows.raster @ plain).toarray())
        n_pairs = np.full(len(groups), size * (size - 1) / 2)
        within = np.array([self.variances[group].sum() for group in groups])
        covariance = ((course**2).sum(axis=0) / n_frames - within) / 2
        outside = (self.course[:, None] - own) / (n - size)
        load = (course * outside).mean(axis=0) / size
        explained = load**2 / self.variance if self.variance > 0 else np.zeros(len(groups))
        if self.close is not None:
            covariance -= (signed * (self.close_covariance @ signed)).sum(axis=0)
            n_pairs -= (plain * (self.close @ plain)).sum(axis=0)
        return np.asarray(np.where(n_pairs > 0, covariance / np.maximum(n_pairs, 1), 0) - explained)


def _controls(
    members: NDArray[np.int64],
    order: NDArray[np.int64],
    rank: NDArray[np.int64],
    n_controls: int,
    generator: np.random.Generator,
) -> list[NDArray[np.int64]]:
    """Draw groups of non-members that match the mean activities of the members, without repeats."""
    free = order[~np.isin(order, members)]
    if len(free) < len(members):
        free = order
    place = np.searchsorted(rank[free], rank[members])
    reach = max(int(_MATCH_SHARE * len(free)), 10, len(members))
    low = np.clip(place - reach, 0, max(len(free) - 2 * reach - 1, 0))
    high = np.minimum(low + 2 * reach + 1, len(free))
    return [free[_distinct(low, high, generator)] for _ in range(n_controls)]


def _distinct(
    low: NDArray[np.int64], high: NDArray[np.int64], generator: np.random.Generator
) -> NDArray[np.int64]:
    """Draw one integer from each range ``low`` to ``high - 1``, without repeats."""
    picks = generator.integers(low, high)
    for _ in range(_MAX_REDRAWS):
        first = np.unique(picks, return_index=True)[1]
        again = np.ones(len(picks), dtype=bool)
        again[first] = False
        if not again.any():
            break
        picks[again] = generator.integers(low[again], high[again])
    return np.asarray(picks)


def _shift_deviation(windows: Windows, members: NDArray[np.int64]) -> float:
    """Compute the standard deviation of the mean pair covariance over circular shifts."""
    activity = windows.raster[:, members].toarray()
    total = 0.0
    for frames, basis in windows.each():
        part = activity[frames].astype(np.float64)
        part -= basis @ (basis.T @ part)
        power = np.abs(np.fft.fft(part, axis=0)) ** 2 / len(part)
        pairs = ((power.sum(axis=1) ** 2).sum() - (power**2).sum()) / 2
        total += pairs
    n_pairs = len(members) * (len(members) - 1) / 2
    return float(np.sqrt(total) / (windows.n_frames * n_pairs))
