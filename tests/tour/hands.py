"""What a person does with mouse and files, as Qt delivers it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from qtpy.QtCore import QEvent, QMimeData, QPointF, Qt, QTimer, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent, QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QWidget

_LEFT, _NONE = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
# vispy leaves out moves within 10 ms of the last one, napari within 5 ms.
_MOVE_MS = 16
_PLAIN = Qt.KeyboardModifier.NoModifier


def in_the_loop(act: Callable[[], Any]) -> None:
    """Do something from the event loop, as all that a person does."""
    QTimer.singleShot(0, act)


def drop(target: QWidget, path: Path) -> None:
    """Drag a file over a widget and let it go."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    place, action = QPointF(200, 200), Qt.DropAction.CopyAction
    QApplication.sendEvent(target, QDragEnterEvent(place.toPoint(), action, data, _LEFT, _PLAIN))
    QApplication.sendEvent(target, QDropEvent(place, action, data, _LEFT, _PLAIN))


def mouse(canvas: QWidget, kind: QEvent.Type, place: QPointF, button: Any, held: Any) -> None:
    event = QMouseEvent(kind, place, canvas.mapToGlobal(place), button, held, _PLAIN)
    QApplication.sendEvent(canvas, event)
    QApplication.processEvents()


def click(canvas: QWidget, place: QPointF) -> None:
    """Press and release at one place."""
    mouse(canvas, QEvent.Type.MouseMove, place, _NONE, _NONE)
    mouse(canvas, QEvent.Type.MouseButtonPress, place, _LEFT, _LEFT)
    mouse(canvas, QEvent.Type.MouseButtonRelease, place, _LEFT, _NONE)


def draw_around(canvas: QWidget, centre: QPointF, radius: float) -> None:
    """Press, draw a circle and release."""
    angles = np.linspace(0, 6.2, 30)
    places = [centre + QPointF(radius * np.cos(a), radius * np.sin(a)) for a in angles]
    mouse(canvas, QEvent.Type.MouseButtonPress, places[0], _LEFT, _LEFT)
    for place in places[1:]:
        # As fast as a hand: what comes sooner is no move to vispy, and of a circle that is
        # drawn within a few of these only some corners would be left.
        QTest.qWait(_MOVE_MS)
        mouse(canvas, QEvent.Type.MouseMove, place, _NONE, _LEFT)
    mouse(canvas, QEvent.Type.MouseButtonRelease, places[-1], _LEFT, _NONE)


def place_on_canvas(viewer: Any, point: np.ndarray) -> QPointF:
    """Where a point of the brain (z, y, x) is on the canvas."""
    layer = viewer.layers["Neurons"]
    node = viewer.window._qt_viewer.canvas.layer_to_visual[layer].node
    transform = node.get_transform("visual", "canvas")
    x, y, _, w = transform.map(np.append(np.asarray(point)[::-1], 1.0))
    return QPointF(x / w, y / w)
