"""Progress records of a running training, and its control: pause, resume, stop."""

from __future__ import annotations

import threading
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

_T = TypeVar("_T")


class Control:
    """Thread-safe control of a running training: pause, resume, stop."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._go = threading.Event()
        self._go.set()

    def pause(self) -> None:
        """Make the training wait after the current update until `resume` or `stop`."""
        self._go.clear()

    def resume(self) -> None:
        """Make a paused training continue."""
        self._go.set()

    def stop(self) -> None:
        """End the training after the current update; its model is kept."""
        self._stop.set()
        self._go.set()

    @property
    def paused(self) -> bool:
        """Whether the training is paused."""
        return not self._go.is_set()

    @property
    def stopped(self) -> bool:
        """Whether the training was asked to end."""
        return self._stop.is_set()

    def wait_while_paused(self, timeout_s: float) -> None:
        """Block for at most ``timeout_s`` while paused."""
        self._go.wait(timeout_s)


@dataclass(frozen=True)
class Progress:
    """Progress of a training. Weights are a read-only view, valid until the next record.

    ``phase`` is "preparing", "training", "paused", "finished" or "stopped"; ``messages``
    are warnings in words. While preparing, ``n_found`` is the number of initial assemblies
    found so far.
    """

    update: int
    n_updates: int
    elapsed_s: float
    eta_s: float | None
    phase: str
    statistics: dict[str, float]
    weights: NDArray[np.float32] = field(repr=False)
    messages: tuple[str, ...] = ()
    n_found: int | None = None

    @property
    def message(self) -> str | None:
        """All warnings in one text, None if there are none."""
        return " ".join(self.messages) or None


def outcome(steps: Generator[Any, None, _T]) -> _T:
    """Run a generator to its end, ignore what it yields, and return its result."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: _T = end.value
            return result


def duration(seconds: float) -> str:
    """Write a time with its unit, rounded."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
