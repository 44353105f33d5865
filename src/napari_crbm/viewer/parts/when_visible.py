"""Work that waits until its widget is visible.

Qt also calls a dock behind other tabs visible: it lies outside of the window. Only what is
painted is on the screen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtWidgets import QWidget


class WhenVisible(QObject):
    """Call a function when a widget is next on the screen, at most once per request.

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
        """Request the call: at once if the widget is on the screen, else when it is painted."""
        self._due = self._widget.visibleRegion().isEmpty()
        if not self._due:
            self._timer.start()

    def cancel(self) -> None:
        """Cancel the request."""
        self._due = False
        self._timer.stop()

    def eventFilter(self, _watched: QObject, event: Any) -> bool:  # noqa: N802
        """React when the widget is painted."""
        if self._due and event.type() == QEvent.Type.Paint:
            self._due = False
            self._timer.start()
        return False
