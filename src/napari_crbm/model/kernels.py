"""The hot loops: Gibbs steps, projections and the weight update. Arrays only, no checks.

Weights are (N, M), one row a neuron, so that everything a neuron needs lies
together. Activity is sparse, so only the product from hidden to visible units
is dense; inputs to hidden units and both halves of the gradient add up the rows
of active neurons.

Neurons are cut into a fixed number of lanes that depends on N alone. A lane
adds up its own hidden inputs and lanes are summed in order, so results are the
same to the last bit for any number of threads.

Shapes used throughout: N neurons, M hidden units, B chains or frames, L lanes.
Bits of activity are (N, ceil(B / 64)) uint64, chain ``b`` in bit ``b % 64`` of
word ``b // 64``.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from napari_crbm.model.drelu import sample_unit
from napari_crbm.model.randomness import subkey, uniform32

MAX_LANES = 16
#: What a weight pays of the penalty if the recording supports it from the start (adaptive
#: lasso, Zou 2006): members are hardly shrunk, chance weights are held at zero.
SUPPORTED_SHARE = np.float32(0.25)
_BLOCK = 256

_LOW = np.uint64(0xFFFFFFFF)
_S32 = np.uint64(32)
_ONE = np.uint64(1)
_ZERO = np.uint64(0)

_LOG2E = np.float32(1.4426950408889634)
_LIMIT = np.float32(126.0)
_HALF = np.float32(0.5)
_UNIT = np.float32(1.0)
# exp2(f) on [-0.5, 0.5], Taylor terms; relative error 2e-8.
_E1 = np.float32(0.6931471805599453)
_E2 = np.float32(0.24022650695910072)
_E3 = np.float32(0.05550410866482158)
_E4 = np.float32(0.009618129107628477)
_E5 = np.float32(0.0013333558146428443)
_E6 = np.float32(0.00015403530393381608)


def lane_bounds(n_neurons: int) -> NDArray[np.int64]:
    """First neuron of every lane, and N: (L + 1,); at least 64 neurons a lane."""
    n_lanes = int(np.clip(n_neurons // 64, 1, MAX_LANES))
    return np.linspace(0, n_neurons, n_lanes + 1).astype(np.int64)


@njit(cache=True, nogil=True, inline="always")
def _exp2(t):
    """2**t for float32 t within +-126, without a call, so that loops vectorise."""
    whole = np.floor(t + _HALF)
    f = t - whole
    fraction = _UNIT + f * (_E1 + f * (_E2 + f * (_E3 + f * (_E4 + f * (_E5 + f * _E6)))))
    return fraction * np.int32((np.int32(whole) + np.int32(127)) << np.int32(23)).view(np.float32)


@njit(cache=True, nogil=True, error_model="numpy")
def _draw_row(field, drive, low, high, active):
    """Bernoulli draws of one neuron in all chains: ``active`` (B,) uint8."""
    for b in range(drive.shape[0]):
        t = -(drive[b] + field) * _LOG2E
        t = min(max(t, -_LIMIT), _LIMIT)
        u = uniform32(low, high, np.uint32(b))
        active[b] = u * (_UNIT + _exp2(t)) < _UNIT


@njit(cache=True, nogil=True, error_model="numpy")
def _gibbs_lane(weights, fields, hidden_values, first, last, key, bits, inputs):
    """Draw the neurons of one lane given (M, B) hidden values; add up their inputs."""
    n_chains = hidden_values.shape[1]
    n_hidden = weights.shape[1]
    drive = np.empty((_BLOCK, n_chains), dtype=np.float32)
    active = np.empty(n_chains, dtype=np.uint8)
    chosen = np.empty(n_chains + 1, dtype=np.int64)
    inputs[:] = 0.0
    for start in range(first, last, _BLOCK):
        stop = min(start + _BLOCK, last)
        np.dot(weights[start:stop], hidden_values, drive[: stop - start])
        for i in range(start, stop):
            own = subkey(key, i)
            _draw_row(
                fields[i], drive[i - start], np.uint32(own & _LOW), np.uint32(own >> _S32), active
            )
            n_active = 0
            for b in range(n_chains):
                chosen[n_active] = b
                n_active += active[b]
            for word in range(bits.shape[1]):
                bits[i, word] = _ZERO
            row = weights[i]
            for c in range(n_active):
                b = chosen[c]
                bits[i, b >> 6] |= _ONE << np.uint64(b & 63)
                target = inputs[b]
                for m in range(n_hidden):
                    target[m] += row[m]


@njit(cache=True, nogil=True, parallel=True, error_model="numpy")
def gibbs(weights, fields, hidden, inputs, bits, lanes, key, n_steps):
    """Run ``n_steps`` of h given v, then v given h, on B chains.

    Parameters
    ----------
    weights : (N, M) float32
    fields : (N,) float32
    hidden : (4, M) float64
        Stacked `DReLU` parameters.
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
    values = np.empty((n_hidden, n_chains), dtype=np.float32)
    partial = np.empty((n_lanes, n_chains, n_hidden), dtype=np.float32)
    for step in range(n_steps):
        hidden_key = subkey(key, 2 * step)
        visible_key = subkey(key, 2 * step + 1)
        for b in prange(n_chains):
            row = subkey(hidden_key, b)
            for m in range(n_hidden):
                values[m, b] = sample_unit(
                    np.float64(inputs[b, m]),
                    hidden[0, m],
                    hidden[1, m],
                    hidden[2, m],
                    hidden[3, m],
                    subkey(row, m),
                )
        for lane in prange(n_lanes):
            _gibbs_lane(
                weights,
                fields,
                values,
                lanes[lane],
                lanes[lane + 1],
                visible_key,
                bits,
                partial[lane],
            )
        _add_lanes(partial, inputs)


