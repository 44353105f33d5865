"""The Train dock: start, pause, resume, stop, checkpoints, wrong input."""

import threading
from dataclasses import replace

import numpy as np
from qtpy.QtCore import Qt

from napari_crbm.model import Settings
from napari_crbm.model.start.initialise import assembly_start
from napari_crbm.spikes import Spikes
from napari_crbm.viewer.docks.open import dock_everything, raise_dock
from napari_crbm.viewer.docks.train.curve import TrainCurve
from napari_crbm.viewer.docks.train.widget import TrainWidget
from napari_crbm.viewer.home import home_of
from napari_crbm.viewer.layers.names import ASSEMBLY
from tests.viewer.conftest import FAST, until

LONG = Settings(**{**FAST.as_dict(), "n_updates": 100_000})


def test_training_runs_and_ends_with_assemblies(viewer, home, recording, qtbot):
    widget = TrainWidget(viewer)
    qtbot.addWidget(widget)
    assert not widget.start_button.isEnabled()
    home.show(recording)
    assert widget.start_button.isEnabled() and not widget.stop_button.isEnabled()
    widget.form.fields["n_updates"].value = 200
    widget.form.fields["n_hidden"].value = "8"
    qtbot.mouseClick(widget.start_button, Qt.MouseButton.LeftButton)
    assert home.runs.training and not widget.start_button.isEnabled()
    until(qtbot, lambda: home.workspace.trained is not None, 180_000)
    until(qtbot, lambda: widget.files.save_button.isEnabled())
    assert widget.bar.value() == 200
    assert home.workspace.trained.model.n_assemblies == 8
    assert len(widget.curve.lines["test_pseudo_likelihood"].getOriginalDataset()[0]) > 1
    later = TrainWidget(viewer)
    qtbot.addWidget(later)
    later.curve.draw(home.runs.session.training.history)
    np.testing.assert_array_equal(
        later.curve.lines["pseudo_likelihood"].getOriginalDataset()[1],
        home.runs.session.training.history["pseudo_likelihood"],
    )
    assert viewer.layers[ASSEMBLY].visible


def test_patience_ends_a_training_early_and_says_so(viewer, home, recording, qtbot):
    widget = TrainWidget(viewer)
    qtbot.addWidget(widget)
    home.show(recording)
    patience = widget.form.fields["patience"]
    assert widget.settings().patience == 0 and patience.native.text() == "off"
    patience.value = 1
    settings = replace(FAST, n_updates=3000, patience=widget.settings().patience)
    home.runs.start_training(replace(settings, learning_rate=3e-5, decay_after=0.99))
    until(qtbot, lambda: home.workspace.trained is not None)
    reached = home.runs.session.training.update
    assert reached < 2000 and f"Ended at update {reached:,}" in widget.status.text()


def test_senseless_input_is_explained(viewer, home, recording, errors, qtbot):
    widget = TrainWidget(viewer)
    qtbot.addWidget(widget)
    home.show(recording)
    fields = widget.form.fields
    fields["n_hidden"].value = "many"
    qtbot.mouseClick(widget.start_button, Qt.MouseButton.LeftButton)
    assert errors == ["Assemblies must be 'auto' or a positive whole number; found 'many'."]
    fields["n_hidden"].value = "401"
    qtbot.mouseClick(widget.start_button, Qt.MouseButton.LeftButton)
    assert "401 hidden units for 400 neurons" in errors[1]
    fields["n_hidden"].value = "auto"
    fields["l1"].value = "-1"
    qtbot.mouseClick(widget.start_button, Qt.MouseButton.LeftButton)
    assert errors[2] == "Penalty (l1) must be 'auto' or a number of at least 0; found '-1'."
    assert not home.runs.training


def test_pause_resume_and_stop(viewer, home, recording, qtbot):
    widget = TrainWidget(viewer)
    qtbot.addWidget(widget)
    home.show(recording)
    home.runs.start_training(LONG)
    until(qtbot, lambda: home.runs.session.training.update > 5)
    qtbot.mouseClick(widget.pause_button, Qt.MouseButton.LeftButton)
    until(qtbot, lambda: "Paused" in widget.status.text())
    assert widget.pause_button.text() == "Resume" and widget.files.checkpoint_button.isEnabled()
    at = home.runs.session.training.update
    qtbot.wait(300)
    assert home.runs.session.training.update == at
    qtbot.mouseClick(widget.pause_button, Qt.MouseButton.LeftButton)
    until(qtbot, lambda: home.runs.session.training.update > at)
    qtbot.mouseClick(widget.stop_button, Qt.MouseButton.LeftButton)
    until(qtbot, lambda: home.workspace.trained is not None)
    until(qtbot, lambda: widget.start_button.isEnabled())
    assert home.runs.session.training.update < LONG.n_updates


