"""The tab *In time* of the *What if* dock: the course that the temporal model predicts."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyqtgraph as pg
from qtpy.QtCore import Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import (
    QCheckBox,
    QDoubleSpinBox,
    QFormLayout,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from napari_crbm.errors import CRBMError, ModelError
from napari_crbm.palette import GREY
from napari_crbm.perturbation import Perturbation, PredictedResponse, predicted_response
from napari_crbm.perturbation.course import SECONDS
from napari_crbm.viewer.jobs.job import Job
from napari_crbm.viewer.parts.notices import show_error, show_info
from napari_crbm.viewer.parts.saved_fields import ask_save
from napari_crbm.viewer.parts.style import button, plot, text_label
from napari_crbm.viewer.parts.widget_lifetime import follow

if TYPE_CHECKING:
    from napari_crbm.viewer.home import Home

_NO_TEMPORAL = (
    "The course in time needs a temporal model: train or open one in the Time dock, under "
    "Prediction."
)
_START, _CANCEL = "Predict the course", "Cancel"
_FIGURES = "Figure (*.pdf *.svg *.png)"


class CoursePanel(QWidget):
    """How long and from where to predict, the courses with and without, and what they mean.

    Parameters
    ----------
    home : Home
    ask : callable
        Returns the perturbation that is chosen in the dock; may raise `CRBMError`.
    """

    def __init__(self, home: Home, ask: Callable[[], Perturbation]) -> None:
        super().__init__()
        self.home, self._ask = home, ask
        self._job: Job | None = None
        self.result: PredictedResponse | None = None
        self.message = text_label(_NO_TEMPORAL)
        self.seconds, self.lasting = QDoubleSpinBox(), QDoubleSpinBox()
        for box, value in ((self.seconds, SECONDS), (self.lasting, 0.0)):
            box.setRange(0.0, 600.0)
            box.setSuffix(" s")
            box.setSingleStep(1.0)
            box.setValue(value)
        self.seconds.setMinimum(0.1)
        self.seconds.setToolTip("How far to predict.")
        self.lasting.setSpecialValueText("to the end")
        self.lasting.setToolTip("How long the perturbation lasts.")
        self.from_cursor = QCheckBox("Begin after the frame under the cursor")
        self.from_cursor.setToolTip(
            "Otherwise the prediction is the mean over 16 frames, held-out ones if there are any."
        )
        self.start = button(
            _START, "Continues the recording with and without the perturbation.", self._toggle
        )
        self.bar = QProgressBar()
        self.bar.hide()
        self.verdict = text_label("")
        self.courses = plot(
            home.viewer, "Time after the start", "Activity, SD", x_unit="s", height=160
        )
        self.courses.setToolTip(
            "The assemblies that respond most: with the perturbation (lines) and without it\n"
            "(dashed). A vertical line: the perturbation ends."
        )
        self.save = button("Save figure...", "Write courses and brain.", self._ask_path)
        form = QFormLayout()
        form.addRow("Predict", self.seconds)
        form.addRow("Perturbed", self.lasting)
        self.fields = QWidget()
        inside = QVBoxLayout(self.fields)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.addLayout(form)
        inside.addWidget(self.from_cursor)
        inside.addWidget(self.start)
        column = QVBoxLayout(self)
        for part in (self.message, self.fields, self.bar, self.verdict):
            column.addWidget(part)
        column.addWidget(self.courses, 1)
        column.addWidget(self.save)
        column.addStretch(0)
        home.temporal.changed.connect(self._on_temporal)
        follow(self, home.workspace.recording_changed, self.clear)
        follow(self, home.workspace.trained_changed, self.clear)
        self.clear()

    def clear(self) -> None:
        """Drop the answer, and stop computing one."""
        if self._job is not None:
            self._job.cancel()
        self.result = None
        self._refresh()

    def write(self, path: Path) -> None:
        """Draw the answer to a file, in the background."""
        found, recording = self.result, self.home.workspace.recording
        if found is None or recording is None:
            return

        def work(_report: object) -> Path:
            from napari_crbm.figures import response_figure, save_figure

            return save_figure(response_figure(found, recording), path)

        self.home.run("Drawing", work, lambda to: show_info(f"Wrote {to}."), owner=self)

    def _ask_path(self) -> None:
        path = ask_save(self, "Save figure", "response.pdf", _FIGURES)
        if path:
            self.write(path if path.suffix else path.with_suffix(".pdf"))

    def _on_temporal(self) -> None:
        if self.home.temporal.model is None:
            self.clear()
        self._refresh()

    def _toggle(self) -> None:
        if self._job is not None:
            self._job.cancel()
            return
        workspace, temporal = self.home.workspace, self.home.temporal.model
        trained, recording = workspace.trained, workspace.recording
        try:
            asked = self._ask()
            if temporal is None or trained is None or recording is None:
                raise ModelError(_NO_TEMPORAL)
            starts = None
            if self.from_cursor.isChecked():
                if workspace.frame is None:
                    raise ModelError("No frame is chosen: move the cursor of the Time dock to one.")
                starts = [workspace.frame]
        except CRBMError as error:
            show_error(str(error))
            return
        model, seconds, lasting = trained.model, self.seconds.value(), self.lasting.value() or None

        def work(report: Callable[[int, int], None]) -> PredictedResponse:
            return predicted_response(
                temporal,
                model,
                recording,
                asked,
                starts=starts,
                seconds=seconds,
                lasting_s=lasting,
                report=report,
            )

        def done(found: PredictedResponse) -> None:
            self._job = None
            if self.home.temporal.model is temporal:
                self.result = found
            self._refresh()

        self._job = job = self.home.run("Predicted response", work, done, self._ended, owner=self)
        job.progressed.connect(self._on_progress)
        job.cancelled.connect(self._ended)
        self._refresh()

    def _ended(self) -> None:
        self._job = None
        self._refresh()

    def _on_progress(self, done: int, total: int) -> None:
        self.bar.setRange(0, max(total, 1))
        self.bar.setValue(done)

    def _refresh(self) -> None:
        ready, running = self.home.temporal.model is not None, self._job is not None
        self.message.setVisible(not ready)
        self.fields.setVisible(ready)
        self.start.setText(_CANCEL if running else _START)
        for box in (self.seconds, self.lasting, self.from_cursor):
            box.setEnabled(not running)
        if running and self.bar.isHidden():
            self.bar.setRange(0, 0)
        self.bar.setVisible(running)
        found = self.result
        for part in (self.verdict, self.courses, self.save):
            part.setVisible(found is not None)
        if found is not None:
            self._show(found)

    def _show(self, found: PredictedResponse) -> None:
        from napari_crbm.figures.responses import largest

        paragraphs = [f"Predicted response, {found.perturbation.words}:", *found.sentences]
        self.verdict.setText("".join(f"<p>{escape(each)}</p>" for each in paragraphs))
        self.courses.clear()
        self._legend()
        colours = self.home.workspace.palette.assemblies
        for number, colour in zip(
            largest(found.assemblies, "assembly"), map(QColor, colours), strict=False
        ):
            rows = found.assemblies[found.assemblies["assembly"] == number]
            times = rows["time_s"].to_numpy()
            without = pg.mkPen(colour, width=1, style=Qt.PenStyle.DashLine)
            self.courses.plot(times, rows["without"].to_numpy(), pen=without)
            with_it = pg.mkPen(colour, width=2)
            self.courses.plot(times, rows["with"].to_numpy(), pen=with_it, name=f"{number}")
        if found.lasting_s < found.assemblies["time_s"].max():
            self.courses.addItem(pg.InfiniteLine(found.lasting_s, pen=pg.mkPen(GREY)))

    def _legend(self) -> Any:
        legend = self.courses.getPlotItem().legend
        if legend is None:
            legend = self.courses.addLegend(offset=(-4, 4))
        legend.clear()
        return legend
