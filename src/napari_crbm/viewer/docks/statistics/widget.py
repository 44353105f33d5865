"""The *Statistics* dock: does the model fit? Evaluation against held-out frames."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyqtgraph as pg
from qtpy.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from napari_crbm.analysis.statistics.registry import STATISTICS
from napari_crbm.analysis.statistics.words import PREDICTION_MEANING
from napari_crbm.palette import BLUE, ORANGE
from napari_crbm.viewer.docks.statistics.panels import (
    CaptionedPlot,
    StatisticPanel,
    lagged_panel,
    population_panel,
    show_lagged,
    show_population,
)
from napari_crbm.viewer.docks.statistics.progress import part, rising
from napari_crbm.viewer.docks.statistics.words import (
    HOW_TO_READ,
    LAGGED,
    LAGGED_TITLE,
    POPULATION,
    POPULATION_TITLE,
    foot,
)
from napari_crbm.viewer.home import home_of
from napari_crbm.viewer.jobs.job import Cancelled, cancellable
from napari_crbm.viewer.layers.colour_kinds import (
    RECONSTRUCTION,
    reconstruction_colouring,
)
from napari_crbm.viewer.parts.model_changes import ModelChanges
from napari_crbm.viewer.parts.notices import show_info
from napari_crbm.viewer.parts.style import button, count_box, page, plot, scrolling, text_label
from napari_crbm.viewer.parts.widget_lifetime import follow

if TYPE_CHECKING:
    from napari_crbm.analysis import Evaluation, Likelihood
    from napari_crbm.model import Progress

_NO_RECORDING = "No recording yet. Open one in the Recording dock."
_NO_MODEL = "No model yet. Train one (Train dock) or open one."
_NOT_YET = (
    "Press Evaluate to draw activity from the model and compare it with the held-out frames, "
    "which it was not trained on."
)
_RUNNING = "Drawing activity from the model and comparing it with the held-out frames ..."
_STOPPING = "Another model is shown: the evaluation of the earlier one ends ..."
_MISFIT = "Misfit while<br>training (nRMSE)"
_SAMPLES, _CHAINS = 5000, 200


class StatisticsWidget(QWidget):
    """Verdict, one scatter per statistic, and nRMSE curves of a training."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.home = home_of(napari_viewer)
        self.workspace = self.home.workspace
        self.evaluation: Evaluation | None = None
        self._cancel = threading.Event()
        self._running = False
        self.setMinimumWidth(340)

        self.message = text_label(_NO_RECORDING)
        self.verdict = text_label("")
        self.warning = text_label("")
        self.start = button(
            "Evaluate",
            "Draw activity from the model and compare it with held-out frames.\n"
            "Takes seconds for a small recording, minutes for a whole brain.",
            self._toggle,
        )
        self.save = button("Save figure ...", "Save all plots as PDF, SVG or PNG.", self._save)
        self.colour = QCheckBox("Colour neurons")
        self.colour.setToolTip(
            "Colour neurons by how well their activity is reconstructed from the assemblies:\n"
            "0, no better than the mean rate; 1, perfect."
        )
        self.colour.toggled.connect(self._colour)
        self.bar = QProgressBar()
        self.bar.hide()
        self.n_samples = count_box(
            200, 1_000_000, _SAMPLES, "Number of frames drawn from the model.", step=1000
        )
        self.as_published = QCheckBox("As published")
        self.as_published.setToolTip(
            "Draw as in the paper, to compare with its figures: 50 frames from each of 300\n"
            "chains, 20 steps apart, after 2,000 steps from recorded frames. Otherwise chains run\n"
            "until they are independent of their start, which is the stricter test."
        )
        self.as_published.toggled.connect(self.n_samples.setDisabled)
        self.likelihood = QCheckBox("Log-likelihood")
        self.likelihood.setToolTip(
            "Also estimate the log-likelihood of held-out frames by annealed importance sampling."
        )
        options = QHBoxLayout()
        options.addWidget(QLabel("Frames"))
        options.addWidget(self.n_samples)
        options.addWidget(self.as_published, 1)
        row = QHBoxLayout()
        row.addWidget(self.start)
        row.addWidget(self.save)
        checks = QHBoxLayout()
        checks.addWidget(self.colour)
        checks.addWidget(self.likelihood, 1)

        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        self.panels = {}
        for place, (name, each) in enumerate(STATISTICS.items()):
            panel = StatisticPanel(self.home.viewer, each)
            self.panels[name] = panel
            grid.addWidget(panel, place // 2, place % 2)
        self.population = population_panel(self.home.viewer)
        self.lagged = lagged_panel(self.home.viewer)
        below = -(-len(STATISTICS) // 2)
        grid.addWidget(CaptionedPlot(self.population, POPULATION_TITLE, POPULATION), below, 0)
        grid.addWidget(CaptionedPlot(self.lagged, LAGGED_TITLE, LAGGED), below, 1)
        self.body = QWidget()
        self.body.setLayout(grid)
        self.how_to_read = text_label(HOW_TO_READ)
        self.foot = text_label("")
        self.foot.setToolTip(PREDICTION_MEANING)

        self.curve = plot(self.home.viewer, "Update", _MISFIT, height=140)
        self.curve.setMaximumHeight(200)
        self.curve.addLegend(offset=(-8, 8), labelTextSize="8pt")
        self.curve.setToolTip(
            "How far the activity of the model's chains is from the recording during training,\n"
            "on a subset of neurons. Good: near 0, as good as the training frames; 1 is no better\n"
            "than chance."
        )
        self.curve.setYRange(-0.5, 1.5)
        self._lines = {
            "nrmse_cov_vv": self.curve.plot(pen=pg.mkPen(ORANGE, width=2), name="covariances"),
            "nrmse_mean_v": self.curve.plot(pen=pg.mkPen(BLUE, width=2), name="means"),
        }
        self._series: dict[str, dict[float, float]] = {name: {} for name in self._lines}

        layout = page(self)
        layout.addWidget(self.message)
        layout.addLayout(row)
        layout.addLayout(options)
        layout.addLayout(checks)
        layout.addWidget(self.bar)
        results = QWidget()
        column = QVBoxLayout(results)
        column.setContentsMargins(0, 0, 0, 0)
        self._results = (self.verdict, self.warning, self.how_to_read, self.body, self.foot)
        for widget in (self.curve, *self._results):
            column.addWidget(widget)
        column.addStretch()
        layout.addWidget(scrolling(results, sideways=False), 1)

        follow(self, self.workspace.recording_changed, self._reset)
        ModelChanges(self, self.workspace, self._reset)
        follow(self, self.workspace.colouring_changed, self._follow)
        self.home.runs.progressed.connect(self._on_progress)
        self.home.runs.training_changed.connect(self._on_training)
        self._reset()
        self._on_training()

    # --- evaluating ---------------------------------------------------------------------

    def _toggle(self) -> None:
        if self._running:
            self._cancel.set()
            return
        recording, trained = self.workspace.recording, self.workspace.trained
        if recording is None or trained is None:
            return
        cancel = self._cancel = threading.Event()
        model, wants_likelihood = trained.model, self.likelihood.isChecked()
        n_samples = self.n_samples.value()
        as_published = self.as_published.isChecked()

        def work(report: Callable[[int, int], None]) -> Any:
            from napari_crbm.analysis import evaluate_held_out, held_out_likelihood

            checked = cancellable(rising(report), cancel)
            n_parts = 1 + wants_likelihood
            try:
                found = evaluate_held_out(
                    model,
                    recording,
                    n_samples=n_samples,
                    n_chains=_CHAINS,
                    as_published=as_published,
                    report=part(checked, 0, n_parts),
                )
                likelihood = (
                    held_out_likelihood(model, recording, report=part(checked, 1, n_parts))
                    if wants_likelihood
                    else None
                )
            except Cancelled:
                return trained, None, None
            return trained, found, likelihood

        self._set_running(True)
        job = self.home.run(
            "Evaluating the model", work, self._show, lambda: self._set_running(False), owner=self
        )
        job.progressed.connect(self._on_job)

    def _on_job(self, done: int, total: int) -> None:
        self.bar.setRange(0, total)
        self.bar.setValue(done)

    def _set_running(self, running: bool) -> None:
        self._running = running
        self.start.setText("Cancel" if running else "Evaluate")
        self.bar.setVisible(running)
        self.bar.setRange(0, 0)
        if running:
            self.message.setText(_RUNNING)
            self.message.show()
        elif self.evaluation is None:
            self.message.setText(self._missing or _NOT_YET)

    def _show(self, result: tuple[Any, Evaluation | None, Likelihood | None]) -> None:
        self._set_running(False)
        trained, evaluation, likelihood = result
        shown = self.workspace.trained
        if evaluation is None or shown is None or trained.model is not shown.model:
            return
        self.evaluation = evaluation
        self.message.hide()
        self.verdict.setText(f"<b>{evaluation.verdict}</b>")
        self.warning.setText(evaluation.warning or "")
        self.warning.setVisible(bool(evaluation.warning))
        for name, panel in self.panels.items():
            panel.show_statistic(evaluation, name)
        show_population(self.population, evaluation)
        show_lagged(self.lagged, evaluation)
        self.foot.setText(foot(evaluation, likelihood))
        self.curve.hide()
        for shown in (self.how_to_read, self.body, self.foot):
            shown.setVisible(True)
        self.verdict.setVisible(True)
        self.save.setEnabled(True)
        self.colour.setEnabled(True)
        self._colour()

    def _reset(self) -> None:
        self._cancel.set()
        self.evaluation = None
        if self.colour.isChecked():
            self.colour.setChecked(False)
        self.message.setText(_STOPPING if self._running else self._missing or _NOT_YET)
        self.message.show()
        self.start.setEnabled(not self._missing)
        for widget in self._results:
            widget.setVisible(False)
        for control in (self.save, self.colour):
            control.setEnabled(False)
        self._show_history()

    @property
    def _missing(self) -> str:
        """What must be opened or trained first; empty if nothing."""
        if self.workspace.recording is None:
            return _NO_RECORDING
        return "" if self.workspace.trained is not None else _NO_MODEL

    def _show_history(self) -> None:
        """Draw the nRMSE curves of the training of the model."""
        if self.home.runs.training:
            return
        self._series = {name: {} for name in self._lines}
        trained = self.workspace.trained
        if trained is not None:
            history = trained.model.history_
            for name, line in self._lines.items():
                if name in history and np.isfinite(history[name]).any():
                    self._series[name] = dict(
                        zip(history["update"].tolist(), history[name].tolist(), strict=True)
                    )
                    line.setData(history["update"], history[name], connect="finite")
        self.curve.setVisible(any(self._series.values()))

    # --- colours and figure ---------------------------------------------------------------

    def _colour(self) -> None:
        if self.evaluation is None:
            return
        if self.colour.isChecked():
            colouring = reconstruction_colouring(self.evaluation.nllh, self.workspace.palette)
            self.workspace.show_colouring(colouring)
        elif self._coloured:
            self.workspace.show_colouring(None)

    @property
    def _coloured(self) -> bool:
        """Whether the neurons are coloured by reconstruction."""
        colouring = self.workspace.colouring
        return colouring is not None and colouring.kind == RECONSTRUCTION

    def _follow(self) -> None:
        """Untick the box when another dock colours the neurons."""
        if not self._coloured:
            self.colour.setChecked(False)

    def _save(self) -> None:
        path, _ = QFileDialog.getSaveFileName(
            self, "Save figure", "statistics.pdf", "Figures (*.pdf *.svg *.png)"
        )
        if path:
            self.save_to(Path(path))

    def save_to(self, path: Path) -> None:
        """Draw all plots to a file, in the background."""
        evaluation, recording = self.evaluation, self.workspace.recording

        def work(_report: Callable[[int, int], None]) -> Path:
            from napari_crbm.figures import save_figure, statistics_page

            assert evaluation is not None
            return save_figure(statistics_page(evaluation, recording), path)

        self.home.run(f"Drawing {path.name}", work, lambda saved: show_info(f"Wrote {saved}."))

    # --- while training -------------------------------------------------------------------

    def _on_training(self) -> None:
        if self.home.runs.training:
            self._series = {name: {} for name in self._lines}
            self.curve.setVisible(True)
        if self.home.runs.training and self.workspace.trained is None:
            self.message.setText("A training is running; its nRMSE appears below.")

    def _on_progress(self, progress: Progress) -> None:
        for name, values in self._series.items():
            value = progress.statistics.get(name, float("nan"))
            if np.isfinite(value) and value not in list(values.values())[-1:]:
                values[progress.update] = value
                self._lines[name].setData(list(values), list(values.values()))
