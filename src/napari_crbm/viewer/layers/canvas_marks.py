"""Letters of the directions and names of regions over the canvas of a window."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.compat import isalive
from qtpy.QtCore import QObject, Qt, QTimer
from qtpy.QtGui import QPainter
from qtpy.QtWidgets import QWidget

from napari_crbm.viewer.layers.legend import ink_on
from napari_crbm.viewer.layers.marks import (
    COMPASS_MARGIN_PX,
    COMPASS_PX,
    letters,
    names_box,
    orientation_is_known,
    paint_letters,
    paint_names,
    region_names,
)
from napari_crbm.viewer.parts.saved_fields import recall, store
from napari_crbm.viewer.parts.widget_lifetime import follow
from napari_crbm.viewer.state.marks import marks_of
from napari_crbm.viewer.state.workspace import Workspace

_KEPT = {"orientation": "canvas/orientation", "region_names": "canvas/region_names"}
_CAMERA = ("center", "zoom", "angles", "perspective", "orientation")
_DIMS = ("ndisplay", "order", "point", "margin_left", "margin_right")


class CanvasMarks(QObject):
    """Draw letters and names over the canvas, and let them follow the camera.

    Parameters
    ----------
    viewer : napari.Viewer
    workspace : Workspace
    parent : QObject
    """

    def __init__(self, viewer: Any, workspace: Workspace, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer, self._workspace = viewer, workspace
        self._marks = marks_of(workspace)
        self._marks.switch(**{name: recall(key) != "False" for name, key in _KEPT.items()})
        self._compass: _Painted | None = None
        self._names: _Painted | None = None
        # Moving the camera changes several of its properties at once.
        self._soon = QTimer(self, interval=0, singleShot=True)
        self._soon.timeout.connect(self.update)
        for signal in (
            workspace.recording_changed,
            workspace.regions_changed,
            workspace.palette_changed,
            workspace.region_view.changed,
        ):
            follow(self, signal, self._update_soon)
        follow(self, self._marks.changed, self._on_switch)
        scene, dims = viewer.scene.camera.events, viewer.dims.events
        for emitter in (*(getattr(scene, n) for n in _CAMERA), *(getattr(dims, n) for n in _DIMS)):
            emitter.connect(self._on_view)
        viewer.canvas.events.size.connect(self._on_view)

    def _on_switch(self) -> None:
        for name, key in _KEPT.items():
            store(key, str(getattr(self._marks, name)))
        self._update_soon()

    def _on_view(self, _event: Any = None) -> None:
        if isalive(self):
            self._update_soon()

    def _update_soon(self) -> None:
        self._soon.start()

    def update(self) -> None:
        """Draw letters and names for the present view."""
        self._show_letters()
        self._show_names()

    def _show_letters(self) -> None:
        recording = self._workspace.recording
        found = letters(self._viewer, recording) if self._marks.orientation else []
        if self._compass is None:
            if not found:
                return
            self._compass = _Painted(self._canvas, "crbm directions")
        if recording is None or not found:
            self._compass.hide()
            return
        ink, known = (
            ink_on(self._workspace.palette),
            orientation_is_known(recording, self._workspace.placed),
        )
        side, left = COMPASS_PX, COMPASS_MARGIN_PX
        self._compass.setGeometry(left, self._canvas.height() - side - left, side, side)
        self._compass.setAccessibleName(
            f"Directions: {', '.join(letter.text for letter in found)}"
            + ("" if known else " (assumed)")
        )
        self._compass.paint(lambda painter: paint_letters(painter, found, ink, known=known))

    def _show_names(self) -> None:
        found = region_names(self._viewer, self._workspace) if self._marks.region_names else []
        if self._names is None:
            if not found:
                return
            self._names = _Painted(self._canvas, "crbm region names")
        if not found:
            self._names.hide()
            return
        box, ink = names_box(found).toAlignedRect(), ink_on(self._workspace.palette)
        self._names.setGeometry(box)
        self._names.setAccessibleName(", ".join(name.text for name in found))

        def paint(painter: QPainter) -> None:
            painter.translate(-box.left(), -box.top())
            paint_names(painter, found, ink)

        self._names.paint(paint)

    @property
    def _canvas(self) -> QWidget:
        canvas: QWidget = self._viewer.window._qt_viewer.canvas.native
        return canvas


class _Painted(QWidget):
    """Transparent widget over the canvas."""

    def __init__(self, canvas: QWidget, name: str) -> None:
        super().__init__(canvas)
        self.setObjectName(name)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._act: Callable[[QPainter], None] | None = None

    def paint(self, act: Callable[[QPainter], None]) -> None:
        """Show what ``act(painter)`` draws."""
        self._act = act
        self.show()
        self.update()

    def paintEvent(self, _event: Any) -> None:  # noqa: N802
        if self._act is not None:
            painter = QPainter(self)
            self._act(painter)
