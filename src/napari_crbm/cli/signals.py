"""Handle Ctrl-C (SIGINT) and SIGTERM, which batch systems send to end a process."""

from __future__ import annotations

import signal
import sys
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


def exit_on_sigterm() -> None:
    """Let SIGTERM raise `SystemExit`, so that unfinished files are removed."""
    signal.signal(signal.SIGTERM, _exit)


def die_of_sigterm() -> None:
    """Let SIGTERM end the process at once, also where Python code rarely runs."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _exit(number: int, _frame: FrameType | None) -> None:
    # The shell's exit code of a process that a signal has ended.
    sys.exit(128 + number)
