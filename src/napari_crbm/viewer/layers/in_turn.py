"""Layers of a dock that are hidden when something is selected in another dock."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QDockWidget, QWidget

from napari_crbm.viewer.layers.points import set_visible


class LayersInTurn(QObject):
    """Hide layers at the next selection in another dock; show them when this dock is raised again.

    They stay until then, so that the canvas can be exported with them.

    Parameters
    ----------
    widget : QWidget
        Content of the dock.
    viewer : napari.components.ViewerModel
    names : tuple of str
        Names of the layers.
    """

    def __init__(self, widget: QWidget, viewer: Any, names: tuple[str, ...]) -> None:
        super().__init__(widget)
        self._widget, self._viewer, self._names = widget, viewer, names
        self._dock: QDockWidget | None = None
        self._in_front = True
        self._set_aside: list[Any] = []
        widget.installEventFilter(self)

    def eventFilter(self, _watched: QObject, event: Any) -> bool:  # noqa: N802
        """Find the dock that holds the widget: it may differ from the last time it was shown."""
        if event.type() == QEvent.Type.Show:
            self._find_dock()
        return False

    def give_way(self) -> None:
        """Hide the layers if another dock is in front, in which something was selected."""
        if self._in_front:
            return
        layers = self._viewer.layers
        shown = [layers[name] for name in self._names if name in layers and layers[name].visible]
        for layer in shown:
            set_visible(layer, False)
        self._set_aside += shown

    def _find_dock(self) -> None:
        part: QWidget | None = self._widget
        while part is not None and not isinstance(part, QDockWidget):
            part = part.parentWidget()
        if part is self._dock:
            return
        if self._dock is not None:
            self._dock.visibilityChanged.disconnect(self._on_front)
        self._dock = part
        if part is not None:
            # Emitted when another tab is chosen, too.
            part.visibilityChanged.connect(self._on_front)

    def _on_front(self, in_front: bool) -> None:
        self._in_front = in_front
        if in_front:
            for layer in self._set_aside:
                if layer in self._viewer.layers:
                    set_visible(layer, True)
            self._set_aside = []
