"""Activity of assemblies: when one is on, and which ones are alike."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import leaves_list, ward
from scipy.spatial.distance import squareform


def active_threshold(activity: NDArray[np.floating]) -> NDArray[np.float64]:
    """Activity above which an assembly counts as active, (M,) for activity (T, M).

    The frames of every assembly are divided in two at the value that leaves the
    smallest spread within both groups (exact two-means); the threshold lies midway
    between the means of the groups. Constant activity has threshold +inf: never active.
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


def sort_by_similarity(activity: NDArray[np.floating]) -> NDArray[np.int64]:
    """Order of assemblies that puts those of similar activity side by side.

    Correlation distance between columns of the activity (T, M), Ward linkage, order of
    the leaves, as in the paper. Constant columns correlate with nothing and come last.
    """
    values = np.asarray(activity, dtype=np.float64)
    varying = np.flatnonzero(np.ptp(values, axis=0) > 0)
    constant = np.setdiff1d(np.arange(values.shape[1]), varying)
    if len(varying) > 1:
        distance = np.asarray(1.0 - np.corrcoef(values[:, varying], rowvar=False))
        np.fill_diagonal(distance, 0.0)
        condensed = squareform(np.maximum(distance, 0.0), checks=False)
        varying = varying[leaves_list(ward(condensed))]
    return np.concatenate([varying, constant]).astype(np.int64)
