"""Run a function in a thread of its own and deliver its result on the GUI thread."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from functools import cache
from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_crbm.errors import OUT_OF_MEMORY, CRBMError, refusal


class Cancelled(Exception):
    """Raised inside work that has been cancelled or whose result is no longer wanted."""


class _Relay(QObject):
    """Pass signals of jobs from their threads to the GUI thread.

    One object serves the whole process, because a thread must not touch a job that Qt may
    delete at the same moment.
    """

    arrived = Signal(object, str, object)

    def __init__(self) -> None:
        super().__init__()
        self.arrived.connect(lambda job, signal, values: job.deliver(signal, values))


@cache
def _relay() -> _Relay:
    return _Relay()


class Job(QObject):
    """A function that runs in a background thread.

    Emits ``progressed(done, total)`` while the function runs, then ``done(result)`` if it
    returns, ``failed(message)`` if it raises, or ``cancelled`` after `cancel`. All signals
    arrive on the GUI thread.

    Parameters
    ----------
    work : callable
        Takes ``report(done, total)`` and returns the result. Runs outside the GUI thread.
        ``report`` raises `Cancelled` once the job is cancelled or its parent is deleted.
    parent : QObject
        The owner of the job; no signal is emitted after its deletion.
    """

    done = Signal(object)
    failed = Signal(str)
    progressed = Signal(int, int)
    cancelled = Signal()

    def __init__(self, work: Callable[[Callable[[int, int], None]], Any], parent: QObject) -> None:
        super().__init__(parent)
        self._work = work
        # Created here so that the relay belongs to the GUI thread.
        self._relay = _relay()
        self._stopped = threading.Event()
        # Not a lambda: Python may already have collected it when Qt calls it.
        self.destroyed.connect(self._stopped.set)
        self._thread = threading.Thread(target=self._run, daemon=True, name="napari-crbm job")

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Ask the work to end and drop its result, without emitting a signal."""
        self._stopped.set()

    def cancel(self) -> None:
        """Ask the work to end, drop its result and emit ``cancelled``; no effect once done."""
        if self.running and not self._stopped.is_set():
            self.stop()
            self.cancelled.emit()

    @property
    def running(self) -> bool:
        """Whether the thread is running."""
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            result = self._work(self._report)
        except Cancelled:
            return
        except Exception as error:
            self._emit("failed", message_of(error))
        else:
            self._emit("done", result)

    def _report(self, done: int, total: int) -> None:
        if self._stopped.is_set():
            raise Cancelled
        self._emit("progressed", done, total)

    def _emit(self, signal: str, *values: object) -> None:
        self._relay.arrived.emit(self, signal, values)

    def deliver(self, signal: str, values: tuple[object, ...]) -> None:
        """Emit a signal on the GUI thread, unless the job was cancelled or deleted."""
        if not self._stopped.is_set():
            getattr(self, signal).emit(*values)


def cancellable(
    report: Callable[[int, int], None], cancel: threading.Event
) -> Callable[[int, int], None]:
    """Return a ``report(done, total)`` that raises `Cancelled` once the event is set."""

    def checked(done: int, total: int) -> None:
        if cancel.is_set():
            raise Cancelled
        report(done, total)

    return checked


def message_of(error: BaseException) -> str:
    """Return the message to show for an error; for a bug, how to report it."""
    if isinstance(error, CRBMError):
        return str(error)
    if isinstance(error, OSError):
        return refusal(error)
    if isinstance(error, MemoryError):
        return OUT_OF_MEMORY
    traceback.print_exception(error)
    return (
        f"An unexpected error occurred ({type(error).__name__}: {error}). Nothing was changed. "
        "Please report it together with the text in the terminal."
    )
