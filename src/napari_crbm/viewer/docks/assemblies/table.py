"""The table of assemblies: one row each; regions have the room that numbers leave."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QAbstractItemView, QTableView

from napari_crbm.viewer.docks.assemblies.table_model import AssemblyFilter, AssemblyTableModel

# Room for a short name with its share.
_REGION_PX = 132


class AssemblyTable(QTableView):
    """View of the assemblies: the columns that fit the width of the dock, the first ones first.

    Emits ``fitted`` when the width or the columns have changed.

    Parameters
    ----------
    model : AssemblyTableModel
    proxy : AssemblyFilter
        Of this model.
    """

    fitted = Signal()

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
        """Give the columns of the model their widths; headings and numbers are never cut."""
        header = self.horizontalHeader()
        for column, width in enumerate(self._columns.widths):
            self.setColumnHidden(column, False)
            if width:
                needed = max(self.sizeHintForColumn(column), header.sectionSizeHint(column))
                self.setColumnWidth(column, max(width, needed))
        self._fill()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Show the columns that fit, and give regions the room that they leave."""
        super().resizeEvent(event)
        self._fill()

    @property
    def hidden(self) -> list[str]:
        """Headings of the columns for which there is no room."""
        return [
            str(self._columns.headerData(column, Qt.Orientation.Horizontal)).replace("\n", " ")
            for column in range(self._columns.columnCount())
            if self.isColumnHidden(column)
        ]

    def _fill(self) -> None:
        widths = self._columns.widths
        if not widths:
            return
        open_column = widths.index(0)
        least = _REGION_PX if self._columns.names_regions else widths[open_column]
        left = self.viewport().width() - max(least, 30)
        for column in range(len(widths)):
            if column == open_column:
                continue
            # A hidden column has no width; it keeps the one that it was given.
            hidden = self.isColumnHidden(column)
            if hidden:
                self.setColumnHidden(column, False)
            left -= self.columnWidth(column)
            self.setColumnHidden(column, left < 0)
        shown = sum(
            self.columnWidth(column) for column in range(len(widths)) if column != open_column
        )
        self.setColumnWidth(open_column, max(self.viewport().width() - shown, least, 30))
        self.fitted.emit()
