"""Keys that work anywhere in the window; also what the *Start* dock lists."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QShortcut, QWidget

from napari_crbm.viewer.layers.lasso import Lasso
from napari_crbm.viewer.state.workspace import Workspace


class Shortcut(NamedTuple):
    """A key and what it does."""

    keys: str
    act: Callable[[Workspace, Lasso], object]


SHORTCUTS = (
    Shortcut("Alt+PgDown", lambda workspace, _: workspace.step_assembly(1)),
    Shortcut("Alt+PgUp", lambda workspace, _: workspace.step_assembly(-1)),
    Shortcut("Alt+Left", lambda workspace, _: workspace.undo()),
    Shortcut("Alt+Right", lambda workspace, _: workspace.redo()),
    Shortcut("Ctrl+Shift+L", lambda _, lasso: lasso.set_active(not lasso.active)),
)

# Keys in words; those that need the focus in a table, a plot or the canvas too.
_HELP = (
    ("Alt+PgUp, PgDown", "flip through assemblies"),
    ("Alt+Left, Right", "undo, redo a choice"),
    ("Arrow keys", "flip in table or gallery"),
    ("Ctrl- or Shift-click", "several assemblies"),
    ("P   ,   .   &lt;   &gt;", "Time: play, step, peaks"),
    ("Ctrl+Shift+L", "lasso; Shift: add, Alt: drop"),
)


def install_shortcuts(window: QWidget, workspace: Workspace, lasso: Lasso) -> None:
    """Bind the keys to a window, for as long as it lives."""
    for shortcut in SHORTCUTS:
        key = QShortcut(QKeySequence(shortcut.keys), window)
        key.setContext(Qt.ShortcutContext.WindowShortcut)
        key.activated.connect(lambda act=shortcut.act: act(workspace, lasso))


def help_text() -> str:
    """All keys as a table in rich text."""
    cells = "".join(
        f"<tr><td style='padding-right:12px'><b>{keys}</b></td><td>{what}</td></tr>"
        for keys, what in _HELP
    )
    return f"<table>{cells}</table>"
