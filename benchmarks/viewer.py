"""Time on the GUI thread for what people do most: flip through assemblies, play, select.

xvfb-run python benchmarks/viewer.py
QT_QPA_PLATFORM=offscreen python benchmarks/viewer.py    # without drawing

For 44,055 and 200,000 neurons: milliseconds that the GUI thread computes from the call
until the event loop is free again, median and 95th percentile of 40 repeats, with all docks
open. Other programs on the machine do not enter; drawing in software does.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from qtpy.QtWidgets import QApplication

from napari_crbm.model import CRBM
from napari_crbm.model.drelu import DReLU
from napari_crbm.recording import Recording
from napari_crbm.spikes import Spikes
from napari_crbm.viewer import open_viewer
from napari_crbm.viewer.home import home_of
from napari_crbm.viewer.workspace import Workspace

N_FRAMES, N_ASSEMBLIES, REPEATS = 1000, 200, 40


def recording_of(n_neurons: int, generator: np.random.Generator) -> Recording:
    """Random activity of 4 % in a box of the size of a larval brain."""
    chunks = (
        generator.random((min(100, N_FRAMES - start), n_neurons), dtype=np.float32) < 0.04
        for start in range(0, N_FRAMES, 100)
    )
    spikes = Spikes.from_chunks(chunks, N_FRAMES, n_neurons)
    xyz = generator.random((n_neurons, 3)) * (250.0, 1000.0, 500.0)
    return Recording(coordinates=xyz, spikes=spikes, times=np.arange(N_FRAMES) / 4.0, name="box")


def model_of(recording: Recording, generator: np.random.Generator) -> CRBM:
    """Each assembly the 1 % of the neurons around a place."""
    n_neurons = recording.n_neurons
    weights = np.zeros((n_neurons, N_ASSEMBLIES), dtype=np.float32)
    for assembly in range(N_ASSEMBLIES):
        seed = recording.coordinates[generator.integers(n_neurons)]
        near = ((recording.coordinates - seed) ** 2).sum(axis=1).argsort()[: n_neurons // 100]
        weights[near, assembly] = generator.uniform(0.2, 1.0, len(near))
    ones = np.ones(N_ASSEMBLIES)
    return CRBM.from_parameters(
        weights, np.full(n_neurons, -3.0, np.float32), DReLU(ones, ones, 0 * ones, 0 * ones)
    )


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
    """Measure what people do most."""
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
    for n_neurons in (44_055, 200_000):
        recording = recording_of(n_neurons, generator)
        model = model_of(recording, generator)
        viewer = open_viewer()
        app = QApplication.instance()
        assert app is not None
        app.processEvents()
        home = home_of(viewer)
        started, computed = time.perf_counter(), time.process_time()
        home.show(recording, model)
        while home.workspace.trained is None:
            app.processEvents()
            time.sleep(0.01)
        app.processEvents()
        print(
            f"{n_neurons:,} neurons, {N_ASSEMBLIES} assemblies: first picture after "
            f"{time.perf_counter() - started:.1f} s ({time.process_time() - computed:.1f} s of "
            "computing on all cores)"
        )
        while home.busy:
            app.processEvents()
            time.sleep(0.01)
        flip_through(viewer, home.workspace, app)
        viewer.close()
        app.processEvents()


if __name__ == "__main__":
    main()
