"""The Preprocess dock: preview of a neuron, a run over all of them, undo, cancel."""

import numpy as np
import pytest

from napari_crbm.preprocessing import Steps, preprocess, steps_of
from napari_crbm.simulation import simulate
from napari_crbm.viewer.preprocess_widget import PreprocessWidget
from tests.viewer.conftest import until


@pytest.fixture(scope="module")
def bright():
    return simulate(
        n_neurons=150, n_frames=600, n_assemblies=4, fluorescence=True, seed=0
    ).recording


@pytest.fixture
def dock(home, qtbot):
    widget = PreprocessWidget(home.viewer)
    qtbot.addWidget(widget)
    return widget


def test_it_says_what_to_do_next(dock, home, recording, bright):
    assert "No recording" in dock.message.text() and dock.body.isHidden()
    home.show(recording)
    assert "spikes only" in dock.message.text() and dock.method.currentData() == "keep"
    home.show(bright)
    assert dock.method.currentData() == "events"


def test_the_preview_is_what_a_run_makes(dock, home, bright, qtbot):
    home.show(bright)
    dock.method.setCurrentIndex(dock.method.findData("zscore"))
    dock.baseline_s.setValue(60)
    dock.threshold.setValue(2.5)
    home.workspace.choose_neuron(7)
    until(qtbot, lambda: "Neuron 7</b>" in dock.caption.text())
    steps = Steps(baseline_s=60, method="zscore", threshold=2.5)
    made = preprocess(bright, steps)
    np.testing.assert_allclose(
        dock._active.getData()[0], bright.times[np.flatnonzero(made.spikes.trace(7))]
    )
    np.testing.assert_allclose(
        dock._curve.getOriginalDataset()[1], bright.fluorescence.trace(7), rtol=1e-6
    )
    dock.run.click()
    assert dock.run.text() == "Cancel"
    until(qtbot, lambda: dock.run.text() == "Run")
    assert home.workspace.recording.fingerprint == made.fingerprint
    assert steps_of(home.workspace.recording) == steps
    assert "active in" in dock.result.text() and dock.undo.isEnabled()
    dock.undo.click()
    assert home.workspace.recording is bright and not dock.undo.isEnabled()


def test_filters_without_fluorescence(dock, home, recording, qtbot):
    home.show(recording)
    dock.burn_in_s.setValue(10)
    dock.min_activity.setValue(2)
    dock.run.click()
    until(qtbot, lambda: dock.run.text() == "Run")
    made = home.workspace.recording
    assert made.n_frames == recording.n_frames - 40
    assert (made.spikes.mean_activity >= 0.02).all() and made.n_neurons < recording.n_neurons
    assert "left out" in dock.result.text()


def test_cancelling_changes_nothing(dock, home, bright, qtbot, monkeypatch):
    from napari_crbm.viewer import preprocess_widget

    def slow(recording, steps, *, progress, control):
        while not control.stopped:
            pass
        raise preprocess_widget.PreprocessingStopped("stopped")

    monkeypatch.setattr(preprocess_widget, "preprocess", slow)
    home.show(bright)
    dock.run.click()
    dock.run.click()
    until(qtbot, lambda: dock.run.text() == "Run")
    assert home.workspace.recording is bright and "nothing was changed" in dock.result.text()


def test_senseless_choices_are_explained(dock, home, bright, qtbot, monkeypatch):
    shown = []
    monkeypatch.setattr("napari_crbm.viewer.preprocess_widget.show_error", shown.append)
    home.show(bright)
    dock.raw.setChecked(True)
    dock.run.click()
    assert "baseline window" in shown[0] and dock.run.text() == "Run"
