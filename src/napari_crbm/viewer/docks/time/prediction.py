"""The tab *Prediction* of the *Time* dock: train a temporal model, and see what it predicts."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QGridLayout, QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from napari_crbm.analysis import Directions, ForecastScores
from napari_crbm.declarations import COMMON, declared
from napari_crbm.errors import CRBMError, ModelError, SettingError
from napari_crbm.model import duration
from napari_crbm.temporal import TemporalSettings
from napari_crbm.viewer.docks.time.lag_matrix import LagMatrix
from napari_crbm.viewer.jobs.temporal import checkpoint_path
from napari_crbm.viewer.parts.forms import Form
from napari_crbm.viewer.parts.notices import show_error
from napari_crbm.viewer.parts.saved_fields import ask_folder, ask_open, ask_save
from napari_crbm.viewer.parts.style import button, text_label
from napari_crbm.viewer.parts.when_visible import WhenVisible
from napari_crbm.viewer.parts.widget_lifetime import follow

if TYPE_CHECKING:
    from napari_crbm.temporal.training import TemporalProgress
    from napari_crbm.viewer.home import Home

_WHAT = (
    "A temporal model learns how the activity of each assembly depends on the past few seconds of "
    "all assemblies. Its forecasts of held-out frames are compared with simple ones."
)
_NO_MODEL = "Open a recording and a model of it first (Recording and Train docks)."
_PREPARING = "Preparing ..."
_COMPARING = "Comparing forecasts of held-out frames with simple ones ..."
_NOTHING_YET = (
    "Stopped before there was a result. Continue the training, or start it again with fewer passes."
)
_FIGURES = "Figure (*.pdf *.svg *.png)"


class PredictionPanel(QWidget):
    """Settings, controls and progress of the training, the verdict, and couplings over lags."""

    def __init__(self, home: Home) -> None:
        super().__init__()
        self.home, self.run = home, home.temporal
        self._stopped = False
        self.message = text_label(_WHAT)
        settings = declared(TemporalSettings)
        common = [each for each in settings if each.group == COMMON]
        self.form = Form(common, [each for each in settings if each not in common])
        self.form.save("temporal")
        self.start = button("Start", "Train a temporal model in the background.", self._start)
        self.pause = button(
            "Pause", "Pause after the current pass; press again to resume.", self.run.pause
        )
        self.stop = button(
            "Stop",
            "End the training after the current pass. Its state is kept, to be continued.",
            self._stop,
        )
        self.resume = button(
            "Continue last training",
            "Continue the last training of a temporal model on this recording, bit for bit.\n"
            "If it had ended, its result comes back at once.",
            self._resume,
        )
        self.resume_from = button(
            "Continue from...",
            "Continue a training from a checkpoint of 'napari-crbm train-temporal'.",
            self._ask_checkpoint,
        )
        self.open = button(
            "Open temporal model...", "Read a temporal model of the shown model.", self._ask_model
        )
        self.save = button("Save temporal model...", "Write the model to a file.", self._save)
        self.tables = button(
            "Save tables...",
            "Write forecasts, dwell times, couplings and directions into a folder.",
            self._save_tables,
        )
        self.figure = button(
            "Save figure...", "Draw the directed couplings and write them.", self._save_figure
        )
        self.bar = QProgressBar()
        self.status = text_label("")
        self.verdict = text_label("")
        self.matrix = LagMatrix(home.viewer, home.workspace)
        controls, files = QHBoxLayout(), QGridLayout()
        for control in (self.start, self.pause, self.stop):
            controls.addWidget(control)
        for place, control in enumerate((self.open, self.resume_from, self.save, self.tables)):
            files.addWidget(control, *divmod(place, 2))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 0)
        column.addWidget(self.message)
        column.addWidget(self.form)
        column.addLayout(controls)
        column.addWidget(self.resume)
        column.addWidget(self.bar)
        column.addWidget(self.status)
        column.addLayout(files)
        column.addWidget(self.verdict)
        column.addWidget(self.matrix, 1)
        column.addWidget(self.figure)
        column.addStretch(0)
        # It takes a while, so not before somebody looks.
        self._when_visible = WhenVisible(self, self.run.compare)
        self.run.progressed.connect(self._on_progress)
        self.run.compared.connect(self._on_compared)
        self.run.changed.connect(self._refresh)
        home.runs.training_changed.connect(self._refresh)
        home.runs.sweep_changed.connect(self._refresh)
        follow(self, home.workspace.trained_changed, self._refresh)
        self._refresh()

    # --- actions of the user ----------------------------------------------------------------

    def settings(self) -> TemporalSettings:
        """Return the settings as entered.

        Raises
        ------
        ModelError
            If a field holds no value of its setting.
        """
        values = self.form.values()
        try:
            return TemporalSettings(**values)
        except SettingError as error:
            raise ModelError(self.form.sentence(error)) from None

    def _start(self) -> None:
        try:
            self.run.start(self.settings())
        except CRBMError as error:
            show_error(str(error))

    def _stop(self) -> None:
        self._stopped = True
        self.run.stop()
        self.stop.setEnabled(False)
        self.status.setText("Stopping after the current pass ...")

    def _resume(self) -> None:
        recording = self.home.workspace.recording
        if recording is not None:
            self.continue_from(checkpoint_path(recording))

    def continue_from(self, path: Path) -> None:
        """Continue a training from its checkpoint."""
        try:
            self.run.resume(path, self.settings())
        except CRBMError as error:
            show_error(str(error))

    def open_model(self, path: Path) -> None:
        """Read a temporal model of the shown model."""
        try:
            self.run.open(path)
        except (CRBMError, OSError) as error:
            show_error(str(error))

    def _ask_checkpoint(self) -> None:
        path = ask_open(self, "Continue from a checkpoint", "Checkpoints (*.h5)")
        if path:
            self.continue_from(path)

    def _ask_model(self) -> None:
        path = ask_open(self, "Open a temporal model", "Models (*.h5)")
        if path:
            self.open_model(path)

    def _save(self) -> None:
        path = ask_save(self, "Save the temporal model", "temporal.h5", "Models (*.h5)")
        if path:
            self.run.save(path)

    def _save_tables(self) -> None:
        folder = ask_folder(self, "Folder for the tables")
        if folder:
            self.run.save_tables(folder)

    def _save_figure(self) -> None:
        path = ask_save(self, "Save figure", "directions.pdf", _FIGURES)
        if path:
            self.run.save_figure(path)

    # --- what is shown ------------------------------------------------------------------------

    def _on_progress(self, progress: TemporalProgress) -> None:
        if not self.run.training:
            return
        self.bar.setRange(0, progress.total)
        self.bar.setValue(progress.done)
        self.bar.setFormat(f"%v of at most {progress.total:,} passes")
        if progress.phase == "paused":
            why = self.run.problem
            self.status.setText(f"{why or 'Paused.'} Press Resume to continue.")
            # It may have paused by itself.
            self.pause.setText("Resume")
        elif progress.phase == "training" and not self._stopped:
            left = progress.elapsed_s / max(progress.done, 1) * (progress.total - progress.done)
            alone = progress.n_couplings == 0
            found = "own past alone" if alone else f"{progress.n_couplings:,} couplings"
            self.status.setText(
                f"Training for {duration(progress.elapsed_s)}, at most {duration(left)} left "
                f"({found})."
            )

    def _on_compared(self, done: int, total: int) -> None:
        self.bar.setRange(0, max(total, 1))
        self.bar.setValue(done)
        self.bar.setFormat("%v of %m pasts")

    def _refresh(self) -> None:
        run, workspace = self.run, self.home.workspace
        ready = workspace.recording is not None and workspace.trained is not None
        busy = self.home.runs.training or self.home.runs.sweeping
        idle = ready and not run.training
        self.message.setText(_WHAT if ready else _NO_MODEL)
        self.form.allow(idle)
        self.start.setEnabled(idle and not busy)
        self.pause.setEnabled(run.training)
        self.pause.setText("Resume" if run.paused else "Pause")
        self.stop.setEnabled(run.training)
        kept = workspace.recording is not None and checkpoint_path(workspace.recording).exists()
        self.resume.setVisible(idle and not busy and kept)
        self.resume_from.setEnabled(idle and not busy)
        self.open.setEnabled(idle)
        for control in (self.save, self.tables):
            control.setEnabled(run.model is not None)
        if run.training and not self.bar.isVisibleTo(self):
            self.bar.setRange(0, 0)
            self.status.setText(_PREPARING)
        if not run.training:
            nothing = self._stopped and run.model is None
            self._stopped = False
            self.status.setText(_COMPARING if run.comparing else _NOTHING_YET if nothing else "")
        if run.model is not None and run.scores is None and not run.comparing:
            self._when_visible.request()
        self.bar.setVisible(run.training or run.comparing)
        self.status.setVisible(bool(self.status.text()))
        self._show_result()

    def _show_result(self) -> None:
        scores, found = self.run.scores, self.run.directions
        said: list[str] = []
        if isinstance(scores, ForecastScores):
            said = [f"<b>{escape(scores.verdict)}</b>", escape(scores.dwell_sentence)]
        elif scores is not None:
            said = [escape(scores)]
        if isinstance(found, Directions):
            said += map(escape, found.sentences)
        elif found is not None:
            said.append(escape(found))
        self.verdict.setText("".join(f"<p>{each}</p>" for each in said))
        self.verdict.setVisible(bool(said))
        shown = found if isinstance(found, Directions) else None
        if shown is not self.matrix.found or shown is None:
            self.matrix.show_directions(shown)
        self.figure.setVisible(shown is not None)
