"""The *Preprocess* dock: fluorescence to spikes, with a preview for one neuron."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import (
    QHBoxLayout,
    QProgressBar,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_crbm.errors import CRBMError
from napari_crbm.model import Control
from napari_crbm.preprocessing import (
    PreprocessingStopped,
    activity_warning,
    dropped_text,
    preprocess,
)
from napari_crbm.recording import Recording
from napari_crbm.viewer.docks.preprocess.form import PreprocessForm
from napari_crbm.viewer.docks.preprocess.preview import TracePreview
from napari_crbm.viewer.home import home_of
from napari_crbm.viewer.parts.notices import show_error, show_warning
from napari_crbm.viewer.parts.style import button, page, text_label
from napari_crbm.viewer.parts.widget_lifetime import follow
from napari_crbm.viewer.state.trained import Trained

_NO_RECORDING = "No recording yet. Open one in the Recording dock."
_NO_FLUORESCENCE = "This recording holds spikes only: you can leave out frames and neurons."
_WHAT = "Choose how fluorescence becomes spikes; the plot shows it for one neuron."
_TRAINING = "Stop the training before you change the recording."
_READY = (
    "The preprocessed recording is ready. A training is running, so it is not opened yet: press "
    "Apply when the training has ended."
)
_PREVIEW_MS = 150


class _Before(NamedTuple):
    """Recording and model that were open before a run."""

    recording: Recording
    trained: Trained | None
    model_path: Path | None


class PreprocessWidget(QWidget):
    """Choose steps, preview them for one neuron, and apply them to all neurons."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.home = home_of(napari_viewer)
        self.workspace = self.home.workspace
        self.setMinimumWidth(340)
        self._control: Control | None = None
        self._before: _Before | None = None
        # A recording preprocessed during a training, and the one it was made from.
        self._waiting: tuple[Recording, Recording] | None = None

        self.message = text_label(_NO_RECORDING)
        self.form = PreprocessForm(self.home.viewer)
        self.preview = TracePreview(self.home.viewer)
        self.run = button("Run", "Apply to all neurons, in the background.", self._toggle)
        self.undo = button(
            "Undo", "Back to the recording as it was before, and to its model.", self._undo
        )
        self.apply = button("Apply", "Open the preprocessed recording.", self._apply)
        self.apply.hide()
        self.bar = QProgressBar()
        self.bar.hide()
        self.result = text_label("")
        row = QHBoxLayout()
        row.addWidget(self.run)
        row.addWidget(self.apply)
        row.addWidget(self.undo)
        self.body = QWidget()
        self.body.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        column = QVBoxLayout(self.body)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.form)
        # The stretch keeps the fields together where there is no plot.
        column.addLayout(self.preview, 100)
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
        self.form.changed.connect(self._preview_soon)
        self.home.runs.training_changed.connect(self._allow_apply)
        follow(self, self.workspace.recording_changed, self._show_recording)
        follow(self, self.workspace.neuron_changed, self._preview_soon)
        self.undo.setEnabled(False)
        # Only now: a field shown before it has a parent would open as a separate window.
        self.form.show_used()
        self._show_recording()

    def _preview_soon(self) -> None:
        self._timer.start()

    def _preview(self) -> None:
        recording = self.workspace.recording
        if recording is None:
            return
        if recording.fluorescence is None or self.form.method == "keep":
            self.preview.hide()
            return
        try:
            self.preview.show_neuron(recording, self.workspace.neuron or 0, self.form.steps())
        except CRBMError as error:
            self.preview.caption.setText(str(error))

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
            steps = self.form.steps()
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
            "Preprocessing",
            work,
            lambda made: self._done(recording, made),
            self._stopped,
            owner=self,
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
        if made.fingerprint == before.fingerprint:
            self.result.setText("Nothing was left out, so the recording stays as it is.")
        elif self.home.runs.training:
            self._waiting = (before, made)
            self.result.setText(_READY)
            self.apply.show()
            self._allow_apply()
        else:
            self._open(before, made)

    def _allow_apply(self) -> None:
        self.apply.setEnabled(not self.home.runs.training)

    def _apply(self) -> None:
        """Open the recording that was preprocessed during a training."""
        if self._waiting is not None:
            self._open(*self._waiting)

    def _open(self, before: Recording, made: Recording) -> None:
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
        self._before = self._waiting = None
        self.undo.setEnabled(False)
        self.apply.hide()
        self.result.setText("")
        self.body.setVisible(recording is not None)
        if recording is None:
            self.message.setText(_NO_RECORDING)
            return
        self.form.list_choices(recording)
        self.message.setText(_NO_FLUORESCENCE if recording.fluorescence is None else _WHAT)
        self._preview_soon()
