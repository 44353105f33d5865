"""Activity as bits: sums over the chains or frames in which a neuron is active."""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from napari_crbm.model.compute.kernels.zeros import clear

ZERO, ONE = np.uint64(0), np.uint64(1)
_S56, _S58 = np.uint64(56), np.uint64(58)
# Multiplying eight bytes of 0 or 1 by this collects them in the top byte, first byte lowest.
_COLLECT = np.uint64(0x0102040810204080)
# De Bruijn sequence: its top six bits identify the shift.
_DE_BRUIJN = np.uint64(0x03F79D71B4CB0A89)
_POSITION = np.zeros(64, dtype=np.uint8)
for _shift in range(64):
    _POSITION[((int(_DE_BRUIJN) << _shift) & (2**64 - 1)) >> 58] = _shift


@njit(cache=True, nogil=True, inline="always")
def lowest(word):
    """Return the lowest set bit of a non-zero uint64, as a mask."""
    return word & (~word + ONE)


@njit(cache=True, nogil=True, inline="always")
def position(mask):
    """Return the position of the only bit set in a uint64."""
    return np.int64(_POSITION[np.uint64(mask * _DE_BRUIJN) >> _S58])


# The functions below are called for every neuron. They take whole arrays and a row number, since
# passing a slice to a function counts references, which takes longer than the work itself.


@njit(cache=True, nogil=True)
def pack(eights, bits, i):
    """Write zeros and ones, (64 W,) bytes seen as (8 W,) uint64, into row ``i`` of bits (N, W)."""
    for word in range(bits.shape[1]):
        packed = ZERO
        for byte in range(8):
            collected = np.uint64(eights[8 * word + byte] * _COLLECT) >> _S56
            packed |= collected << np.uint64(8 * byte)
        bits[i, word] = packed


@njit(cache=True, nogil=True)
def scatter(weights, bits, i, inputs):
    """Add the weights of neuron i to the inputs (B, M) of every chain it is active in."""
    for word in range(bits.shape[1]):
        left = bits[i, word]
        while left != ZERO:
            bit = lowest(left)
            left ^= bit
            b = 64 * word + position(bit)
            for m in range(weights.shape[1]):
                inputs[b, m] += weights[i, m]


@njit(cache=True, nogil=True)
def scatter_sparse(starts, columns, values, bits, i, inputs):
    """Do as `scatter` for weights in compressed rows."""
    for word in range(bits.shape[1]):
        left = bits[i, word]
        while left != ZERO:
            bit = lowest(left)
            left ^= bit
            target = inputs[64 * word + position(bit)]
            for k in range(starts[i], starts[i + 1]):
                target[columns[k]] += values[k]


@njit(cache=True, nogil=True)
def gather(source, bits, i, sign, row):
    """Add ``sign`` times the rows of ``source`` (B, M) of every chain neuron i is active in."""
    for word in range(bits.shape[1]):
        left = bits[i, word]
        while left != ZERO:
            bit = lowest(left)
            left ^= bit
            b = 64 * word + position(bit)
            for m in range(row.shape[0]):
                row[m] += sign * source[b, m]


@njit(cache=True, nogil=True)
def gather_sparse(source, bits, i, sign, starts, columns, row):
    """Do as `gather` for the columns of neuron i alone: ``row[k]`` belongs to its k-th column."""
    first = starts[i]
    for word in range(bits.shape[1]):
        left = bits[i, word]
        while left != ZERO:
            bit = lowest(left)
            left ^= bit
            added = source[64 * word + position(bit)]
            for k in range(starts[i + 1] - first):
                row[k] += sign * added[columns[first + k]]


@njit(cache=True, nogil=True)
def _word_of_frames(indptr, indices, frames, bits, word):
    for i in range(bits.shape[0]):
        bits[i, word] = ZERO
    for b in range(64 * word, min(64 * word + 64, frames.shape[0])):
        bit = ONE << np.uint64(b & 63)
        for s in range(indptr[frames[b]], indptr[frames[b] + 1]):
            bits[indices[s], word] |= bit


@njit(cache=True, nogil=True, parallel=True)
def frames_to_bits(indptr, indices, frames, bits):
    """Write the activity of chosen frames into bits (N, words)."""
    for word in prange(bits.shape[1]):
        _word_of_frames(indptr, indices, frames, bits, np.int64(word))


@njit(cache=True, nogil=True)
def _correlate_row(bits, values, i, out):
    row = np.empty(out.shape[1], dtype=np.float32)
    clear(row)
    gather(values, bits, i, np.float32(1.0), row)
    for m in range(out.shape[1]):
        out[i, m] = row[m]


@njit(cache=True, nogil=True, parallel=True)
def correlate(bits, values, out):
    """Sum over frames of v_i h_m: bits (N, words), values (B, M) into ``out`` (N, M)."""
    for i in prange(bits.shape[0]):
        _correlate_row(bits, values, np.int64(i), out)
