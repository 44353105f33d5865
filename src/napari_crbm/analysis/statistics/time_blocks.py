"""Blocks of time that count as independent: their length follows from the autocorrelation."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from napari_crbm.analysis.evidence.stretches import stretches
from napari_crbm.autocorrelation import NEGLIGIBLE

#: A block lasts so many integrated autocorrelation times at least, and at most if there are
#: `WANTED_BLOCKS` of that length.
BLOCK_TIMES = (2.0, 4.0)
WANTED_BLOCKS = 12
#: Most blocks of one part of a recording; longer recordings have longer blocks.
MOST_BLOCKS = 30
# Lags up to this share of the frames are considered; beyond, estimates are mostly noise.
_LONGEST_LAG = 0.1


def correlation_times(
    courses: NDArray[np.floating], frames: NDArray[np.integer]
) -> tuple[float, int]:
    """Measure the autocorrelation times of courses of activity.

    Parameters
    ----------
    courses : (T, K) float array
        For example the activity of K assemblies. Constant ones do not count.
    frames : (T,) int
        Numbers of the frames in the recording, ascending; frames may be missing.

    Returns
    -------
    integrated : float
        Frames that count as one independent frame, at least 1: one plus twice the sum of the
        autocorrelation up to ``lag``; the median over courses, as is ``lag``.
    lag : int
        First lag in frames at which the autocorrelation is below
        `napari_crbm.autocorrelation.NEGLIGIBLE`.
    """
    place = np.asarray(frames) - frames[0]
    most = max(int(_LONGEST_LAG * len(frames)), 1)
    grid = np.zeros((int(place[-1]) + 1, courses.shape[1]))
    grid[place] = courses - courses.mean(axis=0, dtype=np.float64)
    known = np.zeros(len(grid))
    known[place] = 1
    size = 2 * len(grid)
    pairs = np.fft.irfft(np.abs(np.fft.rfft(known, size)) ** 2, size)[: most + 1]
    power = np.abs(np.fft.rfft(grid, size, axis=0)) ** 2
    covariance = np.fft.irfft(power, size, axis=0)[: most + 1] / np.maximum(pairs, 0.5)[:, None]
    scale = np.abs(courses).max(axis=0, initial=0.0)
    changing = covariance[0] > (1e-5 * scale) ** 2
    if not changing.any():
        return 1.0, 0
    rho = covariance[:, changing] / covariance[0, changing]
    low = rho < NEGLIGIBLE
    lag = np.where(low.any(axis=0), low.argmax(axis=0), most)
    before = np.arange(len(rho))[:, None] < lag
    integrated = np.maximum(2 * (rho * before).sum(axis=0) - 1, 1.0)
    return float(np.median(integrated)), int(np.ceil(np.median(lag)))


def block_frames(n_frames: int, integrated: float) -> float:
    """Return the shortest length of blocks of some frames, see `BLOCK_TIMES`."""
    least, most = (times * integrated for times in BLOCK_TIMES)
    return float(np.clip(n_frames / WANTED_BLOCKS, least, most))


def cut(
    frames: NDArray[np.integer], shortest: float, *, gap: int = 0, most: int = MOST_BLOCKS
) -> list[NDArray[np.int64]]:
    """Cut frames into blocks of time.

    Parameters
    ----------
    frames : (T,) int
        Ascending numbers of frames; a block ends where frames are missing.
    shortest : float
        Frames of a block at least, unless a stretch without missing frames is shorter.
    gap : int
        Frames left out between two neighbouring blocks.
    most : int
        Number of blocks at most, unless there are more stretches.

    Returns
    -------
    list of int arrays
        Positions in ``frames``.
    """
    shortest = max(shortest + gap, len(frames) / most, 1.0)
    blocks = []
    for start, stop in stretches(frames):
        length = stop - start + gap
        n_parts = max(int(length // shortest), 1)
        edges = start + np.arange(n_parts + 1) * length // n_parts
        blocks += [np.arange(first, last - gap) for first, last in pairwise(edges)]
    return [block for block in blocks if len(block)]


def chain_groups(n_samples: int, n_chains: int, n_groups: int) -> list[NDArray[np.int64]]:
    """Group samples by their chains.

    Parameters
    ----------
    n_samples, n_chains : int
        Sample k belongs to chain ``k % n_chains``. Every second chain may have another start,
        so that pairs of neighbouring chains stay together.
    n_groups : int

    Returns
    -------
    list of int arrays
        Positions of the samples of each group; fewer groups if there are fewer chains.
    """
    chain = np.arange(n_samples) % n_chains
    group = (chain // 2) % n_groups
    return [np.flatnonzero(group == k) for k in range(n_groups) if (group == k).any()]
