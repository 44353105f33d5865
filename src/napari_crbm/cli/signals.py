"""Handle Ctrl-C (SIGINT) and SIGTERM, which batch systems send to end a process."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_crbm.model import Control

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def signals_stop(control: Control) -> Iterator[None]:
    """Let the first Ctrl-C or SIGTERM end the work after the current update.

    The work then writes its checkpoint. A second signal ends it at once.
    """
    previous = {number: signal.getsignal(number) for number in _SIGNALS}

    def restore() -> None:
        for number, handler in previous.items():
            signal.signal(number, handler)

    def stop(_number: int, _frame: FrameType | None) -> None:
        control.stop()
        restore()

    for number in _SIGNALS:
        signal.signal(number, stop)
    try:
        yield
    finally:
        restore()


class Stopped(BaseException):
    """Ctrl-C or SIGTERM. Not an `Exception`, so that error handlers let it pass."""

    def __init__(self, number: int) -> None:
        name = "Ctrl-C" if number == signal.SIGINT else "SIGTERM"
        super().__init__(f"Stopped by {name}; no unfinished file is left.")
        #: What the shell expects of a process that a signal has ended.
        self.exit_code = 128 + number


_received: list[Stopped] = []


def stop_on_signals() -> None:
    """Let Ctrl-C and SIGTERM raise `Stopped`.

    Libraries turn Python's own `KeyboardInterrupt` into a silent end.
    """

    def stop(number: int, _frame: FrameType | None) -> None:
        _received.append(Stopped(number))
        raise _received[-1]

    for number in _SIGNALS:
        signal.signal(number, stop)


def received() -> Stopped | None:
    """Return the signal that has come, if one has.

    Compilers call Python where nothing can be raised: the signal is lost there, and what follows
    looks like an error of their own.
    """
    return _received[-1] if _received else None


def plain_signals() -> None:
    """Let Ctrl-C and SIGTERM do as usual, also where Python code rarely runs."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
