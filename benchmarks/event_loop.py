"""How long the viewer's event loop is blocked while a training runs at full speed.

    python benchmarks/event_loop.py [--neurons 44055] [--seconds 20]

A timer asks to be called every 10 ms; the gaps between its calls are what a person feels.
Assemblies are shown while they form, as by default. Needs a display (xvfb-run will do).
"""

from __future__ import annotations

import argparse
import time

import napari
import numpy as np
from qtpy.QtCore import QTimer
from qtpy.QtTest import QTest

from napari_crbm.model import Settings
from napari_crbm.simulation import simulate
from napari_crbm.viewer import dock_everything
from napari_crbm.viewer.home import home_of


def gaps_ms(seconds: float) -> np.ndarray:
    """Times between calls of a 10 ms timer, in milliseconds."""
    calls: list[float] = []
    timer = QTimer()
    timer.setInterval(10)
    timer.timeout.connect(lambda: calls.append(time.perf_counter()))
    timer.start()
    QTest.qWait(int(1000 * seconds))
    timer.stop()
    return 1000 * np.diff(calls)


def report(label: str, gaps: np.ndarray) -> None:
    """Print the distribution of gaps."""
    print(
        f"{label:<28} median {np.median(gaps):5.1f} ms, 99 % {np.quantile(gaps, 0.99):5.1f} ms, "
        f"longest {gaps.max():5.1f} ms, over 50 ms: {np.sum(gaps > 50)} of {len(gaps)}"
    )


def main() -> None:
    """Measure an idle viewer, then one with a training."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--neurons", type=int, default=44_055)
    parser.add_argument("--seconds", type=float, default=20)
    chosen = parser.parse_args()
    recording = simulate(n_neurons=chosen.neurons, n_frames=2000, n_assemblies=50, seed=0).recording
    viewer = napari.Viewer()
    dock_everything(viewer)
    home = home_of(viewer)
    home.show(recording)
    QTest.qWait(3000)
    report("idle", gaps_ms(5))
    home.start_training(Settings.named("default", n_hidden=200, n_updates=100_000))
    report("preparing", gaps_ms(chosen.seconds / 2))
    while home.session.training.update == 0:
        QTest.qWait(100)
    QTest.qWait(3000)
    report("training, assembly forming", gaps_ms(chosen.seconds))
    home.show_forming = False
    report("training, canvas at rest", gaps_ms(chosen.seconds))
    print(f"{home.session.training.update} updates in {home.session.training.elapsed_s:.0f} s")
    home.close()
    viewer.close()


if __name__ == "__main__":
    main()
