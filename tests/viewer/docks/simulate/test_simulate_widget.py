"""The Simulate dock: same settings as the library, progress, cancel, opening what was made."""

import inspect

import numpy as np
import pytest

from napari_crbm.io import open_recording
from napari_crbm.simulation import simulate, simulate_to_file
from napari_crbm.simulation.settings import SimulationSettings
from napari_crbm.viewer.docks.open import open_dock
from napari_crbm.viewer.docks.simulate import widget as simulate_widget
from napari_crbm.viewer.docks.simulate.widget import SimulateWidget
from napari_crbm.viewer.docks.start.widget import StartWidget
from tests.viewer.conftest import until


@pytest.fixture
def dock(home, qtbot):
    widget = SimulateWidget(home.viewer)
    qtbot.addWidget(widget)
    return widget


def test_its_settings_and_defaults_are_those_of_the_library(dock):
    parameters = inspect.signature(simulate).parameters
    defaults = {name: parameter.default for name, parameter in parameters.items()}
    assert SimulationSettings().as_dict() == defaults
    assert set(dock.form.names) == set(defaults)
    assert dock.settings() == SimulationSettings()


def test_it_writes_what_the_library_writes_and_opens_it(dock, home, qtbot, tmp_path):
    dock.form.fill({"n_neurons": 200, "n_frames": 300, "n_assemblies": 3, "seed": 4})
    dock.write(tmp_path / "made.h5")
    assert dock.start.text() == "Cancel" and not dock.form["n_neurons"].enabled
    until(qtbot, lambda: home.workspace.recording is not None and not home.busy)
    assert dock.start.text() == "Simulate to file..." and "made.h5" in dock.status.text()
    expected = simulate_to_file(
        tmp_path / "expected.h5", n_neurons=200, n_frames=300, n_assemblies=3, seed=4
    )
    made = home.workspace.recording
    np.testing.assert_array_equal(made.spikes.dense(), open_recording(expected).spikes.dense())


def test_cancelling_leaves_no_file(dock, home, qtbot, tmp_path, monkeypatch):
    def endless(path, *, progress, **settings):
        def wait(done, total):
            while True:
                progress(done, total)

        return simulate_to_file(path, progress=wait, **settings)

    monkeypatch.setattr(simulate_widget, "simulate_to_file", endless)
    dock.form.fill({"n_neurons": 200, "n_frames": 300, "n_assemblies": 3})
    dock.write(tmp_path / "made.h5")
    until(qtbot, lambda: dock.bar.value() > 0)
    job = dock._job
    dock.start.click()
    assert "Cancelled" in dock.status.text() and not home.busy
    until(qtbot, lambda: not job.running)
    assert list(tmp_path.iterdir()) == [] and home.workspace.recording is None


def test_its_size_and_wrong_settings_are_told_before(dock):
    dock.form.fill({"n_neurons": 40_000, "n_frames": 5000})
    assert "25 MB" in dock.size.text()
    dock.form["fluorescence"].value = True
    assert "825 MB" in dock.size.text()


@pytest.mark.canvas
def test_it_opens_from_the_start_dock(viewer, home, qtbot):
    start = StartWidget(viewer)
    qtbot.addWidget(start)
    start.simulate.click()
    assert open_dock(viewer, "Simulate").findChild(SimulateWidget) is not None


def test_its_fields_come_back(dock, home, qtbot):
    dock.form["n_neurons"].value = 1234
    later = SimulateWidget(home.viewer)
    qtbot.addWidget(later)
    assert later.form["n_neurons"].value == 1234
