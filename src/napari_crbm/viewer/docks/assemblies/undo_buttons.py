"""Buttons that undo and redo the selection."""

from __future__ import annotations

from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QHBoxLayout, QWidget

from napari_crbm.viewer.parts.keys import native_text
from napari_crbm.viewer.parts.style import button
from napari_crbm.viewer.parts.widget_lifetime import follow
from napari_crbm.viewer.state.workspace import Workspace


class UndoButtons(QWidget):
    """Two arrows, enabled while there is an earlier or a later selection.

    Parameters
    ----------
    workspace : Workspace
    """

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace
        keys = QKeySequence.StandardKey
        undo, redo = native_text(keys.Back), native_text(keys.Forward)
        self.back = button("←", f"Undo the last selection ({undo}).", workspace.undo)
        self.forward = button("→", f"Redo the selection ({redo}).", workspace.redo)
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        for small in (self.back, self.forward):
            small.setMaximumWidth(30)
            line.addWidget(small)
        follow(self, workspace.history_changed, self._show)
        self._show()

    def _show(self) -> None:
        self.back.setEnabled(self._workspace.can_undo)
        self.forward.setEnabled(self._workspace.can_redo)
