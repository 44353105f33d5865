"""The form of the *Preprocess* dock: steps from fluorescence to spikes, as entered."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
)

from napari_crbm.preprocessing import METHODS, Steps, frame_ranges
from napari_crbm.recording import Recording
from napari_crbm.viewer.parts.style import visible_ticks

_LABELS = {
    "events": "Rises above the noise",
    "deconvolution": "Deconvolution (OASIS)",
    "zscore": "Standard deviations over the mean",
    "level": "Values above a level",
    "keep": "Keep the spikes",
}
_UNITS = {"events": " noise sd", "deconvolution": " noise sd", "zscore": " sd", "level": ""}


class PreprocessForm(QFormLayout):
    """Method, thresholds, frames and neurons to leave out; emits ``changed``.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose theme the list of regions follows.
    """

    changed = Signal()

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._recording: Recording | None = None
        self.method = QComboBox()
        for name in METHODS:
            self.method.addItem(_LABELS[name], name)
        self.method.currentIndexChanged.connect(lambda _: self.follow_method())
        self.threshold = _number(-1000, 1000, 2.0, 0.25, "")
        self.decay_s = _number(0.05, 20, 3.55, 0.05, " s", "GCaMP6s 3.55 s, GCaMP6f 1.6 s.")
        self.baseline_s = _number(
            0, 3600, 0, 10, " s", "Window of a running 8th percentile that is taken off."
        )
        self.baseline_s.setSpecialValueText("none")
        self.raw = QCheckBox("Raw intensities: divide by it")
        self.raw.toggled.connect(lambda _: self.show_used())
        self.background = _number(
            -1e6, 1e6, 0, 10, "", "Intensity where there is no tissue, taken off the baseline."
        )
        self.burn_in_s = _number(0, 3600, 0, 1, " s", "Left out at the start.")
        self.min_activity = _number(0, 100, 0, 0.1, " %", "Neurons active more rarely go.")
        self.max_activity = _number(0, 100, 100, 1, " %", "Neurons active more often go.")
        self.min_snr = _number(
            0,
            100,
            0,
            0.5,
            " sd",
            "Neurons go whose transients stand less above their noise;\nnoise alone has about 2.3.",
        )
        self.motion_trace = QComboBox()
        self.motion_trace.setToolTip("Frames go in which this trace exceeds the value.")
        self.motion_trace.currentIndexChanged.connect(lambda _: self.show_used())
        self.motion_above = _number(-1e9, 1e9, 0, 0.1, "", "Frames above it go.")
        self.drop_frames = QLineEdit()
        self.drop_frames.setPlaceholderText("none; such as 100-120, 300")
        self.drop_frames.setToolTip("Frames to leave out, counted from 0.")
        self.regions = QListWidget()
        self.regions.setMaximumHeight(72)
        visible_ticks(self.regions, viewer)
        self.regions.setToolTip("Neurons in none of the ticked regions go; no tick keeps all.")
        self.setHorizontalSpacing(16)
        for text, field in (
            ("Spikes from", self.method),
            ("Threshold", self.threshold),
            ("Decay time", self.decay_s),
            ("Baseline window", self.baseline_s),
            ("", self.raw),
            ("Background", self.background),
            ("Burn-in", self.burn_in_s),
            ("Motion", self.motion_trace),
            ("Still up to", self.motion_above),
            ("Leave out frames", self.drop_frames),
            ("Only regions", self.regions),
            ("Least active", self.min_activity),
            ("Most active", self.max_activity),
            ("Signal to noise", self.min_snr),
        ):
            self.addRow(text, field)
            if isinstance(field, QCheckBox | QDoubleSpinBox):
                changed = field.toggled if isinstance(field, QCheckBox) else field.valueChanged
                changed.connect(lambda _: self.changed.emit())
        self.drop_frames.textChanged.connect(lambda _: self.changed.emit())
        self.motion_trace.currentIndexChanged.connect(lambda _: self.changed.emit())

    def steps(self) -> Steps:
        """What is chosen.

        Raises
        ------
        RecordingError
            If it makes no sense.
        """
        method = str(self.method.currentData())
        return Steps(
            burn_in_s=self.burn_in_s.value(),
            baseline_s=self.baseline_s.value() or None,
            raw=self.raw.isChecked() and method != "keep",
            background=self.background.value() if self.raw.isChecked() else 0.0,
            method=self.method.currentData(),
            threshold=None if method == "keep" else self.threshold.value(),
            decay_s=self.decay_s.value(),
            motion_trace=self.motion_trace.currentData(),
            motion_above=self.motion_above.value() if self.motion_trace.currentData() else 0.0,
            drop_frames=frame_ranges(self.drop_frames.text()),
            regions=self._ticked(),
            min_activity=self.min_activity.value() / 100,
            max_activity=self.max_activity.value() / 100,
            min_snr=0.0 if method == "keep" else self.min_snr.value(),
        )

    def follow_method(self) -> None:
        """Take the usual threshold of the method that is chosen."""
        method = str(self.method.currentData())
        usual = METHODS[method]
        if usual is not None:
            self.threshold.setValue(usual)
            self.threshold.setSuffix(_UNITS[method])
        self.show_used()
        self.changed.emit()

    def show_used(self) -> None:
        """Only the fields that count for the method and for what the recording has."""
        recording, method = self._recording, str(self.method.currentData())
        binarises = METHODS[method] is not None
        used = {
            "threshold": binarises,
            "decay_s": method == "deconvolution",
            "baseline_s": binarises,
            "raw": binarises,
            "background": binarises and self.raw.isChecked(),
            "min_snr": binarises,
            "motion_trace": recording is not None and bool(recording.traces),
            "motion_above": self.motion_trace.currentData() is not None,
            "regions": recording is not None and recording.regions is not None,
        }
        for name, shown in used.items():
            # With their rows, which would leave gaps.
            self.setRowVisible(getattr(self, name), shown)

    def _ticked(self) -> tuple[str, ...]:
        """Regions to keep neurons of."""
        items = (self.regions.item(row) for row in range(self.regions.count()))
        return tuple(i.text() for i in items if i.checkState() == Qt.CheckState.Checked)

    def list_choices(self, recording: Recording) -> None:
        """Traces, regions and methods of a newly opened recording."""
        self._recording = recording
        self.motion_trace.clear()
        self.motion_trace.addItem("none", None)
        for name in recording.traces:
            self.motion_trace.addItem(name, name)
        self.regions.clear()
        for name in () if recording.regions is None else recording.regions.names:
            item = QListWidgetItem(name)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Unchecked)
            self.regions.addItem(item)
        self.show_used()
        has = recording.fluorescence is not None
        for index in range(self.method.count()):
            keeps = self.method.itemData(index) == "keep"
            self.method.model().item(index).setEnabled(has or keeps)
        if not has:
            self.method.setCurrentIndex(self.method.findData("keep"))
        elif self.method.currentData() == "keep":
            self.method.setCurrentIndex(0)


def _number(
    low: float, high: float, value: float, step: float, suffix: str, tip: str = ""
) -> QDoubleSpinBox:
    box = QDoubleSpinBox()
    box.setRange(low, high)
    box.setSingleStep(step)
    box.setSuffix(suffix)
    box.setValue(value)
    box.setToolTip(tip)
    return box
