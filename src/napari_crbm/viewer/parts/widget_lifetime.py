"""Docks that are closed go, and hear of nothing any more.

napari only takes what lies in a dock out of it. Nobody would see it again, but it would go on
to follow the workspace.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakMethod

from psygnal import SignalInstance
from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtWidgets import QWidget


def follow(listener: QObject, signal: SignalInstance, act: Callable[..., Any]) -> None:
    """Call a method of a listener with every signal, until Qt deletes the listener."""
    reference = WeakMethod(act)
    signal.connect(act)

    def forget() -> None:
        known = reference()
        if known is not None:
            signal.disconnect(known, missing_ok=True)

    listener.destroyed.connect(forget)


class DeleteOnClose(QObject):
    """Delete a widget once it has been taken out of the dock it lay in.

    Parameters
    ----------
    widget : QWidget
    leave : callable, optional
        Called before: takes away what the widget alone shows elsewhere in the window.
    """

    def __init__(self, widget: QWidget, leave: Callable[[], None] | None = None) -> None:
        super().__init__(widget)
        self._widget, self._leave = widget, leave
        self._timer = QTimer(self, singleShot=True, interval=0)
        self._timer.timeout.connect(self._go)
        widget.installEventFilter(self)

    def _go(self) -> None:
        # It may have been put elsewhere.
        if self._widget.parent() is None:
            if self._leave is not None:
                self._leave()
            self._widget.deleteLater()

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Notice that the widget has another parent, or none."""
        if event.type() == QEvent.Type.ParentChange:
            self._timer.start()
        return False


@contextmanager
def ignore_deleted_widgets() -> Iterator[None]:
    """Leave off what would touch a widget that has been closed."""
    try:
        yield
    except RuntimeError as error:
        # As both bindings say, of an object that only Python still knows.
        if "deleted" not in str(error):
            raise
