"""The *Assemblies* dock: a table to flip through, the activity trace, the clicked neuron."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyqtgraph as pg
from numpy.typing import NDArray
from qtpy.QtCore import QAbstractTableModel, QModelIndex, QSortFilterProxyModel, Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QSplitter,
    QTableView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_crbm.analysis import assemblies_of_neuron, members, membership
from napari_crbm.viewer.colours import SEVERAL, weight_limit
from napari_crbm.viewer.home import home_of
from napari_crbm.viewer.style import ORANGE, WeightScale, button, plot, text_label

_NO_RECORDING = "No recording yet. Open one in the Recording dock."
_NO_MODEL = "No assemblies yet. Train a model (Train dock), or load one."
_CLICK_HINT = "Click a neuron in the brain to see which assemblies hold it."
_MOST_LISTED = 8
_SORT_ROLE = Qt.ItemDataRole.UserRole

# Column of the table, heading, width in pixels, how a value is written, tooltip.
_COLUMNS = (
    ("assembly", "#", 38, "{:.0f}", "Number of the assembly (hidden unit)."),
    ("size", "Size", 52, "{:,.0f}", "Members: neurons above a fifth of the largest |weight|."),
    ("mean_activity", "On (%)", 60, "{:.1f}", "Share of frames in which the assembly is on."),
    ("laterality", "Side", 54, "{:+.2f}", "-1: all weight left of the midline, +1: all right."),
    ("compactness_um", "µm", 44, "{:.0f}", "Spread: median distance of members to their centre."),
    (
        "reproducibility",
        "Again",
        54,
        "{:.2f}",
        "Reproducibility: likeness (|cosine| of weights) to its partners in models trained with "
        "other seeds, 0 to 1.",
    ),
    ("region", "Region", 120, "{}", "Region with the largest share of the assembly."),
)


class AssemblyTableModel(QAbstractTableModel):
    """The table of assemblies, as Qt wants it; sorts by value, shows text."""

    def __init__(self) -> None:
        super().__init__()
        self._columns: list[tuple[str, str, int, str, str]] = []
        self._table = pd.DataFrame()

    def show(self, table: pd.DataFrame | None) -> None:
        """Replace the content."""
        self.beginResetModel()
        self._table = pd.DataFrame() if table is None else table.reset_index()
        if "mean_activity" in self._table:
            self._table["mean_activity"] *= 100
        self._columns = [
            column
            for column in _COLUMNS
            if column[0] in self._table
            and not (column[0] == "region" and (self._table["region"] == "").all())
        ]
        self.endResetModel()

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008, D102, N802
        return 0 if parent.isValid() else len(self._table)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008, D102, N802
        return 0 if parent.isValid() else len(self._columns)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: D102
        name, _, _, pattern, _ = self._columns[index.column()]
        if role in (Qt.ItemDataRole.DisplayRole, _SORT_ROLE):
            value = self._table[name].iloc[index.row()]
            if role == _SORT_ROLE:
                return value if isinstance(value, str) else float(np.nan_to_num(value, nan=-1e300))
            if isinstance(value, float) and not np.isfinite(value):
                return ""
            return pattern.format(value)
        if role == Qt.ItemDataRole.TextAlignmentRole and name != "region":
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        return None

    def headerData(  # noqa: D102, N802
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> Any:
        if orientation == Qt.Orientation.Horizontal:
            if role == Qt.ItemDataRole.DisplayRole:
                return self._columns[section][1]
            if role == Qt.ItemDataRole.ToolTipRole:
                return self._columns[section][4]
        return None

    @property
    def widths(self) -> list[int]:
        """Widths of the columns in pixels; the last one takes what is left."""
        return [column[2] for column in self._columns]

    def assembly(self, row: int) -> int:
        """Number of the assembly in a row."""
        return int(self._table["assembly"].iloc[row])

    def row_of(self, assembly: int) -> int | None:
        """Row of an assembly."""
        if "assembly" not in self._table:
            return None
        rows = np.flatnonzero(self._table["assembly"] == assembly)
        return int(rows[0]) if len(rows) else None


def _legend(several: Sequence[int], weights: NDArray[np.float32]) -> str:
    """Colours of several assemblies, and how many neurons more than one of them holds."""
    shared = int((membership(weights[:, list(several)]).sum(axis=1) > 1).sum())
    parts = []
    for place, assembly in enumerate(several[:_MOST_LISTED]):
        red, green, blue = (255 * SEVERAL[place % len(SEVERAL)]).astype(int)
        parts.append(f'<span style="color: rgb({red},{green},{blue})">&#9679;</span> {assembly}')
    more = f", {len(several) - _MOST_LISTED} more" if len(several) > _MOST_LISTED else ""
    return f"<b>Assemblies</b> {', '.join(parts)}{more}; white: {shared:,} neurons in several"


class AssembliesWidget(QWidget):
    """All assemblies of the model; what is chosen here shows in the canvas, and back."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.home = home_of(napari_viewer)
        self.workspace = self.home.workspace
        self.setMinimumWidth(340)
        self._syncing = False

        self.message = text_label(_NO_RECORDING)
        self.filter = QLineEdit()
        self.filter.setPlaceholderText("Filter by region or number")
        self.filter.setClearButtonEnabled(True)
        self.model = AssemblyTableModel()
        self.proxy = QSortFilterProxyModel()
        self.proxy.setSourceModel(self.model)
        self.proxy.setSortRole(_SORT_ROLE)
        self.proxy.setFilterKeyColumn(-1)
        self.proxy.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.filter.textChanged.connect(self.proxy.setFilterFixedString)
        self.table = QTableView()
        self.table.setModel(self.proxy)
        self.table.setSortingEnabled(True)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(22)
        self.table.setWordWrap(False)
        self.table.horizontalHeader().setMinimumSectionSize(30)
        self.table.horizontalHeader().setStretchLastSection(True)
        self.table.setToolTip(
            "Choose a row, or use the arrow keys to flip through.\n"
            "Ctrl-click or Shift-click several rows to show them together."
        )
        self.table.selectionModel().selectionChanged.connect(self._on_rows)

        self.title = text_label("")
        self.scale = WeightScale()
        self.trace = plot(self.home.viewer, "Time", "Activity (sd)", "s", height=110)
        self.trace.setToolTip(
            "Expected activity of the chosen assembly, E[h | v], in its standard deviations."
        )
        self._line = self.trace.plot(pen=pg.mkPen(ORANGE, width=1))
        self._line.setDownsampling(auto=True, method="peak")
        self._line.setClipToView(True)

        self.neuron_text = text_label(_CLICK_HINT)
        self.neuron_table = QTableWidget(0, 2)
        self.neuron_table.setHorizontalHeaderLabels(["Assembly", "Weight"])
        self.neuron_table.verticalHeader().hide()
        self.neuron_table.verticalHeader().setDefaultSectionSize(22)
        self.neuron_table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.neuron_table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.neuron_table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.neuron_table.setToolTip("Assemblies that hold the neuron; click one to show it.")
        self.neuron_table.cellClicked.connect(self._on_neuron_row)

        splitter = QSplitter(Qt.Orientation.Vertical)
        for parts in (
            (self.filter, self.table),
            (self._titled_scale(), self.trace),
            (self.neuron_text, self.neuron_table),
        ):
            pane = QWidget()
            column = QVBoxLayout(pane)
            column.setContentsMargins(0, 0, 0, 0)
            column.addWidget(parts[0])
            column.addWidget(parts[1], 1)
            splitter.addWidget(pane)
        splitter.setSizes([300, 150, 150])
        self.body = splitter
        layout = QVBoxLayout(self)
        layout.addWidget(self.message)
        layout.addWidget(splitter, 1)

        self.workspace.recording_changed.connect(self._show_table)
        self.workspace.trained_changed.connect(self._show_table)
        self.workspace.assembly_changed.connect(self._show_assembly)
        self.workspace.neuron_changed.connect(self._show_neuron)
        self._show_table()
        self._show_assembly()
        self._show_neuron()

    def _titled_scale(self) -> QWidget:
        row = QWidget()
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        line.addWidget(self.title, 1)
        line.addWidget(self.scale)
        self.keep = button(
            "Keep",
            "Copy what is shown to a layer of its own, which stays when you go on.",
            lambda: self.home.layers.keep_assembly(),
        )
        line.addWidget(self.keep)
        return row

    # --- what the person does ---------------------------------------------------------------

    def _on_rows(self) -> None:
        if self._syncing:
            return
        rows = self.table.selectionModel().selectedRows()
        chosen = [self.model.assembly(self.proxy.mapToSource(row).row()) for row in rows]
        current = self.table.currentIndex()
        if current.isValid() and chosen:
            last = self.model.assembly(self.proxy.mapToSource(current).row())
            # The row under the cursor is the one that is described below.
            chosen.sort(key=lambda assembly: assembly == last)
        if chosen:
            self.workspace.choose_assemblies(chosen)

    def _on_neuron_row(self, row: int, _column: int) -> None:
        self.workspace.choose_assembly(int(self.neuron_table.item(row, 0).text()))

    # --- what is shown --------------------------------------------------------------------

    def _show_table(self) -> None:
        trained = self.workspace.trained
        self.message.setText(_NO_RECORDING if self.workspace.recording is None else _NO_MODEL)
        self.message.setVisible(trained is None)
        self.body.setVisible(trained is not None)
        self._syncing = True
        try:
            self.model.show(None if trained is None else trained.table)
        finally:
            self._syncing = False
        if trained is None:
            return
        self.table.sortByColumn(1, Qt.SortOrder.DescendingOrder)
        for column, width in enumerate(self.model.widths):
            self.table.setColumnWidth(column, width)
        self._show_assembly()
        self._show_neuron()

    def _show_assembly(self) -> None:
        trained, assembly = self.workspace.trained, self.workspace.assembly
        recording = self.workspace.recording
        if trained is None or assembly is None or recording is None:
            self._line.setData([], [])
            return
        row = trained.table.loc[assembly]
        several = self.workspace.assemblies
        self.scale.setVisible(len(several) == 1)
        if len(several) == 1:
            self.title.setText(f"<b>Assembly {assembly}</b>: {row['size']:,} neurons")
            column = trained.model.weights_[:, assembly]
            self.scale.show_limit(weight_limit(column[members(column)]))
        else:
            self.title.setText(_legend(several, trained.model.weights_))
        self._line.setData(recording.times, trained.activity[:, assembly])
        source = self.model.row_of(assembly)
        if source is None:
            return
        index = self.proxy.mapFromSource(self.model.index(source, 0))
        self._syncing = True
        try:
            if len(several) == 1:
                self.table.setCurrentIndex(index)
            self.table.scrollTo(index)
        finally:
            self._syncing = False

    def _show_neuron(self) -> None:
        neuron, trained = self.workspace.neuron, self.workspace.trained
        recording = self.workspace.recording
        self.neuron_table.setRowCount(0)
        if neuron is None or trained is None or recording is None:
            self.neuron_table.setVisible(False)
            self.neuron_text.setText(_CLICK_HINT)
            return
        self.neuron_table.setVisible(True)
        regions = [] if recording.regions is None else recording.regions.of_neuron(neuron)
        held = assemblies_of_neuron(trained.model, neuron)
        held = held[held["is_member"]]
        rate = 100 * recording.spikes.mean_activity[neuron]
        self.neuron_text.setText(
            f"<b>Neuron {neuron}</b>: {', '.join(regions) or 'in no region'}, active in "
            f"{rate:.1f} % of frames, in {len(held)} assembl{'y' if len(held) == 1 else 'ies'}"
        )
        shown = held.head(_MOST_LISTED)
        self.neuron_table.setRowCount(len(shown))
        for row, (assembly, weight) in enumerate(
            zip(shown["assembly"], shown["weight"], strict=True)
        ):
            for column, text in enumerate((f"{assembly}", f"{weight:+.3f}")):
                item = QTableWidgetItem(text)
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.neuron_table.setItem(row, column, item)
