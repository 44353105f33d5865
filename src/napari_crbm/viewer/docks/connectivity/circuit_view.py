"""Circuit of the strongest connections: regions on a ring, anterior at the top."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyqtgraph as pg
from numpy.typing import NDArray
from qtpy.QtCore import Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_crbm.viewer.docks.connectivity.region_axis import short_name
from napari_crbm.viewer.layers.points import palette_of
from napari_crbm.viewer.parts.style import follow_theme, plot
from napari_crbm.viewer.state.workspace import workspace_of

_LABEL_ROOM = 1.45
_LONGEST_LABEL = 17
_WIDTH_PX = (1.0, 6.0)


class CircuitView(QWidget):
    """Plot of a circuit; emits ``clicked(region)`` when a region is clicked."""

    clicked = Signal(str)

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = viewer
        self.plot = plot(viewer, "", "", height=220)
        self.plot.showGrid(x=False, y=False)
        self.plot.setAspectLocked(True)
        self.plot.setMouseEnabled(x=False, y=False)
        for side in ("bottom", "left"):
            self.plot.getPlotItem().hideAxis(side)
        self.nodes = pg.ScatterPlotItem(pxMode=True)
        self.nodes.sigClicked.connect(self._on_click)
        self.plot.setToolTip(
            "Left regions on the left, from anterior (top) to posterior. Stronger connections "
            "are thicker and contrast more.\n"
            "Click a region to see its connections only; click it again for all."
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.plot)
        self.edges: list[pg.PlotCurveItem] = []
        self._shown: tuple[Any, ...] | None = None
        follow_theme(self, viewer, lambda _: self._draw_again())

    def _draw_again(self) -> None:
        if self._shown is not None:
            self.show_edges(*self._shown)

    def clear(self) -> None:
        """Show nothing."""
        self.plot.clear()
        self.edges = []
        self._shown = None

    def show_edges(
        self,
        edges: pd.DataFrame,
        names: tuple[str, ...],
        centres: NDArray[np.float64],
        pair: tuple[str, str] | None = None,
    ) -> None:
        """Draw connections between the regions that have any.

        Parameters
        ----------
        edges : pandas.DataFrame
            See `napari_crbm.connectome.circuit`.
        names : tuple of str
        centres : (R, 3) float64
        pair : two str, optional
            The selected connection, drawn in the colour of the text.
        """
        from matplotlib import colormaps

        from napari_crbm.connectome.layout import arc, ring_layout

        self.clear()
        self._shown = (edges, names, centres, pair)
        used = sorted({*edges["region_a"], *edges["region_b"]})
        if not used:
            return
        index = [names.index(name) for name in used]
        places = ring_layout(used, centres[index])
        at = dict(zip(used, places, strict=True))
        ramp = colormaps[palette_of(self._viewer).values_map]
        # Weak ones first, so that strong ones are drawn on top.
        for row in edges.iloc[::-1].itertuples():
            curve = arc(at[row.region_a], at[row.region_b])
            colour = QColor(*ramp(float(row.strength), bytes=True))
            if pair is not None and {row.region_a, row.region_b} == set(pair):
                colour = self._ink
            width = float(np.interp(row.strength, (0, 1), _WIDTH_PX))
            item = pg.PlotCurveItem(*curve.T, pen=pg.mkPen(colour, width=width), antialias=True)
            self.plot.addItem(item)
            self.edges.append(item)
        colours = workspace_of(self._viewer).region_view.colours_of(used)
        self.nodes.setData(
            x=places[:, 0],
            y=places[:, 1],
            size=11,
            brush=[pg.mkBrush(*(255 * rgba).astype(int)) for rgba in colours],
            pen=pg.mkPen(None),
            data=used,
        )
        self.plot.addItem(self.nodes)
        self._label(used, places)

    @property
    def _ink(self) -> QColor:
        """The colour of the theme's text."""
        return self.plot.getAxis("bottom").textPen().color()

    def _label(self, names: list[str], places: NDArray[np.float64]) -> None:
        colour = self._ink
        for name, (x, y) in zip(names, places, strict=True):
            text = pg.TextItem(
                short_name(name, _LONGEST_LABEL), color=colour, anchor=(1.0 if x < 0 else 0.0, 0.5)
            )
            font = text.textItem.font()
            font.setPointSizeF(7.5)
            text.setFont(font)
            text.setPos(1.06 * x, 1.06 * y)
            self.plot.addItem(text)
        self.plot.setRange(
            xRange=(-1 - _LABEL_ROOM, 1 + _LABEL_ROOM), yRange=(-1.05, 1.05), padding=0
        )

    def _on_click(self, _item: Any, points: Any, *_: Any) -> None:
        if len(points):
            self.clicked.emit(str(points[0].data()))
