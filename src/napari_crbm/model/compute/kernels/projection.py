"""Project activity onto hidden inputs, I = W^T v."""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from napari_crbm.model.compute.kernels.bits import scatter, scatter_sparse
from napari_crbm.model.compute.kernels.lanes import add_lanes
from napari_crbm.model.compute.kernels.zeros import clear, zeros


@njit(cache=True, nogil=True)
def _project_frame(weights, indptr, indices, frame, target):
    clear(target)
    for s in range(indptr[frame], indptr[frame + 1]):
        i = indices[s]
        for m in range(target.shape[0]):
            target[m] += weights[i, m]


@njit(cache=True, nogil=True)
def _project_frame_sparse(starts, columns, values, indptr, indices, frame, target):
    clear(target)
    for s in range(indptr[frame], indptr[frame + 1]):
        i = indices[s]
        for k in range(starts[i], starts[i + 1]):
            target[columns[k]] += values[k]


@njit(cache=True, nogil=True)
def _project_lane(weights, bits, lanes, lane, inputs):
    for i in range(lanes[lane], lanes[lane + 1]):
        scatter(weights, bits, i, inputs)


@njit(cache=True, nogil=True)
def _project_lane_sparse(starts, columns, values, bits, lanes, lane, inputs):
    for i in range(lanes[lane], lanes[lane + 1]):
        scatter_sparse(starts, columns, values, bits, i, inputs)


@njit(cache=True, nogil=True, parallel=True)
def project_frames(weights, indptr, indices, frames, inputs):
    """Write the hidden inputs (B, M) of recorded frames given in compressed rows."""
    for b in prange(frames.shape[0]):
        _project_frame(weights, indptr, indices, frames[b], inputs[b])


@njit(cache=True, nogil=True, parallel=True)
def project_frames_sparse(starts, columns, values, indptr, indices, frames, inputs):
    """Do as `project_frames` for weights in compressed rows."""
    for b in prange(frames.shape[0]):
        _project_frame_sparse(starts, columns, values, indptr, indices, frames[b], inputs[b])


@njit(cache=True, nogil=True, parallel=True)
def project_bits(weights, bits, lanes, inputs):
    """Write the hidden inputs (B, M) of activity given as bits (N, words)."""
    n_lanes = lanes.shape[0] - 1
    partial = zeros((n_lanes, inputs.shape[0], inputs.shape[1]))
    for lane in prange(n_lanes):
        _project_lane(weights, bits, lanes, np.int64(lane), partial[lane])
    add_lanes(partial, inputs)


@njit(cache=True, nogil=True, parallel=True)
def project_bits_sparse(starts, columns, values, bits, lanes, inputs):
    """Do as `project_bits` for weights in compressed rows."""
    n_lanes = lanes.shape[0] - 1
    partial = zeros((n_lanes, inputs.shape[0], inputs.shape[1]))
    for lane in prange(n_lanes):
        _project_lane_sparse(starts, columns, values, bits, lanes, np.int64(lane), partial[lane])
    add_lanes(partial, inputs)
