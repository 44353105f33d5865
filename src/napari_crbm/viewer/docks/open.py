"""Open docks, one or all of them, and lay them out as groups of tabs on the right."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from typing import Any

from napari_crbm.viewer.docks.groups import GROUPS, TITLES, GroupBar

PLUGIN = "napari-crbm"
#: Docks that open together, in the order of the work.
WIDGETS = tuple(name for group in GROUPS for name in group.docks)
#: Docks that only open individually, for example from the Start or the Assemblies dock.
SINGLE = tuple(name for group in GROUPS for name in group.single)
DOCK_WIDTH_PX = 420


def is_docked(viewer: Any) -> bool:
    """Return whether all docks of `dock_everything` are open."""
    return all(_find_dock(viewer, name) is not None for name in WIDGETS)


def _find_dock(viewer: Any, name: str) -> Any:
    """Return the open dock with one of our widgets, or None.

    napari itself does not recognise a dock that was opened from the menu, where it bears
    the name of the plugin that people see.
    """
    from qtpy.QtCore import Qt
    from qtpy.QtWidgets import QDockWidget

    names = (name, TITLES.get(name, name))
    # Not all widgets inside the docks, for many names in a row.
    direct = Qt.FindChildOption.FindDirectChildrenOnly
    for dock in viewer.window._qt_window.findChildren(QDockWidget, options=direct):
        if dock.windowTitle().split(" (")[0] in names and dock.widget() is not None:
            return dock
    return None


def open_dock(viewer: Any, name: str) -> Any:
    """Return the dock with one of our widgets: the open one, or a new one among the tabs.

    Parameters
    ----------
    viewer : napari.Viewer
    name : str
        One of `WIDGETS` or `SINGLE`.
    """
    from qtpy.QtCore import QTimer
    from qtpy.QtWidgets import QLabel

    from napari_crbm.viewer.parts.dock_tabs import make_readable

    dock = _find_dock(viewer, name)
    if dock is None:
        dock = viewer.window.add_plugin_dock_widget(PLUGIN, name, tabify=True)[0]
    # Without the plugin's name, which would leave no room on the tabs.
    title = TITLES.get(name, name)
    dock.setWindowTitle(title)
    for label in dock.titleBarWidget().findChildren(QLabel):
        if label.text().startswith(name):
            label.setText(title)
    # There are tabs once the window has been laid out, if it has not been closed by then.
    titles = [TITLES.get(each, each) for each in (*WIDGETS, *SINGLE)]
    soon = QTimer(dock, singleShot=True, interval=0)
    soon.timeout.connect(lambda: make_readable(viewer.window._qt_window, titles))
    soon.start()
    bar = _bar(viewer)
    if bar is not None:
        bar.follow(dock)
    return dock


def _bar(viewer: Any) -> GroupBar | None:
    """Return the bar of groups, if all docks were opened together."""
    bar: GroupBar | None = viewer.window._qt_window.findChild(GroupBar)
    return bar


def _make_controls(viewer: Any) -> None:
    """Let napari make its layer controls now, so that the first points layer is quick."""
    import numpy as np

    from napari_crbm.viewer.layers.points import SPACE

    if not viewer.layers:
        viewer.layers.remove(viewer.add_points(np.empty((0, 3)), **SPACE))


def dock_everything(viewer: Any) -> list[Any]:
    """Dock all widgets on the right; the first group is shown."""
    for _ in docking(viewer):
        pass
    return [open_dock(viewer, name) for name in WIDGETS]


def docking(viewer: Any) -> Iterator[None]:
    """Dock one widget after the other; the window can respond between two of them."""
    from qtpy.QtCore import QRect, Qt, QTimer
    from qtpy.QtWidgets import QTabWidget

    window = viewer.window
    were_there = is_docked(viewer)
    window._qt_window.setTabPosition(
        Qt.DockWidgetArea.RightDockWidgetArea, QTabWidget.TabPosition.North
    )
    if _bar(viewer) is None:
        GroupBar(
            viewer,
            lambda name: _find_dock(viewer, name),
            lambda name: raise_dock(viewer, name),
        )
    # What is put at the bottom lies under the brain and leaves the other docks their height.
    for corner, area in (
        (Qt.Corner.BottomLeftCorner, Qt.DockWidgetArea.LeftDockWidgetArea),
        (Qt.Corner.BottomRightCorner, Qt.DockWidgetArea.RightDockWidgetArea),
    ):
        window._qt_window.setCorner(corner, area)
    if not were_there:
        _make_controls(viewer)
        yield
    for place, name in enumerate(WIDGETS):
        before, dock = _docks(viewer, WIDGETS[:place]), open_dock(viewer, name)
        if before:
            # One that was open already comes into the row, at its place.
            window._qt_window.tabifyDockWidget(before[-1], dock)
        dock.show()
        (before or [dock])[0].raise_()
        yield

    def arrange() -> None:
        docks, bar = _docks(viewer, WIDGETS), _bar(viewer)
        if docks:
            # Hidden docks must have been laid out, or their tabs would be in another order.
            if bar is not None:
                bar.show_group_of(WIDGETS[0])
            window._qt_window.resizeDocks(docks[:1], [DOCK_WIDTH_PX], Qt.Orientation.Horizontal)
            # A picture of a widget has Qt lay out what has never been seen, all of it at once:
            # it would otherwise do so with the first layer, when napari greys out a button.
            docks[0].grab(QRect(0, 0, 1, 1))

    # Sizes are known once the window has been laid out, if it has not been closed by then.
    soon = QTimer(window._qt_window, singleShot=True, interval=0)
    soon.timeout.connect(arrange)
    soon.start()
    if not were_there:
        # Python's collector would go through all that napari is made of, again and again, and
        # hold up the window for a fifth of a second each time.
        gc.collect()
        gc.freeze()
        window._qt_window.destroyed.connect(lambda: gc.unfreeze())


def _docks(viewer: Any, names: Sequence[str]) -> list[Any]:
    """Return those of the named docks that are open."""
    return [dock for name in names if (dock := _find_dock(viewer, name)) is not None]


def raise_dock(viewer: Any, name: str) -> Any:
    """Bring a dock of ours to the front, and open it if needed."""
    dock, bar = open_dock(viewer, name), _bar(viewer)
    if bar is not None:
        bar.show_group_of(name)
    dock.show()
    dock.raise_()
    return dock
