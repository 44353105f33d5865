"""Trainings on the two halves of the open recording, in the background."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_crbm.analysis import Reproducibility, reproducibility
from napari_crbm.errors import ModelError
from napari_crbm.model import Settings
from napari_crbm.spikes import Spikes
from napari_crbm.viewer.jobs.job import Job
from napari_crbm.viewer.jobs.runs import Runs
from napari_crbm.viewer.parts.notices import show_info
from napari_crbm.viewer.state.trained import Trained
from napari_crbm.viewer.state.workspace import Workspace

_CANCELLED = (
    "Training on two halves of the recording was cancelled because another training started. "
    "Start it again in the Reproducibility dock."
)
_BUSY = "A training or a sweep is running and uses the processor. Wait until it ends, or stop it."


class HalvesRun(QObject):
    """Train on two halves of the open recording and mark the assemblies that both find.

    Searches for the assemblies of the shown model, or for those of the first half if there is
    no model. Emits ``changed`` when a run starts or ends, and ``progressed(done, total)``.
    A training or sweep that starts cancels it.

    Parameters
    ----------
    workspace : Workspace
    runs : Runs
    run : callable
        `Home.run`.
    parent : QObject
    """

    changed = Signal()
    progressed = Signal(int, int)

    def __init__(
        self, workspace: Workspace, runs: Runs, run: Callable[..., Job], parent: QObject
    ) -> None:
        super().__init__(parent)
        self._workspace, self._runs, self._run = workspace, runs, run
        self._job: Job | None = None
        self._result: tuple[Spikes, Reproducibility] | None = None
        #: Settings of the run to start after the current training; None for no run.
        self.planned: Settings | None = None
        runs.training_changed.connect(self._on_training)
        runs.sweep_changed.connect(self._on_sweep)

    @property
    def running(self) -> bool:
        """Whether the two trainings are running."""
        return self._job is not None

    @property
    def result(self) -> Reproducibility | None:
        """The latest result, if it belongs to the open recording."""
        recording = self._workspace.recording
        if self._result is None or recording is None or recording.spikes is not self._result[0]:
            return None
        return self._result[1]

    def start(self, settings: Settings) -> None:
        """Train on two halves of the open recording.

        Raises
        ------
        ModelError
            If no recording is open, or a training or sweep runs.
        """
        recording, trained = self._workspace.recording, self._workspace.trained
        if recording is None:
            raise ModelError("Open a recording first; there is nothing to train on yet.")
        if self._runs.training or self._runs.sweeping:
            raise ModelError(_BUSY)
        if self.running:
            return
        model = None if trained is None else trained.model

        def work(report: Callable[[int, int], None]) -> tuple[Reproducibility, Trained | None]:
            found = reproducibility(recording, settings, model=model, report=report)
            return found, None if trained is None else trained.with_halves(found.arrays)

        def done(result: tuple[Reproducibility, Trained | None]) -> None:
            found, marked = result
            self._result = (recording.spikes, found)
            self._end()
            self._mark(trained, marked, found)

        self._job = job = self._run("Training on two halves", work, done, self._end)
        job.progressed.connect(self.progressed)
        job.cancelled.connect(self._end)
        self.changed.emit()

    def _mark(
        self, trained: Trained | None, marked: Trained | None, found: Reproducibility
    ) -> None:
        """Mark the assemblies of the table that is shown now."""
        shown = self._workspace.trained
        if marked is None or trained is None or shown is None:
            return
        if shown is trained:
            self._workspace.update_table(marked)
        elif shown.model is trained.model:
            # Regions were assigned meanwhile: their table stays.
            self._run(
                "Updating the table of assemblies",
                lambda _: shown.with_halves(found.arrays),
                self._workspace.update_table,
            )

    def cancel(self) -> None:
        """Cancel the trainings without a result."""
        if self._job is not None:
            self._job.cancel()

    def _end(self, *_: Any) -> None:
        self._job = None
        self.changed.emit()

    def _on_training(self) -> None:
        """Stop when another training starts; start the planned run when that training ends."""
        if self._runs.training:
            self._make_way()
            return
        settings, self.planned = self.planned, None
        session, trained = self._runs.session, self._workspace.trained
        if settings is None or session is None or not session.training.finished or trained is None:
            return
        if self._workspace.recording is not None:
            self.start(settings)

    def _on_sweep(self) -> None:
        if self._runs.sweeping:
            self._make_way()

    def _make_way(self) -> None:
        if self.running:
            self.cancel()
            show_info(_CANCELLED)
