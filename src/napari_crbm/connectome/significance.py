"""Uncertainty of a region map: confidence intervals, shuffled labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.stats import norm, pearson3

_LEVEL = 0.95
# Smallest number of exceeding shuffles whose share is a good estimate of p.
_ENOUGH = 10


def confidence_interval(
    rows: NDArray[np.float64],
    inside: sparse.csr_array,
    values: NDArray[np.float64],
    level: float = _LEVEL,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute the confidence interval of a mean over pairs, with respect to sampling of neurons.

    A mean over pairs is a U-statistic. The first term of its Hoeffding expansion gives the
    influence of each neuron: the mean of its pairs minus the mean of all, divided by the
    number of neurons. The variance is the sum of the squared influences. Neurons near each
    other are not independent, so this is a lower bound on the uncertainty over animals.

    Parameters
    ----------
    rows : (N, R) float64
        Mean of each neuron with the neurons of each region.
    inside : (N, R) sparse
        Membership.
    values : (R, R) float64
        Means over the pairs.

    Returns
    -------
    low, high : (R, R) float64
        On a log scale if all values are positive, so that ``low`` is positive too.
    """
    member = inside.toarray().astype(np.float64)
    count = np.maximum(member.sum(axis=0), 1.0)
    n_regions = len(values)
    variance = np.empty_like(values)
    for k in range(n_regions):
        # Influence through membership in k, paired with every region m, and the reverse.
        from_k = member[:, [k]] * (rows - values[k]) / count[k]
        to_k = member * (rows[:, [k]] - values[:, k]) / count
        variance[k] = np.square(np.nan_to_num(from_k + to_k)).sum(axis=0)
    half = norm.ppf(0.5 + level / 2) * np.sqrt(variance)
    known = values[np.isfinite(values)]
    if len(known) and known.min() > 0:
        factor = np.exp(half / values)
        return values / factor, values * factor
    return values - half, values + half


def shuffled_labels(
    rows: NDArray[np.float64],
    inside: sparse.csr_array,
    values: NDArray[np.float64],
    n_shuffles: int,
    seed: int,
    *,
    two_sided: bool,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compare a map with that of equally large regions of random neurons.

    For a pair (k, m) the labels of k are shuffled over all neurons while m is fixed, and
    vice versa; the larger p-value is used. A pair is thus significant only if the neurons of
    k connect to m, and those of m to k, more strongly than random neurons do.

    Returns
    -------
    expected, p_value : (R, R) float64
        p is ``(1 + exceeding) / (1 + shuffles)``, for larger values, or for values
        farther from the expectation if ``two_sided``. Where fewer than ten shuffles exceed, it
        is the tail of a gamma distribution (Pearson type III) with the exact mean, variance and
        skewness of a mean over so many random neurons (Winkler et al. 2016). A p-value of
        1 / (1 + shuffles) could never survive the correction for thousands of pairs.
    """
    rng = np.random.default_rng(seed)
    known = np.nan_to_num(rows).astype(np.float32)
    count = np.maximum(np.asarray(inside.sum(axis=0), dtype=np.float64), 1.0)
    average = sparse.csr_array(inside.T / count[:, None], dtype=np.float32)
    centre = known.mean(axis=0, dtype=np.float64)
    exceeding = np.zeros_like(values)
    for _ in range(n_shuffles):
        drawn = average @ known[rng.permutation(len(known))]
        if two_sided:
            exceeding += np.abs(drawn - centre) >= np.abs(values - centre)
        else:
            exceeding += drawn >= values
    p = (1 + exceeding) / (1 + n_shuffles)
    tail = _tail(known.astype(np.float64), count, values, two_sided)
    p = np.where((exceeding < _ENOUGH) & np.isfinite(tail), np.minimum(tail, p), p)
    expected = (centre[:, None] + centre[None, :]) / 2
    return expected, np.where(np.isnan(values), np.nan, np.maximum(p, p.T))


def _tail(
    rows: NDArray[np.float64],
    count: NDArray[np.float64],
    values: NDArray[np.float64],
    two_sided: bool,
) -> NDArray[np.float64]:
    """Compute the probability that the mean of ``count[k]`` random rows reaches ``values[k]``.

    Returns (R, R). Moments are those of a mean of n of N values drawn without replacement. NaN
    where all rows are equal or all are drawn.
    """
    n_all, n = float(len(rows)), count[:, None]
    centred = rows - rows.mean(axis=0)
    variance, third = (centred**2).mean(axis=0), (centred**3).mean(axis=0)
    left = n_all - n
    with np.errstate(all="ignore"):
        sd = np.sqrt(variance / n * left / (n_all - 1))
        skewness = third / variance**1.5 * np.sqrt((n_all - 1) / (n * left))
        skewness *= (n_all - 2 * n) / (n_all - 2)
        z = (values - rows.mean(axis=0)) / sd
        if two_sided:
            p = pearson3.sf(np.abs(z), skewness) + pearson3.cdf(-np.abs(z), skewness)
        else:
            p = pearson3.sf(z, skewness)
    return np.asarray(np.where((sd > 0) & np.isfinite(z) & (p > 0), p, np.nan))
