"""Nothing is lost: checkpoints on closing, the last model, settings of last time."""

import errno
import io
import os
from dataclasses import replace

import numpy as np
import pytest
from qtpy.QtWidgets import QCheckBox, QComboBox, QLineEdit, QSpinBox

from napari_crbm.io import load_checkpoint, load_model
from napari_crbm.io.safety import replacing
from napari_crbm.model import Settings
from napari_crbm.viewer.docks.train.widget import TrainWidget
from napari_crbm.viewer.home import home_of
from napari_crbm.viewer.jobs import autosave
from napari_crbm.viewer.jobs.autosave import (
    checkpoint_path,
    kept_checkpoint,
    kept_models,
    make_room,
)
from napari_crbm.viewer.layers.names import NEURONS
from napari_crbm.viewer.parts.saved_fields import ask_open, last_folder, save_field
from tests.viewer.conftest import FAST, until

LONG = Settings(**{**FAST.as_dict(), "n_updates": 100_000})


def test_closing_the_viewer_leaves_a_checkpoint_to_continue(make_napari_viewer, recording, qtbot):
    viewer = make_napari_viewer()
    home = home_of(viewer)
    home.show(recording)
    home.runs.start_training(LONG)
    session = home.runs.session
    until(qtbot, lambda: session.training.update > 5)
    viewer.close()
    until(qtbot, lambda: not session.running)
    stopped_at = load_checkpoint(checkpoint_path(recording))["update"]
    assert stopped_at == session.training.update

    viewer = make_napari_viewer()
    home = home_of(viewer)
    widget = TrainWidget(viewer)
    qtbot.addWidget(widget)
    assert widget.kept.continue_button.isHidden()
    home.show(recording)
    assert not widget.kept.continue_button.isHidden()
    assert kept_checkpoint(recording).when in widget.kept.continue_button.toolTip()
    widget.kept.continue_button.click()
    until(qtbot, lambda: home.runs.training and home.runs.session.training.update > stopped_at)
    assert widget.kept.continue_button.isHidden(), "not while training"
    home.close()


def test_a_finished_model_is_kept_and_its_checkpoint_goes(viewer, home, recording, qtbot):
    widget = TrainWidget(viewer)
    qtbot.addWidget(widget)
    home.show(recording)
    make_room()
    checkpoint_path(recording).write_bytes(b"old")
    home.runs.start_training(FAST)
    until(qtbot, lambda: home.workspace.trained is not None, 120_000)
    weights = home.workspace.trained.model.weights_
    (only,) = kept_models(recording)
    np.testing.assert_array_equal(load_model(only.path).weights_, weights)
    assert not checkpoint_path(recording).exists()
    home.workspace.open(recording)
    assert not widget.kept.earlier_button.isHidden()
    (action,) = widget.kept.list_models()
    assert action.text() == f"{only.when}: 8 assemblies"
    action.trigger()
    until(qtbot, lambda: home.workspace.trained is not None)
    np.testing.assert_array_equal(home.workspace.trained.model.weights_, weights)


def test_a_new_training_leaves_the_checkpoint_of_an_earlier_one(viewer, home, recording, qtbot):
    home.show(recording)
    make_room()
    checkpoint_path(recording).write_bytes(b"an unfinished training")
    home.runs.start_training(LONG)
    session = home.runs.session
    until(qtbot, lambda: session.training.update > 5)
    session.control.stop()
    until(qtbot, lambda: not home.runs.training)
    latest = kept_checkpoint(recording).path
    assert load_checkpoint(latest)["update"] == session.training.update
    latest.unlink()
    earlier = kept_checkpoint(recording).path
    assert earlier.read_bytes() == b"an unfinished training"


@pytest.fixture
def told(monkeypatch) -> list[str]:
    """What is said in passing."""
    said: list[str] = []
    monkeypatch.setattr("napari_crbm.viewer.jobs.runs.show_info", said.append)
    return said


