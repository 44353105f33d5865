"""Session of one viewer: its workspace, layers, training, background jobs and mouse clicks.

All docks of a viewer get this object from `home_of` and so share one workspace, in whatever
order they are opened.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pint
from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QApplication

from napari_crbm.io.safety import guard
from napari_crbm.model import CRBM
from napari_crbm.recording import Recording
from napari_crbm.regions import Regions
from napari_crbm.viewer.jobs.close_notice import CloseNotice
from napari_crbm.viewer.jobs.halves import HalvesRun
from napari_crbm.viewer.jobs.job import Job
from napari_crbm.viewer.jobs.kept_labels import LabelKeeper
from napari_crbm.viewer.jobs.main_thread_queue import Turns
from napari_crbm.viewer.jobs.runs import Runs
from napari_crbm.viewer.jobs.temporal import TemporalRun
from napari_crbm.viewer.layers.brain import BrainLayers
from napari_crbm.viewer.layers.canvas_legend import CanvasLegend
from napari_crbm.viewer.layers.canvas_marks import CanvasMarks
from napari_crbm.viewer.layers.clicks import install_clicks
from napari_crbm.viewer.layers.lasso import Lasso
from napari_crbm.viewer.layers.names import MODEL_KEY, MODEL_PATH_KEY
from napari_crbm.viewer.layers.neurons import recording_in
from napari_crbm.viewer.layers.time_axis import TimeAxis
from napari_crbm.viewer.opening.drops import DropFilter
from napari_crbm.viewer.opening.opening import Opening
from napari_crbm.viewer.parts.notices import (
    show_error,
    show_info,
    show_warning,
    translate_warnings,
)
from napari_crbm.viewer.parts.versions import check_napari
from napari_crbm.viewer.parts.widget_lifetime import ignore_deleted_widgets
from napari_crbm.viewer.shortcuts import install_shortcuts
from napari_crbm.viewer.state.trained import Trained, strongest_assembly
from napari_crbm.viewer.state.workspace import Workspace, workspace_of

if TYPE_CHECKING:
    from napari_crbm.anatomy.meshes import PlacedAtlas


class Opened(NamedTuple):
    """A recording or model that was read while a training ran, and the name to show for it."""

    content: Recording | CRBM
    path: Path


class Home(QObject):
    """State and background work of one viewer; deleted with the viewer's window.

    Emits ``busy_changed(text)`` while a job runs (with an empty text when none does), and
    ``waiting_changed`` when a file was read during a training and can be shown later.
    """

    busy_changed = Signal(str)
    waiting_changed = Signal()

    def __init__(self, viewer: Any, window: QObject) -> None:
        super().__init__(window)
        self.viewer = viewer
        self._jobs: dict[Job, str] = {}
        #: Recording or model read while a training ran; see `show_waiting`.
        self.waiting: Opened | None = None
        self.turns = Turns(self)
        self.workspace: Workspace = workspace_of(viewer)
        self.layers = BrainLayers(viewer, self.workspace, self.run, self.turns.start)
        self.time_axis = TimeAxis(viewer, self.workspace, self.turns.start)
        self.runs = Runs(self.workspace, self)
        self.halves = HalvesRun(self.workspace, self.runs, self.run, self)
        self.temporal = TemporalRun(self.workspace, self.runs, self.halves, self.run, self)
        self.runs.training_changed.connect(self._on_training)
        self.opening = Opening(viewer, self.run, self._show_opened, self.say_what_runs, self)
        self.kept_labels = LabelKeeper(self.workspace, self)
        self.lasso: Lasso = Lasso(viewer, self.workspace, self)
        self.legend = CanvasLegend(viewer, self.workspace, self)
        self.marks = CanvasMarks(viewer, self.workspace, self)
        #: Views of the brain from its sides, and the slab shown in 2-D.
        self.view = self.layers.view
        translate_warnings()
        install_clicks(viewer, self.workspace, lambda: not self.lasso.active)
        install_shortcuts(window, self.workspace, self.lasso, self.view)
        self._drops = DropFilter(viewer, self.opening.open_file, self)
        self._close_notice = CloseNotice(viewer.window, self.runs, self.temporal, self)
        viewer.layers.events.inserted.connect(self._on_layer_inserted)
        window.destroyed.connect(self.close)
        # The application may quit before Qt deletes a window that the user has closed.
        application = QApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self.close)
        threading.Thread(target=guard.make_ready, daemon=True).start()
        # This saves half a second when the first layer is added; the table of units must not be
        # made in another thread while napari may ask it.
        pint.get_application_registry().parse_units("um")
        self._adopt_layers()

    # --- what is shown --------------------------------------------------------------------

    def _trained_here(self, model: CRBM) -> Trained:
        from napari_crbm.errors import ModelError

        recording = self.workspace.recording
        if recording is None:
            raise ModelError(
                "This file holds a model. Open the recording it was trained on first, then the "
                "model."
            )
        return Trained.of(model, recording)

    def show(
        self, recording: Recording | None, model: CRBM | None = None, path: Path | None = None
    ) -> None:
        """Show a recording, and a model trained on it (from a file)."""
        if recording is not None:
            self.workspace.open(recording)
        if model is not None:
            self._show_model(model, path)

    def _show_opened(self, opened: Recording | CRBM, path: Path) -> None:
        """Show an opened recording or model; during a training, keep it for later."""
        self.waiting = None
        if self.runs.training:
            self.waiting = Opened(opened, path)
            show_info(
                f"{path.name} is read. A training is running, so it is not shown yet: when the "
                "training has ended, open it in the Recording dock."
            )
        elif isinstance(opened, CRBM):
            self.show(None, opened, path)
        else:
            self.workspace.open(opened)
        self.waiting_changed.emit()

    def show_waiting(self) -> None:
        """Show the recording or model that was read during a training, once that has ended."""
        if self.waiting is not None and not self.runs.training:
            self._show_opened(*self.waiting)

    def _show_model(self, model: CRBM, path: Path | None) -> None:
        """Show the members of one assembly at once, and the rest when it is computed."""
        if self.runs.training:
            show_warning("Stop the training before you open another model.")
            return
        shown_on = self.workspace.recording

        def preview(assembly: int) -> None:
            if self.workspace.recording is shown_on and not self.runs.training:
                self.workspace.preview(model, assembly)
            self.run("Computing the activity of assemblies", compute, show, fail)

        def compute(_report: object) -> Trained:
            return self._trained_here(model)

        def show(trained: Trained) -> None:
            recording = self.workspace.recording
            fits = recording is not None and recording.n_neurons == model.n_neurons
            if fits and not self.runs.training:
                self.workspace.show_model(trained, path)

        def fail() -> None:
            self.workspace.end_preview(model)

        self.run("Looking at the model", lambda _: strongest_assembly(model), preview)

    def assign_regions(
        self,
        regions: Regions,
        placed: PlacedAtlas | None = None,
        how: Mapping[str, Any] | None = None,
    ) -> None:
        """Assign regions to the open recording and update the table of assemblies."""
        self.workspace.assign_regions(regions, placed, how)
        self._update_table()

    def _update_table(self) -> None:
        trained, recording = self.workspace.trained, self.workspace.recording
        if trained is not None and recording is not None:
            self.run(
                "Updating the table of assemblies",
                lambda _: trained.with_regions_of(recording),
                self.workspace.update_table,
            )

    def _on_training(self) -> None:
        """Update the table if regions were assigned during the training."""
        session, workspace = self.runs.session, self.workspace
        if session is None or session.running or workspace.recording is session.recording:
            return
        self._update_table()

    def _on_layer_inserted(self, event: Any) -> None:
        if not self.layers.drawing:
            self._adopt_layers()

    def _adopt_layers(self) -> None:
        """Take recordings and models from the metadata of layers that napari's reader added."""
        recording = recording_in(self.viewer.layers)
        model = path = None
        for layer in self.viewer.layers:
            model = layer.metadata.pop(MODEL_KEY, None) or model
            path = layer.metadata.pop(MODEL_PATH_KEY, None) or path
        if recording is not None and recording is not self.workspace.recording:
            if self.runs.training:
                self._show_opened(recording, Path(recording.name))
                return
            self.workspace.open(recording)
        if model is not None:
            self.show(None, model, path)

    # --- background work ------------------------------------------------------------------

    def run(
        self,
        what: str,
        work: Callable[[Callable[[int, int], None]], Any],
        done: Callable[[Any], None],
        failed: Callable[[], None] | None = None,
        owner: QObject | None = None,
    ) -> Job:
        """Run ``work(report)`` in a thread, then ``done(result)`` on the GUI thread.

        Errors are shown; ``failed`` is then called, for example to enable buttons again. The job
        is cancelled when the viewer is closed, and when ``owner`` (such as a dock) is deleted.
        """
        job = Job(work, self)

        def say(text: str) -> None:
            self._jobs[job] = text
            self.busy_changed.emit(text)

        def end() -> None:
            self._jobs.pop(job, None)
            self.say_what_runs()

        def finish(result: Any) -> None:
            end()
            with ignore_deleted_widgets():
                done(result)

        def fail(message: str) -> None:
            end()
            if failed is not None:
                with ignore_deleted_widgets():
                    failed()
            show_error(message)

        job.done.connect(finish)
        job.failed.connect(fail)
        job.cancelled.connect(end)
        if owner is not None:
            owner.destroyed.connect(job.cancel)
        job.progressed.connect(lambda k, n: say(f"{what}: {100 * k // max(n, 1)} %"))
        say(f"{what} ...")
        job.start()
        return job

    def say_what_runs(self) -> None:
        """Emit ``busy_changed`` with the text of the latest job that still runs."""
        self.busy_changed.emit(next(reversed(self._jobs.values()), ""))

    @property
    def busy(self) -> bool:
        """Whether a background job or work on the GUI thread is unfinished."""
        return bool(self._jobs) or self.turns.busy

    def close(self) -> None:
        """End all background work; called when the window closes."""
        for job in self._jobs:
            job.stop()
        self.opening.cancel()
        self.kept_labels.keep_now()
        self.temporal.close()
        self.runs.close()


def home_of(viewer: Any) -> Home:
    """Return the home of a viewer: made on the first call, deleted with the window.

    Raises
    ------
    CRBMError
        If this napari is not supported; see `check_napari`.
    """
    # napari passes dock widgets a proxy of the viewer that hides the window.
    viewer = getattr(viewer, "__wrapped__", viewer)
    window = viewer.window._qt_window
    home = window.findChild(Home)
    if home is not None:
        return home
    check_napari()
    return Home(viewer, window)


def until_shown(viewer: Any, timeout_s: float = 300.0) -> None:
    """Wait until all background work is done and its results are on the canvas."""
    home, end = home_of(viewer), time.monotonic() + timeout_s
    QApplication.processEvents()
    while home.busy and time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.005)
