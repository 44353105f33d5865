"""Order assemblies by the similarity of their activity."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import leaves_list, ward
from scipy.spatial.distance import squareform


def sort_by_similarity(activity: NDArray[np.floating]) -> NDArray[np.int64]:
    """Return the order of assemblies in which those of similar activity are adjacent.

    The order is that of the leaves of a Ward linkage on the correlation distance between the
    columns of the activity (T, M), as in the paper. Constant columns come last.
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
