"""Weight update: a proximal RMSprop step, with fields and inputs adjusted to it."""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from napari_crbm.model.compute.kernels.bits import (
    gather,
    gather_sparse,
    scatter,
    scatter_sparse,
)
from napari_crbm.model.compute.kernels.lanes import add_lanes, add_rows
from napari_crbm.model.compute.kernels.zeros import clear, zeros

#: Roles of weights: SILENT weights stay at zero, ACTIVE ones follow the gradient and the penalty.
SILENT, ACTIVE = np.uint8(0), np.uint8(1)

_ZERO, _ONE = np.float32(0.0), np.float32(1.0)


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _proximal(weight, moment, gradient, rates):
    """Make an RMSprop step, then shrink in the same metric, which leaves exact zeros."""
    rate, l1, decay, correction, epsilon, clip = rates
    g = min(max(gradient, -clip), clip)
    moment = decay * moment + (_ONE - decay) * g * g
    step = rate / (epsilon + np.sqrt(moment * correction))
    moved = weight + step * g
    shrunk = max(abs(moved) - step * l1, _ZERO)
    return np.copysign(shrunk, moved), moment


@njit(cache=True, nogil=True, error_model="numpy")
def _update_row(weights, second_moment, roles, i, gradient, rates):
    """Move the weights of neuron i, and overwrite the gradient with their change."""
    for m in range(gradient.shape[0]):
        before = weights[i, m]
        moved, moment = _proximal(before, second_moment[i, m], gradient[m], rates)
        weights[i, m] = moved if roles[i, m] != SILENT else _ZERO
        second_moment[i, m] = moment
        gradient[m] = weights[i, m] - before


@njit(cache=True, nogil=True, error_model="numpy")
def _update_row_sparse(values, second_moment, first, stop, gradient, rates):
    """Move weights ``first`` to ``stop`` of compressed rows; see `_update_row`."""
    for k in range(first, stop):
        before = values[k]
        values[k], second_moment[k] = _proximal(
            before, second_moment[k], gradient[k - first], rates
        )
        gradient[k - first] = values[k] - before


@njit(cache=True, nogil=True, error_model="numpy")
def _update_lane(
    weights,
    second_moment,
    roles,
    data_bits,
    data_values,
    chain_bits,
    chain_values,
    centre,
    rates,
    mean_activity,
    mean_hidden,
    fields,
    first,
    last,
    inputs,
    shift,
):
    """Update the weights of neurons ``first`` to ``last``; see `update_weights`."""
    n_hidden = weights.shape[1]
    gradient = np.empty(n_hidden, dtype=np.float32)
    clear(shift)
    for i in range(first, last):
        for m in range(n_hidden):
            gradient[m] = mean_activity[i] * centre[m]
        gather(data_values, data_bits, i, _ONE, gradient)
        gather(chain_values, chain_bits, i, -_ONE, gradient)
        _update_row(weights, second_moment, roles, i, gradient, rates)
        followed = 0.0
        for m in range(n_hidden):
            change = np.float64(gradient[m])
            shift[m] += np.float64(mean_activity[i]) * change
            followed += change * mean_hidden[m]
        fields[i] -= np.float32(followed)
        scatter(weights, chain_bits, i, inputs)


