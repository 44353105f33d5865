"""The *Train* dock: start, monitor, pause and stop a training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from napari_crbm.analysis.matching.halves import half_settings
from napari_crbm.errors import CRBMError
from napari_crbm.model import Progress, Settings, duration
from napari_crbm.model.training.compile_ahead import compile_ahead, compiled
from napari_crbm.model.training.settings import check_against
from napari_crbm.viewer.docks.train.curve import TrainCurve
from napari_crbm.viewer.docks.train.files import KeptOffers, TrainFiles
from napari_crbm.viewer.docks.train.form import TrainForm
from napari_crbm.viewer.docks.train.times import TrainTimes
from napari_crbm.viewer.home import home_of
from napari_crbm.viewer.jobs.job import Job
from napari_crbm.viewer.jobs.runs import SWEEP_RUNS
from napari_crbm.viewer.parts.notices import show_error
from napari_crbm.viewer.parts.saved_fields import save_field
from napari_crbm.viewer.parts.style import button, page, text_label
from napari_crbm.viewer.parts.widget_lifetime import follow

_NO_RECORDING = "Open a recording first (Recording dock)."
_COMPILING = (
    "Ready. The numerical core is being compiled: up to a minute after an installation, a few "
    "seconds later on."
)
_READY = "Ready. The defaults suit most recordings: press Start."
_NO_ACTIVITY = (
    "No model can be trained on this recording: no neuron is active in any frame. Check how its "
    "activity was binarised (Recording and Preprocess docks)."
)
_UNTRAINED = "Stopped before the first update, so nothing was trained."
_START = "Train on the open recording."
_KEEPS = " The present model stays under Earlier models."
_STILL_SHOWN = "The previous model is still shown."
_MEASURING = " Measuring how long it will take ..."


class TrainWidget(QWidget):
    """Settings, controls, progress and live curve of one training."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.home = home_of(napari_viewer)
        self.runs = self.home.runs
        self._untrained = False
        self.setMinimumWidth(320)
        self.form = TrainForm()
        self.files = TrainFiles(self.home, self, self._start)
        self.files.saved.connect(self._refresh)
        self.kept = KeptOffers(self.home, self.files.resume_from)
        self.bar = QProgressBar()
        self.bar.setTextVisible(True)
        self.status = text_label("")
        self.curve = TrainCurve(self.home.viewer)
        layout = page(self)
        layout.addWidget(self.form)
        layout.addLayout(self._make_controls())
        layout.addLayout(self.kept)
        layout.addWidget(self.bar)
        layout.addWidget(self.status)
        # Above the curve, which appears with a training, so that the buttons stay in place.
        layout.addLayout(self.files)
        layout.addWidget(self.curve.plot, 1)
        layout.addStretch(0)

        self.runs.progressed.connect(self._on_progress)
        self.runs.training_changed.connect(self._on_training)
        self.home.busy_changed.connect(self._refresh)
        self.runs.sweep_changed.connect(self._on_sweep)
        follow(self, self.home.workspace.recording_changed, self._on_recording)
        follow(self, self.home.workspace.trained_changed, self._on_trained)
        self.times = TrainTimes(self.home, self.form, self)
        self.times.measured.connect(self._refresh)
        self.form.cost_changed.connect(self._on_cost_changed)
        self.form.settings_changed.connect(self._refresh)
        self._compiling = Job(lambda _: compile_ahead(), self)
        self._compiling.done.connect(self._on_compiled)
        self._on_recording()

    def _make_controls(self) -> QVBoxLayout:
        self.start_button = button("Start", _START, self._start)
        self.pause_button = button(
            "Pause", "Pause after the current update; press again to resume.", self._pause
        )
        self.stop_button = button(
            "Stop", "End the training now and keep the model reached so far.", self._stop
        )
        row = QHBoxLayout()
        for control in (self.start_button, self.pause_button, self.stop_button):
            row.addWidget(control)
        self.forming = QCheckBox("Show assemblies while they form")
        self.forming.setChecked(True)
        self.forming.setToolTip("Update the chosen assembly on the canvas during training.")
        self.forming.toggled.connect(self._on_forming)
        save_field("train/forming", self.forming)
        column = QVBoxLayout()
        column.addLayout(row)
        column.addWidget(self.forming)
        return column

    # --- actions --------------------------------------------------------------------------

    def settings(self) -> Settings:
        """Return the settings as entered; see `TrainForm.settings`."""
        return self.form.settings()

    def _on_compiled(self, _result: object) -> None:
        self._refresh()
        self.times.measure_soon()

    def _on_cost_changed(self) -> None:
        self.times.forget()
        self._refresh()

    def _start(
        self, resume: dict[str, Any] | None = None, resumed_from: Path | None = None
    ) -> None:
        try:
            settings = self.settings()
            self.home.halves.planned = half_settings(settings) if self.form.checks else None
            self.runs.start_training(settings, resume, resumed_from)
        except CRBMError as error:
            self.home.halves.planned = None
            show_error(str(error))
            return
        self._untrained = False
        self.curve.clear()

    def _on_trained(self) -> None:
        self._untrained = False
        self._refresh()

    def _on_training(self) -> None:
        session = self.runs.session
        stopped = not self.runs.training and session is not None and session.control.stopped
        self._untrained = stopped and session is not None and not session.training.update
        if self._untrained:
            self.curve.clear()
        self._refresh()

    def _on_sweep(self) -> None:
        self._refresh()
        if not self.runs.sweeping:
            self.times.measure_soon()

    def _pause(self) -> None:
        session = self.runs.session
        if session is None:
            return
        if session.control.paused:
            session.control.resume()
        else:
            session.control.pause()
        self._refresh()

    def _stop(self) -> None:
        if self.runs.session is not None:
            self.runs.session.control.stop()
            self.stop_button.setEnabled(False)
            self.status.setText("Stopping after the current step ...")

    def _on_forming(self, wanted: bool) -> None:
        self.runs.show_forming = wanted
        if not wanted:
            self.home.workspace.show_forming(None)

    # --- display --------------------------------------------------------------------------

    def _on_recording(self) -> None:
        self.times.forget()
        # Compile only once a recording is open.
        waits = not compiled() and not self._compiling.running
        if waits and self.home.workspace.recording is not None:
            self._compiling.start()
        self.curve.clear()
        self.bar.setRange(0, 1)
        self.bar.setValue(0)
        self.bar.setFormat("")
        self._refresh()

    def _refresh(self) -> None:
        home = self.home
        recording, training = home.workspace.recording, self.runs.training
        sweeping = self.runs.sweeping
        paused = training and self.runs.session is not None and self.runs.session.control.paused
        self.form.allow(not training)
        trainable = recording is not None and bool(recording.spikes.frame_counts.any())
        self.start_button.setEnabled(trainable and not training and not sweeping)
        keeps = _KEEPS if self.runs.unsaved else ""
        self.start_button.setToolTip(SWEEP_RUNS if sweeping else _START + keeps)
        self.pause_button.setEnabled(training)
        self.pause_button.setText("Resume" if paused else "Pause")
        self.stop_button.setEnabled(training)
        self.files.refresh()
        self.kept.refresh()
        self.form.show_times(self._times_of_recipes())
        if training:
            return
        trained = home.workspace.trained
        if recording is None:
            self.status.setText(_NO_RECORDING)
        elif not trainable:
            self.status.setText(_NO_ACTIVITY)
        elif sweeping:
            self.status.setText(SWEEP_RUNS)
        elif self._untrained:
            self.status.setText(_UNTRAINED if trained is None else f"{_UNTRAINED} {_STILL_SHOWN}")
        elif trained is None:
            self.status.setText(self._ready())
        else:
            unsaved = " The model is kept under Earlier models; save it to a file of your own."
            self.status.setText(
                f"Trained. {trained.found}{self._ended_early()} See the "
                f"Assemblies dock.{unsaved if self.runs.unsaved else ''}"
            )

    def _ended_early(self) -> str:
        """Return a sentence if patience has ended the training before its last update."""
        session = self.runs.session
        if session is None or not session.training.finished:
            return ""
        training = session.training
        if training.update >= training.settings.n_updates:
            return ""
        return (
            f" Ended at update {training.update:,}: the held-out pseudo-likelihood no longer "
            "rises, and the best model is kept."
        )

    def _ready(self) -> str:
        """Return a message: whether the training can start, and its expected duration."""
        recording = self.home.workspace.recording
        try:
            settings = self.settings()
            if recording is not None:
                check_against(settings, recording.spikes)
        except CRBMError as error:
            return str(error)
        if not compiled():
            return _COMPILING
        seconds = self.times.of(settings)
        if seconds is None:
            return _READY + _MEASURING
        text = f"{_READY} It will take about {duration(seconds)}"
        after = self.times.of_halves(settings)
        if self.form.checks and after is not None:
            text += f", and the two halves afterwards about {duration(after)}"
        return f"{text}."

    def _times_of_recipes(self) -> dict[str, float | None]:
        """Return the duration of every recipe in seconds, or None where it is unknown."""
        return {label: self.times.of(recipe) for label, recipe in self.form.recipes().items()}

    def _on_progress(self, progress: Progress) -> None:
        self.bar.setRange(0, progress.n_updates)
        self.bar.setValue(progress.update)
        self.bar.setFormat(f"{progress.update:,} of {progress.n_updates:,} updates")
        if progress.phase == "preparing":
            self.status.setText(_preparing(progress.n_found))
        elif progress.phase == "paused":
            problem = self.runs.session.problem if self.runs.session is not None else None
            why = problem or "Paused."
            self.status.setText(f"{why} Press Resume to continue, or save a checkpoint.")
            # It may have paused by itself.
            self._refresh()
        elif progress.phase == "training":
            self.status.setText(
                f"Training for {duration(progress.elapsed_s)}"
                + (f", about {duration(progress.eta_s)} left." if progress.eta_s else ".")
            )
        else:
            self.status.setText("Computing the activity of all assemblies ...")
        session = self.runs.session
        if session is not None:
            # Includes the updates from before this dock was opened.
            self.curve.draw(session.training.history)
        paused = session is not None and session.control.paused
        self.files.checkpoint_button.setEnabled(paused and progress.phase == "paused")


def _preparing(n_found: int | None) -> str:
    """Return the state of a training before its first update."""
    if n_found is None:
        return "Preparing: finding initial assemblies, compiling on first use ..."
    return f"Preparing: {n_found} assemblies found so far, looking for more ..."
