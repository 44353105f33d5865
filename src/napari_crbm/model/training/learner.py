"""Parameters in training, and the update that moves them by one step."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_crbm.model.backends.protocol import Activity, Array, Backend
from napari_crbm.model.compute.kernels.weight_update import SILENT
from napari_crbm.model.compute.randomness import stream
from napari_crbm.model.rbm import RBM
from napari_crbm.model.start.initialise import Start
from napari_crbm.model.training import covariance, initial, weight_selection
from napari_crbm.model.training.frames import TrainingFrames
from napari_crbm.model.training.optimiser import CLIP, bias_correction, rmsprop
from napari_crbm.model.training.persistent_chains import PersistentChains
from napari_crbm.model.training.progress import outcome
from napari_crbm.model.training.settings import Settings, standard_error
from napari_crbm.model.units.choice import DEFAULT
from napari_crbm.model.units.protocol import HiddenUnits, TrainingUnits, UnitType, mapped
from napari_crbm.spikes import Spikes

_CHAINS, _REVISION = 1, 2
# Updates between two decisions which weights take part.
_REVISE_EVERY = 100
# Batches whose mean the mean hidden units are.
_MEAN_OF = 50


class Learner:
    """One model in training: `step` compares its chains with recorded frames and updates it.

    Make it with `started`, `continuing` or `restored`, and hold `kernel_threads` while using it.

    Parameters
    ----------
    train : Spikes
        Training frames.
    settings : Settings
        With `n_hidden` and `l1` decided.
    backend : Backend
        What all large arrays belong to.
    unit_type : UnitType
        Type of the hidden units.

    Attributes
    ----------
    active : ActiveSet
        Weights, and which of them take part.
    fields : (N,) float32
    hidden : TrainingUnits
    chains : PersistentChains
    """

    active: Any
    fields: Array
    hidden: TrainingUnits

    def __init__(
        self, train: Spikes, settings: Settings, backend: Backend, unit_type: UnitType = DEFAULT
    ) -> None:
        self.settings = settings
        self.backend = backend
        self._unit_type = unit_type
        n_hidden = int(settings.n_hidden)
        self.frames = TrainingFrames(train, settings.batch_size, n_hidden, backend)
        self.chains = PersistentChains(settings.n_chains, n_hidden, backend)
        self._chain_values = np.empty_like(self.chains.inputs)
        # Update at which the running means of squared gradients started.
        self._moments_since = 0
        self.by_chance = False

    # --- start, checkpoint, other parameters --------------------------------------------------

    @classmethod
    def started(
        cls, train: Spikes, settings: Settings, backend: Backend, unit_type: UnitType = DEFAULT
    ) -> Learner:
        """Return a model before its first update; settings left open are decided."""
        return outcome(cls.starting(train, settings, backend, unit_type))

    @classmethod
    def starting(
        cls,
        train: Spikes,
        settings: Settings,
        backend: Backend,
        unit_type: UnitType = DEFAULT,
        coordinates: NDArray[np.floating] | None = None,
        borders: Sequence[int] = (),
    ) -> Generator[int, None, Learner]:
        """Do as `started`, yielding how many assemblies are found so far."""
        start = yield from initial.initial_weights(train, settings, coordinates, borders)
        learner = cls(
            train, initial.decided(settings, train, start.weights.shape[1]), backend, unit_type
        )
        learner.by_chance = start.by_chance
        learner._set_weights(start)
        inputs = start.weights.T.astype(np.float64) @ backend.get(learner._mean_activity)
        learner.hidden = unit_type.training.at_start(backend.put(inputs))
        frames, form = learner.frames, learner.active.form
        learner.hidden = initial.settled(learner.hidden, frames, form, backend)
        learner._forget_moments()
        learner._start_chains(start.fields, settings.random_state)
        return learner

    @classmethod
    def continuing(
        cls,
        train: Spikes,
        settings: Settings,
        backend: Backend,
        rbm: RBM,
        update: int,
        unit_type: UnitType = DEFAULT,
    ) -> Learner:
        """Return the model of an RBM's parameters, at any update of the schedule.

        Running means of squared gradients start from zero, and so does their bias correction.
        """
        learner = cls(train, initial.decided(settings, train, rbm.n_hidden), backend, unit_type)
        learner._set_weights(Start(rbm.weights.copy(), rbm.fields.copy(), rbm.weights != 0))
        units = unit_type.training.from_units(rbm.hidden)
        learner.hidden = mapped(units, lambda row: backend.put(np.array(row)))
        learner._forget_moments()
        learner._moments_since = update
        learner._start_chains(rbm.fields, settings.random_state + update)
        return learner

    @classmethod
    def restored(
        cls,
        train: Spikes,
        settings: Settings,
        backend: Backend,
        state: dict[str, Any],
        unit_type: UnitType = DEFAULT,
    ) -> Learner:
        """Return the model that `state` was taken of; it continues bit for bit."""
        learner = cls(train, settings, backend, unit_type)
        learner._take_parameters(state)
        learner._moments_since = int(state.get("moments_since", 0))
        learner.chains.restore(state)
        # Checkpoints of earlier versions do not say it.
        learner.by_chance = bool(state.get("by_chance", False))
        return learner

    def _set_weights(self, start: Start) -> None:
        self.fields = self.backend.put(start.fields)
        roles = initial.initial_roles(start.supported, float(self.settings.l1))
        start.weights[roles == SILENT] = 0
        self.active = self.backend.active_set(start.weights, np.zeros_like(start.weights), roles)
        # Units start with a mean of about zero; of others it is known after some batches.
        self._mean_hidden = self.backend.put(np.zeros(self.active.shape[1]))

    def _forget_moments(self) -> None:
        """Start the running means of squared gradients of fields and units from zero."""
        n_hidden = self.active.shape[1]
        self._second: dict[str, Array] = {
            "fields": np.zeros_like(self.fields),
            **{name: self.backend.put(np.zeros(n_hidden)) for name in self.hidden.paces()},
        }

    def _start_chains(self, fields: NDArray[np.float32], random_state: int) -> None:
        self.chains.start(fields, self.frames.spikes, random_state, self.active.form)

    def state(self) -> dict[str, Any]:
        """Return everything needed to continue bit for bit: arrays and numbers only."""
        since = self._moments_since
        kept = {**self.parameters(), **self.chains.state(), "by_chance": self.by_chance}
        return {**kept, "moments_since": since} if since else kept

    def parameters(self) -> dict[str, Any]:
        """Copy the parameters and all running means, without the chains."""
        here = self.backend.get
        return {
            "weights": self.active.dense().copy(),
            "roles": self.active.roles.copy(),
            "fields": here(self.fields).copy(),
            "hidden": np.stack(list(self.hidden_here())),
            "mean_hidden": here(self._mean_hidden).copy(),
            "second_moments": {
                "weights": self.active.second_moment().copy(),
                **{name: here(values).copy() for name, values in self._second.items()},
            },
        }

    def _take_parameters(self, state: dict[str, Any]) -> None:
        """Take everything but the chains of a kept state."""
        put = self.backend.put
        moments = {name: np.array(m) for name, m in state["second_moments"].items()}
        self.active = self.backend.active_set(
            np.array(state["weights"], dtype=np.float32, order="C"),
            np.asarray(moments.pop("weights"), dtype=np.float32, order="C"),
            np.array(state["roles"], dtype=np.uint8, order="C"),
        )
        self.fields = put(np.array(state["fields"], dtype=np.float32))
        self.hidden = self._unit_type.of_rows([put(np.array(row)) for row in state["hidden"]])
        self._mean_hidden = put(np.array(state["mean_hidden"], dtype=np.float64))
        self._second = {name: put(values) for name, values in moments.items()}

    def go_back(self, parameters: dict[str, Any], seed: int) -> None:
        """Continue from earlier `parameters`, with new chains."""
        self._take_parameters(parameters)
        self._start_chains(parameters["fields"], seed)

    # --- what it looks like -------------------------------------------------------------------

    @property
    def inputs(self) -> Array:
        """Hidden inputs of the chains, (B, M) float32."""
        return self.chains.inputs

    @property
    def activity(self) -> Activity:
        """Neurons of the chains, in the form in which the backend keeps activity."""
        return self.chains.activity

    @property
    def _mean_activity(self) -> Array:
        return self.frames.mean_activity

    def hidden_here(self) -> TrainingUnits:
        """Return the hidden units' parameters as NumPy arrays."""
        return mapped(self.hidden, self.backend.get)

    def units(self) -> HiddenUnits:
        """Return the hidden units as NumPy arrays, in the form that enters the energy."""
        units: HiddenUnits = self.hidden_here().units()
        return units

    def activities(self) -> tuple[float, float]:
        """Return the mean activity of the model's chains, and of the recording."""
        model = self.backend.get(self.chains.mean_activity())
        return float(model.mean()), float(self.backend.get(self._mean_activity).mean())

    # --- one update -----------------------------------------------------------------------

    def step(self, update: int, rate: float) -> None:
        """Advance the chains, compare them with a batch of frames and update all parameters.

        Parameters
        ----------
        update : int
            Number of the update, 0-based: it decides the random numbers and the penalty.
        rate : float
            Learning rate.
        """
        settings = self.settings
        if settings.l1 and update and update % _REVISE_EVERY == 0:
            self.revise(update)
        self.frames.take_batch(update, settings.random_state, self.active.form)
        self.chains.advance(
            self.active.form,
            self.fields,
            self.hidden.units(),
            stream(settings.random_state, _CHAINS, update),
            settings.gibbs_steps,
        )
        self._update_parameters(update, rate)

    def take_spurious(self, seed: int) -> bool:
        """Look for a spurious state of the model; see `PersistentChains.take_spurious`."""
        fields, n_threads = self.backend.get(self.fields), self.settings.n_threads
        rbm = RBM.from_parameters(self.active.dense(), fields, self.units(), n_threads)
        return self.chains.take_spurious(rbm, self.frames.spikes, seed, self.active.form)

    def _update_parameters(self, update: int, rate: float) -> None:
        settings, backend, n_averaged = self.settings, self.backend, update - self._moments_since
        data = backend.moments(self.frames.batch_inputs, self.hidden.units())
        self.hidden = self.hidden.relaxed(data, 0.25 * rate / settings.learning_rate)
        units = self.hidden.units()
        data = backend.moments(self.frames.batch_inputs, units)
        chains = backend.moments(self.inputs, units)
        gradient = self.hidden.gradient(data, chains)
        # Weights are learned about the means of both sides: of <(v - mean)(h - mean)>.
        mean_hidden = self._mean_hidden
        factors = gradient.factors - mean_hidden / len(data.mean)
        values = (chains.mean - mean_hidden) / len(chains.mean)
        self._chain_values[:] = values
        rmsprop(
            self.fields,
            self._mean_activity - self.chains.mean_activity(),
            self._second["fields"],
            rate,
            settings,
            n_averaged,
        )
        for name, pace in self.hidden.paces().items():
            rmsprop(
                getattr(self.hidden, name),
                gradient.free[name],
                self._second[name],
                rate * pace,
                settings,
                n_averaged,
            )
        self.hidden.bound()

        decay = settings.second_moment_decay
        rates = (rate, float(settings.l1), decay, bias_correction(decay, n_averaged))
        shift = self.active.step(
            (self.frames.batch_activity, factors.astype(np.float32)),
            (self.activity, self._chain_values),
            (values.sum(axis=0) - factors.sum(axis=0)).astype(np.float32),
            tuple(np.float32(value) for value in (*rates, settings.epsilon, CLIP)),
            (self._mean_activity, mean_hidden),
            self.fields,
            self.inputs,
        )
        self.hidden.shift(shift)
        # After the step, so that the means do not depend on the batch that they centre.
        mean_hidden += (data.mean.mean(axis=0) - mean_hidden) / _MEAN_OF

    def revise(self, update: int) -> None:
        """Decide which weights take part (see `model.training.weight_selection`).

        All do if the training started without weights that the recording supports.
        """
        if not (self.active.roles == SILENT).any():
            return
        variance = self._mean_activity * (1 - self._mean_activity)
        key = stream(self.settings.random_state, _REVISION, update)
        pull = covariance.residual(
            self.active, self.fields, self.hidden.units(), self.frames, self.backend, key
        )
        error = standard_error(self.frames.spikes)
        limits = weight_selection.limits_of(
            float(self.settings.l1), variance, error, self.active.shape[1]
        )
        self.active.revise(partial(weight_selection.select, pull, limits))
        self.chains.update_inputs(self.active.form)
