"""A backend on whole arrays of a module that acts like NumPy, such as CuPy on an NVIDIA GPU.

Matrix products run in the module's BLAS, everything else is its element-wise arithmetic. Activity
is (N, B) float32.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_crbm.model.backends.array_raster import ArrayRaster
from napari_crbm.model.backends.array_units import units_on
from napari_crbm.model.backends.array_weights import ArrayActiveSet
from napari_crbm.model.compute.array_random import subkeys
from napari_crbm.model.compute.bits import bits_from_dense, dense_from_bits
from napari_crbm.model.units.protocol import HiddenUnits, Moments
from napari_crbm.spikes import Spikes


class ArrayBackend:
    """See `Backend`.

    Parameters
    ----------
    xp : module
        Array module whose arrays also support NumPy's functions (NEP 13 and 18).
    get : callable
        Turns its arrays into NumPy arrays.
    wait : callable
        Returns when the device has done all its work.
    """

    device = "gpu"

    def __init__(
        self, xp: Any, get: Callable[[Any], NDArray[Any]], wait: Callable[[], object]
    ) -> None:
        self._xp, self._get, self._wait = xp, get, wait

    def put(self, values: NDArray[Any]) -> Any:
        return self._xp.asarray(values)

    def get(self, values: Any) -> NDArray[Any]:
        return self._get(values)

    def wait(self) -> None:
        self._wait()

    def active_set(
        self,
        weights: NDArray[np.float32],
        second_moment: NDArray[np.float32],
        roles: NDArray[np.uint8],
    ) -> ArrayActiveSet:
        return ArrayActiveSet(self._xp, self._get, weights, second_moment, roles)

    def moments(self, inputs: Any, units: HiddenUnits) -> Moments:
        return units_on(self._xp, units).moments(inputs, units)

    def mean(self, inputs: Any, units: HiddenUnits) -> Any:
        return units_on(self._xp, units).mean(inputs, units)

    def sample(self, inputs: Any, units: HiddenUnits, key: np.uint64) -> Any:
        rows = self._xp.arange(len(inputs), dtype=np.uint64)
        return units_on(self._xp, units).sample(inputs, units, subkeys(self._xp, key, rows))

    def raster(self, spikes: Spikes) -> ArrayRaster:
        return ArrayRaster(self._xp, spikes)

    def activity(self, bits: NDArray[np.uint64], n_states: int) -> Any:
        dense = self.put(np.ascontiguousarray(dense_from_bits(bits, n_states).T))
        return dense.astype(np.float32)

    def bits(self, activity: Any) -> NDArray[np.uint64]:
        return bits_from_dense(self._get(activity.astype(np.uint8)).T)

    def take_frames(self, raster: ArrayRaster, frames: NDArray[np.int64], activity: Any) -> None:
        activity[:] = raster.dense(frames).T

    def rates(self, activity: Any, n_states: int) -> Any:
        return activity.mean(axis=1, dtype=np.float64)

    def correlate(self, raster: ArrayRaster, values: Any) -> Any:
        frames = np.arange(raster.n_frames)
        out = self._xp.zeros((raster.n_neurons, values.shape[1]), dtype=np.float32)
        for part in raster.parts(frames):
            out += raster.dense(frames[part]).T @ values[part]
        return out

    def subtract_expected(
        self, active: ArrayActiveSet, fields: Any, hidden: Any, centred: Any, gradient: Any
    ) -> None:
        active.form.subtract_expected(fields, hidden, centred, gradient)
