"""Neurons drawn given hidden values: the visible half of a Gibbs step."""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from napari_crbm.model.compute.kernels.bits import pack, scatter, scatter_sparse
from napari_crbm.model.compute.kernels.fast_math import exp2_32
from napari_crbm.model.compute.kernels.lanes import add_lanes
from napari_crbm.model.compute.randomness import subkey, uniform32

_BLOCK = 256
#: Rows of hidden values are padded to whole vectors of this many float32.
VECTOR = 16

_LOW = np.uint64(0xFFFFFFFF)
_S32 = np.uint64(32)
_LOG2E = np.float32(1.4426950408889634)
_LIMIT = np.float32(126.0)
_UNIT = np.float32(1.0)


@njit(cache=True, nogil=True, error_model="numpy")
def _draw_neuron(field, drive, row, key, active, n_chains):
    """Bernoulli draws of one neuron in all chains, from row ``row`` of its inputs (., >= B)."""
    low, high = np.uint32(key & _LOW), np.uint32(key >> _S32)
    for b in range(drive.shape[1]):
        t = -(drive[row, b] + field) * _LOG2E
        t = min(max(t, -_LIMIT), _LIMIT)
        active[b] = uniform32(low, high, np.uint32(b)) * (_UNIT + exp2_32(t)) < _UNIT
    for b in range(n_chains, drive.shape[1]):
        active[b] = 0


@njit(cache=True, nogil=True, error_model="numpy")
def dense_lane(weights, fields, hidden_values, n_chains, first, last, key, bits, inputs):
    """Draw the neurons of one lane given (M, >= B) hidden values; add up their inputs."""
    drive = np.empty((_BLOCK, hidden_values.shape[1]), dtype=np.float32)
    active = np.zeros(64 * bits.shape[1], dtype=np.uint8)
    eights = active.view(np.uint64)
    inputs[:] = 0.0
    for start in range(first, last, _BLOCK):
        stop = min(start + _BLOCK, last)
        np.dot(weights[start:stop], hidden_values, drive[: stop - start])
        for i in range(start, stop):
            _draw_neuron(fields[i], drive, i - start, subkey(key, i), active, n_chains)
            pack(eights, bits, i)
            scatter(weights, bits, i, inputs)


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def add_products(starts, columns, values, i, hidden_values, drive):
    """Write the inputs of neuron i into ``drive`` (1, >= B), four hidden units at a time."""
    n = drive.shape[1]
    fours = starts[i] + (starts[i + 1] - starts[i]) // 4 * 4
    for b in range(n):
        drive[0, b] = 0.0
    for k in range(starts[i], fours, 4):
        h0, h1 = hidden_values[columns[k]], hidden_values[columns[k + 1]]
        h2, h3 = hidden_values[columns[k + 2]], hidden_values[columns[k + 3]]
        w0, w1, w2, w3 = values[k], values[k + 1], values[k + 2], values[k + 3]
        for b in range(n):
            drive[0, b] += w0 * h0[b] + w1 * h1[b] + w2 * h2[b] + w3 * h3[b]
    for k in range(fours, starts[i + 1]):
        h0 = hidden_values[columns[k]]
        w0 = values[k]
        for b in range(n):
            drive[0, b] += w0 * h0[b]


@njit(cache=True, nogil=True, error_model="numpy")
def sparse_lane(
    starts, columns, values, fields, hidden_values, n_chains, first, last, key, bits, inputs
):
    """Do as `dense_lane` for weights in compressed rows."""
    drive = np.empty((1, hidden_values.shape[1]), dtype=np.float32)
    active = np.zeros(64 * bits.shape[1], dtype=np.uint8)
    eights = active.view(np.uint64)
    inputs[:] = 0.0
    for i in range(first, last):
        add_products(starts, columns, values, i, hidden_values, drive)
        _draw_neuron(fields[i], drive, 0, subkey(key, i), active, n_chains)
        pack(eights, bits, i)
        scatter_sparse(starts, columns, values, bits, i, inputs)


@njit(cache=True, nogil=True, parallel=True, error_model="numpy")
def draw_neurons(weights, fields, hidden_values, inputs, bits, lanes, key):
    """Draw all neurons given (M, >= B) hidden values; replace ``bits`` and ``inputs`` (B, M)."""
    n_lanes = lanes.shape[0] - 1
    partial = np.empty((n_lanes, *inputs.shape), dtype=np.float32)
    for lane in prange(n_lanes):
        first, last = lanes[lane], lanes[lane + 1]
        dense_lane(
            weights, fields, hidden_values, len(inputs), first, last, key, bits, partial[lane]
        )
    add_lanes(partial, inputs)


@njit(cache=True, nogil=True, parallel=True, error_model="numpy")
def draw_neurons_sparse(starts, columns, values, fields, hidden_values, inputs, bits, lanes, key):
    """Do as `draw_neurons` for weights in compressed rows; hidden values in whole vectors."""
    n_lanes = lanes.shape[0] - 1
    partial = np.empty((n_lanes, *inputs.shape), dtype=np.float32)
    for lane in prange(n_lanes):
        sparse_lane(
            starts,
            columns,
            values,
            fields,
            hidden_values,
            len(inputs),
            lanes[lane],
            lanes[lane + 1],
            key,
            bits,
            partial[lane],
        )
    add_lanes(partial, inputs)


@njit(cache=True, nogil=True, error_model="numpy")
def _probabilities(field, drive):
    """Turn the drives (B,) of one neuron into probabilities, in place."""
    for b in range(drive.shape[0]):
        t = min(max(-(drive[b] + field) * _LOG2E, -_LIMIT), _LIMIT)
        drive[b] = _UNIT / (_UNIT + exp2_32(t))


@njit(cache=True, nogil=True, error_model="numpy")
def _subtract_lane(weights, fields, hidden_values, hidden_rows, first, last, out):
    n_chains = hidden_values.shape[1]
    share = np.float32(1.0 / n_chains)
    drive = np.empty((_BLOCK, n_chains), dtype=np.float32)
    product = np.empty((_BLOCK, weights.shape[1]), dtype=np.float32)
    for start in range(first, last, _BLOCK):
        stop = min(start + _BLOCK, last)
        block = drive[: stop - start]
        np.dot(weights[start:stop], hidden_values, block)
        for i in range(start, stop):
            _probabilities(fields[i], block[i - start])
        np.dot(block, hidden_rows, product[: stop - start])
        for i in range(start, stop):
            for m in range(weights.shape[1]):
                out[i, m] -= share * product[i - start, m]


@njit(cache=True, nogil=True, parallel=True, error_model="numpy")
def subtract_expected(weights, fields, hidden_values, hidden_rows, lanes, out):
    """Subtract the mean over chains of P(v_i = 1 | h) h_m from ``out`` (N, M).

    Chains contribute the probability of a neuron given their hidden values instead of a draw,
    which removes most of the noise. ``hidden_values`` are (M, B), ``hidden_rows`` (B, M).
    """
    for lane in prange(lanes.shape[0] - 1):
        _subtract_lane(
            weights, fields, hidden_values, hidden_rows, lanes[lane], lanes[lane + 1], out
        )
