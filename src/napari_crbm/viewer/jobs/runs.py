"""Training and sweep of a viewer; only one of them runs at a time."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_crbm.analysis import Health, Selection, Sweep, recording_health
from napari_crbm.errors import ModelError
from napari_crbm.model import CRBM, Progress, Settings
from napari_crbm.recording import Recording
from napari_crbm.viewer.jobs.autosave import is_kept
from napari_crbm.viewer.jobs.job import Job
from napari_crbm.viewer.jobs.sweep import SweepSession
from napari_crbm.viewer.jobs.training import TrainingSession
from napari_crbm.viewer.parts.notices import show_error, show_info, show_warning
from napari_crbm.viewer.state.trained import Trained
from napari_crbm.viewer.state.workspace import Workspace

#: Messages when a training or sweep cannot start because the other one runs.
SWEEP_RUNS = (
    "A sweep is running, and a training would take the processor from it. Wait for its end, or "
    "stop it in the Sweep dock: what it has trained is kept."
)
TRAINING_RUNS = (
    "A training is running, and a sweep would take the processor from it. Wait for its end, or "
    "stop it in the Train dock."
)
_KEPT = (
    "The model trained before was not saved to a file. It is kept: with its recording open, choose "
    "it under 'Earlier models' in the Train dock."
)
_NOT_KEPT = (
    "The model could not be kept for you, perhaps because the disk is full: save it with "
    "'Save model...' in the Train dock before you train or open another one."
)
#: Shortest time between two updates of a forming assembly on the canvas, in seconds.
_FORMING_INTERVAL_S = 1.0


class Runs(QObject):
    """Training and sweep of a viewer; both continue when their docks are closed.

    Emits ``training_changed`` and ``sweep_changed`` when one starts or ends, and
    ``progressed(Progress)`` and ``swept(SweepProgress)`` while it runs.

    Parameters
    ----------
    workspace : Workspace
    parent : QObject
        The owner of this object.
    """

    progressed = Signal(object)
    training_changed = Signal()
    swept = Signal(object)
    sweep_changed = Signal()

    def __init__(self, workspace: Workspace, parent: QObject) -> None:
        super().__init__(parent)
        self._workspace = workspace
        #: Latest training and latest sweep; they may have ended.
        self.session: TrainingSession | None = None
        self.sweep: SweepSession | None = None
        self.show_forming = True
        self._warned: set[str] = set()
        self._forming_shown = 0.0
        # The model trained here, until the user saves it to a file.
        self._unsaved: CRBM | None = None
        workspace.trained_changed.connect(self._on_shown)

    @property
    def training(self) -> bool:
        """Whether a training is running or paused."""
        return self.session is not None and self.session.running

    @property
    def sweeping(self) -> bool:
        """Whether a sweep is running."""
        return self.sweep is not None and self.sweep.running

    def start_training(
        self,
        settings: Settings,
        resume: dict[str, Any] | None = None,
        resumed_from: Path | None = None,
    ) -> None:
        """Train on the open recording, or continue from a checkpoint and its file.

        Raises
        ------
        ModelError
            If no recording is open, a training or sweep runs, or the settings do not suit the
            recording.
        """
        recording = self._ready("A training is running already; stop it first.", SWEEP_RUNS)
        session = TrainingSession(
            recording, settings, resume, resumed_from=resumed_from, parent=self
        )
        session.progressed.connect(self._on_progress)
        session.finished.connect(self._on_finished)
        session.failed.connect(self._on_failed)
        self.session, self._warned = session, set()
        session.start()
        self.training_changed.emit()
        checking = Job(lambda _report: recording_health(recording, traces=False), self)
        checking.done.connect(_warn_of)
        checking.start()

    def start_sweep(
        self, sweep: Sweep, folder: Path, *, n_workers: int = 1, scheduler: str | None = None
    ) -> None:
        """Run a sweep on the open recording and write to a folder; see `SweepSession`.

        Raises
        ------
        ModelError
            If no recording is open, or a training or sweep runs.
        """
        recording = self._ready(TRAINING_RUNS, "A sweep is running already; stop it first.")
        session = SweepSession(
            recording, sweep, folder, n_workers=n_workers, scheduler=scheduler, parent=self
        )
        session.progressed.connect(self.swept)
        session.finished.connect(self._on_swept)
        session.failed.connect(self._on_sweep_failed)
        self.sweep = session
        session.start()
        self.sweep_changed.emit()

    def saved(self, model: CRBM) -> None:
        """Record that the user has saved a model to a file."""
        if model is self._unsaved:
            self._unsaved = None

    @property
    def unsaved(self) -> bool:
        """Whether the shown model has, as far as known, not been saved by the user."""
        trained = self._workspace.trained
        if trained is None:
            return False
        return trained.model is self._unsaved or is_kept(self._workspace.model_path)

    def close(self) -> None:
        """Stop the training and the sweep; called when the window closes."""
        for run in (self.session, self.sweep):
            if run is not None:
                run.close()

    def _ready(self, while_training: str, while_sweeping: str) -> Recording:
        if self._workspace.recording is None:
            raise ModelError("Open a recording first; there is nothing to train on yet.")
        if self.training:
            raise ModelError(while_training)
        if self.sweeping:
            raise ModelError(while_sweeping)
        return self._workspace.recording

    def _on_progress(self, progress: Progress) -> None:
        for message in progress.messages:
            if message not in self._warned:
                self._warned.add(message)
                show_warning(message)
        due = time.monotonic() - self._forming_shown > _FORMING_INTERVAL_S
        if progress.phase == "training" and self.show_forming and due:
            self._forming_shown = time.monotonic()
            self._workspace.show_forming(progress.weights)
            if self._workspace.assembly is None:
                self._workspace.choose_assembly(0)
        self.progressed.emit(progress)

    def _on_finished(self, trained: Trained | None) -> None:
        self._workspace.show_forming(None)
        if trained is not None and self.session is not None:
            self._workspace.show_model(trained)
            if self.session.kept:
                self._unsaved = trained.model
            else:
                show_warning(_NOT_KEPT)
        self.training_changed.emit()

    def _on_shown(self) -> None:
        """Say where an unsaved model is kept after it is replaced or closed."""
        trained = self._workspace.trained
        if self._unsaved is not None and (trained is None or trained.model is not self._unsaved):
            self._unsaved = None
            show_info(_KEPT)

    def _on_failed(self, message: str) -> None:
        self._workspace.show_forming(None)
        show_error(message)
        self.training_changed.emit()

    def _on_swept(self, selection: Selection | None) -> None:
        if selection is not None and self.sweep is not None:
            show_info(f"The sweep is done; results are in {self.sweep.folder}.")
        self.sweep_changed.emit()

    def _on_sweep_failed(self, message: str) -> None:
        show_error(message)
        self.sweep_changed.emit()


def _warn_of(health: Health) -> None:
    """Warn of problems to fix before a training."""
    if health.problems:
        show_warning("\n".join(each.text for each in health.problems))