def test_a_model_that_another_replaces_can_be_shown_again(viewer, home, recording, told, qtbot):
    widget = TrainWidget(viewer)
    qtbot.addWidget(widget)
    home.show(recording)
    assert widget.kept.earlier_button.isHidden(), "there are none"
    home.runs.start_training(FAST)
    until(qtbot, lambda: not home.runs.training)
    first = home.workspace.trained.model
    assert "save it to a file of your own" in widget.status.text()
    assert "stays under Earlier models" in widget.start_button.toolTip() and not told
    home.runs.start_training(replace(FAST, n_hidden=5, n_updates=100_000))
    until(qtbot, lambda: home.runs.session.training.update > 5)
    home.runs.session.control.stop()
    until(qtbot, lambda: not home.runs.training)
    assert len(told) == 1 and "Earlier models" in told[0]
    assert home.workspace.trained.model.n_assemblies == 5
    last, before = widget.kept.list_models()
    assert "5 assemblies" in last.text() and "8 assemblies" in before.text()
    before.trigger()
    until(qtbot, lambda: home.workspace.trained is not None and not home.busy)
    np.testing.assert_array_equal(home.workspace.trained.model.weights_, first.weights_)
    assert len(told) == 2, "the second model was not saved either"


def test_nothing_is_said_of_a_model_that_was_saved(viewer, home, recording, told, qtbot, tmp_path):
    widget = TrainWidget(viewer)
    qtbot.addWidget(widget)
    home.show(recording)
    home.runs.start_training(FAST)
    until(qtbot, lambda: not home.runs.training)
    widget.files.save_model(tmp_path / "mine.h5")
    until(qtbot, lambda: home.workspace.model_path == tmp_path / "mine.h5")
    assert "save it" not in widget.status.text()
    home.workspace.open(recording)
    assert not told


def test_an_earlier_model_counts_as_saved_once_it_is(
    viewer, home, recording, told, qtbot, tmp_path
):
    widget = TrainWidget(viewer)
    qtbot.addWidget(widget)
    home.show(recording)
    home.runs.start_training(FAST)
    until(qtbot, lambda: not home.runs.training)
    home.workspace.open(recording)
    told.clear()
    widget.kept.list_models()[0].trigger()
    until(qtbot, lambda: home.workspace.trained is not None and not home.busy)
    assert home.runs.unsaved and "save it to a file of your own" in widget.status.text()
    widget.files.save_model(tmp_path / "mine.h5")
    until(qtbot, lambda: home.workspace.model_path == tmp_path / "mine.h5")
    assert not home.runs.unsaved and "save it" not in widget.status.text()
    assert not told, "the person knows where it came from"


def test_a_model_that_could_not_be_kept_is_told(home, recording, errors, qtbot, monkeypatch):
    def full() -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("napari_crbm.viewer.jobs.training.make_room", full)
    home.show(recording)
    home.runs.start_training(FAST)
    until(qtbot, lambda: not home.runs.training)
    assert home.workspace.trained is not None and "could not be kept" in errors[-1]
    assert not home.runs.unsaved, "nobody is told that it is kept"


class FullDisk:
    """While ``full``, nothing can be written."""

    def __init__(self, monkeypatch) -> None:
        self.full = False
        disk = self

        class Raw(io.FileIO):
            def write(self, data):
                if disk.full:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                return super().write(data)

        monkeypatch.setattr(replacing, "_raw_file", lambda path: Raw(path, "x+"))


def test_a_full_disk_pauses_the_training_and_keeps_the_last_checkpoint(
    viewer, home, recording, errors, qtbot, monkeypatch
):
    monkeypatch.setattr("napari_crbm.viewer.jobs.training.CHECKPOINT_S", 0.0)
    disk, path = FullDisk(monkeypatch), checkpoint_path(recording)
    widget = TrainWidget(viewer)
    qtbot.addWidget(widget)
    home.show(recording)
    home.runs.start_training(LONG)
    session = home.runs.session
    until(qtbot, path.exists)
    disk.full = True
    until(qtbot, lambda: "No space left on device" in widget.status.text())
    assert session.control.paused and home.runs.training
    assert widget.pause_button.text() == "Resume" and "Press Resume" in widget.status.text()
    assert sum("No space left on device" in each for each in errors) == 1
    kept, reached = load_checkpoint(path)["update"], session.training.update
    assert 0 < kept <= reached and not list(path.parent.glob(".*.part*"))
    # Nothing has changed: it pauses again.
    widget.pause_button.click()
    until(qtbot, lambda: session.control.paused and session.training.update > reached)
    assert load_checkpoint(path)["update"] == kept
    reached = session.training.update
    disk.full = False
    widget.pause_button.click()
    until(qtbot, lambda: load_checkpoint(path)["update"] > reached)
    assert not session.control.paused and session.problem is None
    home.close()


