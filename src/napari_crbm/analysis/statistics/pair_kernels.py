"""Loops over pairs of neurons whose activity is packed into bits, 64 frames per word."""

from __future__ import annotations

# Sets the thread policy before Numba is imported.
from napari_crbm.model.compute import threads  # noqa: F401  isort: skip

import numpy as np
from numba import njit, prange, types
from numba.extending import intrinsic

#: Neurons along the side of a tile of pairs, which stays in the processor's cache.
TILE = 64


@intrinsic
def _count_bits(_context, _word):
    """Count the set bits of a uint64, one instruction on most processors."""

    def generate(_context, builder, _signature, arguments):
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generate


@njit(cache=True, nogil=True, error_model="numpy")
def _together(bits, i, j):
    """Count the frames in which neurons i and j are both active."""
    total = np.uint64(0)
    for word in range(bits.shape[1]):
        total += _count_bits(bits[i, word] & bits[j, word])  # type: ignore[call-arg]
    return np.float64(np.int64(total))


@njit(cache=True, nogil=True, error_model="numpy")
def _compare_tile(tile, bits, frames, means, edges, own, counts):
    n_neurons, n_bins = bits[0].shape[0], counts.shape[0]
    for k in range(own.shape[0]):
        own[k] = 0.0
    first, second = TILE * tile[0], TILE * tile[1]
    for i in range(first, min(first + TILE, n_neurons)):
        for j in range(max(second, i + 1), min(second + TILE, n_neurons)):
            model = _together(bits[0], i, j) / frames[0] - means[0][i] * means[0][j]
            train = _together(bits[1], i, j) / frames[1] - means[1][i] * means[1][j]
            test = _together(bits[2], i, j) / frames[2] - means[2][i] * means[2][j]
            own[0] += model
            own[1] += train
            own[2] += test
            own[3] += model * model
            own[4] += train * train
            own[5] += test * test
            own[6] += (model - test) * (model - test)
            own[7] += (train - test) * (train - test)
            column = min(max(np.int64((test - edges[0]) * edges[1]), 0), n_bins - 1)
            row = min(max(np.int64((model - edges[0]) * edges[1]), 0), n_bins - 1)
            counts[row, column] += 1


@njit(cache=True, nogil=True, parallel=True, error_model="numpy")
def compare_tiles(tiles, bits, frames, means, edges, sums, counts):
    """Add the pairs of the given tiles to the sums and the histogram.

    ``bits``, ``frames`` and ``means`` are triples of model, train and test; ``tiles``
    (K, 2) int64; ``edges`` (lowest, bins per unit); ``sums`` (K, 8) float64, one row per tile
    so that they can be added in the same order on any number of threads: sums and sums of
    squares of the three, squared errors of model and train; ``counts`` (lanes, bins, bins)
    int64.
    """
    n_lanes = counts.shape[0]
    for lane in prange(n_lanes):
        for tile in range(lane, tiles.shape[0], n_lanes):
            _compare_tile(tiles[tile], bits, frames, means, edges, sums[tile], counts[lane])


@njit(cache=True, nogil=True, parallel=True)
def coincidences(bits, out):
    """Count the frames in which two neurons are active, for all pairs: ``out`` (N, N) int64."""
    for i in prange(bits.shape[0]):
        for j in range(bits.shape[0]):
            out[i, j] = np.int64(_together(bits, np.int64(i), j))
