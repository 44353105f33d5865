"""Base class of long background runs (training, sweep), controlled from the GUI thread."""

from __future__ import annotations

import threading
from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal

from napari_crbm.model import Control
from napari_crbm.viewer.jobs.job import message_of

_POLL_MS = 100


class LongRun(QObject):
    """Work in its own thread that can be stopped and continues when its dock is closed.

    The thread stores its latest progress and its outcome in two attributes. A timer reads
    them every 100 ms, so that fast work cannot flood the event loop.

    Parameters
    ----------
    name : str
        Name of the thread.
    parent : QObject, optional
    """

    progressed = Signal(object)
    finished = Signal(object)
    failed = Signal(str)

    def __init__(self, name: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.control = Control()
        self._closing = False
        self._awaited = False
        self._latest: Any = None
        self._outcome: tuple[str, Any] | None = None
        self._thread = threading.Thread(target=self._run, daemon=True, name=f"napari-crbm {name}")
        self._timer = QTimer(self)
        self._timer.setInterval(_POLL_MS)
        self._timer.timeout.connect(self._poll)

    def start(self) -> None:
        """Start the thread."""
        self._awaited = True
        self._timer.start()
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether the thread runs or is paused, or its outcome has not been emitted yet."""
        return self._awaited or self._thread.is_alive()

    def close(self, timeout_s: float = 10.0) -> None:
        """Stop the work and wait for the thread; called when the viewer closes."""
        self._closing = True
        self._awaited = False
        self.control.stop()
        self._timer.stop()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _work(self) -> object:
        """Do the work in the thread, store its progress in ``_latest`` and return the result."""
        raise NotImplementedError

    def _run(self) -> None:
        try:
            self._outcome = ("finished", self._work())
        except Exception as error:
            self._outcome = ("failed", message_of(error))

    def _poll(self) -> None:
        progress, self._latest = self._latest, None
        if progress is not None:
            self.progressed.emit(progress)
        # The outcome is set shortly before the thread ends.
        if self._outcome is not None and not self._thread.is_alive():
            self._timer.stop()
            self._awaited = False
            kind, value = self._outcome
            (self.finished if kind == "finished" else self.failed).emit(value)