@njit(cache=True, nogil=True, parallel=True)
def _add_lanes(partial, total):
    """Sum (L, B, M) partial inputs in lane order into (B, M)."""
    for b in prange(total.shape[0]):
        for m in range(total.shape[1]):
            total[b, m] = partial[0, b, m]
        for lane in range(1, partial.shape[0]):
            for m in range(total.shape[1]):
                total[b, m] += partial[lane, b, m]


@njit(cache=True, nogil=True, parallel=True)
def project_frames(weights, indptr, indices, frames, inputs):
    """Hidden inputs (B, M) of recorded frames given in compressed rows."""
    for b in prange(frames.shape[0]):
        target = inputs[b]
        target[:] = 0.0
        for s in range(indptr[frames[b]], indptr[frames[b] + 1]):
            row = weights[indices[s]]
            for m in range(target.shape[0]):
                target[m] += row[m]


@njit(cache=True, nogil=True, parallel=True)
def project_bits(weights, bits, lanes, inputs):
    """Hidden inputs (B, M) of activity given as bits a neuron."""
    n_lanes = lanes.shape[0] - 1
    partial = np.zeros((n_lanes, inputs.shape[0], inputs.shape[1]), dtype=np.float32)
    for lane in prange(n_lanes):
        for i in range(lanes[lane], lanes[lane + 1]):
            _scatter(weights[i], bits[i], partial[lane])
    _add_lanes(partial, inputs)


@njit(cache=True, nogil=True)
def _scatter(row, bits, inputs):
    """Add one neuron's weights to the inputs of every chain it is active in."""
    for word in range(bits.shape[0]):
        left = bits[word]
        b = 64 * word
        while left != _ZERO:
            while left & np.uint64(0xFF) == _ZERO:
                left >>= np.uint64(8)
                b += 8
            if left & _ONE != _ZERO:
                target = inputs[b]
                for m in range(row.shape[0]):
                    target[m] += row[m]
            left >>= _ONE
            b += 1


@njit(cache=True, nogil=True)
def _gather(values, bits, row, sign):
    """Add ``sign`` times the hidden values of every chain a neuron is active in."""
    for word in range(bits.shape[0]):
        left = bits[word]
        b = 64 * word
        while left != _ZERO:
            while left & np.uint64(0xFF) == _ZERO:
                left >>= np.uint64(8)
                b += 8
            if left & _ONE != _ZERO:
                source = values[b]
                for m in range(row.shape[0]):
                    row[m] += sign * source[m]
            left >>= _ONE
            b += 1


