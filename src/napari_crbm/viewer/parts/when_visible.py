"""Work that waits until somebody looks.

Qt calls a dock behind other tabs visible; it only lies outside the window. What is painted
is seen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtWidgets import QWidget


class WhenVisible(QObject):
    """Call a function when a widget is next seen, at most once a request.

    Parameters
    ----------
    widget : QWidget
    act : callable
        Called from the event loop.
    """

    def __init__(self, widget: QWidget, act: Callable[[], None]) -> None:
        super().__init__(widget)
        self._widget = widget
        self._due = False
        self._timer = QTimer(self, singleShot=True, interval=0)
        self._timer.timeout.connect(act)
        widget.installEventFilter(self)

    def request(self) -> None:
        """Ask for the call: at once if the widget is seen, else when it will be."""
        self._due = self._widget.visibleRegion().isEmpty()
        if not self._due:
            self._timer.start()

    def cancel(self) -> None:
        """Take the request back."""
        self._due = False
        self._timer.stop()

    def eventFilter(self, _watched: QObject, event: Any) -> bool:  # noqa: N802
        """Notice that the widget is painted."""
        if self._due and event.type() == QEvent.Type.Paint:
            self._due = False
            self._timer.start()
        return False
