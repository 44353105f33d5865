"""Star, name, tags, note and colour of the chosen assembly."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import (
    QColorDialog,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_crbm.errors import LabelError
from napari_crbm.labels import Label, tags_from
from napari_crbm.viewer.parts.notices import show_error
from napari_crbm.viewer.parts.style import button
from napari_crbm.viewer.parts.widget_lifetime import follow
from napari_crbm.viewer.state.workspace import Workspace


class LabelRow(QWidget):
    """Line below the table: a star, a field for the name, and a button for all else.

    Parameters
    ----------
    workspace : Workspace
    """

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace
        self.star = QPushButton("☆")
        self.star.setCheckable(True)
        self.star.setMaximumWidth(30)
        self.star.setAccessibleName("Star")
        self.star.setToolTip("Star this assembly.")
        self.star.clicked.connect(lambda on: self._change(starred=on))
        self.name = QLineEdit()
        self.name.setPlaceholderText("Name this assembly")
        self.name.setAccessibleName("Name of the assembly")
        self.name.setToolTip(
            "A name of your own. Names, tags and notes are kept by themselves, and written into "
            "the file\nwhen you save the model. The filter finds them."
        )
        self.name.editingFinished.connect(lambda: self._change(name=self.name.text()))
        self.more = button("Tags, note...", "Tags, a note and a colour.", self.ask)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.star)
        row.addWidget(self.name, 1)
        row.addWidget(self.more)
        follow(self, workspace.assembly_changed, self.show_label)
        follow(self, workspace.trained_changed, self.show_label)
        follow(self, workspace.labels.changed, self.show_label)
        self.show_label()

    @property
    def label(self) -> Label:
        """The label of the chosen assembly."""
        assembly = self._workspace.assembly
        return Label() if assembly is None else self._workspace.labels.labels.of(assembly)

    def show_label(self) -> None:
        """Show the label of the chosen assembly."""
        known = self._workspace.assembly is not None and self._workspace.trained is not None
        label = self.label
        self.setEnabled(known)
        self.star.setChecked(label.starred)
        self.star.setText("★" if label.starred else "☆")
        if self.name.text() != label.name:
            self.name.setText(label.name)
        said = [f"Tags: {', '.join(label.tags)}." if label.tags else "", label.note]
        self.more.setToolTip(" ".join(filter(None, said)) or "Tags, a note and a colour.")
        self.more.setText("Tags, note... ●" if label.tags or label.note else "Tags, note...")

    def ask(self) -> QDialog:
        """Open a dialog for tags, note and colour, without blocking the window."""
        dialog = LabelDialog(self._workspace.assembly or 0, self.label, self.window())
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.accepted.connect(lambda: self._change(**dialog.values()))
        dialog.open()
        return dialog

    def _change(self, **values: Any) -> None:
        assembly = self._workspace.assembly
        if assembly is None:
            return
        try:
            self._workspace.labels.set_label(assembly, replace(self.label, **values))
        except LabelError as error:
            show_error(str(error))


class LabelDialog(QDialog):
    """Tags, note and colour of an assembly.

    Parameters
    ----------
    assembly : int
    label : Label
    parent : QWidget
    """

    def __init__(self, assembly: int, label: Label, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"Assembly {assembly}")
        self.tags = QLineEdit(", ".join(label.tags))
        self.tags.setPlaceholderText("separated by commas")
        self.note = QPlainTextEdit(label.note)
        self.note.setMinimumHeight(80)
        self.colour = label.colour
        self.pick = QPushButton()
        self.pick.clicked.connect(self._pick)
        self.plain = QPushButton("No colour")
        self.plain.clicked.connect(lambda: self._show_colour(""))
        colours = QHBoxLayout()
        colours.addWidget(self.pick, 1)
        colours.addWidget(self.plain)
        form = QFormLayout()
        form.addRow("Tags", self.tags)
        form.addRow("Note", self.note)
        form.addRow("Colour", colours)
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addWidget(buttons)
        self._show_colour(label.colour)

    def values(self) -> dict[str, object]:
        """Return tags, note and colour as entered."""
        return {
            "tags": tags_from(self.tags.text()),
            "note": self.note.toPlainText().strip(),
            "colour": self.colour,
        }

    def _pick(self) -> None:
        chosen = QColorDialog.getColor(QColor(self.colour or "#e69f00"), self, "Colour")
        if chosen.isValid():
            self._show_colour(chosen.name())

    def _show_colour(self, colour: str) -> None:
        self.colour = colour
        self.pick.setText(colour or "Choose...")
        self.pick.setStyleSheet(
            f"border-left: 18px solid {colour}; padding: 3px;" if colour else ""
        )
        self.plain.setEnabled(bool(colour))
