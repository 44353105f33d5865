"""Qt table of a pandas DataFrame: shows text, sorts by value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from qtpy.QtCore import QAbstractTableModel, QModelIndex, QSortFilterProxyModel, Qt
from qtpy.QtWidgets import QAbstractItemView, QTableView

SORT_ROLE = Qt.ItemDataRole.UserRole


class Column(NamedTuple):
    """A column: name in the DataFrame, heading, width, format of values, tooltip."""

    name: str
    heading: str
    width_px: int
    pattern: str = "{}"
    tip: str = ""


class DataFrameModel(QAbstractTableModel):
    """Qt model of some columns of a DataFrame; missing values are empty cells."""

    def __init__(self, columns: Sequence[Column]) -> None:
        super().__init__()
        self._known = tuple(columns)
        self.columns: list[Column] = []
        self.table = pd.DataFrame()
        # Values by column: Qt asks for thousands of cells, and pandas is slow at single ones.
        self._values: list[list[Any]] = []

    def show(self, table: pd.DataFrame | None) -> None:
        """Replace the content; columns that are missing in the table are hidden."""
        self.beginResetModel()
        self.table = pd.DataFrame() if table is None else table.reset_index(drop=True)
        self.columns = [column for column in self._known if column.name in self.table]
        self._values = [self.table[column.name].tolist() for column in self.columns]
        self.endResetModel()

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008, D102, N802
        return 0 if parent.isValid() else len(self.table)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008, D102, N802
        return 0 if parent.isValid() else len(self.columns)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: D102
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight
            if isinstance(self._value(index), str):
                side = Qt.AlignmentFlag.AlignLeft
            return int(side | Qt.AlignmentFlag.AlignVCenter)
        if role not in (Qt.ItemDataRole.DisplayRole, SORT_ROLE):
            return None
        value = self._value(index)
        if isinstance(value, str):
            return value
        if role == SORT_ROLE:
            return float(np.nan_to_num(value, nan=-1e300))
        if not np.isfinite(value):
            return ""
        text = self.columns[index.column()].pattern.format(value)
        # Zero is written without a sign.
        return text.lstrip("+-") if not text.strip("+-0.% ") else text

    def headerData(  # noqa: D102, N802
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation == Qt.Orientation.Horizontal and section < len(self.columns):
            if role == Qt.ItemDataRole.DisplayRole:
                return self.columns[section].heading
            if role == Qt.ItemDataRole.ToolTipRole:
                return self.columns[section].tip
        return None

    def _value(self, index: QModelIndex) -> Any:
        return self._values[index.column()][index.row()]


class DataFrameView(QTableView):
    """Sortable view of a `DataFrameModel` in which one row can be selected."""

    def __init__(self, columns: Sequence[Column], tip: str) -> None:
        super().__init__()
        self.source = DataFrameModel(columns)
        self.proxy = QSortFilterProxyModel()
        self.proxy.setSourceModel(self.source)
        self.proxy.setSortRole(SORT_ROLE)
        self.setModel(self.proxy)
        self.setSortingEnabled(True)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(22)
        self.horizontalHeader().setMinimumSectionSize(24)
        self.horizontalHeader().setStretchLastSection(True)
        self.setWordWrap(False)
        self.setToolTip(tip)

    def show_table(self, table: pd.DataFrame | None) -> None:
        """Replace the content, in the order of the table."""
        self.source.show(table)
        self.proxy.sort(-1)
        self.horizontalHeader().setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        for place, column in enumerate(self.source.columns):
            self.setColumnWidth(place, column.width_px)

    @property
    def chosen(self) -> pd.Series | None:
        """The selected row; None without one."""
        index = self.currentIndex()
        if not index.isValid():
            return None
        return self.source.table.iloc[self.proxy.mapToSource(index).row()]

    def choose(self, row: int) -> None:
        """Select a row of the table."""
        index = self.proxy.mapFromSource(self.source.index(row, 0))
        self.setCurrentIndex(index)
        self.scrollTo(index)
