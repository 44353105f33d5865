"""Qt model of the tree of regions: ticks, colours, search."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QSortFilterProxyModel, Qt
from qtpy.QtGui import QBrush, QColor, QIcon, QPixmap, QStandardItem, QStandardItemModel

from napari_crbm.anatomy import RegionNode, region_tree
from napari_crbm.regions import Regions
from napari_crbm.viewer.state.region_view import RegionView

_REGIONS_ROLE = Qt.ItemDataRole.UserRole + 1
_NAME_ROLE = Qt.ItemDataRole.UserRole + 2
_SWATCH_PX = 12
_CHECKED, _PARTLY, _UNCHECKED = (
    Qt.CheckState.Checked,
    Qt.CheckState.PartiallyChecked,
    Qt.CheckState.Unchecked,
)


class RegionModel(QStandardItemModel):
    """One row per region or heading: tick, colour and name, number of neurons."""

    def __init__(self, view: RegionView) -> None:
        super().__init__()
        self.view = view
        self._syncing = False
        self._arranged: Regions | None = None
        self.itemChanged.connect(self._on_item)

    def rebuild(self) -> None:
        """Build the tree for the regions of the view."""
        self.clear()
        self.setHorizontalHeaderLabels(["Region", "Neurons"])
        self._arranged = self.view.regions
        if self.view.regions is not None:
            for node in region_tree(self.view.regions):
                self._add(self.invisibleRootItem(), node)
        self.sync()

    def _add(self, parent: Any, node: RegionNode) -> None:
        assert self.view.regions is not None
        item = QStandardItem(node.label)
        below = list(node.regions())
        item.setData(below, _REGIONS_ROLE)
        names = self.view.regions.names
        item.setData(names[node.region] if node.region is not None else node.label, _NAME_ROLE)
        item.setToolTip(item.data(_NAME_ROLE))
        item.setCheckable(True)
        item.setEditable(False)
        number = QStandardItem()
        number.setData(node.n_neurons, Qt.ItemDataRole.DisplayRole)
        number.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        number.setEditable(False)
        if not node.n_neurons:
            item.setForeground(QBrush(QColor("#888888")))
        parent.appendRow([item, number])
        for child in node.children:
            self._add(item, child)

    def sync(self) -> None:
        """Update ticks and colours from the view."""
        if self.view.regions is not self._arranged:
            # Regions of another recording; `rebuild` follows.
            return
        self._syncing = True
        try:
            for item in self.items():
                below = item.data(_REGIONS_ROLE)
                ticked = self.view.ticked[below]
                state = _CHECKED if ticked.all() else _PARTLY if ticked.any() else _UNCHECKED
                if item.checkState() != state:
                    item.setCheckState(state)
                colour = tuple(int(255 * c) for c in self.view.colours[below[0], :3])
                if item.data(_REGIONS_ROLE + 2) != colour:
                    item.setData(colour, _REGIONS_ROLE + 2)
                    pixmap = QPixmap(_SWATCH_PX, _SWATCH_PX)
                    pixmap.fill(QColor(*colour))
                    item.setIcon(QIcon(pixmap))
        finally:
            self._syncing = False

    def items(self) -> list[QStandardItem]:
        """Return the first item of all rows, parents before children."""
        found: list[QStandardItem] = []
        queue = [self.item(row) for row in range(self.rowCount())]
        while queue:
            item = queue.pop(0)
            found.append(item)
            queue[:0] = [item.child(row) for row in range(item.rowCount())]
        return found

    def find(self, name: str) -> QStandardItem | None:
        """Return the row of a region by its full name; None if there is none."""
        return next((item for item in self.items() if item.data(_NAME_ROLE) == name), None)

    def ticks(self, item: QStandardItem, ticked: bool) -> None:
        """Tick or untick a row and all rows below it."""
        item.setCheckState(_CHECKED if ticked else _UNCHECKED)

    def _on_item(self, item: QStandardItem) -> None:
        if self._syncing or not item.isCheckable():
            return
        self.tick_wanted(item.data(_REGIONS_ROLE), item.checkState() != _UNCHECKED)

    def tick_wanted(self, regions: list[int], ticked: bool) -> None:
        """Act on a tick of the user; the dock replaces this to make it undoable."""
        self.view.tick(regions, ticked)


class RegionFilter(QSortFilterProxyModel):
    """Rows that match the search text, with the rows above and below them."""

    def __init__(self, source: RegionModel) -> None:
        super().__init__()
        self.setSourceModel(source)
        self.setRecursiveFilteringEnabled(True)
        self.setAutoAcceptChildRows(True)
        self.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)

    def regions(self, index: Any) -> tuple[str, list[int]]:
        """Return the name of a row and its regions."""
        first = self.mapToSource(index.siblingAtColumn(0))
        return first.data(_NAME_ROLE), first.data(_REGIONS_ROLE)
