"""The operations that a device must offer to training and sampling."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_crbm.model.units.protocol import HiddenUnits, Moments
from napari_crbm.spikes import Spikes

#: An array on the device: NumPy's, or one that behaves like it.
Array = Any
#: Weights in the form that chains run on: `DenseWeights`, or a class with its methods.
Weights = Any
#: Activity of B chains or frames on the device, in a form that depends on the backend.
Activity = Any


class Backend(Protocol):
    """Operations on large arrays.

    Arguments and results lie on the device, except where `put`, `get`, `activity` and
    `bits` move them. N neurons, M hidden units, B chains or frames.
    """

    device: str

    def put(self, values: NDArray[Any]) -> Array:
        """Copy a NumPy array to the device."""

    def get(self, values: Array) -> NDArray[Any]:
        """Copy an array of the device into a NumPy array."""

    def wait(self) -> None:
        """Return when the device has done all its work."""

    # --- weights --------------------------------------------------------------------------

    def active_set(
        self,
        weights: NDArray[np.float32],
        second_moment: NDArray[np.float32],
        roles: NDArray[np.uint8],
    ) -> Any:
        """Return weights in training, see `ActiveSet`, from NumPy arrays."""

    # --- hidden units ---------------------------------------------------------------------

    def moments(self, inputs: Array, units: HiddenUnits) -> Moments:
        """Compute conditional moments given inputs (B, M), in float64."""

    def mean(self, inputs: Array, units: HiddenUnits) -> Array:
        """Compute E[h | I] given inputs (B, M), float32."""

    def sample(self, inputs: Array, units: HiddenUnits, key: np.uint64) -> Array:
        """Draw h given inputs (B, M), float32."""

    # --- activity -------------------------------------------------------------------------

    def raster(self, spikes: Spikes) -> Any:
        """Copy a recording to where the device can read it."""

    def activity(self, bits: NDArray[np.uint64], n_states: int) -> Activity:
        """Copy states (N, words) of `bits.bits_from_dense` to the device."""

    def bits(self, activity: Activity) -> NDArray[np.uint64]:
        """Copy states from the device; the inverse of `activity`."""

    def take_frames(self, raster: Any, frames: NDArray[np.int64], activity: Activity) -> None:
        """Overwrite ``activity`` with the chosen frames of a recording."""

    def rates(self, activity: Activity, n_states: int) -> Array:
        """Compute the share of the states in which each neuron is active, (N,) float64."""

    # --- gradient from all frames ----------------------------------------------------------

    def correlate(self, raster: Any, values: Array) -> Array:
        """Compute the sum over all frames of v_i h_m for values (T, M), (N, M) float32."""

    def subtract_expected(
        self, active: Any, fields: Array, hidden: Array, centred: Array, gradient: Array
    ) -> None:
        """Subtract the mean over chains of P(v_i = 1 | h) times ``centred`` from (N, M)."""
