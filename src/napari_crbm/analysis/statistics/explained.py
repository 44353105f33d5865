r"""Explained share: the fraction of the reproducible covariance that a model explains.

The nRMSE measures a model against the noise of the training frames. This measure is free of
noise on either side. With covariances :math:`c_i` of B blocks of held-out frames and :math:`m_k`
of groups of model samples, all independent of each other, it is

.. math::
    1 - \frac{\langle (m_k - c_i)(m_l - c_j) \rangle}{\langle (c_i - r_k)(c_j - r_l) \rangle}

with means over all pairs of neurons, and over all :math:`i \ne j` and :math:`k \ne l`. :math:`r_k`
are the covariances in groups of independent neurons with the mean activities of the recording: zero
for pairs of neurons, but not for hidden units, which are functions of the neurons. Noise is
independent in the two factors of each product, so that it cancels on average: 1 if the model has
all reproducible covariance, 0 if it is as good as independent neurons, below 0 if it is worse.

The covariances of a block are its pseudo-values, B times those of all frames minus B - 1 times
those without the block, so that slow changes within the recording count as they do in the whole.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from napari_crbm.analysis.statistics.block_sums import BlockSums, jackknife_variance
from napari_crbm.analysis.statistics.moments import Moments

#: Level of intervals.
LEVEL = 0.95
# Fewer blocks of held-out frames do not give a standard error.
_FEWEST_BLOCKS = 6
#: The reproducible part is the denominator: it must exceed zero by this many standard errors.
CLEARLY = 3.0

#: Maps the moments of one set of frames to a flat array.
Values = Callable[[Moments], NDArray[np.floating]]


@dataclass(frozen=True)
class Explained:
    """Explained share of the reproducible part of one statistic.

    Parameters
    ----------
    share, error : float
        Of the model, and its standard error from blocks of time and groups of chains.
    low, high : float
        Interval of 95 %.
    train_share, train_error : float
        Of two halves of the training frames in the place of the model's samples.
    signal : float
        Reproducible (co)variance of the held-out frames, in units of the standard error that it
        has if there is none.
    reason : str
        Why there is no share; empty if there is one.
    """

    share: float
    error: float
    low: float
    high: float
    train_share: float
    train_error: float
    signal: float
    reason: str = ""


def explained_share(
    values: Values,
    model: BlockSums,
    train: BlockSums,
    test: BlockSums,
    *,
    of_model: Values | None = None,
    reference: BlockSums | None = None,
) -> Explained:
    """Compute the explained share of a statistic.

    Parameters
    ----------
    values : callable
        Statistic of one set of recorded frames.
    model : BlockSums
        Groups of independent samples of the model.
    train, test : BlockSums
        Training and held-out frames, in blocks that are independent of each other.
    of_model : callable, optional
        Statistic of the model's samples, if it differs (correction for the penalty).
    reference : BlockSums, optional
        Independent neurons; by default their values are zero.
    """
    if test.n_blocks < _FEWEST_BLOCKS:
        return _unknown(
            "the held-out frames are too few stretches of time: "
            f"{test.n_blocks}, and {_FEWEST_BLOCKS} are needed to separate signal from noise"
        )
    c = _pseudo_values(values, test)
    if not c.shape[1]:
        return _unknown("there are no pairs to compare")
    free = None if reference is None else _pseudo_values(values, reference)
    whole, without = _distance(c, free)
    error = _error_by_chance(c if free is None else c - free.mean(axis=0))
    signal = whole / error if error > 0 else float("nan")
    if not signal > CLEARLY:
        return _unknown(
            "the reproducible part in the held-out frames is not clearly above noise "
            f"({signal:.2f} standard errors, {CLEARLY:.0f} are needed)",
            signal,
        )
    m, t = _pseudo_values(of_model or values, model), _pseudo_values(values, train)
    share, spread = _share(c, m, whole, without)
    train_share, train_spread = _share(c, t, whole, without)
    reach = float(stats.t.isf((1 - LEVEL) / 2, len(c) - 1)) * spread
    return Explained(share, spread, share - reach, share + reach, train_share, train_spread, signal)


def _pseudo_values(values: Values, sums: BlockSums) -> NDArray[np.float64]:
    """Return the pseudo-values of every block, (B, P)."""
    n = sums.n_blocks
    whole = np.asarray(values(sums.moments()), dtype=np.float64)
    if n < 2:
        return whole[None]
    return np.array([n * whole - (n - 1) * values(each) for each in sums.leaving_one_out()])


def _share(
    c: NDArray[np.float64], m: NDArray[np.float64], whole: float, without: NDArray[np.float64]
) -> tuple[float, float]:
    """Compute the explained share and its jackknife standard error.

    Parameters
    ----------
    c, m : (B, P) and (K, P) float64
        Held-out frames; the model, or the training frames.
    whole : float
        Reproducible covariance in the held-out frames.
    without : (B,) float64
        The same without each block.
    """
    missed, missed_without = _distance(c, m)
    variance = float(jackknife_variance(1 - missed_without / without))
    if len(m) > 2:
        variance += float(jackknife_variance(1 - _distance(m, c)[1] / whole))
    return 1 - missed / whole, float(np.sqrt(variance))


def _distance(
    x: NDArray[np.float64], y: NDArray[np.float64] | None
) -> tuple[float, NDArray[np.float64]]:
    """Estimate the mean squared difference of two vectors without bias from noise.

    Parameters
    ----------
    x, y : (B, P) and (K, P) float64
        Independent measurements of each; without ``y`` it is zero.

    Returns
    -------
    whole : float
    without : (B,) float64
        Without each measurement of ``x``.
    """
    n = x.shape[1]
    own = x @ x.T / n
    whole, without = _mean_of_pairs(own), _mean_without(own)
    if y is not None:
        between = (x @ y.mean(axis=0)) / n
        others = _mean_of_pairs(y @ y.T / n) if len(y) > 1 else float(y[0] @ y[0] / n)
        whole += others - 2 * float(between.mean())
        without += others - 2 * (between.sum() - between) / (len(x) - 1)
    return whole, without


def _mean_of_pairs(products: NDArray[np.float64]) -> float:
    """Return the mean of a (B, B) matrix of products outside its diagonal."""
    n = len(products)
    return float((products.sum() - np.trace(products)) / (n * (n - 1)))


def _mean_without(products: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return `_mean_of_pairs` without each row and its column, (B,)."""
    n, own = len(products), np.diag(products)
    rest = products.sum() - 2 * products.sum(axis=0) + own - (own.sum() - own)
    return np.asarray(rest / max((n - 1) * (n - 2), 1))


def _error_by_chance(c: NDArray[np.float64]) -> float:
    """Return the standard error of the reproducible covariance if there were none.

    The products of different blocks would then be uncorrelated, with a mean of zero. How much the
    covariance itself varies, since assemblies are active more often in some blocks than in others,
    is in the errors of the shares, whose numerator and denominator vary together.
    """
    n = len(c)
    products = (c @ c.T / c.shape[1])[np.triu_indices(n, 1)]
    return float(np.sqrt(2 * (products**2).mean() / (n * (n - 1))))


def _unknown(reason: str, signal: float = float("nan")) -> Explained:
    nothing = float("nan")
    return Explained(nothing, nothing, nothing, nothing, nothing, nothing, signal, reason)
