"""Average activity around events, with the band of events at shifted times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyqtgraph as pg
from qtpy.QtCore import Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_crbm.palette import BLUE, GREY
from napari_crbm.viewer.parts.style import plot, text_label

if TYPE_CHECKING:
    from napari_crbm.analysis import Responses

_BAND_ALPHA = 70


class AveragePlot(QWidget):
    """Plot of one average, with a line of text above it.

    Parameters
    ----------
    viewer : napari.Viewer
        Its theme sets the colours of the axes.
    """

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self.text = text_label("")
        self.plot = plot(viewer, "Time from event", "Activity (sd)", "s", height=120)
        self.plot.setToolTip(
            "Blue: average over all events. Grey: 95 % of the averages over the same events at\n"
            "shifted times. Dashed: the event."
        )
        band = pg.mkPen(GREY, width=1)
        self.low, self.high = self.plot.plot(pen=band), self.plot.plot(pen=band)
        self.low.opts["name"], self.high.opts["name"] = "low", "high"
        fill = QColor(GREY)
        fill.setAlpha(_BAND_ALPHA)
        self.plot.addItem(pg.FillBetweenItem(self.low, self.high, brush=fill))
        self.mean = self.plot.plot(pen=pg.mkPen(BLUE, width=2))
        self.mean.opts["name"] = "mean"
        dash = pg.mkPen(GREY, style=Qt.PenStyle.DashLine)
        self.plot.addItem(pg.InfiniteLine(pos=0, angle=90, pen=dash))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.text)
        column.addWidget(self.plot, 1)

    def show_assembly(self, responses: Responses, assembly: int) -> None:
        """Draw the average of an assembly."""
        self.plot.setLabel("left", "Activity (sd)")
        self._draw(responses, responses.assemblies, assembly, f"Assembly {assembly}")

    def show_region(self, responses: Responses, region: int) -> None:
        """Draw the average of a region."""
        self.plot.setLabel("left", "Active neurons (%)")
        self._draw(responses, responses.regions, region, responses.region_names[region])

    def _draw(self, responses: Responses, triggered: Any, unit: int, name: str) -> None:
        times = responses.times_s
        for line, values in (
            (self.low, triggered.low),
            (self.high, triggered.high),
            (self.mean, triggered.mean),
        ):
            line.setData(times, values[:, unit])
        self.text.setText(
            f"<b>{name}</b> around {len(triggered.events):,} events; grey: 95 % by chance"
        )
