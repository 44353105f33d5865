"""A training in a background thread, controlled from the GUI thread."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from qtpy.QtCore import QObject

from napari_crbm.errors import CRBMError
from napari_crbm.io.models.autosave import Autosave
from napari_crbm.model import Settings, Training
from napari_crbm.recording import Recording
from napari_crbm.viewer.jobs.autosave import (
    checkpoint_path,
    is_kept,
    make_room,
    new_model_path,
    set_checkpoint_aside,
)
from napari_crbm.viewer.jobs.long_run import LongRun
from napari_crbm.viewer.state.trained import Trained

#: Seconds between two checkpoints of a running training.
CHECKPOINT_S = 120.0


class TrainingSession(LongRun):
    """Run a `Training` in its own thread.

    Emits ``finished(trained)`` with a `Trained`, or None if there is no model to show.

    Parameters
    ----------
    recording : Recording
    settings : Settings
    resume : dict, optional
        A checkpoint to continue.
    resumed_from : Path, optional
        File of that checkpoint.
    keep : bool
        Whether to save checkpoints (every 120 s, and when stopped or closed) and the trained
        model; see `napari_crbm.viewer.jobs.autosave`.
    parent : QObject, optional
    """

    def __init__(
        self,
        recording: Recording,
        settings: Settings,
        resume: dict[str, Any] | None = None,
        *,
        resumed_from: Path | None = None,
        keep: bool = True,
        parent: QObject | None = None,
    ) -> None:
        super().__init__("training", parent)
        self.recording = recording
        self.training = Training(
            recording.spikes,
            settings,
            control=self.control,
            resume=resume,
            segments=recording.segments,
            coordinates=recording.coordinates,
        )
        self.keep = keep
        self._resumed_from = resumed_from
        #: Whether the trained model is kept in a file.
        self.kept = False
        #: Why no checkpoint can be written, in a sentence; None if one can.
        self.problem: str | None = None

    def checkpoint_to(self, path: Path) -> None:
        """Write a checkpoint of a stopped or paused training."""
        from napari_crbm.io import save_checkpoint

        save_checkpoint(self.training.checkpoint(), path)

    def _work(self) -> Trained | None:
        path = checkpoint_path(self.recording)
        if self.keep and self._resumed_from != path:
            # Keep it, so that the unfinished training can still be continued.
            set_checkpoint_aside(self.recording)
        autosave = Autosave(path, CHECKPOINT_S, pause=self.control.pause)
        for progress in self.training:
            if self.keep and progress.phase == "training":
                autosave.offer(self._checkpoint)
            # A full disk pauses a training; a message says so.
            self.problem = autosave.problem
            found = (*progress.messages, autosave.problem)
            self._latest = replace(progress, messages=tuple(filter(None, found)))
        return self._conclude()

    def _conclude(self) -> Trained | None:
        if not self.training.update:
            return None
        unfinished = self.control.stopped
        if unfinished:
            self._keep_checkpoint()
        if self._closing:
            return None
        trained = Trained.of(self.training.model(), self.recording)
        self._keep_model(trained)
        if self.kept and not unfinished:
            checkpoint_path(self.recording).unlink(missing_ok=True)
            if self._resumed_from is not None and is_kept(self._resumed_from):
                self._resumed_from.unlink(missing_ok=True)
        return trained

    def _checkpoint(self) -> dict[str, Any]:
        make_room()
        return self.training.checkpoint()

    def _keep_checkpoint(self) -> None:
        if self.keep:
            # An error such as a full disk must not lose the trained model.
            with suppress(OSError, CRBMError):
                make_room()
                self.checkpoint_to(checkpoint_path(self.recording))

    def _keep_model(self, trained: Trained) -> None:
        if self.keep:
            from napari_crbm.io import save_model

            with suppress(OSError, CRBMError):
                make_room()
                path = new_model_path(self.recording, trained.model.n_assemblies)
                save_model(trained.model, path, self.recording)
                self.kept = True
