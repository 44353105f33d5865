"""Persistent contrastive divergence as a generator of progress records."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import ModelError, TrainingDiverged
from napari_crbm.model.backends import Backend, choice
from napari_crbm.model.compute.threads import kernel_threads
from napari_crbm.model.rbm import RBM
from napari_crbm.model.training import health
from napari_crbm.model.training.best_state import BestState
from napari_crbm.model.training.checkpoint import CHECKPOINT_VERSION, require_checkpoint
from napari_crbm.model.training.evaluation import Evaluation, as_columns, as_rows, score
from napari_crbm.model.training.learner import Learner
from napari_crbm.model.training.optimiser import learning_rate
from napari_crbm.model.training.progress import Control, Progress
from napari_crbm.model.training.result import Trained, finished_rbm, library_versions
from napari_crbm.model.training.settings import Settings, check_against
from napari_crbm.model.training.split import Segments, split_for
from napari_crbm.model.units.choice import DEFAULT
from napari_crbm.model.units.protocol import UnitType
from napari_crbm.spikes import Spikes

# Updates between two records of the chains' states.
_RECORD_EVERY = 10
# Updates between two checks whether parameters have vanished or diverged.
_CHECK_EVERY = 25
#: Longest time between two progress records, in seconds.
_INTERVAL_S = 0.25
#: Statistics are taken this often in a training, whatever its length.
_EVALUATIONS = 60
#: Fraction of the updates after which odd statistics are worth a warning.
_SETTLED = 0.3


class TrainingRun:
    """One training of one RBM: iterate to advance it, then ask for the result.

    `napari_crbm.model.Training` adds models that are estimators.

    Parameters
    ----------
    spikes, settings, control, resume, segments, coordinates
        As there.
    start : RBM, optional
        Parameters to start from, instead of initial assemblies found in the recording.
    history : dict of str to arrays, optional
        Of the training that ``start`` comes from; its last update gives the position in the
        schedule of learning rates.
    unit_type : UnitType
        Type of the hidden units.
    """

    settings: Settings

    def __init__(
        self,
        spikes: Spikes,
        settings: Settings | None = None,
        *,
        control: Control | None = None,
        resume: dict[str, Any] | None = None,
        start: RBM | None = None,
        history: Mapping[str, NDArray[np.float64]] | None = None,
        unit_type: UnitType = DEFAULT,
        segments: Segments | None = None,
        coordinates: NDArray[np.floating] | None = None,
    ) -> None:
        self.settings = settings or Settings()
        self.control = control or Control()
        self._spikes, self._unit_type, self._segments = spikes, unit_type, segments
        self._coordinates, self._prepared = coordinates, False
        self._resume, self._start = resume, start
        self._history = as_rows(history or {})
        latest = self._history[-1] if self._history else {}
        self.update = int(latest.get("update", 0))
        self.elapsed_s = float(latest.get("elapsed_s", 0.0))
        if resume is not None:
            require_checkpoint(resume, spikes.fingerprint)
            self.settings = Settings.restored(resume["settings"])
            if settings is not None:
                self.settings = replace(self.settings, device=settings.device)
        check_against(self.settings, spikes)
        self.settings = replace(self.settings, device=choice.resolved(self.settings.device))
        self._backend: Backend = choice.backend_for(self.settings.device)
        self._state = BestState(self.settings.patience)

    # --- driving ------------------------------------------------------------------------

    def __iter__(self) -> Iterator[Progress]:
        """Advance the training, yielding a `Progress` a few times per second.

        Raises
        ------
        TrainingCollapsed
            If all weights have gone to zero.
        TrainingDiverged
            If weights are no longer numbers or have diverged repeatedly. At first the training
            returns to its best state and continues with a lower learning rate.
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
                    self._advance_and_check(started)
                    made += 1
                if self._done and self._state.examines(self.settings):
                    self._examine()
            now = time.perf_counter()
            self.elapsed_s += now - started
            pace = (now - session_start) / max(made, 1)
            yield self._progress("training", pace * (self.settings.n_updates - self.update))
        yield self._progress("finished" if self._done else "stopped", 0.0)

    def make_updates(self, n_updates: int) -> None:
        """Make so many further updates, also beyond the number in the settings.

        Raises
        ------
        TrainingCollapsed, TrainingDiverged
            As iteration does.
        """
        if not self._prepared:
            for _ in self._prepare():
                pass
        started = time.perf_counter()
        with kernel_threads(self.settings.n_threads):
            for _ in range(n_updates):
                self._advance_and_check(started)
        self.elapsed_s += time.perf_counter() - started

    @property
    def learner(self) -> Learner:
        """The model and chains of a training that has begun."""
        self._require_prepared()
        return self._learner

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the recording."""
        return self._spikes.fingerprint

    @property
    def finished(self) -> bool:
        """Whether the training has come to its end, and was not stopped before."""
        return self._prepared and self._done

    @property
    def _done(self) -> bool:
        """Whether all updates are made, or the learning rate has come down to its last value."""
        slowed = self._state.on_plateau > 1
        slow = slowed and self._rate() <= float(self.settings.final_learning_rate)
        return slow or self.update >= self.settings.n_updates

    def _rate(self) -> float:
        """Learning rate of the current update."""
        return learning_rate(self.settings, self.update) / self._state.slowdown

    def _may_go_on(self, started: float) -> bool:
        return (
            not self._done
            and time.perf_counter() - started < _INTERVAL_S
            and not self.control.paused
            and not self.control.stopped
        )

    def _progress(self, phase: str, eta_s: float | None = None) -> Progress:
        weights = np.zeros((self._spikes.n_neurons, 0), dtype=np.float32)
        if self._prepared:
            weights = self._learner.active.dense()
        view = weights.view()
        view.flags.writeable = False
        latest = self._history[-1] if self._history else {}
        statistics = {k: v for k, v in latest.items() if k not in ("update", "elapsed_s")}
        return Progress(
            self.update,
            self.settings.n_updates,
            self.elapsed_s,
            eta_s,
            phase,
            statistics,
            view,
            self._warnings(),
        )

    # --- results ------------------------------------------------------------------------

    def result(self) -> Trained:
        """Return the latest model and its record; the training can go on.

        A finished training with `Settings.patience` returns its `best_result`.
        """
        self._require_prepared()
        if self.settings.patience and self.finished:
            return self.best_result()
        return self._trained(self._learner.parameters())

    def best_result(self) -> Trained:
        """Return the model with the best pseudo-likelihood so far, and its record.

        Validation frames decide, or training frames if there are none.
        """
        self._require_prepared()
        return self._trained(self._state.best or self._learner.parameters())

    def _trained(self, state: Mapping[str, Any]) -> Trained:
        """Make a model of the parameters of a learner (`Learner.parameters`)."""
        weights, units = state["weights"], self._unit_type.of_rows(state["hidden"]).units()
        return Trained(
            finished_rbm(weights, state["fields"], units, self.settings, self._train),
            settings=self.settings,
            history=self.history,
            split=self._split.frames(),
            recording_fingerprint=self._spikes.fingerprint,
            versions=library_versions(),
        )

    @property
    def history(self) -> dict[str, NDArray[np.float64]]:
        """Statistics taken so far, one array per name; "update" says when."""
        return as_columns(self._history)

    def checkpoint(self) -> dict[str, Any]:
        """Return everything needed to continue bit for bit: arrays, numbers and strings only."""
        self._require_prepared()
        return {
            "version": CHECKPOINT_VERSION,
            "fingerprint": self._spikes.fingerprint,
            "settings": self.settings.as_dict(),
            "split": self._split.frames(),
            "update": self.update,
            "elapsed_s": self.elapsed_s,
            **self._learner.state(),
            "history": self.history,
            "watch": self._evaluation.monitor.state(),
            **self._state.state(),
        }

    def _require_prepared(self) -> None:
        if not self._prepared:
            raise ModelError("The training has not begun: iterate over it first.")

    # --- preparing ----------------------------------------------------------------------

    def _prepare(self) -> Iterator[Progress]:
        """Find the initial state, unless told to stop; iterating again starts from scratch."""
        steps = self._preparing()
        while not self._prepared and not self.control.stopped:
            started = time.perf_counter()
            with kernel_threads(self.settings.n_threads):
                n_found = next(steps, None)
            self.elapsed_s += time.perf_counter() - started
            if n_found is not None:
                yield replace(self._progress("preparing"), n_found=n_found)

    def _preparing(self) -> Iterator[int]:
        """Do what comes before the first update, yielding how many assemblies are found so far."""
        settings = self.settings
        self._split = split_for(self._spikes, settings, self._segments, self._resume)
        parts = self._split.of(self._spikes)
        self._train = parts["train"]
        if self._start is not None:
            self._learner = Learner.continuing(
                self._train, settings, self._backend, self._start, self.update, self._unit_type
            )
        elif self._resume is not None:
            self._restore(self._resume)
        else:
            self._learner = yield from Learner.starting(
                self._train,
                settings,
                self._backend,
                self._unit_type,
                self._coordinates,
                self._borders(),
            )
        self.settings = self._learner.settings
        self._evaluation = Evaluation(
            parts,
            self._learner,
            settings.random_state,
            None if self._resume is None else self._resume["watch"],
        )
        marks = np.linspace(0, settings.n_updates, _EVALUATIONS + 1)[1:]
        self._evaluate_at = set(np.ceil(marks).astype(int).tolist())
        at_first = self.update == 0 or self._start is not None
        self._resume = self._start = None
        self._prepared = True
        if at_first:
            self._evaluate(self.elapsed_s if self.update else 0.0)

    def _borders(self) -> list[int]:
        """First training frames of further segments, as places among all training frames."""
        starts = [start for start, _ in self._segments or ()][1:]
        places = np.searchsorted(self._split.train, starts).tolist()
        return sorted({place for place in places if 0 < place < self._train.n_frames})

    def _restore(self, state: dict[str, Any]) -> None:
        self._learner = Learner.restored(
            self._train, self.settings, self._backend, state, self._unit_type
        )
        self.update = int(state["update"])
        self.elapsed_s = float(state["elapsed_s"])
        self._history = as_rows(state["history"])
        self._state.restore(state)

    # --- updates ------------------------------------------------------------------------

    def _advance_and_check(self, started: float) -> None:
        """Make one update, with the checks and statistics that are due after it."""
        self._advance()
        if self.update % _CHECK_EVERY == 0 or self._done:
            self._check_health()
        if self._evaluation_due():
            self._evaluate(self.elapsed_s + time.perf_counter() - started)

    def _advance(self) -> None:
        """Make one update."""
        self._learner.step(self.update, self._rate())
        if self.update % _RECORD_EVERY == 0:
            self._evaluation.record(self._learner)
        self.update += 1

    def _evaluation_due(self) -> bool:
        n_updates = self.settings.n_updates
        if self.update > n_updates:
            return self.update % max(n_updates // _EVALUATIONS, 1) == 0
        return self.update in self._evaluate_at

    def _evaluate(self, elapsed_s: float) -> None:
        """Append a row of statistics; keep the parameters if they are the best so far."""
        rate = learning_rate(self.settings, max(self.update - 1, 0)) / self._state.slowdown
        row = {
            "update": float(self.update),
            "elapsed_s": elapsed_s,
            "learning_rate": rate,
            **self._evaluation.row(self._learner),
        }
        self._history.append(row)
        found = score(row)
        if self._state.has_fallen(found):
            self._return(health.diverged(self.update, "recorded frames have become improbable"))
        elif self._state.improves(found):
            self._state.keep(found, self.update, self._learner.parameters())

    def _check_health(self) -> None:
        """Return to the best state if parameters have diverged; give up if that does not help."""
        peak, hidden = self._learner.active.largest(), self._learner.hidden_here()
        try:
            health.check(peak, hidden, self._train, self.settings, self.update)
        except TrainingDiverged as problem:
            self._return(problem)

    def _return(self, problem: TrainingDiverged) -> None:
        """Continue from the best state so far, with new chains and a lower learning rate."""
        diverged_at, best = self.update, self._state.return_to_best()
        if best is None:
            raise problem
        self._go_back_to(int(best["update"]))
        self._learner.go_back(best, self.settings.random_state + self._state.n_returns)
        self._state.message = health.returned(diverged_at, self.update, self._rate())

    def _examine(self) -> None:
        """Go back, with other chains, if the model generates what the recording does not show."""
        if self._learner.take_spurious(self.settings.random_state + self._state.n_mended):
            ended_at, back = self.update, self._state.mend(self.update)
            self._state.message = health.mended(ended_at, back)
            if back is not None:
                self._go_back_to(back)

    def _go_back_to(self, update: int) -> None:
        self.update = update
        self._history = [row for row in self._history if row["update"] <= update]

    def _warnings(self) -> tuple[str, ...]:
        nothing = health.NO_ASSEMBLIES if self._prepared and self._learner.by_chance else None
        odd = None
        if self.update >= _SETTLED * self.settings.n_updates and self._history:
            odd = health.warning(self._history, int(self.settings.n_hidden), self.settings)
            if odd is None and self._done:
                odd = health.spare_units(self._learner.active.dense())
        return tuple(filter(None, (self._state.message, nothing, odd)))
