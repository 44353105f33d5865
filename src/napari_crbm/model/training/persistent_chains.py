"""The persistent chains of a training, which its gradient compares with recorded frames."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_crbm.model.backends.protocol import Activity, Array, Backend, Weights
from napari_crbm.model.compute.bits import bits_from_dense
from napari_crbm.model.rbm import RBM
from napari_crbm.model.sampling.draw import draw
from napari_crbm.model.sampling.starts import starting_activity
from napari_crbm.model.units.protocol import HiddenUnits
from napari_crbm.spikes import Spikes

# Most Gibbs steps, with switches, behind samples that are compared with the recording.
_MOST_STEPS = 640
# The squared error of the samples' mean activities is this many times what sampling explains if the
# model has a spurious state. Up to 4.4 in models without one, 40 to 136 in models with one.
_SPURIOUS = 10.0


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

    def take_spurious(self, rbm: RBM, frames: Spikes, random_state: int, form: Weights) -> bool:
        """Take samples of the model as chains if their mean activities are not the recorded ones.

        Chains of Gibbs steps may never reach a spurious state, even if it holds most of the model's
        probability. Chains that switch units do. Returns whether the samples were taken.
        """
        samples = draw(
            rbm,
            len(self),
            n_chains=len(self),
            start=frames,
            max_burn_in=_MOST_STEPS,
            random_state=random_state,
        ).spikes
        recorded = frames.mean_activity.astype(np.float64)
        error = ((samples.mean_activity - recorded) ** 2).sum()
        if error <= _SPURIOUS * (recorded * (1 - recorded)).sum() / len(self):
            return False
        self.activity = self._backend.activity(
            bits_from_dense(samples.dense().astype(bool)), len(self)
        )
        self.update_inputs(form)
        return True

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
