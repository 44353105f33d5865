"""Keyboard shortcuts of the window, and the help text on them for the *Start* dock."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QShortcut, QWidget

from napari_crbm.viewer.layers.lasso import Lasso
from napari_crbm.viewer.layers.views import VIEWS, BrainView
from napari_crbm.viewer.parts.keys import modifier_text, native_text
from napari_crbm.viewer.state.workspace import Workspace


class Shortcut(NamedTuple):
    """A key, a description of its effect, and the function that it calls.

    The standard keys for back and forward differ between systems: Alt+Left moves the cursor by
    a word in the text fields of macOS, where back is Command+[.
    """

    keys: str | QKeySequence.StandardKey
    help: str
    act: Callable[[Workspace, Lasso, BrainView], object]

    @property
    def sequence(self) -> QKeySequence:
        """The key as a Qt key sequence."""
        return QKeySequence(self.keys)


def _look(name: str, _workspace: Workspace, _lasso: Lasso, view: BrainView) -> None:
    view.look(name)


SHORTCUTS = (
    Shortcut("Alt+PgUp", "previous", lambda workspace, *_: workspace.step_assembly(-1)),
    Shortcut("Alt+PgDown", "next assembly", lambda workspace, *_: workspace.step_assembly(1)),
    Shortcut(QKeySequence.StandardKey.Back, "undo", lambda workspace, *_: workspace.undo()),
    Shortcut(
        QKeySequence.StandardKey.Forward, "redo a selection", lambda workspace, *_: workspace.redo()
    ),
    Shortcut(
        "Ctrl+Shift+L",
        "lasso; Shift adds, {alt} removes",
        lambda _, lasso, _view: lasso.set_active(not lasso.active),
    ),
    *(
        Shortcut(f"Alt+{number}", VIEWS[name].label.lower(), partial(_look, name))
        for number, name in enumerate(VIEWS, 1)
    ),
    Shortcut("Alt+0", "whole brain from above", lambda _, _lasso, view: view.reset()),
)


def install_shortcuts(window: QWidget, workspace: Workspace, lasso: Lasso, view: BrainView) -> None:
    """Bind the keys to a window until it is deleted."""
    for shortcut in SHORTCUTS:
        key = QShortcut(shortcut.sequence, window)
        key.setContext(Qt.ShortcutContext.WindowShortcut)
        key.activated.connect(lambda act=shortcut.act: act(workspace, lasso, view))


def help_text() -> str:
    """Return all keys and what they do as a table in rich text."""
    # Keys for the previous and the next item share a line.
    rows = [
        (_joined([native_text(s.sequence) for s in pair]), ", ".join(s.help for s in pair))
        for pair in (SHORTCUTS[:2], SHORTCUTS[2:4], SHORTCUTS[4:5], SHORTCUTS[5:8], SHORTCUTS[8:])
    ]
    # These keys need the focus in a table, a plot or the canvas.
    rows += [
        ("Arrow keys", "next in table or gallery"),
        (f"{modifier_text('Ctrl')}click", "several assemblies"),
        ("P   ,   .   <   >", "Time: play, step, peaks"),
    ]
    alt = modifier_text("Alt").rstrip("+")
    cells = "".join(
        f"<tr><td style='padding-right:12px'><b>{_escaped(keys)}</b></td>"
        f"<td>{what.format(alt=alt)}</td></tr>"
        for keys, what in rows
    )
    return f"<table>{cells}</table>"


def _joined(keys: list[str]) -> str:
    """Join keys by commas; write modifiers shared by all keys once."""
    first, *others = keys
    modifiers = first[: first.rfind("+") + 1]
    return ", ".join([first, *(key.removeprefix(modifiers) for key in others)])


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
