"""Short tables of text and numbers; see `dataframe_table` for long sortable ones."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem

_WIDTH_PX = 62
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class ShortTable(QTableWidget):
    """Table in which one row can be selected; texts are left-aligned, numbers right-aligned.

    Parameters
    ----------
    headings : sequence of str
    texts : collection of int
        Columns of texts; they share the width that the other columns leave.
    widths : mapping of int to int
        Width in pixels of columns that differ from the default.
    """

    def __init__(
        self,
        headings: Sequence[str],
        texts: Collection[int] = (),
        widths: Mapping[int, int] | None = None,
    ) -> None:
        super().__init__(0, len(headings))
        self._texts = frozenset(texts)
        self.setHorizontalHeaderLabels(list(headings))
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(22)
        self.setWordWrap(False)
        header = self.horizontalHeader()
        header.setMinimumSectionSize(24)
        for column in range(len(headings)):
            if column in self._texts:
                header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
            else:
                self.setColumnWidth(column, (widths or {}).get(column, _WIDTH_PX))
        header.setStretchLastSection(not self._texts)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)

    def fill(self, rows: Sequence[Sequence[str | Number]]) -> None:
        """Replace the rows."""
        self.setRowCount(len(rows))
        for row, cells in enumerate(rows):
            for column, cell in enumerate(cells):
                item = QTableWidgetItem(cell) if isinstance(cell, str) else cell
                item.setToolTip(item.text())
                if column not in self._texts:
                    item.setTextAlignment(_RIGHT)
                self.setItem(row, column, item)


class Number(QTableWidgetItem):
    """Cell that sorts by its value."""

    def __init__(self, value: Any, pattern: str) -> None:
        if isinstance(value, bool | np.bool_):
            text, self.value = "yes" if value else "", float(value)
        else:
            self.value = float(value)
            text = pattern.format(value) if np.isfinite(self.value) else ""
        super().__init__(text)

    def __lt__(self, other: Any) -> bool:
        return bool(np.nan_to_num(self.value, nan=-1e300) < np.nan_to_num(other.value, nan=-1e300))
