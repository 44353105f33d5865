"""Upright tabs of docks, whose names can be read in a low window too."""

from __future__ import annotations

from collections.abc import Collection

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QTabBar, QWidget

# The roomiest first.
_STYLES = (
    "",
    # Without a gap names run into each other, so letters shrink before it closes.
    "QTabBar::tab { padding: 3px 3px; font-size: 10px; }",
    "QTabBar::tab { padding: 1px 3px; font-size: 10px; }",
    "QTabBar::tab { padding: 0px 2px; font-size: 9px; }",
)


def make_readable(window: QWidget, titles: Collection[str]) -> None:
    """Let all names be read on a window's tabs that bear none but these titles."""
    for bar in window.findChildren(QTabBar):
        names = {bar.tabText(place) for place in range(bar.count())}
        if names and names <= set(titles) and bar.elideMode() != Qt.TextElideMode.ElideNone:
            ReadableTabs(bar, window)


class ReadableTabs(QObject):
    """Smaller letters where names would not fit, and arrows where they still do not.

    Qt itself cuts names short: four of ours would read "S...".

    Parameters
    ----------
    bar : QTabBar
        Of upright tabs.
    parent : QObject
        The window. A bar that Qt has made would not keep what Python makes.
    """

    def __init__(self, bar: QTabBar, parent: QObject) -> None:
        super().__init__(parent)
        self._bar = bar
        self._length = -1
        bar.setElideMode(Qt.TextElideMode.ElideNone)
        bar.installEventFilter(self)
        self._fit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Fit again when the window is made higher or lower."""
        if event.type() == QEvent.Type.Resize and self._bar.height() != self._length:
            self._fit()
        return bool(super().eventFilter(watched, event))

    def _fit(self) -> None:
        self._length = self._bar.height()
        for style in _STYLES:
            self._bar.setStyleSheet(style)
            if self._bar.sizeHint().height() <= self._length:
                return
