"""The table of assemblies: one row each; regions have the room that numbers leave."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QAbstractItemView, QTableView

from napari_crbm.viewer.docks.assemblies.table_model import AssemblyFilter, AssemblyTableModel

# Room for a short name with its share; in a narrow dock the last columns are scrolled to instead.
_REGION_PX = 104


class AssemblyTable(QTableView):
    """View of the assemblies.

    Parameters
    ----------
    model : AssemblyTableModel
    proxy : AssemblyFilter
        Of this model.
    """

    def __init__(self, model: AssemblyTableModel, proxy: AssemblyFilter) -> None:
        super().__init__()
        self._columns = model
        self.setModel(proxy)
        self.setSortingEnabled(True)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(22)
        self.setWordWrap(False)
        # Of a name that is too long the middle is left out, so that the share can be read.
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.horizontalHeader().setMinimumSectionSize(30)
        self.setToolTip(
            "Click a row, or use the arrow keys, to show an assembly.\n"
            "Click with Ctrl or Shift to show several together."
        )

    def show_columns(self) -> None:
        """Give the columns of the model their widths; numbers are never cut."""
        for column, width in enumerate(self._columns.widths):
            if width:
                self.setColumnWidth(column, max(width, self.sizeHintForColumn(column)))
        self._fill()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Give regions the room that the other columns leave."""
        super().resizeEvent(event)
        self._fill()

    def _fill(self) -> None:
        widths = self._columns.widths
        if not widths:
            return
        open_column = widths.index(0)
        others = sum(
            self.columnWidth(column) for column in range(len(widths)) if column != open_column
        )
        least = _REGION_PX if self._columns.names_regions else widths[open_column]
        self.setColumnWidth(open_column, max(self.viewport().width() - others, least, 30))
