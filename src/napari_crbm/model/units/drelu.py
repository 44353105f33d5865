r"""The double-ReLU hidden unit: a Gaussian with its own width and slope on each side of zero.

The potential (paper Eq. 13 in the convention of the reference implementation) is

.. math:: U(h) = \tfrac12\gamma_+ h_+^2 + \tfrac12\gamma_- h_-^2 + \theta_+ h_+ + \theta_- |h_-|

with :math:`h_+ = \max(h, 0)`, :math:`h_- = \min(h, 0)`. Note that
:math:`\theta_-` multiplies :math:`|h_-|`, so it is minus the paper's.

Given its input ``I`` a unit is a mixture of two truncated normals. On the
positive side, with ``a = theta_plus - I`` and ``x = a / sqrt(gamma_plus)``, the
scaled variable ``z = h sqrt(gamma_plus)`` has weight ``exp(-z^2 / 2 - x z)``, whose
moments obey ``m[k+1] + x m[k] = k m[k-1]``. For positive x this recursion cancels
when run forwards (the error grows like ``x^2k``), but is stable run backwards: the
ratios ``r[k] = m[k] / m[k-1]`` follow from ``r[k] = k / (x + r[k+1])``, and the
normalisation, the Mills ratio, from ``1 / (x + r[1])``. For negative x the forward
recursion only adds. Differences of ``erf`` appear nowhere.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit, prange
from numpy.typing import ArrayLike, NDArray

from napari_crbm.errors import ModelError
from napari_crbm.model.compute.kernels.fast_math import (
    exp2_32,
    exp_64,
    fourth_ratio,
    log_32,
    log_64,
    mills_32,
)
from napari_crbm.model.compute.randomness import subkey, uniform32

_SQRT_TWO_PI = math.sqrt(2 * math.pi)
# exp() of more than this is not needed: the other side of the unit is then impossible.
_LARGEST = 700.0

# The same constants for draws, which are made in single precision.
_ZERO_32, _HALF_32, _ONE_32 = np.float32(0), np.float32(0.5), np.float32(1)
_LOG2E_32 = np.float32(math.log2(math.e))
_SQRT_TWO_PI_32 = np.float32(_SQRT_TWO_PI)
_BELOW_HALF_PI_32 = np.float32(math.sqrt(math.pi / 2))
_LIMIT_32 = np.float32(126)
_SMALLEST_32 = np.float32(1e-12)
_LOW_WORD, _S32 = np.uint64(0xFFFFFFFF), np.uint64(32)
#: Hidden units are drawn in groups of this many.
_GROUP = 16


class DReLU(NamedTuple):
    """Parameters of M double-ReLU units, each (M,) float64.

    ``theta_minus`` multiplies ``|h|`` for negative ``h``.
    """

    gamma_plus: NDArray[np.float64]
    gamma_minus: NDArray[np.float64]
    theta_plus: NDArray[np.float64]
    theta_minus: NDArray[np.float64]

    @property
    def n_hidden(self) -> int:
        """Number of units M."""
        return len(self.gamma_plus)

    def stacked(self) -> NDArray[np.float64]:
        """All four rows in one (4, M) array, as the kernels take them."""
        return np.ascontiguousarray(np.stack(self), dtype=np.float64)

    def rescaled(self, scale: NDArray[np.float64]) -> DReLU:
        """Parameters of ``h / scale``; with weights times ``scale`` the model is the same."""
        return DReLU(
            self.gamma_plus * scale**2,
            self.gamma_minus * scale**2,
            self.theta_plus * scale,
            self.theta_minus * scale,
        )

    def mirrored(self, units: NDArray[np.bool_]) -> DReLU:
        """Parameters of ``-h`` for the chosen units; their weights change sign too."""
        return DReLU(
            np.where(units, self.gamma_minus, self.gamma_plus),
            np.where(units, self.gamma_plus, self.gamma_minus),
            np.where(units, self.theta_minus, self.theta_plus),
            np.where(units, self.theta_plus, self.theta_minus),
        )


def for_sampling(units: DReLU) -> NDArray[np.float32]:
    """Constants of `sample_row`, (4, M rounded up to whole groups) float32.

    Inverse square roots of both stiffnesses, then both thetas; the spare columns
    describe a unit that nobody looks at.
    """
    n_hidden = units.n_hidden
    constants = np.zeros((4, -(-n_hidden // _GROUP) * _GROUP), dtype=np.float32)
    constants[:2] = 1.0
    constants[0, :n_hidden] = 1 / np.sqrt(units.gamma_plus)
    constants[1, :n_hidden] = 1 / np.sqrt(units.gamma_minus)
    constants[2, :n_hidden] = units.theta_plus
    constants[3, :n_hidden] = units.theta_minus
    return constants


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _beyond(x, u):
    """The z >= 0 with ``M(x + z) exp(-z^2/2 - x z) = u M(x)``, for x >= 0: a quantile.

    Both starting values are upper bounds, and Halley's second step leaves an error
    below 1e-6 of z.
    """
    mills = mills_32(x)
    loss = -log_32(u)
    twice = loss + loss
    z = min(loss * mills, twice / (x + np.sqrt(x * x + twice)))
    log_mills = log_32(mills)
    for _ in range(2):
        hazard = _ONE_32 / mills_32(x + z)
        excess = z * (x + _HALF_32 * z) + log_mills + log_32(hazard) - loss
        z -= excess / (hazard - _HALF_32 * excess * (hazard - x - z))
    return max(z, _ZERO_32)


@njit(cache=True, nogil=True, error_model="numpy")
def sample_row(inputs, units, key, out):
    """Draw hidden units given their inputs, both as wide as ``units``; a pure function of key.

    One uniform number chooses the side, another the quantile on that side. ``out``
    must not overlap ``inputs``.
    """
    side, quantile = subkey(key, 0), subkey(key, 1)
    side_low, side_high = np.uint32(side & _LOW_WORD), np.uint32(side >> _S32)
    low, high = np.uint32(quantile & _LOW_WORD), np.uint32(quantile >> _S32)
    for m in range(inputs.shape[0]):
        scale_plus, scale_minus = units[0, m], units[1, m]
        xp = (units[2, m] - inputs[m]) * scale_plus
        xm = (units[3, m] + inputs[m]) * scale_minus
        power_plus = _HALF_32 * _LOG2E_32 * xp * xp
        power_minus = _HALF_32 * _LOG2E_32 * xm * xm
        near_plus = mills_32(abs(xp)) * exp2_32(-min(power_plus, _LIMIT_32))
        near_minus = mills_32(abs(xm)) * exp2_32(-min(power_minus, _LIMIT_32))
        mass_plus = mills_32(abs(xp)) if xp >= _ZERO_32 else _SQRT_TWO_PI_32 - near_plus
        mass_minus = mills_32(abs(xm)) if xm >= _ZERO_32 else _SQRT_TWO_PI_32 - near_minus
        power = (_ZERO_32 if xm >= _ZERO_32 else power_minus) - (
            _ZERO_32 if xp >= _ZERO_32 else power_plus
        )
        odds = (mass_minus * scale_minus) / (mass_plus * scale_plus)
        odds *= exp2_32(min(max(power, -_LIMIT_32), _LIMIT_32))
        plus = uniform32(side_low, side_high, np.uint32(m)) * (_ONE_32 + odds) < _ONE_32

        x = xp if plus else xm
        u = uniform32(low, high, np.uint32(m))
        # With its peak at zero the side is a tail; else a normal cut on the far side of
        # its peak, whose quantile is counted from the peak.
        tail = x >= _ZERO_32
        share = u * (_ONE_32 - (near_plus if plus else near_minus) / _SQRT_TWO_PI_32)
        above_peak = share < _HALF_32
        rest = min(share, _ONE_32 - share)
        z = _beyond(x if tail else _ZERO_32, max(u if tail else rest + rest, _SMALLEST_32))
        from_peak = z - x if above_peak else max(-x - z, _ZERO_32)
        z = z if tail else from_peak
        out[m] = z * scale_plus if plus else -z * scale_minus


@njit(parallel=True, cache=True, nogil=True, error_model="numpy")
def sample_kernel(inputs, units, key, out):
    """Draw (B, M) hidden values given (B, M) inputs; every row has its own stream."""
    n_hidden = inputs.shape[1]
    for b in prange(inputs.shape[0]):
        row = np.zeros(units.shape[1], dtype=np.float32)
        drawn = np.empty(units.shape[1], dtype=np.float32)
        row[:n_hidden] = inputs[b]
        sample_row(row, units, subkey(key, b), drawn)
        out[b] = drawn[:n_hidden]


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _half(x):
    """Mass of exp(-z^2/2 - x z) over z > 0, and its first four moments.

    The mass is ``mass * exp(power)``, which does not overflow.
    """
    a = abs(x)
    r4 = fourth_ratio(a)
    r3 = 3.0 / (a + r4)
    r2 = 2.0 / (a + r3)
    r1 = 1.0 / (a + r2)
    mills = 1.0 / (a + r1)
    tail = x >= 0.0
    power = 0.5 * a * a
    near = exp_64(-min(power, _LARGEST))
    mass = mills if tail else _SQRT_TWO_PI - mills * near
    m1 = r1 if tail else near / mass + a
    m2 = r1 * r2 if tail else 1.0 + a * m1
    m3 = r1 * r2 * r3 if tail else 2.0 * m1 + a * m2
    m4 = r1 * r2 * r3 * r4 if tail else 3.0 * m2 + a * m3
    return mass, 0.0 if tail else power, m1, m2, m3, m4


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _odds(mass_plus, power_plus, scale_plus, mass_minus, power_minus, scale_minus):
    """How much more probable the negative side is than the positive."""
    power = min(max(power_minus - power_plus, -_LARGEST), _LARGEST)
    return (mass_minus * scale_minus) / (mass_plus * scale_plus) * exp_64(power)


@njit(cache=True, nogil=True, error_model="numpy")
def _moments_group(inputs, hidden, moments):
    """Moments of one group of units; ``hidden`` (4 groups,) and ``moments`` (8 groups,) flat.

    Written at constant distances into one array: with eight arrays to write to, the
    loop would not be vectorised.
    """
    for m in range(_GROUP):
        value = inputs[m]
        sp = 1.0 / np.sqrt(hidden[m])
        sm = 1.0 / np.sqrt(hidden[m + _GROUP])
        mass_plus, power_plus, p1, p2, p3, p4 = _half((hidden[m + 2 * _GROUP] - value) * sp)
        mass_minus, power_minus, q1, q2, q3, q4 = _half((hidden[m + 3 * _GROUP] + value) * sm)
        odds = _odds(mass_plus, power_plus, sp, mass_minus, power_minus, sm)
        p = 1.0 / (1.0 + odds)
        q = 1.0 / (1.0 + 1.0 / odds)
        sp2, sm2 = sp * sp, sm * sm
        moments[m] = p * sp * p1
        moments[m + _GROUP] = p * sp2 * p2
        moments[m + 2 * _GROUP] = p * sp * sp2 * p3
        moments[m + 3 * _GROUP] = p * sp2 * sp2 * p4
        moments[m + 4 * _GROUP] = q * sm * q1
        moments[m + 5 * _GROUP] = q * sm2 * q2
        moments[m + 6 * _GROUP] = q * sm * sm2 * q3
        moments[m + 7 * _GROUP] = q * sm2 * sm2 * q4


@njit(parallel=True, cache=True, nogil=True, error_model="numpy")
def moments_kernel(inputs, hidden, moments):
    """Raw moments of both halves for every (frame, unit).

    ``moments`` is (8, B, M): <h+>, <h+^2>, <h+^3>, <h+^4>, then the same of |h-|.
    """
    n_hidden = inputs.shape[1]
    n_groups = (n_hidden + _GROUP - 1) // _GROUP
    grouped = np.ones((n_groups, 4 * _GROUP))
    for m in range(n_hidden):
        for k in range(4):
            grouped[m // _GROUP, k * _GROUP + m % _GROUP] = hidden[k, m]
    for b in prange(inputs.shape[0]):
        values = np.zeros(_GROUP)
        found = np.empty(8 * _GROUP)
        for group in range(n_groups):
            first = group * _GROUP
            size = min(_GROUP, n_hidden - first)
            for m in range(size):
                values[m] = inputs[b, first + m]
            _moments_group(values, grouped[group], found)
            for k in range(8):
                for m in range(size):
                    moments[k, b, first + m] = found[k * _GROUP + m]


@njit(cache=True, nogil=True, error_model="numpy")
def _cumulant_row(inputs, hidden, out):
    for m in range(inputs.shape[0]):
        value = np.float64(inputs[m])
        sp = 1.0 / np.sqrt(hidden[0, m])
        sm = 1.0 / np.sqrt(hidden[1, m])
        mass_plus, power_plus, _, _, _, _ = _half((hidden[2, m] - value) * sp)
        mass_minus, power_minus, _, _, _, _ = _half((hidden[3, m] + value) * sm)
        top = max(power_plus, power_minus)
        out[m] = top + log_64(
            mass_plus * sp * exp_64(max(power_plus - top, -_LARGEST))
            + mass_minus * sm * exp_64(max(power_minus - top, -_LARGEST))
        )


@njit(parallel=True, cache=True, nogil=True, error_model="numpy")
def cumulant_kernel(inputs, hidden, out):
    """Cumulant function for every (frame, unit)."""
    for b in prange(inputs.shape[0]):
        _cumulant_row(inputs[b], hidden, out[b])


@njit(cache=True, nogil=True, error_model="numpy")
def _mean_row(inputs, hidden, out):
    for m in range(inputs.shape[0]):
        value = np.float64(inputs[m])
        sp = 1.0 / np.sqrt(hidden[0, m])
        sm = 1.0 / np.sqrt(hidden[1, m])
        mass_plus, power_plus, p1, _, _, _ = _half((hidden[2, m] - value) * sp)
        mass_minus, power_minus, q1, _, _, _ = _half((hidden[3, m] + value) * sm)
        odds = _odds(mass_plus, power_plus, sp, mass_minus, power_minus, sm)
        out[m] = p1 * sp / (1.0 + odds) - q1 * sm / (1.0 + 1.0 / odds)


@njit(parallel=True, cache=True, nogil=True, error_model="numpy")
def mean_kernel(inputs, hidden, out):
    """Mean hidden value for every (frame, unit): what is shown as activity."""
    for b in prange(inputs.shape[0]):
        _mean_row(inputs[b], hidden, out[b])


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
    def variance(self) -> NDArray[np.float64]:
        """Var[h | I], the second derivative of the cumulant function."""
        return self.square - self.mean**2


def potential(h: ArrayLike, units: DReLU) -> NDArray[np.float64]:
    """U(h) of every unit (paper Eq. 13); ``h`` is (..., M)."""
    value = np.asarray(h, dtype=np.float64)
    up, down = np.maximum(value, 0.0), np.maximum(-value, 0.0)
    return np.asarray(
        0.5 * units.gamma_plus * up**2
        + 0.5 * units.gamma_minus * down**2
        + units.theta_plus * up
        + units.theta_minus * down
    )


def _require_inputs(inputs: NDArray[np.floating], units: DReLU) -> None:
    """Refuse inputs that are not (B, M) for M units, before a kernel reads beyond them."""
    wanted = (units.n_hidden,)
    fits = isinstance(inputs, np.ndarray) and inputs.ndim == 2 and inputs.dtype.kind == "f"
    if not fits or inputs.shape[1:] != wanted or any(np.shape(row) != wanted for row in units):
        raise ModelError(
            f"Inputs must be numbers of shape (frames, {units.n_hidden}), one for each hidden "
            f"unit; found shape {np.shape(inputs)} and units of "
            f"{', '.join(str(np.shape(row)) for row in units)}."
        )


def moments(inputs: NDArray[np.floating], units: DReLU) -> Moments:
    """Conditional moments of both sides for inputs of shape (B, M)."""
    _require_inputs(inputs, units)
    raw = np.empty((8, *inputs.shape))
    moments_kernel(inputs, units.stacked(), raw)
    return Moments(raw[:4], raw[4:])


def cumulant(inputs: NDArray[np.floating], units: DReLU) -> NDArray[np.float64]:
    """Gamma(I) = log of the integral of exp(-U(h) + I h) dh; inputs (B, M)."""
    _require_inputs(inputs, units)
    out = np.empty(inputs.shape)
    cumulant_kernel(inputs, units.stacked(), out)
    return out


def mean(inputs: NDArray[np.floating], units: DReLU) -> NDArray[np.float32]:
    """E[h | I] for inputs (B, M) (paper Eq. 9), float32."""
    _require_inputs(inputs, units)
    out = np.empty(inputs.shape, dtype=np.float32)
    mean_kernel(inputs, units.stacked(), out)
    return out


def sample(inputs: NDArray[np.floating], units: DReLU, key: np.uint64) -> NDArray[np.float32]:
    """Draw h given inputs (B, M) from the stream ``key``, float32."""
    _require_inputs(inputs, units)
    out = np.empty(inputs.shape, dtype=np.float32)
    sample_kernel(inputs.astype(np.float32, copy=False), for_sampling(units), key, out)
    return out


def mode(inputs: NDArray[np.floating], units: DReLU) -> NDArray[np.float64]:
    """The most probable h given inputs (B, M): the zero-temperature response.

    Between the two thresholds it is zero; where both sides have a maximum
    (``theta_plus + theta_minus < 0``) the deeper one is taken.
    """
    value = np.asarray(inputs, dtype=np.float64)
    up = np.maximum(value - units.theta_plus, 0.0) / units.gamma_plus
    down = np.maximum(-value - units.theta_minus, 0.0) / units.gamma_minus
    gain_up = 0.5 * units.gamma_plus * up**2
    gain_down = 0.5 * units.gamma_minus * down**2
    return np.where(gain_up >= gain_down, up, -down)
