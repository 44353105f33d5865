"""Choice of events in the *Tuning* dock, and of the time around them."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from napari_crbm.errors import RecordingError
from napari_crbm.viewer.docks.tuning.course_box import TABLES
from napari_crbm.viewer.docks.tuning.question import Place
from napari_crbm.viewer.parts.saved_fields import ask_open, save_field
from napari_crbm.viewer.parts.style import button

_RISES, _NONE = "course rises above", "none"
_FIELD_PX = 62


class EventBox(QWidget):
    """Rises of the course, onsets in a table, or none; seconds before and after an event."""

    def __init__(self) -> None:
        super().__init__()
        self._table: Place | None = None
        self.box = QComboBox()
        self.box.addItems([_RISES, _NONE])
        self.box.setMinimumContentsLength(10)
        self.box.setToolTip("Events around which activity is averaged.")
        self.above = QLineEdit()
        self.above.setPlaceholderText("midway")
        self.above.setMinimumWidth(_FIELD_PX)
        self.above.setToolTip(
            "Value above which the course rises. Empty: midway between its two levels."
        )
        self.bring = button(
            "Table...",
            "Read onsets from a table (CSV) with a column 'frame' or 'onset_s' (seconds).",
            self._ask,
        )
        self.before = _seconds(5.0, "Seconds shown before an event.")
        self.after = _seconds(10.0, "Seconds shown after an event.")
        first, second, third = QHBoxLayout(), QHBoxLayout(), QHBoxLayout()
        for widget in (QLabel("Events"), self.box, self.bring):
            first.addWidget(widget, int(widget is self.box))
        self.above_label = QLabel("Above")
        for row, label, field in (
            (second, self.above_label, self.above),
            (third, QLabel("Before"), self.before),
            (third, QLabel("After"), self.after),
        ):
            label.setBuddy(field)
            row.addWidget(label)
            row.addWidget(field, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(first)
        column.addLayout(second)
        column.addLayout(third)
        for name, field in (
            ("events", self.box),
            ("above", self.above),
            ("before", self.before),
            ("after", self.after),
        ):
            save_field(f"tuning/{name}", field)
        self.box.currentTextChanged.connect(self._on_choice)
        self._on_choice(self.box.currentText())

    @property
    def events(self) -> str | Place:
        """The chosen events: "none", "rises", or a table."""
        text = self.box.currentText()
        if text in (_RISES, _NONE):
            return "rises" if text == _RISES else "none"
        assert self._table is not None
        return self._table

    @property
    def threshold(self) -> float | None:
        """Value above which the course rises; None midway between its levels.

        Raises
        ------
        RecordingError
            If the field holds no number.
        """
        text = self.above.text().strip()
        if not text or self.events != "rises":
            return None
        try:
            return float(text.replace(",", "."))
        except ValueError:
            raise RecordingError(
                f"The value above which the course rises must be a number; found '{text}'. Leave "
                "it empty for midway between the two levels of the course."
            ) from None

    def bring_table(self, path: Path) -> None:
        """Take the onsets in a table as events."""
        self._table = (path, "")
        if self.box.count() > 2:
            self.box.removeItem(2)
        self.box.addItem(f"onsets in {path.name}")
        self.box.setCurrentIndex(2)

    def _ask(self) -> None:
        path = ask_open(self, "Table with the onsets of events", TABLES)
        if path is not None:
            self.bring_table(path)

    def _on_choice(self, text: str) -> None:
        for part in (self.above, self.above_label):
            part.setVisible(text == _RISES)
        for field in (self.before, self.after):
            field.setEnabled(text != _NONE)


def _seconds(value: float, tip: str) -> QDoubleSpinBox:
    field = QDoubleSpinBox()
    field.setRange(0.1, 600)
    field.setDecimals(1)
    field.setValue(value)
    field.setSuffix(" s")
    field.setMinimumWidth(_FIELD_PX)
    # Without buttons three fields fit into a row of the narrowest dock.
    field.setButtonSymbols(QDoubleSpinBox.ButtonSymbols.NoButtons)
    field.setToolTip(tip)
    return field
