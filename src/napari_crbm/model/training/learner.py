"""Parameters in training, and the chains they are compared with: one update at a time."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_crbm.model.backends.protocol import Array, Core
from napari_crbm.model.compute import model_size
from napari_crbm.model.compute.blocks import row_blocks
from napari_crbm.model.compute.kernels.weight_update import (
    PENALISED,
    SILENT,
    STARTING,
    SUPPORTED,
)
from napari_crbm.model.compute.randomness import stream
from napari_crbm.model.compute.two_groups import on_frames
from napari_crbm.model.sampling.chains import (
    average_fields,
    restart_balanced,
    restart_in_unions,
    starting_activity,
)
from napari_crbm.model.sampling.jumps import advance, likeness
from napari_crbm.model.start import two_state_units
from napari_crbm.model.start.initialise import Start, assembly_start, random_start
from napari_crbm.model.training import reinitialisation, weight_selection
from napari_crbm.model.training.optimiser import CLIP, bias_correction, penalty, rmsprop
from napari_crbm.model.training.progress import outcome
from napari_crbm.model.training.reinitialisation import Renewed
from napari_crbm.model.training.settings import (
    Settings,
    default_final_learning_rate,
    default_l1,
    standard_error,
)
from napari_crbm.model.units.drelu import DReLU
from napari_crbm.model.units.standardised import (
    ETA_MAX,
    Standardised,
    relaxed_gamma,
    total_gradient,
)
from napari_crbm.spikes import Spikes

_SHUFFLE, _CHAINS, _REVISION, _RESTARTS = 0, 1, 2, 3
#: Updates between two looks at which weights take part, and which units are alike.
_REVISE_EVERY = 100
# Updates between two rounds of restarts.
_RESTART_EVERY = 10
# Large models start anew at most this share of the chains that the settings say.
_RESTARTS_OF_LARGE = 0.5
# A weight that only jitters about zero stays within about as many learning rates of it.
_SMALL = 4.0
# Fraction of the updates in which hidden units do not yet stand well for their assemblies.
_FORMING = 0.3

# The two states of a large assembly need a far stiffer unit than training starts from: potentials
# of such models learn so many times as fast as weights.
_PACE_OF_WELLS = 4.0


class Learner:
    """One model in training: `step` compares its chains with recorded frames and moves it uphill.

    Make it with `started` or `restored`, and hold `kernel_threads` while using it.

    Parameters
    ----------
    train : Spikes
        Training frames.
    settings : Settings
        With `n_hidden` and `l1` decided.
    core : Core
        What all large arrays belong to.

    Attributes
    ----------
    active : ActiveSet
        Weights, and which of them take part.
    fields : (N,) float32
    hidden : Standardised
    activity, inputs
        Neurons, and hidden inputs (B, M) float32, of the chains.
    """

    def __init__(self, train: Spikes, settings: Settings, core: Core) -> None:
        self.settings = settings
        self.core = core
        self._train = train
        self._raster = core.raster(train)
        self._mean_activity = core.put(train.mean_activity.astype(np.float32))
        n_batch = min(settings.batch_size, train.n_frames)
        no_bits = np.zeros((train.n_neurons, (n_batch + 63) // 64), np.uint64)
        self._batch_activity = core.activity(no_bits, n_batch)
        n_hidden, n_chains = int(settings.n_hidden), settings.n_chains
        self._large = model_size.is_large(train.n_neurons, n_hidden)
        # In small models assemblies switch in any case, and stiff units only make couplings
        # between neurons less like the true ones.
        self._has_wells = self._large and settings.initialisation == "assemblies"
        self._batch_inputs = core.put(np.empty((n_batch, n_hidden), dtype=np.float32))
        self.inputs = core.put(np.empty((n_chains, n_hidden), dtype=np.float32))
        self._chain_values = np.empty_like(self.inputs)
        self._alike: NDArray[np.float64] | None = None
        self._shuffled: tuple[int, NDArray[np.int64]] | None = None

    # --- beginning and going on -----------------------------------------------------------

    @classmethod
    def started(cls, train: Spikes, settings: Settings, core: Core) -> Learner:
        """A model before its first update, with what the settings leave open decided."""
        return outcome(cls.starting(train, settings, core))

    @classmethod
    def starting(
        cls, train: Spikes, settings: Settings, core: Core
    ) -> Generator[int, None, Learner]:
        """As `started`, yielding how many assemblies are found so far."""
        start = yield from _start(train, settings)
        learner = cls(train, _decided(settings, train, start.weights.shape[1]), core)
        learner._begin(start)
        return learner

    def _begin(self, start: Start) -> None:
        put, n_hidden = self.core.put, start.weights.shape[1]
        self.fields = put(start.fields)
        roles = self._first_roles(start.supported)
        self.active = self.core.active_set(start.weights, np.zeros_like(start.weights), roles)
        self._mean_inputs = put(
            start.weights.T.astype(np.float64) @ self.core.get(self._mean_activity)
        )
        nothing = np.zeros(n_hidden)
        self.hidden = Standardised(
            put(np.ones(n_hidden)), self._mean_inputs.copy(), put(nothing), put(nothing.copy())
        )
        self._settle_gamma(put(np.arange(n_hidden)))
        if self._has_wells:
            self._make_wells(start.weights)
        self._second: dict[str, Array] = {
            "fields": np.zeros_like(self.fields),
            **{name: put(np.zeros(n_hidden)) for name in ("theta", "delta", "eta")},
        }
        self._new_chains(start.fields, self.settings.random_state)

    def _first_roles(self, supported: NDArray[np.bool_]) -> NDArray[np.uint8]:
        if not self._large or not supported.any():
            return np.where(supported, SUPPORTED, PENALISED)
        # Others join once the recording supports them.
        return np.where(supported, STARTING, SILENT)

    def _make_wells(self, weights: NDArray[np.float32]) -> None:
        """Give bimodal units one well for each state; see `model.start.two_state_units`."""
        put, get = self.core.put, self.core.get
        inputs = get(self._all_inputs())
        on = on_frames(inputs)
        up, down = (
            two_state_units.state(inputs, frames, self._neuron_noise(weights, frames))
            for frames in (on, ~on)
        )
        made = two_state_units.two_wells(up, down, len(inputs))
        pairs = zip(made.units, self.hidden_here().units(), strict=True)
        units = DReLU(*(np.where(made.chosen, *pair) for pair in pairs))
        self.hidden = Standardised(*(put(row) for row in Standardised.from_units(units)))
        # What the neurons do on average stays: fields make up for the mean of h.
        mean = np.where(made.chosen, made.mean, 0.0)
        self.fields -= put((weights @ mean).astype(np.float32))

    def _neuron_noise(
        self, weights: NDArray[np.float32], frames: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """Variance of the hidden inputs, (M,), by neurons as noisy as in some frames (T, M)."""
        shares = (frames / np.maximum(frames.sum(axis=0), 1)).astype(np.float32)
        active = self.core.get(self.core.correlate(self._raster, self.core.put(shares)))
        noise = np.zeros(weights.shape[1])
        for rows in row_blocks(len(weights)):
            noise += (weights[rows] ** 2 * active[rows] * (1 - active[rows])).sum(axis=0)
        return noise

    def _settle_gamma(self, units: Array) -> None:
        """Give some hidden units unit variance on a sample of frames, before their first update."""
        frames = np.linspace(0, self._train.n_frames - 1, min(400, self._train.n_frames))
        inputs = self.core.put(np.empty((len(frames), self.active.shape[1]), dtype=np.float32))
        self.active.form.project_frames(self._raster, frames.astype(np.int64), inputs)
        for _ in range(50):
            data = self.core.moments(inputs, self.hidden.units())
            self.hidden.gamma[units] = relaxed_gamma(self.hidden, data, 1.0)[units]

    def _new_chains(self, fields: NDArray[np.float32], seed: int) -> None:
        n_chains = len(self.inputs)
        bits = starting_activity(fields, n_chains, self._train, seed)
        self.activity = self.core.activity(bits, n_chains)
        self.active.form.project_bits(self.activity, self.inputs)

    @classmethod
    def restored(
        cls, train: Spikes, settings: Settings, core: Core, state: dict[str, Any]
    ) -> Learner:
        """The model that `state` was taken of; it goes on bit for bit."""
        learner = cls(train, settings, core)
        learner._take_parameters(state)
        learner._mean_inputs = core.put(np.array(state["mean_inputs"], dtype=np.float64))
        learner.inputs = core.put(np.array(state["chain_inputs"], dtype=np.float32))
        if "alike" in state:
            learner._alike = np.array(state["alike"], dtype=np.float64)
        bits = np.array(state["chain_bits"], dtype=np.uint64)
        learner.activity = core.activity(bits, len(learner.inputs))
        return learner

    def state(self) -> dict[str, Any]:
        """Everything needed to go on bit for bit: arrays only."""
        here = self.core.get
        return {
            **self.parameters(),
            "mean_inputs": here(self._mean_inputs).copy(),
            "chain_bits": self.core.bits(self.activity).copy(),
            "chain_inputs": here(self.inputs).copy(),
            **({} if self._alike is None else {"alike": self._alike.copy()}),
        }

    def parameters(self) -> dict[str, Any]:
        """A copy of the model and of the running squares of its gradients, without chains."""
        here = self.core.get
        return {
            "weights": self.active.dense().copy(),
            "roles": self.active.roles.copy(),
            "fields": here(self.fields).copy(),
            "hidden": np.stack(self.hidden_here()),
            "second_moments": {
                "weights": self.active.second_moment().copy(),
                **{name: here(values).copy() for name, values in self._second.items()},
            },
        }

    def _take_parameters(self, state: dict[str, Any]) -> None:
        """Everything but the chains of a kept state."""
        put = self.core.put
        moments = {name: np.array(m) for name, m in state["second_moments"].items()}
        self.active = self.core.active_set(
            np.array(state["weights"], dtype=np.float32, order="C"),
            np.asarray(moments.pop("weights"), dtype=np.float32, order="C"),
            np.array(state["roles"], dtype=np.uint8, order="C"),
        )
        self.fields = put(np.array(state["fields"], dtype=np.float32))
        self.hidden = Standardised(*(put(np.array(row)) for row in state["hidden"]))
        self._second = {name: put(values) for name, values in moments.items()}

    def go_back(self, parameters: dict[str, Any], seed: int) -> None:
        """Continue from earlier `parameters`, with new chains."""
        self._take_elsewhere(parameters)
        self._new_chains(parameters["fields"], seed)

    def renew(self) -> Renewed | None:
        """Reinitialise idle and duplicate units; chains go on.

        See `model.training.reinitialisation`.
        """
        renewed = reinitialisation.renew(self.parameters(), self._train)
        if renewed is None:
            return None
        self._take_elsewhere(renewed.parameters)
        if renewed.begun:
            begun = self.core.put(np.array(renewed.begun))
            self.hidden.theta[begun] = self._mean_inputs[begun]
            self._settle_gamma(begun)
        self.active.form.project_bits(self.activity, self.inputs)
        return renewed

    def _take_elsewhere(self, parameters: dict[str, Any]) -> None:
        """Take parameters that no update led to from here."""
        self._take_parameters(parameters)
        weights = np.asarray(parameters["weights"], dtype=np.float64)
        self._mean_inputs = self.core.put(weights.T @ self.core.get(self._mean_activity))

    # --- looking at it --------------------------------------------------------------------

    def hidden_here(self) -> Standardised:
        """The hidden units' parameters as NumPy arrays."""
        return Standardised(*(self.core.get(row) for row in self.hidden))

    def units(self) -> DReLU:
        """The hidden units as NumPy arrays, in the form that enters the energy."""
        return self.hidden_here().units()

    def activities(self) -> tuple[float, float]:
        """Mean activity of the model's chains, and of the recording."""
        model = self.core.get(self.core.rates(self.activity, len(self.inputs)))
        return float(model.mean()), float(self.core.get(self._mean_activity).mean())

    # --- one update -----------------------------------------------------------------------

    def step(self, update: int, rate: float) -> None:
        """Move the chains, compare them with a batch of frames, take one step uphill.

        Parameters
        ----------
        update : int
            Number of the update, 0-based: it decides the random numbers and the penalty.
        rate : float
            Learning rate.
        """
        settings, core = self.settings, self.core
        if settings.l1 and update and update % _REVISE_EVERY == 0:
            self.revise(update, rate)
        if settings.jumps and update % _REVISE_EVERY == 0:
            means = core.mean(self._all_inputs(), self.hidden.units())
            self._alike = likeness(core.get(means))
        if settings.restarts and update and update % _RESTART_EVERY == 0:
            self._restart(update, rate)
        frames = self._batch(update)
        self.active.form.project_frames(self._raster, frames, self._batch_inputs)
        core.take_frames(self._raster, frames, self._batch_activity)
        advance(
            self.active.form,
            self.fields,
            self.hidden.units(),
            self.inputs,
            self.activity,
            self._batch_inputs if settings.jumps else None,
            stream(settings.random_state, _CHAINS, update),
            settings.gibbs_steps,
            core,
            self._alike,
        )
        self._ascend(update, rate)

    def _ascend(self, update: int, rate: float) -> None:
        settings, core = self.settings, self.core
        data = core.moments(self._batch_inputs, self.hidden.units())
        gamma = relaxed_gamma(self.hidden, data, 0.25 * rate / settings.learning_rate)
        self.hidden = self.hidden._replace(gamma=gamma)
        units = self.hidden.units()
        data = core.moments(self._batch_inputs, units)
        chains = core.moments(self.inputs, units)
        gradient = total_gradient(self.hidden, data, chains)
        self._chain_values[:] = chains.mean / len(self.inputs)
        rmsprop(
            self.fields,
            self._mean_activity - core.rates(self.activity, len(self.inputs)),
            self._second["fields"],
            rate,
            settings,
            update,
        )
        # Theta and delta are inputs; divided by gamma they are positions on the axis of h, whose
        # unit is the same in every recording. So they move gamma times as far as eta.
        for name, unit in (("theta", gamma), ("delta", gamma), ("eta", 1.0)):
            rmsprop(
                getattr(self.hidden, name),
                getattr(gradient, name),
                self._second[name],
                rate * unit * (_PACE_OF_WELLS if self._has_wells else 1.0),
                settings,
                update,
            )
        np.clip(self.hidden.eta, -ETA_MAX, ETA_MAX, out=self.hidden.eta)

        decay = settings.second_moment_decay
        rates = (rate, penalty(settings, update), decay, bias_correction(decay, update))
        before = self._mean_inputs.copy()
        self.active.ascend(
            (self._batch_activity, gradient.factors.astype(np.float32)),
            (self.activity, self._chain_values),
            self._mean_activity,
            gradient.theta.astype(np.float32),
            tuple(np.float32(value) for value in (*rates, settings.epsilon, CLIP)),
            self.inputs,
            self._mean_inputs,
        )
        # The input is centred on the data, so theta follows the weights.
        self.hidden.theta[:] += self._mean_inputs - before

    def _restart(self, update: int, rate: float) -> None:
        settings = self.settings
        generator = np.random.default_rng([settings.random_state, _RESTARTS, update])
        n_chains = len(self.inputs)
        # Where a model leads, with how many assemblies on at once, shows after some thousand
        # steps only: chains must live as long once it hardly moves any more.
        share = min(_RESTART_EVERY * settings.restarts, 1.0) * rate / settings.learning_rate
        if self._large:
            share *= _RESTARTS_OF_LARGE
        chosen = generator.choice(n_chains, generator.binomial(n_chains, share), replace=False)
        if len(chosen) == 0:
            return
        if not self._large:
            restart_in_unions(self.activity, chosen, self._train, generator, self.core)
        else:
            mean = self.core.mean(self._batch_inputs, self.hidden.units()).mean(axis=0)
            fields = average_fields(
                self.core.get(self.fields), self.active.dense(), self.core.get(mean)
            )
            restart_balanced(self.activity, chosen, self._train, fields, generator, self.core)
        self.active.form.project_bits(self.activity, self.inputs)

    def revise(self, update: int, rate: float) -> None:
        """Choose which weights take part (see `model.training.weight_selection`)."""
        variance = self._mean_activity * (1 - self._mean_activity)
        small = _SMALL * rate
        key = stream(self.settings.random_state, _REVISION, update)
        if not self._large:
            pull = weight_selection.Pull(self._gradient(key), variance)
            l1 = np.float32(penalty(self.settings, update))
            self.active.revise(partial(weight_selection.tolerant, pull, l1, small))
            return
        pull = weight_selection.Pull(self._left_over(key), variance)
        forming = update <= _FORMING * self.settings.n_updates
        error = standard_error(self._train)
        n_hidden = self.active.shape[1]
        limits = weight_selection.limits_of(float(self.settings.l1), variance, error, n_hidden)
        self.active.revise(
            partial(weight_selection.strict, pull, limits, small if forming else None)
        )

    def _gradient(self, key: np.uint64) -> Array:
        """Gradient of all weights (N, M) from all frames and expected neurons: little noise."""
        units = self.hidden.units()
        recorded = self.core.mean(self._all_inputs(), units)
        return self._beyond_model(recorded, self.core.sample(self.inputs, units, key))

    def _left_over(self, key: np.uint64) -> Array:
        """Covariance (N, M) of hidden units with what recorded neurons do beyond them.

        Hidden units are drawn given the recorded frames. Once the weights are right, neurons
        are independent given them, and nothing but chance is left over.
        """
        hidden = self.core.sample(self._all_inputs(), self.hidden.units(), key)
        return self._beyond_model(hidden, hidden)

    def _beyond_model(self, recorded: Array, generating: Array) -> Array:
        """Covariance (N, M) of recorded neurons and hidden values, less that in the model.

        Covariances, not products: differences of the means are a matter of fields and thresholds.

        Parameters
        ----------
        recorded : (T, M) float32
            Hidden values of the training frames.
        generating : (B, M) float32
            Hidden values given which the model's neurons are taken.
        """
        factors = (recorded - recorded.mean(axis=0)) / np.float32(self._train.n_frames)
        beyond = self.core.correlate(self._raster, factors)
        centred = generating - generating.mean(axis=0)
        self.core.subtract_expected(self.active, self.fields, generating, centred, beyond)
        return beyond

    def _all_inputs(self) -> Array:
        """Hidden inputs (T, M) of all training frames."""
        n_frames = self._train.n_frames
        inputs = self.core.put(np.empty((n_frames, self.active.shape[1]), dtype=np.float32))
        self.active.form.project_frames(self._raster, np.arange(n_frames), inputs)
        return inputs

    def _batch(self, update: int) -> NDArray[np.int64]:
        """Training frames of an update: each once an epoch, in shuffled order."""
        size = len(self._batch_inputs)
        per_epoch = max(self._train.n_frames // size, 1)
        epoch, position = divmod(update, per_epoch)
        if self._shuffled is None or self._shuffled[0] != epoch:
            generator = np.random.default_rng([self.settings.random_state, _SHUFFLE, epoch])
            self._shuffled = (epoch, generator.permutation(self._train.n_frames))
        return self._shuffled[1][position * size : (position + 1) * size]


def _decided(settings: Settings, train: Spikes, n_hidden: int) -> Settings:
    l1, final = settings.l1, settings.final_learning_rate
    if l1 == "auto":
        l1 = default_l1(train)
    if final == "auto":
        large = model_size.is_large(train.n_neurons, n_hidden)
        final = default_final_learning_rate(large, settings.learning_rate)
    return replace(settings, n_hidden=n_hidden, l1=l1, final_learning_rate=final)


def _start(train: Spikes, settings: Settings) -> Generator[int, None, Start]:
    n_hidden = settings.n_hidden
    if settings.initialisation == "assemblies":
        return (yield from assembly_start(train, n_hidden, settings.random_state))
    if isinstance(n_hidden, str):
        found = yield from assembly_start(train, n_hidden, settings.random_state)
        n_hidden = found.weights.shape[1]
    return random_start(train, n_hidden, settings.random_state)
