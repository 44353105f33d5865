"""Form of reading options for what a file does not store: sizes, rate, units, axes, part."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QLineEdit,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_crbm.declarations import declaration
from napari_crbm.io.options import ReadOptions

_FROM_FILE = "as in the file"
_NUMBERS = ("um_per_pixel", "plane_spacing_um", "frame_rate_hz", "bin_s")
_CHOICES = ("time_unit", "unit", "neurons_first", "flip_z")


class ReadingForm(QWidget):
    """A folding form; by default all values are taken from the file."""

    def __init__(self) -> None:
        super().__init__()
        self.toggle = QToolButton()
        self.toggle.setText("How files of other programs are read")
        self.toggle.setToolTip(
            "Values that a file does not store. They take effect when a file is opened;\n"
            "'Read again' opens the current file with them."
        )
        self.toggle.setCheckable(True)
        self.toggle.setAutoRaise(True)
        self.toggle.setArrowType(Qt.ArrowType.RightArrow)
        self.toggle.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.um_per_pixel = _number("µm", 0.0, 100.0, 3)
        self.um_per_pixel.setToolTip("Size of a pixel. Suite2p, CaImAn and others do not store it.")
        self.plane_spacing_um = _number("µm", 0.0, 1000.0, 2)
        self.plane_spacing_um.setToolTip("Distance from one imaging plane to the next.")
        self.frame_rate_hz = _number("Hz", 0.0, 10_000.0, 3)
        self.frame_rate_hz.setToolTip("Frames per second of one plane or volume.")
        self.bin_s = _number("s", 0.0, 60.0, 3, "0.05 s, or as in the file")
        self.bin_s.setToolTip("Spike times are counted in bins of this width.")
        self.time_unit = _choice(
            "Unit of the times in the file.",
            (_FROM_FILE, None),
            ("seconds", "s"),
            ("milliseconds", "ms"),
            ("microseconds", "us"),
            ("nanoseconds", "ns"),
        )
        self.unit = _choice(
            "Unit of the positions in the file.",
            ("mm if they span less than 5, else µm", None),
            ("millimetres", "mm"),
            ("micrometres", "um"),
        )
        self.neurons_first = _choice(
            "Whether the activity is stored as neurons x frames.",
            ("as the shapes say", None),
            ("yes", True),
            ("no, the second", False),
        )
        self.flip_z = _choice(
            "Which end of the brain has depth 0 in the file.",
            ("as usual for the format", None),
            ("stored from ventral to dorsal", True),
            ("stored from dorsal to ventral", False),
        )
        self.group = QLineEdit()
        self.group.setPlaceholderText("all, or the only one")
        self.group.setToolTip(
            "Name of the group, plane or series, for files that hold several recordings."
        )
        self.body = QWidget()
        form = QFormLayout(self.body)
        form.setHorizontalSpacing(16)
        form.setContentsMargins(12, 0, 0, 0)
        for name in (*_NUMBERS, *_CHOICES, "group"):
            # Messages name the options; see `napari_crbm.viewer.parts.option_words`.
            form.addRow(declaration(ReadOptions, name).label, getattr(self, name))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.toggle)
        layout.addWidget(self.body)
        self.body.hide()
        self.toggle.toggled.connect(self._fold)

    def _fold(self, shown: bool) -> None:
        self.body.setVisible(shown)
        self.toggle.setArrowType(Qt.ArrowType.DownArrow if shown else Qt.ArrowType.RightArrow)

    def options(self) -> dict[str, Any]:
        """Return the entered values as options of `napari_crbm.io.open_recording`."""
        numbers = {name: getattr(self, name).value() for name in _NUMBERS}
        choices = {name: getattr(self, name).currentData() for name in _CHOICES}
        given: dict[str, Any] = {name: value for name, value in numbers.items() if value > 0}
        given |= {name: value for name, value in choices.items() if value is not None}
        if self.group.text().strip():
            given["group"] = self.group.text().strip()
        return given


def _choice(tip: str, *entries: tuple[str, Any]) -> QComboBox:
    box = QComboBox()
    box.setToolTip(tip)
    for text, value in entries:
        box.addItem(text, value)
    # Otherwise the longest entry would widen the dock.
    box.setMinimumContentsLength(8)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    return box


def _number(
    unit: str, low: float, high: float, decimals: int, absent: str = _FROM_FILE
) -> QDoubleSpinBox:
    """Return a number field in which zero means the value in the file."""
    box = QDoubleSpinBox()
    box.setRange(low, high)
    box.setDecimals(decimals)
    box.setSuffix(f" {unit}")
    box.setSpecialValueText(absent)
    return box
