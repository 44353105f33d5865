"""Legend over the canvas of a window: follows what is shown, and can be switched off."""

from __future__ import annotations

from typing import Any

from qtpy.compat import isalive
from qtpy.QtCore import QObject, Qt, QTimer, Signal
from qtpy.QtGui import QPainter
from qtpy.QtWidgets import QWidget

from napari_crbm.viewer.layers.legend import Line, ink_on, legend_lines, legend_size, paint_legend
from napari_crbm.viewer.parts.saved_fields import recall, store
from napari_crbm.viewer.parts.widget_lifetime import follow
from napari_crbm.viewer.state.workspace import Workspace

_KEPT = "canvas/legend"
# What may change the legend; napari passes on all events of all layers.
_EVENTS = {"visible", "inserted", "removed"}


class CanvasLegend(QObject):
    """Draw the legend over the canvas.

    Emits ``switched(shown)`` for the legend, which is remembered between sessions, and
    ``scale_bar_switched(shown)`` for napari's scale bar.

    Parameters
    ----------
    viewer : napari.Viewer
    workspace : Workspace
    parent : QObject
    """

    switched = Signal(bool)
    scale_bar_switched = Signal(bool)

    def __init__(self, viewer: Any, workspace: Workspace, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer, self._workspace = viewer, workspace
        self.shown = recall(_KEPT) != "False"
        self.lines: list[Line] = []
        self._overlay: _Overlay | None = None
        # Several signals may come at once, and layers change after the workspace.
        self._soon = QTimer(self, interval=0, singleShot=True)
        self._soon.timeout.connect(self.update)
        for signal in (
            workspace.recording_changed,
            workspace.trained_changed,
            workspace.regions_changed,
            workspace.forming_changed,
            workspace.assembly_changed,
            workspace.threshold_changed,
            workspace.neuron_changed,
            workspace.neurons_changed,
            workspace.frame_changed,
            workspace.colouring_changed,
            workspace.palette_changed,
            workspace.region_view.changed,
        ):
            follow(self, signal, self._update_soon)
        viewer.layers.events.connect(self._on_layers)
        #: napari's scale bar.
        self.scale_bar = viewer.canvas.overlays.scale_bar
        self.scale_bar.events.visible.connect(self._on_scale_bar)

    def switch(self, shown: bool) -> None:
        """Show or hide the legend, on the canvas and in pictures of it."""
        if shown != self.shown:
            self.shown = shown
            store(_KEPT, str(shown))
            self.update()
            self.switched.emit(shown)

    def switch_scale_bar(self, shown: bool) -> None:
        """Show or hide the scale bar."""
        self.scale_bar.visible = shown

    def _on_scale_bar(self, _event: Any) -> None:
        if isalive(self):
            self.scale_bar_switched.emit(self.scale_bar.visible)

    def update(self) -> None:
        """Draw the legend of what is shown now."""
        self.lines = lines_of(self._viewer, self._workspace) if self.shown else []
        if self._overlay is None:
            if not self.lines:
                return
            self._overlay = _Overlay(self._viewer.window._qt_viewer.canvas.native)
        self._overlay.show_lines(self.lines, ink_on(self._workspace.palette))

    def _on_layers(self, event: Any) -> None:
        if event.type in _EVENTS and isalive(self):
            self._update_soon()

    def _update_soon(self) -> None:
        self._soon.start()


def lines_of(viewer: Any, workspace: Workspace) -> list[Line]:
    """Return the lines of the legend of a viewer."""
    layers = viewer.layers
    return legend_lines(workspace, lambda name: name in layers and layers[name].visible)


class _Overlay(QWidget):
    """Transparent widget in the upper left corner of the canvas."""

    def __init__(self, canvas: QWidget) -> None:
        super().__init__(canvas)
        self.setObjectName("crbm legend")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._lines: list[Line] = []
        self._ink = "#ffffff"

    def show_lines(self, lines: list[Line], ink: str) -> None:
        """Draw these lines; hide the widget without any."""
        self._lines, self._ink = lines, ink
        self.resize(legend_size(lines).toSize())
        self.setAccessibleName("; ".join(line.text for line in lines))
        self.setVisible(bool(lines))
        self.update()

    def paintEvent(self, _event: Any) -> None:  # noqa: N802
        painter = QPainter(self)
        paint_legend(painter, self._lines, self._ink)
