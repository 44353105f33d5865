"""Compiled kernels of double-ReLU units: draws, moments, means and cumulants.

The mathematics is in `napari_crbm.model.units.drelu.units`.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange

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
# Largest exponent: beyond it the other side of the unit has no probability.
_LARGEST = 700.0

# Constants of draws, which are made in single precision.
_ZERO_32, _HALF_32, _ONE_32 = np.float32(0), np.float32(0.5), np.float32(1)
_LOG2E_32 = np.float32(math.log2(math.e))
_SQRT_TWO_PI_32 = np.float32(_SQRT_TWO_PI)
_BELOW_HALF_PI_32 = np.float32(math.sqrt(math.pi / 2))
_LIMIT_32 = np.float32(126)
_SMALLEST_32 = np.float32(1e-12)
_LOW_WORD, _S32 = np.uint64(0xFFFFFFFF), np.uint64(32)
#: Kernels compute hidden units in groups of this many.
GROUP = 16


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _beyond(x, u):
    """Find z >= 0 with ``M(x + z) exp(-z^2/2 - x z) = u M(x)`` for x >= 0: a quantile.

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
    """Draw hidden units given their inputs, both as wide as ``units``; the key decides the draws.

    One uniform number chooses the side, another one the quantile on that side. ``out`` must not
    overlap ``inputs``.
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
        # If the peak is not inside, the side is a tail. Otherwise it is a normal distribution
        # cut beyond its peak, whose quantile is counted from the peak.
        tail = x >= _ZERO_32
        share = u * (_ONE_32 - (near_plus if plus else near_minus) / _SQRT_TWO_PI_32)
        above_peak = share < _HALF_32
        rest = min(share, _ONE_32 - share)
        z = _beyond(x if tail else _ZERO_32, max(u if tail else rest + rest, _SMALLEST_32))
        from_peak = z - x if above_peak else max(-x - z, _ZERO_32)
        z = z if tail else from_peak
        out[m] = z * scale_plus if plus else -z * scale_minus


@njit(cache=True, nogil=True, error_model="numpy")
def draw_row(inputs, units, key):
    """Draw hidden units given their inputs (M,); the result is as wide as ``units``."""
    row = np.empty(units.shape[1], dtype=np.float32)
    drawn = np.empty(units.shape[1], dtype=np.float32)
    for m in range(units.shape[1]):
        row[m] = inputs[m] if m < inputs.shape[0] else _ZERO_32
    sample_row(row, units, key, drawn)
    return drawn


@njit(cache=True, nogil=True, error_model="numpy")
def _sample(inputs, b, units, key, out):
    drawn = draw_row(inputs[b], units, subkey(key, b))
    for m in range(inputs.shape[1]):
        out[b, m] = drawn[m]


@njit(parallel=True, cache=True, nogil=True, error_model="numpy")
def sample_kernel(inputs, units, key, out):
    """Draw (B, M) hidden values given (B, M) inputs, every row from its own stream."""
    for b in prange(inputs.shape[0]):
        _sample(inputs, np.int64(b), units, key, out)


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _half(x):
    """Compute the mass of exp(-z^2/2 - x z) over z > 0, and its first four moments.

    The mass is returned as ``mass * exp(power)``, which does not overflow.
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
    """Compute the probability of the negative side over that of the positive one."""
    power = min(max(power_minus - power_plus, -_LARGEST), _LARGEST)
    return (mass_minus * scale_minus) / (mass_plus * scale_plus) * exp_64(power)


@njit(cache=True, nogil=True, error_model="numpy")
def _moments_group(inputs, hidden, moments):
    """Compute moments of one group of units; ``hidden`` (4 groups,), ``moments`` (8 groups,).

    Results go to constant distances in one array, since with eight arrays the loop would not be
    vectorised.
    """
    for m in range(GROUP):
        value = inputs[m]
        sp = 1.0 / np.sqrt(hidden[m])
        sm = 1.0 / np.sqrt(hidden[m + GROUP])
        mass_plus, power_plus, p1, p2, p3, p4 = _half((hidden[m + 2 * GROUP] - value) * sp)
        mass_minus, power_minus, q1, q2, q3, q4 = _half((hidden[m + 3 * GROUP] + value) * sm)
        odds = _odds(mass_plus, power_plus, sp, mass_minus, power_minus, sm)
        p = 1.0 / (1.0 + odds)
        q = 1.0 / (1.0 + 1.0 / odds)
        sp2, sm2 = sp * sp, sm * sm
        moments[m] = p * sp * p1
        moments[m + GROUP] = p * sp2 * p2
        moments[m + 2 * GROUP] = p * sp * sp2 * p3
        moments[m + 3 * GROUP] = p * sp2 * sp2 * p4
        moments[m + 4 * GROUP] = q * sm * q1
        moments[m + 5 * GROUP] = q * sm2 * q2
        moments[m + 6 * GROUP] = q * sm * sm2 * q3
        moments[m + 7 * GROUP] = q * sm2 * sm2 * q4


