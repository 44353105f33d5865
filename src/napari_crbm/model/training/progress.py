"""What a training tells while it runs, and how it is told to pause or stop."""

from __future__ import annotations

import threading
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

_T = TypeVar("_T")


class Control:
    """Thread-safe reins of a running training: pause, resume, stop."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._go = threading.Event()
        self._go.set()

    def pause(self) -> None:
        """Wait after the current update until `resume` or `stop`."""
        self._go.clear()

    def resume(self) -> None:
        """Continue after `pause`."""
        self._go.set()

    def stop(self) -> None:
        """End after the current update; the model reached so far is kept."""
        self._stop.set()
        self._go.set()

    @property
    def paused(self) -> bool:
        """Whether training waits."""
        return not self._go.is_set()

    @property
    def stopped(self) -> bool:
        """Whether training was asked to end."""
        return self._stop.is_set()

    def wait_while_paused(self, timeout_s: float) -> None:
        """Block for at most ``timeout_s`` while paused."""
        self._go.wait(timeout_s)


@dataclass(frozen=True)
class Progress:
    """How far a training is. Weights are a read-only view, valid until the next record.

    ``phase`` is "preparing", "training", "paused", "finished" or "stopped";
    ``message`` is a warning in words, if there is one. While preparing, ``n_found`` says how
    many assemblies the first update will start with, as far as they are found.
    """

    update: int
    n_updates: int
    elapsed_s: float
    eta_s: float | None
    phase: str
    statistics: dict[str, float]
    weights: NDArray[np.float32] = field(repr=False)
    message: str | None = None
    n_found: int | None = None


def outcome(steps: Generator[Any, None, _T]) -> _T:
    """What work that reports its steps comes to, for those who need no reports."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: _T = end.value
            return result


def duration(seconds: float) -> str:
    """A time in words, rounded as one would say it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
