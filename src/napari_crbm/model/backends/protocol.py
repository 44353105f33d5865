"""What a training asks of the device it runs on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_crbm.model.units.protocol import HiddenUnits, Moments
from napari_crbm.spikes import Spikes

#: An array on the device: NumPy's, or one that behaves like it.
Array = Any
#: Weights in the form that chains run on: `weights.DenseWeights` or one with its methods.
Weights = Any
#: Activity of B chains or frames on the device, in whatever form the core keeps it.
Activity = Any
#: Disjoint groups of hidden units, each an array of indices.
Blocks = Sequence[NDArray[np.int64]]


class Core(Protocol):
    """Operations on the large arrays of a training.

    Arrays handed in and out live on the device, except where `put`, `get`, `activity` and
    `bits` move them. N neurons, M hidden units, B chains or frames.
    """

    device: str

    def put(self, values: NDArray[Any]) -> Array:
        """A NumPy array, on the device."""

    def get(self, values: Array) -> NDArray[Any]:
        """An array of the device, as NumPy's."""

    def wait(self) -> None:
        """Return when all work handed to the device is done."""

    # --- weights --------------------------------------------------------------------------

    def active_set(
        self,
        weights: NDArray[np.float32],
        second_moment: NDArray[np.float32],
        roles: NDArray[np.uint8],
    ) -> Any:
        """Weights in training, see `model.compute.active_weights.ActiveSet`; takes NumPy arrays."""

    # --- hidden units ---------------------------------------------------------------------

    def moments(self, inputs: Array, units: HiddenUnits) -> Moments:
        """Conditional moments given inputs (B, M), in float64."""

    def mean(self, inputs: Array, units: HiddenUnits) -> Array:
        """E[h | I] given inputs (B, M), float32."""

    def cumulant(self, inputs: Array, units: HiddenUnits) -> Array:
        """Cumulant function of inputs (B, M), float64."""

    def sample(self, inputs: Array, units: HiddenUnits, key: np.uint64) -> Array:
        """Draw h given inputs (B, M), float32."""

    def by_unit(self, hidden: Array) -> Array:
        """Hidden values (B, M) the other way round, (M, >= B), as weights take them."""

    def log_overlap(
        self, values: Array, inputs: Array, cumulants: Array, blocks: Blocks, asked: Array
    ) -> Array:
        """Log of the sum over frames of exp(sum of I h - Gamma(I) over the units of a block).

        ``values`` are (M, B), ``inputs`` and ``cumulants`` of the frames (M, K); (G, B) for G
        disjoint blocks of units, right where ``asked`` (G, B) says so.
        """

    # --- activity -------------------------------------------------------------------------

    def raster(self, spikes: Spikes) -> Any:
        """A recording where the device can reach it."""

    def activity(self, bits: NDArray[np.uint64], n_states: int) -> Activity:
        """States (N, words) of `bits.bits_from_dense`, on the device."""

    def bits(self, activity: Activity) -> NDArray[np.uint64]:
        """Inverse of `activity`."""

    def take_frames(self, raster: Any, frames: NDArray[np.int64], activity: Activity) -> None:
        """Overwrite ``activity`` with the chosen frames of a recording."""

    def replace_state(self, activity: Activity, state: int, active: NDArray[np.bool_]) -> None:
        """Overwrite one state with active neurons (N,)."""

    def rates(self, activity: Activity, n_states: int) -> Array:
        """Share of the states in which each neuron is active, (N,) float64."""

    # --- the little-noise gradient ----------------------------------------------------------

    def correlate(self, raster: Any, values: Array) -> Array:
        """Sum over all frames of v_i h_m for values (T, M): (N, M) float32."""

    def subtract_expected(
        self, active: Any, fields: Array, hidden: Array, centred: Array, gradient: Array
    ) -> None:
        """Subtract the mean over chains of P(v_i = 1 | h) times ``centred`` from (N, M)."""
