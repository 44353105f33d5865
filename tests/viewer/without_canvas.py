"""A viewer with layers, dimensions and a window, but no canvas that draws them.

napari takes a second to make the canvas of a window and the drawings of each layer. Tests of a
dock look at the dock and at what is in the layers; what is drawn has tests of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from napari.components import ViewerModel
from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QApplication, QMainWindow, QWidget


class ViewerWithoutCanvas(ViewerModel):
    """Viewer model with a window of which docks can be children."""

    _window: Any = None

    def __init__(self) -> None:
        super().__init__(title="without a canvas")
        self._window = _Window()

    @property
    def window(self) -> Any:
        """The window, with those parts of napari's that the plugin uses."""
        return self._window

    def close(self) -> None:
        """Remove the layers and delete the window."""
        self.layers.clear()
        self._window._qt_window.deleteLater()


class _Window:
    def __init__(self) -> None:
        self._qt_window = QMainWindow()
        self._qt_viewer = QWidget(self._qt_window)
        self._qt_viewer.canvas = SimpleNamespace(native=QWidget(self._qt_viewer))  # type: ignore[attr-defined]


@pytest.fixture
def viewer(request, qtbot) -> Iterator[Any]:
    """A viewer without a canvas; napari's own for tests that are marked with ``canvas``."""
    if request.node.get_closest_marker("canvas"):
        yield request.getfixturevalue("make_napari_viewer")()
        return
    viewer = ViewerWithoutCanvas()
    yield viewer
    viewer.close()
    # Deleting the window ends all background work of the viewer.
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
