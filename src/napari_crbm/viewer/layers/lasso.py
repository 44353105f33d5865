"""Lasso: select neurons by drawing around them on the canvas."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject, QPointF, Qt, Signal
from qtpy.QtGui import QColor, QPainter, QPen, QPolygonF
from qtpy.QtWidgets import QWidget

from napari_crbm.schematic import place_neurons
from napari_crbm.viewer.layers.views import slab_bounds
from napari_crbm.viewer.state.workspace import Workspace

_LINE = QColor(255, 237, 90)
_FILL = QColor(255, 237, 90, 40)
_FEWEST_CORNERS = 3


def inside_lasso(
    points: NDArray[np.floating],
    path: NDArray[np.floating],
    view_direction: NDArray[np.floating] | None,
    displayed: tuple[int, ...] = (0, 1, 2),
) -> NDArray[np.bool_]:
    """Return which points lie inside a closed line drawn on the screen, (N,).

    Parameters
    ----------
    points : (N, 3)
        Micrometres, as displayed.
    path : (P, 3)
        Positions of the pointer in the same space, anywhere along the line of sight.
    view_direction : (3,), optional
        Line of sight in three dimensions; None for a view of a plane.
    displayed : tuple of int
        Axes displayed, for a view of a plane.
    """
    from matplotlib.path import Path

    if view_direction is None:
        axes = list(displayed)
        flat, corners = points[:, axes], path[:, axes]
    else:
        across = _across(np.asarray(view_direction, dtype=np.float64))
        flat, corners = points @ across.T, path @ across.T
    low, high = corners.min(axis=0), corners.max(axis=0)
    near = np.flatnonzero(((flat >= low) & (flat <= high)).all(axis=1))
    inside = np.zeros(len(points), dtype=bool)
    inside[near] = Path(np.vstack([corners, corners[:1]])).contains_points(flat[near])
    return inside


def _across(direction: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return two directions perpendicular to the line of sight and each other, (2, 3)."""
    along = direction / np.linalg.norm(direction)
    helper = np.eye(3)[np.abs(along).argmin()]
    first = np.cross(along, helper)
    first /= np.linalg.norm(first)
    return np.stack([first, np.cross(along, first)])


class Lasso(QObject):
    """Mode in which dragging on the canvas selects neurons instead of rotating the view.

    Shift adds to the selection, Alt removes from it. Emits ``active_changed(active)``, and
    ``finished`` after a selection.
    """

    active_changed = Signal(bool)
    finished = Signal()

    def __init__(self, viewer: Any, workspace: Workspace, parent: QObject) -> None:
        super().__init__(parent)
        self.viewer = viewer
        self.workspace = workspace
        self.active = False
        self._overlay: _Overlay | None = None
        viewer.mouse_drag_callbacks.append(self._on_drag)

    def set_active(self, active: bool) -> None:
        """Switch the mode on or off."""
        active = active and self.workspace.recording is not None
        if active == self.active:
            return
        self.active = active
        # Otherwise the view rotates while the user draws.
        self.viewer.scene.camera.mouse_pan = not active
        self.active_changed.emit(active)

    def _on_drag(self, viewer: Any, event: Any) -> Iterator[None]:
        if not self.active or event.button != 1:
            return
        places, pixels = [np.array(event.position)], [tuple(event.pos[:2])]
        modifiers = {str(getattr(key, "name", key)) for key in event.modifiers}
        yield
        while event.type == "mouse_move":
            places.append(np.array(event.position))
            pixels.append(tuple(event.pos[:2]))
            self._draw(pixels)
            yield
        # vispy skips some moves, so the last one reported may lie before the release.
        places.append(np.array(event.position))
        self._draw([])
        if len(places) > _FEWEST_CORNERS:
            self.choose(np.array(places), event, modifiers)

    def choose(self, path: NDArray[np.floating], event: Any, modifiers: set[str]) -> None:
        """Select the visible neurons inside a path of pointer positions (P, 3 or more)."""
        recording = self.workspace.recording
        if recording is None:
            return
        # Time and axes of other layers come before the three of space.
        before = path.shape[1] - 3
        path = path[:, before:]
        displayed = tuple(axis - before for axis in event.dims_displayed if axis >= before)
        flat = len(displayed) < 3
        direction = None if flat else np.asarray(event.view_direction)[before:]
        inside = inside_lasso(place_neurons(recording).points, path, direction, displayed)
        shown = self.workspace.region_view.shown_neurons
        if shown is not None:
            inside &= shown
        if flat:
            hidden = next(axis for axis in range(3) if axis not in displayed)
            low, high = slab_bounds(self.viewer.dims, hidden)
            depth = place_neurons(recording).points[:, hidden]
            inside &= (depth >= low) & (depth <= high)
        found = np.flatnonzero(inside)
        if "Shift" in modifiers:
            found = np.union1d(self.workspace.neurons, found)
        elif "Alt" in modifiers:
            found = np.setdiff1d(self.workspace.neurons, found)
        self.workspace.choose_neurons(found)
        self.finished.emit()

    def _draw(self, pixels: list[tuple[float, float]]) -> None:
        if self._overlay is None:
            canvas = self.viewer.window._qt_viewer.canvas.native
            self._overlay = _Overlay(canvas)
        self._overlay.show_line(pixels)


class _Overlay(QWidget):
    """Transparent widget over the canvas, on which the line is drawn."""

    def __init__(self, canvas: QWidget) -> None:
        super().__init__(canvas)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._line: list[tuple[float, float]] = []

    def show_line(self, line: list[tuple[float, float]]) -> None:
        """Draw a closed line; hide the widget if it is empty."""
        self._line = line
        self.resize(self.parentWidget().size())
        self.setVisible(bool(line))
        self.raise_()
        self.update()

    def paintEvent(self, _event: Any) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(_LINE, 1.5))
        painter.setBrush(_FILL)
        painter.drawPolygon(QPolygonF([QPointF(*point) for point in self._line]))
