r"""Means of quantities over weighted states, and their standard errors.

With normalised weights w_s of the states (their sum is one), the expected value given the event is
:math:`\mu = \sum_s w_s x_s` and before it :math:`m = \sum_s x_s / n`. To first order the error of
the difference is the sum over states of :math:`w_s (x_s - \mu) - (x_s - m) / n`. Both means come
from the same states, so that what the event does not touch changes by exactly nothing.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Change(NamedTuple):
    """Expected values before the event and given it, with the standard error of the difference.

    ``before`` (C,) or (K, C), ``given`` and ``error`` (K, C), float64.
    """

    before: NDArray[np.float64]
    given: NDArray[np.float64]
    error: NDArray[np.float64]


class Moments:
    """Sums over states of C quantities for K sets of weights.

    Parameters
    ----------
    n_sets, n_quantities : int
    """

    def __init__(self, n_sets: int, n_quantities: int) -> None:
        shape = (n_sets, n_quantities)
        self._first, self._square = np.zeros(shape), np.zeros(shape)
        self._first_of_squared, self._square_of_squared = np.zeros(shape), np.zeros(shape)
        self._plain = np.zeros(n_quantities)
        self._plain_square = np.zeros(n_quantities)
        self._squared_weights = np.zeros(n_sets)
        self._n_states = 0

    def add(self, weights: NDArray[np.floating], values: NDArray[np.floating]) -> None:
        """Add some states: normalised weights (b, K) and values (b, C)."""
        w = weights.astype(np.float32)
        squares = values * values
        self._first += w.T @ values
        self._square += w.T @ squares
        self._first_of_squared += (w * w).T @ values
        self._square_of_squared += (w * w).T @ squares
        self._plain += values.sum(axis=0, dtype=np.float64)
        self._plain_square += squares.sum(axis=0, dtype=np.float64)
        self._squared_weights += (weights**2).sum(axis=0, dtype=np.float64)
        self._n_states += len(values)

    def plain(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Compute the mean over all states and its squared standard error, both (C,)."""
        mean = self._plain / self._n_states
        spread = np.maximum(self._plain_square / self._n_states - mean**2, 0.0)
        return mean, spread / self._n_states

    def given(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Compute the weighted means and their squared standard errors, both (K, C)."""
        mean = self._first
        square = self._square_of_squared - 2 * mean * self._first_of_squared
        square = square + mean**2 * self._squared_weights[:, None]
        return mean, np.maximum(square, 0.0)

    def change(self, times: NDArray[np.float64]) -> Change:
        """Compute the change between all states and the weighted ones.

        Parameters
        ----------
        times : (K,) float64
            Successive states of a chain that count as one.
        """
        before, before_square = self.plain()
        given, square = self.given()
        shared = (self._square - given**2) / self._n_states
        total = np.maximum(square + before_square - 2 * shared, 0.0)
        return Change(before, given, np.sqrt(total * times[:, None]))
