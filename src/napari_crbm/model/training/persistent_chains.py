"""The persistent chains of a training, which its gradient compares with recorded frames."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_crbm.model.backends.protocol import Activity, Array, Backend, Weights
from napari_crbm.model.sampling.starts import starting_activity
from napari_crbm.model.units.protocol import HiddenUnits
from napari_crbm.spikes import Spikes


class PersistentChains:
    """B chains that go on from update to update.

    Parameters
    ----------
    n_chains, n_hidden : int
    backend : Backend
        Where arrays lie.

    Attributes
    ----------
    activity
        Neurons, in the form in which the backend keeps activity.
    inputs : (B, M) float32
        Hidden inputs.
    """

    activity: Activity

    def __init__(self, n_chains: int, n_hidden: int, backend: Backend) -> None:
        self._backend = backend
        self.inputs = backend.put(np.empty((n_chains, n_hidden), dtype=np.float32))

    def __len__(self) -> int:
        return len(self.inputs)

    def start(
        self, fields: NDArray[np.float32], frames: Spikes, random_state: int, form: Weights
    ) -> None:
        """Start all chains from recorded frames."""
        bits = starting_activity(fields, len(self), frames, random_state)
        self.activity = self._backend.activity(bits, len(self))
        self.update_inputs(form)

    def update_inputs(self, form: Weights) -> None:
        """Compute the hidden inputs again after weights or activity have changed."""
        form.project_bits(self.activity, self.inputs)

    def advance(
        self, form: Weights, fields: Array, units: HiddenUnits, key: np.uint64, n_steps: int
    ) -> None:
        """Run Gibbs steps."""
        form.gibbs(fields, units, self.inputs, self.activity, key, n_steps)

    def mean_activity(self) -> Array:
        """Compute the share of the chains in which each neuron is active, (N,) float64."""
        return self._backend.rates(self.activity, len(self))

    def state(self) -> dict[str, Any]:
        """Return copies of everything that `restore` needs."""
        return {
            "chain_bits": self._backend.bits(self.activity).copy(),
            "chain_inputs": self._backend.get(self.inputs).copy(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue bit for bit from `state`."""
        self.inputs = self._backend.put(np.array(state["chain_inputs"], dtype=np.float32))
        bits = np.array(state["chain_bits"], dtype=np.uint64)
        self.activity = self._backend.activity(bits, len(self))
