"""The *What if* dock: expected co-activity given a perturbed assembly, region or neurons."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyqtgraph as pg
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QApplication,
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QProgressBar,
    QTabWidget,
    QWidget,
)

from napari_crbm.errors import CRBMError
from napari_crbm.model import CRBM
from napari_crbm.palette import GREY, ORANGE
from napari_crbm.perturbation import (
    Coactivity,
    Perturbation,
    Pool,
    Recorded,
    coactivity,
    draw_pool,
)
from napari_crbm.recording import Recording
from napari_crbm.viewer.docks.whatif.course_panel import CoursePanel
from napari_crbm.viewer.docks.whatif.question import ACTIONS, HELD, TARGETS, question
from napari_crbm.viewer.docks.whatif.script import code
from napari_crbm.viewer.home import home_of
from napari_crbm.viewer.jobs.job import Job
from napari_crbm.viewer.layers.colour_kinds import by_signed
from napari_crbm.viewer.parts.dataframe_table import Column, DataFrameView
from napari_crbm.viewer.parts.notices import show_error, show_info
from napari_crbm.viewer.parts.style import button, count_box, page, plot, text_label
from napari_crbm.viewer.parts.widget_lifetime import follow

_WHAT = (
    "Which activity does the model expect when a group of neurons is silent, when many of its "
    "neurons are active, "
    "or when an assembly is held on or off? The answer tells what occurs together. It does not "
    "predict a stimulation."
)
_NO_MODEL = "Open a recording first (Recording dock), and a model trained on it (Train dock)."
_START, _CANCEL = "Compute expected co-activity", "Cancel"
_TIP = "Runs in the background. The first question to a model takes longest: it draws the samples."
#: Kind of the colours of this dock.
COLOURS = "expected co-activity"
_TITLE = "Expected change (percentage points; without the group)"
_CHANGE = Column("change", "Change", 64, "{:+.2f}", "Expected change given the event.")
_INTERVALS = (
    Column("chains", "Chains, 95 %", 104, "{}", "95 % interval from the chains of this one model."),
    Column(
        "null",
        "Random groups",
        104,
        "{}",
        "Range of 95 % of the change given random groups of the same size and mean activities.",
    ),
)
_LARGEST_LEVEL = 1_000_000
_FIGURES = "Figure (*.pdf *.svg *.png)"


class WhatIfWidget(QWidget):
    """Choice of the perturbation, progress, cautions, ranked tables and the comparison."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.home = home_of(napari_viewer)
        self.workspace = self.home.workspace
        self.setMinimumWidth(340)
        self._job: Job | None = None
        self._stage = ""
        self._pool: tuple[CRBM, Recording, Pool] | None = None
        self.result: Coactivity | None = None

        self.message = text_label(_WHAT)
        self.target, self.action, self.region = QComboBox(), QComboBox(), QComboBox()
        for box, names in ((self.target, TARGETS), (self.action, ACTIONS)):
            for key, name in names.items():
                box.addItem(name[0].upper() + name[1:], key)
            box.currentIndexChanged.connect(self._refresh)
        self.target.setToolTip("What is perturbed.")
        self.action.setToolTip(
            "Silence: no neuron of the group is active.\nDrive: at least so many of its neurons "
            "are active.\nHold: the assembly keeps its mean activity while on, or off."
        )
        self.region.setToolTip("The region whose neurons are perturbed.")
        self.assembly = count_box(
            0, 0, 0, "Number of the assembly; it follows the one that is shown on the canvas."
        )
        self.level = count_box(
            0,
            _LARGEST_LEVEL,
            0,
            "At least so many neurons of a driven group are active. 'As recorded': the 95 % "
            "quantile over the recorded frames.",
        )
        self.level.setSpecialValueText("as recorded")
        self.null = count_box(
            0,
            500,
            0,
            "Number of random groups of the same size and mean activities to compare with. At "
            "least 20 are needed for a range.",
            10,
        )
        self.null.setSpecialValueText("none")
        form = QFormLayout()
        self.rows = {
            "Perturb": self.target,
            "Assembly": self.assembly,
            "Region": self.region,
            "Action": self.action,
            "Active neurons": self.level,
            "Random groups": self.null,
        }
        for label, field in self.rows.items():
            form.addRow(label, field)
        self._form = form
        self.start = button(_START, _TIP, self._toggle)
        self.bar = QProgressBar()
        self.bar.hide()
        self.copy = button(
            "Copy Python", "Copy code that asks the same question and draws it.", self._copy
        )
        self.save = button(
            "Save figure...", "Write brain, regions, assemblies and comparison.", self._ask_path
        )
        self.outputs = QWidget()
        row = QHBoxLayout(self.outputs)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.copy)
        row.addWidget(self.save)
        self.verdict = text_label("")
        self.tabs = self._make_tabs(napari_viewer)
        layout = page(self)
        layout.addWidget(self.message)
        layout.addLayout(form)
        for part in (self.start, self.bar, self.outputs, self.verdict):
            layout.addWidget(part)
        layout.addWidget(self.tabs, 1)
        layout.addStretch(0)
        follow(self, self.workspace.recording_changed, self._forget)
        follow(self, self.workspace.trained_changed, self._forget)
        follow(self, self.workspace.regions_changed, self._list_regions)
        follow(self, self.workspace.assembly_changed, self._follow_assembly)
        self.home.temporal.changed.connect(self._refresh)
        self._forget()

    def _make_tabs(self, viewer: Any) -> QTabWidget:
        self.regions = DataFrameView(
            (Column("region", "Region", 130), _CHANGE, *_INTERVALS),
            "Mean change of the neurons of each region outside the group, percentage points.",
        )
        self.assemblies = DataFrameView(
            (Column("assembly", "#", 40, "{:.0f}"), _CHANGE, *_INTERVALS),
            "Change of each assembly, in standard deviations of its recorded activity. Click a "
            "row to show the assembly.",
        )
        self.assemblies.selectionModel().currentRowChanged.connect(self._on_assembly)
        self.recorded = plot(viewer, "Expected P(active | event), %", "Recorded, %", height=160)
        self.recorded.setToolTip(
            "Each dot is a neuron outside the group: how often the model expects it active given "
            "the event, and how often it was in the frames with the event.\nGrey: equality."
        )
        tabs = QTabWidget()
        tabs.addTab(self.regions, "Regions (%-points)")
        tabs.addTab(self.assemblies, "Assemblies (SD)")
        tabs.addTab(self.recorded, "Recorded")
        self.course = CoursePanel(self.home, self._asked)
        tabs.addTab(self.course, "In time")
        return tabs

    # --- running ---------------------------------------------------------------------------

    def _toggle(self) -> None:
        if self._job is not None:
            self._job.cancel()
            return
        trained, recording = self.workspace.trained, self.workspace.recording
        try:
            asked = self._asked()
            assert trained is not None and recording is not None
            asked = asked.settled(Recorded(trained.model, recording.spikes))
        except CRBMError as error:
            show_error(str(error))
            return
        model, known, n_null = trained.model, self._pool, self.null.value()

        def work(report: Callable[[int, int], None]) -> tuple[Coactivity, Pool]:
            def tell(what: str, done: int, total: int) -> None:
                self._stage = what
                report(done, total)

            if known is not None and known[0] is model and known[1] is recording:
                pool = known[2]
            else:
                recorded = Recorded(model, recording.spikes)
                pool = draw_pool(recorded, report=lambda k, n: tell("Sampling", k, n))
            (found,) = coactivity(model, recording, asked, n_null=n_null, pool=pool, report=tell)
            return found, pool

        def done(result: tuple[Coactivity, Pool]) -> None:
            self._job = None
            if (model, recording) == (self._model, self.workspace.recording):
                self.result, self._pool = result[0], (model, recording, result[1])
                self._show_result()
            self._refresh()

        self._stage = "Starting"
        self._job = self.home.run("Expected co-activity", work, done, self._ended, owner=self)
        self._job.progressed.connect(self._on_progress)
        self._job.cancelled.connect(self._ended)
        self._refresh()

    def _asked(self) -> Perturbation:
        """Return what is chosen; see `question`."""
        return question(
            self.workspace,
            self.target.currentData(),
            self.action.currentData(),
            assembly=self.assembly.value(),
            region=self.region.currentText(),
            level=self.level.value() or None,
        )

    @property
    def _model(self) -> CRBM | None:
        trained = self.workspace.trained
        return None if trained is None else trained.model

    def _ended(self) -> None:
        self._job = None
        self._refresh()

    def _on_progress(self, done: int, total: int) -> None:
        self.bar.setRange(0, max(total, 1))
        self.bar.setValue(done)
        self.bar.setFormat(f"{self._stage}: %v of %m")

    # --- export --------------------------------------------------------------------------------

    def _copy(self) -> None:
        found, recording = self.result, self.workspace.recording
        if found is None or recording is None:
            return
        path = self.workspace.model_path
        text = code(found.perturbation, recording, str(path or "model.h5"), found.n_null)
        QApplication.clipboard().setText(text)
        show_info("Copied." if path else "Copied. Save the model to model.h5 to use it.")

    def _ask_path(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, "Save figure", "what-if.pdf", _FIGURES)
        if path:
            self.write(Path(path) if Path(path).suffix else Path(f"{path}.pdf"))

    def write(self, path: Path) -> None:
        """Draw the answer to a file, in the background."""
        found, recording = self.result, self.workspace.recording
        if found is None or recording is None:
            return

        def work(_report: object) -> Path:
            from napari_crbm.figures import coactivity_figure, save_figure

            return save_figure(coactivity_figure([found], recording), path)

        self.home.run("Drawing", work, lambda to: show_info(f"Wrote {to}."), owner=self)

    # --- what is shown ------------------------------------------------------------------------

    def _forget(self) -> None:
        """Drop the answer of another model or recording, and its colours."""
        known = self._pool
        same = known is not None and (known[0], known[1]) == (
            self._model,
            self.workspace.recording,
        )
        if not same:
            self.result = self._pool = None
            if self._job is not None:
                self._job.cancel()
            colouring = self.workspace.colouring
            if colouring is not None and colouring.kind == COLOURS:
                self.workspace.show_colouring(None)
        self.assembly.setMaximum(max(self.workspace.n_assemblies - 1, 0))
        self._follow_assembly()
        self._list_regions()

    def _follow_assembly(self) -> None:
        if self.workspace.assembly is not None:
            self.assembly.setValue(self.workspace.assembly)

    def _list_regions(self) -> None:
        recording = self.workspace.recording
        names = () if recording is None or recording.regions is None else recording.regions.names
        chosen = self.region.currentText()
        self.region.clear()
        self.region.addItems(list(names))
        self.region.setCurrentIndex(max(self.region.findText(chosen), 0) if names else -1)
        self._refresh()

    def _refresh(self) -> None:
        running, target = self._job is not None, self.target.currentData()
        ready = self.workspace.recording is not None and self.workspace.trained is not None
        self.message.setText(_WHAT if ready else _NO_MODEL)
        held = self.action.currentData() in HELD
        self._form.setRowVisible(self.assembly, target == "assembly")
        self._form.setRowVisible(self.region, target == "region")
        self._form.setRowVisible(self.level, self.action.currentData() == "drive")
        self._form.setRowVisible(self.null, not held)
        items = self.action.model()
        for row, action in enumerate(ACTIONS):
            items.item(row).setEnabled(action not in HELD or target == "assembly")
        if held and target != "assembly":
            self.action.setCurrentIndex(0)
        for field in self.rows.values():
            field.setEnabled(ready and not running)
        self.start.setText(_CANCEL if running else _START)
        self.start.setEnabled(running or ready)
        if running and self.bar.isHidden():
            self.bar.setRange(0, 0)
        self.bar.setVisible(running)
        self.tabs.setVisible(self.result is not None or self.home.temporal.model is not None)
        for place in range(self.tabs.indexOf(self.course)):
            empty = not place and self.result is not None and not len(self.result.regions)
            self.tabs.setTabVisible(place, self.result is not None and not empty)
        self.outputs.setVisible(self.result is not None)
        self.verdict.setVisible(self.result is not None)

    def _show_result(self) -> None:
        found = self.result
        assert found is not None
        alarm = "".join(f"<p><b>{escape(each)}</b></p>" for each in found.cautions)
        self.verdict.setText(
            f"<p>Given <b>{escape(found.perturbation.words)}</b>:</p>{alarm}"
            f"<p>{escape(found.agreement.sentence)}</p>"
        )
        self.regions.show_table(_ranked(found.regions, 100.0))
        self.assemblies.show_table(_ranked(found.assemblies, 1.0))
        self._plot(found)
        change = 100 * found.neurons["change"].to_numpy()
        change[found.neurons["in_group"].to_numpy()] = 0.0
        # The colours of the weights of an assembly would be taken for changes.
        self.workspace.choose_assembly(None)
        self.workspace.show_colouring(by_signed(COLOURS, _TITLE, change, self.workspace.palette))

    def _plot(self, found: Coactivity) -> None:
        self.recorded.clear()
        seen = found.agreement
        if seen.problem:
            return
        expected, recorded = 100 * seen.expected, 100 * seen.recorded
        top = float(max(expected.max(), recorded.max()))
        self.recorded.plot([0, top], [0, top], pen=pg.mkPen(GREY, style=Qt.PenStyle.DashLine))
        self.recorded.plot(
            expected, recorded, pen=None, symbol="o", symbolSize=4, symbolPen=None,
            symbolBrush=ORANGE,
        )  # fmt: skip

    def _on_assembly(self) -> None:
        row = self.assemblies.chosen
        if row is not None:
            self.workspace.choose_assembly(int(row["assembly"]))


def _ranked(table: pd.DataFrame, factor: float) -> pd.DataFrame:
    """Return rows with a value, the largest changes first, with intervals as text."""
    known = table.dropna(subset="change").reset_index()
    order = known["change"].abs().sort_values(ascending=False, kind="stable").index
    known = known.loc[order]
    shown = known[[known.columns[0]]].copy()
    shown["change"] = factor * known["change"]
    for name, low, high in (
        ("chains", "chain_low", "chain_high"),
        ("null", "null_low", "null_high"),
    ):
        if np.isfinite(known[low]).any():
            shown[name] = [
                f"{factor * a:+.2f} to {factor * b:+.2f}"
                for a, b in zip(known[low], known[high], strict=True)
            ]
    return shown
