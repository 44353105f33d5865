"""Form for the placement of neurons in an atlas: flips, axes, unit, rotation, shift."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from napari_crbm.viewer.parts.notices import show_error
from napari_crbm.viewer.parts.style import button

if TYPE_CHECKING:
    import pandas as pd

    from napari_crbm.anatomy.placement import Placement

_FARTHEST_UM = 1e5
_NO_AFFINE = "no affine map"
_SHIFT_TIP = "Shift of the neurons along {}, in micrometres: {}."
_ALONG = {"z": "ventral is positive", "y": "posterior is positive", "x": "right is positive"}
_TURN_TIP = "Rotation about {} through the centre of the atlas, in degrees: {}."
_ABOUT = {"z": "yaw", "y": "roll", "x": "pitch"}


class PlacementForm(QWidget):
    """Form for a `Placement`; emits ``changed`` when the user has changed a field.

    ``centre_wanted`` requests the shift that centres the neurons.
    """

    changed = Signal()
    centre_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._quiet = False
        self.flips = [QCheckBox(f"Flip {axis}") for axis in "zyx"]
        for box in self.flips:
            box.toggled.connect(self._announce)
        self.scored = QComboBox()
        self.scored.setToolTip(
            "Share of neurons inside the brain for all eight flips, best first. Choose one.\n"
            "A brain and its mirror image score alike: you must know whether to flip x."
        )
        self.scored.activated.connect(self._take_scored)
        self.order = QComboBox()
        self.order.addItems(["".join(axes) for axes in permutations("zyx")])
        self.order.setToolTip("Axes of the three columns of the coordinates.")
        self.order.currentTextChanged.connect(self._announce)
        self.unit = _number(1e-3, 1e6, 1.0, 3, "Micrometres per unit of the coordinates.")
        self.unit.valueChanged.connect(self._announce)
        self.shift = [
            _number(-_FARTHEST_UM, _FARTHEST_UM, 0.0, 0, _SHIFT_TIP.format(axis, _ALONG[axis]), 5)
            for axis in "zyx"
        ]
        self.turn = [
            _number(-180.0, 180.0, 0.0, 1, _TURN_TIP.format(axis, _ABOUT[axis])) for axis in "zyx"
        ]
        for box in (*self.shift, *self.turn):
            box.valueChanged.connect(self._announce)
        self.centre = button(
            "Centre", "Shift the centre of the neurons to the centre of the brain.", self._centre
        )
        self.level_head = button("No rotation", "Set all three angles to zero.", self._undo_turn)
        self.affine_text = QLabel(_NO_AFFINE)
        self.affine_text.setToolTip("Affine map, applied last, as from a registration program.")
        self.affine_open = button(
            "Affine ...",
            "Read an affine map from a text file: three or four rows of four numbers, z, y, x, 1.",
            self._choose_affine,
        )
        self.affine_clear = button(
            "Clear", "Remove the affine map.", lambda: self.set_affine(None, "")
        )
        self._matrix: tuple[tuple[float, ...], ...] | None = None
        self._lay_out()

    def _lay_out(self) -> None:
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        for row, (label, parts) in enumerate(
            (("Shift µm", self.shift), ("Rotation °", self.turn)), start=1
        ):
            grid.addWidget(QLabel(label), row, 0)
            for column, part in enumerate(parts, start=1):
                grid.addWidget(part, row, column)
        for column, axis in enumerate("zyx", start=1):
            grid.addWidget(QLabel(axis), 0, column)
            grid.setColumnStretch(column, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(_row(*self.flips))
        self.flip_row = _row(QLabel("Score"), self.scored)
        layout.addLayout(self.flip_row)
        layout.addLayout(_row(QLabel("Columns"), self.order, QLabel("µm/unit"), self.unit))
        layout.addLayout(grid)
        layout.addLayout(_row(self.centre, self.level_head))
        layout.addLayout(_row(self.affine_text, self.affine_open, self.affine_clear))
        # Otherwise the longest entry would widen the dock.
        for box in (self.scored, self.order):
            box.setMinimumContentsLength(4)
            box.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )

    # --- placement ------------------------------------------------------------------------

    def placement(self, start: Placement) -> Placement:
        """Return ``start``, the extent of an atlas, with the values of the form."""
        z, y, x = (box.isChecked() for box in self.flips)
        unit, columns = self.unit.value(), self.order.currentText()
        shift, turn = ([box.value() for box in part] for part in (self.shift, self.turn))
        return replace(
            start,
            order=(columns.index("z"), columns.index("y"), columns.index("x")),
            flips=(z, y, x),
            scale=(unit, unit, unit),
            turn_deg=(turn[0], turn[1], turn[2]),
            shift_um=(shift[0], shift[1], shift[2]),
            matrix=self._matrix,
        )

    def show_placement(self, placement: Placement) -> None:
        """Set all fields; emits ``changed`` once."""
        self._quiet = True
        for box, flip in zip(self.flips, placement.flips, strict=True):
            box.setChecked(flip)
        columns = [""] * 3
        for axis, column in zip("zyx", placement.order, strict=True):
            columns[column] = axis
        self.order.setCurrentText("".join(columns))
        self.unit.setValue(placement.scale[0])
        for boxes, values in ((self.shift, placement.shift_um), (self.turn, placement.turn_deg)):
            for box, value in zip(boxes, values, strict=True):
                box.setValue(value)
        self._quiet = False
        self.changed.emit()

    def show_scores(self, table: pd.DataFrame) -> None:
        """List flips by the share of neurons inside; see `anatomy.placement.score_placements`."""
        self.scored.clear()
        current = tuple(box.isChecked() for box in self.flips)
        for row in table.itertuples():
            flips = (row.flip_z, row.flip_y, row.flip_x)
            flipped = [axis for axis, flip in zip("zyx", flips, strict=True) if flip]
            name = f"flip {', '.join(flipped)}" if flipped else "no flip"
            self.scored.addItem(
                f"{100 * row.inside:.1f} %  {name}", (flips, row.placement.shift_um)
            )
            if flips == current:
                self.scored.setCurrentIndex(self.scored.count() - 1)

    def set_affine(self, matrix: tuple[tuple[float, ...], ...] | None, name: str) -> None:
        """Use an affine map; None removes it."""
        self._matrix = matrix
        self.affine_text.setText(name or _NO_AFFINE)
        self.changed.emit()

    # --- actions of the user ----------------------------------------------------------------

    def _announce(self, *_: Any) -> None:
        if not self._quiet:
            self.changed.emit()

    def _take_scored(self, row: int) -> None:
        flips, shift = self.scored.itemData(row)
        self._quiet = True
        for box, flip in zip(self.flips, flips, strict=True):
            box.setChecked(flip)
        # The shift that belongs to these flips.
        for field, value in zip(self.shift, shift, strict=True):
            field.setValue(value)
        self._quiet = False
        self.changed.emit()

    def _centre(self) -> None:
        self.centre_wanted.emit()

    def _undo_turn(self) -> None:
        self._quiet = True
        for box in self.turn:
            box.setValue(0.0)
        self._quiet = False
        self.changed.emit()

    def _choose_affine(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Affine map", "", "Text (*.txt *.csv *.mat)")
        if path:
            self.read_affine(path)

    def read_affine(self, path: str | Path) -> None:
        """Read an affine map from a file and show errors."""
        from napari_crbm.anatomy.placement import read_affine
        from napari_crbm.errors import CRBMError

        try:
            self.set_affine(read_affine(path), Path(path).name)
        except CRBMError as error:
            show_error(str(error))


def _number(
    low: float, high: float, value: float, decimals: int, tip: str, step: float = 1.0
) -> QDoubleSpinBox:
    box = QDoubleSpinBox()
    box.setRange(low, high)
    box.setDecimals(decimals)
    box.setSingleStep(step)
    box.setValue(value)
    box.setToolTip(f"{tip}\nArrow keys and the mouse wheel change it in steps.")
    # The minimum of napari's theme is too wide for a narrow dock.
    box.setStyleSheet("min-width: 46px;")
    box.setButtonSymbols(QDoubleSpinBox.ButtonSymbols.NoButtons)
    return box


def _row(*widgets: QWidget) -> QHBoxLayout:
    line = QHBoxLayout()
    for widget in widgets:
        line.addWidget(widget, 0 if isinstance(widget, QLabel) else 1)
    return line
