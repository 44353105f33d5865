"""Fields of the mapping dialog: build a profile from them, or show one in them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QWidget,
)

from napari_crbm.io.reading.sources import Entry
from napari_crbm.io.unknown.profile import Profile

_HOLDS = {
    "spikes": "zeros and ones (spikes)",
    "fluorescence": "dF/F: active where it rises",
    "rates": "other values: active above a level",
}
_UNITS = {"um": "micrometres", "mm": "millimetres", "pixel": "pixels"}
_AXIS_TIPS = {
    "x": "Left and right are swapped in the file.",
    "y": "The file counts from the tail to the head.",
    "z": "The file counts from the belly to the back.",
}
_SEPARATE = "one array per axis"
_NO_POSITIONS = "no positions"


class MappingFields(QWidget):
    """Fields for all entries of a profile.

    Emits ``array_changed`` when the user chooses another array for activity or positions, and
    ``changed`` when the user changes any other field.
    """

    changed = Signal()
    array_changed = Signal()

    def __init__(self, entries: Sequence[Entry]) -> None:
        super().__init__()
        self.entries = entries
        self._name = ""
        numeric = [entry for entry in entries if entry.numeric]
        tables = [entry for entry in numeric if len(entry.shape) == 2]
        self.activity = _chooser(tables)
        self.holds = _choice(_HOLDS)
        self.threshold = _number(-1e6, 1e6, 2)
        self.orientation = QComboBox()
        self.positions = _chooser(tables, extra=(_SEPARATE, _NO_POSITIONS))
        # Three beside each other must fit.
        self.separate = [_chooser(numeric, width=4) for _ in "xyz"]
        self.axes_first = _choice({False: "neurons x axes", True: "axes x neurons"})
        self.axes = QComboBox()
        self.flips = {axis: QCheckBox(axis) for axis in "xyz"}
        self.unit = _choice(_UNITS)
        self.um_per_pixel = _number(1e-3, 1e4, 3, " µm")
        self.plane_spacing_um = _number(1e-3, 1e4, 3, " µm")
        self.times = _chooser(numeric, extra=("by the frame rate",))
        self.frame_rate_hz = _number(0, 1e5, 3, " Hz")
        self.frame_rate_hz.setSpecialValueText("not known")
        self.fluorescence = _chooser(tables, extra=("none",))
        named = [entry for entry in entries if entry.text]
        self.labels = _chooser([*numeric, *named], extra=("none",))
        self.traces = QListWidget()
        self.traces.setMaximumHeight(64)
        self._rows: dict[str, tuple[QLabel, QWidget]] = {}
        self._lay_out()
        self._listen()

    def _lay_out(self) -> None:
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setHorizontalSpacing(16)
        for axis, box in self.flips.items():
            box.setToolTip(_AXIS_TIPS[axis])
        sizes = _row(self.um_per_pixel, QLabel("planes"), self.plane_spacing_um)
        for name, text, field, tip in (
            ("activity", "Activity", self.activity, "The array with the activity of all neurons."),
            ("orientation", "stored as", self.orientation, "Which axis is time."),
            ("holds", "holds", self.holds, "What the values are."),
            ("threshold", "threshold", self.threshold, ""),
            ("positions", "Positions", self.positions, "Where the neurons are."),
            ("separate", "x, y, z", _row(*self.separate), "One array per axis; z may be missing."),
            ("axes_first", "stored as", self.axes_first, "Which axis counts neurons."),
            ("axes", "order of axes", self.axes, _AXES_TIP),
            ("flips", "turned around", _row(*self.flips.values()), ""),
            ("unit", "unit", self.unit, "Unit of the positions."),
            ("sizes", "a pixel is", sizes, "Size of a pixel, and distance of planes along z."),
            ("times", "Time", self.times, "Time of every frame in seconds, or the frame rate."),
            ("frame_rate_hz", "frame rate", self.frame_rate_hz, "Frames per second."),
            ("fluorescence", "dF/F", self.fluorescence, "Shown beside the spikes."),
            (
                "labels",
                "Regions",
                self.labels,
                "One number or name per neuron, or a table of members.",
            ),
            ("traces", "Stimulus, behaviour", self.traces, "Arrays with one value per frame."),
        ):
            label = QLabel(text if text[0].isupper() else f"    {text}")
            field.setToolTip(tip) if tip else None
            form.addRow(label, field)
            self._rows[name] = (label, field)

    def _listen(self) -> None:
        for field in (self.activity, self.positions, *self.separate):
            field.currentIndexChanged.connect(lambda _: self._on_array())
        for field in (
            *(self.orientation, self.holds, self.axes_first, self.axes, self.unit),
            *(self.times, self.fluorescence, self.labels),
        ):
            field.currentIndexChanged.connect(lambda _: self._on_change())
        for field in (
            *(self.threshold, self.um_per_pixel, self.plane_spacing_um, self.frame_rate_hz),
        ):
            field.valueChanged.connect(lambda _: self._on_change())
        for box in self.flips.values():
            box.toggled.connect(lambda _: self._on_change())
        self.traces.itemChanged.connect(lambda _: self._on_change())

    def _on_array(self) -> None:
        self._show_used()
        self.array_changed.emit()

    def _on_change(self) -> None:
        self._show_used()
        self.changed.emit()

    # --- profiles -------------------------------------------------------------------------

    def profile(self) -> Profile:
        """Return the profile entered in the fields.

        Raises
        ------
        FormatError
            If the entries are invalid for any file.
        """
        separate = self.positions.currentText() == _SEPARATE
        names = tuple(field.currentData() or "" for field in self.separate)
        names = names if names[2] else names[:2]
        holds = self.holds.currentData()
        chosen = [self.traces.item(row) for row in range(self.traces.count())]
        return Profile(
            positions=names if separate else self._positions(),
            activity=self.activity.currentData() or "",
            holds=holds,
            threshold=None if holds == "spikes" else self.threshold.value(),
            neurons_first=bool(self.orientation.currentData()),
            axes_first=bool(self.axes_first.currentData()),
            axes="xyz"[: len(names)] if separate else str(self.axes.currentData() or "xyz"),
            flip="".join(axis for axis, box in self.flips.items() if box.isChecked()),
            unit=self.unit.currentData(),
            um_per_pixel=self.um_per_pixel.value(),
            plane_spacing_um=self.plane_spacing_um.value(),
            times=self.times.currentData(),
            frame_rate_hz=None if self.times.currentData() else self.frame_rate_hz.value() or None,
            fluorescence=self.fluorescence.currentData() if holds == "spikes" else None,
            labels=self.labels.currentData(),
            traces=tuple(
                item.text() for item in chosen if item.checkState() == Qt.CheckState.Checked
            ),
            name=self._name,
        )

    def show_profile(self, profile: Profile) -> None:
        """Fill in all fields, without emitting signals."""
        self._name = profile.name
        fields = self.findChildren(QWidget)
        for field in fields:
            field.blockSignals(True)
        try:
            self._fill(profile)
        finally:
            for field in fields:
                field.blockSignals(False)
        self._show_used()

    def _fill(self, profile: Profile) -> None:
        _choose(self.activity, profile.activity)
        _choose(self.holds, profile.holds)
        self.threshold.setValue(profile.level)
        self._fill_orientation(profile)
        if not profile.positions:
            self.positions.setCurrentIndex(self.positions.findText(_NO_POSITIONS))
        elif len(profile.positions) > 1:
            self.positions.setCurrentIndex(self.positions.findText(_SEPARATE))
            ordered = dict(zip(profile.axes, profile.positions, strict=True))
            for axis, field in zip("xyz", self.separate, strict=True):
                _choose(field, ordered.get(axis))
        else:
            _choose(self.positions, profile.positions[0])
        _choose(self.axes_first, profile.axes_first)
        self._fill_axes(profile.axes)
        for axis, box in self.flips.items():
            box.setChecked(axis in profile.flip)
        _choose(self.unit, profile.unit)
        self.um_per_pixel.setValue(profile.um_per_pixel)
        self.plane_spacing_um.setValue(profile.plane_spacing_um)
        _choose(self.times, profile.times)
        self.frame_rate_hz.setValue(profile.frame_rate_hz or 0.0)
        _choose(self.fluorescence, profile.fluorescence)
        _choose(self.labels, profile.labels)
        self._fill_traces(profile)

    def _positions(self) -> tuple[str, ...]:
        if self.positions.currentText() == _NO_POSITIONS:
            return ()
        return (self.positions.currentData() or "",)

    def _fill_orientation(self, profile: Profile) -> None:
        """Offer both orientations of the activity, with the numbers of frames and neurons."""
        shape = next((e.shape for e in self.entries if e.name == profile.activity), (0, 0))
        self.orientation.clear()
        first, second = (f"{length:,}" for length in (shape if len(shape) == 2 else (0, 0)))
        self.orientation.addItem(f"{first} frames x {second} neurons", False)
        self.orientation.addItem(f"{first} neurons x {second} frames", True)
        _choose(self.orientation, profile.neurons_first)

    def _fill_axes(self, axes: str) -> None:
        self.axes.clear()
        pool = "xyz" if len(axes) == 3 else axes if set(axes) != set("xy") else "xy"
        for order in sorted(itertools.permutations(pool), key=lambda o: o != tuple("xyz")):
            self.axes.addItem(", ".join(order), "".join(order))
        _choose(self.axes, axes)

    def _fill_traces(self, profile: Profile) -> None:
        shape = next((e.shape for e in self.entries if e.name == profile.activity), (0, 0))
        n_frames = shape[1 if profile.neurons_first else 0] if len(shape) == 2 else 0
        self.traces.clear()
        for entry in self.entries:
            fits = entry.numeric and n_frames > 1 and _n_values(entry) == n_frames
            if fits and entry.name != profile.times:
                item = QListWidgetItem(entry.name)
                item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
                on = entry.name in profile.traces
                item.setCheckState(Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)
                self.traces.addItem(item)

    def _show_used(self) -> None:
        """Show only the fields that apply to the current choices."""
        separate = self.positions.currentText() == _SEPARATE
        placed = self.positions.currentText() != _NO_POSITIONS
        holds = self.holds.currentData()
        self.threshold.setSuffix(" noise sd" if holds == "fluorescence" else "")
        self.plane_spacing_um.setEnabled(separate or len(str(self.axes.currentData())) == 3)
        used = {
            "threshold": holds != "spikes",
            "separate": separate,
            "axes_first": placed and not separate,
            "axes": placed and not separate,
            "flips": placed,
            "unit": placed,
            "sizes": placed and self.unit.currentData() == "pixel",
            "frame_rate_hz": self.times.currentData() is None,
            "fluorescence": holds == "spikes",
            "traces": self.traces.count() > 0,
        }
        for name, shown in used.items():
            for widget in self._rows[name]:
                widget.setVisible(shown)


_AXES_TIP = "Order of the axes in the file.\nx: left to right, y: head to tail, z: back to belly."


def _n_values(entry: Entry) -> int:
    total = 1
    for length in entry.shape:
        total *= length
    return total


def _chooser(entries: Sequence[Entry], extra: Sequence[str] = (), width: int = 14) -> QComboBox:
    """Return a combo box of arrays; entries that stand for no array have no item data."""
    box = QComboBox()
    if "none" not in extra and "by the frame rate" not in extra:
        box.addItem("choose ...", None)
    for text in extra:
        box.addItem(text, None)
    for entry in entries:
        box.addItem(f"{entry.name}   {shape_text(entry)}", entry.name)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(width)
    return box


def shape_text(entry: Entry) -> str:
    """Return the shape of an array as text, such as "100 x 3"."""
    return " x ".join(f"{length:,}" for length in entry.shape) or "one value"


def _choice(texts: dict[Any, str]) -> QComboBox:
    box = QComboBox()
    for value, text in texts.items():
        box.addItem(text, value)
    return box


def _choose(box: QComboBox, value: object) -> None:
    index = next((k for k in range(box.count()) if box.itemData(k) == value), 0)
    box.setCurrentIndex(index)


def _number(low: float, high: float, decimals: int, suffix: str = "") -> QDoubleSpinBox:
    box = QDoubleSpinBox()
    box.setDecimals(decimals)
    box.setRange(low, high)
    box.setSuffix(suffix)
    box.setStepType(QDoubleSpinBox.StepType.AdaptiveDecimalStepType)
    return box


def _row(*widgets: QWidget) -> QWidget:
    holder = QWidget()
    row = QHBoxLayout(holder)
    row.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        row.addWidget(widget)
    return holder
