"""Form of reading options that a file does not store: pixel size, frame rate, depth, part."""

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

_FROM_FILE = "as in the file"


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
        self.flip_z = QComboBox()
        self.flip_z.addItem("as usual for the format", None)
        self.flip_z.addItem("stored from ventral to dorsal", True)
        self.flip_z.addItem("stored from dorsal to ventral", False)
        self.flip_z.setToolTip("Which end of the brain has depth 0 in the file.")
        self.group = QLineEdit()
        self.group.setPlaceholderText("all, or the only one")
        self.group.setToolTip(
            "Name of the group, plane or series, for files that hold several recordings."
        )
        self.body = QWidget()
        form = QFormLayout(self.body)
        form.setHorizontalSpacing(16)
        form.setContentsMargins(12, 0, 0, 0)
        form.addRow("Pixel", self.um_per_pixel)
        form.addRow("Between planes", self.plane_spacing_um)
        form.addRow("Frame rate", self.frame_rate_hz)
        form.addRow("Depth", self.flip_z)
        form.addRow("Part of the file", self.group)
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
        numbers = {
            name: getattr(self, name).value()
            for name in ("um_per_pixel", "plane_spacing_um", "frame_rate_hz")
        }
        given: dict[str, Any] = {name: value for name, value in numbers.items() if value > 0}
        if self.flip_z.currentData() is not None:
            given["flip_z"] = self.flip_z.currentData()
        if self.group.text().strip():
            given["group"] = self.group.text().strip()
        return given


def _number(unit: str, low: float, high: float, decimals: int) -> QDoubleSpinBox:
    """Return a number field in which zero means the value in the file."""
    box = QDoubleSpinBox()
    box.setRange(low, high)
    box.setDecimals(decimals)
    box.setSuffix(f" {unit}")
    box.setSpecialValueText(_FROM_FILE)
    return box
