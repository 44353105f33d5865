"""Confidence intervals of the nRMSE from a block jackknife.

Neighbouring frames are correlated, so whole blocks of time are left out in turn, of the training
and of the held-out frames, and groups of chains of the model's samples. The spread of the
leave-one-block-out values gives the standard error (Tukey 1958).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from napari_crbm.analysis.statistics.block_sums import BlockSums, jackknife_variance
from napari_crbm.analysis.statistics.explained import LEVEL
from napari_crbm.analysis.statistics.registry import STATISTICS, Side
from napari_crbm.nrmse import agreement

#: Fewer blocks of held-out or of training frames do not give an interval.
FEWEST_BLOCKS = 5
# As for an nRMSE.
_FEWEST_VALUES = 3


@dataclass(frozen=True)
class Interval:
    """Uncertainty of an nRMSE.

    Parameters
    ----------
    error : float
        Standard error; NaN if it is not known.
    reach : float
        Half the width of the interval of 95 %.
    reason : str
        Why it is not known; empty if it is.
    """

    error: float
    reach: float
    reason: str = ""


def nrmse_intervals(
    parts: tuple[BlockSums, BlockSums, BlockSums],
    connected: NDArray[np.bool_],
    shift: NDArray[np.floating],
) -> dict[str, Interval]:
    """Compute the interval of the nRMSE of every statistic of `STATISTICS`.

    Parameters
    ----------
    parts : (model, train, test) BlockSums
        Of the same n neurons.
    connected : (n, M) bool
        Pairs of a neuron and a hidden unit that are compared.
    shift : (n, M) float array
        Correction for the penalty, added to <vh> of the model.
    """
    fewest = min(part.n_blocks for part in parts[1:])
    if fewest < FEWEST_BLOCKS:
        reason = (
            f"the frames are only {fewest} stretches of time that count as independent, and "
            f"{FEWEST_BLOCKS} are needed"
        )
        return dict.fromkeys(STATISTICS, Interval(np.nan, np.nan, reason))
    shifts = (shift, np.zeros((1, 1)), np.zeros((1, 1)))
    whole = [
        Side(part.moments(), connected, added) for part, added in zip(parts, shifts, strict=True)
    ]
    found: dict[str, Interval] = {}
    values: dict[str, list[NDArray[np.floating]]] = {}
    for name, each in STATISTICS.items():
        if each.from_moments:
            values[name] = [each.values(side) for side in whole]
            reason = _why_unknown(values[name])
        else:
            reason = "it is not resampled"
        found[name] = Interval(np.nan, np.nan, reason)
    without: dict[str, list[NDArray[np.float64]]] = {
        name: [] for name, each in found.items() if not each.reason
    }
    for place, (part, added) in enumerate(zip(parts, shifts, strict=True)):
        if part.n_blocks < 2:
            continue
        left_out: list[list[float]] = [[] for _ in without]
        # The moments without a block are the same for all statistics.
        for moments in part.leaving_one_out():
            side = Side(moments, connected, added)
            for name, kept in zip(without, left_out, strict=True):
                others = [*values[name]]
                others[place] = STATISTICS[name].values(side)
                kept.append(agreement(*others).nrmse)
        for name, kept in zip(without, left_out, strict=True):
            without[name].append(np.array(kept))
    return found | {name: _interval(each) for name, each in without.items()}


def _why_unknown(values: list[NDArray[np.floating]]) -> str:
    """Say why the nRMSE of (model, train, test) values has no interval; empty if it may have."""
    if len(values[0]) < _FEWEST_VALUES:
        return f"there are fewer than {_FEWEST_VALUES} values"
    if not np.isfinite(agreement(*values).nrmse):
        return "the training frames are no closer than chance"
    return ""


def _interval(without: list[NDArray[np.float64]]) -> Interval:
    """Compute the interval from the leave-one-block-out values of each part."""
    variances = [jackknife_variance(values) for values in without]
    degrees = [len(values) - 1 for values in without]
    total = float(np.sum(variances))
    if not np.isfinite(total):
        return Interval(
            np.nan, np.nan, "the training frames are hardly closer than chance, in some blocks not"
        )
    # Degrees of freedom of a sum of variances (Welch and Satterthwaite).
    square = float(np.sum(np.square(variances) / degrees))
    freedom = total**2 / square if square > 0 else float(sum(degrees))
    error = float(np.sqrt(total))
    return Interval(error, float(stats.t.isf((1 - LEVEL) / 2, freedom)) * error)
