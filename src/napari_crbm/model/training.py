"""Persistent contrastive divergence, as a generator of progress that anyone can drive."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import ModelError, TrainingDiverged
from napari_crbm.model import health
from napari_crbm.model.active_set import ActiveSet
from napari_crbm.model.cores import Core, choice
from napari_crbm.model.cores.protocol import Array
from napari_crbm.model.crbm import CRBM
from napari_crbm.model.drelu import DReLU
from napari_crbm.model.initialisation import assembly_start, random_start
from napari_crbm.model.jumps import advance
from napari_crbm.model.kernels.ascent import PENALISED, SUPPORTED
from napari_crbm.model.optimiser import (
    CLIP,
    bias_correction,
    learning_rate,
    penalty,
    rmsprop,
)
from napari_crbm.model.progress import Control, Progress
from napari_crbm.model.pseudo_likelihood import PseudoLikelihoodProbe
from napari_crbm.model.randomness import stream
from napari_crbm.model.sampling import restart_in_unions, starting_activity
from napari_crbm.model.settings import Settings, check_against, default_l1
from napari_crbm.model.split import split_blocks
from napari_crbm.model.standardisation import (
    ETA_MAX,
    Standardised,
    relaxed_gamma,
    total_gradient,
)
from napari_crbm.model.threads import kernel_threads
from napari_crbm.model.watch import Watch, strong_members
from napari_crbm.model.weights import DenseWeights, efficient
from napari_crbm.spikes import Spikes

_SHUFFLE, _CHAINS, _REVISION, _RESTARTS = 0, 1, 2, 3
#: Updates between two looks at which weights take part.
_REVISE_EVERY = 100
# Updates between two rounds of restarts.
_RESTART_EVERY = 10
# Updates between two looks at the chains.
_WATCH_EVERY = 10
# A plateau divides the learning rate by so much, and so does every rescue.
_SLOWDOWN = 3.0
# Updates between two looks at whether parameters have vanished or run away.
_CHECK_EVERY = 25
# So often a training that has run away goes back to its best state.
_RESCUES = 4
# A weight that only jitters about zero stays within about as many learning rates of it.
_SMALL = 4.0
#: Longest time between two progress records, in seconds.
_INTERVAL_S = 0.25
#: Statistics are taken this often in a training, whatever its length.
_EVALUATIONS = 60
# Frames whose pseudo-likelihood is taken each time, of training and held-out ones.
_PROBED_FRAMES = 240
#: Fraction of the updates after which odd statistics are worth a warning.
_SETTLED = 0.3
# Frames whose hidden inputs are kept with a model, for jumps.
_EXAMPLES = 100
#: Version of what `Training.checkpoint` returns.
CHECKPOINT_VERSION = 4


class Training:
    """One training of one model: iterate to advance it, then ask for the model.

    Parameters
    ----------
    spikes : Spikes
        The whole recording; held-out blocks of time are chosen here.
    settings : Settings
        Fields left to "auto" are decided from the recording; `settings` tells how.
        Of a resumed training only ``device`` counts, which may be another than before.
    control : Control, optional
        For pause and stop from another thread.
    resume : dict, optional
        State from `checkpoint`; training then continues bit for bit.

    Raises
    ------
    ModelError
        If the settings do not suit the recording, or the checkpoint another one.

    Examples
    --------
    >>> training = Training(spikes, Settings.named("quick"))
    >>> for progress in training:
    ...     print(progress.update, progress.statistics)
    >>> model = training.model()
    """

    settings: Settings

    def __init__(
        self,
        spikes: Spikes,
        settings: Settings | None = None,
        *,
        control: Control | None = None,
        resume: dict[str, Any] | None = None,
    ) -> None:
        self.settings = settings or Settings()
        self.control = control or Control()
        self._spikes = spikes
        self._prepared = False
        self._resume = resume
        self.update = 0
        self.elapsed_s = 0.0
        self._history: list[dict[str, float]] = []
        self._best: dict[str, Any] | None = None
        self._slowed, self._waited = 1.0, 0
        self._rescues, self._rescued = 0, ""
        if resume is not None:
            self._check_checkpoint(resume)
            self.settings = Settings(**resume["settings"])
            if settings is not None:
                self.settings = replace(self.settings, device=settings.device)
        check_against(self.settings, spikes)
        self.settings = replace(self.settings, device=choice.resolved(self.settings.device))
        self._core: Core = choice.core_for(self.settings.device)
        nothing = np.zeros((spikes.n_neurons, 0), dtype=np.float32)
        self._active = ActiveSet(nothing, nothing, nothing.astype(np.uint8))

    # --- driving ------------------------------------------------------------------------

    def __iter__(self) -> Iterator[Progress]:
        """Advance the training, yielding a `Progress` a few times a second.

        Raises
        ------
        TrainingCollapsed
            If all weights have gone to zero.
        TrainingDiverged
            If weights are no longer numbers or have run away, again and again: at first
            the training goes back to its best state and on with a lower learning rate.
        """
        if not self._prepared:
            yield self._progress("preparing")
            started = time.perf_counter()
            with kernel_threads(self.settings.n_threads):
                self._prepare()
            self.elapsed_s += time.perf_counter() - started
        session_start, made = time.perf_counter(), 0
        while not self._done and not self.control.stopped:
            if self.control.paused:
                yield self._progress("paused")
                while self.control.paused:
                    self.control.wait_while_paused(0.1)
                session_start, made = time.perf_counter(), 0
                continue
            started = time.perf_counter()
            with kernel_threads(self.settings.n_threads):
                while self._may_go_on(started):
                    self._step()
                    self.update += 1
                    made += 1
                    if self.update % _CHECK_EVERY == 0 or self._done:
                        self._look_after()
                    if self.update in self._evaluate_at:
                        self._evaluate(self.elapsed_s + time.perf_counter() - started)
            now = time.perf_counter()
            self.elapsed_s += now - started
            pace = (now - session_start) / max(made, 1)
            yield self._progress("training", pace * (self.settings.n_updates - self.update))
        yield self._progress("finished" if self._done else "stopped", 0.0)

    @property
    def finished(self) -> bool:
        """Whether the training has come to its end, and was not stopped before."""
        return self._prepared and self._done

    @property
    def _done(self) -> bool:
        """Whether all updates are made, or the learning rate has come down to its last value."""
        slow = self._slowed > 1 and self._rate() <= self.settings.final_learning_rate
        return slow or self.update >= self.settings.n_updates

    def _rate(self) -> float:
        """Learning rate of the current update."""
        return learning_rate(self.settings, self.update) / self._slowdown

    @property
    def _slowdown(self) -> float:
        return self._slowed * _SLOWDOWN**self._rescues

    def _may_go_on(self, started: float) -> bool:
        return (
            not self._done
            and time.perf_counter() - started < _INTERVAL_S
            and not self.control.paused
            and not self.control.stopped
        )

    def _progress(self, phase: str, eta_s: float | None = None) -> Progress:
        view = self._active.dense().view()
        view.flags.writeable = False
        statistics = dict(self._history[-1]) if self._history else {}
        statistics.pop("update", None)
        statistics.pop("elapsed_s", None)
        return Progress(
            self.update,
            self.settings.n_updates,
            self.elapsed_s,
            eta_s,
            phase,
            statistics,
            view,
            self._warning(),
        )

    # --- results ------------------------------------------------------------------------

    def model(self) -> CRBM:
        """The latest model, standardised on the training frames. The training goes on unharmed.

        A training with `Settings.patience` that has come to its end gives its `best_model`.
        """
        self._require_prepared()
        if self.settings.patience and self.finished:
            return self.best_model()
        fields = self._core.get(self._fields)
        return self._as_model(self._active.dense(), fields, self._hidden_here().units())

    def best_model(self) -> CRBM:
        """The model with the best pseudo-likelihood so far, on held-out frames if there are any."""
        self._require_prepared()
        if self._best is None:
            return self.model()
        return self._as_model(
            self._best["weights"], self._best["fields"], DReLU(*self._best["hidden"])
        )

    def _as_model(
        self, weights: NDArray[np.float32], fields: NDArray[np.float32], units: DReLU
    ) -> CRBM:
        if self.settings.l1:
            # The penalty holds most weights at zero, but the last step leaves some beside it.
            beside = np.abs(weights) < self.settings.final_learning_rate
            weights = np.where(beside, np.float32(0), weights)
        model = CRBM.from_parameters(
            weights,
            fields,
            units,
            settings=self.settings,
            history=self.history,
            split={"train": self._train_frames, "test": self._test_frames},
            recording_fingerprint=self._spikes.fingerprint,
            examples=self._examples(weights) if self.settings.jumps else None,
            versions=library_versions(),
        )
        return model.standardised(self._train)

    def _examples(self, weights: NDArray[np.float32]) -> NDArray[np.float32]:
        """Hidden inputs of frames spread over the training frames."""
        frames = np.linspace(0, self._train.n_frames - 1, min(_EXAMPLES, self._train.n_frames))
        inputs = np.empty((len(frames), weights.shape[1]), dtype=np.float32)
        with kernel_threads(self.settings.n_threads):
            efficient(weights).project_frames(self._train, frames.astype(np.int64), inputs)
        return inputs

    @property
    def history(self) -> dict[str, NDArray[np.float64]]:
        """Statistics taken so far, one array a name; "update" says when."""
        columns = self._history[0] if self._history else {}
        return {name: np.array([row[name] for row in self._history]) for name in columns}

    def checkpoint(self) -> dict[str, Any]:
        """Everything needed to continue bit for bit: arrays, numbers and strings only."""
        self._require_prepared()
        here = self._core.get
        return {
            "version": CHECKPOINT_VERSION,
            "fingerprint": self._spikes.fingerprint,
            "settings": self.settings.as_dict(),
            "update": self.update,
            "elapsed_s": self.elapsed_s,
            "weights": self._active.dense().copy(),
            "roles": self._active.roles.copy(),
            "fields": here(self._fields).copy(),
            "hidden": np.stack(self._hidden_here()),
            "second_moments": self._second_here(),
            "mean_inputs": here(self._mean_inputs).copy(),
            "chain_bits": self._core.bits(self._activity).copy(),
            "chain_inputs": here(self._inputs).copy(),
            "history": self.history,
            "best": self._best,
            "watch": self._watch.state(),
            "plateau": [self._slowed, self._waited],
            "rescues": [self._rescues, self._rescued],
        }

    def _check_checkpoint(self, state: dict[str, Any]) -> None:
        if state.get("version") != CHECKPOINT_VERSION:
            raise ModelError(
                f"The checkpoint has version {state.get('version')}; this program continues "
                f"version {CHECKPOINT_VERSION}. Train again from the start."
            )
        if state["fingerprint"] != self._spikes.fingerprint:
            raise ModelError(
                "The checkpoint belongs to another recording: its activity differs from this one. "
                "Open the recording the training was started on."
            )

    def _require_prepared(self) -> None:
        if not self._prepared:
            raise ModelError("The training has not begun: iterate over it first.")

    # --- preparing ----------------------------------------------------------------------

    def _prepare(self) -> None:
        settings = self.settings
        self._train_frames, self._test_frames = split_blocks(
            self._spikes, n_test=settings.n_test_blocks, random_state=settings.random_state
        )
        self._train = self._spikes.select_frames(self._train_frames)
        core = self._core
        self._raster = core.raster(self._train)
        self._mean_activity = core.put(self._train.mean_activity.astype(np.float32))
        if self._resume is None:
            self._begin()
        else:
            self._restore(self._resume)
        self._chain_values = np.empty_like(self._inputs)
        n_batch = min(settings.batch_size, self._train.n_frames)
        no_bits = np.zeros((self._train.n_neurons, (n_batch + 63) // 64), np.uint64)
        self._batch_activity = core.activity(no_bits, n_batch)
        self._batch_inputs = core.put(np.empty((n_batch, self._active.shape[1]), dtype=np.float32))
        self._shuffled: tuple[int, NDArray[np.int64]] | None = None
        self._probes = {
            name: PseudoLikelihoodProbe(
                self._spikes.select_frames(frames),
                16,
                settings.random_state,
                max_frames=_PROBED_FRAMES,
            )
            for name, frames in (
                ("pseudo_likelihood", self._train_frames),
                ("test_pseudo_likelihood", self._test_frames),
            )
            if len(frames)
        }
        held_out = self._spikes.select_frames(self._test_frames) if len(self._test_frames) else None
        self._watch = Watch(self._train, held_out, self._followed)
        if self._resume is not None:
            self._watch.restore(self._resume["watch"])
        marks = np.linspace(0, settings.n_updates, _EVALUATIONS + 1)[1:]
        self._evaluate_at = set(np.ceil(marks).astype(int).tolist())
        self._resume = None
        self._prepared = True
        if self.update == 0:
            self._evaluate(0.0)

    def _begin(self) -> None:
        settings = self.settings
        if settings.initialisation == "random":
            n_hidden = settings.n_hidden
            if n_hidden == "auto":
                n_hidden = assembly_start(self._train, "auto", settings.random_state).weights.shape[
                    1
                ]
            start = random_start(self._train, int(n_hidden), settings.random_state)
        else:
            start = assembly_start(self._train, settings.n_hidden, settings.random_state)
        l1 = default_l1(self._train) if settings.l1 == "auto" else settings.l1
        self.settings = replace(settings, n_hidden=start.weights.shape[1], l1=l1)
        n_hidden = start.weights.shape[1]
        put = self._core.put
        self._fields = put(start.fields)
        self._followed = strong_members(start.weights)
        mean_inputs = start.weights.T.astype(np.float64) @ self._core.get(self._mean_activity)
        self._active = self._core.active_set(
            start.weights,
            np.zeros_like(start.weights),
            np.where(start.supported, SUPPORTED, PENALISED),
        )
        self._mean_inputs = put(mean_inputs)
        nothing = np.zeros(n_hidden)
        self._hidden = Standardised(
            *(put(row) for row in (np.ones(n_hidden), mean_inputs.copy(), nothing, nothing.copy()))
        )
        self._settle_gamma()
        self._second: dict[str, Array] = {
            "fields": np.zeros_like(self._fields),
            **{name: put(np.zeros(n_hidden)) for name in ("theta", "delta", "eta")},
        }
        n_chains = settings.n_chains
        bits = starting_activity(start.fields, n_chains, self._train, settings.random_state)
        self._activity = self._core.activity(bits, n_chains)
        self._inputs = put(np.empty((n_chains, n_hidden), dtype=np.float32))
        self._active.form.project_bits(self._activity, self._inputs)

    def _settle_gamma(self) -> None:
        """Give hidden units unit variance on a sample of frames before the first update."""
        frames = np.linspace(0, self._train.n_frames - 1, min(400, self._train.n_frames))
        inputs = self._core.put(np.empty((len(frames), self._active.shape[1]), dtype=np.float32))
        self._active.form.project_frames(self._raster, frames.astype(np.int64), inputs)
        for _ in range(50):
            data = self._core.moments(inputs, self._hidden.units())
            self._hidden = self._hidden._replace(gamma=relaxed_gamma(self._hidden, data, 1.0))

    def _restore(self, state: dict[str, Any]) -> None:
        self.update = int(state["update"])
        self.elapsed_s = float(state["elapsed_s"])
        put = self._core.put
        self._take_parameters(state)
        self._hidden = Standardised(*(put(np.array(row)) for row in state["hidden"]))
        self._mean_inputs = put(np.array(state["mean_inputs"], dtype=np.float64))
        self._inputs = put(np.array(state["chain_inputs"], dtype=np.float32))
        bits = np.array(state["chain_bits"], dtype=np.uint64)
        self._activity = self._core.activity(bits, len(self._inputs))
        columns = {name: np.asarray(values) for name, values in state["history"].items()}
        n_rows = len(next(iter(columns.values()))) if columns else 0
        self._history = [
            {name: float(values[row]) for name, values in columns.items()} for row in range(n_rows)
        ]
        self._best = state["best"]
        self._slowed, self._waited = float(state["plateau"][0]), int(state["plateau"][1])
        self._rescues, self._rescued = int(state["rescues"][0]), str(state["rescues"][1])
        self._followed = np.array(state["watch"]["neurons"], dtype=np.int64)

    def _take_parameters(self, state: dict[str, Any]) -> None:
        """Weights, their roles, fields and the squares of gradients of a kept state."""
        put = self._core.put
        moments = {name: np.array(m) for name, m in state["second_moments"].items()}
        self._active = self._core.active_set(
            np.array(state["weights"], dtype=np.float32, order="C"),
            np.asarray(moments.pop("weights"), dtype=np.float32, order="C"),
            np.array(state["roles"], dtype=np.uint8, order="C"),
        )
        self._fields = put(np.array(state["fields"], dtype=np.float32))
        self._second = {name: put(values) for name, values in moments.items()}

    # --- one update -----------------------------------------------------------------------

    def _step(self) -> None:
        """Move the chains, compare them with a batch of frames, take one step uphill."""
        settings = self.settings
        rate = self._rate()
        key = stream(settings.random_state, _CHAINS, self.update)
        frames = self._batch()
        if settings.l1 and self.update and self.update % _REVISE_EVERY == 0:
            self._revise()
        if settings.restarts and self.update and self.update % _RESTART_EVERY == 0:
            self._restart()
        core = self._core
        self._active.form.project_frames(self._raster, frames, self._batch_inputs)
        core.take_frames(self._raster, frames, self._batch_activity)
        advance(
            self._active.form,
            self._fields,
            self._hidden.units(),
            self._inputs,
            self._activity,
            self._batch_inputs if settings.jumps else None,
            key,
            settings.gibbs_steps,
            core,
        )

        data = core.moments(self._batch_inputs, self._hidden.units())
        gamma = relaxed_gamma(self._hidden, data, 0.25 * rate / settings.learning_rate)
        self._hidden = self._hidden._replace(gamma=gamma)
        units = self._hidden.units()
        data = core.moments(self._batch_inputs, units)
        chains = core.moments(self._inputs, units)
        gradient = total_gradient(self._hidden, data, chains)
        if self.update % _WATCH_EVERY == 0:
            bits = core.bits(self._activity)
            self._watch.look(bits, len(self._inputs), core.get(chains.mean))

        n_chains = len(self._inputs)
        self._chain_values[:] = chains.mean / n_chains
        rmsprop(
            self._fields,
            self._mean_activity - core.rates(self._activity, n_chains),
            self._second["fields"],
            rate,
            settings,
            self.update,
        )
        # Theta and delta are inputs; divided by gamma they are positions on the axis of h, whose
        # unit is the same in every recording. So they move gamma times as far as eta.
        for name, unit in (("theta", gamma), ("delta", gamma), ("eta", 1.0)):
            rmsprop(
                getattr(self._hidden, name),
                getattr(gradient, name),
                self._second[name],
                rate * unit,
                settings,
                self.update,
            )
        np.clip(self._hidden.eta, -ETA_MAX, ETA_MAX, out=self._hidden.eta)

        correction = bias_correction(settings.second_moment_decay, self.update)
        rates = tuple(
            np.float32(value)
            for value in (
                rate,
                penalty(settings, self.update),
                settings.second_moment_decay,
                correction,
                settings.epsilon,
                CLIP,
            )
        )
        before = self._mean_inputs.copy()
        self._active.ascend(
            (self._batch_activity, gradient.factors.astype(np.float32)),
            (self._activity, self._chain_values),
            self._mean_activity,
            gradient.theta.astype(np.float32),
            rates,
            self._inputs,
            self._mean_inputs,
        )
        # The input is centred on the data, so theta follows the weights.
        self._hidden.theta[:] += self._mean_inputs - before

    def _restart(self) -> None:
        generator = np.random.default_rng([self.settings.random_state, _RESTARTS, self.update])
        n_chains = len(self._inputs)
        share = min(_RESTART_EVERY * self.settings.restarts, 1.0)
        chosen = generator.choice(n_chains, generator.binomial(n_chains, share), replace=False)
        restart_in_unions(self._activity, chosen, self._train, generator, self._core)
        self._active.form.project_bits(self._activity, self._inputs)

    def _revise(self) -> None:
        """Compute the weight gradient with little noise, and choose who takes part by it."""
        core, units = self._core, self._hidden.units()
        n_frames = self._train.n_frames
        inputs = core.put(np.empty((n_frames, self._active.shape[1]), dtype=np.float32))
        self._active.form.project_frames(self._raster, np.arange(n_frames), inputs)
        # Covariances: differences of the means are a matter of fields and thresholds.
        factors = core.mean(inputs, units)
        factors -= factors.mean(axis=0)
        factors /= np.float32(n_frames)
        gradient = core.correlate(self._raster, factors)
        key = stream(self.settings.random_state, _REVISION, self.update)
        hidden = core.sample(self._inputs, units, key)
        centred = hidden - hidden.mean(axis=0)
        core.subtract_expected(self._active, self._fields, hidden, centred, gradient)
        variance = self._mean_activity * (1 - self._mean_activity)
        self._active.revise(
            gradient,
            variance,
            penalty(self.settings, self.update),
            _SMALL * self._rate(),
        )

    def _batch(self) -> NDArray[np.int64]:
        """Training frames of the current update: each once an epoch, in shuffled order."""
        size = len(self._batch_inputs)
        per_epoch = max(self._train.n_frames // size, 1)
        epoch, position = divmod(self.update, per_epoch)
        if self._shuffled is None or self._shuffled[0] != epoch:
            generator = np.random.default_rng([self.settings.random_state, _SHUFFLE, epoch])
            self._shuffled = (epoch, generator.permutation(self._train.n_frames))
        return self._shuffled[1][position * size : (position + 1) * size]

    def _hidden_here(self) -> Standardised:
        """The hidden units' parameters as NumPy arrays."""
        return Standardised(*(self._core.get(row) for row in self._hidden))

    # --- watching -------------------------------------------------------------------------

    def _evaluate(self, elapsed_s: float) -> None:
        """Append a row of statistics; keep the parameters if they are the best so far."""
        core, units = self._core, self._hidden_here().units()
        weights, fields = self._active.dense(), self._core.get(self._fields)
        peak = np.abs(weights).max(axis=0)
        chain_activity = core.get(core.rates(self._activity, len(self._inputs)))
        row = {
            "update": float(self.update),
            "elapsed_s": elapsed_s,
            "learning_rate": learning_rate(self.settings, max(self.update - 1, 0)) / self._slowdown,
            "l1": penalty(self.settings, self.update),
            **{
                name: probe.evaluate(DenseWeights(weights), fields, units)
                for name, probe in self._probes.items()
            },
            "model_activity": float(chain_activity.mean()),
            "data_activity": float(core.get(self._mean_activity).mean()),
            "mean_abs_weight": float(np.abs(weights).mean()),
            "weight_sparsity": float(np.mean(weights == 0)),
            "n_active_units": float((peak > health.ALIVE).sum()),
            "gradient_rms": self._active.gradient_rms(),
            **self._watch.report(),
        }
        self._history.append(row)
        score = row.get("test_pseudo_likelihood", row.get("pseudo_likelihood", -np.inf))
        if self._best is not None and not score > health.FALLEN * self._best["score"]:
            self._rescue(health.diverged(self.update, "held-out frames have become improbable"))
            return
        better = self._best is None or score > self._best["score"]
        self._slow_down_on_a_plateau(better)
        if better:
            self._best = {
                "score": score,
                "update": self.update,
                "weights": weights.copy(),
                "roles": self._active.roles.copy(),
                "second_moments": self._second_here(),
                "fields": fields.copy(),
                "hidden": units.stacked(),
            }

    def _second_here(self) -> dict[str, NDArray[np.floating]]:
        """A copy of the running squares of all gradients."""
        here = self._core.get
        return {
            "weights": self._active.second_moment().copy(),
            **{name: here(values).copy() for name, values in self._second.items()},
        }

    def _look_after(self) -> None:
        """Go back to the best state if parameters have run away; give up if that is no use."""
        peak, hidden = self._active.largest(), self._hidden_here()
        try:
            health.check(peak, hidden, self._train, self.settings, self.update)
        except TrainingDiverged as problem:
            self._rescue(problem)

    def _rescue(self, problem: TrainingDiverged) -> None:
        """Continue from the best state so far, with new chains and a lower learning rate."""
        best = self._best
        if best is None or self._rescues >= _RESCUES:
            raise problem
        put, train, diverged_at = self._core.put, self._train, self.update
        self.update, self._rescues = int(best["update"]), self._rescues + 1
        self._history = [row for row in self._history if row["update"] <= self.update]
        self._take_parameters(best)
        hidden = Standardised.from_units(DReLU(*best["hidden"]))
        self._hidden = Standardised(*(put(row) for row in hidden))
        weights = np.asarray(best["weights"], dtype=np.float64)
        self._mean_inputs = put(weights.T @ self._core.get(self._mean_activity))
        n_chains, seed = self.settings.n_chains, self.settings.random_state + self._rescues
        bits = starting_activity(best["fields"], n_chains, train, seed)
        self._activity = self._core.activity(bits, n_chains)
        self._active.form.project_bits(self._activity, self._inputs)
        self._rescued = health.rescue(diverged_at, self.update, self._rate())

    def _slow_down_on_a_plateau(self, better: bool) -> None:
        """Divide the learning rate when the held-out likelihood has not risen for long."""
        self._waited = 0 if better else self._waited + 1
        if self.settings.patience and self._waited >= self.settings.patience:
            self._slowed, self._waited = _SLOWDOWN * self._slowed, 0

    def _warning(self) -> str | None:
        odd = None
        if self.update >= _SETTLED * self.settings.n_updates and self._history:
            odd = health.warning(self._history, self._active.shape[1], self.settings)
            if odd is None and self._done:
                odd = health.spare_units(self._active.dense())
        return " ".join(filter(None, (self._rescued, odd))) or None


def library_versions() -> dict[str, str]:
    """Versions that a result may depend on."""
    names = ("napari-crbm", "numpy", "scipy", "numba")
    return {"python": platform.python_version(), **{name: version(name) for name in names}}
