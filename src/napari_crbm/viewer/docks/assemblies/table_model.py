"""The table of assemblies as Qt wants it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from qtpy.QtCore import QAbstractTableModel, QModelIndex, QSortFilterProxyModel, Qt

#: Role of the value that a column is sorted by.
SORT_ROLE = Qt.ItemDataRole.UserRole

# Column of the table, heading, width in pixels (0: what is left), how a value is written, tooltip.
_COLUMNS = (
    ("assembly", "#", 30, "{:.0f}", "Number of the assembly (hidden unit)."),
    ("size", "Size", 52, "{:,.0f}", "Members: neurons above a fifth of the largest |weight|."),
    ("region", "Region", 0, "{}", "Region with the largest share of the assembly."),
    ("mean_activity", "On (%)", 48, "{:.1f}", "Share of frames in which the assembly is on."),
    ("laterality", "Side", 48, "{:+.2f}", "-1: all weight left of the midline, +1: all right."),
    ("compactness_um", "Spread", 58, "{:.0f} µm", "Median distance of members to their centre."),
    (
        "reproducibility",
        "Again",
        44,
        "{:.2f}",
        "Reproducibility: likeness (|cosine| of weights) to its partners in models trained with "
        "other seeds, 0 to 1.",
    ),
)


class AssemblyTableModel(QAbstractTableModel):
    """The table of assemblies, as Qt wants it; sorts by value, shows text."""

    def __init__(self) -> None:
        super().__init__()
        self._columns: list[tuple[str, str, int, str, str]] = []
        self._table = pd.DataFrame()
        # Values column by column: Qt asks thousands of times, and pandas is slow at single cells.
        self._values: list[list[Any]] = []

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
        self._values = [self._table[name].tolist() for name, *_ in self._columns]
        self.endResetModel()

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008, D102, N802
        return 0 if parent.isValid() or not self._values else len(self._values[0])

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008, D102, N802
        return 0 if parent.isValid() else len(self._columns)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: D102
        name, _, _, pattern, _ = self._columns[index.column()]
        if role in (Qt.ItemDataRole.DisplayRole, SORT_ROLE):
            value = self._values[index.column()][index.row()]
            if role == SORT_ROLE:
                return value if isinstance(value, str) else float(np.nan_to_num(value, nan=-1e300))
            return _text(value, pattern)
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
        """Widths of the columns in pixels; 0 for that which takes what is left."""
        widths = [column[2] for column in self._columns]
        return widths if 0 in widths else [*widths[:-1], 0]

    def texts(self) -> list[str]:
        """What every row shows, in small letters, a line a column: to search in."""
        columns = [
            [_text(value, pattern) for value in values]
            for values, (_, _, _, pattern, _) in zip(self._values, self._columns, strict=True)
        ]
        return ["\n".join(cells).lower() for cells in zip(*columns, strict=True)]

    def assembly(self, row: int) -> int:
        """Number of the assembly in a row."""
        return int(self._values[0][row])

    def row_of(self, assembly: int) -> int | None:
        """Row of an assembly."""
        if "assembly" not in self._table:
            return None
        rows = np.flatnonzero(self._table["assembly"] == assembly)
        return int(rows[0]) if len(rows) else None


def _text(value: Any, pattern: str) -> str:
    """How a cell is written."""
    if isinstance(value, float) and not np.isfinite(value):
        return ""
    return pattern.format(value)


class AssemblyFilter(QSortFilterProxyModel):
    """Rows that match the text, of the assemblies that are to be listed.

    Parameters
    ----------
    model : AssemblyTableModel
    """

    def __init__(self, model: AssemblyTableModel) -> None:
        super().__init__()
        self._model = model
        self._wanted = ""
        self._listed: NDArray[np.bool_] | None = None
        # What Qt would ask for cell by cell, whenever the text changes.
        self._texts: list[str] = []
        self.setSortRole(SORT_ROLE)
        # Before Qt, which then asks for every row.
        model.modelReset.connect(self._read)
        self.setSourceModel(model)

    def search(self, text: str) -> None:
        """List rows in which a column holds this text."""
        self._wanted = text.lower()
        self.invalidateFilter()

    def list_only(self, listed: NDArray[np.bool_] | None) -> None:
        """List some assemblies (M,), or all of them."""
        if listed is not self._listed:
            self._listed = listed
            self.invalidateFilter()

    def filterAcceptsRow(self, row: int, _parent: QModelIndex) -> bool:  # noqa: D102, N802
        if self._listed is not None:
            assembly = self._model.assembly(row)
            if assembly < len(self._listed) and not self._listed[assembly]:
                return False
        return self._wanted in self._texts[row]

    def _read(self) -> None:
        self._texts = self._model.texts()
