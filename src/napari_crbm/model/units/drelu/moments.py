"""Conditional moments of double-ReLU units."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Moments(NamedTuple):
    """Conditional moments given the inputs.

    ``plus`` and ``minus`` hold ``<h+^k>`` and ``<|h-|^k>`` for k = 1 to 4 in
    rows 0 to 3: (4, B, M) float64 each.
    """

    plus: NDArray[np.float64]
    minus: NDArray[np.float64]

    @property
    def mean(self) -> NDArray[np.float64]:
        """E[h | I], the derivative of the cumulant function."""
        mean: NDArray[np.float64] = self.plus[0] - self.minus[0]
        return mean

    @property
    def square(self) -> NDArray[np.float64]:
        """E[h^2 | I]."""
        square: NDArray[np.float64] = self.plus[1] + self.minus[1]
        return square

    @property
    def cube(self) -> NDArray[np.float64]:
        """E[h^3 | I]."""
        cube: NDArray[np.float64] = self.plus[2] - self.minus[2]
        return cube

    @property
    def variance(self) -> NDArray[np.float64]:
        """Var[h | I], the second derivative of the cumulant function."""
        return self.square - self.mean**2
