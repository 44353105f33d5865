"""Comparison with a second model: ask for its file, read it, match, in the background."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QFileDialog, QWidget

from napari_crbm.model import CRBM
from napari_crbm.recording import Recording
from napari_crbm.viewer.jobs.job import Cancelled, cancellable
from napari_crbm.viewer.state.comparison import ModelComparison, Paths, compare

if TYPE_CHECKING:
    from napari_crbm.viewer.home import Home


class CompareRun(QObject):
    """Compares the model in the viewer with that of a file.

    Emits ``progressed(done, total)`` and ``running_changed`` meanwhile, and
    ``compared(ModelComparison)`` at the end.

    Parameters
    ----------
    home : Home
    window : QWidget
        Parent of the file dialogs.
    """

    compared = Signal(object)
    progressed = Signal(int, int)
    running_changed = Signal()

    def __init__(self, home: Home, window: QWidget) -> None:
        super().__init__(window)
        self._home = home
        self._window = window
        self._second: tuple[CRBM, Recording, Paths] | None = None
        self._cancel = threading.Event()
        self.running = False

    def toggle(self) -> None:
        """Ask for the file of the second model, or cancel the running comparison."""
        if self.running:
            self._cancel.set()
            return
        path, _ = QFileDialog.getOpenFileName(
            self._window, "Second model", "", "Models (*.h5 *.hdf5)"
        )
        if path:
            self.open(Path(path))

    def open(self, model_path: Path, recording_path: Path | None = None) -> None:
        """Compare with the model of a file, in the background.

        If it has other neurons and no recording is given, the user is asked for it.
        """
        here = self._home.workspace.recording
        if here is None:
            return

        def work(_report: Callable[[int, int], None]) -> tuple[CRBM, Recording | None]:
            from napari_crbm.io import load_model, open_recording

            model = load_model(model_path)
            if recording_path is not None:
                return model, open_recording(recording_path)
            if model.n_neurons == here.n_neurons:
                return model, here
            return model, None

        def loaded(result: tuple[CRBM, Recording | None]) -> None:
            model, recording = result
            self._set_running(False)
            if recording is None:
                self._ask_recording(model_path, model)
            else:
                self.match(model, recording, (model_path, recording_path))

        self._set_running(True)
        self._home.run(
            f"Opening {model_path.name}", work, loaded, lambda: self._set_running(False), owner=self
        )

    def _ask_recording(self, model_path: Path, model: CRBM) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self._window,
            f"{model_path.name} has {model.n_neurons:,} other neurons: open its recording",
            str(model_path.parent),
            "Recordings (*.h5 *.hdf5)",
        )
        if path:
            self.open(model_path, Path(path))

    def match(
        self,
        model: CRBM,
        recording: Recording,
        paths: Paths,
        by: str | None = None,
    ) -> None:
        """Match the assemblies of the model in the viewer with those of another model."""
        here, trained = self._home.workspace.recording, self._home.workspace.trained
        if here is None or trained is None or self.running:
            return
        self._second = (model, recording, paths)
        cancel = self._cancel = threading.Event()

        def work(report: Callable[[int, int], None]) -> ModelComparison | None:
            checked = cancellable(report, cancel)
            try:
                return compare(trained, here, model, recording, paths, by, checked)
            except Cancelled:
                return None

        self._set_running(True)
        job = self._home.run(
            "Matching assemblies",
            work,
            self._done,
            lambda: self._set_running(False),
            owner=self,
        )
        job.progressed.connect(self.progressed)

    def match_again(self, by: str) -> None:
        """Match the same two models by another measure."""
        if self._second is not None:
            self.match(*self._second, by=by)

    def forget(self) -> None:
        """Drop the second model: the model in the viewer has changed."""
        self._second = None

    def _done(self, result: ModelComparison | None) -> None:
        self._set_running(False)
        if result is not None:
            self.compared.emit(result)

    def _set_running(self, running: bool) -> None:
        self.running = running
        self.running_changed.emit()
