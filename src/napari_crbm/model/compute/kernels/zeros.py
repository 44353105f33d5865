"""Arrays of zeros for kernels.

In a parallel kernel Numba turns ``np.zeros`` into a further parallel loop, which must be compiled.
The assignment of one array to another takes seconds to compile; kernels copy elements in a loop.
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
