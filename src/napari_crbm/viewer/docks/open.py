"""Open docks, one or all of them, and lay them out as tabs on the right."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from typing import Any

PLUGIN = "napari-crbm"
EVERYTHING = "Open everything"
WIDGETS = (
    EVERYTHING,
    "Recording",
    "Anatomy",
    "Preprocess",
    "Train",
    "Sweep",
    "Assemblies",
    "Neurons",
    "Time",
    "States",
    "Tuning",
    "Statistics",
    "Connectivity",
    "Compare",
    "Export",
)
#: Docks that only open individually, for example from the Start or the Assemblies dock.
SINGLE = ("Simulate", "Reproducibility", "What if")
DOCK_WIDTH_PX = 420
# Titles that differ from the entry in the menu.
_TITLES = {EVERYTHING: "Start"}


def is_docked(viewer: Any) -> bool:
    """Return whether all docks of `dock_everything` are open."""
    return all(_find_dock(viewer, name) is not None for name in WIDGETS)


def _find_dock(viewer: Any, name: str) -> Any:
    """Return the open dock with one of our widgets, or None.

    napari itself does not recognise a dock that was opened from the menu, where it bears
    the name of the plugin that people see.
    """
    from qtpy.QtWidgets import QDockWidget

    names = (name, _TITLES.get(name, name))
    for dock in viewer.window._qt_window.findChildren(QDockWidget):
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
    title = _TITLES.get(name, name)
    dock.setWindowTitle(title)
    for label in dock.titleBarWidget().findChildren(QLabel):
        if label.text().startswith(name):
            label.setText(title)
    # There are tabs once the window has been laid out, if it has not been closed by then.
    titles = [_TITLES.get(each, each) for each in (*WIDGETS, *SINGLE)]
    soon = QTimer(dock, singleShot=True, interval=0)
    soon.timeout.connect(lambda: make_readable(viewer.window._qt_window, titles))
    soon.start()
    return dock


def _make_controls(viewer: Any) -> None:
    """Let napari make its layer controls now, so that the first points layer is quick."""
    import numpy as np

    from napari_crbm.viewer.layers.points import SPACE

    if not viewer.layers:
        viewer.layers.remove(viewer.add_points(np.empty((0, 3)), **SPACE))


def dock_everything(viewer: Any) -> list[Any]:
    """Dock all widgets on the right, as tabs; the first one in front."""
    for _ in docking(viewer):
        pass
    return [open_dock(viewer, name) for name in WIDGETS]


def docking(viewer: Any) -> Iterator[None]:
    """Dock one widget after the other; the window can respond between two of them."""
    from qtpy.QtCore import QRect, Qt, QTimer
    from qtpy.QtWidgets import QTabWidget

    window = viewer.window
    were_there = is_docked(viewer)
    # Vertical tabs have room for all names.
    window._qt_window.setTabPosition(
        Qt.DockWidgetArea.RightDockWidgetArea, QTabWidget.TabPosition.East
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
        docks = _docks(viewer, WIDGETS)
        if docks:
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
    dock = open_dock(viewer, name)
    dock.show()
    dock.raise_()
    return dock
