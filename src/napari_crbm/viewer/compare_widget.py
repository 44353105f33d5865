"""The *Compare* dock: a second model beside the first, pair by pair."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyqtgraph as pg
from napari.utils.notifications import show_error, show_info
from numpy.typing import NDArray
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QProgressBar,
    QSplitter,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from napari_crbm.analysis import (
    MATCH_BY,
    Counterparts,
    find_counterparts,
    ways_to_match,
)
from napari_crbm.errors import CRBMError
from napari_crbm.io.script import Script, open_again
from napari_crbm.model import CRBM
from napari_crbm.recording import Recording
from napari_crbm.viewer.compare_layers import CompareLayers
from napari_crbm.viewer.compare_pairs import (
    ALL,
    FIRST_ONLY,
    FOUND,
    MEMBER_COLUMNS,
    PAIR_COLUMNS,
    REGION_COLUMNS,
    SECOND_ONLY,
    pair_rows,
    pair_title,
)
from napari_crbm.viewer.frame_table import FrameView
from napari_crbm.viewer.home import home_of
from napari_crbm.viewer.style import BLUE, ORANGE, button, page, plot, text_label
from napari_crbm.viewer.workspace import Trained

_NO_RECORDING = "No recording yet. Open one in the Recording dock."
_NO_MODEL = "No model yet. Train one (Train dock), or load one; then compare it with another."
_WHAT = (
    "Load a second model: of the same recording (another seed, another number of assemblies) or "
    "of another animal. Assemblies are matched one to one, and shown side by side."
)
_APART, _OVERLAID = "Side by side", "Overlaid"
_CANCELLED = "cancelled"
# Of a piece of work that only the newest choice is worth.
_PAIR = "pair of assemblies"


class _Compared(NamedTuple):
    """A comparison with the second model's activity, and where it came from."""

    found: Counterparts
    activity: NDArray[np.float32]
    trained: Trained
    paths: tuple[Path, Path | None]


