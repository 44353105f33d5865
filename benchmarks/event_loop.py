"""Measure how long user actions and a training block the viewer's event loop.

    xvfb-run python benchmarks/event_loop.py [--neurons 44055] [--seconds 20] [--audit]

`--audit` runs the operations of the docks on a model of 200 assemblies and prints, for each, the
longest time that the main thread computes between two calls of a 10 ms timer. Processor time is
measured, so that other programs have no effect; drawing is measured separately, because
otherwise a graphics card does it. Without `--audit` a training runs at full speed and the gaps
between the calls are measured; assemblies are shown during training, as by default.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import napari
import numpy as np
from loop_watch import LoopWatch, machine_factor
from qtpy.QtCore import Qt, QTimer
from qtpy.QtTest import QTest

from napari_crbm.io import save_model, save_recording
from napari_crbm.model import Settings
from napari_crbm.simulation import simulate
from napari_crbm.viewer.docks.anatomy.widget import AnatomyWidget
from napari_crbm.viewer.docks.assemblies.widget import AssembliesWidget
from napari_crbm.viewer.docks.compare.widget import CompareWidget
from napari_crbm.viewer.docks.export.widget import ExportWidget
from napari_crbm.viewer.docks.open import dock_everything, raise_dock
from napari_crbm.viewer.docks.time.widget import TimeWidget
from napari_crbm.viewer.home import home_of
from napari_crbm.viewer.layers.colour_kinds import KINDS
from viewer import model_of


def gaps_ms(seconds: float) -> np.ndarray:
    """Return the times between calls of a 10 ms timer, in milliseconds."""
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


def train(home: Any, seconds: float) -> None:
    """Measure an idle window, then a window with a running training."""
    report("idle", gaps_ms(5))
    home.runs.start_training(Settings.named("default", n_hidden=200, n_updates=100_000))
    report("preparing", gaps_ms(seconds / 2))
    while home.runs.session.training.update == 0:
        QTest.qWait(100)
    QTest.qWait(3000)
    report("training, assembly forming", gaps_ms(seconds))
    home.runs.show_forming = False
    report("training, canvas at rest", gaps_ms(seconds))
    training = home.runs.session.training
    print(f"{training.update} updates in {training.elapsed_s:.0f} s")


class Audit:
    """Run operations one after the other, each from the event loop."""

    def __init__(self, viewer: Any) -> None:
        self.viewer = viewer
        self.home = home_of(viewer)
        self.watch = LoopWatch(viewer)
        self.watch.start()

    def do(self, what: str, act: Callable[[], Any], done: Callable[[], Any] = lambda: True) -> None:
        """Run an operation and wait until everything it triggers has finished."""
        acted: list[bool] = []
        with self.watch.during(what):
            QTimer.singleShot(0, lambda: (act(), acted.append(True)))
            while not acted or not done() or self.home.busy:
                QTest.qWait(20)
            QTest.qWait(150)

    def dock(self, name: str, kind: type) -> Any:
        """Bring a dock to the front, wait for its computations, and return its widget."""
        self.do(f"look at {name}", lambda: raise_dock(self.viewer, name))
        return self.viewer.window._qt_window.findChild(kind)


def go_through(audit: Audit, recording: Path, model: Path, folder: Path) -> None:
    """Run the operations of a user who inspects a model."""
    home, workspace = audit.home, audit.home.workspace
    audit.do(
        "open a recording", lambda: home.opening.open_file(recording), lambda: workspace.recording
    )
    audit.do("open a model", lambda: home.opening.open_file(model), lambda: workspace.trained)
    assemblies = audit.dock("Assemblies", AssembliesWidget)
    for repeat in range(3):
        audit.do("next assembly", lambda k=repeat: workspace.choose_assembly(k))
    audit.do("several assemblies", lambda: workspace.choose_assemblies((1, 2, 3)))
    audit.do(
        "sort the table", lambda: assemblies.table.sortByColumn(3, Qt.SortOrder.AscendingOrder)
    )
    audit.do("filter the table", lambda: assemblies.filter.setText("tectum"))
    audit.do("gallery", lambda: assemblies.tabs.setCurrentWidget(assemblies.gallery))
    audit.do("look at Neurons", lambda: raise_dock(audit.viewer, "Neurons"))
    audit.do("choose a neuron", lambda: workspace.choose_neuron(100))
    audit.do("another neuron", lambda: workspace.choose_neuron(200))
    audit.do("choose a group", lambda: workspace.choose_neurons(np.arange(2000)))
    timing = audit.dock("Time", TimeWidget)
    audit.do("a frame in the brain", lambda: workspace.choose_frame(50))
    audit.do("play", timing.play.click, lambda: timing.frame > 60)
    audit.do("pause", timing.play.click)
    audit.do("rows of neurons", lambda: timing.rows_of.setCurrentText("Neurons"))
    compare = audit.dock("Compare", CompareWidget)
    audit.do("compare", lambda: compare.compare_with(model), lambda: compare.found)
    audit.do("next pair", lambda: compare.table.choose(1))
    audit.do("no pair", lambda: compare.shown.setChecked(False))
    anatomy = audit.dock("Anatomy", AnatomyWidget)
    audit.do("tick three regions", lambda: anatomy.view.tick([0, 1, 2]))
    for kind in KINDS:
        audit.do(f"colour by {KINDS[kind][0]}", lambda k=kind: anatomy.choose_colouring(k))
    audit.do("only in ticked regions", lambda: anatomy.only.setChecked(True))
    exporting = audit.dock("Export", ExportWidget)
    for kind, name in (("sheet", "sheet.pdf"), ("tables", "tables"), ("canvas", "canvas.png")):
        exporting.choose(kind)
        audit.do(
            f"export {kind}",
            lambda name=name: exporting.write(folder / name),
            lambda name=name: (folder / name).exists() and not exporting._running,
        )


def main() -> None:
    """Read the command line and run the measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--neurons", type=int, default=44_055)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--audit", action="store_true")
    chosen = parser.parse_args()
    recording = simulate(n_neurons=chosen.neurons, n_frames=2000, n_assemblies=50, seed=0).recording
    viewer = napari.Viewer()
    dock_everything(viewer)
    home = home_of(viewer)
    if chosen.audit:
        with TemporaryDirectory() as name:
            folder = Path(name)
            save_recording(recording, folder / "recording.h5")
            model = model_of(recording, np.random.default_rng(0))
            save_model(model, folder / "model.h5", recording)
            QTest.qWait(3000)
            audit = Audit(viewer)
            go_through(audit, folder / "recording.h5", folder / "model.h5", folder)
            audit.watch.stop()
            print(f"This machine computes {machine_factor():.1f} times slower than when idle.")
            print(audit.watch.report())
    else:
        home.show(recording)
        QTest.qWait(3000)
        train(home, chosen.seconds)
    home.close()
    viewer.close()


if __name__ == "__main__":
    main()
