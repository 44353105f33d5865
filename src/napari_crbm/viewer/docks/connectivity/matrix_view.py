"""Region map as an image that can be read and clicked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

from napari_crbm.palette import ORANGE
from napari_crbm.viewer.docks.connectivity.region_axis import RegionAxis
from napari_crbm.viewer.layers.points import palette_of
from napari_crbm.viewer.parts.style import follow_theme, plot, text_label

if TYPE_CHECKING:
    from napari_crbm.connectome import RegionGroup, RegionMap

_STOPS = 64


class MatrixView(QWidget):
    """Image of a region map; emits ``clicked(first, second)`` with the regions of a cell."""

    clicked = Signal(str, str)

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = viewer
        self.region_map: RegionMap | None = None
        self.order: NDArray[np.int64] = np.arange(0)
        self._groups: tuple[RegionGroup, ...] = ()
        self._how = ""
        self.plot = plot(viewer, "", "", height=160)
        self.plot.showGrid(x=False, y=False)
        self.plot.setAspectLocked(True)
        self.plot.invertY(True)
        self.plot.setMouseEnabled(x=False, y=False)
        self.plot.getAxis("bottom").setStyle(showValues=False, tickLength=0)
        self.axis = RegionAxis(self.plot)
        self.image = pg.ImageItem(axisOrder="row-major")
        self.plot.addItem(self.image)
        # Below the matrix: names of regions need the width.
        self.bar = pg.ColorBarItem(
            interactive=False,
            width=12,
            colorMap=pg.colormap.get("CET-L1"),
            orientation="horizontal",
        )
        self.bar.setImageItem(self.image, insert_in=self.plot.getPlotItem())
        self.cross = pg.PlotDataItem(pen=pg.mkPen("#ffffff", width=2))
        self.plot.addItem(self.cross)
        self.bands = pg.PlotDataItem(pen=pg.mkPen(ORANGE, width=1), connect="pairs")
        self.borders = pg.PlotDataItem(pen=pg.mkPen("#888888", width=1), connect="pairs")
        for lines in (self.borders, self.bands):
            self.plot.addItem(lines)
        self._pair: tuple[str, str] | None = None
        self._found: tuple[int, ...] = ()
        self.plot.scene().sigMouseClicked.connect(self.on_click)
        self.plot.scene().sigMouseMoved.connect(self._on_hover)
        self.title = QLabel()
        self.hover = text_label("", wrap=True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.title)
        layout.addWidget(self.plot, 1)
        layout.addWidget(self.hover)
        self.title.hide()
        follow_theme(self, viewer, lambda _: self._draw_again())

    def _draw_again(self) -> None:
        """Draw the same map in the colours of another theme."""
        if self.region_map is not None:
            self.show_map(self.region_map, self.order, self.title.text(), self._groups, self._how)

    def clear(self) -> None:
        """Show nothing."""
        self.region_map = None
        self.image.clear()
        self._pair, self._found = None, ()
        for lines in (self.cross, self.bands, self.borders):
            lines.setData([], [])
        self.axis.show(())
        self.hover.setText("")

    def show_map(
        self,
        region_map: RegionMap,
        order: NDArray[np.int64],
        title: str = "",
        groups: Sequence[RegionGroup] = (),
        how: str = "similar ones together",
    ) -> None:
        """Draw a map with its regions in an order, on a logarithmic scale if it is positive.

        Lines separate ``groups``, which follow each other in this order; ``how`` names it.
        """
        from matplotlib import colormaps
        from matplotlib.colors import ListedColormap

        from napari_crbm.connectome.layout import scaled
        from napari_crbm.figures.connectivity import measure_label

        self.region_map, self.order = region_map, order
        values = region_map.values[np.ix_(order, order)]
        shown = scaled(values)
        logarithmic = shown is not values
        known = shown[np.isfinite(shown)]
        low, high = np.quantile(known, (0.02, 0.995)) if len(known) else (0.0, 1.0)
        stops = colormaps["cividis"]
        if not logarithmic and len(known) and known.min() < 0:
            low, high = -np.abs(known).max(), np.abs(known).max()
            stops = ListedColormap(palette_of(self._viewer).weight_scale)
        table = pg.ColorMap(np.linspace(0, 1, _STOPS), stops(np.linspace(0, 1, _STOPS), bytes=True))
        if logarithmic:
            # A connection of zero has no logarithm and is left blank.
            shown = np.where(values > 0, shown, np.nan)
        self.image.setImage(shown, autoLevels=False)
        self.bar.setColorMap(table)
        self.bar.setLevels((float(low), float(max(high, low + 1e-12))))
        self.bar.axis.setLabel(f"{'log10 ' if logarithmic else ''}{measure_label(region_map)}")
        self.bar.axis.setTextPen(self.plot.getAxis("bottom").textPen())
        n = len(order)
        self.cross.setData([], [])
        self.plot.setRange(xRange=(0, n), yRange=(0, n), padding=0.01)
        self._groups, self._found = tuple(groups), ()
        borders = np.cumsum([len(group.regions) for group in groups])[:-1].tolist()
        self._lines(self.borders, borders, n)
        self._lines(self.bands, [], n)
        self._how = how
        self.plot.setLabel("bottom", f"{n} regions, {how}")
        self._name_rows()
        self.title.setText(title)
        self.title.setVisible(bool(title))

    def find(self, text: str) -> list[str]:
        """Frame the rows and columns of regions with this text in their names; return these."""
        if self.region_map is None:
            return []
        wanted = text.strip().lower()
        names = [self.region_map.names[k] for k in self.order]
        self._found = tuple(
            row for row, name in enumerate(names) if wanted and wanted in name.lower()
        )
        self._lines(self.bands, [end for row in self._found for end in (row, row + 1)], len(names))
        self._name_rows()
        return [names[row] for row in self._found]

    def _lines(self, item: pg.PlotDataItem, places: Sequence[int], n: int) -> None:
        """Draw lines through the whole matrix, down and across, at these borders of rows."""
        x = [end for place in places for end in (place, place, 0, n)]
        y = [end for place in places for end in (0, n, place, place)]
        item.setData(np.array(x, dtype=float), np.array(y, dtype=float))

    def _name_rows(self) -> None:
        assert self.region_map is not None
        names = [self.region_map.names[k] for k in self.order]
        pair = [row for row, name in enumerate(names) if name in (self._pair or ())]
        self.axis.show(names, {*pair, *self._found})

    def mark(self, first: str, second: str) -> None:
        """Frame a cell."""
        self._pair = (first, second)
        if self.region_map is None:
            return
        self._name_rows()
        names = self.region_map.names
        place = {names[index]: row for row, index in enumerate(self.order)}
        if first in place and second in place:
            row, column = place[first], place[second]
            self.cross.setData(
                [column, column + 1, column + 1, column, column], [row, row, row + 1, row + 1, row]
            )

    def on_click(self, event: Any) -> None:
        """Emit ``clicked`` for the cell under the pointer."""
        cell = self._cell(event.scenePos())
        if cell is not None:
            self.clicked.emit(*cell)

    def _on_hover(self, position: Any) -> None:
        cell, found = self._cell(position), self.region_map
        if cell is not None and found is not None:
            names = found.names
            value = found.values[names.index(cell[0]), names.index(cell[1])]
            self.hover.setText(f"{cell[0]}  ·  {cell[1]}:  {value:.3g}")

    def _cell(self, position: Any) -> tuple[str, str] | None:
        if self.region_map is None or not self.plot.sceneBoundingRect().contains(position):
            return None
        point = self.plot.getPlotItem().vb.mapSceneToView(position)
        column, row = int(np.floor(point.x())), int(np.floor(point.y()))
        names, order = self.region_map.names, self.order
        if 0 <= row < len(order) and 0 <= column < len(order):
            return names[order[row]], names[order[column]]
        return None