class CompareWidget(QWidget):
    """Load a second model, look through the pairs, see them in the brain."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.home = home_of(napari_viewer)
        self.workspace = self.home.workspace
        self.layers = CompareLayers(self.home.viewer)
        self.setMinimumWidth(340)
        self._compared: _Compared | None = None
        self._second: tuple[CRBM, Recording, tuple[Path, Path | None]] | None = None
        self._cancel = threading.Event()
        self._running = self._syncing = False

        self.message = text_label(_NO_RECORDING)
        self.choose = button("Compare with...", "Choose the file of the second model.", self._ask)
        self.by = QComboBox()
        for key, words in MATCH_BY.items():
            self.by.addItem(f"By {words}", key)
        self.by.setToolTip("What makes two assemblies alike.")
        self.by.setMinimumContentsLength(12)
        self.by.currentIndexChanged.connect(lambda _: self._match_again())
        self.bar = QProgressBar()
        self.verdict = text_label("")

        self.arrangement = QComboBox()
        self.arrangement.addItems([_APART, _OVERLAID])
        self.arrangement.setToolTip(
            "Brains next to each other, or over each other: orange only first, blue only\n"
            "second, white both (where the neurons are the same)."
        )
        self.arrangement.currentIndexChanged.connect(lambda _: self._show_pair())
        self.shown = QCheckBox("In the brain")
        self.shown.setToolTip("Show the chosen pair in the canvas.")
        self.shown.setChecked(True)
        self.shown.toggled.connect(lambda _: self._show_pair())
        self.which = QComboBox()
        self.which.addItems([ALL, FOUND, FIRST_ONLY, SECOND_ONLY])
        self.which.currentIndexChanged.connect(lambda _: self._show_table())
        self.table = FrameView(
            PAIR_COLUMNS, "Choose a pair, or use the arrow keys; it is shown in the brain."
        )
        self.table.selectionModel().currentRowChanged.connect(lambda *_: self._on_row())

        self.title = text_label("")
        self.trace = plot(self.home.viewer, "Time", "Activity (z)", "s", height=90)
        self.trace.setToolTip(
            "Expected activity of both assemblies, in standard deviations from the mean."
        )
        self._lines = [self.trace.plot(pen=pg.mkPen(colour, width=1)) for colour in (ORANGE, BLUE)]
        for line in self._lines:
            line.setDownsampling(auto=True, method="peak")
            line.setClipToView(True)
        self.member_table = FrameView(MEMBER_COLUMNS, "Members of both, strongest first.")
        self.member_table.selectionModel().currentRowChanged.connect(lambda *_: self._on_member())
        self.region_table = FrameView(REGION_COLUMNS, "Where the members of both lie.")
        self.details = QTabWidget()
        for widget, name in (
            (self.member_table, "Members"),
            (self.region_table, "Regions"),
            (self.trace, "Activity"),
        ):
            self.details.addTab(widget, name)

        self.save = button(
            "Export...",
            "Write the table of pairs (CSV or Parquet), or a figure (PDF, SVG or PNG).",
            self._ask_export,
        )
        self.copy = button(
            "Copy Python", "Copy the lines of Python that repeat this comparison.", self._copy
        )
        self._lay_out()
        for signal in ("recording_changed", "trained_changed"):
            getattr(self.workspace, signal).connect(self._reset)
        self.workspace.assembly_changed.connect(self._on_assembly)
        self._reset()

    def _lay_out(self) -> None:
        looks = QHBoxLayout()
        for widget in (self.which, self.arrangement, self.shown):
            looks.addWidget(widget)
        looks.addStretch(1)
        upper, lower = QWidget(), QWidget()
        for pane, parts in (
            (upper, (self.verdict, looks, self.table)),
            (lower, (self.title, self.details)),
        ):
            column = QVBoxLayout(pane)
            column.setContentsMargins(0, 0, 0, 0)
            for part in parts:
                add = column.addLayout if isinstance(part, QHBoxLayout) else column.addWidget
                add(part)
        self.body = QSplitter(Qt.Orientation.Vertical)
        self.body.addWidget(upper)
        self.body.addWidget(lower)
        self.body.setSizes([330, 260])
        self.exports = QWidget()
        row = QHBoxLayout(self.exports)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.save)
        row.addWidget(self.copy)
        row.addStretch(1)
        first = QHBoxLayout()
        first.addWidget(self.choose)
        first.addWidget(self.by, 1)
        layout = page(self)
        layout.addWidget(self.message)
        layout.addLayout(first)
        layout.addWidget(self.bar)
        layout.addWidget(self.body, 1)
        layout.addWidget(self.exports)
        layout.addStretch(0)

    # --- what the person does ---------------------------------------------------------------

    @property
    def found(self) -> Counterparts | None:
        """The comparison that is shown."""
        return None if self._compared is None else self._compared.found

    def _ask(self) -> None:
        if self._running:
            self._cancel.set()
            return
        path, _ = QFileDialog.getOpenFileName(self, "Second model", "", "Models (*.h5 *.hdf5)")
        if path:
            self.compare_with(Path(path))

    def compare_with(self, model_path: Path, recording_path: Path | None = None) -> None:
        """Compare with the model of a file, in the background.

        If it is of other neurons and no recording is given, the person is asked for it.
        """
        here = self.workspace.recording
        if here is None:
            return

        def work(_report: Callable[[int, int], None]) -> tuple[CRBM, Recording | None]:
            from napari_crbm.io import load_model, open_recording

            model = load_model(model_path)
            if recording_path is not None:
                return model, open_recording(recording_path)
            if model.n_neurons == here.n_neurons:
                return model, here
            return model, None

        def loaded(result: tuple[CRBM, Recording | None]) -> None:
            model, recording = result
            self._set_running(False)
            if recording is None:
                self._ask_recording(model_path, model)
            else:
                self.match(model, recording, (model_path, recording_path))

        self._set_running(True)
        self.home.run(f"Opening {model_path.name}", work, loaded, lambda: self._set_running(False))

    def _ask_recording(self, model_path: Path, model: CRBM) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self,
            f"{model_path.name} is of {model.n_neurons:,} other neurons: open its recording",
            str(model_path.parent),
            "Recordings (*.h5 *.hdf5)",
        )
        if path:
            self.compare_with(model_path, Path(path))

    def match(
        self,
        model: CRBM,
        recording: Recording,
        paths: tuple[Path, Path | None] = (Path("second-model.h5"), None),
        by: str | None = None,
    ) -> None:
        """Match the assemblies of the model in the viewer with those of another one."""
        here, trained = self.workspace.recording, self.workspace.trained
        if here is None or trained is None or self._running:
            return
        self._second = (model, recording, paths)
        cancel = self._cancel = threading.Event()

        def work(report: Callable[[int, int], None]) -> tuple[dict[str, str], _Compared] | str:
            def checked(done: int, total: int) -> None:
                if cancel.is_set():
                    raise InterruptedError
                report(done, total)

            ways = ways_to_match(here, recording)
            try:
                found = find_counterparts(
                    trained.model, here, model, recording, by=by, progress=checked
                )
            except InterruptedError:
                return _CANCELLED
            activity = model.transform(recording.spikes)
            return ways, _Compared(found, activity, trained, paths)

        self._set_running(True)
        job = self.home.run(
            "Matching assemblies", work, self._matched, lambda: self._set_running(False)
        )
        job.progressed.connect(self._show_progress)

    def _match_again(self) -> None:
        if not self._syncing and self._second is not None:
            self.match(*self._second, by=str(self.by.currentData()))

    def _on_row(self) -> None:
        row = self.table.chosen
        if row is None or self._syncing:
            return
        first = row["first"]
        self._syncing = True
        try:
            if np.isfinite(first):
                self.workspace.choose_assembly(int(first))
        finally:
            self._syncing = False
        self._show_pair()

    def _on_assembly(self) -> None:
        """An assembly was chosen elsewhere: go to its pair."""
        if self._syncing or self._compared is None or self.workspace.assembly is None:
            return
        rows = np.flatnonzero(self.table.source.table["first"] == self.workspace.assembly)
        if len(rows):
            self._syncing = True
            try:
                self.table.choose(int(rows[0]))
            finally:
                self._syncing = False
        self._show_pair()

    def _on_member(self) -> None:
        row = self.member_table.chosen
        if row is not None and not self._syncing and row.get("animal", "first") == "first":
            self.workspace.choose_neuron(int(row["neuron"]))

    # --- what is shown ----------------------------------------------------------------------

    def _reset(self) -> None:
        """Back to the start: the comparison belongs to the model it was made with."""
        trained = self.workspace.trained
        if self._compared is not None and self._compared.trained is not trained:
            self.home.turns.start(_PAIR, self.layers.end())
            self._compared = self._second = None
        ready = trained is not None
        self.message.setText(
            _NO_RECORDING if self.workspace.recording is None else _WHAT if ready else _NO_MODEL
        )
        self._show_state()

    def _show_state(self) -> None:
        compared = self._compared is not None
        self.message.setVisible(not compared)
        self.choose.setEnabled(self.workspace.trained is not None)
        self.choose.setText("Cancel" if self._running else "Compare with...")
        self.bar.setVisible(self._running)
        self.by.setVisible(compared)
        self.by.setEnabled(not self._running)
        self.body.setVisible(compared)
        self.exports.setVisible(compared)

    def _set_running(self, running: bool) -> None:
        self._running = running
        self.bar.setRange(0, 0)
        self._show_state()

    def _show_progress(self, done: int, total: int) -> None:
        self.bar.setRange(0, total)
        self.bar.setValue(done)

    def _matched(self, result: tuple[dict[str, str], _Compared] | str) -> None:
        self._set_running(False)
        if isinstance(result, str) or result[1].trained is not self.workspace.trained:
            return
        ways, self._compared = result
        found = self._compared.found
        self._syncing = True
        try:
            for place in range(self.by.count()):
                reason = ways[str(self.by.itemData(place))]
                item = self.by.model().item(place)
                item.setEnabled(not reason)
                item.setToolTip(reason)
            self.by.setCurrentIndex(self.by.findData(found.by))
        finally:
            self._syncing = False
        pairs = found.pairs[found.pairs["found"]]
        alike = f", typically {pairs['similarity'].median():.2f} alike" if len(pairs) else ""
        self.verdict.setText(
            f"<b>{found.n_found} of {len(found.pairs)}</b> assemblies have a counterpart in "
            f"{self._compared.paths[0].name}{alike}; {len(found.pairs) - found.n_found} only here, "
            f"{len(found.alone_second)} only there. Found means more alike than 95 % of partners "
            "by chance."
        )
        self._show_state()
        self._show_table()

    def _show_table(self) -> None:
        found = self.found
        if found is None:
            return
        table = pair_rows(found)
        which = self.which.currentText()
        if which != ALL:
            table = table[table["group"] == which]
        self._syncing = True
        try:
            self.table.show_table(table)
        finally:
            self._syncing = False
        if len(table):
            self.table.choose(0)
        else:
            self._show_pair()

    def _show_pair(self) -> None:
        compared, row = self._compared, self.table.chosen
        if self._syncing or compared is None:
            return
        self.home.turns.start(_PAIR, self._pair(compared, row))

    def _pair(self, compared: _Compared, row: Any) -> Iterator[None]:
        """Show a pair (or none) in canvas and dock, in pieces."""
        if row is None or not self.shown.isChecked():
            yield from self.layers.end()
        if row is None:
            return
        first, second = (
            int(row[side]) if np.isfinite(row[side]) else None for side in ("first", "second")
        )
        if self.shown.isChecked():
            apart = self.arrangement.currentText() == _APART
            yield from self.layers.show(compared.found, first, second, apart=apart)
            yield
        self.title.setText(
            pair_title(row, self._correlation(compared, first, second, row["orientation"]))
        )
        self._syncing = True
        try:
            self._show_details(compared, first, second)
        finally:
            self._syncing = False

    def _show_details(self, compared: _Compared, first: int | None, second: int | None) -> None:
        found = compared.found
        self.member_table.show_table(None if first is None else found.members(first))
        self.region_table.show_table(None if first is None else found.regions(first))
        self.details.setTabVisible(1, bool(len(self.region_table.source.table)))
        shown = (
            (first, compared.trained.activity, found.first_recording),
            (second, compared.activity, found.second_recording),
        )
        for line, (unit, activity, recording) in zip(self._lines, shown, strict=True):
            if unit is None:
                line.setData([], [])
                continue
            values = activity[:, unit]
            sign = 1.0
            if line is self._lines[1] and first is not None:
                sign = float(found.pairs["orientation"].iloc[first] or 1)
            spread = float(values.std()) or 1.0
            line.setData(recording.times, sign * (values - values.mean()) / spread)

    @staticmethod
    def _correlation(
        compared: _Compared, first: int | None, second: int | None, orientation: float
    ) -> float | None:
        """Between the activities of a pair in the same frames."""
        found = compared.found
        if found.first_recording is not found.second_recording or first is None or second is None:
            return None
        one, other = compared.trained.activity[:, first], compared.activity[:, second]
        if not one.std() or not other.std():
            return None
        return float(orientation * np.corrcoef(one, other)[0, 1])

    # --- export -----------------------------------------------------------------------------

    def _ask_export(self) -> None:
        kinds = (
            "Table of pairs (*.csv)",
            "Table of pairs (*.parquet)",
            "Figure (*.pdf)",
            "Figure (*.svg)",
            "Figure (*.png)",
        )
        path, _ = QFileDialog.getSaveFileName(
            self, "Export the comparison", "comparison.csv", ";;".join(kinds)
        )
        if path:
            self.export(Path(path))

    def export(self, path: Path) -> None:
        """Write table or figure, as the ending says, in the background."""
        found = self.found
        if found is None:
            return

        def work(_report: Callable[[int, int], None]) -> Path:
            from napari_crbm.figures import write_counterparts

            return write_counterparts(found, path)

        self.home.run(f"Writing {path.name}", work, lambda done: show_info(f"Wrote {done}."))

    def code(self, path: str = "comparison.pdf") -> str:
        """Python that repeats the comparison and writes it."""
        if self._compared is None:
            raise CRBMError("Compare two models first.")
        found, paths = self._compared.found, self._compared.paths
        same = found.second_recording is found.first_recording
        script = Script()
        script.need("napari_crbm.analysis", "find_counterparts")
        script.need("napari_crbm.figures", "write_counterparts")
        script.need("napari_crbm.io", "load_model")
        open_again(script, found.first_recording)
        if not same:
            open_again(script, found.second_recording, "second_recording")
        script.add(
            f"first = load_model({str(self._model_path)!r}), recording",
            f"second = load_model({str(paths[0])!r}), {'' if same else 'second_'}recording",
            f"found = find_counterparts(*first, *second, by={found.by!r})",
            "print(found.pairs)",
            f"write_counterparts(found, {path!r})",
        )
        return str(script)

    def _copy(self) -> None:
        try:
            QApplication.clipboard().setText(self.code())
        except CRBMError as error:
            show_error(str(error))
            return
        known = self.workspace.model_path is not None
        show_info("Copied." if known else "Copied. Save the model to model.h5 to use it.")

    @property
    def _model_path(self) -> Path:
        return self.workspace.model_path or Path("model.h5")
