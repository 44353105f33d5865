"""Compiled Gibbs steps with double-ReLU hidden units, all units and neurons in one kernel."""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from napari_crbm.model.compute.kernels.gibbs import VECTOR, dense_lane, sparse_lane
from napari_crbm.model.compute.kernels.lanes import add_lanes, add_lanes_of
from napari_crbm.model.compute.kernels.zeros import zeros
from napari_crbm.model.compute.randomness import subkey
from napari_crbm.model.units.drelu.kernels import draw_row


@njit(cache=True, nogil=True, error_model="numpy")
def _draw_hidden(step, partial, inputs, units, key, hidden_values, b):
    """Draw all hidden units of chain ``b`` into column ``b`` of (M, >= B) values.

    After the first step the inputs are the sums over lanes.
    """
    if step > 0:
        add_lanes_of(partial, b, inputs[b])
    drawn = draw_row(inputs[b], units, subkey(key, b))
    for m in range(inputs.shape[1]):
        hidden_values[m, b] = drawn[m]


@njit(cache=True, nogil=True, parallel=True, error_model="numpy")
def gibbs(weights, fields, units, inputs, bits, lanes, key, n_steps):
    """Run ``n_steps`` of h given v, then v given h, on B chains with dense weights.

    Parameters
    ----------
    weights : (N, M) float32
    fields : (N,) float32
    units : (4, >= M) float32
        Constants of `kernels.sample_row`.
    inputs : (B, M) float32
        Hidden inputs of the chains' current activity; replaced by the new ones.
    bits : (N, ceil(B / 64)) uint64
        Replaced by the new activity.
    lanes : (L + 1,) int64
    key : uint64
        Stream of this call; step and unit number the draws within it.
    n_steps : int
    """
    n_chains, n_hidden = inputs.shape
    n_lanes = lanes.shape[0] - 1
    hidden_values = zeros((n_hidden, n_chains))
    partial = np.empty((n_lanes, n_chains, n_hidden), dtype=np.float32)
    for step in range(n_steps):
        hidden_key = subkey(key, 2 * step)
        visible_key = subkey(key, 2 * step + 1)
        for b in prange(n_chains):
            _draw_hidden(step, partial, inputs, units, hidden_key, hidden_values, np.int64(b))
        for lane in prange(n_lanes):
            dense_lane(
                weights,
                fields,
                hidden_values,
                n_chains,
                lanes[lane],
                lanes[lane + 1],
                visible_key,
                bits,
                partial[lane],
            )
    if n_steps > 0:
        add_lanes(partial, inputs)


@njit(cache=True, nogil=True, parallel=True, error_model="numpy")
def gibbs_sparse(starts, columns, values, fields, units, inputs, bits, lanes, key, n_steps):
    """Do as `gibbs` for weights in compressed rows."""
    n_chains, n_hidden = inputs.shape
    n_lanes = lanes.shape[0] - 1
    width = (n_chains + VECTOR - 1) // VECTOR * VECTOR
    hidden_values = zeros((n_hidden, width))
    partial = np.empty((n_lanes, n_chains, n_hidden), dtype=np.float32)
    for step in range(n_steps):
        hidden_key = subkey(key, 2 * step)
        visible_key = subkey(key, 2 * step + 1)
        for b in prange(n_chains):
            _draw_hidden(step, partial, inputs, units, hidden_key, hidden_values, np.int64(b))
        for lane in prange(n_lanes):
            sparse_lane(
                starts,
                columns,
                values,
                fields,
                hidden_values,
                n_chains,
                lanes[lane],
                lanes[lane + 1],
                visible_key,
                bits,
                partial[lane],
            )
    if n_steps > 0:
        add_lanes(partial, inputs)
