r"""Explained share: the fraction of the reproducible covariance that a model explains.

The nRMSE measures a model against the noise of the training frames. This measure is free of
noise on either side. With covariances :math:`c_a, c_b` of two disjoint sets of held-out frames
and :math:`m_1, m_2` of two independent sets of model samples, it is

.. math::
    1 - \frac{\langle (m_1 - c_a)(m_2 - c_b) \rangle}{\langle (c_a - k_1)(c_b - k_2) \rangle}

with means over all pairs. :math:`k_1, k_2` are the covariances in two sets of independent
neurons with the mean activities of the recording: zero for pairs of neurons, but not for hidden
units, which are functions of the neurons. Noise is independent in the two factors of each
product, so that it cancels on average: 1 if the model has all reproducible covariance, 0 if it
is as good as independent neurons, below 0 if it is worse.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from napari_crbm.analysis.statistics.block_sums import BlockSums, jackknife_variance
from napari_crbm.analysis.statistics.moments import Moments

#: Level of intervals.
LEVEL = 0.95
# Fewer blocks in one of the two sets of held-out frames do not give a standard error.
_FEWEST_BLOCKS = 3
#: The reproducible part is the denominator: it must exceed zero by this many standard errors.
CLEARLY = 3.0

#: Maps the moments of one set of frames to a flat array.
Values = Callable[[Moments], NDArray[np.floating]]


class Halves(NamedTuple):
    """Two sets of frames, independent of each other, as sums over blocks."""

    first: BlockSums
    second: BlockSums


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
        Reproducible (co)variance of the held-out frames, in units of its standard error.
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
    model: Halves,
    train: Halves,
    test: Halves,
    *,
    of_model: Values | None = None,
    reference: Halves | None = None,
) -> Explained:
    """Compute the explained share of a statistic.

    Parameters
    ----------
    values : callable
        Statistic of one set of recorded frames.
    model : Halves
        Independent samples of the model.
    train, test : Halves
        Training and held-out frames.
    of_model : callable, optional
        Statistic of the model's samples, if it differs (correction for the penalty).
    reference : Halves, optional
        Independent neurons; by default their values are zero.
    """
    fewest = min(half.n_blocks for half in test)
    if fewest < _FEWEST_BLOCKS:
        return _unknown(
            "the held-out frames are too few stretches of time: "
            f"{sum(half.n_blocks for half in test)}, and {2 * _FEWEST_BLOCKS} are needed to "
            "separate signal from noise"
        )
    c = [values(half.moments()) for half in test]
    k = [0.0, 0.0] if reference is None else [values(half.moments()) for half in reference]
    if not len(c[0]):
        return _unknown("there are no pairs to compare")

    def repeated(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
        crossed = _mean_product(first - k[1], second - k[0])
        return (_mean_product(first - k[0], second - k[1]) + crossed) / 2

    whole = repeated(c[0], c[1])
    without = _changed(c, [values, values], test, repeated)
    error = float(np.sqrt(sum(map(jackknife_variance, without))))
    signal = whole / error if error > 0 else float("nan")
    if not signal > CLEARLY:
        return _unknown(
            "the reproducible part in the held-out frames is not clearly above noise "
            f"({signal:.2f} standard errors, {CLEARLY:.0f} are needed)",
            signal,
        )
    of_model = of_model or values
    share, spread = _share(c, test, values, model, of_model, repeated)
    train_share, train_spread = _share(c, test, values, train, values, repeated)
    degrees = sum(half.n_blocks for half in test) - 2
    reach = float(stats.t.isf((1 - LEVEL) / 2, degrees)) * spread
    return Explained(share, spread, share - reach, share + reach, train_share, train_spread, signal)


def _share(
    c: list[NDArray[np.floating]],
    test: Halves,
    values: Values,
    model: Halves,
    of_model: Values,
    repeated: Callable[[NDArray[np.floating], NDArray[np.floating]], float],
) -> tuple[float, float]:
    """Compute the explained share and its jackknife standard error."""

    def left(*parts: NDArray[np.floating]) -> float:
        m1, m2, ca, cb = parts
        missed = (_mean_product(m1 - ca, m2 - cb) + _mean_product(m1 - cb, m2 - ca)) / 2
        return 1 - missed / repeated(ca, cb)

    parts = [*(of_model(half.moments()) for half in model), *c]
    without = _changed(parts, [of_model, of_model, values, values], [*model, *test], left)
    variance = sum(jackknife_variance(each) for each in without if len(each) > 1)
    return left(*parts), float(np.sqrt(variance))


def _changed(
    parts: list[NDArray[np.floating]],
    values: list[Values],
    sums: list[BlockSums] | Halves,
    function: Callable[..., float],
) -> Iterator[NDArray[np.float64]]:
    """Yield the leave-one-block-out values of a function, for the blocks of each set in turn."""
    for place, (compute, blocks) in enumerate(zip(values, sums, strict=True)):
        found = []
        for moments in blocks.leaving_one_out():
            others = [*parts]
            others[place] = compute(moments)
            found.append(function(*others))
        yield np.array(found)


def _mean_product(x: NDArray[np.floating], y: NDArray[np.floating]) -> float:
    return float(np.dot(x, y) / len(x))


def _unknown(reason: str, signal: float = float("nan")) -> Explained:
    nothing = float("nan")
    return Explained(nothing, nothing, nothing, nothing, nothing, nothing, signal, reason)
