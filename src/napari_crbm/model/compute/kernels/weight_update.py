"""Weight update: a proximal RMSprop step, and the hidden inputs under the new weights."""

from __future__ import annotations

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from napari_crbm.model.compute.kernels.bits import (
    gather,
    gather_sparse,
    scatter,
    scatter_sparse,
)
from napari_crbm.model.compute.kernels.lanes import add_lanes

#: Roles of weights: SILENT weights stay at zero, PENALISED ones pay the whole penalty, SUPPORTED
#: ones pay `SUPPORTED_SHARE` of it because the recording supports them, and STARTING ones pay the
#: same because the training started with them.
SILENT, PENALISED, SUPPORTED, STARTING = (np.uint8(role) for role in range(4))
#: Adaptive lasso (Zou 2006): members are hardly shrunk, and chance weights stay at zero.
SUPPORTED_SHARE = np.float32(0.25)

_ZERO, _ONE = np.float32(0.0), np.float32(1.0)


def penalty_shares(roles: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the share of the penalty that weights of these roles pay."""
    return np.where(roles >= SUPPORTED, SUPPORTED_SHARE, _ONE)


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _proximal(weight, moment, gradient, share, rates):
    """Make an RMSprop step, then shrink in the same metric, which leaves exact zeros."""
    rate, l1, decay, correction, epsilon, clip = rates
    g = min(max(gradient, -clip), clip)
    moment = decay * moment + (_ONE - decay) * g * g
    step = rate / (epsilon + np.sqrt(moment * correction))
    moved = weight + step * g
    shrunk = max(abs(moved) - step * share * l1, _ZERO)
    return np.copysign(shrunk, moved), moment


@njit(cache=True, nogil=True, error_model="numpy")
def _update_row(weights, second_moment, roles, i, gradient, rates):
    for m in range(gradient.shape[0]):
        share = SUPPORTED_SHARE if roles[i, m] >= SUPPORTED else _ONE
        moved, moment = _proximal(weights[i, m], second_moment[i, m], gradient[m], share, rates)
        weights[i, m] = moved if roles[i, m] != SILENT else _ZERO
        second_moment[i, m] = moment


@njit(cache=True, nogil=True, error_model="numpy")
def _update_row_sparse(values, second_moment, shares, first, stop, gradient, rates):
    for k in range(first, stop):
        values[k], second_moment[k] = _proximal(
            values[k], second_moment[k], gradient[k - first], shares[k], rates
        )


@njit(cache=True, nogil=True, parallel=True, error_model="numpy")
def update_weights(
    weights,
    second_moment,
    roles,
    data_bits,
    data_values,
    chain_bits,
    chain_values,
    mean_activity,
    centre,
    rates,
    lanes,
    inputs,
    mean_inputs,
):
    """Update dense weights by one proximal RMSprop step, and compute the chains' new inputs.

    The gradient of row i is ``sum_b data_values[b] - sum_c chain_values[c] +
    mean_activity[i] centre`` over the frames b and chains c in which the neuron is
    active, clipped to +-1 (as the reference does).

    Parameters
    ----------
    weights, second_moment : (N, M) float32
        Updated in place.
    roles : (N, M) uint8
        `SILENT`, `PENALISED`, `SUPPORTED` or `STARTING`.
    data_bits, chain_bits : (N, words) uint64
    data_values, chain_values : (B, M) float32
        Hidden factors of both phases, already divided by the number of frames or chains.
    mean_activity : (N,) float32
    centre : (M,) float32
    rates : six float32
        Learning rate, l1, decay and bias correction of the second moment, epsilon, clip.
    lanes : (L + 1,) int64
    inputs : (B, M) float32
        Overwritten with the chains' hidden inputs.
    mean_inputs : (M,) float64
        Overwritten with the hidden inputs of the mean activity.
    """
    n_lanes = lanes.shape[0] - 1
    n_hidden = weights.shape[1]
    partial = np.zeros((n_lanes, inputs.shape[0], n_hidden), dtype=np.float32)
    partial_mean = np.zeros((n_lanes, n_hidden), dtype=np.float64)
    for lane in prange(n_lanes):
        gradient = np.empty(n_hidden, dtype=np.float32)
        own_mean = partial_mean[lane]
        for i in range(lanes[lane], lanes[lane + 1]):
            for m in range(n_hidden):
                gradient[m] = mean_activity[i] * centre[m]
            gather(data_values, data_bits, i, _ONE, gradient)
            gather(chain_values, chain_bits, i, -_ONE, gradient)
            _update_row(weights, second_moment, roles, i, gradient, rates)
            for m in range(n_hidden):
                own_mean[m] += np.float64(mean_activity[i]) * np.float64(weights[i, m])
            scatter(weights, chain_bits, i, partial[lane])
    add_lanes(partial, inputs)
    mean_inputs[:] = partial_mean.sum(axis=0)


@njit(cache=True, nogil=True, parallel=True, error_model="numpy")
def update_weights_sparse(
    starts,
    columns,
    values,
    second_moment,
    shares,
    data_bits,
    data_values,
    chain_bits,
    chain_values,
    mean_activity,
    centre,
    rates,
    lanes,
    inputs,
    mean_inputs,
):
    """Do as `update_weights` for weights in compressed rows; the others stay at zero.

    ``starts`` is (N + 1,) int64; ``columns`` uint32, ``values``, ``second_moment`` and
    ``shares`` (of the penalty) float32 have one element for every weight that may change.
    """
    n_lanes = lanes.shape[0] - 1
    n_hidden = inputs.shape[1]
    partial = np.zeros((n_lanes, inputs.shape[0], n_hidden), dtype=np.float32)
    partial_mean = np.zeros((n_lanes, n_hidden), dtype=np.float64)
    for lane in prange(n_lanes):
        gradient = np.empty(n_hidden, dtype=np.float32)
        own_mean = partial_mean[lane]
        for i in range(lanes[lane], lanes[lane + 1]):
            first, stop = starts[i], starts[i + 1]
            for k in range(first, stop):
                gradient[k - first] = mean_activity[i] * centre[columns[k]]
            gather_sparse(data_values, data_bits, i, _ONE, starts, columns, gradient)
            gather_sparse(chain_values, chain_bits, i, -_ONE, starts, columns, gradient)
            _update_row_sparse(values, second_moment, shares, first, stop, gradient, rates)
            for k in range(first, stop):
                own_mean[columns[k]] += np.float64(mean_activity[i]) * np.float64(values[k])
            scatter_sparse(starts, columns, values, chain_bits, i, partial[lane])
    add_lanes(partial, inputs)
    mean_inputs[:] = partial_mean.sum(axis=0)
