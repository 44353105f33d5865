"""Work that must not hold up the window: one thread a job, results back on the GUI thread."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_crbm.errors import CRBMError, refusal


class Job(QObject):
    """Run a function in a thread; tell the GUI thread when it is done or has failed.

    Parameters
    ----------
    work : callable
        Takes ``report(done, total)`` and returns the result. Runs outside the GUI thread.
    parent : QObject
        Whose life bounds the job's signals.
    """

    done = Signal(object)
    failed = Signal(str)
    progressed = Signal(int, int)
    # From the thread to the job itself: what is still under way when the window is closed
    # is dropped with the job, whoever listens to the signals above.
    _arrived = Signal(str, object)

    def __init__(self, work: Callable[[Callable[[int, int], None]], Any], parent: QObject) -> None:
        super().__init__(parent)
        self._arrived.connect(self._deliver)
        self._work = work
        self._thread = threading.Thread(target=self._run, daemon=True, name="napari-crbm job")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether the work goes on."""
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            result = self._work(self._report)
        except Exception as error:
            self._emit("failed", message_of(error))
        else:
            self._emit("done", result)

    def _report(self, done: int, total: int) -> None:
        self._emit("progressed", done, total)

    def _emit(self, signal: str, *values: object) -> None:
        """Emit unless the window, and the job with it, is already gone."""
        with suppress(RuntimeError):
            self._arrived.emit(signal, values)

    def _deliver(self, signal: str, values: tuple[object, ...]) -> None:
        getattr(self, signal).emit(*values)


class Cancelled(Exception):
    """A person has given up a piece of work, or it is no longer wanted."""


def cancellable(
    report: Callable[[int, int], None], cancel: threading.Event
) -> Callable[[int, int], None]:
    """A ``report(done, total)`` that raises `Cancelled` once the event is set."""

    def checked(done: int, total: int) -> None:
        if cancel.is_set():
            raise Cancelled
        report(done, total)

    return checked


def message_of(error: BaseException) -> str:
    """What a person should read: the sentence of our own errors, or how to report a bug."""
    if isinstance(error, CRBMError):
        return str(error)
    if isinstance(error, OSError):
        return refusal(error)
    if isinstance(error, MemoryError):
        return "There is not enough memory for this. Close other programs, or use fewer neurons."
    traceback.print_exception(error)
    return (
        f"Something unexpected went wrong ({type(error).__name__}: {error}). Nothing was changed. "
        "Please report it together with the text in the terminal."
    )
