"""Activity as bits: sums over the chains or frames in which a neuron is active."""

from __future__ import annotations

import numpy as np
from numba import njit, prange

ZERO, ONE = np.uint64(0), np.uint64(1)
_S56, _S58 = np.uint64(56), np.uint64(58)
# Multiplying eight bytes of 0 or 1 by this collects them in the top byte, first byte lowest.
_COLLECT = np.uint64(0x0102040810204080)
# De Bruijn sequence: its top six bits tell by how much it was shifted.
_DE_BRUIJN = np.uint64(0x03F79D71B4CB0A89)
_POSITION = np.zeros(64, dtype=np.uint8)
for _shift in range(64):
    _POSITION[((int(_DE_BRUIJN) << _shift) & (2**64 - 1)) >> 58] = _shift


@njit(cache=True, nogil=True, inline="always")
def lowest(word):
    """Lowest set bit of a non-zero uint64, as a mask."""
    return word & (~word + ONE)


@njit(cache=True, nogil=True, inline="always")
def position(mask):
    """Number of the only bit set in a uint64."""
    return np.int64(_POSITION[np.uint64(mask * _DE_BRUIJN) >> _S58])


@njit(cache=True, nogil=True)
def pack(active, bits):
    """Write zeros and ones (64 W,) uint8 as W words."""
    eights = active.view(np.uint64)
    for word in range(bits.shape[0]):
        packed = ZERO
        for byte in range(8):
            packed |= (np.uint64(eights[8 * word + byte] * _COLLECT) >> _S56) << np.uint64(8 * byte)
        bits[word] = packed


@njit(cache=True, nogil=True)
def scatter(row, bits, inputs):
    """Add one neuron's weights (M,) to the inputs (B, M) of every chain it is active in."""
    for word in range(bits.shape[0]):
        left = bits[word]
        while left != ZERO:
            bit = lowest(left)
            left ^= bit
            target = inputs[64 * word + position(bit)]
            for m in range(row.shape[0]):
                target[m] += row[m]


@njit(cache=True, nogil=True)
def scatter_sparse(columns, values, bits, inputs):
    """`scatter` for weights given by their non-zero columns and values."""
    for word in range(bits.shape[0]):
        left = bits[word]
        while left != ZERO:
            bit = lowest(left)
            left ^= bit
            target = inputs[64 * word + position(bit)]
            for k in range(columns.shape[0]):
                target[columns[k]] += values[k]


@njit(cache=True, nogil=True)
def gather(source, bits, row, sign):
    """Add ``sign`` times the rows of ``source`` (B, M) of every chain a neuron is active in."""
    for word in range(bits.shape[0]):
        left = bits[word]
        while left != ZERO:
            bit = lowest(left)
            left ^= bit
            added = source[64 * word + position(bit)]
            for m in range(row.shape[0]):
                row[m] += sign * added[m]


@njit(cache=True, nogil=True)
def gather_sparse(source, bits, columns, row, sign):
    """`gather` for chosen columns only: ``row`` has one element for each of ``columns``."""
    for word in range(bits.shape[0]):
        left = bits[word]
        while left != ZERO:
            bit = lowest(left)
            left ^= bit
            added = source[64 * word + position(bit)]
            for k in range(columns.shape[0]):
                row[k] += sign * added[columns[k]]


@njit(cache=True, nogil=True, parallel=True)
def frames_to_bits(indptr, indices, frames, bits):
    """Activity of chosen frames as bits a neuron; ``bits`` is overwritten."""
    bits[:] = ZERO
    for word in prange(bits.shape[1]):
        for b in range(64 * word, min(64 * word + 64, frames.shape[0])):
            bit = ONE << np.uint64(b & 63)
            for s in range(indptr[frames[b]], indptr[frames[b] + 1]):
                bits[indices[s], word] |= bit


@njit(cache=True, nogil=True, parallel=True)
def correlate(bits, values, out):
    """Sum over frames of v_i h_m: bits (N, words), values (B, M) into ``out`` (N, M)."""
    for i in prange(bits.shape[0]):
        out[i] = 0.0
        gather(values, bits[i], out[i], np.float32(1.0))
