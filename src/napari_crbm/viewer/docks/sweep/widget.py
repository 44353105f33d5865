"""The *Sweep* dock: choose the number of assemblies and the penalty by cross-validation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyqtgraph as pg
from qtpy.QtWidgets import QHBoxLayout, QProgressBar, QWidget

from napari_crbm.analysis import Selection, Sweep, SweepProgress, select
from napari_crbm.analysis.selection.sweep import CONFIGURATION
from napari_crbm.analysis.statistics.words import PREDICTION_MEANING, PREDICTION_UNIT
from napari_crbm.errors import CRBMError, ModelError
from napari_crbm.model import duration
from napari_crbm.palette import BLUE, ORANGE
from napari_crbm.viewer.docks.sweep.form import SweepForm
from napari_crbm.viewer.home import home_of
from napari_crbm.viewer.jobs.runs import TRAINING_RUNS
from napari_crbm.viewer.jobs.sweep import SweepSession
from napari_crbm.viewer.parts.notices import show_error
from napari_crbm.viewer.parts.saved_fields import ask_folder
from napari_crbm.viewer.parts.short_table import ShortTable
from napari_crbm.viewer.parts.style import button, page, plot, text_label
from napari_crbm.viewer.parts.widget_lifetime import follow

_NO_RECORDING = "No recording yet. Open one in the Recording dock."
_WHAT = (
    "Trains a model for every combination, each time without one part of the recording, and "
    "selects the smallest number of assemblies that predicts the left-out part as well as the best."
)
_START = "Choose a folder for models and results. An unfinished sweep in it is continued."
_STOP = "Stop the sweep; finished models are kept, and it can be continued in the same folder."
_BEHIND = "Behind the best<br>(nats per neuron<br>per frame)"
_HEADINGS = ("Units", "Penalty", "Stable", "Behind the best")


class SweepWidget(QWidget):
    """Values to try, progress, results so far, and the selected model to open."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.home = home_of(napari_viewer)
        self.workspace = self.home.workspace
        self.runs = self.home.runs
        self.setMinimumWidth(340)

        self.message = text_label(_NO_RECORDING)
        self.form = SweepForm()
        self.form.changed.connect(self._show_count)
        self.count = text_label("")
        self.start = button(
            "Start in folder...",
            _START,
            self._toggle,
        )
        self.open_selected = button(
            "Open selected model", "Show the assemblies of the selected model.", self._open
        )
        self.bar = QProgressBar()
        self.bar.hide()
        self.curve = plot(self.home.viewer, "Assemblies", _BEHIND, height=165)
        self.curve.setToolTip(
            "How much worse the neurons of held-out frames are predicted than by the best\n"
            "combination of values, with the standard error over ten blocks of time. 0 is as good\n"
            f"as the best. Orange: selected.\n{PREDICTION_MEANING}"
        )
        self._bars = pg.ErrorBarItem(x=np.zeros(1), y=np.zeros(1), height=np.zeros(1))
        self._points = pg.ScatterPlotItem(size=9, pen=None)
        self.curve.addItem(self._bars)
        self.curve.addItem(self._points)
        self.table = ShortTable(_HEADINGS, texts=(3,), widths={0: 46, 1: 68, 2: 46})
        self.table.setToolTip(
            "Stable: mean number of assemblies of a training that are found again in trainings\n"
            "of other folds, which share frames if there are more than two.\n"
            "Behind the best: how much worse the neurons of held-out frames are predicted than by\n"
            f"the best, with the standard error over ten blocks of time, in {PREDICTION_UNIT}.\n"
            f"{PREDICTION_MEANING}"
        )
        self.verdict = text_label("")

        row = QHBoxLayout()
        row.addWidget(self.start)
        row.addWidget(self.open_selected)
        layout = page(self)
        for part in (self.message, self.form, self.count, row, self.bar, self.verdict):
            if isinstance(part, QWidget):
                layout.addWidget(part)
            else:
                layout.addLayout(part)
        layout.addWidget(self.curve, 2)
        layout.addWidget(self.table, 1)
        layout.addStretch(0)

        self.runs.swept.connect(self._show_progress)
        self.runs.sweep_changed.connect(self._show_sweep)
        self.runs.training_changed.connect(self._allow)
        follow(self, self.workspace.recording_changed, self._show_sweep)
        if self.runs.sweep is not None:
            self.form.show_sweep(self.runs.sweep)
        self._show_count()
        self._show_sweep()

    # --- actions --------------------------------------------------------------------------

    def _toggle(self) -> None:
        if self.runs.sweep is not None and self.runs.sweeping:
            self.runs.sweep.control.stop()
            self.start.setEnabled(False)
            self.verdict.setText("Stopping; finished models are kept ...")
            return
        try:
            self.form.sweep()
        except CRBMError as error:
            show_error(str(error))
            return
        folder = ask_folder(self, "Folder for the sweep")
        if folder:
            self.run_in(folder)

    def run_in(self, folder: Path) -> None:
        """Run the sweep in the background and write to a folder."""
        try:
            self.runs.start_sweep(
                self.form.sweep(),
                folder,
                n_workers=self.form.n_workers,
                scheduler=self.form.scheduler,
            )
        except CRBMError as error:
            show_error(str(error))

    def _open(self) -> None:
        if self.runs.sweep is not None:
            self.home.opening.open_file(self.runs.sweep.model_path)

    # --- display --------------------------------------------------------------------------

    def _show_count(self) -> None:
        try:
            sweep = self.form.sweep()
        except CRBMError as error:
            self.count.setText(str(error))
        else:
            self.count.setText(
                f"{len(sweep.trials())} trainings of {sweep.settings.n_updates:,} updates."
            )

    def _allow(self) -> None:
        """Enable the buttons that can be used now, and say why others cannot."""
        sweeping, training = self.runs.sweeping, self.runs.training
        self.form.allow(not sweeping)
        self.start.setText("Stop" if sweeping else "Start in folder...")
        self.start.setEnabled(sweeping or (self.workspace.recording is not None and not training))
        self.start.setToolTip(_STOP if sweeping else TRAINING_RUNS if training else _START)
        recording = self.workspace.recording
        if sweeping and self.runs.sweep is not None:
            of = self.runs.sweep.recording.name
            self.message.setText(f"A sweep of {of} is running; this dock may be closed meanwhile.")
        elif training:
            self.message.setText(TRAINING_RUNS)
        else:
            self.message.setText(_NO_RECORDING if recording is None else _WHAT)

    def _show_sweep(self) -> None:
        """Show the current or finished sweep if it belongs to the open recording."""
        self._allow()
        sweep, recording = self.runs.sweep, self.workspace.recording
        self.bar.setVisible(self.runs.sweeping)
        self.open_selected.setEnabled(False)
        self.verdict.setText("")
        self.verdict.setToolTip("")
        for part in (self.curve, self.table):
            part.setVisible(False)
        if sweep is None:
            return
        if sweep.running:
            self.bar.setRange(0, 0)
            if sweep.progress is not None:
                self._show_progress(sweep.progress)
        elif recording is not None and recording.spikes is sweep.recording.spikes:
            self._show_end(sweep)

    def _show_end(self, sweep: SweepSession) -> None:
        if sweep.selection is not None:
            self._draw(sweep.selection)
            self.verdict.setText(f"<b>{sweep.selection.verdict}</b>")
            self.verdict.setToolTip(sweep.selection.rule)
            self.open_selected.setEnabled(True)
        elif sweep.control.stopped and sweep.progress is not None:
            self.verdict.setText(
                f"Stopped after {sweep.progress.done} of {sweep.progress.total} trainings. Start "
                "again in the same folder to continue."
            )

    def _show_progress(self, progress: SweepProgress) -> None:
        sweep = self.runs.sweep
        if sweep is None or sweep.control.stopped:
            return
        self.bar.setRange(0, progress.total)
        self.bar.setValue(progress.done)
        left = sweep.seconds_left
        if progress.done == progress.total:
            self.verdict.setText("Training the selected model ...")
        elif left is not None:
            self.verdict.setText(
                f"{progress.done} of {progress.total} trainings; about {duration(left)} left."
            )
        if (progress.table["status"] == "finished").any():
            self._show_results(sweep.sweep, progress)

    def _show_results(self, sweep: Sweep, progress: SweepProgress) -> None:
        """Draw the configurations for which all folds are finished."""
        counts = progress.table.groupby(CONFIGURATION, sort=False)["fold"].transform("size")
        whole = progress.table[counts == sweep.n_folds * len(sweep.seeds)]
        if not len(whole):
            return
        try:
            self._draw(select(whole))
        except ModelError:
            return

    def _draw(self, selection: Selection) -> None:
        table = selection.table[selection.table["mean"].notna()]
        x = table["fitted_n_hidden"].to_numpy(dtype=float)
        y = table["deficit"].to_numpy(dtype=float)
        error = np.nan_to_num(table["standard_error"].to_numpy(dtype=float))
        self._bars.setData(x=x, y=y, height=2 * error, beam=0.0, pen=pg.mkPen(BLUE))
        self._points.setData(
            x, y, brush=[pg.mkBrush(ORANGE if chosen else BLUE) for chosen in table["selected"]]
        )
        self.table.fill([_texts(values) for _, values in table.iterrows()])
        for part in (self.curve, self.table):
            part.setVisible(True)


def _texts(values: pd.Series) -> tuple[str, ...]:
    mark = "   ✓ selected" if values["selected"] else ""
    back = values.get("stable", float("nan"))
    return (
        f"{values['fitted_n_hidden']:.0f}",
        f"{values['fitted_l1']:.3g}",
        "" if np.isnan(back) else f"{back:.1f}",
        f"{values['deficit']:.2g} ± {values['standard_error']:.1g}{mark}",
    )
