"""Qt model of the assembly table: add or change its columns in `COLUMNS`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from qtpy.QtCore import QAbstractTableModel, QModelIndex, QSortFilterProxyModel, Qt
from qtpy.QtGui import QBrush, QColor

from napari_crbm.analysis import region_in_words
from napari_crbm.analysis.assemblies.enrichment import enrichment_in_words
from napari_crbm.labels import Label, Labels
from napari_crbm.viewer.parts.dataframe_table import Column

#: Role of the value that a column is sorted by.
SORT_ROLE = Qt.ItemDataRole.UserRole

# Text of assemblies that are not certain: legible on both themes, but set back.
_GREY = QColor(128, 128, 128)

# Columns of names.
_REGIONS = ("region", "enriched_region")

#: How false discovery rates are shown; smaller ones than the second as "<0.001".
Q_PATTERN, SMALLEST_Q = "{:.2g}", 0.001

#: Columns from left to right; width 0 takes what is left. Those missing in the table are hidden.
COLUMNS = (
    Column("assembly", "#", 30, "{:.0f}", "Number of the assembly (hidden unit)."),
    Column("label", "Name", 60, "{}", "Star and name that you gave it, below the table."),
    Column(
        "size",
        "Size",
        40,
        "{:,.0f}",
        "Number of members, by the definition above the table.",
    ),
    Column(
        "region",
        "Region",
        0,
        "{}",
        "Region that holds most members, with their share. Point at a cell to read all regions "
        "with at least a tenth of the members; the filter finds assemblies by these.",
    ),
    Column("mean_activity", "On %", 42, "{:.1f}", "Share of frames in which the assembly is on."),
    Column(
        "q",
        "q",
        42,
        Q_PATTERN,
        "Evidence: false discovery rate of the test whether its members are active together in "
        "held-out frames. "
        "Below 0.05 an assembly is certain; the others are grey and at the end.",
    ),
    Column(
        "laterality",
        "Side",
        42,
        "{:+.2f}",
        "Laterality: -1 if all weight is left of the midline, +1 if all is right.",
    ),
    Column(
        "compactness_um",
        "Spread",
        52,
        "{:.0f} µm",
        "Median distance of members from their centre.",
    ),
    Column(
        "enriched_region",
        "Enriched",
        84,
        "{}",
        "Region with more members than if the assembly lay at random places of the brain "
        "(p <= 0.05, for all regions together); empty if there is none. Point at a cell to "
        "read the numbers.",
    ),
    Column(
        "both_halves",
        "Both\nhalves",
        50,
        "{}",
        "Whether the assembly is found in both halves of the recording (Reproducibility dock).",
    ),
    Column(
        "stability",
        "Stability",
        58,
        "{:.2f}",
        "Stability of the training: mean |cosine| of the weights with the matched assemblies of "
        "models trained with other seeds or on folds that share frames, 0 to 1.",
    ),
)


class AssemblyTableModel(QAbstractTableModel):
    """Qt model of the assembly table; sorts by value, shows text."""

    def __init__(self) -> None:
        super().__init__()
        self._columns: list[Column] = []
        self._table = pd.DataFrame()
        # Tags and notes of every row.
        self._noted: list[str] = []
        # Values by column: Qt asks for thousands of cells, and pandas is slow at single ones.
        self._values: list[list[Any]] = []

    def show(self, table: pd.DataFrame | None, labels: Labels | None = None) -> None:
        """Replace the content."""
        self.beginResetModel()
        self._table = pd.DataFrame() if table is None else table.reset_index()
        self._noted = []
        if table is not None and labels is not None:
            found = [labels.of(int(each)) for each in self._table["assembly"]]
            self._table["label"] = [_starred_name(each) for each in found]
            self._noted = [" ".join((*each.tags, each.note)) for each in found]
        if "mean_activity" in self._table:
            self._table["mean_activity"] *= 100
        self._columns = [
            column
            for column in COLUMNS
            if column.name in self._table and self._says_something(column.name)
        ]
        self._values = [self._table[name].tolist() for name, *_ in self._columns]
        self.endResetModel()

    def _says_something(self, name: str) -> bool:
        """Return whether a column has any value: without regions or a test there is none."""
        values = self._table[name]
        if name in (*_REGIONS, "label"):
            return bool((values != "").any())
        return name != "q" or bool(values.notna().any())

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008, D102, N802
        return 0 if parent.isValid() or not self._values else len(self._values[0])

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008, D102, N802
        return 0 if parent.isValid() else len(self._columns)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: D102
        column = self._columns[index.column()]
        if role in (Qt.ItemDataRole.DisplayRole, SORT_ROLE):
            value = self._values[index.column()][index.row()]
            if role == SORT_ROLE:
                return value if isinstance(value, str) else float(np.nan_to_num(value, nan=-1e300))
            return self._text(index.row(), value, column)
        if role == Qt.ItemDataRole.ToolTipRole and column.name in _REGIONS:
            return self._words(index.row(), column.name)
        if role == Qt.ItemDataRole.ForegroundRole and not self.certain(index.row()):
            return QBrush(_GREY)
        if role == Qt.ItemDataRole.TextAlignmentRole and column.name not in (*_REGIONS, "label"):
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
                return self._columns[section].heading
            if role == Qt.ItemDataRole.ToolTipRole:
                return self._columns[section].tip
        return None

    @property
    def widths(self) -> list[int]:
        """Widths of the columns in pixels; 0 for the one that takes what is left."""
        widths = [column.width_px for column in self._columns]
        return widths if 0 in widths or not widths else [*widths[:-1], 0]

    @property
    def names_regions(self) -> bool:
        """Whether there is a column of regions."""
        return any(column.name == "region" for column in self._columns)

    def texts(self) -> list[str]:
        """Return the text of every row in lower case, one line per column, for searching."""
        columns = [
            [self._text(row, value, column) for row, value in enumerate(values)]
            for values, column in zip(self._values, self._columns, strict=True)
        ]
        if self._noted:
            # Tags and notes are found too.
            columns.append(self._noted)
        return ["\n".join(cells).lower() for cells in zip(*columns, strict=True)]

    def _text(self, row: int, value: Any, column: Column) -> str:
        """Return the text of a cell; that of a region has its share."""
        if column.name == "region" and "region_fraction" in self._table:
            return region_in_words(value, self._table["region_fraction"].iloc[row])
        return _text(value, column.pattern)

    def _words(self, row: int, name: str) -> str:
        """Return the tooltip of a region."""
        if name == "enriched_region":
            return enrichment_in_words(self._table.iloc[row])
        return str(self._table["regions"].iloc[row] if "regions" in self._table else "")

    def assembly(self, row: int) -> int:
        """Return the number of the assembly in a row."""
        return int(self._values[0][row])

    def certain(self, row: int) -> bool:
        """Return whether the assembly of a row is certain, or no test was made of any.

        A unit with fewer than two members is no assembly, and cannot be tested.
        """
        if "certain" in self._table and self._table["q"].notna().any():
            return bool(self._table["certain"].iloc[row])
        return bool(self._table["size"].iloc[row] > 1)

    def row_of(self, assembly: int) -> int | None:
        """Return the row of an assembly; None if it is not in the table."""
        if "assembly" not in self._table:
            return None
        rows = np.flatnonzero(self._table["assembly"] == assembly)
        return int(rows[0]) if len(rows) else None


def _starred_name(label: Label) -> str:
    return f"★ {label.name}".strip() if label.starred else label.name


def _text(value: Any, pattern: str) -> str:
    """Return the text of a cell."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and not np.isfinite(value):
        return ""
    if pattern == Q_PATTERN and value < SMALLEST_Q:
        return f"<{SMALLEST_Q:g}"
    return pattern.format(value)


