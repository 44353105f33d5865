"""Count the frames in which a neuron is active and an assembly is on without its help."""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from napari_crbm.model.compute.kernels.bits import ZERO, lowest, position
from napari_crbm.model.compute.kernels.zeros import clear


@njit(cache=True, nogil=True)
def _count_neuron(bits, inputs, weights, on_from, window_of, counts, in_window, i):
    clear(counts[i])
    clear(in_window[i])
    for word in range(bits.shape[1]):
        left = bits[i, word]
        while left != ZERO:
            bit = lowest(left)
            left ^= bit
            t = 64 * word + position(bit)
            in_window[i, window_of[t]] += np.int32(1)
            for m in range(counts.shape[1]):
                counts[i, m] += np.int32(inputs[t, m] - weights[i, m] >= on_from[m])


@njit(cache=True, nogil=True, parallel=True)
def count_on(bits, inputs, weights, on_from, window_of, counts, in_window):
    """Count active frames by window, and those in which the other neurons alone switch a unit on.

    Parameters
    ----------
    bits : (N, words) uint64
        Frames of each neuron, 64 per word.
    inputs : (T, M) float32
        Hidden inputs, of all neurons.
    weights : (N, M) float32
    on_from : (M,) float32
        Smallest input with which a unit is on.
    window_of : (T,) int64
    counts : (N, M) int32
        Written: frames in which the neuron is active and the unit on without its weight.
    in_window : (N, W) int32
        Written: active frames in each window.
    """
    for i in prange(bits.shape[0]):
        _count_neuron(bits, inputs, weights, on_from, window_of, counts, in_window, np.int64(i))
