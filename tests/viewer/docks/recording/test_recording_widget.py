"""The Recording dock: what to open, what is open, how to read it."""

import pytest
from qtpy.QtCore import Qt

from napari_crbm.viewer.docks.recording.widget import RecordingWidget
from tests.viewer.conftest import until


def test_recording_widget_tells_what_to_do_then_what_is_there(viewer, home, recording, qtbot):
    widget = RecordingWidget(viewer)
    qtbot.addWidget(widget)
    assert "No recording yet" in widget.message.text()
    home.show(recording)
    texts = [
        widget.summary.itemAt(row, widget.summary.ItemRole.FieldRole).widget().text()
        for row in range(widget.summary.rowCount())
    ]
    assert "400" in texts and "1,000" in texts
    assert not widget.details.isHidden()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_plots_follow_the_theme(viewer, home, recording, qtbot, theme):
    from napari.utils.theme import get_theme

    widget = RecordingWidget(viewer)
    qtbot.addWidget(widget)
    home.show(recording)
    viewer.theme = theme
    background = widget.histogram.backgroundBrush().color()
    assert background.name() == get_theme(theme).background.as_hex(format="long")


def test_the_sample_button_opens_a_recording_to_train_on(viewer, home, qtbot):
    widget = RecordingWidget(viewer)
    qtbot.addWidget(widget)
    qtbot.mouseClick(widget.sample_button, Qt.MouseButton.LeftButton)
    until(qtbot, lambda: home.workspace.recording is not None)
    assert home.workspace.trained is None


def test_reading_options_follow_the_boxes(viewer, qtbot):
    widget = RecordingWidget(viewer)
    qtbot.addWidget(widget)
    assert widget.options() == {"keep_unlabelled": True}
    widget.drop_unlabelled.setChecked(True)
    widget.detect_events.setChecked(True)
    widget.threshold.setValue(3.0)
    assert widget.options() == {"keep_unlabelled": False, "binarise": 3.0}


def test_the_health_is_shown_and_useless_neurons_can_be_left_out(viewer, home, recording, qtbot):
    from dataclasses import replace

    from napari_crbm import Spikes

    raster = recording.spikes.dense().copy()
    raster[:, 3], raster[:, 5] = 0, 1
    widget = RecordingWidget(viewer)
    qtbot.addWidget(widget)
    home.show(replace(recording, spikes=Spikes.from_dense(raster), fluorescence=None))
    until(qtbot, lambda: not widget.health.isHidden())
    text = widget.health.text.text()
    assert "1 neuron is never active (3)." in text and "(5)." in text
    always, silent = widget.health.leave_out_buttons
    assert silent.text() == "Leave out 1 neuron: silent neurons"
    assert always.text() == "Leave out 1 neuron: always active neurons"
    qtbot.mouseClick(silent, Qt.MouseButton.LeftButton)
    until(qtbot, lambda: home.workspace.recording.n_neurons == recording.n_neurons - 1)
    assert home.workspace.recording.provenance[-1].name == "preprocess"
    until(qtbot, lambda: len(widget.health.leave_out_buttons) == 1)
    qtbot.mouseClick(widget.health.leave_out_buttons[0], Qt.MouseButton.LeftButton)
    until(qtbot, lambda: home.workspace.recording.n_neurons == recording.n_neurons - 2)
    until(qtbot, lambda: not widget.health.leave_out_buttons)


def test_sessions_are_joined_and_shown_one_by_one(viewer, home, recording, qtbot, tmp_path):
    from dataclasses import replace

    from napari_crbm import Spikes
    from napari_crbm.io import save_recording

    other = recording.spikes.dense()[::-1].copy()
    path = save_recording(
        replace(recording, spikes=Spikes.from_dense(other), name="evening", fluorescence=None),
        tmp_path / "evening.h5",
    )
    widget = RecordingWidget(viewer)
    qtbot.addWidget(widget)
    assert widget.sessions.isHidden()
    home.show(recording)
    assert widget.sessions.choice.isHidden() and not widget.sessions.isHidden()
    widget.sessions.join([path])
    until(qtbot, lambda: home.workspace.recording.n_frames == 2 * recording.n_frames)
    joined = home.workspace.recording
    assert len(joined.segments) == 2
    choice = widget.sessions.choice
    assert [choice.itemText(row) for row in range(choice.count())] == [
        "All sessions",
        recording.name,
        "evening",
    ]
    choice.setCurrentIndex(2)
    choice.activated.emit(2)
    assert home.workspace.recording.spikes == Spikes.from_dense(other)
    assert choice.currentIndex() == 2
    choice.activated.emit(0)
    assert home.workspace.recording is joined
