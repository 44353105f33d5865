"""Delete closed docks and disconnect their callbacks.

napari only removes the content from a dock that is closed. The widget would live on, unseen,
and still react to every change of the workspace.
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
    """Connect a method of a listener to a signal, until Qt deletes the listener."""
    reference = WeakMethod(act)
    signal.connect(act)

    def forget() -> None:
        known = reference()
        if known is not None:
            signal.disconnect(known, missing_ok=True)

    listener.destroyed.connect(forget)


class DeleteOnClose(QObject):
    """Delete a widget when it has been removed from its dock.

    Parameters
    ----------
    widget : QWidget
    leave : callable, optional
        Called first, to remove what the widget shows elsewhere in the window.
    """

    def __init__(self, widget: QWidget, leave: Callable[[], None] | None = None) -> None:
        super().__init__(widget)
        self._widget, self._leave = widget, leave
        self._timer = QTimer(self, singleShot=True, interval=0)
        self._timer.timeout.connect(self._go)
        widget.installEventFilter(self)

    def _go(self) -> None:
        # It may have been moved into another dock.
        if self._widget.parent() is None:
            if self._leave is not None:
                self._leave()
            self._widget.deleteLater()

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """React when the widget gets another parent, or none."""
        if event.type() == QEvent.Type.ParentChange:
            self._timer.start()
        return False


@contextmanager
def ignore_deleted_widgets() -> Iterator[None]:
    """Ignore errors of widgets that have been deleted."""
    try:
        yield
    except RuntimeError as error:
        # The word that PyQt and PySide use for objects that Qt has deleted.
        if "deleted" not in str(error):
            raise
