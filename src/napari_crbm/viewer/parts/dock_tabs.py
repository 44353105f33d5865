"""Tabs of docks: smaller letters in narrow docks, so that names are not cut."""

from __future__ import annotations

from collections.abc import Collection

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QTabBar, QWidget

# The most spacious first.
_STYLES = (
    "",
    # Names need a gap between them, so letters shrink before padding goes.
    "QTabBar::tab { padding: 3px 3px; font-size: 10px; }",
    "QTabBar::tab { padding: 1px 3px; font-size: 10px; }",
    "QTabBar::tab { padding: 0px 2px; font-size: 9px; }",
)

_CHANGES = (QEvent.Type.Resize, QEvent.Type.LayoutRequest, QEvent.Type.Paint)


def make_readable(window: QWidget, titles: Collection[str]) -> None:
    """Fit the tab bars of a window whose tabs all have one of these titles."""
    for bar in window.findChildren(QTabBar):
        names = {bar.tabText(place) for place in range(bar.count())}
        if names and names <= set(titles) and bar.elideMode() != Qt.TextElideMode.ElideNone:
            ReadableTabs(bar, window)


class ReadableTabs(QObject):
    """Shrink the letters of tabs until all names fit; show arrows if they still do not.

    Qt itself elides names: four docks would be called "S...".

    Parameters
    ----------
    bar : QTabBar
        With tabs side by side.
    parent : QObject
        The window, which keeps this object alive.
    """

    def __init__(self, bar: QTabBar, parent: QObject) -> None:
        super().__init__(parent)
        self._bar = bar
        self._fitted = (-1, 0)
        bar.setElideMode(Qt.TextElideMode.ElideNone)
        bar.installEventFilter(self)
        self._fit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Fit again when the width of the docks or the number of tabs has changed."""
        if event.type() in _CHANGES and (self._bar.width(), self._bar.count()) != self._fitted:
            self._fit()
        return bool(super().eventFilter(watched, event))

    def _fit(self) -> None:
        self._fitted = (self._bar.width(), self._bar.count())
        for style in _STYLES:
            self._bar.setStyleSheet(style)
            if self._bar.sizeHint().width() <= self._bar.width():
                return
