"""Zeros in compiled code.

Numba makes a parallel loop of its own, with a function to compile, of every array of zeros in a
parallel kernel. It takes seconds to compile the assignment of one array to another, so that
elements are copied in loops.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def zeros(shape):
    """Return a float32 array of zeros."""
    return np.zeros(shape, dtype=np.float32)


@njit(cache=True, nogil=True)
def clear(array):
    """Write zeros into a vector."""
    for k in range(array.shape[0]):
        array[k] = 0