class AssemblyFilter(QSortFilterProxyModel):
    """Rows of the listed assemblies that match a text.

    Parameters
    ----------
    model : AssemblyTableModel
    """

    def __init__(self, model: AssemblyTableModel) -> None:
        super().__init__()
        self._model = model
        self._wanted = ""
        self._listed: NDArray[np.bool_] | None = None
        # Read once: Qt would ask for every cell whenever the text changes.
        self._texts: list[str] = []
        self.setSortRole(SORT_ROLE)
        # Connected before Qt, which then filters every row.
        model.modelReset.connect(self._read)
        self.setSourceModel(model)

    def search(self, text: str) -> None:
        """List rows in which a column contains this text; a number is that of an assembly."""
        self._wanted = text.strip().lower()
        self.invalidateFilter()

    def list_only(self, listed: NDArray[np.bool_] | None) -> None:
        """List the assemblies marked in (M,); None lists all."""
        if listed is not self._listed:
            self._listed = listed
            self.invalidateFilter()

    def lessThan(self, left: QModelIndex, right: QModelIndex) -> bool:  # noqa: N802
        """Sort by value; assemblies that are not certain come last in either order."""
        certain = self._model.certain(left.row()), self._model.certain(right.row())
        if certain[0] != certain[1]:
            return certain[0] == (self.sortOrder() == Qt.SortOrder.AscendingOrder)
        return bool(super().lessThan(left, right))

    def filterAcceptsRow(self, row: int, _parent: QModelIndex) -> bool:  # noqa: D102, N802
        if self._listed is not None:
            assembly = self._model.assembly(row)
            if assembly < len(self._listed) and not self._listed[assembly]:
                return False
        if self._wanted.isdecimal():
            return self._model.assembly(row) == int(self._wanted)
        return self._wanted in self._texts[row]

    def _read(self) -> None:
        self._texts = self._model.texts()
