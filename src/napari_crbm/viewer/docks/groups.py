"""Groups of docks in the order of the work, and the bar that shows one group at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from qtpy.QtCore import Qt, QTimer
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QButtonGroup, QDockWidget, QShortcut, QSizePolicy, QToolBar, QToolButton

from napari_crbm.viewer.parts.keys import native_text
from napari_crbm.viewer.parts.style import follow_theme

EVERYTHING = "Open everything"
#: Titles that differ from the entry in napari's menu.
TITLES = {EVERYTHING: "Start"}
_BUTTON_PX = (70, 38)


class Group(NamedTuple):
    """Docks that are shown together, as tabs.

    ``single`` docks open on request only, from the Start or another dock.
    """

    title: str
    purpose: str
    docks: tuple[str, ...]
    single: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        """Names of all docks of the group."""
        return (*self.docks, *self.single)


GROUPS = (
    Group("Start", "The next step, and the way from file to figure", (EVERYTHING,)),
    Group("Data", "The recording", ("Recording", "Anatomy", "Preprocess"), ("Simulate",)),
    Group(
        "Model", "Find assemblies and check them", ("Train", "Sweep", "Statistics"),
        ("Reproducibility",),
    ),
    Group(
        "Explore", "Assemblies in the brain and in time",
        ("Assemblies", "Neurons", "Time", "States", "Tuning"), ("What if", "Dreams"),
    ),
    Group("Compare", "Regions, models and animals", ("Connectivity", "Compare")),
    Group("Publish", "Figures, tables and movies", ("Figure", "Export")),
)  # fmt: skip


def group_of(dock: str) -> int:
    """Return the place in `GROUPS` of the group that a dock belongs to."""
    return next(place for place, group in enumerate(GROUPS) if dock in group.all)


class GroupBar(QToolBar):
    """One button for each group of docks, at the right edge of the window.

    A click, or Ctrl and a number, shows the docks of that group as tabs and hides those of the
    others. Docks that were moved away from the right side, or float, always stay visible.

    Parameters
    ----------
    viewer : napari.Viewer
    find : callable
        Returns the open dock of a name, or None.
    show : callable
        Shows the dock of a name in front, and opens it if needed.
    """

    def __init__(self, viewer: Any, find: Callable[[str], Any], show: Callable[[str], Any]) -> None:
        window = viewer.window._qt_window
        super().__init__("Groups of docks", window)
        # A reference to the window would keep it alive after it has been closed.
        self._find, self._show = find, show
        self._front: dict[int, str] = {}
        self._soon = QTimer(self, singleShot=True, interval=0)
        self._soon.timeout.connect(self._go_with_the_last)
        #: Place of the shown group in `GROUPS`.
        self.shown = 0
        self.setObjectName("napari_crbm_groups")
        self.setMovable(False)
        self.toggleViewAction().setVisible(False)
        self.setOrientation(Qt.Orientation.Vertical)
        self.buttons: list[QToolButton] = []
        self.keys: list[QShortcut] = []
        only_one = QButtonGroup(self)
        for place, group in enumerate(GROUPS):
            keys = QKeySequence(f"Ctrl+{place + 1}")
            made = QToolButton(self)
            made.setText(group.title)
            made.setCheckable(True)
            made.setMinimumSize(*_BUTTON_PX)
            made.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            made.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            titles = ", ".join(TITLES.get(name, name) for name in group.docks)
            tip = f"{group.purpose}: {titles} ({native_text(keys)})."
            made.setToolTip(tip)
            made.setAccessibleName(group.title)
            made.setAccessibleDescription(tip)
            made.clicked.connect(lambda *_, place=place: self.open(place))
            key = QShortcut(keys, window)
            key.activated.connect(lambda place=place: self.open(place))
            self.destroyed.connect(key.deleteLater)
            self.keys.append(key)
            only_one.addButton(made)
            self.addWidget(made)
            self.buttons.append(made)
        window.addToolBar(Qt.ToolBarArea.RightToolBarArea, self)
        self.buttons[0].setChecked(True)
        follow_theme(self, viewer, self._colour)

    def _colour(self, theme: Any) -> None:
        """Mark the shown group by bold letters and a line, not by colour alone."""
        shade, line = theme.secondary.as_hex(), theme.text.as_hex()
        self.setStyleSheet(
            "QToolButton { border: none; border-left: 3px solid transparent; padding: 2px; }"
            f"QToolButton:hover, QToolButton:focus {{ background: {shade}; }}"
            f"QToolButton:checked {{ font-weight: bold; background: {shade};"
            f" border-left: 3px solid {line}; }}"
        )

    def follow(self, dock: QDockWidget) -> None:
        """Remove the bar when this dock was the last one and has been closed."""
        dock.destroyed.connect(self._soon.start)

    def _go_with_the_last(self) -> None:
        if not any(self._find(name) is not None for group in GROUPS for name in group.all):
            self.parent().removeToolBar(self)
            self.deleteLater()

    def open(self, place: int) -> None:
        """Show a group, with the dock in front that was in front last."""
        group = GROUPS[place]
        open_ones = [name for name in group.all if self._find(name) is not None]
        wanted = open_ones or group.docks
        front = self._front.get(place, wanted[0])
        self._show(front if front in wanted else wanted[0])

    def show_group_of(self, name: str) -> None:
        """Show the open docks of the group that a dock belongs to, and hide the other groups."""
        for each in GROUPS[self.shown].all:
            dock = self._find(each)
            if dock is not None and not dock.visibleRegion().isEmpty():
                self._front[self.shown] = each
        self.shown = group_of(name)
        self.buttons[self.shown].setChecked(True)
        # First the new ones, so that the brain keeps its size.
        for place in (self.shown, *range(len(GROUPS))):
            group = GROUPS[place]
            for each in group.all:
                dock = self._find(each)
                if dock is not None and self._is_here(dock):
                    dock.setVisible(place == self.shown)

    def _is_here(self, dock: QDockWidget) -> bool:
        """Whether a dock is among the tabs on the right, not floating or moved elsewhere."""
        right = Qt.DockWidgetArea.RightDockWidgetArea
        return not dock.isFloating() and self.parent().dockWidgetArea(dock) == right
