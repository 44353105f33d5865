"""The *Preprocess* dock: fluorescence to spikes, with a look at what it does to a neuron."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QProgressBar,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_crbm.errors import CRBMError
from napari_crbm.model import Control
from napari_crbm.preprocessing import (
    METHODS,
    PreprocessingStopped,
    Steps,
    activity_warning,
    dropped_text,
    first_frame,
    frame_ranges,
    frame_rate_hz,
    kept_frames,
    preprocess,
    stages,
)
from napari_crbm.recording import Recording
from napari_crbm.viewer.home import home_of
from napari_crbm.viewer.notices import show_error, show_warning
from napari_crbm.viewer.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    button,
    page,
    plot,
    text_label,
    visible_ticks,
)
from napari_crbm.viewer.workspace import Trained

_NO_RECORDING = "No recording yet. Open one in the Recording dock."
_NO_FLUORESCENCE = "This recording holds spikes only: frames and neurons can be left out."
_WHAT = "Choose how fluorescence becomes spikes; the plot shows it for one neuron."
_LABELS = {
    "events": "Rises above the noise",
    "deconvolution": "Deconvolution (OASIS)",
    "zscore": "Standard deviations over the mean",
    "level": "Values above a level",
    "keep": "Keep the spikes",
}
_UNITS = {"events": " noise sd", "deconvolution": " noise sd", "zscore": " sd", "level": ""}
_TRAINING = "Stop the training before you change the recording."
_PREVIEW_MS = 150


class _Before(NamedTuple):
    """What was open before a run."""

    recording: Recording
    trained: Trained | None
    model_path: Path | None


class PreprocessWidget(QWidget):
    """Steps to choose, their effect on a neuron, and a run over all neurons."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.home = home_of(napari_viewer)
        self.workspace = self.home.workspace
        self.setMinimumWidth(340)
        self._control: Control | None = None
        self._before: _Before | None = None
        self._trace: tuple[Recording, int, NDArray[np.float32]] | None = None

        self.message = text_label(_NO_RECORDING)
        self.method = QComboBox()
        for name in METHODS:
            self.method.addItem(_LABELS[name], name)
        self.method.currentIndexChanged.connect(self._on_method)
        self.threshold = _number(-1000, 1000, 2.0, 0.25, "")
        self.decay_s = _number(0.05, 20, 3.55, 0.05, " s", "GCaMP6s 3.55 s, GCaMP6f 1.6 s.")
        self.baseline_s = _number(
            0, 3600, 0, 10, " s", "Window of a running 8th percentile that is taken off."
        )
        self.baseline_s.setSpecialValueText("none")
        self.raw = QCheckBox("Raw intensities: divide by it")
        self.raw.toggled.connect(lambda _: self._show_used())
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
        self.motion_trace.currentIndexChanged.connect(lambda _: self._show_used())
        self.motion_above = _number(-1e9, 1e9, 0, 0.1, "", "Frames above it go.")
        self.drop_frames = QLineEdit()
        self.drop_frames.setPlaceholderText("none; such as 100-120, 300")
        self.drop_frames.setToolTip("Frames to leave out, counted from 0.")
        self.regions = QListWidget()
        self.regions.setMaximumHeight(72)
        visible_ticks(self.regions, self.home.viewer)
        self.regions.setToolTip("Neurons in none of the ticked regions go; no tick keeps all.")
        self.form = form = QFormLayout()
        form.setHorizontalSpacing(16)
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
            form.addRow(text, field)
            if isinstance(field, QCheckBox | QDoubleSpinBox):
                changed = field.toggled if isinstance(field, QCheckBox) else field.valueChanged
                changed.connect(lambda _: self._preview_soon())
        self.drop_frames.textChanged.connect(lambda _: self._preview_soon())
        self.motion_trace.currentIndexChanged.connect(lambda _: self._preview_soon())
        self.plot = plot(self.home.viewer, "Time", "Fluorescence", "s", height=150)
        self.plot.setToolTip(
            "Blue: the trace. Orange: its baseline. Green: frames in which the neuron is active.\n"
            "Grey: frames that are left out."
        )
        self._curve = self.plot.plot(pen=pg.mkPen(BLUE, width=1))
        self._curve.setDownsampling(auto=True, method="peak")
        self._curve.setClipToView(True)
        self._level = self.plot.plot(pen=pg.mkPen(ORANGE, width=1))
        # One grey line a frame left out, broken by gaps.
        faint = pg.mkColor(GREY)
        faint.setAlpha(70)
        self._left_out = self.plot.plot(pen=pg.mkPen(faint, width=1), connect="finite")
        self._left_out.setZValue(-1)
        self._active = pg.ScatterPlotItem(size=5, pen=None, brush=pg.mkBrush(GREEN), symbol="t1")
        self.plot.addItem(self._active)
        self.caption = text_label("")
        self.run = button("Run", "Apply to all neurons, in the background.", self._toggle)
        self.undo = button(
            "Undo", "Back to the recording as it was before, and to its model.", self._undo
        )
        self.bar = QProgressBar()
        self.bar.hide()
        self.result = text_label("")
        row = QHBoxLayout()
        row.addWidget(self.run)
        row.addWidget(self.undo)
        self.body = QWidget()
        self.body.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        column = QVBoxLayout(self.body)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(form)
        # Where there is no plot the fields stay together.
        column.addWidget(self.plot, 100)
        column.addWidget(self.caption)
        column.addLayout(row)
        column.addWidget(self.bar)
        column.addWidget(self.result)
        column.addStretch(1)
        layout = page(self)
        layout.addWidget(self.message, 0, Qt.AlignmentFlag.AlignTop)
        layout.addWidget(self.body, 1)

        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_PREVIEW_MS)
        self._timer.timeout.connect(self._preview)
        self.workspace.recording_changed.connect(self._show_recording)
        self.workspace.neuron_changed.connect(self._preview_soon)
        self.undo.setEnabled(False)
        self._on_method()
        self._show_recording()

    # --- choices --------------------------------------------------------------------------

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
            method=method,
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

    def _on_method(self) -> None:
        method = str(self.method.currentData())
        usual = METHODS[method]
        if usual is not None:
            self.threshold.setValue(usual)
            self.threshold.setSuffix(_UNITS[method])
        self._show_used()
        self._preview_soon()

    def _show_used(self) -> None:
        """Only the fields that count for the method and for what the recording has."""
        recording, method = self.workspace.recording, str(self.method.currentData())
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
            self.form.setRowVisible(getattr(self, name), shown)

    def _ticked(self) -> tuple[str, ...]:
        """Regions to keep neurons of."""
        items = (self.regions.item(row) for row in range(self.regions.count()))
        return tuple(i.text() for i in items if i.checkState() == Qt.CheckState.Checked)

    def _list_choices(self, recording: Recording) -> None:
        """Traces and regions of a newly opened recording."""
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

    # --- preview --------------------------------------------------------------------------

    def _preview_soon(self) -> None:
        self._timer.start()

    def _preview(self) -> None:
        recording = self.workspace.recording
        if recording is None:
            return
        neuron = self.workspace.neuron or 0
        drawn = recording.fluorescence is not None and self.method.currentData() != "keep"
        self.plot.setVisible(drawn)
        if not drawn:
            self.caption.setText("")
            return
        try:
            steps = self.steps()
            first = first_frame(recording, steps)
            frames = kept_frames(recording, steps)
            made = stages(
                self._trace_of(recording, neuron)[first:, None], frame_rate_hz(recording), steps
            )
        except CRBMError as error:
            self.caption.setText(str(error))
            return
        times = recording.times[first:]
        trace = self._trace_of(recording, neuron)[first:]
        self._curve.setData(times, trace)
        baseline = made.baseline
        self._level.setData(
            times if baseline is not None else [], baseline[:, 0] if baseline is not None else []
        )
        kept = np.zeros(recording.n_frames, dtype=bool)
        kept[frames] = True
        active = np.flatnonzero(made.active[:, 0] & kept[first:])
        top = float(np.nanmax(trace)) if np.isfinite(trace).any() else 0.0
        self._active.setData(times[active], np.full(len(active), top))
        gone = recording.times[~kept]
        low = float(np.nanmin(trace)) if np.isfinite(trace).any() else 0.0
        # Only a hint; thousands of lines would hold up the window.
        gone = gone[:: max(1, len(gone) // 1000)]
        lines = np.tile([low, top, np.nan], len(gone))
        self._left_out.setData(np.repeat(gone, 3), lines)
        self.caption.setText(
            f"<b>Neuron {neuron}</b>: active in {len(active):,} of {len(frames):,} frames "
            f"({100 * len(active) / len(frames):.1f} %). Click another neuron in the brain."
        )

    def _trace_of(self, recording: Recording, neuron: int) -> NDArray[np.float32]:
        known = self._trace
        if known is None or known[0] is not recording or known[1] != neuron:
            assert recording.fluorescence is not None
            known = self._trace = (recording, neuron, recording.fluorescence.trace(neuron))
        return known[2]

    # --- running --------------------------------------------------------------------------

    def _toggle(self) -> None:
        if self._control is not None:
            self._control.stop()
            return
        recording = self.workspace.recording
        if recording is None:
            return
        if self.home.runs.training:
            show_warning(_TRAINING)
            return
        try:
            steps = self.steps()
        except CRBMError as error:
            show_error(str(error))
            return
        control = self._control = Control()

        def work(report: Callable[[int, int], None]) -> Recording | None:
            try:
                return preprocess(recording, steps, progress=report, control=control)
            except PreprocessingStopped:
                return None

        self.run.setText("Cancel")
        self.bar.setRange(0, 0)
        self.bar.show()
        job = self.home.run(
            "Preprocessing", work, lambda made: self._done(recording, made), self._stopped
        )
        job.progressed.connect(self._show_progress)

    def _show_progress(self, done: int, total: int) -> None:
        self.bar.setRange(0, total)
        self.bar.setValue(done)

    def _stopped(self) -> None:
        self._control = None
        self.run.setText("Run")
        self.bar.hide()

    def _done(self, before: Recording, made: Recording | None) -> None:
        self._stopped()
        if made is None:
            self.result.setText("Cancelled; nothing was changed.")
            return
        if self.home.runs.training:
            show_warning(_TRAINING)
            return
        if made.fingerprint == before.fingerprint:
            self.result.setText("Nothing was left out, so the recording stays as it is.")
            return
        kept = _Before(before, self.workspace.trained, self.workspace.model_path)
        self.workspace.open(made)
        self._before = kept
        self.undo.setEnabled(True)
        dropped = dropped_text(made.provenance[-1].parameters["dropped"])
        text = f"Neurons are active in {100 * made.spikes.rate:.2g} % of frames; {dropped}."
        warning = activity_warning(made.spikes)
        self.result.setText(f"{text} {warning}" if warning else text)

    def _undo(self) -> None:
        if self.home.runs.training:
            show_warning(_TRAINING)
        elif self._before is not None:
            before, self._before = self._before, None
            self.workspace.open(before.recording)
            if before.trained is not None:
                self.workspace.show_model(before.trained, before.model_path)

    def _show_recording(self) -> None:
        recording = self.workspace.recording
        self._before = None
        self.undo.setEnabled(False)
        self.result.setText("")
        self.body.setVisible(recording is not None)
        if recording is None:
            self.message.setText(_NO_RECORDING)
            return
        self._list_choices(recording)
        self._show_used()
        has = recording.fluorescence is not None
        self.message.setText(_WHAT if has else _NO_FLUORESCENCE)
        for index in range(self.method.count()):
            keeps = self.method.itemData(index) == "keep"
            self.method.model().item(index).setEnabled(has or keeps)
        if not has:
            self.method.setCurrentIndex(self.method.findData("keep"))
        elif self.method.currentData() == "keep":
            self.method.setCurrentIndex(0)
        self._preview_soon()


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
