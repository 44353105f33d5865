"""The *Tuning* dock: which assemblies and neurons follow a stimulus, behaviour or events."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QSizePolicy,
    QSplitter,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from napari_crbm.errors import CRBMError
from napari_crbm.viewer.docks.assemblies.table_model import Q_PATTERN
from napari_crbm.viewer.docks.tuning.average_plot import AveragePlot
from napari_crbm.viewer.docks.tuning.course_box import CourseBox
from napari_crbm.viewer.docks.tuning.event_box import EventBox
from napari_crbm.viewer.docks.tuning.question import Answer, Question, answer
from napari_crbm.viewer.home import home_of
from napari_crbm.viewer.jobs.job import Cancelled, cancellable
from napari_crbm.viewer.layers.colour_kinds import by_signed
from napari_crbm.viewer.parts.dataframe_table import Column, DataFrameView
from napari_crbm.viewer.parts.notices import show_error, show_info
from napari_crbm.viewer.parts.saved_fields import ask_folder, save_field
from napari_crbm.viewer.parts.style import ColourBar, button, page, text_label
from napari_crbm.viewer.parts.widget_lifetime import follow
from napari_crbm.viewer.state.answers import keep_responses

if TYPE_CHECKING:
    from napari_crbm.viewer.state.trained import Trained

_NO_RECORDING = "No recording yet. Open one in the Recording dock."
_NO_MODEL = "No model yet. Train one (Train dock) or open one."
_WHAT = (
    "Choose a stimulus or behaviour trace and press Find: which assemblies and neurons follow it?"
)
_FIND, _CANCEL = "Find", "Cancel"
_TABLE_PX = 150
#: Kind of the colours of this dock.
TUNING = "tuning"
_COLUMNS = (
    Column("assembly", "#", 28, "{:.0f}", "Number of the assembly."),
    Column(
        "found",
        "Follows",
        54,
        "{}",
        "Whether the assembly follows the course: q is below 0.05.",
    ),
    Column("r", "r", 44, "{:+.2f}", "Correlation with the course, without slow trends."),
    Column(
        "q",
        "q",
        50,
        Q_PATTERN,
        "False discovery rate, against shifts of the course: the larger of those of both r.",
    ),
    Column(
        "response",
        "Response\n(sd)",
        70,
        "{:+.2f}",
        "Largest change of the average activity after an event, in standard deviations.",
    ),
    Column(
        "response_q",
        "q of\nresponse",
        68,
        Q_PATTERN,
        "False discovery rate of the response, against the events at shifted times.",
    ),
    Column(
        "lag_s", "Lag\n(s)", 42, "{:+.1f}", "Lag of r. Positive: the assembly follows the course."
    ),
    Column(
        "r_direct",
        "r\ndirect",
        46,
        "{:+.2f}",
        "Correlation with the course while the other assemblies are held constant.",
    ),
    Column("region", "Region", 120, "{}", "Region that holds most members."),
)
_REGION_COLUMNS = (
    Column("region", "Region", 160),
    Column(
        "response",
        "Response\n(%)",
        70,
        "{:+.1f}",
        "Largest change of the percentage of active neurons after an event.",
    ),
    Column("response_s", "After\n(s)", 50, "{:.1f}", "When it occurs."),
    Column("response_q", "q", 54, Q_PATTERN, "False discovery rate of the response."),
)


class TuningWidget(QWidget):
    """Choice of course and events, table of assemblies and regions, averages around events."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.home = home_of(napari_viewer)
        self.workspace = self.home.workspace
        self.answer: Answer | None = None
        self._cancel = threading.Event()
        self._running = False
        self._asked_of: Trained | None = None
        self.setMinimumWidth(340)

        self.message = text_label(_NO_RECORDING)
        self.courses = CourseBox(self.home)
        self.lags = QDoubleSpinBox()
        self.lags.setRange(0, 600)
        self.lags.setDecimals(1)
        self.lags.setSuffix(" s")
        self.lags.setToolTip(
            "Activity may precede or follow the course by up to this much. The largest\n"
            "correlation over all lags counts, and is compared with the largest by chance."
        )
        save_field("tuning/lags", self.lags)
        self.events = EventBox()
        self.start = button(
            _FIND,
            "Correlate every assembly and neuron with the course, and compare with the course at "
            "shifted times.",
            self._toggle,
        )
        self.save = button("Save tables...", "Write all tables as CSV files.", self._save)
        self.colour = QCheckBox("Colour neurons")
        self.colour.setToolTip(
            "Colour neurons by their correlation with the course: orange positive, blue negative."
        )
        self.colour.setChecked(True)
        save_field("tuning/colour", self.colour)
        self.colour.toggled.connect(self._colour)
        self.bar = QProgressBar()
        self.bar.hide()
        self.verdict = text_label("")
        self.scale = ColourBar()
        self.table = DataFrameView(
            _COLUMNS, "Click a row, or use the arrow keys, to show the assembly."
        )
        self.table.selectionModel().currentRowChanged.connect(self._on_row)
        self.regions = DataFrameView(_REGION_COLUMNS, "Click a row to draw its average.")
        self.regions.selectionModel().currentRowChanged.connect(lambda *_: self._draw())
        self.tabs = QTabWidget()
        self.tabs.addTab(self.table, "Assemblies")
        self.tabs.addTab(self.regions, "Regions")
        self.tabs.currentChanged.connect(lambda _: self._draw())
        self.average = AveragePlot(self.home.viewer)
        self._lay_out()

        follow(self, self.workspace.recording_changed, self._reset)
        follow(self, self.workspace.trained_changed, self._on_trained)
        follow(self, self.workspace.assembly_changed, self._on_assembly)
        follow(self, self.workspace.colouring_changed, self._follow)
        self._reset()

    def _lay_out(self) -> None:
        lags = QHBoxLayout()
        lags.addWidget(QLabel("Lags up to"))
        lags.addWidget(self.lags)
        lags.addStretch(1)
        lags.addWidget(self.colour)
        buttons = QHBoxLayout()
        buttons.addWidget(self.start, 1)
        buttons.addWidget(self.save)
        self.form = QWidget()
        form = QVBoxLayout(self.form)
        form.setContentsMargins(0, 0, 0, 0)
        form.addWidget(self.courses)
        form.addLayout(lags)
        form.addWidget(self.events)
        form.addLayout(buttons)
        self.parts = QSplitter(Qt.Orientation.Vertical)
        self.parts.addWidget(self.tabs)
        self.parts.addWidget(self.average)
        self.parts.setChildrenCollapsible(False)
        self.parts.setStretchFactor(0, 3)
        self.parts.setStretchFactor(1, 2)
        self.tabs.setMinimumHeight(_TABLE_PX)
        self.body = QWidget()
        self.body.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        column = QVBoxLayout(self.body)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.verdict)
        column.addWidget(self.scale)
        column.addWidget(self.parts, 1)
        layout = page(self)
        layout.addWidget(self.message, 0, Qt.AlignmentFlag.AlignTop)
        layout.addWidget(self.form)
        layout.addWidget(self.bar)
        layout.addWidget(self.body, 1)
        layout.addStretch(0)

    # --- asking -----------------------------------------------------------------------------

    def question(self) -> Question:
        """Return what the fields ask.

        Raises
        ------
        CRBMError
            If a field holds no usable value, or nothing is selected.
        """
        kind, course = self.courses.course
        if course is None:
            what = "neuron on the canvas" if kind == "neuron" else "assembly in the Assemblies dock"
            raise CRBMError(f"Nothing is selected: click a {what}, or choose another course.")
        return Question(
            kind,
            course,
            self.lags.value(),
            self.events.events,
            self.events.threshold,
            self.events.before.value(),
            self.events.after.value(),
        )

    def _toggle(self) -> None:
        if self._running:
            self._cancel.set()
            return
        recording, trained = self.workspace.recording, self.workspace.trained
        if recording is None or trained is None:
            return
        try:
            asked = self.question()
        except CRBMError as error:
            show_error(str(error))
            return
        cancel = self._cancel = threading.Event()

        def work(report: Callable[[int, int], None]) -> tuple[Trained, Answer | None]:
            try:
                return trained, answer(asked, trained, recording, cancellable(report, cancel))
            except Cancelled:
                return trained, None

        self._set_running(True)
        job = self.home.run(
            "Comparing with shifts of the course",
            work,
            self._show,
            lambda: self._set_running(False),
            owner=self,
        )
        job.progressed.connect(self._on_job)

    def _on_job(self, done: int, total: int) -> None:
        self.bar.setRange(0, total)
        self.bar.setValue(done)

    def _set_running(self, running: bool) -> None:
        self._running = running
        self.start.setText(_CANCEL if running else _FIND)
        self.bar.setRange(0, 0)
        self.bar.setVisible(running)

    # --- what is shown ----------------------------------------------------------------------

    def _reset(self) -> None:
        """Forget the answer of another recording or model."""
        self._cancel.set()
        recording, trained = self.workspace.recording, self.workspace.trained
        self.answer, self._asked_of = None, trained
        self.courses.fill()
        missing = _NO_RECORDING if recording is None else "" if trained else _NO_MODEL
        self.message.setText(missing or _WHAT)
        self.message.show()
        self.form.setVisible(not missing)
        self.save.setEnabled(False)
        self.body.hide()
        self._colour()

    def _on_trained(self) -> None:
        """Reset for another model; members and regions of the same one change nothing here."""
        before, now = self._asked_of, self.workspace.trained
        if before is None or now is None or before.model is not now.model:
            self._reset()

    def _show(self, result: tuple[Trained, Answer | None]) -> None:
        self._set_running(False)
        trained, found = result
        now = self.workspace.trained
        if found is None or now is None or trained.model is not now.model:
            return
        self.answer = found
        keep_responses(now.model, found.responses)
        self.message.hide()
        self.save.setEnabled(True)
        self.body.show()
        self.verdict.setText(found.headline)
        self.verdict.setToolTip(found.sentences)
        self.table.show_table(found.table(now.table["region"]))
        responses = found.responses
        has_regions = responses is not None and responses.regions is not None
        self.tabs.setTabVisible(1, has_regions)
        if responses is not None and has_regions:
            regions = responses.region_table.reset_index()
            regions["place"] = np.arange(len(regions))
            self.regions.show_table(regions.sort_values("response_p", kind="stable"))
        self.average.setVisible(responses is not None)
        self._on_assembly()
        self._colour()

    def _on_row(self) -> None:
        row = self.table.chosen
        if row is not None:
            self.workspace.choose_assembly(int(row["assembly"]))
        self._draw()

    def _on_assembly(self) -> None:
        """Mark the row of the selected assembly, and draw its average."""
        assembly = self.workspace.assembly
        if self.answer is None or assembly is None:
            return
        rows = np.flatnonzero(self.table.source.table["assembly"] == assembly)
        if len(rows):
            self.table.choose(int(rows[0]))
        self._draw()

    def _draw(self) -> None:
        responses = None if self.answer is None else self.answer.responses
        if responses is None:
            return
        region, assembly = self.regions.chosen, self.workspace.assembly
        if self.tabs.currentWidget() is self.regions:
            if region is not None:
                self.average.show_region(responses, int(region["place"]))
        elif assembly is not None:
            self.average.show_assembly(responses, assembly)

    # --- colours and tables -----------------------------------------------------------------

    def _colour(self) -> None:
        found = self.answer
        if self.colour.isChecked() and found is not None:
            values = np.nan_to_num(found.following.neurons["r"].to_numpy())
            title = f"Correlation with {found.following.course.name}"
            colouring = by_signed(TUNING, title, values, self.workspace.palette)
            self.workspace.show_colouring(colouring)
        elif self._coloured:
            self.workspace.show_colouring(None)

    @property
    def _coloured(self) -> bool:
        """Whether the neurons are coloured by this dock."""
        colouring = self.workspace.colouring
        return colouring is not None and colouring.kind == TUNING

    def _follow(self) -> None:
        """Show the colour bar; untick the box when another dock colours the neurons."""
        self.scale.show_colouring(self.workspace.colouring if self._coloured else None)
        if self.answer is not None and not self._coloured:
            self.colour.blockSignals(True)
            self.colour.setChecked(False)
            self.colour.blockSignals(False)

    def _save(self) -> None:
        folder = ask_folder(self, "Folder for the tables")
        if folder is not None:
            self.export_to(folder)

    def export_to(self, folder: Path) -> None:
        """Write all tables into a folder, in the background."""
        found, trained = self.answer, self.workspace.trained
        assert found is not None and trained is not None

        def work(_report: Callable[[int, int], None]) -> list[Path]:
            from napari_crbm.analysis import export_tuning

            return export_tuning(found.following, found.responses, folder, places=trained.table)

        self.home.run(
            "Writing tables",
            work,
            lambda paths: show_info(f"Wrote {len(paths)} tables to {folder}."),
        )
