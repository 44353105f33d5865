"""The Start dock, keys, going back and forth."""

import numpy as np
import pytest
from napari.layers import Points
from qtpy.QtCore import Qt, QTimer
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QDockWidget, QMenu, QShortcut, QTabBar, QWidget

from napari_crbm.io import save_recording
from napari_crbm.viewer.docks.groups import EVERYTHING, GroupBar
from napari_crbm.viewer.docks.open import (
    WIDGETS,
    dock_everything,
    is_docked,
    open_dock,
    raise_dock,
)
from napari_crbm.viewer.docks.start import widget as start_widget
from napari_crbm.viewer.docks.start.widget import StartWidget
from napari_crbm.viewer.docks.train.widget import TrainWidget
from napari_crbm.viewer.home import home_of
from napari_crbm.viewer.parts.keys import native_text
from napari_crbm.viewer.shortcuts import SHORTCUTS, help_text
from tests.conftest import random_model
from tests.viewer.conftest import until

pytestmark = pytest.mark.canvas


def titles(viewer):
    return [dock.windowTitle() for dock in viewer.window._qt_window.findChildren(QDockWidget)]


def test_open_everything_opens_everything(viewer, qtbot):
    viewer.window.add_plugin_dock_widget("napari-crbm", EVERYTHING)
    until(qtbot, lambda: is_docked(viewer))
    found = titles(viewer)
    for name in WIDGETS:
        assert found.count("Start" if name == EVERYTHING else name) == 1


def test_the_window_answers_between_two_docks(viewer, qtbot):
    viewer.window.add_plugin_dock_widget("napari-crbm", EVERYTHING)
    seen = []
    timer = QTimer(interval=0)
    timer.timeout.connect(lambda: seen.append(len(titles(viewer))))
    timer.start()
    until(qtbot, lambda: is_docked(viewer) and not home_of(viewer).busy)
    assert len(set(seen)) >= len(WIDGETS) - 1, "one dock a turn"


def test_a_dock_that_is_closed_meanwhile_does_not_stop_the_others(viewer, qtbot):
    viewer.window.add_plugin_dock_widget("napari-crbm", EVERYTHING)
    until(qtbot, lambda: "Anatomy" in titles(viewer))
    viewer.window.remove_dock_widget(open_dock(viewer, "Anatomy"))
    until(qtbot, lambda: not home_of(viewer).busy)
    found = titles(viewer)
    assert all(found.count(name) == 1 for name in WIDGETS[3:])


def test_napari_makes_its_controls_of_layers_with_the_docks(viewer):
    """And not with the first recording. What a person has opened is left alone."""
    added = []
    viewer.layers.events.inserted.connect(lambda event: added.append(type(event.value)))
    dock_everything(viewer)
    assert added == [Points] and not viewer.layers


def test_layers_that_are_there_are_left_alone(viewer):
    own = viewer.add_points(np.zeros((1, 3)))
    added = []
    viewer.layers.events.inserted.connect(added.append)
    dock_everything(viewer)
    assert not added and list(viewer.layers) == [own] and viewer.layers.selection.active is own


def open_from_menu(viewer, name):
    """As napari's menu does: the dock bears the plugin's displayed name."""
    for menu in viewer.window.plugins_menu.findChildren(QMenu):
        for action in menu.actions():
            if action.text().startswith(name):
                action.trigger()
                return
    raise AssertionError(f"no entry {name}")


def test_docks_opened_from_the_menu_are_not_opened_twice(make_napari_viewer, qtbot):
    viewer = make_napari_viewer(show=True)
    window = viewer.window._qt_window
    window.resize(1440, 880)
    open_from_menu(viewer, "Train")
    until(qtbot, lambda: any(title.startswith("Train") for title in titles(viewer)))
    open_from_menu(viewer, EVERYTHING)
    until(qtbot, lambda: is_docked(viewer))
    qtbot.wait(100)
    for kind in (StartWidget, TrainWidget):
        assert len(window.findChildren(kind)) == 1
    expected = ["Start", *WIDGETS[1:]]
    found = titles(viewer)
    assert all(found.count(title) == 1 for title in expected)


def test_it_says_what_to_do_in_every_state(viewer, home, recording, qtbot, monkeypatch):
    widget = StartWidget(viewer)
    qtbot.addWidget(widget)
    raised = []
    assert "Open a recording" in widget.headline.text() and not widget.sample.isHidden()
    monkeypatch.setattr(start_widget, "raise_dock", lambda _viewer, name: raised.append(name))
    home.show(recording)
    assert "train a model" in widget.headline.text() and widget.sample.isHidden()
    assert widget.marks["Recording"].text() == "✓"
    widget.next.click()
    monkeypatch.setattr(type(home.runs), "training", property(lambda _: True))
    home.runs.training_changed.emit()
    assert "being trained" in widget.headline.text()
    widget.next.click()
    monkeypatch.undo()
    monkeypatch.setattr(start_widget, "raise_dock", lambda _viewer, name: raised.append(name))
    home.show(None, random_model(recording.n_neurons, 5))
    until(qtbot, lambda: home.workspace.trained is not None)
    assert "5 hidden units have several members" in widget.headline.text()
    widget.next.click()
    assert raised == ["Train", "Train", "Assemblies"]


