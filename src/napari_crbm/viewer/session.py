"""A training that runs beside the viewer, seen from the GUI thread."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal

from napari_crbm.errors import CRBMError
from napari_crbm.model import Control, Progress, Settings, Training
from napari_crbm.recording import Recording
from napari_crbm.viewer.background import message_of
from napari_crbm.viewer.kept import checkpoint_path, make_room, model_path
from napari_crbm.viewer.workspace import Trained

_POLL_MS = 100
#: Seconds between two checkpoints of a running training.
CHECKPOINT_S = 120.0


class TrainingSession(QObject):
    """Drive a `Training` in a thread of its own.

    The thread leaves its latest progress and its outcome in two attributes; a timer
    looks at them ten times a second, so that a fast training cannot flood the window.

    Parameters
    ----------
    recording : Recording
    settings : Settings
    resume : dict, optional
        A checkpoint to continue.
    keep : bool
        Whether to leave a checkpoint behind when stopped, closed or cut off, and the
        model at the end; see `napari_crbm.viewer.kept`.
    parent : QObject, optional
    """

    progressed = Signal(object)
    finished = Signal(object)
    failed = Signal(str)

    def __init__(
        self,
        recording: Recording,
        settings: Settings,
        resume: dict[str, Any] | None = None,
        *,
        keep: bool = True,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.control = Control()
        self.recording = recording
        self.training = Training(recording.spikes, settings, control=self.control, resume=resume)
        self.keep = keep
        self._closing = False
        self._latest: Progress | None = None
        self._outcome: tuple[str, Any] | None = None
        self._thread = threading.Thread(target=self._run, daemon=True, name="napari-crbm training")
        self._timer = QTimer(self)
        self._timer.setInterval(_POLL_MS)
        self._timer.timeout.connect(self._poll)

    def start(self) -> None:
        """Begin training."""
        self._timer.start()
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether the thread is at work (a paused one is)."""
        return self._thread.is_alive()

    def close(self, timeout_s: float = 10.0) -> None:
        """Stop, leave a checkpoint and wait for the thread, as when the viewer is closed."""
        self._closing = True
        self.control.stop()
        self._timer.stop()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def checkpoint_to(self, path: Path) -> None:
        """Write a checkpoint of a stopped or paused training."""
        from napari_crbm.io import save_checkpoint

        save_checkpoint(self.training.checkpoint(), path)

    def _run(self) -> None:
        try:
            kept = time.monotonic()
            for progress in self.training:
                self._latest = progress
                if progress.phase == "training" and time.monotonic() - kept >= CHECKPOINT_S:
                    self._keep_checkpoint()
                    kept = time.monotonic()
            self._outcome = ("finished", self._conclude())
        except Exception as error:
            self._outcome = ("failed", message_of(error))

    def _conclude(self) -> Trained | None:
        if not self.training.update:
            return None
        unfinished = self.control.stopped
        if unfinished:
            self._keep_checkpoint()
        if self._closing:
            return None
        trained = Trained.of(self.training.model(), self.recording)
        if not unfinished:
            self._keep_model(trained)
        return trained

    def _keep_checkpoint(self) -> None:
        if self.keep:
            # Full disks and the like must not end a training.
            with suppress(OSError, CRBMError):
                make_room()
                self.checkpoint_to(checkpoint_path(self.recording))

    def _keep_model(self, trained: Trained) -> None:
        if self.keep:
            from napari_crbm.io import save_model

            with suppress(OSError, CRBMError):
                make_room()
                save_model(trained.model, model_path(self.recording), self.recording)
                checkpoint_path(self.recording).unlink(missing_ok=True)

    def _poll(self) -> None:
        progress, self._latest = self._latest, None
        if progress is not None:
            self.progressed.emit(progress)
        if self._outcome is not None:
            self._timer.stop()
            kind, value = self._outcome
            (self.finished if kind == "finished" else self.failed).emit(value)
