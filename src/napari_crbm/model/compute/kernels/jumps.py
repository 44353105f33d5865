"""Log acceptance ratio of jumps of hidden units, with the visible units marginalised."""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from napari_crbm.model.compute.kernels.fast_math import exp2_32, exp_64, log_32
from napari_crbm.model.compute.kernels.gibbs import add_products

_BLOCK = 256
_LOG2E = np.float32(1.4426950408889634)
_LIMIT = np.float32(126.0)
_UNIT = np.float32(1.0)
# One logarithm serves a product of many ratios, which may span this many powers of two.
_FARTHEST = np.float32(120.0)
# Log probability relative to the most likely frame below which a frame does not count.
_NEGLIGIBLE = -700.0


@njit(cache=True, nogil=True, error_model="numpy")
def _multiply(field, drive, row, weight, steps, ratios):
    """Multiply by (1 + exp(x + w step)) / (1 + exp(x)) of one neuron in every chain."""
    slope = weight * _LOG2E
    for b in range(ratios.shape[0]):
        before = (drive[row, b] + field) * _LOG2E
        after = min(max(before + slope * steps[b], -_LIMIT), _LIMIT)
        before = min(max(before, -_LIMIT), _LIMIT)
        ratios[b] *= (_UNIT + exp2_32(after)) / (_UNIT + exp2_32(before))


@njit(cache=True, nogil=True, error_model="numpy")
def _add_logarithms(ratios, gains):
    """Add the logarithms of products of ratios, and reset the products."""
    for b in range(gains.shape[0]):
        gains[b] += log_32(ratios[b])
        ratios[b] = _UNIT


@njit(cache=True, nogil=True, error_model="numpy")
def _with_one_more(spanned, reach, ratios, gains):
    """Count the powers of two that products span with one more ratio; reset them at the limit."""
    reach = min(reach, _FARTHEST)
    if spanned + reach > _FARTHEST:
        _add_logarithms(ratios, gains)
        spanned = np.float32(0.0)
    return spanned + reach


@njit(cache=True, nogil=True, error_model="numpy")
def _longest(steps):
    """Powers of two that the longest step spans for a weight of one."""
    longest = np.float32(0.0)
    for b in range(steps.shape[0]):
        longest = max(longest, abs(steps[b]))
    return longest * _LOG2E


@njit(cache=True, nogil=True, parallel=True, error_model="numpy")
def gains(weights, fields, members, lanes, unit, hidden_values, steps, out):
    """Compute the change of log sum_v exp(-E(v, h)) when one hidden unit changes, per lane.

    Parameters
    ----------
    weights : (N, M) float32
    fields : (N,) float32
    members : (R,) int64
        All neurons with a weight to the unit.
    lanes : (L + 1,) int64
        Bounds within ``members``.
    unit : int
    hidden_values : (M, B) float32
    steps : (B,) float32
        Change of the unit's value in every chain.
    out : (L, B) float32
    """
    for lane in prange(lanes.shape[0] - 1):
        rows = np.empty((_BLOCK, weights.shape[1]), dtype=np.float32)
        drive = np.empty((_BLOCK, hidden_values.shape[1]), dtype=np.float32)
        ratios = np.ones(out.shape[1], dtype=np.float32)
        out[lane] = 0.0
        longest, spanned = _longest(steps), np.float32(0.0)
        for start in range(lanes[lane], lanes[lane + 1], _BLOCK):
            size = min(_BLOCK, lanes[lane + 1] - start)
            for k in range(size):
                for m in range(weights.shape[1]):
                    rows[k, m] = weights[members[start + k], m]
            np.dot(rows[:size], hidden_values, drive[:size])
            for k in range(size):
                weight = rows[k, unit]
                spanned = _with_one_more(spanned, abs(weight) * longest, ratios, out[lane])
                _multiply(fields[members[start + k]], drive, k, weight, steps, ratios)
        _add_logarithms(ratios, out[lane])


@njit(cache=True, nogil=True, parallel=True, error_model="numpy")
def gains_sparse(starts, columns, values, fields, members, lanes, unit, hidden_values, steps, out):
    """Do as `gains` for weights in compressed rows; ``hidden_values`` may be wider than B."""
    for lane in prange(lanes.shape[0] - 1):
        drive = np.empty((1, hidden_values.shape[1]), dtype=np.float32)
        ratios = np.ones(out.shape[1], dtype=np.float32)
        out[lane] = 0.0
        longest, spanned = _longest(steps), np.float32(0.0)
        for k in range(lanes[lane], lanes[lane + 1]):
            i = members[k]
            add_products(starts, columns, values, i, hidden_values, drive)
            weight = np.float32(0.0)
            for position in range(starts[i], starts[i + 1]):
                if columns[position] == unit:
                    weight = values[position]
            spanned = _with_one_more(spanned, abs(weight) * longest, ratios, out[lane])
            _multiply(fields[i], drive, 0, weight, steps, ratios)
        _add_logarithms(ratios, out[lane])


@njit(cache=True, nogil=True, parallel=True, error_model="numpy")
def log_overlap(values, inputs, cumulants, order, bounds, asked, out):
    """Compute the log of the sum over frames of exp(I h - Gamma(I)) of each block of units.

    Parameters
    ----------
    values : (M, B) float32
    inputs : (M, K) float32
        Hidden inputs of the frames.
    cumulants : (M, K) float64
        Their cumulants.
    order : (M,) int64
        Units, block after block.
    bounds : (G + 1,) int64
        Of the blocks in ``order``.
    asked : (G, B) bool
        Chains for which it is computed; zero for the others.
    out : (G, B) float64
    """
    n_frames = inputs.shape[1]
    for block in prange(out.shape[0]):
        out[block] = 0.0
        chains = np.flatnonzero(asked[block])
        n_chains = chains.shape[0]
        total, own = np.zeros(n_chains), np.empty(n_chains)
        powers, top = np.zeros((n_frames, n_chains)), np.full(n_chains, -np.inf)
        # Frames in the outer loop and chains in the inner one, so that inner loops vectorise.
        for position in range(bounds[block], bounds[block + 1]):
            unit = order[position]
            for b in range(n_chains):
                own[b] = values[unit, chains[b]]
            for k in range(n_frames):
                slope, offset = np.float64(inputs[unit, k]), cumulants[unit, k]
                for b in range(n_chains):
                    powers[k, b] += slope * own[b] - offset
        for k in range(n_frames):
            for b in range(n_chains):
                top[b] = max(top[b], powers[k, b])
        for k in range(n_frames):
            for b in range(n_chains):
                total[b] += exp_64(max(powers[k, b] - top[b], _NEGLIGIBLE))
        for b in range(n_chains):
            out[block, chains[b]] = top[b] + np.log(total[b])
