"""Models and checkpoints of the *Train* dock: load and save them, go on with those kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from napari_crbm.recording import Recording
from napari_crbm.viewer.kept import Kept, kept_checkpoint, kept_model
from napari_crbm.viewer.notices import show_info
from napari_crbm.viewer.remember import ask_open, ask_save
from napari_crbm.viewer.style import button

if TYPE_CHECKING:
    from napari_crbm.viewer.home import Home

#: Begins a training from the content of a checkpoint.
Resume = Callable[[dict[str, Any]], None]


class TrainFiles(QHBoxLayout):
    """Buttons to load and save a model, and to leave and continue a training.

    Parameters
    ----------
    home : Home
    window : QWidget
        Above which files are asked for.
    resume : Resume
    """

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
        """Allow what can be done now."""
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

        self._home.run(f"Saving {path.name}", work, _tell_saved)

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

        self._home.run(f"Reading {path.name}", work, self._start)

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
    """Offers to go on with what was trained on this recording before.

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
        self.continue_button = button(
            "",
            "Go on where that training was stopped, or cut off when the viewer was closed.",
            lambda: self._take(kept_checkpoint, self._resume_from),
        )
        self.last_button = button(
            "",
            "Show the last model that was trained on this recording; it was kept for you.",
            lambda: self._take(kept_model, self._home.opening.open_file),
        )
        self.addWidget(self.continue_button)
        self.addWidget(self.last_button)

    def refresh(self) -> None:
        """Offer what there is now."""
        runs = self._home.runs
        recording = None if runs.training else self._home.workspace.recording
        found = None if recording is None or runs.sweeping else kept_checkpoint(recording)
        self.continue_button.setVisible(found is not None)
        if found is not None:
            self.continue_button.setText(f"Continue the training of {found.when}")
        found = None if recording is None else kept_model(recording)
        self.last_button.setVisible(found is not None and self._home.workspace.trained is None)
        if found is not None:
            self.last_button.setText(f"Show the model of {found.when}")

    def _take(self, find: Callable[[Recording], Kept | None], use: Callable[[Path], None]) -> None:
        recording = self._home.workspace.recording
        found = None if recording is None else find(recording)
        if found is None:
            self.refresh()
        else:
            use(found.path)


def _tell_saved(path: Path) -> None:
    show_info(f"Saved {path.name}.")