@njit(cache=True, nogil=True, error_model="numpy")
def _in_groups(hidden):
    """Arrange parameters (4, M) by groups of units, (groups, 4 GROUP), padded with ones."""
    n_hidden = hidden.shape[1]
    grouped = np.ones(((n_hidden + GROUP - 1) // GROUP, 4 * GROUP))
    for m in range(n_hidden):
        for k in range(4):
            grouped[m // GROUP, k * GROUP + m % GROUP] = hidden[k, m]
    return grouped


@njit(cache=True, nogil=True, error_model="numpy")
def _moments_row(inputs, b, grouped, moments):
    values = np.zeros(GROUP)
    found = np.empty(8 * GROUP)
    for group in range(grouped.shape[0]):
        first = group * GROUP
        size = min(GROUP, inputs.shape[1] - first)
        for m in range(size):
            values[m] = inputs[b, first + m]
        _moments_group(values, grouped[group], found)
        for k in range(8):
            for m in range(size):
                moments[k, b, first + m] = found[k * GROUP + m]


@njit(parallel=True, cache=True, nogil=True, error_model="numpy")
def moments_kernel(inputs, hidden, moments):
    """Compute raw moments of both sides for every frame and unit.

    ``moments`` is (8, B, M): <h+>, <h+^2>, <h+^3>, <h+^4>, then the same of |h-|.
    """
    grouped = _in_groups(hidden)
    for b in prange(inputs.shape[0]):
        _moments_row(inputs, np.int64(b), grouped, moments)


@njit(cache=True, nogil=True, error_model="numpy")
def _cumulant_row(inputs, b, hidden, out):
    for m in range(inputs.shape[1]):
        value = np.float64(inputs[b, m])
        sp = 1.0 / np.sqrt(hidden[0, m])
        sm = 1.0 / np.sqrt(hidden[1, m])
        mass_plus, power_plus, _, _, _, _ = _half((hidden[2, m] - value) * sp)
        mass_minus, power_minus, _, _, _, _ = _half((hidden[3, m] + value) * sm)
        top = max(power_plus, power_minus)
        out[b, m] = top + log_64(
            mass_plus * sp * exp_64(max(power_plus - top, -_LARGEST))
            + mass_minus * sm * exp_64(max(power_minus - top, -_LARGEST))
        )


@njit(parallel=True, cache=True, nogil=True, error_model="numpy")
def cumulant_kernel(inputs, hidden, out):
    """Compute the cumulant function for every frame and unit."""
    for b in prange(inputs.shape[0]):
        _cumulant_row(inputs, np.int64(b), hidden, out)


@njit(cache=True, nogil=True, error_model="numpy")
def _mean_row(inputs, b, hidden, out):
    for m in range(inputs.shape[1]):
        value = np.float64(inputs[b, m])
        sp = 1.0 / np.sqrt(hidden[0, m])
        sm = 1.0 / np.sqrt(hidden[1, m])
        mass_plus, power_plus, p1, _, _, _ = _half((hidden[2, m] - value) * sp)
        mass_minus, power_minus, q1, _, _, _ = _half((hidden[3, m] + value) * sm)
        odds = _odds(mass_plus, power_plus, sp, mass_minus, power_minus, sm)
        out[b, m] = p1 * sp / (1.0 + odds) - q1 * sm / (1.0 + 1.0 / odds)


@njit(parallel=True, cache=True, nogil=True, error_model="numpy")
def mean_kernel(inputs, hidden, out):
    """Compute the mean hidden value for every frame and unit."""
    for b in prange(inputs.shape[0]):
        _mean_row(inputs, np.int64(b), hidden, out)
