"""The *Train* dock: start, watch, pause and stop a training; load and save models."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyqtgraph as pg
from napari.utils.notifications import show_error, show_info
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
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
from napari_crbm.model.settings import check_against
from napari_crbm.recording import Recording
from napari_crbm.viewer.background import Job
from napari_crbm.viewer.device_box import DeviceBox
from napari_crbm.viewer.home import home_of
from napari_crbm.viewer.kept import Kept, kept_checkpoint, kept_model
from napari_crbm.viewer.remember import ask_open, ask_save, remember
from napari_crbm.viewer.seen import WhenSeen
from napari_crbm.viewer.style import BLUE, ORANGE, button, page, plot, text_label

_DEFAULT = "Careful"
_RECIPES = {
    "Quick look": ("quick", "Finds the assemblies; statistics are still rough."),
    _DEFAULT: ("default", "The default; suits most recordings."),
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
_MEASURING = " Measuring how long it will take ..."


class TrainWidget(QWidget):
    """Settings, controls, progress and live curve of one training."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.home = home_of(napari_viewer)
        self.setMinimumWidth(320)
        layout = page(self)
        layout.addLayout(self._make_settings())
        layout.addLayout(self._make_controls())
        layout.addLayout(self._make_kept())
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
        self._drawn = 0
        layout.addWidget(self.curve, 1)
        layout.addStretch(0)
        layout.addLayout(self._make_files())

        self.home.progressed.connect(self._on_progress)
        self.home.training_changed.connect(self._refresh)
        self.home.busy_changed.connect(lambda _: self._refresh())
        self.home.workspace.recording_changed.connect(self._on_recording)
        self.home.workspace.trained_changed.connect(self._refresh)
        self._paces: dict[tuple[Any, ...], Pace] = {}
        self._measuring: Job | None = None
        # Settings are typed one key at a time; the machine is asked once they rest.
        self._settled = QTimer(self, singleShot=True, interval=600)
        # Not while nobody looks: the processor has better things to do.
        self._seen = WhenSeen(self, self._measure)
        self._settled.timeout.connect(self._seen.request)
        self.n_hidden.textChanged.connect(self._on_cost_changed)
        self.recipe.currentTextChanged.connect(self._on_cost_changed)
        self.device.currentTextChanged.connect(self._on_cost_changed)
        self.n_updates.valueChanged.connect(lambda _: self._refresh())
        self._compiling = Job(lambda _: compile_ahead(), self)
        self._compiling.done.connect(self._on_compiled)
        self._on_recording()

    # --- layout -------------------------------------------------------------------------

    def _make_settings(self) -> QFormLayout:
        self.recipe = QComboBox()
        for label, (_, tip) in _RECIPES.items():
            self.recipe.addItem(label)
            self.recipe.setItemData(self.recipe.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self.recipe.setCurrentText(_DEFAULT)
        remember("train/recipe", self.recipe)
        self.recipe.currentTextChanged.connect(self._on_recipe)
        self.estimates = text_label("")
        self.estimates.setToolTip(
            "Measured on this machine and this recording, by a few real updates of every recipe."
        )
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
        self.patience = QSpinBox()
        self.patience.setRange(0, 60)
        self.patience.setSpecialValueText("off")
        self.patience.setToolTip(
            "Stop early: lower the learning rate when the held-out pseudo-likelihood has not\n"
            "risen for so many of the training's sixty evaluations (5 is usual), end when the\n"
            "rate has come down, and keep the best model on the way."
        )
        self.seed = QSpinBox()
        self.seed.setRange(0, 999_999)
        self.seed.setToolTip("The same seed gives the same model.")
        self.device = DeviceBox()
        form = QFormLayout()
        for label, field in (
            ("Recipe", self.recipe),
            ("", self.estimates),
            ("Assemblies", self.n_hidden),
            ("Penalty (l1)", self.l1),
            ("Updates", self.n_updates),
            ("Patience", self.patience),
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
        remember("train/forming", self.forming)
        column = QVBoxLayout()
        column.addLayout(row)
        column.addWidget(self.forming)
        return column

    def _make_kept(self) -> QVBoxLayout:
        """Offers to go on with what was trained on this recording before."""
        self.continue_button = button(
            "",
            "Go on where that training was stopped, or cut off when the viewer was closed.",
            lambda: self._continue(kept_checkpoint),
        )
        self.last_button = button(
            "",
            "Show the last model that was trained on this recording; it was kept for you.",
            lambda: self._continue(kept_model),
        )
        column = QVBoxLayout()
        column.addWidget(self.continue_button)
        column.addWidget(self.last_button)
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

    def _continue(self, find: Callable[[Recording], Kept | None]) -> None:
        recording = self.home.workspace.recording
        found = None if recording is None else find(recording)
        if found is None:
            self._refresh()
        elif find is kept_checkpoint:
            self.resume_from(found.path)
        else:
            self.home.open_file(found.path)

    def _on_compiled(self, _result: object) -> None:
        self._refresh()
        self._settled.start()

    def _on_cost_changed(self, _text: str) -> None:
        self._paces.clear()
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
            check_against(settings, recording.spikes)
        except CRBMError:
            return
        device = self.device.device
        others = [Settings.named(name, device=device) for name, _ in _RECIPES.values()]

        def work(report: Callable[[int, int], None]) -> None:
            # What is asked for comes first; recipes of equal cost are measured once.
            for place, each in enumerate((settings, *others)):
                key = _cost(each)
                if key not in self._paces:
                    self._paces[key] = measure_pace(recording.spikes, each)
                report(place, len(others))

        self._paces = {}
        self._measuring = job = Job(work, self)
        job.progressed.connect(lambda *_: self._on_pace(recording))
        job.start()

    def _on_pace(self, recording: Recording) -> None:
        if recording is self.home.workspace.recording:
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
            patience=self.patience.value(),
            random_state=self.seed.value(),
            device=self.device.device,
        )

    def _start(self, resume: dict[str, Any] | None = None) -> None:
        try:
            self.home.start_training(self.settings(), resume)
        except CRBMError as error:
            show_error(str(error))
            return
        self._clear_curves()

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
        path = ask_open(self, "Load a model", "Models (*.h5)")
        if path:
            self.home.open_file(path)

    def _save(self) -> None:
        path = ask_save(self, "Save the model", "model.h5", "Models (*.h5)")
        if path:
            self.save_model(path)

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
        path = ask_save(self, "Save a checkpoint", "training.checkpoint.h5", "Checkpoints (*.h5)")
        if path:
            self.save_checkpoint(path)

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
        path = ask_open(self, "Continue from a checkpoint", "Checkpoints (*.h5)")
        if path:
            self.resume_from(path)

    def resume_from(self, path: Path) -> None:
        """Continue a training from its checkpoint."""

        def work(_report: Any) -> dict[str, Any]:
            from napari_crbm.io import load_checkpoint

            return load_checkpoint(path)

        self.home.run(f"Reading {path.name}", work, self._start)

    # --- what is shown --------------------------------------------------------------------

    def _on_recording(self) -> None:
        self._paces = {}
        self._settled.start()
        # Not before: there is nothing to train on yet, and the processor has other work.
        waits = not compiled() and not self._compiling.running
        if waits and self.home.workspace.recording is not None:
            self._compiling.start()
        self._clear_curves()
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
            self.patience,
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
        self._show_kept()
        self._show_estimates()
        if training:
            return
        trained = home.workspace.trained
        if recording is None:
            self.status.setText(_NO_RECORDING)
        elif trained is None:
            self.status.setText((_READY if compiled() else _COMPILING) + self._expected())
        else:
            self.status.setText(
                f"Trained: {trained.model.n_assemblies} assemblies.{self._ended_early()} Look at "
                "them in the Assemblies dock."
            )

    def _ended_early(self) -> str:
        """That patience has ended the training, if it has."""
        session = self.home.session
        if session is None or not session.training.finished:
            return ""
        training = session.training
        if training.update >= training.settings.n_updates:
            return ""
        return (
            f" Ended at update {training.update:,}: the held-out pseudo-likelihood no longer "
            "rises, and the best model is kept."
        )

    def _expected(self) -> str:
        """How long the training would take as it is set."""
        try:
            pace = self._paces.get(_cost(self.settings()))
        except CRBMError:
            return ""
        if pace is None:
            return _MEASURING if compiled() else ""
        return f" It will take about {duration(pace.total(self.n_updates.value()))}."

    def _show_estimates(self) -> None:
        """How long every recipe would take."""
        times = []
        for label, (name, _) in _RECIPES.items():
            recipe = Settings.named(name, device=self.device.device)
            pace = self._paces.get(_cost(recipe))
            if pace is not None:
                times.append(f"{label}: {duration(pace.total(recipe.n_updates))}")
        self.estimates.setText(" · ".join(times))
        self.estimates.setVisible(bool(times))

    def _show_kept(self) -> None:
        recording, trained = self.home.workspace.recording, self.home.workspace.trained
        idle = recording is not None and not self.home.training
        found = kept_checkpoint(recording) if recording is not None and idle else None
        self.continue_button.setVisible(found is not None)
        if found is not None:
            self.continue_button.setText(f"Continue the training of {found.when}")
        found = kept_model(recording) if recording is not None and idle else None
        self.last_button.setVisible(found is not None and trained is None)
        if found is not None:
            self.last_button.setText(f"Show the model of {found.when}")

    def _draw_curves(self) -> None:
        """Statistics of the training, also those from before this dock was opened."""
        session = self.home.session
        history = {} if session is None else session.training.history
        if len(history.get("update", ())) == self._drawn:
            return
        self._drawn = len(history["update"])
        self.curve.show()
        for name, line in self._lines.items():
            if name in history:
                line.setData(history["update"], history[name], connect="finite")

    def _clear_curves(self) -> None:
        self._drawn = 0
        self.curve.hide()
        for line in self._lines.values():
            line.setData([], [])

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
        self._draw_curves()
        paused = self.home.session is not None and self.home.session.control.paused
        self.checkpoint_button.setEnabled(paused and progress.phase == "paused")


def _cost(settings: Settings) -> tuple[Any, ...]:
    """What the time of an update depends on."""
    return (
        settings.n_hidden,
        settings.n_chains,
        settings.gibbs_steps,
        settings.jumps,
        settings.initialisation,
        settings.device,
    )


def _number_or_auto(field: str, text: str, kind: type) -> Any:
    text = text.strip()
    if text == "auto":
        return text
    try:
        return kind(text)
    except ValueError:
        raise ModelError(f"{field}: '{text}' is neither a number nor 'auto'.") from None
