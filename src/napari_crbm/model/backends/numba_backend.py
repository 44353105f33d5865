"""The backend on the processor: kernels compiled by Numba, activity as bits."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_crbm.model.compute.active_weights import ActiveSet
from napari_crbm.model.compute.checks import require, require_indices
from napari_crbm.model.compute.kernels.bits import correlate, frames_to_bits
from napari_crbm.model.compute.kernels.gibbs import subtract_expected
from napari_crbm.model.compute.kernels.lanes import lane_bounds
from napari_crbm.model.units.protocol import HiddenUnits, Moments
from napari_crbm.spikes import Spikes

Bits = NDArray[np.uint64]


class NumbaBackend:
    """See `Backend`. Hold `threads.kernel_threads` while it computes."""

    device = "cpu"

    def put(self, values: NDArray[Any]) -> NDArray[Any]:
        return values

    def get(self, values: NDArray[Any]) -> NDArray[Any]:
        return values

    def wait(self) -> None:
        pass

    def active_set(
        self,
        weights: NDArray[np.float32],
        second_moment: NDArray[np.float32],
        roles: NDArray[np.uint8],
    ) -> ActiveSet:
        return ActiveSet(weights, second_moment, roles)

    def moments(self, inputs: NDArray[np.floating], units: HiddenUnits) -> Moments:
        return units.moments(inputs)

    def mean(self, inputs: NDArray[np.floating], units: HiddenUnits) -> NDArray[np.float32]:
        return units.mean(inputs)

    def sample(
        self, inputs: NDArray[np.floating], units: HiddenUnits, key: np.uint64
    ) -> NDArray[np.float32]:
        return units.sample(inputs, key)

    def raster(self, spikes: Spikes) -> Spikes:
        return spikes

    def activity(self, bits: Bits, n_states: int) -> Bits:
        return bits

    def bits(self, activity: Bits) -> Bits:
        return activity

    def take_frames(self, raster: Spikes, frames: NDArray[np.int64], activity: Bits) -> None:
        require_indices("frames", frames, raster.n_frames)
        require("bits", activity, (raster.n_neurons, -(-len(frames) // 64)), np.uint64)
        frames_to_bits(*raster.by_frame, frames, activity)

    def rates(self, activity: Bits, n_states: int) -> NDArray[np.float64]:
        return np.asarray(np.bitwise_count(activity).sum(axis=1) / n_states)

    def correlate(self, raster: Spikes, values: NDArray[np.float32]) -> NDArray[np.float32]:
        require("values", values, (raster.n_frames, None), np.float32)
        out = np.empty((raster.n_neurons, values.shape[1]), dtype=np.float32)
        correlate(raster.by_neuron, values, out)
        return out

    def subtract_expected(
        self,
        active: ActiveSet,
        fields: NDArray[np.float32],
        hidden: NDArray[np.float32],
        centred: NDArray[np.float32],
        gradient: NDArray[np.float32],
    ) -> None:
        n_neurons, n_hidden = active.shape
        require("fields", fields, (n_neurons,), np.float32)
        require("hidden values", hidden, (None, n_hidden), np.float32)
        require("centred values", centred, hidden.shape, np.float32)
        require("gradient", gradient, active.shape, np.float32)
        by_unit = np.ascontiguousarray(hidden.T)
        lanes = lane_bounds(len(fields))
        subtract_expected(active.dense(), fields, by_unit, centred, lanes, gradient)


#: The backend of this processor. It has no state, so that one is enough.
NUMBA = NumbaBackend()