@njit(cache=True, nogil=True, parallel=True, error_model="numpy")
def update_weights(
    weights,
    second_moment,
    roles,
    data_bits,
    data_values,
    chain_bits,
    chain_values,
    centre,
    rates,
    lanes,
    mean_activity,
    mean_hidden,
    fields,
    inputs,
    shift,
):
    """Update dense weights by one proximal RMSprop step; adjust fields and compute inputs.

    The gradient of row i is ``sum_b data_values[b] - sum_c chain_values[c] +
    mean_activity[i] centre`` over the frames b and chains c in which the neuron is
    active, clipped to +-1 (as the reference does).

    Parameters
    ----------
    weights, second_moment : (N, M) float32
        Updated in place.
    roles : (N, M) uint8
        `SILENT` or `ACTIVE`.
    data_bits, chain_bits : (N, words) uint64
    data_values, chain_values : (B, M) float32
        Hidden factors of both phases, already divided by the number of frames or chains.
    centre : (M,) float32
    rates : six float32
        Learning rate, l1, decay and bias correction of the second moment, epsilon, clip.
    lanes : (L + 1,) int64
    mean_activity : (N,) float32
    mean_hidden : (M,) float64
    fields : (N,) float32
        Updated in place: the inputs of the neurons from the mean hidden units stay the same.
    inputs : (B, M) float32
        Overwritten with the chains' hidden inputs.
    shift : (M,) float64
        Overwritten with the change of the hidden inputs of the mean activity.
    """
    n_lanes = lanes.shape[0] - 1
    n_hidden = weights.shape[1]
    partial = zeros((n_lanes, inputs.shape[0], n_hidden))
    partial_shift = np.empty((n_lanes, n_hidden), dtype=np.float64)
    for lane in prange(n_lanes):
        _update_lane(
            weights,
            second_moment,
            roles,
            data_bits,
            data_values,
            chain_bits,
            chain_values,
            centre,
            rates,
            mean_activity,
            mean_hidden,
            fields,
            lanes[lane],
            lanes[lane + 1],
            partial[lane],
            partial_shift[lane],
        )
    add_lanes(partial, inputs)
    add_rows(partial_shift, shift)


@njit(cache=True, nogil=True, error_model="numpy")
def _update_lane_sparse(
    starts,
    columns,
    values,
    second_moment,
    data_bits,
    data_values,
    chain_bits,
    chain_values,
    centre,
    rates,
    mean_activity,
    mean_hidden,
    fields,
    first,
    last,
    inputs,
    shift,
):
    """Update the weights of neurons ``first`` to ``last``; see `update_weights_sparse`."""
    gradient = np.empty(inputs.shape[1], dtype=np.float32)
    clear(shift)
    for i in range(first, last):
        start, stop = starts[i], starts[i + 1]
        for k in range(start, stop):
            gradient[k - start] = mean_activity[i] * centre[columns[k]]
        gather_sparse(data_values, data_bits, i, _ONE, starts, columns, gradient)
        gather_sparse(chain_values, chain_bits, i, -_ONE, starts, columns, gradient)
        _update_row_sparse(values, second_moment, start, stop, gradient, rates)
        followed = 0.0
        for k in range(start, stop):
            change = np.float64(gradient[k - start])
            shift[columns[k]] += np.float64(mean_activity[i]) * change
            followed += change * mean_hidden[columns[k]]
        fields[i] -= np.float32(followed)
        scatter_sparse(starts, columns, values, chain_bits, i, inputs)


@njit(cache=True, nogil=True, parallel=True, error_model="numpy")
def update_weights_sparse(
    starts,
    columns,
    values,
    second_moment,
    data_bits,
    data_values,
    chain_bits,
    chain_values,
    centre,
    rates,
    lanes,
    mean_activity,
    mean_hidden,
    fields,
    inputs,
    shift,
):
    """Do as `update_weights` for weights in compressed rows; the others stay at zero.

    ``starts`` is (N + 1,) int64; ``columns`` uint32, ``values`` and
    ``second_moment`` float32 have one element for every active weight.
    """
    n_lanes = lanes.shape[0] - 1
    n_hidden = inputs.shape[1]
    partial = zeros((n_lanes, inputs.shape[0], n_hidden))
    partial_shift = np.empty((n_lanes, n_hidden), dtype=np.float64)
    for lane in prange(n_lanes):
        _update_lane_sparse(
            starts,
            columns,
            values,
            second_moment,
            data_bits,
            data_values,
            chain_bits,
            chain_values,
            centre,
            rates,
            mean_activity,
            mean_hidden,
            fields,
            lanes[lane],
            lanes[lane + 1],
            partial[lane],
            partial_shift[lane],
        )
    add_lanes(partial, inputs)
    add_rows(partial_shift, shift)
