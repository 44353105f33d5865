"""How long assemblies stay on: in the recording, and in continuations of models."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from napari_crbm.analysis.statistics.block_sums import jackknife_variance
from napari_crbm.analysis.statistics.explained import LEVEL
from napari_crbm.analysis.statistics.intervals import FEWEST_BLOCKS


def episodes(
    activity: NDArray[np.floating],
    frames: NDArray[np.int64],
    numbers: NDArray[np.int64],
    above: NDArray[np.floating],
    blocks: int,
) -> NDArray[np.int64]:
    """Count the frames in which assemblies are on, and the ends of such episodes.

    Only frames whose next frame belongs to ``frames`` and to the same segment are counted, so that
    episodes that are cut off count as far as they were seen.

    Parameters
    ----------
    activity : (T, M) float
    frames : (S,) int64
        Ascending.
    numbers : (T,) int64
        `Recording.frame_numbers`.
    above : (M,) float
        Activity above which each assembly is on.
    blocks : int
        Blocks of time that are counted separately.

    Returns
    -------
    (blocks, 2, M) int64
    """
    follows = (np.diff(frames) == 1) & (np.diff(numbers[frames]) == 1)
    now = frames[:-1][follows]
    on, later = activity[now] > above, activity[now + 1] > above
    counted = np.stack([on, on & ~later], axis=1)
    parts = np.array_split(counted, blocks)
    return np.stack([part.sum(axis=0, dtype=np.int64) for part in parts])


def dwell_table(counts: dict[str, NDArray[np.int64]], frame_interval_s: float) -> pd.DataFrame:
    """Compute mean dwell times: frames on, over ends of episodes.

    Parameters
    ----------
    counts : dict of str to (blocks, 2, M) int arrays
        See `episodes`, by where they come from.
    frame_interval_s : float

    Returns
    -------
    pandas.DataFrame
        ``source, assembly, dwell_s, dwell_low, dwell_high, episodes``: one row for all assemblies
        together (``assembly`` is -1) and one for each. The interval of 95 % is jackknifed over the
        blocks; NaN with fewer than five. Infinite if no episode ends.
    """
    rows = []
    for source, blocks in counts.items():
        pooled = blocks.sum(axis=2, keepdims=True)
        joined = np.concatenate([pooled, blocks], axis=2).astype(np.float64)
        total = joined.sum(axis=0)
        value = _ratio(total)
        reach = np.full(len(value), np.nan)
        if len(blocks) >= FEWEST_BLOCKS:
            without = np.stack([_ratio(total - each) for each in joined])
            known = np.isfinite(without).all(axis=0)
            factor = float(stats.t.isf((1 - LEVEL) / 2, len(blocks) - 1))
            reach[known] = factor * np.sqrt(
                [jackknife_variance(column) for column in without[:, known].T]
            )
        for column, (mean, error) in enumerate(zip(value, reach, strict=True)):
            rows.append(
                {
                    "source": source,
                    "assembly": column - 1,
                    "dwell_s": frame_interval_s * mean,
                    "dwell_low": frame_interval_s * (mean - error),
                    "dwell_high": frame_interval_s * (mean + error),
                    "episodes": int(total[1, column]),
                }
            )
    return pd.DataFrame(rows)


def _ratio(total: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return frames over ends of (2, K) sums; infinite without an end, NaN if never on."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(total[0] / total[1])
