"""Effective number of equal shares: the participation ratio."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def effective_number(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the participation ratio of each row times its length, 0 for a row of zeros."""
    squares = x**2
    fourth = (squares**2).sum(axis=1)
    total = squares.sum(axis=1) ** 2
    return np.asarray(np.divide(total, fourth, out=np.zeros_like(total), where=fourth > 0))
