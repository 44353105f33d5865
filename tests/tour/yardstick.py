"""How slowly this machine does what the window is made of, told by work of napari alone."""

from __future__ import annotations

import time

import numpy as np

# On the machine of benchmarks/README.md, idle.
_REFERENCE_MS = 45.0
_ROUNDS = 7


def slowness() -> float:
    """Processor time of a layer in a viewer without a window, against the published machine's.

    Events and models in Python take more from slow memory and shared caches than sums do: a
    machine that adds as fast as another one may still open a layer half as fast. Nothing of
    ours takes part, so that we cannot make our own limits wider. The first round is left out,
    in which modules are imported. At least 1.
    """
    from napari.components import ViewerModel

    times = []
    for _ in range(1 + _ROUNDS):
        started = time.thread_time()
        viewer = ViewerModel()
        for _ in range(3):
            viewer.add_points(np.zeros((100, 3)))
        times.append(1e3 * (time.thread_time() - started))
    print(f"three layers without a window: {np.median(times[1:]):.0f} ms, first {times[0]:.0f} ms")
    return max(1.0, float(np.median(times[1:])) / _REFERENCE_MS)
