"""Groups of docks: which tabs are shown, and what shows them."""

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QTabBar

from napari_crbm.viewer.docks.groups import GROUPS, TITLES, GroupBar
from napari_crbm.viewer.docks.open import WIDGETS, dock_everything, open_dock, raise_dock


def tabs(viewer):
    """Titles of the docks that have a tab or stand alone, in their order."""
    window = viewer.window._qt_window
    bars = [bar for bar in window.findChildren(QTabBar) if bar.isVisible() and bar.count() > 1]
    own = {TITLES.get(name, name) for group in GROUPS for name in group.all}
    for bar in bars:
        found = [bar.tabText(place) for place in range(bar.count())]
        if set(found) <= own:
            return found, bar
    return [TITLES.get(name, name) for name in WIDGETS if open_dock(viewer, name).isVisible()], None


def test_groups_show_their_docks_and_stay_out_of_the_way_of_others(make_napari_viewer, qtbot):
    """One window for all of it: opening every dock takes long."""
    viewer = make_napari_viewer(show=True)
    window = viewer.window._qt_window
    window.resize(1280, 700)
    dock_everything(viewer)
    qtbot.wait(50)
    bar = window.findChild(GroupBar)
    assert tabs(viewer)[0] == ["Start"]
    for group, button in zip(GROUPS, bar.buttons, strict=True):
        button.click()
        qtbot.wait(20)
        found, tab_bar = tabs(viewer)
        assert found == [TITLES.get(name, name) for name in group.docks], "order of the work"
        assert button.isChecked()
        if tab_bar is not None:
            assert tab_bar.shape() == QTabBar.Shape.RoundedNorth, "read from left to right"
            assert tab_bar.sizeHint().width() <= tab_bar.width()
            assert tab_bar.elideMode() == Qt.TextElideMode.ElideNone

    # A dock brings its group; a group brings the dock that was in front last.
    raise_dock(viewer, "States")
    qtbot.wait(20)
    assert bar.shown == 3 and bar.buttons[3].isChecked()
    bar.buttons[1].click()
    qtbot.wait(20)
    assert not open_dock(viewer, "States").isVisible()
    bar.open(3)
    qtbot.wait(20)
    assert not open_dock(viewer, "States").visibleRegion().isEmpty()

    # Docks that open on request join their group.
    raise_dock(viewer, "What if")
    qtbot.wait(20)
    assert tabs(viewer)[0] == [*GROUPS[3].docks, "What if"]

    # Docks that were moved away stay.
    time = raise_dock(viewer, "Time")
    window.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, time)
    time.show()
    open_dock(viewer, "Neurons").setFloating(True)
    raise_dock(viewer, "Train")
    qtbot.wait(20)
    assert time.isVisible() and open_dock(viewer, "Neurons").isVisible()
    assert not open_dock(viewer, "Assemblies").isVisible()

    # The bar goes with the last dock.
    for name in (*WIDGETS, "What if"):
        viewer.window.remove_dock_widget(open_dock(viewer, name))
    qtbot.waitUntil(lambda: window.findChild(GroupBar) is None)


def test_groups_can_be_reached_with_keys(viewer, qtbot):
    shown = []
    bar = GroupBar(viewer, lambda _name: None, shown.append)
    keys = [key.key().toString() for key in bar.keys]
    assert keys == [f"Ctrl+{place + 1}" for place in range(len(GROUPS))]
    bar.keys[2].activated.emit()
    assert shown == [GROUPS[2].docks[0]]
    assert all(button.focusPolicy() == Qt.FocusPolicy.StrongFocus for button in bar.buttons)
    assert [button.accessibleName() for button in bar.buttons] == [each.title for each in GROUPS]


def test_every_dock_belongs_to_one_group():
    names = [name for group in GROUPS for name in group.all]
    assert len(names) == len(set(names)) and set(WIDGETS) <= set(names)
