r"""Fast mathematical functions without calls or branches, so that loops over them vectorise.

Single precision serves for drawing (errors of about 1e-7 change no statistic), double precision
for gradients. Both use the Mills ratio

.. math:: M(x) = \int_0^\infty e^{-z^2/2 - xz} dz, \qquad x \ge 0,

fitted by Chebyshev polynomials in ``(x - c) / (x + c)``, which maps the half line
to [-1, 1] (the device of Shepherd & Laframboise 1981).
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

_LOG2E_32 = np.float32(math.log2(math.e))
_LN2_32 = np.float32(math.log(2.0))
_HALF_32, _ONE_32, _THREE_32 = np.float32(0.5), np.float32(1.0), np.float32(3.0)
_LIMIT_32 = np.float32(126.0)
_BIAS_32, _MANTISSA_32 = np.int32(127), np.int32(23)
_SQRT_HALF_BITS_32 = np.int32(0x3F3504F3)

# 2**f on [-0.5, 0.5], Taylor terms; relative error 2e-8.
_E1, _E2, _E3, _E4, _E5, _E6 = (
    np.float32(math.log(2.0) ** k / math.factorial(k)) for k in range(1, 7)
)
# log(1 + g) / g between sqrt(1/2) and sqrt(2); absolute error of the logarithm 1e-8.
_L0, _L1, _L2, _L3, _L4, _L5, _L6, _L7, _L8 = (
    np.float32(c)
    for c in (
        0.999999974570244,
        -0.49999981873831306,
        0.3333417326223888,
        -0.250025936502179,
        0.19957694324292394,
        -0.16551255945361165,
        0.1493225397176455,
        -0.14435889237286154,
        0.08862136520068643,
    )
)
# (x + 1) M(x) in t = (x - 3) / (x + 3); relative error 2e-8.
_M0, _M1, _M2, _M3, _M4, _M5, _M6, _M7, _M8, _M9, _M10 = (
    np.float32(c)
    for c in (
        1.2183612096375591,
        -0.24195665499327956,
        -0.041190449785802906,
        0.11320796309420955,
        -0.05696175226132676,
        0.002917850015877066,
        0.007486539857019777,
        -0.0009159023771533616,
        -0.0011881586365593627,
        8.967488952952402e-05,
        0.00014969346963245622,
    )
)

# (x + 8) r4(x) in t = (x - 5) / (x + 5), r4 the ratio of the fourth to the third moment of
# exp(-z^2/2 - xz); relative error 2e-13. Highest power first.
# In two parts, since longer loops over constants are not unrolled.
_FOURTH_RATIO_HIGH = (
    -7.653053186242633e-05,
    2.1002106027986328e-05,
    0.000637331155267102,
    -0.00017333555500709212,
    -0.0025980552367774936,
    0.0007145182986775392,
    0.007162588959623101,
    -0.002067763247077714,
    -0.015735074934310284,
    0.005047492890128281,
    0.03074117632548537,
    -0.011712745440940557,
)
_FOURTH_RATIO_LOW = (
    -0.0572119912610948,
    0.027484815193850858,
    0.10485992049356314,
    -0.06657988819368121,
    -0.19144795976447432,
    0.16801868340036305,
    0.34863001058756893,
    -0.4513959642161741,
    -0.6262396686445907,
    1.3805722433907044,
    1.0110301498154255,
    -6.569813882519414,
    8.910132926928291,
)

#: The same coefficients in one sequence, highest power first.
FOURTH_RATIO = _FOURTH_RATIO_HIGH + _FOURTH_RATIO_LOW

_LOG2E = math.log2(math.e)
_LN2_HIGH = float(np.float32(math.log(2.0)))
_LN2_LOW = math.log(2.0) - _LN2_HIGH
_BIAS, _MANTISSA = np.int64(1023), np.int64(52)
_SQRT_HALF_BITS = np.int64(np.float64(math.sqrt(0.5)).view(np.int64))
# Keeps the shifted number positive: many processors have no signed shift of vectors.
_OFFSET = np.int64(1024)
_SHIFTED_BITS = np.int64((1024 << 52) - int(_SQRT_HALF_BITS))
_EXP_TERMS = tuple(1.0 / math.factorial(k) for k in range(13, -1, -1))
_LOG_TERMS = tuple(2.0 / (2 * k + 1) for k in range(9, -1, -1))


@njit(cache=True, nogil=True, inline="always")
def exp2_32(t):
    """Compute 2**t for float32 t within +-126."""
    whole = np.floor(t + _HALF_32)
    f = t - whole
    fraction = _ONE_32 + f * (_E1 + f * (_E2 + f * (_E3 + f * (_E4 + f * (_E5 + f * _E6)))))
    power = np.int32((np.int32(whole) + _BIAS_32) << _MANTISSA_32)
    return fraction * power.view(np.float32)


@njit(cache=True, nogil=True, inline="always")
def log_32(x):
    """Compute the natural logarithm of a positive, normal float32."""
    bits = np.float32(x).view(np.int32)
    exponent = np.int32((bits - _SQRT_HALF_BITS_32) >> _MANTISSA_32)
    g = np.int32(bits - np.int32(exponent << _MANTISSA_32)).view(np.float32) - _ONE_32
    series = _L4 + g * (_L5 + g * (_L6 + g * (_L7 + g * _L8)))
    series = _L0 + g * (_L1 + g * (_L2 + g * (_L3 + g * series)))
    return np.float32(exponent) * _LN2_32 + g * series


@njit(cache=True, nogil=True, inline="always")
def mills_32(x):
    """Compute the Mills ratio M(x) for float32 x >= 0."""
    t = (x - _THREE_32) / (x + _THREE_32)
    p = _M5 + t * (_M6 + t * (_M7 + t * (_M8 + t * (_M9 + t * _M10))))
    p = _M0 + t * (_M1 + t * (_M2 + t * (_M3 + t * (_M4 + t * p))))
    return p / (x + _ONE_32)


@njit(cache=True, nogil=True, inline="always")
def exp_64(x):
    """Compute exp(x) for x within +-700; relative error 2e-14 at the ends, 1e-15 near zero."""
    whole = np.floor(x * _LOG2E + 0.5)
    f = (x - whole * _LN2_HIGH) - whole * _LN2_LOW
    p = 0.0
    for term in _EXP_TERMS:
        p = p * f + term
    return p * np.int64((np.int64(whole) + _BIAS) << _MANTISSA).view(np.float64)


@njit(cache=True, nogil=True, inline="always")
def log_64(x):
    """Compute the natural logarithm of a positive, normal float64, to 1e-15."""
    bits = np.float64(x).view(np.int64)
    exponent = np.int64(np.int64(np.uint64(bits + _SHIFTED_BITS) >> np.uint64(52)) - _OFFSET)
    m = np.int64(bits - np.int64(exponent << _MANTISSA)).view(np.float64)
    s = (m - 1.0) / (m + 1.0)
    s2 = s * s
    p = 0.0
    for c in _LOG_TERMS:
        p = p * s2 + c
    return np.float64(exponent) * _LN2_LOW + s * p + np.float64(exponent) * _LN2_HIGH


@njit(cache=True, nogil=True, inline="always")
def fourth_ratio(x):
    """Compute the ratio of the fourth to the third moment of exp(-z^2/2 - xz), z > 0, x >= 0."""
    t = (x - 5.0) / (x + 5.0)
    p = 0.0
    for c in _FOURTH_RATIO_HIGH:
        p = p * t + c
    for c in _FOURTH_RATIO_LOW:
        p = p * t + c
    return p / (x + 8.0)
