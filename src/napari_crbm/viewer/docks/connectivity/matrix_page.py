"""The matrix of a region map with a choice of order and a search for regions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QCompleter, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from napari_crbm.viewer.docks.connectivity.matrix_view import MatrixView

if TYPE_CHECKING:
    from napari_crbm.connectome import RegionGroup, RegionMap

_SIMILAR, _GROUPS, _NAMES = "similar", "groups", "names"
_ORDERS = {
    _SIMILAR: ("Similar regions together", "Regions with similar connections stand side by side."),
    _GROUPS: (
        "By anatomy, front to back",
        "Divisions of the brain where the names have them, otherwise left, midline, right; "
        "lines separate them.",
    ),
    _NAMES: ("By name", "In the order of the alphabet."),
}


class MatrixPage(QWidget):
    """Matrix, order of its regions, and a field that finds regions by name.

    Emits ``found(region)`` when a region is chosen in the field.
    """

    found = Signal(str)

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self.view = MatrixView(viewer)
        self._shown: tuple[RegionMap, NDArray[np.int64], NDArray[np.float64]] | None = None
        self.order = QComboBox()
        for row, (key, (text, tip)) in enumerate(_ORDERS.items()):
            self.order.addItem(text, key)
            self.order.setItemData(row, tip, Qt.ItemDataRole.ToolTipRole)
        self.order.setToolTip("Order of the regions in the matrix.")
        self.order.currentIndexChanged.connect(lambda _: self._draw())
        self.search = QLineEdit()
        self.search.setPlaceholderText("Find a region")
        self.search.setClearButtonEnabled(True)
        self.search.setToolTip(
            "Part of a name, such as 'tectum': the rows and columns of these regions are framed.\n"
            "Enter shows the strongest connection of the first of them."
        )
        self.search.textChanged.connect(self.view.find)
        self.search.returnPressed.connect(self._choose_first)
        row = QHBoxLayout()
        row.addWidget(self.order, 1)
        row.addWidget(self.search, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row)
        layout.addWidget(self.view, 1)

    def show_map(
        self, region_map: RegionMap, similar: NDArray[np.int64], centres_um: NDArray[np.float64]
    ) -> None:
        """Draw a map.

        Parameters
        ----------
        region_map : RegionMap
        similar : (R,) int64
            Order in which similar regions stand together.
        centres_um : (R, 3) float64
            z, y, x of the centres of the regions.
        """
        self._shown = (region_map, similar, centres_um)
        completer = QCompleter(sorted(region_map.names), self.search)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        self.search.setCompleter(completer)
        self._draw()

    def clear(self) -> None:
        """Show nothing."""
        self._shown = None
        self.view.clear()

    def _draw(self) -> None:
        from napari_crbm.connectome import anatomical_groups

        if self._shown is None:
            return
        region_map, order, centres = self._shown
        chosen, how = self.order.currentData(), "similar ones together"
        groups: tuple[RegionGroup, ...] = ()
        if chosen == _GROUPS:
            groups = anatomical_groups(region_map.names, centres)
            sides = {group.label for group in groups} <= {"left", "midline", "right"}
            how = "by side" if sides else "by division"
            order = np.array([k for group in groups for k in group.regions], dtype=np.int64)
        elif chosen == _NAMES:
            how = "by name"
            order = np.argsort(region_map.names, kind="stable").astype(np.int64)
        self.view.show_map(region_map, order, groups=groups, how=how)
        self.view.find(self.search.text())

    def _choose_first(self) -> None:
        matches = self.view.find(self.search.text())
        exact = [name for name in matches if name.lower() == self.search.text().strip().lower()]
        if matches:
            self.found.emit((exact or matches)[0])
