"""The *Sweep* dock: how many assemblies, how sparse, judged on held-out time."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyqtgraph as pg
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import (
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QSpinBox,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from napari_crbm.analysis import Selection, Sweep, SweepProgress, conclude_sweep, run_sweep, select
from napari_crbm.analysis.sweep import CONFIGURATION
from napari_crbm.errors import CRBMError, ModelError
from napari_crbm.model import Control, Settings, duration
from napari_crbm.viewer.home import home_of
from napari_crbm.viewer.notices import show_error, show_info, show_warning
from napari_crbm.viewer.style import BLUE, ORANGE, button, page, plot, text_label

_NO_RECORDING = "No recording yet. Open one in the Recording dock."
_WHAT = (
    "Trains a model for every combination, each time without one part of the recording, and "
    "selects the fewest assemblies that predict the part left out as well as the best."
)
_POLL_MS = 250
_HEADINGS = ("Units", "Penalty", "Back", "Behind the best")


class SweepWidget(QWidget):
    """Ranges, progress, the curve as it forms, and the selected model to open."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.home = home_of(napari_viewer)
        self.workspace = self.home.workspace
        self.setMinimumWidth(340)
        self.selection: Selection | None = None
        self._folder: Path | None = None
        self._control: Control | None = None
        self._latest: SweepProgress | None = None
        self._started = (0.0, 0)

        self.message = text_label(_NO_RECORDING)
        self.n_hidden = QLineEdit("10, 20, 40")
        self.n_hidden.setToolTip("Numbers of assemblies to try, separated by commas; or auto.")
        self.l1 = QLineEdit("auto")
        self.l1.setToolTip(
            "Sparse penalties to try, separated by commas; auto scales it to the recording."
        )
        self.learning_rate = QLineEdit(f"{Settings().learning_rate:g}")
        self.learning_rate.setToolTip("Learning rates to try, separated by commas.")
        self.n_random = _count(
            0,
            1000,
            0,
            "Try so many configurations drawn at random between the smallest and largest\n"
            "values above, instead of all combinations.",
        )
        self.n_random.setSpecialValueText("all combinations")
        self.seeds = _count(1, 20, 1, "Trainings of every combination, with different seeds.")
        self.folds = _count(2, 10, 3, "Parts of the recording, each left out in turn.")
        self.updates = _count(1, 1_000_000, 1500, "Updates of every training.")
        self.updates.setSingleStep(500)
        self.workers = _count(
            1,
            64,
            1,
            "Trainings at once, each with its share of the cores.\n"
            "More than one needs the package distributed.",
        )
        self.scheduler = QLineEdit()
        self.scheduler.setPlaceholderText("this computer")
        self.scheduler.setToolTip(
            "Address of a running Dask scheduler, such as tcp://10.0.0.1:8786, whose workers\n"
            "train instead. They must see the folder, too."
        )
        self.fields = (
            ("Hidden units", self.n_hidden),
            ("Penalty", self.l1),
            ("Learning rate", self.learning_rate),
            ("Draw", self.n_random),
            ("Seeds", self.seeds),
            ("Folds", self.folds),
            ("Updates", self.updates),
            ("At once", self.workers),
            ("On", self.scheduler),
        )
        form = QGridLayout()
        form.setHorizontalSpacing(10)
        for place, (label, field) in enumerate(self.fields):
            # Short fields share a line.
            row, column = (4 + (place - 4) // 2, 2 * (place % 2)) if 4 <= place < 8 else (place, 0)
            form.addWidget(QLabel(label), row, column)
            form.addWidget(field, row, column + 1, 1, 1 if 4 <= place < 8 else 3)
            signal = field.textChanged if isinstance(field, QLineEdit) else field.valueChanged
            signal.connect(lambda _: self._show_count())
        self.count = text_label("")
        self.start = button(
            "Start in folder...",
            "Choose a folder for models and results. An earlier sweep in it goes on.",
            self._toggle,
        )
        self.open_selected = button(
            "Open selected model", "Show the assemblies of the selected model.", self._open
        )
        self.bar = QProgressBar()
        self.bar.hide()
        self.curve = plot(self.home.viewer, "Hidden units", "Behind the best (nats)", height=150)
        self.curve.setToolTip(
            "Held-out pseudo-likelihood behind the best configuration, with its standard error\n"
            "over ten blocks of time; nats a neuron and frame. Orange: selected."
        )
        self._bars = pg.ErrorBarItem(x=np.zeros(1), y=np.zeros(1), height=np.zeros(1))
        self._points = pg.ScatterPlotItem(size=9, pen=None)
        self.curve.addItem(self._bars)
        self.curve.addItem(self._points)
        self.table = QTableWidget(0, len(_HEADINGS))
        self.table.setHorizontalHeaderLabels(_HEADINGS)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(22)
        self.table.setToolTip(
            "Back: how many assemblies of a training come back in those on other parts of the\n"
            "recording (mean). Behind the best: held-out pseudo-likelihood, with its standard\n"
            "error over ten blocks of time; nats a neuron and frame."
        )
        self.table.setWordWrap(False)
        for column, width in enumerate((46, 68, 46)):
            self.table.setColumnWidth(column, width)
        self.table.horizontalHeader().setStretchLastSection(True)
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.verdict = text_label("")

        row = QHBoxLayout()
        row.addWidget(self.start)
        row.addWidget(self.open_selected)
        layout = page(self)
        for part in (self.message, form, self.count, row, self.bar, self.verdict):
            if isinstance(part, QWidget):
                layout.addWidget(part)
            else:
                layout.addLayout(part)
        layout.addWidget(self.curve, 2)
        layout.addWidget(self.table, 1)
        layout.addStretch(0)

        self._timer = QTimer(self)
        self._timer.setInterval(_POLL_MS)
        self._timer.timeout.connect(self._poll)
        self.workspace.recording_changed.connect(self._reset)
        self._reset()

    # --- what the person does ---------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether a sweep is under way."""
        return self._control is not None

    def sweep(self) -> Sweep:
        """What would be trained.

        Raises
        ------
        ModelError
            If a field cannot be understood or makes no sense.
        """
        return Sweep(
            n_hidden=_values("Hidden units", self.n_hidden.text(), int),
            l1=_values("Penalty", self.l1.text(), float),
            learning_rate=_values("Learning rate", self.learning_rate.text(), float),
            n_random=self.n_random.value() or None,
            seeds=tuple(range(self.seeds.value())),
            n_folds=self.folds.value(),
            settings=Settings(n_updates=self.updates.value()),
        )

    def _toggle(self) -> None:
        if self._control is not None:
            self._control.stop()
            self.start.setEnabled(False)
            self.verdict.setText("Stopping: running trainings keep a checkpoint ...")
            return
        try:
            self.sweep()
        except CRBMError as error:
            show_error(str(error))
            return
        if self.home.training:
            show_warning("Stop the training before you start a sweep: both need the cores.")
            return
        folder = QFileDialog.getExistingDirectory(self, "Folder for the sweep")
        if folder:
            self.run_in(Path(folder))

    def run_in(self, folder: Path) -> None:
        """Carry out the sweep in a folder, in the background."""
        recording = self.workspace.recording
        if recording is None or self.running:
            return
        sweep, workers = self.sweep(), self.workers.value()
        scheduler = self.scheduler.text().strip() or None
        control = self._control = Control()
        self._folder, self._latest = folder, None
        self._started = (time.monotonic(), -1)

        def work(_report: Callable[[int, int], None]) -> tuple[SweepProgress, Selection | None]:
            latest = SweepProgress(0, 0, pd.DataFrame())
            for latest in run_sweep(
                recording, sweep, folder, n_workers=workers, scheduler=scheduler, control=control
            ):
                self._latest = latest
            if control.stopped:
                return latest, None
            return latest, conclude_sweep(recording, sweep, latest.table, folder, control=control)

        self._show_running(True)
        self._timer.start()
        self.home.run("Sweep", work, self._finished, lambda: self._show_running(False))

    def _open(self) -> None:
        if self._folder is not None:
            self.home.open_file(self._folder / "selected.model.h5")

    # --- what is shown --------------------------------------------------------------------

    def _reset(self) -> None:
        if self._control is not None:
            self._control.stop()
        recording = self.workspace.recording
        self.selection = None
        self.message.setText(_NO_RECORDING if recording is None else _WHAT)
        self.start.setEnabled(recording is not None)
        self.open_selected.setEnabled(False)
        self.verdict.setText("")
        for part in (self.curve, self.table):
            part.setVisible(False)
        self._show_count()

    def _show_count(self) -> None:
        try:
            n_trainings = len(self.sweep().trials())
        except CRBMError as error:
            self.count.setText(str(error))
        else:
            self.count.setText(f"{n_trainings} trainings of {self.updates.value():,} updates.")

    def _show_running(self, running: bool) -> None:
        if not running:
            self._control = None
            self._timer.stop()
        self.bar.setVisible(running)
        self.bar.setRange(0, 0)
        self.start.setEnabled(self.workspace.recording is not None)
        self.start.setText("Stop" if running else "Start in folder...")
        for _, field in self.fields:
            field.setEnabled(not running)

    def _poll(self) -> None:
        latest, self._latest = self._latest, None
        if latest is None or self._control is None or self._control.stopped:
            return
        self.bar.setRange(0, latest.total)
        self.bar.setValue(latest.done)
        started, first = self._started
        if first < 0:
            self._started = (time.monotonic(), latest.done)
        elif latest.done > first:
            pace = (time.monotonic() - started) / (latest.done - first)
            left = duration(pace * (latest.total - latest.done))
            self.verdict.setText(
                f"{latest.done} of {latest.total} trainings; about {left} left."
                if latest.done < latest.total
                else "Training the selected model ..."
            )
        if (latest.table["status"] == "finished").any():
            self._show_results(latest)

    def _show_results(self, progress: SweepProgress) -> None:
        """Draw configurations of which every fold is there."""
        sweep = self.sweep()
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
        self.table.setRowCount(len(table))
        for row, (_, values) in enumerate(table.iterrows()):
            mark = "   ✓ selected" if values["selected"] else ""
            back = values.get("reproduced", float("nan"))
            texts = (
                f"{values['fitted_n_hidden']:.0f}",
                f"{values['fitted_l1']:.3g}",
                "" if np.isnan(back) else f"{back:.1f}",
                f"{values['deficit']:.2g} ± {values['standard_error']:.1g}{mark}",
            )
            for column, text in enumerate(texts):
                self.table.setItem(row, column, QTableWidgetItem(text))
        for part in (self.curve, self.table):
            part.setVisible(True)

    def _finished(self, result: tuple[SweepProgress, Selection | None]) -> None:
        last, selection = result
        stopped = self._control is not None and self._control.stopped
        self._show_running(False)
        if stopped or selection is None or self._folder is None:
            self.verdict.setText(
                f"Stopped after {last.done} of {last.total} trainings. Start again in the same "
                "folder to go on."
            )
            return
        self.selection = selection
        self._save_figure(selection, self._folder)
        self._draw(selection)
        self.verdict.setText(f"<b>{selection.verdict}</b>")
        self.verdict.setToolTip(selection.rule)
        self.open_selected.setEnabled(True)
        show_info(f"The sweep is done; results are in {self._folder}.")

    def _save_figure(self, selection: Selection, folder: Path) -> None:
        def work(_report: Callable[[int, int], None]) -> None:
            from napari_crbm.figures import save_figure, sweep_figure

            save_figure(sweep_figure(selection), folder / "selection.png")

        self.home.run("Drawing the selection", work, lambda _: None)


def _count(low: int, high: int, value: int, tip: str) -> QSpinBox:
    box = QSpinBox()
    box.setRange(low, high)
    box.setValue(value)
    box.setToolTip(tip)
    return box


def _values(what: str, text: str, kind: type) -> tuple[Any, ...]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts:
        raise ModelError(f"{what}: write a number or more, separated by commas (or auto).")
    try:
        values = tuple(part if part == "auto" else kind(part) for part in parts)
    except ValueError as error:
        raise ModelError(
            f"{what}: '{text}' is not a list of numbers separated by commas (or auto)."
        ) from error
    twice = next((value for value in values if values.count(value) > 1), None)
    if twice is not None:
        raise ModelError(f"{what}: {twice} is there twice; write every value once.")
    return values
