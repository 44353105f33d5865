"""Background work of a viewer: cancelled with its dock or window, nothing read is lost."""

import threading

import pytest
from qtpy.QtWidgets import QDialog, QLabel, QWidget

from napari_crbm.io import save_model, save_recording
from napari_crbm.viewer.docks.recording.widget import RecordingWidget
from napari_crbm.viewer.docks.statistics.widget import StatisticsWidget
from tests.viewer.conftest import FAST, until


class Endless:
    """Work that reports until it is told to end."""

    def __init__(self):
        self.started = threading.Event()
        self.ended = threading.Event()

    def __call__(self, report):
        try:
            for place in range(10**9):
                report(place, 10**9)
                self.started.set()
        finally:
            self.ended.set()


def test_a_job_is_cancelled_with_the_dock_that_owns_it(home, qtbot):
    dock, work, done = QWidget(), Endless(), []
    home.run("Counting", work, done.append, owner=dock)
    assert work.started.wait(60) and home.busy
    dock.deleteLater()
    until(qtbot, lambda: not home.busy)
    assert work.ended.wait(60) and not done


def test_an_evaluation_ends_with_its_dock(trained_home, qtbot, monkeypatch):
    work = Endless()
    monkeypatch.setattr(
        "napari_crbm.analysis.evaluate_held_out", lambda *_, report, **__: work(report)
    )
    dock = StatisticsWidget(trained_home.viewer)
    dock.start.click()
    assert work.started.wait(60) and trained_home.busy
    dock.deleteLater()
    until(qtbot, lambda: not trained_home.busy)
    assert work.ended.wait(60)


def test_jobs_are_cancelled_with_the_viewer(home):
    work = Endless()
    home.run("Counting", work, lambda _: None)
    assert work.started.wait(60)
    home.close()
    assert work.ended.wait(60)


@pytest.fixture
def training(home, recording, monkeypatch):
    """The recording is open and, as far as anybody can see, being trained on."""
    home.show(recording)
    with monkeypatch.context() as patch:
        patch.setattr(type(home.runs), "training", property(lambda _: True))
        yield patch


def test_a_file_read_during_a_training_is_shown_when_that_has_ended(
    home, recording, planted_model, training, qtbot, tmp_path
):
    dock = RecordingWidget(home.viewer)
    qtbot.addWidget(dock)
    before = home.workspace.recording
    save_recording(recording, tmp_path / "other.h5")
    home.opening.open_file(tmp_path / "other.h5")
    until(qtbot, lambda: home.waiting is not None and not home.busy)
    assert home.workspace.recording is before
    assert not dock.waiting_button.isHidden() and not dock.waiting_button.isEnabled()
    assert "other.h5" in dock.waiting_button.text()
    training.undo()
    home.runs.training_changed.emit()
    dock.waiting_button.click()
    assert home.workspace.recording is not before and home.waiting is None
    assert dock.waiting_button.isHidden()


def test_a_model_read_during_a_training_waits_too(
    home, recording, planted_model, training, qtbot, tmp_path
):
    save_model(planted_model, tmp_path / "model.h5", recording)
    home.opening.open_file(tmp_path / "model.h5")
    until(qtbot, lambda: home.waiting is not None and not home.busy)
    assert home.workspace.trained is None
    training.undo()
    home.show_waiting()
    until(qtbot, lambda: home.workspace.trained is not None)


def test_the_dialog_before_closing_mentions_a_training(home, recording, qtbot, monkeypatch):
    home.show(recording)
    window = home.viewer.window._qt_window
    texts = []

    def refuse(dialog):
        texts.extend(label.text() for label in dialog.findChildren(QLabel))
        return QDialog.DialogCode.Rejected

    monkeypatch.setattr("napari._qt.qt_main_window.ConfirmCloseDialog.exec_", refuse)
    tasks = home.viewer.window._task_status_manager
    assert not tasks.get_status()
    home.runs.start_training(FAST)
    assert "a training is running" in tasks.get_status()[0]

    class Spontaneous:
        ignored = False

        def spontaneous(self):
            return True

        def ignore(self):
            self.ignored = True

    event = Spontaneous()
    window.closeEvent(event)
    assert event.ignored and any("a training is running" in text for text in texts)
    home.runs.session.control.stop()
    until(qtbot, lambda: not home.runs.training and not home.busy)
    assert not tasks.get_status()
