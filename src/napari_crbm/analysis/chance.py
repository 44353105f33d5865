"""Chance levels: the quantile of shuffles, the smallest number of shuffles, multiple tests."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: An assembly is found again if its similarity to its partner exceeds this quantile of the
#: similarities reached in shuffled models.
CHANCE_QUANTILE = 0.95


#: With fewer shuffles even their maximum is exceeded by chance more than once in twenty.
MIN_SHUFFLES = 19


def false_discovery_rate(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute q-values of Benjamini and Hochberg (1995), same shape; NaN is kept and ignored."""
    p = np.asarray(p_values, dtype=np.float64)
    known = np.isfinite(p)
    if not known.any():
        return np.full_like(p, np.nan)
    from scipy.stats import false_discovery_control

    q = np.full_like(p, np.nan)
    q[known] = false_discovery_control(p[known])
    return q
