"""One pair of the *Compare* dock: members, regions and activity of both assemblies."""

from __future__ import annotations

from typing import Any

import pyqtgraph as pg
from qtpy.QtWidgets import QTabWidget, QVBoxLayout, QWidget

from napari_crbm.viewer.docks.compare.pairs import (
    MEMBER_COLUMNS,
    REGION_COLUMNS,
    pair_title,
)
from napari_crbm.viewer.layers.points import palette_of
from napari_crbm.viewer.parts.dataframe_table import DataFrameView
from napari_crbm.viewer.parts.style import follow_theme, plot, text_label
from napari_crbm.viewer.state.comparison import ModelComparison


class PairDetails(QWidget):
    """Title and tables of a pair, and the activity of both over time.

    Parameters
    ----------
    viewer : napari.Viewer
        Its theme sets the colours of the plot.
    """

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self.title = text_label("")
        self.trace = plot(viewer, "Time", "Activity (z)", "s", height=90)
        self.trace.setToolTip(
            "Expected activity of both assemblies, in standard deviations from the mean."
        )
        self._viewer = viewer
        self._lines = [self.trace.plot(), self.trace.plot()]
        follow_theme(self.trace, viewer, lambda _: self._colour_lines())
        for line in self._lines:
            line.setDownsampling(auto=True, method="peak")
            line.setClipToView(True)
        self.member_table = DataFrameView(MEMBER_COLUMNS, "Members of both, strongest first.")
        self.region_table = DataFrameView(REGION_COLUMNS, "Where the members of both lie.")
        self.tabs = QTabWidget()
        for widget, name in (
            (self.member_table, "Members"),
            (self.region_table, "Regions"),
            (self.trace, "Activity"),
        ):
            self.tabs.addTab(widget, name)

        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.title)
        column.addWidget(self.tabs)

    def _colour_lines(self) -> None:
        """Draw both traces in the colours that the assemblies have on the canvas."""
        palette = palette_of(self._viewer)
        for place, line in enumerate(self._lines):
            line.setPen(pg.mkPen(palette.assembly(place), width=1))

    def clear(self) -> None:
        """Show that no pair is selected."""
        self.title.setText("No such pair.")
        for table in (self.member_table, self.region_table):
            table.show_table(None)
        for line in self._lines:
            line.setData([], [])

    def show_pair(
        self, compared: ModelComparison, row: Any, first: int | None, second: int | None
    ) -> None:
        """Show a row of the table of pairs."""
        correlation = compared.correlation(first, second, row["orientation"])
        self.title.setText(pair_title(row, correlation, palette_of(self._viewer)))
        found = compared.found
        self.member_table.show_table(None if first is None else found.members(first))
        self.region_table.show_table(None if first is None else found.regions(first))
        self.tabs.setTabVisible(1, bool(len(self.region_table.source.table)))
        for line, trace in zip(self._lines, compared.traces(first, second), strict=True):
            line.setData(*(([], []) if trace is None else trace))
