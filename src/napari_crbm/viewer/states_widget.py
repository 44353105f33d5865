"""The *States* dock: assemblies in combination, how many at a time, which sets, and when."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyqtgraph as pg
from napari.utils.notifications import show_info
from qtpy.QtCore import QRectF, Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QHBoxLayout,
    QProgressBar,
    QSizePolicy,
    QTableWidget,
    QTableWidgetItem,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from napari_crbm.viewer.colours import weight_colours
from napari_crbm.viewer.home import home_of
from napari_crbm.viewer.seen import WhenSeen
from napari_crbm.viewer.style import BLUE, GREEN, ORANGE, button, page, plot, text_label

if TYPE_CHECKING:
    from napari_crbm.analysis import BrainStates

_NO_RECORDING = "No recording yet. Open one in the Recording dock."
_NO_MODEL = "No model yet. Train one (Train dock), or load one."
_MOST_LISTED = 200
_ROWS_IN_TIME = 12
# log2 of the ratio to chance at which colours are full.
_LIMIT = 3.0
_HOVER = (
    "Orange: together more often than by chance; blue: less often. Move over the matrix to "
    "read a pair; click to show both assemblies."
)

# Column of the merged table, heading, how it is written, tooltip.
_UNIT_COLUMNS = (
    ("assembly", "#", "{:.0f}", "Number of the assembly."),
    ("fraction_on", "On (%)", "{:.1f}", "Share of frames in which it is on."),
    ("on_s", "On (s)", "{:.1f}", "How long it stays on (median)."),
    ("off_s", "Off (s)", "{:.1f}", "How long it stays off (median)."),
    ("bimodal", "Two", "{}", "Whether it has two clear states (bimodality above 5/9)."),
    (
        "times_denser",
        "Dense",
        "{:.1f}",
        "How many times denser its members lie than as many random neurons.",
    ),
    ("n_regions", "Regions", "{:.1f}", "Effective number of regions it takes."),
)


class _Cancelled(Exception):
    """Another model has come."""


class StatesWidget(QWidget):
    """Number of active assemblies over time, combinations, co-activation, time constants."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.home = home_of(napari_viewer)
        self.workspace = self.home.workspace
        self.states: BrainStates | None = None
        self._cancel = threading.Event()
        self._asked_for: object = None
        self._order = np.empty(0, dtype=np.int64)
        self.setMinimumWidth(340)

        self.message = text_label(_NO_RECORDING)
        self.bar = QProgressBar()
        self.bar.hide()
        self.save = button("Save figure ...", "All of it on one page.", self._save)
        self.export = button("Save tables ...", "All numbers as CSV files.", self._export)
        row = QHBoxLayout()
        row.addWidget(self.save)
        row.addWidget(self.export)
        self.verdict = text_label("")
        self.summary = text_label("")
        self.tabs = QTabWidget()
        self.tabs.addTab(self._in_time(), "In time")
        self.tabs.addTab(self._together(), "Together")
        self.tabs.addTab(self._units(), "Assemblies")
        self.body = QWidget()
        self.body.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        column = QVBoxLayout(self.body)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(row)
        column.addWidget(self.verdict)
        column.addWidget(self.summary)
        column.addWidget(self.tabs, 1)
        layout = page(self)
        layout.addWidget(self.message, 0, Qt.AlignmentFlag.AlignTop)
        layout.addWidget(self.bar, 0, Qt.AlignmentFlag.AlignTop)
        layout.addWidget(self.body, 1)

        self._seen = WhenSeen(self, self._compute)
        self.workspace.recording_changed.connect(self._reset)
        self.workspace.trained_changed.connect(self._reset)
        self.workspace.frame_changed.connect(self._show_frame)
        self._reset()

    # --- parts ------------------------------------------------------------------------------

    def _in_time(self) -> QWidget:
        viewer = self.home.viewer
        self.active = plot(viewer, "", "Active, m", height=90)
        self.active.setToolTip(
            "Effective number of active assemblies of every frame. Orange: median; dotted: one in\n"
            "twenty, below which single assemblies dominate; dashed: as many as mere noise.\n"
            "Click to show that frame in the brain."
        )
        self._line = self.active.plot(pen=pg.mkPen(BLUE, width=1))
        self._line.setDownsampling(auto=True, method="peak")
        self._line.setClipToView(True)
        dash, dot = Qt.PenStyle.DashLine, Qt.PenStyle.DotLine
        self._marks = {
            "median": pg.InfiniteLine(angle=0, pen=pg.mkPen(ORANGE, width=2)),
            "least": pg.InfiniteLine(angle=0, pen=pg.mkPen("#999999", style=dot)),
            "noise": pg.InfiniteLine(angle=0, pen=pg.mkPen("#999999", style=dash)),
        }
        for mark in self._marks.values():
            self.active.addItem(mark)
        self.when = plot(viewer, "Time", "Combination", "s", height=110)
        self.when.showGrid(x=False, y=False)
        self.when.setToolTip(
            "When each of the most frequent combinations is on and nothing else; row numbers are\n"
            "those of the list. Click to show that frame in the brain."
        )
        self.when.getPlotItem().invertY(True)
        self.when.setXLink(self.active)
        self.image = pg.ImageItem(axisOrder="row-major")
        self.image.setColorMap(pg.colormap.get("cividis"))
        self.when.addItem(self.image)
        self.cursors = []
        for panel in (self.active, self.when):
            panel.getAxis("left").setWidth(44)
            cursor = pg.InfiniteLine(angle=90, pen=pg.mkPen(GREEN, width=2))
            cursor.hide()
            panel.addItem(cursor)
            self.cursors.append(cursor)
            panel.scene().sigMouseClicked.connect(
                lambda event, panel=panel: self._on_click(panel, event)
            )
        self.sets = _table(("", "Assemblies", "Frames", "%", "Times"))
        self.sets.setToolTip(
            "Combinations of assemblies with two clear states, by how many frames they last in\n"
            "all, and how many times they begin. Click one to show its assemblies together."
        )
        for place, width in enumerate((28, 120, 54, 42)):
            self.sets.setColumnWidth(place, width)
        self.sets.cellClicked.connect(lambda row, _: self._choose_set(row))
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 4, 0, 0)
        column.addWidget(self.active, 1)
        column.addWidget(self.when, 1)
        column.addWidget(self.sets, 2)
        return page

    def _together(self) -> QWidget:
        self.matrix = plot(self.home.viewer, "Assembly", "Assembly", height=220)
        self.matrix.showGrid(x=False, y=False)
        self.matrix.setAspectLocked(True)
        self.matrix.getPlotItem().invertY(True)
        for side in ("bottom", "left"):
            self.matrix.getAxis(side).setTicks([[]])
        self.matrix.setToolTip(
            "How much more (orange) or less (blue) often than by chance two assemblies are on\n"
            "together; sorted so that similar ones are neighbours. Full colour: 8 times."
        )
        self.pairs = pg.ImageItem(axisOrder="row-major")
        self.matrix.addItem(self.pairs)
        self.matrix.scene().sigMouseMoved.connect(self._on_hover)
        self.matrix.scene().sigMouseClicked.connect(self._on_pair)
        self.pair = text_label(_HOVER)
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 4, 0, 0)
        column.addWidget(self.matrix, 1)
        column.addWidget(self.pair)
        return page

    def _units(self) -> QWidget:
        self.units = _table([heading for _, heading, _, _ in _UNIT_COLUMNS])
        for place, (_, _, _, tip) in enumerate(_UNIT_COLUMNS):
            self.units.horizontalHeaderItem(place).setToolTip(tip)
        for place, width in enumerate((34, 50, 46, 48, 36, 46)):
            self.units.setColumnWidth(place, width)
        self.units.setSortingEnabled(True)
        self.units.cellClicked.connect(
            lambda row, _: self.workspace.choose_assembly(int(self.units.item(row, 0).text()))
        )
        self.where = text_label("")
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 4, 0, 0)
        column.addWidget(self.where)
        column.addWidget(self.units, 1)
        return page

    # --- computing --------------------------------------------------------------------------

    def _reset(self) -> None:
        self._cancel.set()
        self.states, self._asked_for = None, None
        recording, trained = self.workspace.recording, self.workspace.trained
        self.message.setText(_NO_RECORDING if recording is None else _NO_MODEL)
        self.message.setVisible(recording is None or trained is None)
        self.body.hide()
        self.bar.hide()
        self._seen.request()

    def _compute(self) -> None:
        """Describe the model, once, when there is somebody to see it."""
        recording, trained = self.workspace.recording, self.workspace.trained
        if recording is None or trained is None or self._asked_for is trained:
            return
        self._asked_for = trained
        cancel = self._cancel = threading.Event()

        def work(report: Callable[[int, int], None]) -> Any:
            from napari_crbm.analysis import brain_states

            def checked(done: int, total: int) -> None:
                if cancel.is_set():
                    raise _Cancelled
                report(done, total)

            try:
                found = brain_states(trained.model, recording, trained.activity, report=checked)
            except _Cancelled:
                found = None
            return trained, found

        self.message.setText("Looking at assemblies in combination ...")
        self.message.show()
        self.bar.show()
        self.bar.setRange(0, 0)
        job = self.home.run("Describing states", work, self._show, self._failed)
        job.progressed.connect(self._on_job)

    def _on_job(self, done: int, total: int) -> None:
        self.bar.setRange(0, total)
        self.bar.setValue(done)

    def _failed(self) -> None:
        self.bar.hide()
        self.message.setText("Nothing can be said about combinations of these assemblies.")

    # --- what is shown ----------------------------------------------------------------------

    def _show(self, result: tuple[Any, BrainStates | None]) -> None:
        trained, states = result
        if states is None or trained is not self.workspace.trained:
            return
        self.states = states
        self.bar.hide()
        self.message.hide()
        self.body.show()
        self.verdict.setText(f"<b>{states.composition.verdict}</b>")
        self.summary.setText(states.summary)
        self.where.setText(states.locality.verdict)
        self._show_time(states)
        self._show_pairs(states)
        self._show_units(states)
        self._show_frame()

    def _show_time(self, states: BrainStates) -> None:
        from napari_crbm.analysis import occurrences
        from napari_crbm.analysis.states import FERROMAGNETIC

        made_of = states.composition
        self._line.setData(states.times, made_of.counts)
        self._marks["median"].setValue(made_of.median)
        self._marks["least"].setValue(FERROMAGNETIC * made_of.n_assemblies)
        self._marks["noise"].setValue(made_of.noise)
        first, last = float(states.times[0]), float(states.times[-1])
        top = 1.1 * max(float(np.quantile(made_of.counts, 0.995)), made_of.noise)
        self.active.setRange(xRange=(first, last), yRange=(0, top), padding=0)
        sets = states.combinations.head(_MOST_LISTED)
        on = occurrences(states.clearly_on, sets["assemblies"].head(_ROWS_IN_TIME).tolist())
        self.image.setImage(on.T.astype(np.float32), levels=(0, 1))
        self.image.setRect(QRectF(first, 0.5, last - first, on.shape[1]))
        self.when.setYRange(0.5, on.shape[1] + 0.5, padding=0)
        self.sets.setRowCount(len(sets))
        for row, found in enumerate(sets.itertuples()):
            names = found.assemblies.replace(" ", " + ") or "none"
            values = (
                row + 1,
                names,
                f"{found.n_frames:,}",
                f"{100 * found.fraction:.1f}",
                f"{found.n_episodes:,}",
            )
            _fill(self.sets, row, [str(value) for value in values], left=1)

    def _show_pairs(self, states: BrainStates) -> None:
        from napari_crbm.analysis import sort_by_similarity

        order = self._order = sort_by_similarity(states.on.astype(np.float32))
        ratio = np.nan_to_num(states.coactivation, nan=0.0, neginf=-_LIMIT)[np.ix_(order, order)]
        ratio = np.clip(ratio, -_LIMIT, _LIMIT)
        np.fill_diagonal(ratio, 0)
        colours = weight_colours(ratio.ravel(), _LIMIT).reshape(*ratio.shape, 4)
        self.pairs.setImage((255 * colours).astype(np.uint8), levels=(0, 255))
        self.matrix.setRange(xRange=(0, len(order)), yRange=(0, len(order)), padding=0.02)
        self.pair.setText(_HOVER)

    def _show_units(self, states: BrainStates) -> None:
        table = states.table.join(states.locality.table).reset_index()
        self.units.setSortingEnabled(False)
        self.units.setColumnHidden(len(_UNIT_COLUMNS) - 1, "n_regions" not in table)
        self.units.setRowCount(len(table))
        for row, values in table.iterrows():
            for place, (name, _, pattern, _) in enumerate(_UNIT_COLUMNS):
                value = values.get(name, float("nan"))
                if name == "fraction_on":
                    value = 100 * value
                self.units.setItem(row, place, _Number(value, pattern))
        self.units.setSortingEnabled(True)
        self.units.sortByColumn(0, Qt.SortOrder.AscendingOrder)

    def _show_frame(self) -> None:
        recording, frame = self.workspace.recording, self.workspace.frame
        for cursor in self.cursors:
            cursor.setVisible(frame is not None and recording is not None)
            if frame is not None and recording is not None:
                cursor.setValue(float(recording.times[frame]))

    # --- what the person does ---------------------------------------------------------------

    def _choose_set(self, row: int) -> None:
        if self.states is not None:
            members = self.states.combinations["assemblies"].iloc[row]
            if members:
                self.workspace.choose_assemblies([int(number) for number in members.split()])

    def _on_click(self, panel: Any, event: Any) -> None:
        view = panel.getPlotItem().getViewBox()
        if (
            self.states is None
            or event.button() != Qt.MouseButton.LeftButton
            or not view.sceneBoundingRect().contains(event.scenePos())
        ):
            return
        seconds = view.mapSceneToView(event.scenePos()).x()
        self.workspace.choose_frame(int(np.abs(self.states.times - seconds).argmin()))

    def _pair_at(self, position: Any) -> tuple[int, int] | None:
        view = self.matrix.getPlotItem().getViewBox()
        if self.states is None or not view.sceneBoundingRect().contains(position):
            return None
        place = view.mapSceneToView(position)
        column, row = int(np.floor(place.x())), int(np.floor(place.y()))
        n = len(self._order)
        if not (0 <= row < n and 0 <= column < n) or row == column:
            return None
        return int(self._order[row]), int(self._order[column])

    def _on_hover(self, position: Any) -> None:
        found = self._pair_at(position)
        if found is None or self.states is None:
            return
        first, second = found
        frames = int((self.states.on[:, first] & self.states.on[:, second]).sum())
        ratio = self.states.coactivation[first, second]
        often = "never" if not frames else f"{2**ratio:.2g} times as often as by chance"
        self.pair.setText(f"<b>{first} and {second}</b>: on together in {frames:,} frames, {often}")

    def _on_pair(self, event: Any) -> None:
        found = self._pair_at(event.scenePos())
        if found is not None and event.button() == Qt.MouseButton.LeftButton:
            self.workspace.choose_assemblies(found)

    def _save(self) -> None:
        path, _ = QFileDialog.getSaveFileName(
            self, "Save figure", "states.pdf", "Figures (*.pdf *.svg *.png)"
        )
        if path:
            self.save_to(Path(path))

    def save_to(self, path: Path) -> None:
        """Draw everything to a file, in the background."""
        states, recording = self.states, self.workspace.recording

        def work(_report: Callable[[int, int], None]) -> Path:
            from napari_crbm.figures import save_figure, states_page

            assert states is not None
            return save_figure(states_page(states, recording), path)

        self.home.run(f"Drawing {path.name}", work, lambda saved: show_info(f"Wrote {saved}."))

    def _export(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Folder for the tables")
        if folder:
            self.export_to(Path(folder))

    def export_to(self, folder: Path) -> None:
        """Write all tables into a folder, in the background."""
        states = self.states

        def work(_report: Callable[[int, int], None]) -> list[Path]:
            from napari_crbm.analysis import export_states

            assert states is not None
            return export_states(states, folder)

        self.home.run(
            "Writing tables",
            work,
            lambda paths: show_info(f"Wrote {len(paths)} tables to {folder}."),
        )


class _Number(QTableWidgetItem):
    """A cell that sorts by its value."""

    def __init__(self, value: Any, pattern: str) -> None:
        if isinstance(value, bool | np.bool_):
            text, self.value = "yes" if value else "", float(value)
        else:
            self.value = float(value)
            text = pattern.format(value) if np.isfinite(self.value) else ""
        super().__init__(text)
        self.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)

    def __lt__(self, other: Any) -> bool:
        return bool(np.nan_to_num(self.value, nan=-1e300) < np.nan_to_num(other.value, nan=-1e300))


def _table(headings: Sequence[str]) -> QTableWidget:
    table = QTableWidget(0, len(headings))
    table.setHorizontalHeaderLabels(list(headings))
    table.verticalHeader().hide()
    table.horizontalHeader().setMinimumSectionSize(24)
    table.verticalHeader().setDefaultSectionSize(22)
    table.setWordWrap(False)
    table.horizontalHeader().setStretchLastSection(True)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    return table


def _fill(table: QTableWidget, row: int, texts: Sequence[str], left: int) -> None:
    for place, text in enumerate(texts):
        item = QTableWidgetItem(text)
        side = Qt.AlignmentFlag.AlignLeft if place == left else Qt.AlignmentFlag.AlignRight
        item.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
        table.setItem(row, place, item)
