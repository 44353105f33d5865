"""Keys that work anywhere in the window; also what the *Start* dock lists."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QShortcut, QWidget

if TYPE_CHECKING:
    from napari_crbm.viewer.home import Home


class Shortcut(NamedTuple):
    """A key, what it does in words, and in deed."""

    keys: str
    what: str
    act: Callable[[Home], object]


SHORTCUTS = (
    Shortcut("Alt+PgDown", "next assembly", lambda home: home.workspace.step_assembly(1)),
    Shortcut("Alt+PgUp", "previous assembly", lambda home: home.workspace.step_assembly(-1)),
    Shortcut("Alt+Left", "back to what was chosen before", lambda home: home.workspace.undo()),
    Shortcut("Alt+Right", "forward again", lambda home: home.workspace.redo()),
    Shortcut(
        "Ctrl+Shift+L",
        "lasso on or off",
        lambda home: home.lasso.set_active(not home.lasso.active),
    ),
)

#: Keys that need the focus in a table, a plot or the canvas.
ELSEWHERE = (
    ("Arrow keys", "flip through the table or the gallery of assemblies"),
    ("Ctrl- or Shift-click", "several assemblies at once, overlap in white"),
    ("P   ,   .   &lt;   &gt;", "in the Time dock: play, step a frame, jump between peaks"),
    ("Shift, Alt", "with the lasso: add neurons, take neurons away"),
)


def install_shortcuts(window: QWidget, home: Home) -> None:
    """Bind the keys to a window, for as long as it lives."""
    for shortcut in SHORTCUTS:
        key = QShortcut(QKeySequence(shortcut.keys), window)
        key.setContext(Qt.ShortcutContext.WindowShortcut)
        key.activated.connect(lambda act=shortcut.act: act(home))


def help_text() -> str:
    """All keys as a table in rich text."""
    rows = [(shortcut.keys, shortcut.what) for shortcut in SHORTCUTS]
    cells = "".join(
        f"<tr><td style='padding-right:12px'><b>{keys}</b></td><td>{what}</td></tr>"
        for keys, what in (*rows, *ELSEWHERE)
    )
    return f"<table>{cells}</table>"