def test_what_a_start_has_found_is_told_and_stop_ends_it(
    viewer, home, recording, qtbot, monkeypatch
):
    go_on = threading.Event()

    def slow(*arguments):
        yield 142
        go_on.wait(10)
        return (yield from assembly_start(*arguments))

    monkeypatch.setattr("napari_crbm.model.training.initial.assembly_start", slow)
    widget = TrainWidget(viewer)
    qtbot.addWidget(widget)
    home.show(recording)
    home.runs.start_training(LONG)
    until(qtbot, lambda: "142 assemblies found so far" in widget.status.text())
    qtbot.mouseClick(widget.stop_button, Qt.MouseButton.LeftButton)
    go_on.set()
    until(qtbot, lambda: "nothing was trained" in widget.status.text())
    assert home.workspace.trained is None


def test_a_checkpoint_continues_in_the_viewer(viewer, home, recording, tmp_path, qtbot):
    widget = TrainWidget(viewer)
    qtbot.addWidget(widget)
    home.show(recording)
    home.runs.start_training(LONG)
    until(qtbot, lambda: home.runs.session.training.update > 5)
    home.runs.session.control.stop()
    until(qtbot, lambda: home.workspace.trained is not None)
    stopped_at = home.runs.session.training.update
    path = tmp_path / "training.checkpoint.h5"
    widget.files.save_checkpoint(path)
    until(qtbot, path.exists)
    until(qtbot, lambda: not home.busy)
    widget.files.resume_from(path)
    until(qtbot, lambda: home.runs.training and home.runs.session.training.update > stopped_at)
    home.close()


def test_a_recording_without_activity_is_refused_before_start(viewer, home, recording, qtbot):
    silent = replace(
        recording, spikes=Spikes.from_dense(np.zeros((recording.n_frames, 400), dtype=bool))
    )
    widget = TrainWidget(viewer)
    qtbot.addWidget(widget)
    home.show(silent)
    assert not widget.start_button.isEnabled()
    assert "no neuron is active in any frame" in widget.status.text()
    assert "Measuring" not in widget.status.text()
    home.show(recording)
    assert widget.start_button.isEnabled()


def test_settings_that_do_not_suit_the_recording_are_told_before_start(
    viewer, home, recording, qtbot
):
    widget = TrainWidget(viewer)
    qtbot.addWidget(widget)
    home.show(recording)
    widget.form.fields["n_hidden"].value = "401"
    assert "401 hidden units for 400 neurons" in widget.status.text()


def test_after_a_training_the_model_can_be_saved_without_scrolling(
    make_napari_viewer, recording, trained_model, qtbot
):
    viewer = make_napari_viewer(show=True)
    window = viewer.window._qt_window
    dock_everything(viewer)
    window.resize(1280, 650)
    home = home_of(viewer)
    home.show(recording, trained_model)
    until(qtbot, lambda: home.workspace.trained is not None and not home.busy)
    raise_dock(viewer, "Train")
    widget = window.findChild(TrainWidget)
    widget.curve.draw(trained_model.history_)
    save = widget.files.save_button
    until(qtbot, lambda: save.isVisible() and widget.curve.plot.isVisible())
    qtbot.wait(50)
    assert save.isEnabled()
    assert save.visibleRegion().boundingRect() == save.rect()


def test_the_label_of_the_curve_fits_its_axis(viewer, trained_model, qtbot):
    curve = TrainCurve(viewer)
    qtbot.addWidget(curve.plot)
    curve.plot.resize(360, curve.plot.minimumHeight())
    curve.plot.show()
    curve.draw(trained_model.history_)
    qtbot.wait(50)
    axis = curve.plot.getAxis("left")
    # It is written upwards.
    assert axis.label.boundingRect().width() <= axis.size().height()
