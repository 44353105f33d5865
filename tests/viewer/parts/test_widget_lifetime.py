"""Docks that are closed: they go, hear of nothing any more, and leave nothing behind."""

import gc
from threading import Event

import pytest
from psygnal import Signal
from qtpy.compat import isalive
from qtpy.QtWidgets import QApplication, QWidget

from napari_crbm.io import save_model
from napari_crbm.viewer.docks.anatomy.widget import AnatomyWidget
from napari_crbm.viewer.docks.compare.widget import CompareWidget
from napari_crbm.viewer.docks.open import WIDGETS, dock_everything, open_dock
from napari_crbm.viewer.home import home_of
from napari_crbm.viewer.layers.compare import PAIR
from napari_crbm.viewer.parts.widget_lifetime import follow
from napari_crbm.viewer.state.workspace import Workspace
from tests.viewer.conftest import until

SIGNALS = [name for name in vars(Workspace) if name.endswith("_changed")]


def listeners(workspace):
    signals = [getattr(workspace, name) for name in SIGNALS] + [workspace.region_view.changed]
    return [len(signal) for signal in signals]


def ours():
    """Everything that lay in a dock and is still there."""
    return {
        type(widget).__name__
        for widget in QApplication.allWidgets()
        if type(widget).__module__.startswith("napari_crbm.viewer") and widget.parent() is None
    }


def test_closed_docks_go_and_hear_of_nothing(viewer, home, recording, planted_model, qtbot):
    gc.collect()
    before, there = listeners(home.workspace), ours()
    docks = dock_everything(viewer)
    qtbot.wait(50)
    assert sum(listeners(home.workspace)) > sum(before) + 30
    for dock in docks:
        dock.destroyOnClose()
    del docks, dock
    qtbot.wait(200)
    assert listeners(home.workspace) == before
    assert ours() <= there
    home.show(recording, planted_model)
    until(qtbot, lambda: home.workspace.trained is not None and not home.busy)


def test_work_that_a_closed_dock_began_ends_quietly(viewer, home, errors, qtbot):
    dock = open_dock(viewer, "Anatomy")
    widget = dock.findChild(AnatomyWidget)
    closed, ended = Event(), []

    def work(_):
        ended.append(closed.wait(30))

    home.run("Work", work, lambda _: widget.tabs.count())
    dock.destroyOnClose()
    qtbot.wait(50)
    closed.set()
    until(qtbot, lambda: ended and not home.busy)
    assert ended == [True] and not errors


def test_a_comparison_ends_with_its_dock(viewer, shown_home, tmp_path, qtbot):
    home, path = shown_home, tmp_path / "model.h5"
    save_model(home.workspace.trained.model, path, home.workspace.recording)
    dock = open_dock(viewer, "Compare")
    widget = dock.findChild(CompareWidget)
    widget.compare_with(path)
    until(qtbot, lambda: PAIR in viewer.layers and not home.busy)
    dock.destroyOnClose()
    until(qtbot, lambda: PAIR not in viewer.layers and not home.busy)


@pytest.mark.parametrize("name", WIDGETS[1:])
def test_a_closed_dock_can_be_opened_again(viewer, name, qtbot):
    open_dock(viewer, name).destroyOnClose()
    qtbot.wait(50)
    dock = open_dock(viewer, name)
    qtbot.wait(50)
    assert dock.widget() is not None and home_of(viewer).workspace is not None


class Listener(QWidget):
    """Listens to a signal that is emitted once more when Qt destroys it."""

    def __init__(self, signal):
        super().__init__()
        self.heard = []
        self.destroyed.connect(lambda: signal.emit(1))
        follow(self, signal, self.hear)

    def hear(self):
        self.heard.append(self.isVisible())


class Source:
    changed = Signal(int)


def test_a_listener_that_qt_destroys_hears_nothing_any_more(qtbot):
    source = Source()
    listener = Listener(source.changed)
    source.changed.emit(1)
    assert listener.heard == [False] and len(source.changed) == 1
    with qtbot.captureExceptions() as errors:
        listener.deleteLater()
        until(qtbot, lambda: not isalive(listener))
    assert not errors and listener.heard == [False] and len(source.changed) == 0


def test_a_collected_listener_leaves_no_connection(qtbot):
    source = Source()
    listener = Listener(source.changed)
    listener.cycle = listener
    del listener
    gc.collect()
    assert len(source.changed) == 0
