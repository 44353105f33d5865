"""Choice of a course in the *Tuning* dock: stored traces, tables, the selected neuron."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLabel, QWidget

from napari_crbm.viewer.docks.tuning.question import Place
from napari_crbm.viewer.home import Home
from napari_crbm.viewer.parts.saved_fields import ask_open, recall, store
from napari_crbm.viewer.parts.style import button

TABLES = "Tables (*.csv *.tsv *.txt *.parquet)"
NEURON, ASSEMBLY = "the selected neuron", "the selected assembly"
_LAST, _TABLE = "tuning/course", "tuning/course_table"
# More columns of one table would make the list unreadable.
_MOST_COLUMNS = 40


class CourseBox(QWidget):
    """List of everything that assemblies may follow, and a button to bring a table.

    Emits ``chosen`` when another entry is chosen.
    """

    chosen = Signal()

    def __init__(self, home: Home) -> None:
        super().__init__()
        self.home = home
        self._tables: list[Place] = []
        self.box = QComboBox()
        self.box.setMinimumContentsLength(12)
        self.box.setToolTip(
            "What assemblies may follow: a stimulus or behaviour trace of the recording, a column\n"
            "of a table, or the activity of the selected neuron or assembly."
        )
        self.box.activated.connect(self._on_choice)
        self.bring = button(
            "Table...",
            "Read a course from a table (CSV): one row per frame, or a column time_s with the time "
            "of each row.",
            self._ask,
        )
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(QLabel("Course"))
        row.addWidget(self.box, 1)
        row.addWidget(self.bring)
        saved = recall(_TABLE)
        if saved is not None and Path(saved.rpartition(":")[0]).is_file():
            path, _, column = saved.rpartition(":")
            self._tables.append((Path(path), column))

    def fill(self) -> None:
        """List the courses of the open recording; the last choice stays if it is among them."""
        self.box.clear()
        recording = self.home.workspace.recording
        for name in () if recording is None else recording.traces:
            self.box.addItem(name, ("trace", name))
        for path, column in self._tables:
            self.box.addItem(f"{path.name}: {column}", ("table", (path, column)))
        self.box.addItem(NEURON, ("neuron", None))
        self.box.addItem(ASSEMBLY, ("assembly", None))
        self.box.setCurrentIndex(max(self.box.findText(recall(_LAST) or ""), 0))

    @property
    def course(self) -> tuple[str, Any]:
        """Kind and value of the chosen course; the value is None if nothing is selected."""
        kind, value = self.box.currentData() or ("trace", None)
        workspace = self.home.workspace
        if kind == "neuron":
            return kind, workspace.neuron
        if kind == "assembly":
            return kind, workspace.assembly
        return kind, value

    def choose(self, text: str) -> None:
        """Choose an entry by its text."""
        self.box.setCurrentIndex(self.box.findText(text))
        self._on_choice()

    def bring_table(self, path: Path) -> None:
        """Add the columns of a table, and choose the first of them."""

        def add(columns: list[str]) -> None:
            new = [(path, column) for column in columns[:_MOST_COLUMNS]]
            self._tables = new + [place for place in self._tables if place[0] != path]
            self.fill()
            if new:
                self.choose(f"{path.name}: {new[0][1]}")

        def columns(_report: object) -> list[str]:
            from napari_crbm.errors import FormatError
            from napari_crbm.io import course_columns

            found = course_columns(path)
            if not found:
                raise FormatError(f"{path.name} has no column of numbers that can be a course.")
            return found

        self.home.run(f"Reading {path.name}", columns, add, owner=self)

    def _ask(self) -> None:
        path = ask_open(self, "Table with a stimulus or behaviour", TABLES)
        if path is not None:
            self.bring_table(path)

    def _on_choice(self) -> None:
        store(_LAST, self.box.currentText())
        kind, value = self.box.currentData() or ("", ("", ""))
        if kind == "table":
            store(_TABLE, f"{value[0]}:{value[1]}")
        self.chosen.emit()
