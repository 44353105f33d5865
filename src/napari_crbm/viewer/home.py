"""Everything one viewer needs, tied together once: workspace, layers, training, clicks.

Widgets ask for the home of their viewer and find the same workspace there, in
whatever order they are opened.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pint
from qtpy.QtCore import QObject, Qt, Signal
from qtpy.QtWidgets import QApplication, QInputDialog

from napari_crbm.errors import FormatError, RecordingError, SeveralRecordings, UnknownLayout
from napari_crbm.io import guard
from napari_crbm.model import CRBM, Control, Progress, Settings
from napari_crbm.preprocessing import PreprocessingStopped
from napari_crbm.recording import Recording
from napari_crbm.regions import Regions
from napari_crbm.viewer import open_dock
from napari_crbm.viewer.background import Job
from napari_crbm.viewer.drops import DropFilter
from napari_crbm.viewer.lasso import Lasso
from napari_crbm.viewer.layer_names import MODEL_KEY, MODEL_PATH_KEY
from napari_crbm.viewer.layers import BrainLayers
from napari_crbm.viewer.mapping import Unmapped, reason_to_ask, unmapped
from napari_crbm.viewer.neuron_points import recording_in
from napari_crbm.viewer.notices import show_error, show_info, show_warning
from napari_crbm.viewer.picking import install_picking
from napari_crbm.viewer.session import TrainingSession
from napari_crbm.viewer.shortcuts import install_shortcuts
from napari_crbm.viewer.time_axis import TimeAxis
from napari_crbm.viewer.turns import Turns
from napari_crbm.viewer.workspace import (
    Trained,
    Workspace,
    strongest_assembly,
    workspace_of,
)

if TYPE_CHECKING:
    from napari_crbm.anatomy.meshes import PlacedAtlas

#: Shortest time between two looks at a forming assembly, in seconds.
_FORMING_INTERVAL_S = 1.0


class Home(QObject):
    """State and background work of one viewer; lives as long as the viewer's window.

    Emits ``busy_changed(text)`` while a job runs (empty when none does) and the
    training's signals.
    """

    busy_changed = Signal(str)
    progressed = Signal(object)
    training_changed = Signal()

    def __init__(self, viewer: Any, window: QObject) -> None:
        super().__init__(window)
        self.viewer = viewer
        self._jobs: dict[Job, str] = {}
        self.turns = Turns(self)
        self.workspace: Workspace = workspace_of(viewer)
        self.layers = BrainLayers(viewer, self.workspace, self.run, self.turns.start)
        self.time_axis = TimeAxis(viewer, self.workspace, self.turns.start)
        self.session: TrainingSession | None = None
        self.show_forming = True
        self.opening: Control | None = None
        self._warned: str | None = None
        self._forming_shown = 0.0
        self.lasso: Lasso = Lasso(viewer, self.workspace, self)
        install_picking(viewer, self.workspace, lambda: not self.lasso.active)
        install_shortcuts(window, self)
        self._drops = DropFilter(viewer, self.open_file, self)
        viewer.layers.events.inserted.connect(self._on_layer_inserted)
        window.destroyed.connect(self.close)
        # A window that is closed by hand may outlive the last chance to stop the thread.
        application = QApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self.close)
        threading.Thread(target=guard.make_ready, daemon=True).start()
        # Half a second that the first layer would take longer; the table of units must not be
        # made in another thread while napari may ask it.
        pint.get_application_registry().parse_units("um")
        self._adopt_layers()

    # --- opening ------------------------------------------------------------------------

    def open_file(self, path: str | Path, **options: Any) -> None:
        """Open a recording, or a model for the open recording, in the background.

        A file whose layout nobody knows, or which cannot be read as what it seems to be,
        is asked about in the mapping dialog.
        """
        path = Path(path)
        self.opening = control = Control()

        def work(
            report: Callable[[int, int], None],
        ) -> Recording | CRBM | Unmapped | SeveralRecordings | None:
            from napari_crbm.io import load_model, open_recording, read_kind

            try:
                if options.get("profile") is None and read_kind(path) == "model":
                    return load_model(path)
                return open_recording(path, progress=report, control=control, **options)
            except PreprocessingStopped:
                return None
            except SeveralRecordings as error:
                return error
            except (UnknownLayout, RecordingError) as error:
                found = None
                with suppress(FormatError):
                    found = unmapped(path, reason_to_ask(error), options)
                if found is None:
                    raise error
                return found

        def finish(result: Any) -> None:
            if isinstance(result, SeveralRecordings):
                self._opened()
                self._ask_which(result, path, options)
            elif isinstance(result, CRBM):
                self._opened()
                self.show(None, result, path)
            else:
                self._show(result)

        self.run(f"Opening {path.name}", work, finish, self._opened)

    def _ask_which(
        self, several: SeveralRecordings, path: Path, options: dict[str, Any]
    ) -> QInputDialog:
        """Let the person choose one recording of a file; does not hold up the window."""
        dialog = QInputDialog(self.viewer.window._qt_window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setWindowTitle("Which recording?")
        dialog.setLabelText(f"{path.name} holds {len(several.groups)} recordings. Open")
        dialog.setComboBoxItems(list(several.groups))
        dialog.textValueSelected.connect(
            lambda group: self.open_file(path, **{**options, "group": group})
        )
        dialog.open()
        return dialog

    def cancel_opening(self) -> None:
        """Give up the file that is being opened."""
        if self.opening is not None:
            self.opening.stop()

    def _opened(self) -> None:
        self.opening = None
        self._say_what_runs()

    def map_file(self, path: str | Path, why: str = "") -> None:
        """Ask what is what in a file, whatever its layout, and then open it."""
        path = Path(path)

        def work(_report: Callable[[int, int], None]) -> Unmapped:
            found = unmapped(path, why)
            if found is None:
                raise FormatError(
                    f"{path.name} holds no table of numbers that could be the activity of neurons."
                )
            return found

        self.run(f"Looking into {path.name}", work, self._ask)

    def _ask(self, unknown: Unmapped) -> None:
        """Open the mapping dialog; it does not hold up the window."""
        from napari_crbm.io.profile import remember
        from napari_crbm.viewer.mapping_dialog import MappingDialog

        dialog = MappingDialog(self.viewer, unknown, self.viewer.window._qt_window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)

        def accepted() -> None:
            profile = dialog.profile
            try:
                remember(profile)
            except FormatError as error:
                show_warning(str(error))
            self.open_file(unknown.path, profile=profile, **unknown.options)

        dialog.accepted.connect(accepted)
        dialog.open()

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

    def _show_model(self, model: CRBM, path: Path | None) -> None:
        """Show the members of one assembly at once, and all else when it is computed."""
        if self.training:
            show_warning("Stop the training before you open another model.")
            return
        shown_on = self.workspace.recording

        def preview(assembly: int) -> None:
            if self.workspace.recording is shown_on and not self.training:
                self.workspace.preview(model, assembly)
            self.run("Computing the activity of assemblies", compute, show, fail)

        def compute(_report: object) -> Trained:
            return self._trained_here(model)

        def show(trained: Trained) -> None:
            recording = self.workspace.recording
            fits = recording is not None and recording.n_neurons == model.n_neurons
            if fits and not self.training:
                self.workspace.show_model(trained, path)

        def fail() -> None:
            self.workspace.end_preview(model)

        self.run("Looking at the model", lambda _: strongest_assembly(model.weights_), preview)

    def _show(self, result: Recording | Unmapped | None) -> None:
        self._opened()
        if isinstance(result, Unmapped):
            self._ask(result)
        elif result is None:
            show_info("Opening was cancelled; nothing was changed.")
        elif self.training:
            show_warning("Stop the training before you open another recording.")
        else:
            self.workspace.open(result)

    def assign_regions(
        self,
        regions: Regions,
        placed: PlacedAtlas | None = None,
        how: Mapping[str, Any] | None = None,
    ) -> None:
        """Give the open recording other regions, and tell the assemblies by them."""
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

    def raise_dock(self, name: str) -> None:
        """Bring a dock of ours to the front; it is opened if it is not there."""
        dock = open_dock(self.viewer, name)
        dock.show()
        dock.raise_()

    def _on_layer_inserted(self, event: Any) -> None:
        if not self.layers.drawing:
            self._adopt_layers()

    def _adopt_layers(self) -> None:
        """Take over what dropped files or samples brought in as layers."""
        recording = recording_in(self.viewer.layers)
        model = path = None
        for layer in self.viewer.layers:
            model = layer.metadata.pop(MODEL_KEY, None) or model
            path = layer.metadata.pop(MODEL_PATH_KEY, None) or path
        if recording is not None and recording is not self.workspace.recording:
            if self.training:
                show_warning("Stop the training before you open another recording.")
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
    ) -> Job:
        """Run ``work(report)`` in a thread, then ``done(result)`` here.

        Errors are shown; ``failed`` is then called, to put buttons back.
        """
        job = Job(work, self)

        def say(text: str) -> None:
            self._jobs[job] = text
            self.busy_changed.emit(text)

        def end() -> None:
            del self._jobs[job]
            self._say_what_runs()

        def finish(result: Any) -> None:
            end()
            done(result)

        def fail(message: str) -> None:
            end()
            if failed is not None:
                failed()
            show_error(message)

        job.done.connect(finish)
        job.failed.connect(fail)
        job.progressed.connect(lambda k, n: say(f"{what}: {100 * k // max(n, 1)} %"))
        say(f"{what} ...")
        job.start()
        return job

    def _say_what_runs(self) -> None:
        """Tell of the latest job that still runs."""
        self.busy_changed.emit(next(reversed(self._jobs.values()), ""))

    @property
    def busy(self) -> bool:
        """Whether a job runs in the background, or the window has something left to do."""
        return bool(self._jobs) or self.turns.busy

    # --- training -----------------------------------------------------------------------

    @property
    def training(self) -> bool:
        """Whether a training is under way, running or paused."""
        return self.session is not None and self.session.running

    def start_training(self, settings: Settings, resume: dict[str, Any] | None = None) -> None:
        """Train on the open recording.

        Raises
        ------
        ModelError
            If there is no recording, or the settings do not suit it.
        """
        from napari_crbm.errors import ModelError

        if self.workspace.recording is None:
            raise ModelError("Open a recording first; there is nothing to train on yet.")
        if self.training:
            raise ModelError("A training is running already; stop it first.")
        session = TrainingSession(self.workspace.recording, settings, resume, parent=self)
        session.progressed.connect(self._on_progress)
        session.finished.connect(self._on_finished)
        session.failed.connect(self._on_failed)
        self.session, self._warned = session, None
        session.start()
        self.training_changed.emit()

    def _on_progress(self, progress: Progress) -> None:
        if progress.message and progress.message != self._warned:
            self._warned = progress.message
            show_warning(progress.message)
        due = time.monotonic() - self._forming_shown > _FORMING_INTERVAL_S
        if progress.phase == "training" and self.show_forming and due:
            self._forming_shown = time.monotonic()
            self.workspace.show_forming(progress.weights)
            if self.workspace.assembly is None:
                self.workspace.choose_assembly(0)
        self.progressed.emit(progress)

    def _on_finished(self, trained: Trained | None) -> None:
        self.workspace.show_forming(None)
        if trained is not None:
            self.workspace.show_model(trained)
            if self.session is not None and self.workspace.recording is not self.session.recording:
                self._update_table()
        self.training_changed.emit()

    def _on_failed(self, message: str) -> None:
        self.workspace.show_forming(None)
        show_error(message)
        self.training_changed.emit()

    def close(self) -> None:
        """End all background work, as when the window is closed."""
        if self.session is not None:
            self.session.close()


def home_of(viewer: Any) -> Home:
    """The home of a viewer; made when it is first asked for, gone with the window."""
    # Dock widgets are handed a proxy that hides the window.
    viewer = getattr(viewer, "__wrapped__", viewer)
    window = viewer.window._qt_window
    home = window.findChild(Home)
    return Home(viewer, window) if home is None else home
