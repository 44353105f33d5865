"""The *Train* dock: start, watch, pause and stop a training; load and save models."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyqtgraph as pg
from napari.utils.notifications import show_error, show_info
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QProgressBar,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_crbm.errors import CRBMError, ModelError
from napari_crbm.model import Pace, Progress, Settings, duration, measure_pace
from napari_crbm.model.compilation import compile_ahead, compiled
from napari_crbm.viewer.background import Job
from napari_crbm.viewer.device_box import DeviceBox
from napari_crbm.viewer.home import home_of
from napari_crbm.viewer.style import BLUE, ORANGE, button, plot, text_label

_RECIPES = {
    "Default": ("default", "Suits most recordings."),
    "Quick look": ("quick", "Finds the assemblies; statistics are still rough."),
    "As published": (
        "paper",
        "200 assemblies, penalty 0.02, 200,000 updates from random weights: hours to days.",
    ),
}
_NO_RECORDING = "Open a recording first (Recording dock)."
_COMPILING = (
    "Ready. Compiling the numerical core meanwhile: under a minute after an installation, "
    "a moment later on."
)
_READY = "Ready. The defaults suit most recordings: press Start."


class TrainWidget(QWidget):
    """Settings, controls, progress and live curve of one training."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.home = home_of(napari_viewer)
        self.setMinimumWidth(320)
        layout = QVBoxLayout(self)
        layout.addLayout(self._make_settings())
        layout.addLayout(self._make_controls())
        self.bar = QProgressBar()
        self.bar.setTextVisible(True)
        self.status = text_label("")
        layout.addWidget(self.bar)
        layout.addWidget(self.status)
        self.curve = plot(self.home.viewer, "Update", "Pseudo-likelihood (nats)", height=150)
        self.curve.addLegend(offset=(-8, -8), labelTextSize="8pt")
        self.curve.setToolTip(
            "Mean log-probability of a neuron's state given all others, higher is better.\n"
            "Held-out frames are not trained on: while their curve rises, the model learns\n"
            "something that generalises."
        )
        self._lines = {
            "pseudo_likelihood": self.curve.plot(pen=pg.mkPen(BLUE, width=2), name="training"),
            "test_pseudo_likelihood": self.curve.plot(
                pen=pg.mkPen(ORANGE, width=2), name="held out"
            ),
        }
        self._series: dict[str, tuple[list[int], list[float]]] = {}
        layout.addWidget(self.curve, 1)
        layout.addLayout(self._make_files())

        self.home.progressed.connect(self._on_progress)
        self.home.training_changed.connect(self._refresh)
        self.home.busy_changed.connect(lambda _: self._refresh())
        self.home.workspace.recording_changed.connect(self._on_recording)
        self.home.workspace.trained_changed.connect(self._refresh)
        self._pace: Pace | None = None
        self._measuring: Job | None = None
        # Settings are typed one key at a time; the machine is asked once they rest.
        self._settled = QTimer(self, singleShot=True, interval=600)
        self._settled.timeout.connect(self._measure)
        self.n_hidden.textChanged.connect(self._on_cost_changed)
        self.recipe.currentTextChanged.connect(self._on_cost_changed)
        self.n_updates.valueChanged.connect(lambda _: self._refresh())
        self._compiling = Job(lambda _: compile_ahead(), self)
        self._compiling.done.connect(self._on_compiled)
        if not compiled():
            self._compiling.start()
        self._on_recording()

    # --- layout -------------------------------------------------------------------------

    def _make_settings(self) -> QFormLayout:
        self.recipe = QComboBox()
        for label in _RECIPES:
            self.recipe.addItem(label)
        self.recipe.currentTextChanged.connect(self._on_recipe)
        self.n_hidden = QLineEdit()
        self.n_hidden.setToolTip(
            "How many assemblies to look for. 'auto' counts the directions in which the\n"
            "recording varies more than chance would."
        )
        self.l1 = QLineEdit()
        self.l1.setToolTip(
            "Sparse penalty: larger means smaller assemblies. 'auto' scales it to the\n"
            "recording; much larger values set all weights to zero."
        )
        self.n_updates = QSpinBox()
        self.n_updates.setRange(10, 1_000_000)
        self.n_updates.setSingleStep(500)
        self.n_updates.setGroupSeparatorShown(True)
        self.n_updates.setToolTip("Parameter updates; more is slower and more accurate.")
        self.seed = QSpinBox()
        self.seed.setRange(0, 999_999)
        self.seed.setToolTip("The same seed gives the same model.")
        self.device = DeviceBox()
        form = QFormLayout()
        for label, field in (
            ("Recipe", self.recipe),
            ("Assemblies", self.n_hidden),
            ("Penalty (l1)", self.l1),
            ("Updates", self.n_updates),
            ("Seed", self.seed),
            ("Device", self.device),
        ):
            form.addRow(label, field)
        self._on_recipe(self.recipe.currentText())
        return form

    def _make_controls(self) -> QVBoxLayout:
        self.start_button = button("Start", "Train on the open recording.", self._start)
        self.pause_button = button(
            "Pause", "Wait after the current update; press again to go on.", self._pause
        )
        self.stop_button = button(
            "Stop", "End training now and keep the model reached so far.", self._stop
        )
        row = QHBoxLayout()
        for control in (self.start_button, self.pause_button, self.stop_button):
            row.addWidget(control)
        self.forming = QCheckBox("Show assemblies while they form")
        self.forming.setChecked(True)
        self.forming.setToolTip("Update the chosen assembly in the canvas during training.")
        self.forming.toggled.connect(self._on_forming)
        column = QVBoxLayout()
        column.addLayout(row)
        column.addWidget(self.forming)
        return column

    def _make_files(self) -> QHBoxLayout:
        self.load_button = button(
            "Load model...", "Show a model trained earlier on this recording.", self._load
        )
        self.save_button = button("Save model...", "Write the model to a file.", self._save)
        self.checkpoint_button = button(
            "Save checkpoint...",
            "Write everything needed to continue this training later, bit for bit.",
            self._save_checkpoint,
        )
        self.resume_button = button(
            "Continue from...", "Continue a training from its checkpoint.", self._resume
        )
        columns = QHBoxLayout()
        for pair in (
            (self.load_button, self.save_button),
            (self.resume_button, self.checkpoint_button),
        ):
            column = QVBoxLayout()
            for control in pair:
                column.addWidget(control)
            columns.addLayout(column)
        return columns

    # --- what the person does ---------------------------------------------------------------

    def _on_compiled(self, _result: object) -> None:
        self._refresh()
        self._settled.start()

    def _on_cost_changed(self, _text: str) -> None:
        self._pace = None
        self._refresh()
        self._settled.start()

    def _measure(self) -> None:
        """Find out in the background how long a training would take."""
        recording = self.home.workspace.recording
        if recording is None or self.home.training or not compiled():
            return
        if self._measuring is not None and self._measuring.running:
            self._settled.start()
            return
        try:
            settings = self.settings()
        except CRBMError:
            return
        self._measuring = job = Job(lambda _: measure_pace(recording.spikes, settings), self)
        job.done.connect(lambda pace: self._on_pace(pace, recording, settings))
        job.start()

    def _on_pace(self, pace: Pace, recording: Any, settings: Settings) -> None:
        try:
            current = replace(self.settings(), n_updates=settings.n_updates)
        except CRBMError:
            return
        same = (current.n_hidden, current.n_chains) == (settings.n_hidden, settings.n_chains)
        if same and recording is self.home.workspace.recording:
            self._pace = pace
            self._refresh()

    def _on_recipe(self, label: str) -> None:
        name, tip = _RECIPES[label]
        settings = Settings.named(name)
        self.recipe.setToolTip(tip)
        self.n_hidden.setText(str(settings.n_hidden))
        self.l1.setText(str(settings.l1))
        self.n_updates.setValue(settings.n_updates)

    def settings(self) -> Settings:
        """The settings as entered.

        Raises
        ------
        ModelError
            If a field holds neither a number nor "auto".
        """
        return Settings.named(
            _RECIPES[self.recipe.currentText()][0],
            n_hidden=_number_or_auto("Assemblies", self.n_hidden.text(), int),
            l1=_number_or_auto("Penalty (l1)", self.l1.text(), float),
            n_updates=self.n_updates.value(),
            random_state=self.seed.value(),
            device=self.device.device,
        )

    def _start(self, resume: dict[str, Any] | None = None) -> None:
        try:
            self.home.start_training(self.settings(), resume)
        except CRBMError as error:
            show_error(str(error))
            return
        self._series.clear()
        for line in self._lines.values():
            line.setData([], [])

    def _pause(self) -> None:
        session = self.home.session
        if session is None:
            return
        if session.control.paused:
            session.control.resume()
        else:
            session.control.pause()
        self._refresh()

    def _stop(self) -> None:
        if self.home.session is not None:
            self.home.session.control.stop()
            self.stop_button.setEnabled(False)
            self.status.setText("Stopping after the current update ...")

    def _on_forming(self, wanted: bool) -> None:
        self.home.show_forming = wanted
        if not wanted:
            self.home.workspace.show_forming(None)

    def _load(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Load a model", "", "Models (*.h5)")
        if path:
            self.home.open_file(path)

    def _save(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, "Save the model", "model.h5", "Models (*.h5)")
        if path:
            self.save_model(Path(path))

    def save_model(self, path: Path) -> None:
        """Write the shown model in the background."""
        workspace = self.home.workspace
        trained, recording = workspace.trained, workspace.recording
        if trained is None:
            return

        def work(_report: Any) -> Path:
            from napari_crbm.io import save_model

            save_model(trained.model, path, recording)
            return path

        self.home.run(f"Saving {path.name}", work, lambda p: show_info(f"Saved {p.name}."))

    def _save_checkpoint(self) -> None:
        path, _ = QFileDialog.getSaveFileName(
            self, "Save a checkpoint", "training.checkpoint.h5", "Checkpoints (*.h5)"
        )
        if path:
            self.save_checkpoint(Path(path))

    def save_checkpoint(self, path: Path) -> None:
        """Write a checkpoint of the paused or ended training in the background."""
        session = self.home.session
        if session is None:
            return

        def work(_report: Any) -> Path:
            session.checkpoint_to(path)
            return path

        self.home.run(f"Saving {path.name}", work, lambda p: show_info(f"Saved {p.name}."))

    def _resume(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self, "Continue from a checkpoint", "", "Checkpoints (*.h5)"
        )
        if path:
            self.resume_from(Path(path))

    def resume_from(self, path: Path) -> None:
        """Continue a training from its checkpoint."""

        def work(_report: Any) -> dict[str, Any]:
            from napari_crbm.io import load_checkpoint

            return load_checkpoint(path)

        self.home.run(f"Reading {path.name}", work, self._start)

    # --- what is shown --------------------------------------------------------------------

    def _on_recording(self) -> None:
        self._pace = None
        self._settled.start()
        self._series.clear()
        for line in self._lines.values():
            line.setData([], [])
        self.bar.setRange(0, 1)
        self.bar.setValue(0)
        self.bar.setFormat("")
        self._refresh()

    def _refresh(self) -> None:
        home = self.home
        recording, training = home.workspace.recording, home.training
        paused = training and home.session is not None and home.session.control.paused
        can_save = home.session is not None and home.session.training.update > 0
        for control in (
            self.recipe,
            self.n_hidden,
            self.l1,
            self.n_updates,
            self.seed,
            self.device,
        ):
            control.setEnabled(not training)
        self.start_button.setEnabled(recording is not None and not training)
        self.pause_button.setEnabled(training)
        self.pause_button.setText("Resume" if paused else "Pause")
        self.stop_button.setEnabled(training)
        self.load_button.setEnabled(recording is not None and not training)
        self.resume_button.setEnabled(recording is not None and not training)
        self.save_button.setEnabled(home.workspace.trained is not None and not training)
        self.checkpoint_button.setEnabled(can_save and (paused or not training))
        if training:
            return
        trained = home.workspace.trained
        if recording is None:
            self.status.setText(_NO_RECORDING)
        elif trained is None:
            self.status.setText((_READY if compiled() else _COMPILING) + self._expected())
        else:
            self.status.setText(
                f"Trained: {trained.model.n_assemblies} assemblies. Look at them in the "
                "Assemblies dock."
            )

    def _expected(self) -> str:
        if self._pace is None:
            return ""
        return f" It will take about {duration(self._pace.total(self.n_updates.value()))}."

    def _on_progress(self, progress: Progress) -> None:
        self.bar.setRange(0, progress.n_updates)
        self.bar.setValue(progress.update)
        self.bar.setFormat(f"{progress.update:,} of {progress.n_updates:,} updates")
        if progress.phase == "preparing":
            self.status.setText("Preparing: finding first assemblies, compiling on first use ...")
        elif progress.phase == "paused":
            self.status.setText("Paused. Press Resume to go on, or save a checkpoint.")
        elif progress.phase == "training":
            self.status.setText(
                f"Training for {duration(progress.elapsed_s)}"
                + (f", about {duration(progress.eta_s)} left." if progress.eta_s else ".")
            )
        else:
            self.status.setText("Computing the activity of all assemblies ...")
        for name, line in self._lines.items():
            value = progress.statistics.get(name)
            if value is None:
                continue
            updates, values = self._series.setdefault(name, ([], []))
            if not values or value != values[-1]:
                updates.append(progress.update)
                values.append(value)
                line.setData(updates, values)
        paused = self.home.session is not None and self.home.session.control.paused
        self.checkpoint_button.setEnabled(paused and progress.phase == "paused")


def _number_or_auto(field: str, text: str, kind: type) -> Any:
    text = text.strip()
    if text == "auto":
        return text
    try:
        return kind(text)
    except ValueError:
        raise ModelError(f"{field}: '{text}' is neither a number nor 'auto'.") from None
