"""Training of a temporal model in the background, and what is known of the result."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QObject, Signal

from napari_crbm.analysis import (
    Directions,
    ForecastScores,
    export_forecasts,
    find_directions,
    score_forecasts,
)
from napari_crbm.analysis.forecasts.tables import direction_tables
from napari_crbm.errors import CRBMError, ModelError
from napari_crbm.io import load_checkpoint, load_temporal, save_checkpoint, save_temporal
from napari_crbm.io.models.autosave import Autosave
from napari_crbm.io.models.temporal_file import CHECKPOINT_KIND
from napari_crbm.temporal import TemporalModel, TemporalSettings, TemporalTraining
from napari_crbm.viewer.jobs import autosave
from napari_crbm.viewer.jobs.job import Job
from napari_crbm.viewer.jobs.long_run import LongRun
from napari_crbm.viewer.jobs.training import CHECKPOINT_S
from napari_crbm.viewer.parts.notices import show_error, show_info
from napari_crbm.viewer.parts.widget_lifetime import follow

if TYPE_CHECKING:
    from napari_crbm.model import CRBM
    from napari_crbm.recording import Recording
    from napari_crbm.viewer.jobs.halves import HalvesRun
    from napari_crbm.viewer.jobs.runs import Runs
    from napari_crbm.viewer.state.workspace import Workspace

_NO_MODEL = "Open a recording and a model of it first (Recording and Train docks)."
_BUSY = "A training or a sweep is running and uses the processor. Wait until it ends, or stop it."
_MADE_WAY = (
    "The training of the temporal model was stopped because another training started. Continue it "
    "in the Time dock, under Prediction."
)
_OTHER = (
    "{name} belongs to another model than the one that is shown, so that its assemblies have other "
    "numbers. Open the model that it was trained from first."
)


def checkpoint_path(recording: Recording) -> Path:
    """Return the path of the kept checkpoint of the last temporal training on a recording."""
    return autosave.folder() / f"{recording.fingerprint[:16]}.temporal-checkpoint.h5"


class TemporalSession(LongRun):
    """Run a `TemporalTraining` in its own thread.

    Emits ``finished(model)`` with a `TemporalModel`, or None if there is none yet. The state is
    kept in `checkpoint_path` every two minutes and at the end.

    Parameters
    ----------
    model : CRBM
    recording : Recording
    settings : TemporalSettings
    resume : dict, optional
        A checkpoint to continue.
    parent : QObject, optional
    """

    def __init__(
        self,
        model: CRBM,
        recording: Recording,
        settings: TemporalSettings,
        resume: dict[str, Any] | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__("temporal training", parent)
        self.model, self.recording = model, recording
        self._settings, self._resume = settings, resume
        #: Why no checkpoint can be written, in a sentence; None if one can.
        self.problem: str | None = None

    def _work(self) -> TemporalModel | None:
        # Made in the thread: on a whole brain the preparation takes seconds.
        training = TemporalTraining(
            self.model,
            self.recording,
            self._settings,
            control=self.control,
            resume=self._resume,
        )
        path = checkpoint_path(self.recording)
        saves = Autosave(path, CHECKPOINT_S, CHECKPOINT_KIND, self.control.pause)
        for progress in training:
            if progress.phase == "training":
                saves.offer(training.checkpoint)
            self.problem = saves.problem
            self._latest = progress
        # An error such as a full disk must not lose the model.
        with suppress(OSError, CRBMError):
            autosave.make_room()
            save_checkpoint(training.checkpoint(), path, CHECKPOINT_KIND)
        if self._closing:
            return None
        with suppress(ModelError):
            return training.model()
        return None


class TemporalRun(QObject):
    """The temporal model of the shown model: its training, how well it predicts, its couplings.

    Emits ``changed`` whenever one of them changes, ``progressed(TemporalProgress)`` during a
    training and ``compared(done, total)`` while it is compared with simple forecasts. A training
    of another model or a sweep that starts stops the training.

    Parameters
    ----------
    workspace : Workspace
    runs : Runs
    halves : HalvesRun
    run : callable
        `Home.run`.
    parent : QObject

    Attributes
    ----------
    model : TemporalModel or None
    scores : ForecastScores, str or None
        How well it predicts, or in a sentence why that is not known; None before the comparison.
    directions : Directions, str or None
        Directed couplings between its assemblies, or why there are none.
    """

    changed = Signal()
    progressed = Signal(object)
    compared = Signal(int, int)

    def __init__(
        self,
        workspace: Workspace,
        runs: Runs,
        halves: HalvesRun,
        run: Callable[..., Job],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._workspace, self._runs, self._halves, self._run = workspace, runs, halves, run
        self._session: TemporalSession | None = None
        self._job: Job | None = None
        self._of: object = None
        self.model: TemporalModel | None = None
        self.scores: ForecastScores | str | None = None
        self.directions: Directions | str | None = None
        runs.training_changed.connect(self._make_way)
        runs.sweep_changed.connect(self._make_way)
        follow(self, workspace.recording_changed, self._on_shown)
        follow(self, workspace.trained_changed, self._on_shown)

    # --- training --------------------------------------------------------------------------

    @property
    def training(self) -> bool:
        """Whether a training is running or paused."""
        return self._session is not None and self._session.running

    @property
    def comparing(self) -> bool:
        """Whether the model is being compared with simple forecasts."""
        return self._job is not None

    @property
    def paused(self) -> bool:
        """Whether the training is paused."""
        return self.training and self._session is not None and self._session.control.paused

    @property
    def problem(self) -> str | None:
        """Why no checkpoint of the running training can be written, in a sentence; else None."""
        return self._session.problem if self.training and self._session is not None else None

    def start(self, settings: TemporalSettings, resume: dict[str, Any] | None = None) -> None:
        """Train a temporal model from the shown model, or continue a training.

        Raises
        ------
        ModelError
            If there is no recording or model, or something else uses the processor.
        """
        model, recording = self._shown()
        if self._runs.training or self._runs.sweeping or self._halves.running or self.training:
            raise ModelError(_BUSY)
        session = TemporalSession(model, recording, settings, resume, self)
        session.progressed.connect(self.progressed)
        session.finished.connect(self._on_finished)
        session.failed.connect(self._on_failed)
        self._forget()
        self._session = session
        session.start()
        self.changed.emit()

    def resume(self, path: Path, settings: TemporalSettings) -> None:
        """Continue a training from its checkpoint; of the settings only the threads count."""
        _, recording = self._shown()

        def go_on(state: dict[str, Any]) -> None:
            try:
                if recording is not self._workspace.recording:
                    return
                self.start(settings, state)
            except CRBMError as error:
                show_error(str(error))

        self._run(f"Reading {path.name}", lambda _: load_checkpoint(path, CHECKPOINT_KIND), go_on)

    def pause(self) -> None:
        """Pause the training after the current pass, or go on."""
        if self._session is None:
            return
        control = self._session.control
        (control.resume if control.paused else control.pause)()
        self.changed.emit()

    def stop(self) -> None:
        """End the training after the current pass; its checkpoint is kept."""
        if self._session is not None:
            self._session.control.stop()

    def close(self) -> None:
        """Stop everything; called when the window closes."""
        if self._session is not None:
            self._session.close()

    def _on_finished(self, model: TemporalModel | None) -> None:
        session = self._session
        if model is not None and session is not None and session.model is self._of:
            self._take(model)
        else:
            self.changed.emit()

    def _on_failed(self, message: str) -> None:
        show_error(message)
        self.changed.emit()

    def _make_way(self) -> None:
        if self.training and (self._runs.training or self._runs.sweeping):
            self.stop()
            show_info(_MADE_WAY)

    # --- the model -------------------------------------------------------------------------

    def _shown(self) -> tuple[CRBM, Recording]:
        trained, recording = self._workspace.trained, self._workspace.recording
        if trained is None or recording is None:
            raise ModelError(_NO_MODEL)
        return trained.model, recording

    def open(self, path: Path) -> None:
        """Read a temporal model of the shown model.

        Raises
        ------
        CRBMError
            If it cannot be read or belongs to another model.
        """
        shown, recording = self._shown()
        model = load_temporal(path)
        model.rbm.require_neurons(recording.spikes)
        if not np.array_equal(model.rbm.weights, shown.rbm_.weights):
            raise ModelError(_OTHER.format(name=path.name))
        self._take(model)

    def save(self, path: Path) -> None:
        """Write the model, in the background."""
        model = self.model
        if model is not None:
            self._run(
                f"Saving {path.name}",
                lambda _: save_temporal(model, path),
                lambda saved: show_info(f"Saved {saved.name}."),
            )

    def save_tables(self, folder: Path) -> None:
        """Write forecasts, dwell times, couplings and directions as tables, in the background."""
        model, scores, found = self.model, self.scores, self.directions

        def work(_report: object) -> int:
            from napari_crbm.analysis.export.tables import write_tables

            n_tables = 0
            if model is not None and isinstance(scores, ForecastScores):
                n_tables += len(export_forecasts(scores, model, folder))
            if isinstance(found, Directions):
                n_tables += len(write_tables(direction_tables(found), folder))
            return n_tables

        self._run("Writing tables", work, lambda n: show_info(f"Wrote {n} tables to {folder}."))

    def save_figure(self, path: Path) -> None:
        """Draw the directed couplings to a file, in the background."""
        found, model, recording = self.directions, self.model, self._workspace.recording
        if not isinstance(found, Directions) or model is None or recording is None:
            return

        def work(_report: object) -> Path:
            from napari_crbm.figures import directions_figure, save_figure

            return save_figure(directions_figure(found, model.rbm, recording), path)

        self._run("Drawing", work, lambda saved: show_info(f"Wrote {saved}."))

    def _take(self, model: TemporalModel) -> None:
        self._forget()
        self.model = model
        self.changed.emit()

    def compare(self) -> None:
        """Compare forecasts of the model with simple ones, and look for directed couplings."""
        model = self.model
        if model is None or self.comparing or self.scores is not None:
            return
        _, recording = self._shown()

        def work(report: Callable[[int, int], None]) -> tuple[Any, Any]:
            return (
                _or_why(lambda: score_forecasts(model, recording, report=report)),
                _or_why(lambda: find_directions(model, recording)),
            )

        def done(found: tuple[Any, Any]) -> None:
            self._job = None
            if self.model is model:
                self.scores, self.directions = found
            self.changed.emit()

        self._job = job = self._run("Comparing forecasts", work, done, self._end_job)
        job.progressed.connect(self.compared)
        job.cancelled.connect(self._end_job)
        self.changed.emit()

    def _end_job(self) -> None:
        self._job = None
        self.changed.emit()

    def _forget(self) -> None:
        if self._job is not None:
            self._job.cancel()
        self.model = self.scores = self.directions = None

    def _on_shown(self) -> None:
        """Drop the temporal model of another model or recording, and stop its training."""
        trained = self._workspace.trained
        of = None if trained is None else trained.model
        if of is not self._of:
            self._of = of
            self.stop()
            self._forget()
        self.changed.emit()


def _or_why(compute: Callable[[], Any]) -> Any:
    """Return a result, or the sentence that says why there is none."""
    try:
        return compute()
    except ModelError as error:
        return str(error)
