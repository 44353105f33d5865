"""Messages over the canvas, shown in full and for as long as it takes to read them.

napari folds a message to its first line, closes it after four seconds, and stacks messages
over the canvas. Here a new message replaces earlier ones that only inform, and no more than
two stay at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from napari.utils import notifications
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication
from superqt.utils import ensure_main_thread

from napari_crbm.viewer.parts.option_words import in_words_of_the_viewer

_PER_LETTER_MS = 70
_MOST_SHOWN = 2
_INFO = "info"
_SEVERITY = "napari_crbm_severity"
_OURS = str(Path(__file__).parents[2])


def show_error(message: str) -> None:
    """Show what went wrong and what to do."""
    message = in_words_of_the_viewer(message)
    notifications.show_error(message)
    _unfold(message, "error")


def show_warning(message: str) -> None:
    """Show a warning."""
    message = in_words_of_the_viewer(message)
    notifications.show_warning(message)
    _unfold(message, "warning")


def show_info(message: str) -> None:
    """Show what was done."""
    message = in_words_of_the_viewer(message)
    notifications.show_info(message)
    _unfold(message, "info")


@cache
def translate_warnings() -> None:
    """Show warnings of the library as `show_warning` does, from now on in all viewers."""
    notifications.notification_manager.notification_ready.connect(_translate)


def _translate(notification: Any) -> None:
    """Put a warning of the library into the words of the viewer before napari shows it."""
    if not str(getattr(notification, "filename", "")).startswith(_OURS):
        return
    notification.message = in_words_of_the_viewer(str(notification.message))
    if QApplication.instance() is not None:
        _unfold_later(notification.message)


@ensure_main_thread
def _unfold_later(message: str) -> None:
    # napari shows it after this. Warnings come from threads that have no timers.
    QTimer.singleShot(0, lambda: _unfold(message, "warning"))


def _unfold(message: str, severity: str) -> None:
    """Show the newest message in full, and close earlier ones that would cover the canvas."""
    notes = _open_notes()
    for note in notes:
        if note.message.text() == message and not note.property("expanded"):
            note.setProperty(_SEVERITY, severity)
            _read_whole(note, message)
    shown = [(str(note.property(_SEVERITY)), note) for note in notes if note.property(_SEVERITY)]
    for note in superseded(shown):
        note.close()


def superseded(shown: Sequence[tuple[str, Any]]) -> list[Any]:
    """Return the messages to close: information before the newest, then the oldest.

    Parameters
    ----------
    shown : sequence of (severity, message)
        Oldest first.
    """
    earlier = shown[:-1]
    closed = [note for severity, note in earlier if severity == _INFO]
    stay = [note for severity, note in earlier if severity != _INFO]
    return closed + stay[: max(0, len(stay) + 1 - _MOST_SHOWN)]


def _open_notes() -> list[Any]:
    """Return napari's messages that are open in any window, oldest first."""
    from napari._qt.dialogs.qt_notification import NapariQtNotification

    application = QApplication.instance()
    windows = application.topLevelWidgets() if application is not None else ()
    return [
        note
        for window in windows
        for note in window.findChildren(NapariQtNotification)
        if note.isVisible()
    ]


def _read_whole(note: Any, message: str) -> None:
    note.timer.setInterval(max(note.DISMISS_AFTER, _PER_LETTER_MS * len(message)))
    label = note.message
    if label.fontMetrics().horizontalAdvance(message) > label.width():
        # It is still being animated.
        note.geom_anim.finished.connect(lambda: note.property("expanded") or note.expand())
