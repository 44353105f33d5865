"""Members of an assembly: neurons whose weight exceeds a fraction of the largest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: A neuron is a member of an assembly if its weight exceeds this fraction of the
#: assembly's largest (both absolute). The sparse penalty sets most other weights to exactly
#: zero; the fraction removes the weak remainder, whatever the scale of the weights.
MEMBERSHIP_FRACTION = 0.2


def membership(
    weights: NDArray[np.floating], threshold: float | NDArray[np.floating] | None = None
) -> NDArray[np.bool_]:
    """Return the members of each assembly, (N, M) bool for weights (N, M).

    Parameters
    ----------
    weights : (N, M) float array
    threshold : float or (M,) array, optional
        Members have ``|w| > threshold``. By default the threshold is
        `MEMBERSHIP_FRACTION` of the largest ``|w|`` of every assembly.
    """
    if threshold is None:
        threshold = membership_thresholds(weights)
    return np.asarray(np.abs(weights) > threshold)


def membership_thresholds(weights: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the ``|w|`` that members of each assembly exceed, (M,) for weights (N, M)."""
    largest = np.maximum(weights.max(axis=0), -weights.min(axis=0))
    return np.asarray(MEMBERSHIP_FRACTION * largest)


def members(
    weights_column: NDArray[np.floating], threshold: float | None = None
) -> NDArray[np.int64]:
    """Return the members of one assembly, ascending, from its weights (N,); see `membership`."""
    return np.flatnonzero(membership(weights_column, threshold)).astype(np.int64)
