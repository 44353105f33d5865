"""Delete closed docks and disconnect their callbacks.

napari only removes the content from a dock that is closed. The widget would live on, unseen,
and still react to every change of the workspace.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from inspect import Parameter, signature
from typing import Any
from weakref import WeakMethod, ref

from psygnal import SignalInstance
from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtWidgets import QWidget


class _Following:
    """A connection of a signal to a method of a listener, kept by the listener.

    Qt and psygnal keep weak references to methods of a Python object, but Qt keeps strong ones to
    functions. A function could therefore run while Python collects the listener.
    """

    def __init__(self, listener: QObject, signal: SignalInstance, act: Callable[..., Any]) -> None:
        self._listener, self._act, self._signal = ref(listener), WeakMethod(act), signal
        self._n_values = _n_values(act)
        signal.connect(self.pass_on)
        listener.destroyed.connect(self.end)

    def pass_on(self, *values: Any) -> None:
        listener, act = self._listener(), self._act()
        # Other callbacks during the destruction of the listener may emit the signal again.
        if listener is not None and act is not None and isalive(listener):
            act(*values[: self._n_values])

    def end(self) -> None:
        self._signal.disconnect(self.pass_on, missing_ok=True)


def _n_values(act: Callable[..., Any]) -> int | None:
    """Return how many values of a signal a method takes; None for all."""
    kinds = [parameter.kind for parameter in signature(act).parameters.values()]
    if Parameter.VAR_POSITIONAL in kinds:
        return None
    positional = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    return sum(kind in positional for kind in kinds)


def follow(listener: QObject, signal: SignalInstance, act: Callable[..., Any]) -> None:
    """Connect a method of a listener to a signal, until Qt deletes the listener."""
    vars(listener).setdefault("_followed", []).append(_Following(listener, signal, act))


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
