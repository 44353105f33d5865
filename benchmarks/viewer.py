"""Time of the most common operations: open a model, browse assemblies, play, select.

xvfb-run python benchmarks/viewer.py
QT_QPA_PLATFORM=offscreen python benchmarks/viewer.py    # without drawing

Measured for 44,055 and 200,000 neurons with all docks open: seconds from opening the files of a
recording and of a model to the first picture of an assembly, and to the table of all; then
milliseconds that the GUI thread computes from a call until the event loop is free again, median
and 95th percentile of 40 repeats. This is processor time, so that other programs have no effect;
it includes drawing in software.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from qtpy.QtWidgets import QApplication

from napari_crbm.io import save_model, save_recording
from napari_crbm.model import CRBM
from napari_crbm.model.units.drelu import DReLU
from napari_crbm.recording import Recording
from napari_crbm.spikes import Spikes
from napari_crbm.viewer import open_viewer
from napari_crbm.viewer.home import home_of
from napari_crbm.viewer.state.workspace import Workspace

N_ASSEMBLIES, REPEATS = 200, 40
# Neurons and frames of the published recordings, and many more neurons.
SIZES = ((44_055, 5500), (200_000, 1000))


def recording_of(n_neurons: int, n_frames: int, generator: np.random.Generator) -> Recording:
    """Draw random activity of 4 % in a box of the size of a larval brain."""
    chunks = (
        generator.random((min(100, n_frames - start), n_neurons), dtype=np.float32) < 0.04
        for start in range(0, n_frames, 100)
    )
    spikes = Spikes.from_chunks(chunks, n_frames, n_neurons)
    xyz = generator.random((n_neurons, 3)) * (250.0, 1000.0, 500.0)
    return Recording(coordinates=xyz, spikes=spikes, times=np.arange(n_frames) / 4.0, name="box")


def model_of(recording: Recording, generator: np.random.Generator) -> CRBM:
    """Make a model each of whose assemblies is the 1 % of neurons around a place."""
    n_neurons = recording.n_neurons
    weights = np.zeros((n_neurons, N_ASSEMBLIES), dtype=np.float32)
    for assembly in range(N_ASSEMBLIES):
        seed = recording.coordinates[generator.integers(n_neurons)]
        near = ((recording.coordinates - seed) ** 2).sum(axis=1).argsort()[: n_neurons // 100]
        weights[near, assembly] = generator.uniform(0.2, 1.0, len(near))
        # A fifth of all weights is small, as in trained models.
        others = generator.choice(n_neurons, n_neurons // 5, replace=False)
        weights[others, assembly] += generator.normal(0, 0.02, len(others))
    ones = np.ones(N_ASSEMBLIES)
    return CRBM.from_parameters(
        weights, np.full(n_neurons, -3.0, np.float32), DReLU(ones, ones, 0 * ones, 0 * ones)
    )


class Stopwatch:
    """Return seconds on the clock, processor seconds of all threads and of the GUI thread."""

    def __init__(self) -> None:
        self._started = self._now()

    def tell(self, what: str) -> None:
        """Print the times that have passed since the start."""
        wall, computed, gui = (b - a for a, b in zip(self._started, self._now(), strict=True))
        print(
            f"    {what:<30} {wall:6.2f} s; computing {computed:5.2f} s, {gui:5.2f} s of it on "
            "the GUI thread",
            flush=True,
        )

    @staticmethod
    def _now() -> tuple[float, float, float]:
        return time.perf_counter(), time.process_time(), time.thread_time()


def wait(app: QApplication, condition: Callable[[], object]) -> None:
    """Run the event loop until a condition holds and the result is drawn."""
    while not condition():
        app.processEvents()
        time.sleep(0.002)
    app.processEvents()


def open_files(home: Any, recording: Path, model: Path, app: QApplication) -> None:
    """Measure the time from opening two files to the drawn assembly."""
    workspace, watch = home.workspace, Stopwatch()
    home.opening.open_file(recording)
    wait(app, lambda: workspace.recording is not None)
    watch.tell("recording, first picture")
    wait(app, lambda: not home.busy)
    watch = Stopwatch()
    home.opening.open_file(model)
    wait(app, lambda: workspace.assembly is not None)
    watch.tell("model, first picture")
    wait(app, lambda: workspace.trained is not None)
    watch.tell("model, table and activity")
    wait(app, lambda: not home.busy)
    watch.tell("model, all at rest")


def measure(what: str, act: Callable[[int], None], app: QApplication) -> None:
    """Print the times of an action."""
    taken = []
    for repeat in range(REPEATS):
        started = time.thread_time()
        act(repeat)
        app.processEvents()
        taken.append(1e3 * (time.thread_time() - started))
    median, high = np.percentile(taken, [50, 95])
    print(f"    {what:<30} {median:6.0f} ms   95 % {high:6.0f} ms", flush=True)


def flip_through(viewer: Any, workspace: Workspace, app: QApplication) -> None:
    """Measure the most common operations."""
    measure("next assembly", workspace.choose_assembly, app)
    measure("three assemblies", lambda k: workspace.choose_assemblies((k, k + 1, k + 2)), app)
    workspace.choose_assembly(0)
    measure("next frame", workspace.choose_frame, app)
    measure("next frame, napari's slider", lambda k: viewer.dims.set_current_step(0, 3 * k), app)
    workspace.choose_frame(None)
    measure("another neuron", workspace.choose_neuron, app)


def main() -> None:
    """Measure both sizes."""
    generator = np.random.default_rng(0)
    for n_neurons, n_frames in SIZES:
        print(f"{n_neurons:,} neurons, {N_ASSEMBLIES} assemblies", flush=True)
        with TemporaryDirectory() as folder:
            paths = Path(folder) / "recording.h5", Path(folder) / "model.h5"
            recording = recording_of(n_neurons, n_frames, generator)
            save_recording(recording, paths[0])
            save_model(model_of(recording, generator), paths[1], recording)
            viewer = open_viewer()
            app = QApplication.instance()
            assert app is not None
            home = home_of(viewer)
            wait(app, lambda home=home: not home.busy)
            open_files(home, *paths, app)
            flip_through(viewer, home.workspace, app)
            viewer.close()
            app.processEvents()


if __name__ == "__main__":
    main()
