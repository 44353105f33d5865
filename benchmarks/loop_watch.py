"""Measure how long operations block the window, for tests and benchmarks.

A timer fires every 10 ms. Measured is the processor time of the main thread between two of its
calls, not the time on the clock, because on a loaded machine calls are late for other reasons.
Drawing the canvas is measured separately, because without a graphics card the processor does it.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from qtpy.QtCore import QObject, QTimer

_INTERVAL_MS = 10
_SAMPLE_S = 0.01
_DEEPEST = 14
_ACCOUNTS = ("layers", "drawing", "apart")
# Result of the fixed computation on an idle core of the machine of benchmarks/README.md.
_REFERENCE_MS = 3.4


def machine_factor() -> float:
    """Return the current slowdown relative to the machine of benchmarks/README.md.

    It is measured as the processor time of this thread for a fixed computation in Python and
    NumPy, which also grows with shared caches and shared cores. It is at least 1.
    """
    times = []
    for _ in range(5):
        started = time.thread_time()
        numbers = np.arange(20_000, dtype=np.float64)
        for _ in range(40):
            numbers = np.sqrt(numbers + 1.0)
        total = 0
        for number in range(60_000):
            total += number % 7
        times.append(1e3 * (time.thread_time() - started))
    return max(1.0, float(np.median(times)) / _REFERENCE_MS)


@dataclass
class Held:
    """Longest time that one operation blocked the event loop.

    Parameters
    ----------
    own_ms, layers_ms, drawing_ms : float
        Largest processor time of the main thread between two calls of the timer: for adding
        and removing layers, for drawing the canvas, and for everything else (own).
    where : list of str
        Sampled source lines of the main thread in that time, most frequent first.
    """

    own_ms: float = 0.0
    layers_ms: float = 0.0
    drawing_ms: float = 0.0
    where: list[str] = field(default_factory=list)


class LoopWatch(QObject):
    """Measures the main thread between iterations of the event loop.

    Parameters
    ----------
    viewer : napari.Viewer
    """

    def __init__(self, viewer: Any) -> None:
        super().__init__(viewer.window._qt_window)
        self.operations: dict[str, Held] = {}
        self._operation = ""
        self._accounts = dict.fromkeys(_ACCOUNTS, 0.0)
        self._last = 0.0
        self._main = threading.get_ident()
        self._seen: Counter[str] = Counter()
        self._stopped = threading.Event()
        self._sampler = threading.Thread(target=self._sample, daemon=True)
        self._timer = QTimer(self)
        self._timer.setInterval(_INTERVAL_MS)
        self._timer.timeout.connect(self._on_timer)
        canvas = type(viewer.window._qt_viewer.canvas.native)
        for name in ("paintGL", "initializeGL"):
            self._time(canvas, name, "drawing")
        self._time(type(viewer), "screenshot", "drawing")
        for name in ("add_points", "add_shapes", "add_surface", "add_vectors"):
            self._time(type(viewer), name, "layers")
        for name in ("insert", "remove"):
            self._time(type(viewer.layers), name, "layers")

    def start(self) -> None:
        """Begin to measure."""
        self._forget()
        self._timer.start()
        self._sampler.start()

    def stop(self) -> None:
        """End, once."""
        self._timer.stop()
        self._stopped.set()
        self._sampler.join()

    @contextmanager
    def during(self, operation: str) -> Iterator[None]:
        """Record times under the name of an operation."""
        self._on_timer()
        self._operation = operation
        try:
            yield
        finally:
            self._on_timer()
            self._operation = ""

    @contextmanager
    def apart(self) -> Iterator[None]:
        """Exclude work of the measuring program itself, such as taking screenshots."""
        with self._into("apart"):
            yield

    @contextmanager
    def _into(self, account: str) -> Iterator[None]:
        started, before = time.thread_time(), self._counted()
        try:
            yield
        finally:
            self._accounts[account] += time.thread_time() - started - (self._counted() - before)

    def report(self) -> str:
        """Return one line per operation, longest first."""
        rows = sorted(self.operations.items(), key=lambda item: -item[1].own_ms)
        return "\n".join(
            f"{what:<32} {held.own_ms:6.0f} ms, layers {held.layers_ms:6.0f}, "
            f"drawing {held.drawing_ms:6.0f}"
            for what, held in rows
            if what
        )

    def _time(self, kind: type, name: str, account: str) -> None:
        """Add the time of a method to an account, without time that another account gets."""
        act: Callable[..., Any] = getattr(kind, name)

        def timed(*args: Any, **options: Any) -> Any:
            with self._into(account):
                return act(*args, **options)

        setattr(kind, name, timed)
        self.destroyed.connect(lambda: setattr(kind, name, act))

    def _forget(self) -> None:
        self._accounts = dict.fromkeys(_ACCOUNTS, 0.0)
        self._last = time.thread_time()
        self._seen = Counter()

    def _on_timer(self) -> None:
        own = time.thread_time() - self._last - self._counted()
        held = self.operations.setdefault(self._operation, Held())
        held.layers_ms = max(held.layers_ms, 1e3 * self._accounts["layers"])
        held.drawing_ms = max(held.drawing_ms, 1e3 * self._accounts["drawing"])
        if 1e3 * own > held.own_ms:
            held.own_ms = 1e3 * own
            held.where = [place for place, _ in self._seen.most_common(3)]
        self._forget()

    def _counted(self) -> float:
        return sum(self._accounts.values())

    def _sample(self) -> None:
        """Sample the current source line of the main thread at intervals."""
        while not self._stopped.wait(_SAMPLE_S):
            frame = sys._current_frames().get(self._main)
            names: list[str] = []
            while frame is not None and len(names) < _DEEPEST:
                names.append(f"{frame.f_code.co_filename.rsplit('/', 1)[-1]}:{frame.f_lineno}")
                frame = frame.f_back
            self._seen[" < ".join(names)] += 1