@njit(cache=True, nogil=True, parallel=True)
def frames_to_bits(indptr, indices, frames, bits):
    """Activity of chosen frames as bits a neuron; ``bits`` is overwritten."""
    bits[:] = _ZERO
    for word in prange(bits.shape[1]):
        for b in range(64 * word, min(64 * word + 64, frames.shape[0])):
            bit = _ONE << np.uint64(b & 63)
            for s in range(indptr[frames[b]], indptr[frames[b] + 1]):
                bits[indices[s], word] |= bit


@njit(cache=True, nogil=True, parallel=True)
def correlate(bits, values, out):
    """Sum over frames of v_i h_m: bits (N, words), values (B, M) into ``out`` (N, M)."""
    for i in prange(bits.shape[0]):
        out[i] = 0.0
        _gather(values, bits[i], out[i], np.float32(1.0))


@njit(cache=True, nogil=True, parallel=True, error_model="numpy")
def update_weights(
    weights,
    second_moment,
    supported,
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
    """One proximal RMSprop step on all weights, and the chains' inputs under the new ones.

    The gradient of row i is ``sum_b data_values[b] - sum_c chain_values[c] +
    mean_activity[i] centre`` over the frames b and chains c in which the neuron is
    active, clipped to +-1 (as the reference does).

    Parameters
    ----------
    weights, second_moment : (N, M) float32
        Updated in place.
    supported : (N, M) bool
        Weights that pay only `SUPPORTED_SHARE` of the penalty.
    data_bits, chain_bits : (N, words) uint64
    data_values, chain_values : (B, M) float32
        Hidden factors of both phases, already divided by the number of frames or chains.
    mean_activity : (N,) float32
    centre : (M,) float32
    rates : (6,) float32
        Learning rate, l1, decay and bias correction of the second moment, epsilon, clip.
    lanes : (L + 1,) int64
    inputs : (B, M) float32
        Overwritten with the chains' hidden inputs.
    mean_inputs : (M,) float64
        Overwritten with the inputs of the mean activity.
    """
    n_lanes = lanes.shape[0] - 1
    n_hidden = weights.shape[1]
    partial = np.zeros((n_lanes, inputs.shape[0], n_hidden), dtype=np.float32)
    partial_mean = np.zeros((n_lanes, n_hidden), dtype=np.float64)
    rate, l1, decay, correction, epsilon, clip = rates
    for lane in prange(n_lanes):
        gradient = np.empty(n_hidden, dtype=np.float32)
        own_mean = partial_mean[lane]
        for i in range(lanes[lane], lanes[lane + 1]):
            for m in range(n_hidden):
                gradient[m] = mean_activity[i] * centre[m]
            _gather(data_values, data_bits[i], gradient, np.float32(1.0))
            _gather(chain_values, chain_bits[i], gradient, np.float32(-1.0))
            _proximal_row(
                weights[i],
                second_moment[i],
                supported[i],
                gradient,
                rate,
                l1,
                decay,
                correction,
                epsilon,
                clip,
            )
            for m in range(n_hidden):
                own_mean[m] += np.float64(mean_activity[i]) * np.float64(weights[i, m])
            _scatter(weights[i], chain_bits[i], partial[lane])
    _add_lanes(partial, inputs)
    mean_inputs[:] = 0.0
    for lane in range(n_lanes):
        for m in range(n_hidden):
            mean_inputs[m] += partial_mean[lane, m]


@njit(cache=True, nogil=True, error_model="numpy")
def _proximal_row(row, moment, supported, gradient, rate, l1, decay, correction, epsilon, clip):
    """RMSprop step, then the shrinkage that leaves exact zeros, in the same metric."""
    for m in range(row.shape[0]):
        g = min(max(gradient[m], -clip), clip)
        moment[m] = decay * moment[m] + (np.float32(1.0) - decay) * g * g
        step = rate / (epsilon + np.sqrt(moment[m] * correction))
        moved = row[m] + step * g
        share = SUPPORTED_SHARE if supported[m] else np.float32(1.0)
        shrunk = max(abs(moved) - step * share * l1, np.float32(0.0))
        row[m] = np.copysign(shrunk, moved)