def test_old_files_make_room_for_new_ones():
    make_room()
    for age in range(30):
        path = autosave.folder() / f"{age:02}.model.h5"
        path.write_bytes(b"")
        os.utime(path, (1e9 - age, 1e9 - age))
    make_room()
    assert sorted(path.name[:2] for path in autosave.folder().glob("*.h5")) == [
        f"{age:02}" for age in range(19)
    ]


@pytest.mark.parametrize(
    ("kind", "change", "value"),
    [
        (QCheckBox, lambda box: box.setChecked(True), lambda box: box.isChecked()),
        (QSpinBox, lambda box: box.setValue(7), lambda box: box.value()),
        (QLineEdit, lambda box: box.setText("auto"), lambda box: box.text()),
    ],
)
def test_controls_come_back_as_they_were(qtbot, kind, change, value):
    first, later = kind(), kind()
    for control in (first, later):
        qtbot.addWidget(control)
    save_field("test/control", first)
    before = value(first)
    change(first)
    save_field("test/control", later)
    assert value(later) == value(first) != before


def test_a_choice_that_is_gone_is_left_out(qtbot):
    first, later = QComboBox(), QComboBox()
    for control in (first, later):
        qtbot.addWidget(control)
    first.addItems(["a", "b"])
    save_field("test/choice", first)
    first.setCurrentText("b")
    later.addItems(["a", "c"])
    save_field("test/choice", later)
    assert later.currentText() == "a"


def test_dialogs_start_where_a_file_was_chosen_last(qtbot, monkeypatch, tmp_path):
    asked = []

    def choose(_parent, _title, folder, _kinds):
        asked.append(folder)
        return str(tmp_path / "fish.h5"), ""

    monkeypatch.setattr("napari_crbm.viewer.parts.saved_fields.QFileDialog.getOpenFileName", choose)
    assert ask_open(None, "Open", "*.h5") == tmp_path / "fish.h5"
    ask_open(None, "Open", "*.h5")
    assert asked == ["", str(tmp_path)] and last_folder() == str(tmp_path)


def test_kernels_compile_once_a_recording_is_seen(viewer, home, recording, qtbot, monkeypatch):
    """Before, there is nothing to train on, and opening it should be fast."""
    seen = []
    monkeypatch.setattr("napari_crbm.viewer.docks.train.widget.compiled", lambda: False)
    monkeypatch.setattr(
        "napari_crbm.viewer.docks.train.widget.compile_ahead",
        lambda: seen.append(NEURONS in viewer.layers),
    )
    widget = TrainWidget(viewer)
    qtbot.addWidget(widget)
    qtbot.wait(100)
    assert not seen
    home.show(recording)
    until(qtbot, lambda: seen)
    assert seen == [True]


def test_every_recipe_tells_how_long_it_takes(viewer, home, recording, qtbot, monkeypatch):
    from napari_crbm.model import Pace

    paces = {"assemblies": Pace(10.0, 0.02), "random": Pace(0.0, 0.9)}
    monkeypatch.setattr(
        "napari_crbm.viewer.docks.train.times.measure_pace",
        lambda _spikes, settings: paces[settings.initialisation],
    )
    for module in ("docks.train.widget", "docks.train.times"):
        monkeypatch.setattr(f"napari_crbm.viewer.{module}.compiled", lambda: True)
    widget = TrainWidget(viewer)
    qtbot.addWidget(widget)
    home.show(recording)
    qtbot.wait(700)
    box = widget.form.recipe.native

    def shown() -> list[str]:
        return [box.itemText(row) for row in range(box.count())]

    assert shown() == ["Quick look", "Careful", "As published"], "not measured while hidden"
    widget.show()
    until(qtbot, lambda: "50.0 h" in shown()[2])
    for text, name, duration in zip(
        shown(), ("Quick look", "Careful", "As published"), ("40 s", "80 s", "50.0 h"), strict=True
    ):
        assert name in text and duration in text
    assert "It will take about 80 s" in widget.status.text()
