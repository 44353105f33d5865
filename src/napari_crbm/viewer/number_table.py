"""A table of numbers to read, to sort and to click."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractItemView, QTableWidget, QTableWidgetItem


def number_table(headings: Sequence[str]) -> QTableWidget:
    """An empty table of one line a row, the last column as wide as there is room."""
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


def fill_row(table: QTableWidget, row: int, texts: Sequence[str], left: int) -> None:
    """Write a row of a `number_table`: to the right, but for the column ``left``."""
    for place, text in enumerate(texts):
        item = QTableWidgetItem(text)
        side = Qt.AlignmentFlag.AlignLeft if place == left else Qt.AlignmentFlag.AlignRight
        item.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
        table.setItem(row, place, item)


class Number(QTableWidgetItem):
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
