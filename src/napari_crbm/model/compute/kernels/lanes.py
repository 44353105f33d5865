"""Lanes: fixed groups of neurons whose sums are added in a fixed order."""

from __future__ import annotations

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

MAX_LANES = 16


def lane_bounds(n_neurons: int) -> NDArray[np.int64]:
    """Return the first neuron of every lane, and N: (L + 1,); at least 64 neurons per lane."""
    n_lanes = min(max(n_neurons // 64, 1), MAX_LANES)
    return np.arange(n_lanes + 1) * n_neurons // n_lanes


@njit(cache=True, nogil=True)
def add_lanes_of(partial, b, total):
    """Sum chain ``b`` of (L, B, M) partial inputs in lane order into (M,)."""
    for m in range(total.shape[0]):
        total[m] = partial[0, b, m]
    for lane in range(1, partial.shape[0]):
        own = partial[lane, b]
        for m in range(total.shape[0]):
            total[m] += own[m]


@njit(cache=True, nogil=True, parallel=True)
def add_lanes(partial, total):
    """Sum (L, B, M) partial inputs in lane order into (B, M)."""
    for b in prange(total.shape[0]):
        add_lanes_of(partial, np.int64(b), total[b])


@njit(cache=True, nogil=True)
def add_rows(partial, total):
    """Sum (L, M) rows in order into (M,). NumPy's sum over an axis takes seconds to compile."""
    for m in range(total.shape[0]):
        total[m] = partial[0, m]
    for lane in range(1, partial.shape[0]):
        for m in range(total.shape[0]):
            total[m] += partial[lane, m]
