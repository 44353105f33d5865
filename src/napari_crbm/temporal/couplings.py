r"""Couplings in training: the gradient, and the proximal step of a penalty on pairs.

The past of one source, seen through the B functions of the lag, is made white: its B courses
then have unit variance and no correlation. The length of the B couplings of a pair is therefore the
standard deviation of what the source adds to the input of the target. The penalty is the sum of
these lengths over pairs of different assemblies (Yuan and Lin 2006), so that a pair is coupled at
all lags or at none. An assembly's own past has no penalty: it carries the persistence of activity,
which would otherwise be explained by others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Ridge of the whitening, as a share of the mean variance: functions of the lag overlap, and their
# smallest differences are mostly noise.
_RIDGE = 0.02
# Step size in units of the inverse largest eigenvalue of the past, and momentum.
_STEP, _MOMENTUM = 0.3, 0.5


@dataclass(frozen=True, eq=False)
class WhitePast:
    """The past of all sources, made white for each.

    Parameters
    ----------
    courses : (T, M, B) float32
    whitening : (M, B, B) float64
        ``courses[:, m] = past[:, :, m] @ whitening[m]``.
    step : float
        Step size at which the ascent is stable.
    """

    courses: NDArray[np.float32]
    whitening: NDArray[np.float64]
    step: float

    @classmethod
    def of(cls, past: NDArray[np.float32]) -> WhitePast:
        """Make the past (T, B, M) of training frames white."""
        n_frames, n_functions, n_units = past.shape
        courses = np.empty((n_frames, n_units, n_functions), dtype=np.float32)
        whitening = np.empty((n_units, n_functions, n_functions))
        for unit in range(n_units):
            own = past[:, :, unit].astype(np.float64)
            square = own.T @ own / n_frames
            ridge = _RIDGE * np.trace(square) / n_functions + 1e-12
            values, vectors = np.linalg.eigh(square + ridge * np.eye(n_functions))
            whitening[unit] = vectors / np.sqrt(values) @ vectors.T
            courses[:, unit] = own @ whitening[unit]
        flat = courses.reshape(n_frames, -1)
        largest = float(np.linalg.eigvalsh((flat.T @ flat / n_frames).astype(np.float64))[-1])
        return cls(courses, whitening, _STEP / max(largest, 1.0))

    def couplings(self, white: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return couplings (B, M, M) to the past itself from those to the white one, (M, M, B)."""
        return np.asarray(np.einsum("nbk,mnk->bmn", self.whitening, white))

    def drive(self, white: NDArray[np.float64], shift: NDArray[np.float64]) -> NDArray[np.float32]:
        """Compute the shifts of the inputs in all frames, (T, M) float32."""
        flat = self.courses.reshape(len(self.courses), -1)
        joined = white.reshape(len(white), -1).astype(np.float32)
        return np.asarray(flat @ joined.T + shift.astype(np.float32), dtype=np.float32)

    def gradient(
        self, difference: NDArray[np.float32]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Compute the gradients of the mean log-likelihood: couplings (M, M, B), shift (M,).

        Parameters
        ----------
        difference : (T, M) float32
            E[h | v, past] of the recorded frames minus that of the model given the same past.
        """
        n_frames, n_units, n_functions = self.courses.shape
        flat = self.courses.reshape(n_frames, -1)
        product = (difference.T @ flat).astype(np.float64) / n_frames
        return product.reshape(n_units, n_units, n_functions), difference.mean(
            axis=0, dtype=np.float64
        )


def lengths(white: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the length of the couplings of each pair of different assemblies, (M, M)."""
    length = np.asarray(np.sqrt((white**2).sum(axis=2)))
    np.fill_diagonal(length, 0.0)
    return length


def shrunk(white: NDArray[np.float64], amount: float) -> NDArray[np.float64]:
    """Shorten the couplings of each pair of different assemblies; those of shorter length vanish.

    Parameters
    ----------
    white : (M, M, B) float64
    amount : float
        May be infinite.
    """
    length = lengths(white)
    kept = np.zeros_like(length)
    if np.isfinite(amount):
        np.divide(length - amount, length, out=kept, where=length > amount)
    np.fill_diagonal(kept, 1.0)
    return np.asarray(white * kept[:, :, None])


@dataclass
class Ascent:
    """Accelerated proximal gradient ascent (Beck and Teboulle 2009, with constant momentum).

    Parameters
    ----------
    white : (M, M, B) float64
    shift : (M,) float64
    before_white, before_shift
        The values before the last step.
    """

    white: NDArray[np.float64]
    shift: NDArray[np.float64]
    before_white: NDArray[np.float64]
    before_shift: NDArray[np.float64]

    @classmethod
    def at_zero(cls, n_units: int, n_functions: int) -> Ascent:
        """Start without couplings."""
        white, shift = np.zeros((n_units, n_units, n_functions)), np.zeros(n_units)
        return cls(white, shift, white, shift)

    def ahead(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the values at which the next gradient is taken."""
        return (
            self.white + _MOMENTUM * (self.white - self.before_white),
            self.shift + _MOMENTUM * (self.shift - self.before_shift),
        )

    def move(
        self,
        gradient: tuple[NDArray[np.float64], NDArray[np.float64]],
        rate: float,
        penalty: float,
    ) -> None:
        """Make a step from `ahead` along the gradient, and shrink."""
        white, shift = self.ahead()
        self.before_white, self.before_shift = self.white, self.shift
        self.white = shrunk(white + rate * gradient[0], rate * penalty)
        self.shift = shift + rate * gradient[1]
