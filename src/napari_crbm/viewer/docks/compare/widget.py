"""The *Compare* dock: assemblies of two models, matched and shown pair by pair."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QProgressBar,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from napari_crbm.analysis import MATCH_BY, Counterparts
from napari_crbm.errors import CRBMError
from napari_crbm.viewer.docks.compare.details import PairDetails
from napari_crbm.viewer.docks.compare.pairs import (
    ALL,
    FIRST_ONLY,
    FOUND,
    PAIR_COLUMNS,
    SECOND_ONLY,
    pair_rows,
)
from napari_crbm.viewer.docks.compare.run import CompareRun
from napari_crbm.viewer.home import home_of
from napari_crbm.viewer.layers.compare import CompareLayers
from napari_crbm.viewer.parts.dataframe_table import DataFrameView
from napari_crbm.viewer.parts.notices import show_error, show_info
from napari_crbm.viewer.parts.style import button, follow_theme, page, text_label
from napari_crbm.viewer.parts.widget_lifetime import follow
from napari_crbm.viewer.state.comparison import ModelComparison

_NO_RECORDING = "No recording yet. Open one in the Recording dock."
_NO_MODEL = "No model yet. Train one (Train dock) or open one; then compare it with another."
_WHAT = (
    "Open a second model: of the same recording (another seed or number of assemblies) or of "
    "another animal. Assemblies are matched one to one."
)
_APART, _OVERLAID = "Side by side", "Overlaid"
# Name of the work in pieces; a new pair replaces the work for the pair before.
_PAIR = "pair of assemblies"


class CompareWidget(QWidget):
    """Open a second model, list the pairs, show them on the canvas."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.home = home_of(napari_viewer)
        self.workspace = self.home.workspace
        self.layers = CompareLayers(self.home.viewer)
        self.setMinimumWidth(340)
        self._compared: ModelComparison | None = None
        self._syncing = False
        self.comparing = CompareRun(self.home, self)
        self.comparing.compared.connect(self._compared_now)
        self.comparing.progressed.connect(self._show_progress)
        self.comparing.running_changed.connect(self._on_running)

        self.message = text_label(_NO_RECORDING)
        self.choose = button(
            "Compare with...", "Choose the file of the second model.", self.comparing.toggle
        )
        self.by = QComboBox()
        for key, words in MATCH_BY.items():
            self.by.addItem(f"By {words}", key)
        self.by.setToolTip("Measure of similarity between two assemblies.")
        self.by.setMinimumContentsLength(12)
        self.by.currentIndexChanged.connect(lambda _: self._match_again())
        self.bar = QProgressBar()
        self.verdict = text_label("")

        self.arrangement = QComboBox()
        self.arrangement.addItems([_APART, _OVERLAID])
        self.arrangement.setToolTip(
            "Brains side by side or overlaid. Orange: first model only; blue: second model only;\n"
            "white (black on a light canvas): both, if the recordings have the same neurons."
        )
        self.arrangement.currentIndexChanged.connect(lambda _: self._show_pair())
        self.shown = QCheckBox("Show on canvas")
        self.shown.setToolTip("Show the chosen pair on the canvas.")
        self.shown.setChecked(True)
        self.shown.toggled.connect(lambda _: self._show_pair())
        self.which = QComboBox()
        self.which.addItems([ALL, FOUND, FIRST_ONLY, SECOND_ONLY])
        self.which.currentIndexChanged.connect(lambda _: self._show_table())
        self.table = DataFrameView(
            PAIR_COLUMNS, "Click a pair, or use the arrow keys, to show it on the canvas."
        )
        self.table.selectionModel().currentRowChanged.connect(lambda *_: self._on_row())

        self.details = PairDetails(self.home.viewer)
        self.details.member_table.selectionModel().currentRowChanged.connect(
            lambda *_: self._on_member()
        )

        self.save = button(
            "Export...",
            "Write the table of pairs (CSV or Parquet), or a figure (PDF, SVG or PNG).",
            self._ask_export,
        )
        self.copy = button("Copy Python", "Copy Python that repeats this comparison.", self._copy)
        self._lay_out()
        for signal in ("recording_changed", "trained_changed"):
            follow(self, getattr(self.workspace, signal), self._reset)
        follow(self, self.workspace.assembly_changed, self._on_assembly)
        self._reset()
        # Neurons in both are white or black, whichever contrasts with the canvas.
        follow_theme(self, self.home.viewer, lambda _: self._show_pair())

    def _lay_out(self) -> None:
        looks = QHBoxLayout()
        looks.addWidget(self.arrangement, 1)
        looks.addWidget(self.shown)
        upper = QWidget()
        column = QVBoxLayout(upper)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.verdict)
        column.addLayout(looks)
        # On a row of its own, because its entries are long.
        column.addWidget(self.which)
        column.addWidget(self.table)
        self.body = QSplitter(Qt.Orientation.Vertical)
        self.body.addWidget(upper)
        self.body.addWidget(self.details)
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
        layout = page(self, self._leave)
        layout.addWidget(self.message)
        layout.addLayout(first)
        layout.addWidget(self.bar)
        layout.addWidget(self.body, 1)
        layout.addWidget(self.exports)
        layout.addStretch(0)

    # --- actions of the user ----------------------------------------------------------------

    @property
    def found(self) -> Counterparts | None:
        """The shown comparison; None if there is none."""
        return None if self._compared is None else self._compared.found

    def compare_with(self, model_path: Path, recording_path: Path | None = None) -> None:
        """Compare with the model of a file, in the background.

        If it has other neurons and no recording is given, the user is asked for it.
        """
        self.comparing.open(model_path, recording_path)

    def _match_again(self) -> None:
        if not self._syncing:
            self.comparing.match_again(str(self.by.currentData()))

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
        """Show the pair of an assembly that was selected elsewhere."""
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
        row = self.details.member_table.chosen
        if row is not None and not self._syncing and row.get("animal", "first") == "first":
            self.workspace.choose_neuron(int(row["neuron"]))

    # --- what is shown ----------------------------------------------------------------------

    def _reset(self) -> None:
        """Remove the comparison when the model of the viewer has changed."""
        trained = self.workspace.trained
        model = None if trained is None else trained.model
        # Another table of the same model leaves the comparison as it is.
        if self._compared is not None and self._compared.trained.model is not model:
            self.home.turns.start(_PAIR, self.layers.end())
            self._compared = None
            self.comparing.forget()
        ready = trained is not None
        self.message.setText(
            _NO_RECORDING if self.workspace.recording is None else _WHAT if ready else _NO_MODEL
        )
        self._show_state()

    def _leave(self) -> None:
        """Remove the comparison from the canvas when the dock is closed."""
        self.comparing.forget()
        if self._compared is not None:
            self.home.turns.start(_PAIR, self.layers.end())

    def _show_state(self) -> None:
        compared = self._compared is not None
        self.message.setVisible(not compared)
        self.choose.setEnabled(self.workspace.trained is not None)
        self.choose.setText("Cancel" if self.comparing.running else "Compare with...")
        self.bar.setVisible(self.comparing.running)
        self.by.setVisible(compared)
        self.by.setEnabled(not self.comparing.running)
        self.body.setVisible(compared)
        self.exports.setVisible(compared)

    def _on_running(self) -> None:
        self.bar.setRange(0, 0)
        self._show_state()

    def _show_progress(self, done: int, total: int) -> None:
        self.bar.setRange(0, total)
        self.bar.setValue(done)

    def _compared_now(self, result: ModelComparison) -> None:
        if result.trained is not self.workspace.trained:
            return
        self._compared = result
        self._syncing = True
        try:
            for place in range(self.by.count()):
                reason = result.ways[str(self.by.itemData(place))]
                item = self.by.model().item(place)
                item.setEnabled(not reason)
                item.setToolTip(reason)
            self.by.setCurrentIndex(self.by.findData(result.found.by))
        finally:
            self._syncing = False
        self.verdict.setText(result.verdict)
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

    def _pair(self, compared: ModelComparison, row: Any) -> Iterator[None]:
        """Show a pair (or none) in canvas and dock, in pieces."""
        if row is None or not self.shown.isChecked():
            yield from self.layers.end()
        if row is None:
            self.details.clear()
            return
        first, second = (
            int(row[side]) if np.isfinite(row[side]) else None for side in ("first", "second")
        )
        if self.shown.isChecked():
            apart = self.arrangement.currentText() == _APART
            yield from self.layers.show(compared.found, first, second, apart=apart)
            yield
        self._syncing = True
        try:
            self.details.show_pair(compared, row, first, second)
        finally:
            self._syncing = False

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
        """Write table or figure, by the ending of the name, in the background."""
        found = self.found
        if found is None:
            return

        def work(_report: Callable[[int, int], None]) -> Path:
            from napari_crbm.figures import write_counterparts

            return write_counterparts(found, path)

        self.home.run(f"Writing {path.name}", work, lambda done: show_info(f"Wrote {done}."))

    def code(self, path: str = "comparison.pdf") -> str:
        """Return Python that repeats the comparison and writes it."""
        if self._compared is None:
            raise CRBMError("Compare two models first.")
        return self._compared.code(self._model_path, path)

    def _copy(self) -> None:
        try:
            QApplication.clipboard().setText(self.code())
        except CRBMError as error:
            show_error(str(error))
            return
        known = self.workspace.model_path is not None
        show_info(
            "Copied the Python."
            if known
            else "Copied the Python. Save the model as model.h5 to run it."
        )

    @property
    def _model_path(self) -> Path:
        return self.workspace.model_path or Path("model.h5")
