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
from napari_crbm.model.backends import Core, choice
from napari_crbm.model.compute.threads import kernel_threads
from napari_crbm.model.compute.weights import DenseWeights, efficient
from napari_crbm.model.estimator import CRBM
from napari_crbm.model.pseudo_likelihood import PseudoLikelihoodProbe
from napari_crbm.model.training import health
from napari_crbm.model.training.learner import Learner
from napari_crbm.model.training.monitor import Watch, strong_members
from napari_crbm.model.training.optimiser import learning_rate, penalty
from napari_crbm.model.training.progress import Control, Progress
from napari_crbm.model.training.settings import Settings, check_against
from napari_crbm.model.training.split import split_blocks
from napari_crbm.model.units.drelu import DReLU
from napari_crbm.model.units.standardised import Standardised
from napari_crbm.spikes import Spikes

# Updates between two looks at the chains.
_WATCH_EVERY = 10
# A plateau divides the learning rate by so much, and so does every rescue.
_SLOWDOWN = 3.0
# Updates between two looks at whether parameters have vanished or run away.
_CHECK_EVERY = 25
# Shares of the updates after which hidden units that add nothing may begin anew: assemblies
# have formed, and there is time to learn.
_RENEWALS = (0.25, 0.35, 0.45)
# So often a training that has run away goes back to its best state.
_RESCUES = 4
#: Longest time between two progress records, in seconds.
_INTERVAL_S = 0.25
#: Statistics are taken this often in a training, whatever its length.
_EVALUATIONS = 60
# Frames whose pseudo-likelihood is taken each time, of training and held-out ones.
_PROBED_FRAMES = 240
#: Fraction of the updates after which odd statistics are worth a warning.
_SETTLED = 0.3
# Frames whose hidden inputs are kept with a model, for jumps.
_EXAMPLES = 400
#: Version of what `Training.checkpoint` returns.
CHECKPOINT_VERSION = 9


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
    ...     share_done = progress.update / progress.n_updates
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
        self._renewed = ""
        if resume is not None:
            self._check_checkpoint(resume)
            self.settings = Settings(**resume["settings"])
            if settings is not None:
                self.settings = replace(self.settings, device=settings.device)
        check_against(self.settings, spikes)
        self.settings = replace(self.settings, device=choice.resolved(self.settings.device))
        self._core: Core = choice.core_for(self.settings.device)

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
            yield from self._prepare()
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
                    self._advance()
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
    def learner(self) -> Learner:
        """The model and chains of a training that has begun."""
        self._require_prepared()
        return self._learner

    @property
    def finished(self) -> bool:
        """Whether the training has come to its end, and was not stopped before."""
        return self._prepared and self._done

    @property
    def _done(self) -> bool:
        """Whether all updates are made, or the learning rate has come down to its last value."""
        slow = self._slowed > 1 and self._rate() <= float(self.settings.final_learning_rate)
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

    def _prepare(self) -> Iterator[Progress]:
        """Find where to begin, unless told to stop meanwhile; iterating again begins anew."""
        steps = self._preparing()
        while not self._prepared and not self.control.stopped:
            started = time.perf_counter()
            with kernel_threads(self.settings.n_threads):
                n_found = next(steps, None)
            self.elapsed_s += time.perf_counter() - started
            if n_found is not None:
                yield replace(self._progress("preparing"), n_found=n_found)

    def _progress(self, phase: str, eta_s: float | None = None) -> Progress:
        weights = np.zeros((self._spikes.n_neurons, 0), dtype=np.float32)
        if self._prepared:
            weights = self._learner.active.dense()
        view = weights.view()
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
        learner = self._learner
        fields = self._core.get(learner.fields)
        return self._as_model(learner.active.dense(), fields, learner.units())

    def best_model(self) -> CRBM:
        """The model with the best pseudo-likelihood so far, on held-out frames if there are any."""
        self._require_prepared()
        if self._best is None:
            return self.model()
        units = Standardised(*self._best["hidden"]).units()
        return self._as_model(self._best["weights"], self._best["fields"], units)

    def _as_model(
        self, weights: NDArray[np.float32], fields: NDArray[np.float32], units: DReLU
    ) -> CRBM:
        if self.settings.l1:
            # The penalty holds most weights at zero, but the last step leaves some beside it.
            beside = np.abs(weights) < float(self.settings.final_learning_rate)
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
        return {
            "version": CHECKPOINT_VERSION,
            "fingerprint": self._spikes.fingerprint,
            "settings": self.settings.as_dict(),
            "update": self.update,
            "elapsed_s": self.elapsed_s,
            **self._learner.state(),
            "history": self.history,
            "best": self._best,
            "watch": self._watch.state(),
            "plateau": [self._slowed, self._waited],
            "rescues": [self._rescues, self._rescued],
            "renewed": self._renewed,
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

    def _preparing(self) -> Iterator[int]:
        """Everything before the first update, yielding how many assemblies are found so far."""
        settings = self.settings
        self._train_frames, self._test_frames = split_blocks(
            self._spikes, n_test=settings.n_test_blocks, random_state=settings.random_state
        )
        self._train = self._spikes.select_frames(self._train_frames)
        if self._resume is None:
            self._learner = yield from Learner.starting(self._train, settings, self._core)
            self.settings = self._learner.settings
            followed = strong_members(self._learner.active.dense())
        else:
            self._restore(self._resume)
            followed = np.array(self._resume["watch"]["neurons"], dtype=np.int64)
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
        self._watch = Watch(self._train, held_out, followed)
        if self._resume is not None:
            self._watch.restore(self._resume["watch"])
        marks = np.linspace(0, settings.n_updates, _EVALUATIONS + 1)[1:]
        self._evaluate_at = set(np.ceil(marks).astype(int).tolist())
        renewals = _RENEWALS if settings.renew else ()
        self._renew_at = {int(share * settings.n_updates) for share in renewals}
        self._resume = None
        self._prepared = True
        if self.update == 0:
            self._evaluate(0.0)

    def _restore(self, state: dict[str, Any]) -> None:
        self._learner = Learner.restored(self._train, self.settings, self._core, state)
        self.update = int(state["update"])
        self.elapsed_s = float(state["elapsed_s"])
        columns = {name: np.asarray(values) for name, values in state["history"].items()}
        n_rows = len(next(iter(columns.values()))) if columns else 0
        self._history = [
            {name: float(values[row]) for name, values in columns.items()} for row in range(n_rows)
        ]
        self._best = state["best"]
        self._slowed, self._waited = float(state["plateau"][0]), int(state["plateau"][1])
        self._rescues, self._rescued = int(state["rescues"][0]), str(state["rescues"][1])
        self._renewed = str(state["renewed"])

    def _advance(self) -> None:
        """Make one update."""
        learner, core = self._learner, self._core
        if self.update in self._renew_at:
            self._renew()
        learner.step(self.update, self._rate())
        if self.update % _WATCH_EVERY == 0:
            hidden = core.get(core.mean(learner.inputs, learner.hidden.units()))
            self._watch.look(core.bits(learner.activity), len(hidden), hidden)
        self.update += 1

    # --- watching -------------------------------------------------------------------------

    def _evaluate(self, elapsed_s: float) -> None:
        """Append a row of statistics; keep the parameters if they are the best so far."""
        learner = self._learner
        units, active = learner.units(), learner.active
        weights, fields = active.dense(), self._core.get(learner.fields)
        peak = np.abs(weights).max(axis=0)
        model_activity, data_activity = learner.activities()
        row = {
            "update": float(self.update),
            "elapsed_s": elapsed_s,
            "learning_rate": learning_rate(self.settings, max(self.update - 1, 0)) / self._slowdown,
            "l1": penalty(self.settings, self.update),
            **{
                name: probe.evaluate(DenseWeights(weights), fields, units)
                for name, probe in self._probes.items()
            },
            "model_activity": model_activity,
            "data_activity": data_activity,
            "mean_abs_weight": float(np.abs(weights).mean()),
            "weight_sparsity": float(np.mean(weights == 0)),
            "n_active_units": float((peak > health.ALIVE).sum()),
            "gradient_rms": active.gradient_rms(),
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
            self._best = {"score": score, "update": self.update, **learner.parameters()}

    def _look_after(self) -> None:
        """Go back to the best state if parameters have run away; give up if that is no use."""
        peak, hidden = self._learner.active.largest(), self._learner.hidden_here()
        try:
            health.check(peak, hidden, self._train, self.settings, self.update)
        except TrainingDiverged as problem:
            self._rescue(problem)

    def _rescue(self, problem: TrainingDiverged) -> None:
        """Continue from the best state so far, with new chains and a lower learning rate."""
        best = self._best
        if best is None or self._rescues >= _RESCUES:
            raise problem
        diverged_at = self.update
        self.update, self._rescues = int(best["update"]), self._rescues + 1
        self._history = [row for row in self._history if row["update"] <= self.update]
        self._learner.go_back(best, self.settings.random_state + self._rescues)
        self._rescued = health.rescue(diverged_at, self.update, self._rate())

    def _renew(self) -> None:
        """Let hidden units that add nothing begin anew, and say so."""
        renewed = self._learner.renew()
        if renewed is not None:
            text = health.renewal(self.update, renewed.joined, renewed.begun)
            # A training that went back to an earlier state comes by here again.
            if text not in self._renewed:
                self._renewed = " ".join(filter(None, (self._renewed, text)))

    def _slow_down_on_a_plateau(self, better: bool) -> None:
        """Divide the learning rate when the held-out likelihood has not risen for long."""
        self._waited = 0 if better else self._waited + 1
        if self.settings.patience and self._waited >= self.settings.patience:
            self._slowed, self._waited = _SLOWDOWN * self._slowed, 0

    def _warning(self) -> str | None:
        odd = None
        if self.update >= _SETTLED * self.settings.n_updates and self._history:
            odd = health.warning(self._history, int(self.settings.n_hidden), self.settings)
            if odd is None and self._done:
                odd = health.spare_units(self._learner.active.dense())
        return " ".join(filter(None, (self._rescued, self._renewed, odd))) or None


def library_versions() -> dict[str, str]:
    """Versions that a result may depend on."""
    names = ("napari-crbm", "numpy", "scipy", "numba")
    return {"python": platform.python_version(), **{name: version(name) for name in names}}
