"""The Preprocess dock: preview of a neuron, a run over all of them, undo, cancel."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt

from napari_crbm.preprocessing import Steps, kept_frames, preprocess, steps_of
from napari_crbm.simulation import simulate
from napari_crbm.viewer.docks.preprocess.widget import PreprocessWidget
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
    assert "spikes only" in dock.message.text() and dock.form.method == "keep"
    home.show(bright)
    assert dock.form.method == "events" and dock.form.fields["background"].native.isHidden()
    dock.form.fields["background"].value = 50
    assert dock.form.steps().background == 0, "of no use to traces that are not divided"
    dock.form.fields["baseline_s"].value = 60
    dock.form.fields["raw"].value = True
    assert not dock.form.fields["background"].native.isHidden()
    assert dock.form.steps() == Steps(baseline_s=60, raw=True, background=50)


def test_the_preview_is_what_a_run_makes(dock, home, bright, qtbot):
    home.show(bright)
    dock.form.fields["method"].value = "zscore"
    dock.form.fields["baseline_s"].value = 60
    dock.form.fields["threshold"].value = 2.5
    home.workspace.choose_neuron(7)
    until(qtbot, lambda: "Neuron 7</b>" in dock.preview.caption.text())
    steps = Steps(baseline_s=60, method="zscore", threshold=2.5)
    made = preprocess(bright, steps)
    np.testing.assert_allclose(
        dock.preview._active.getData()[0], bright.times[np.flatnonzero(made.spikes.trace(7))]
    )
    np.testing.assert_allclose(
        dock.preview._curve.getOriginalDataset()[1], bright.fluorescence.trace(7), rtol=1e-6
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
    dock.form.fields["burn_in_s"].value = 10
    dock.form.fields["min_activity"].value = 0.02
    dock.run.click()
    until(qtbot, lambda: dock.run.text() == "Run")
    made = home.workspace.recording
    assert made.n_frames == recording.n_frames - 40
    assert (made.spikes.mean_activity >= 0.02).all() and made.n_neurons < recording.n_neurons
    assert "left out" in dock.result.text()


def test_frames_and_regions_are_left_out(dock, home, bright, qtbot, monkeypatch):
    moving = replace(bright, traces={"tail": np.arange(bright.n_frames) % 50 / 10.0})
    home.show(moving)
    assert (
        not dock.form.fields["motion_trace"].native.isHidden()
        and dock.form.fields["motion_above"].native.isHidden()
    )
    dock.form.fields["motion_trace"].value = "tail"
    dock.form.fields["motion_above"].value = 4.5
    dock.form.fields["drop_frames"].value = "100-120, 300"
    region = max(moving.regions.names, key=lambda name: moving.regions.members(name).size)
    dock.form.regions.findItems(region, Qt.MatchFlag.MatchExactly)[0].setCheckState(
        Qt.CheckState.Checked
    )
    steps = Steps(
        motion_trace="tail",
        motion_above=4.5,
        drop_frames=((100, 120), (300, 300)),
        regions=(region,),
    )
    assert dock.form.steps() == steps
    until(qtbot, lambda: np.size(dock.preview._left_out.getData()[0]) > 1)
    gone = np.setdiff1d(np.arange(600), kept_frames(moving, steps))
    np.testing.assert_allclose(np.unique(dock.preview._left_out.getData()[0]), moving.times[gone])
    dock.run.click()
    until(qtbot, lambda: dock.run.text() == "Run")
    made = home.workspace.recording
    assert made.fingerprint == preprocess(moving, steps).fingerprint
    assert made.n_neurons == moving.regions.members(region).size and "motion" in dock.result.text()
    dock.form.fields["drop_frames"].value = "soon"
    until(qtbot, lambda: "'soon' is no range" in dock.preview.caption.text())


def test_cancelling_changes_nothing(dock, home, bright, qtbot, monkeypatch):
    from napari_crbm.viewer.docks.preprocess import widget

    def slow(recording, steps, *, progress, control):
        while not control.stopped:
            pass
        raise widget.PreprocessingStopped("stopped")

    monkeypatch.setattr(widget, "preprocess", slow)
    home.show(bright)
    dock.run.click()
    dock.run.click()
    until(qtbot, lambda: dock.run.text() == "Run")
    assert home.workspace.recording is bright and "nothing was changed" in dock.result.text()


def test_senseless_choices_are_explained(dock, home, bright, qtbot, monkeypatch):
    shown = []
    monkeypatch.setattr("napari_crbm.viewer.docks.preprocess.widget.show_error", shown.append)
    home.show(bright)
    dock.form.fields["raw"].value = True
    dock.run.click()
    assert (
        shown[0] == "Raw intensities needs a baseline window: set Baseline window."
        and dock.run.text() == "Run"
    )


def test_a_run_that_changes_nothing_keeps_the_model(dock, shown_home, qtbot):
    workspace = shown_home.workspace
    recording, trained = workspace.recording, workspace.trained
    dock.run.click()
    until(qtbot, lambda: dock.run.text() == "Run")
    assert workspace.recording is recording and workspace.trained is trained
    assert "stays as it is" in dock.result.text() and not dock.undo.isEnabled()


def test_undo_brings_the_model_back(dock, shown_home, qtbot):
    workspace = shown_home.workspace
    trained = workspace.trained
    dock.form.fields["burn_in_s"].value = 10
    dock.run.click()
    until(qtbot, lambda: dock.undo.isEnabled())
    assert workspace.trained is None
    dock.undo.click()
    assert workspace.trained is trained and workspace.recording.n_neurons == len(workspace.weights)


def test_nothing_is_undone_silently_during_a_training(dock, home, recording, qtbot, monkeypatch):
    said = []
    monkeypatch.setattr("napari_crbm.viewer.docks.preprocess.widget.show_warning", said.append)
    home.show(recording)
    dock.form.fields["burn_in_s"].value = 10
    dock.run.click()
    until(qtbot, lambda: dock.undo.isEnabled())
    made = home.workspace.recording
    monkeypatch.setattr(type(home.runs), "training", property(lambda _: True))
    dock.undo.click()
    assert home.workspace.recording is made and "Stop the training" in said[0]


def test_fields_without_a_plot_stay_together(dock, home, recording, qtbot):
    home.show(recording)
    dock.resize(400, 800)
    dock.show()
    until(qtbot, dock.preview.plot.isHidden)
    qtbot.wait(50)
    fields = dock.form.fields
    shown = [fields[name].native for name in ("method", "burn_in_s", "drop_frames")]
    tops = [field.mapTo(dock, QPoint(0, 0)).y() for field in shown]
    gaps = [
        top - before - field.height()
        for field, (before, top) in zip(shown, itertools.pairwise(tops), strict=False)
    ]
    assert max(gaps) <= 12, gaps


def test_what_is_finished_during_a_training_waits_for_its_end(
    dock, home, recording, qtbot, monkeypatch
):
    home.show(recording)
    dock.form.fields["burn_in_s"].value = 10
    dock.run.click()
    with monkeypatch.context() as patch:
        patch.setattr(type(home.runs), "training", property(lambda _: True))
        until(qtbot, lambda: not dock.apply.isHidden())
        assert home.workspace.recording is recording and not dock.apply.isEnabled()
        assert "press Apply" in dock.result.text()
    home.runs.training_changed.emit()
    assert dock.apply.isEnabled()
    dock.apply.click()
    assert home.workspace.recording.n_frames == recording.n_frames - 40
    assert dock.apply.isHidden() and dock.undo.isEnabled()


def test_a_run_is_cancelled_with_its_dock(home, bright, qtbot, monkeypatch):
    from napari_crbm.viewer.docks.preprocess import widget

    ended = []

    def endless(recording, steps, *, progress, control):
        try:
            while True:
                progress(1, 2)
        finally:
            ended.append(1)

    monkeypatch.setattr(widget, "preprocess", endless)
    dock = PreprocessWidget(home.viewer)
    home.show(bright)
    dock.run.click()
    dock.deleteLater()
    until(qtbot, lambda: not home.busy and ended)
