"""Compiled kernels of jumps: proposals for hidden units, and their acceptance.

Shapes: C chains, M units, G cells of a grid, L levels of the drive, N neurons. Weights are given by
unit: unit m has the weights ``values[k]`` of the neurons ``rows[k]`` from ``starts[m]`` on.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange

from napari_crbm.model.compute.kernels.fast_math import exp2_32
from napari_crbm.model.compute.randomness import subkey, uniform

# Bounds between which a product of ratios is kept before its logarithm is taken.
_LARGE, _SMALL = 1e100, 1e-100
_ONE, _MOST = np.float32(1.0), np.float32(1e26)
_LOG2E, _LIMIT = np.float32(1.4426950408889634), np.float32(86.0)


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _exp(x):
    """Compute exp(x) in single precision, between exp(-60) and exp(60)."""
    return exp2_32(min(max(x * _LOG2E, -_LIMIT), _LIMIT))


@njit(cache=True, nogil=True, error_model="numpy")
def _cell(edge, width, value, n_cells):
    return min(max(int((value - edge) / width), 0), n_cells - 1)


@njit(cache=True, nogil=True, parallel=True, error_model="numpy")
def propose(hidden, level, cumulative, edges, widths, key, proposed, log_ratio):
    """Draw a new value for every unit of every chain, (C, M), from tables of proposals.

    Parameters
    ----------
    hidden : (C, M) float32
    level : (C, M) int64
        Level of the drive.
    cumulative : (M, L, G + 1) float64
        Cumulative probability of the cells, from 0 to 1.
    edges, widths : (M,) float64
        Lowest edge of the grid and width of its cells.
    key : uint64
    proposed : (C, M) float32
        Written.
    log_ratio : (C, M) float64
        Written: log-probability of proposing the old value minus that of the new one.
    """
    n_cells = cumulative.shape[2] - 1
    for c in prange(hidden.shape[0]):
        own = subkey(key, c)
        for m in range(hidden.shape[1]):
            table = cumulative[m, level[c, m]]
            u = uniform(own, m)
            low, high = 0, n_cells
            while high - low > 1:
                middle = (low + high) // 2
                if table[middle] <= u:
                    low = middle
                else:
                    high = middle
            inside = (u - table[low]) / (table[low + 1] - table[low])
            proposed[c, m] = edges[m] + (low + inside) * widths[m]
            old = _cell(edges[m], widths[m], hidden[c, m], n_cells)
            log_ratio[c, m] = math.log(
                (table[old + 1] - table[old]) / (table[low + 1] - table[low])
            )


@njit(cache=True, nogil=True, parallel=True, error_model="numpy")
def accept(hidden, proposed, own, starts, rows, values, fields, key):
    """Replace hidden values (C, M), in place, by those proposals that are accepted.

    Neurons are summed over: the probability of hidden values has a factor 1 + exp(x_i) for each
    neuron with log-odds x_i.

    Parameters
    ----------
    hidden, proposed : (C, M) float32
    own : (C, M) float64
        Log-ratio of new to old without the factors of neurons.
    starts : (M + 1,) int64
    rows : (n,) int64
    values, fields : (n,) and (N,) float32
    key : uint64
    """
    for c in prange(hidden.shape[0]):
        odds = fields.copy()
        for m in range(hidden.shape[1]):
            for k in range(starts[m], starts[m + 1]):
                odds[rows[k]] += values[k] * hidden[c, m]
        for i in range(fields.shape[0]):
            odds[i] = _exp(odds[i])
        stream = subkey(key, c)
        for m in range(hidden.shape[1]):
            step = proposed[c, m] - hidden[c, m]
            log_change, product = own[c, m], 1.0
            for k in range(starts[m], starts[m + 1]):
                now = odds[rows[k]]
                product *= (_ONE + now * _exp(values[k] * step)) / (_ONE + now)
                if product > _LARGE or product < _SMALL:
                    log_change += math.log(product)
                    product = 1.0
            log_change += math.log(product)
            if math.log(uniform(stream, m)) < log_change:
                hidden[c, m] = proposed[c, m]
                for k in range(starts[m], starts[m + 1]):
                    odds[rows[k]] = min(odds[rows[k]] * _exp(values[k] * step), _MOST)