def test_its_first_button_asks_for_the_file(viewer, home, recording, qtbot, monkeypatch, tmp_path):
    path = save_recording(recording, tmp_path / "fish.h5")
    monkeypatch.setattr("napari_crbm.viewer.docks.recording.widget.ask_open", lambda *_: path)
    widget = StartWidget(viewer)
    qtbot.addWidget(widget)
    widget.next.click()
    until(qtbot, lambda: home.workspace.recording is not None)
    assert home.workspace.recording.fingerprint == recording.fingerprint
    assert "Recording" in " ".join(titles(viewer)), "where folders are opened, too"


def test_a_dock_is_opened_when_it_is_wanted(viewer, home):
    raise_dock(home.viewer, "Train")
    raise_dock(home.viewer, "Train")
    assert sum(title.startswith("Train") for title in titles(viewer)) == 1


def press(viewer, keys):
    for shortcut in viewer.window._qt_window.findChildren(QShortcut):
        if shortcut.key() == QKeySequence(keys):
            assert shortcut.context() == Qt.ShortcutContext.WindowShortcut
            shortcut.activated.emit()
            return
    raise AssertionError(f"nothing is bound to {keys}")


def test_keys_do_what_the_help_says(viewer, home, recording, qtbot):
    home.show(recording, random_model(recording.n_neurons, 5))
    until(qtbot, lambda: home.workspace.trained is not None)
    workspace = home.workspace
    workspace.choose_assembly(4)
    press(viewer, "Alt+PgDown")
    assert workspace.assembly == 0
    press(viewer, "Alt+PgUp")
    assert workspace.assembly == 4
    press(viewer, "Alt+Left")
    assert workspace.assembly == 0
    press(viewer, "Alt+Right")
    assert workspace.assembly == 4
    press(viewer, "Ctrl+Shift+L")
    assert home.lasso.active
    press(viewer, "Ctrl+Shift+L")
    assert not home.lasso.active
    for shortcut in SHORTCUTS:
        assert native_text(shortcut.sequence).rpartition("+")[2] in help_text()


def test_no_key_of_the_window_moves_the_cursor_in_a_text_field():
    """On macOS Alt+Left jumps by a word, so back and forward are the keys of the system."""
    keys = [shortcut.keys for shortcut in SHORTCUTS]
    assert QKeySequence.StandardKey.Back in keys and QKeySequence.StandardKey.Forward in keys
    standard = QKeySequence.StandardKey
    taken = [
        keys
        for move in (standard.MoveToPreviousWord, standard.MoveToNextWord)
        for keys in QKeySequence.keyBindings(move)
    ]
    assert taken and not any(shortcut.sequence in taken for shortcut in SHORTCUTS)


def test_choices_are_undone_in_turn_and_made_again(home, recording):
    home.workspace.open(recording)
    workspace = home_of(home.viewer).workspace
    workspace.show_forming(np.ones((recording.n_neurons, 3), dtype=np.float32))
    workspace.choose_assembly(1)
    workspace.choose_neuron(7)
    workspace.choose_neurons([1, 2])
    workspace.choose_neurons([3])
    heard = []
    workspace.neurons_changed.connect(lambda: heard.append("neurons"))
    workspace.neuron_changed.connect(lambda: heard.append("neuron"))
    workspace.undo()
    workspace.undo()
    assert not len(workspace.neurons) and workspace.neuron == 7
    workspace.undo()
    assert workspace.neuron is None and workspace.assembly == 1
    assert heard == ["neurons", "neurons", "neuron"]
    for _ in range(3):
        workspace.redo()
    assert workspace.neurons.tolist() == [3] and workspace.neuron == 7
    assert not workspace.can_redo
    workspace.choose_assemblies((0, 2))
    workspace.undo()
    workspace.choose_neuron(1)
    assert not workspace.can_redo, "a new choice ends what was undone"
    workspace.open(recording)
    assert not workspace.can_undo


def test_closed_docks_come_back_with_names_that_can_be_read(make_napari_viewer, qtbot):
    viewer = make_napari_viewer(show=True)
    window = viewer.window._qt_window
    window.resize(1440, 880)
    dock_everything(viewer)
    qtbot.wait(100)
    for name in WIDGETS:
        viewer.window.remove_dock_widget(open_dock(viewer, name))
    until(qtbot, lambda: window.findChild(GroupBar) is None)
    home = home_of(viewer)
    for name in ("Anatomy", "Statistics", "Connectivity"):
        raise_dock(home.viewer, name)
    qtbot.wait(100)
    (bar,) = (bar for bar in window.findChildren(QTabBar) if bar.tabText(1) == "Statistics")
    assert [bar.tabText(place) for place in range(3)] == ["Anatomy", "Statistics", "Connectivity"]
    assert bar.elideMode() == Qt.TextElideMode.ElideNone
    open_from_menu(viewer, EVERYTHING)
    until(qtbot, lambda: is_docked(viewer) and not home.busy)
    for name in WIDGETS:
        assert raise_dock(viewer, name).isVisible()


def test_docks_that_were_never_seen_are_laid_out_before_the_first_layer(make_napari_viewer, qtbot):
    """Else Qt does so for all of them at once while a recording is opened."""
    docks = dock_everything(make_napari_viewer(show=True))
    widgets = [widget for dock in docks for widget in dock.findChildren(QWidget)]
    pending = Qt.WidgetAttribute.WA_PendingResizeEvent

    def due():
        return [widget for widget in widgets if widget.testAttribute(pending)]

    qtbot.waitUntil(lambda: len(due()) < 0.1 * len(widgets))
