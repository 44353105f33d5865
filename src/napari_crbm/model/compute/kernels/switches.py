"""Metropolis switches of hidden units, with the neurons marginalised."""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from napari_crbm.model.compute.kernels.fast_math import exp2_32, log_32
from napari_crbm.model.compute.kernels.gibbs import VECTOR

_LOG2E = np.float32(1.4426950408889634)
_LIMIT = np.float32(126.0)
_UNIT = np.float32(1.0)
# One logarithm serves a product of many ratios, which may span this many powers of two.
_FARTHEST = np.float32(120.0)


@njit(cache=True, nogil=True, error_model="numpy")
def _add_logarithms(ratios, total):
    """Add the logarithms of products of ratios, and reset the products."""
    for b in range(VECTOR):
        total[b] += log_32(ratios[b])
        ratios[b] = _UNIT


@njit(cache=True, nogil=True, error_model="numpy")
def _likelihood_ratio(neurons, values, drive, steps, ratios, total):
    """Compute the change (B,) of log sum_v exp(-E) if one unit changes by ``steps`` (B,)."""
    longest = np.float32(0.0)
    for b in range(VECTOR):
        total[b] = np.float32(0.0)
        ratios[b] = _UNIT
        longest = max(longest, abs(steps[b]))
    spanned = np.float32(0.0)
    for k in range(neurons.shape[0]):
        own, slope = drive[neurons[k]], values[k] * _LOG2E
        reach = min(abs(slope) * longest, _FARTHEST)
        if spanned + reach > _FARTHEST:
            _add_logarithms(ratios, total)
            spanned = np.float32(0.0)
        spanned += reach
        for b in range(VECTOR):
            before = own[b] * _LOG2E
            after = min(max(before + slope * steps[b], -_LIMIT), _LIMIT)
            before = min(max(before, -_LIMIT), _LIMIT)
            ratios[b] *= (_UNIT + exp2_32(after)) / (_UNIT + exp2_32(before))
    _add_logarithms(ratios, total)


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def _add(neurons, values, drive, steps):
    """Add the products of weights and ``steps`` (B,) to the drive (N, B) of the neurons."""
    for k in range(neurons.shape[0]):
        own, weight = drive[neurons[k]], values[k]
        for b in range(VECTOR):
            own[b] += weight * steps[b]


@njit(cache=True, nogil=True, error_model="numpy")
def _switch_group(starts, neurons, values, fields, hidden, proposed, least, accepted, group):
    """Do the work of `switch` for one vector of chains."""
    n_hidden = starts.shape[0] - 1
    first = group * VECTOR
    drive = np.empty((fields.shape[0], VECTOR), dtype=np.float32)
    steps = np.empty(VECTOR, dtype=np.float32)
    ratios, total = np.empty_like(steps), np.empty_like(steps)
    for i in range(fields.shape[0]):
        for b in range(VECTOR):
            drive[i, b] = fields[i]
    for m in range(n_hidden):
        own, weights = neurons[starts[m] : starts[m + 1]], values[starts[m] : starts[m + 1]]
        for b in range(VECTOR):
            steps[b] = hidden[m, first + b]
        _add(own, weights, drive, steps)
    for m in range(n_hidden):
        own, weights = neurons[starts[m] : starts[m + 1]], values[starts[m] : starts[m + 1]]
        for b in range(VECTOR):
            steps[b] = proposed[m, first + b] - hidden[m, first + b]
        _likelihood_ratio(own, weights, drive, steps, ratios, total)
        for b in range(VECTOR):
            goes = total[b] > least[m, first + b]
            accepted[m, first + b] = goes
            if goes:
                hidden[m, first + b] = proposed[m, first + b]
            else:
                steps[b] = np.float32(0.0)
        _add(own, weights, drive, steps)


@njit(cache=True, nogil=True, parallel=True, error_model="numpy")
def switch(starts, neurons, values, fields, hidden, proposed, least, accepted):
    """Propose another value for every hidden unit in turn, in all chains.

    Parameters
    ----------
    starts : (M + 1,) int64
        Bounds of the units in ``neurons`` and ``values``.
    neurons : (R,) int64
        Neurons with a weight to each unit.
    values : (R,) float32
        Their weights.
    fields : (N,) float32
    hidden : (M, B) float32
        Hidden values, replaced where the proposal is accepted; B in whole vectors.
    proposed : (M, B) float32
    least : (M, B) float32
        A proposal is accepted if the log likelihood ratio of the neurons exceeds this.
    accepted : (M, B) bool
        Written: which proposals were accepted.
    """
    for group in prange(hidden.shape[1] // VECTOR):
        _switch_group(
            starts, neurons, values, fields, hidden, proposed, least, accepted, np.int64(group)
        )
