"""Counter-based random numbers for kernels.

A number is a pure function of a key and a counter. So the result of a kernel does not depend on
the order in which threads visit chains and neurons, and a resumed training draws the same numbers
as an uninterrupted one.

Numba silently promotes mixed unsigned arithmetic (uint32 to uint64, uint64 with a signed literal
to float64), which breaks a hash without an error. Hence every constant has a type, and 32-bit
numbers are combined by `uint32` alone.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from napari_crbm.model.compute import uint32

GOLDEN_64 = np.uint64(0x9E3779B97F4A7C15)
_MIX_A = np.uint64(0xBF58476D1CE4E5B9)
_MIX_B = np.uint64(0x94D049BB133111EB)
_S27, _S30, _S31, _S11 = np.uint64(27), np.uint64(30), np.uint64(31), np.uint64(11)
_ONE = np.uint64(1)

_GOLDEN_32 = np.uint32(0x9E3779B9)
_M1 = np.uint32(0x21F0AAAD)
_M2 = np.uint32(0x735A2D97)
_R15, _R16 = np.uint32(15), np.uint32(16)

#: Multipliers of the two hashes, for draws of whole arrays.
SPLITMIX_64 = (_MIX_A, _MIX_B)
HASH_32 = (_GOLDEN_32, _M1, _M2)

_TO_UNIT_53 = 1.0 / 9007199254740992.0
_TO_UNIT_24 = np.float32(1.0 / 16777216.0)
_HALF = np.float32(0.5)
_R8 = np.uint32(8)


@njit(cache=True, nogil=True, inline="always")
def mix(z):
    """Scramble a uint64: the finaliser of SplitMix64 (Steele et al. 2014)."""
    z = (z ^ (z >> _S30)) * _MIX_A
    z = (z ^ (z >> _S27)) * _MIX_B
    return z ^ (z >> _S31)


@njit(cache=True, nogil=True, inline="always")
def subkey(key, counter):
    """Return the key of stream number ``counter`` (any integer) below a uint64 ``key``."""
    return mix(key + GOLDEN_64 * (np.uint64(counter) + _ONE))


@njit(cache=True, nogil=True, inline="always")
def uniform(key, counter):
    """Return number ``counter`` of the stream: float64 in (0, 1), 53 random bits."""
    bits = mix(key + GOLDEN_64 * (np.uint64(counter) + _ONE)) >> _S11
    return (np.float64(bits) + 0.5) * _TO_UNIT_53


@njit(cache=True, nogil=True, inline="always")
def uniform32(low, high, counter):
    """Return number ``counter`` (uint32) of the stream keyed by two uint32 halves.

    Uses 32-bit arithmetic alone, so that a loop over counters vectorises. The number is a
    float32 in (0, 1) with 24 random bits, never 0 or 1.
    """
    x = uint32.add(uint32.multiply(counter, _GOLDEN_32), low)
    x = uint32.multiply(uint32.exclusive_or(x, uint32.shift_right(x, _R16)), _M1)
    x = uint32.exclusive_or(uint32.exclusive_or(x, high), uint32.shift_right(x, _R15))
    x = uint32.multiply(x, _M2)
    x = uint32.exclusive_or(x, uint32.shift_right(x, _R15))
    return (np.float32(np.int32(uint32.shift_right(x, _R8))) + _HALF) * _TO_UNIT_24


def stream(seed: int, *path: int) -> np.uint64:
    """Return the key for a named use of a seed, e.g. ``stream(seed, CHAINS, update)``.

    Parameters
    ----------
    seed : int
        The user's ``random_state``; any non-negative integer.
    *path : int
        Non-negative integers that distinguish the uses of a seed.

    Returns
    -------
    numpy.uint64
        Key for `subkey`, `uniform` and the kernels.
    """
    mask = (1 << 64) - 1

    def scramble(z: int) -> int:
        z = ((z ^ (z >> 30)) * int(_MIX_A)) & mask
        z = ((z ^ (z >> 27)) * int(_MIX_B)) & mask
        return z ^ (z >> 31)

    key = scramble((seed + int(GOLDEN_64)) & mask)
    for step in path:
        key = scramble((key + int(GOLDEN_64) * (step + 1)) & mask)
    return np.uint64(key)
