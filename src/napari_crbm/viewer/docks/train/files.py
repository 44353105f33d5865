"""Buttons of the *Train* dock to load, save and continue models and checkpoints."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtGui import QAction
from qtpy.QtWidgets import QHBoxLayout, QMenu, QPushButton, QVBoxLayout, QWidget

from napari_crbm.viewer.jobs.autosave import MOST_FILES, kept_checkpoint, kept_models
from napari_crbm.viewer.jobs.kept_labels import forget
from napari_crbm.viewer.parts.notices import show_info
from napari_crbm.viewer.parts.saved_fields import ask_open, ask_save
from napari_crbm.viewer.parts.style import button

if TYPE_CHECKING:
    from napari_crbm.viewer.home import Home

#: Starts a training from the content of a checkpoint.
Resume = Callable[[dict[str, Any], Path], None]


class TrainFiles(QHBoxLayout):
    """Buttons to load and save a model, and to save and continue a checkpoint.

    Emits ``saved`` when the shown model has been written to a file.

    Parameters
    ----------
    home : Home
    window : QWidget
        Parent of the file dialogs.
    resume : Resume
    """

    saved = Signal()

    def __init__(self, home: Home, window: QWidget, resume: Resume) -> None:
        super().__init__()
        self._home = home
        self._window = window
        self._start = resume
        self.load_button = button(
            "Load model...", "Show a model trained earlier on this recording.", self._load
        )
        self.save_button = button("Save model...", "Write the model to a file.", self._save)
        self.checkpoint_button = button(
            "Save checkpoint...",
            "Write everything needed to continue this training later, bit for bit.",
            self._save_checkpoint,
        )
        self.resume_button = button(
            "Continue from...", "Continue a training from its checkpoint.", self._resume
        )
        for pair in (
            (self.load_button, self.save_button),
            (self.resume_button, self.checkpoint_button),
        ):
            column = QVBoxLayout()
            for control in pair:
                column.addWidget(control)
            self.addLayout(column)

    def refresh(self) -> None:
        """Enable the buttons that can be used now."""
        workspace, runs = self._home.workspace, self._home.runs
        training, session = runs.training, runs.session
        idle = workspace.recording is not None and not training
        paused = training and session is not None and session.control.paused
        under_way = session is not None and session.training.update > 0
        self.load_button.setEnabled(idle)
        self.resume_button.setEnabled(idle and not runs.sweeping)
        self.save_button.setEnabled(workspace.trained is not None and not training)
        self.checkpoint_button.setEnabled(under_way and (paused or not training))

    def save_model(self, path: Path) -> None:
        """Write the shown model in the background."""
        workspace = self._home.workspace
        trained, recording = workspace.trained, workspace.recording
        if trained is None:
            return

        def work(_report: Any) -> Path:
            from napari_crbm.io import save_model

            save_model(trained.model, path, recording)
            return path

        def done(_path: Path) -> None:
            if workspace.trained is trained:
                workspace.model_path = path
            forget(trained.model)
            self._home.runs.saved(trained.model)
            _tell_saved(path)
            self.saved.emit()

        self._home.run(f"Saving {path.name}", work, done)

    def save_checkpoint(self, path: Path) -> None:
        """Write a checkpoint of the paused or ended training in the background."""
        session = self._home.runs.session
        if session is None:
            return

        def work(_report: Any) -> Path:
            session.checkpoint_to(path)
            return path

        self._home.run(f"Saving {path.name}", work, _tell_saved)

    def resume_from(self, path: Path) -> None:
        """Continue a training from its checkpoint."""

        def work(_report: Any) -> dict[str, Any]:
            from napari_crbm.io import load_checkpoint

            return load_checkpoint(path)

        self._home.run(f"Reading {path.name}", work, lambda state: self._start(state, path))

    def _load(self) -> None:
        path = ask_open(self._window, "Load a model", "Models (*.h5)")
        if path:
            self._home.opening.open_file(path)

    def _save(self) -> None:
        path = ask_save(self._window, "Save the model", "model.h5", "Models (*.h5)")
        if path:
            self.save_model(path)

    def _save_checkpoint(self) -> None:
        path = ask_save(
            self._window, "Save a checkpoint", "training.checkpoint.h5", "Checkpoints (*.h5)"
        )
        if path:
            self.save_checkpoint(path)

    def _resume(self) -> None:
        path = ask_open(self._window, "Continue from a checkpoint", "Checkpoints (*.h5)")
        if path:
            self.resume_from(path)


class KeptOffers(QVBoxLayout):
    """Buttons to continue the last training, or show an earlier model, of this recording.

    Parameters
    ----------
    home : Home
    resume_from : callable
        Continues the training of a checkpoint's file.
    """

    def __init__(self, home: Home, resume_from: Callable[[Path], None]) -> None:
        super().__init__()
        self._home = home
        self._resume_from = resume_from
        self.continue_button = button("Continue last training", "", self._continue)
        self.earlier_button = QPushButton("Earlier models")
        self.earlier_button.setToolTip(
            "Models trained on this recording, saved by you or not. The last "
            f"{MOST_FILES} trainings\nof all recordings are kept; save those that matter."
        )
        self._menu = QMenu(self.earlier_button)
        self._menu.aboutToShow.connect(self.list_models)
        self.earlier_button.setMenu(self._menu)
        self.addWidget(self.continue_button)
        self.addWidget(self.earlier_button)

    def refresh(self) -> None:
        """Show the buttons for which there is a file."""
        runs = self._home.runs
        recording = None if runs.training else self._home.workspace.recording
        found = None if recording is None or runs.sweeping else kept_checkpoint(recording)
        self.continue_button.setVisible(found is not None)
        if found is not None:
            self.continue_button.setToolTip(
                f"Continue the training that was stopped on {found.when},\n"
                "or interrupted when the viewer was closed."
            )
        self.earlier_button.setVisible(recording is not None and bool(kept_models(recording)))

    def list_models(self) -> list[QAction]:
        """Fill the menu with the kept models, the newest first, and return its entries."""
        self._menu.clear()
        recording = self._home.workspace.recording
        for kept in [] if recording is None else kept_models(recording):
            action = self._menu.addAction(f"{kept.when}: {kept.n_assemblies} assemblies")
            action.triggered.connect(lambda *_, path=kept.path: self._home.opening.open_file(path))
        return list(self._menu.actions())

    def _continue(self) -> None:
        recording = self._home.workspace.recording
        found = None if recording is None else kept_checkpoint(recording)
        if found is None:
            self.refresh()
        else:
            self._resume_from(found.path)


def _tell_saved(path: Path) -> None:
    show_info(f"Saved {path.name}.")
