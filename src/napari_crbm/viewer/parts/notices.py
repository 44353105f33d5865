"""Sentences for the person, whole and for as long as it takes to read them.

napari folds a message to its first line and takes it away after four seconds.
"""

from __future__ import annotations

from typing import Any

from napari.utils import notifications
from qtpy.QtWidgets import QApplication

_PER_LETTER_MS = 70


def show_error(message: str) -> None:
    """Say what went wrong and what to do."""
    notifications.show_error(message)
    _unfold(message)


def show_warning(message: str) -> None:
    """Say what to beware of."""
    notifications.show_warning(message)
    _unfold(message)


def show_info(message: str) -> None:
    """Say what was done."""
    notifications.show_info(message)
    _unfold(message)


def _unfold(message: str) -> None:
    from napari._qt.dialogs.qt_notification import NapariQtNotification

    application = QApplication.instance()
    for window in application.topLevelWidgets() if application is not None else ():
        for note in window.findChildren(NapariQtNotification):
            if note.message.text() == message and not note.property("expanded"):
                _read_whole(note, message)


def _read_whole(note: Any, message: str) -> None:
    note.timer.setInterval(max(note.DISMISS_AFTER, _PER_LETTER_MS * len(message)))
    label = note.message
    if label.fontMetrics().horizontalAdvance(message) > label.width():
        # It is still sliding in.
        note.geom_anim.finished.connect(lambda: note.property("expanded") or note.expand())
