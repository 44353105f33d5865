"""The compiled kernel that proposes new values of hidden units, given their drives.

Shapes: C chains, M units, G cells of a grid, L levels of the drive.
"""

from __future__ import annotations

import math

from numba import njit, prange

from napari_crbm.model.compute.randomness import subkey, uniform


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
