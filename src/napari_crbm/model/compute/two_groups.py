"""When an assembly is on: frames divided into two groups by a hidden unit's input or activity.

An assembly is on in the frames of the upper group. The groups are those of two-means: each
frame belongs to the nearer of the two group means, so that the threshold lies halfway between
them.

The same division is found in three ways, for three kinds of values. `active_threshold` finds the
best division exactly, by sorting; use it for results. `on_frames` iterates from the mean, without
sorting; training uses it on millions of inputs. `two_values` needs no frames at all: it follows
from the skewness of a course, also of one that is too noisy to be divided.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: A state that holds in fewer frames is not described.
FEWEST_FRAMES = 10
#: Share of the variance that two groups must explain to count as two states. Halves of a course
#: that takes all values equally often explain three quarters.
EXPLAINED = 0.8
_MAX_ITERATIONS = 50


def active_threshold(activity: NDArray[np.floating]) -> NDArray[np.float64]:
    """Compute the activity above which an assembly is on, by exact two-means.

    The frames of every assembly are divided at the value that leaves the smallest spread within
    both groups. The threshold lies midway between the means of the groups.

    Parameters
    ----------
    activity : (T, M) float array

    Returns
    -------
    threshold : (M,) float64
        Infinite for constant activity: such an assembly is never on.
    """
    ordered = np.sort(np.asarray(activity, dtype=np.float64), axis=0)
    n_frames = len(ordered)
    if n_frames < 2:
        return np.full(ordered.shape[1], np.inf)
    below = np.arange(1, n_frames)[:, None]
    sums = np.cumsum(ordered, axis=0)
    mean_low = sums[:-1] / below
    mean_high = (sums[-1] - sums[:-1]) / (n_frames - below)
    separation = below * (n_frames - below) * (mean_high - mean_low) ** 2
    best = separation.argmax(axis=0)
    units = np.arange(ordered.shape[1])
    threshold = (mean_low[best, units] + mean_high[best, units]) / 2
    return np.where(ordered[-1] > ordered[0], threshold, np.inf)


def on_frames(inputs: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Find the frames in which each assembly is on, by two-means iterated from the mean.

    Parameters
    ----------
    inputs : (T, M) float array

    Returns
    -------
    on : (T, M) bool
        Constant positive inputs form one group and count as on; callers ask for enough frames in
        both groups.
    """
    threshold = inputs.mean(axis=0, dtype=np.float64)
    for _ in range(_MAX_ITERATIONS):
        on = inputs > threshold
        middle = 0.5 * (mean_within(inputs, on) + mean_within(inputs, ~on))
        if np.array_equal(middle, threshold):
            break
        threshold = middle
    return np.asarray(inputs > threshold)


def two_values(
    courses: NDArray[np.floating],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Compute the two values of courses that are either on or off from their skewness.

    A course of zero mean, unit variance and skewness s that takes two values takes
    ``a = (s + sqrt(s^2 + 4)) / 2`` while on, ``-1 / a`` while off, and is on in ``1 / (1 + a^2)``
    of the frames.

    Parameters
    ----------
    courses : (T, K) float array
        Of zero mean and unit variance.

    Returns
    -------
    on, off, share : (K,) float64
        Value while on, value while off, and share of the frames in which the course is on.
    """
    skewness = np.clip((courses.astype(np.float64) ** 3).mean(axis=0), 0.0, 10.0)
    on = 0.5 * (skewness + np.sqrt(skewness**2 + 4))
    return on, -1 / on, 1 / (1 + on**2)


def mean_within(values: NDArray[np.floating], frames: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Compute means of (T, M) values over the chosen frames (T, M) of each unit.

    Returns
    -------
    mean : (M,) float64
        Zero where no frame is chosen.
    """
    sums = np.sum(values, axis=0, where=frames, dtype=np.float64)
    return np.asarray(sums / np.maximum(frames.sum(axis=0), 1))
