"""Preview of a file read with a profile: neurons from above and the side, some traces."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from qtpy.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from napari_crbm.io.unknown.preview import Preview
from napari_crbm.palette import BLUE, GREEN
from napari_crbm.viewer.parts.style import plot, text_label

# Vertical distance between traces, each scaled to the range 0 to 1.
_APART = 1.25


class MappingPreview(QWidget):
    """Two views of the neurons and a few traces."""

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self.above = plot(viewer, "x: left to right", "y: head to tail", "µm", height=210)
        self.side = plot(viewer, "z: back to belly", "y: head to tail", "µm", height=210)
        self.traces = plot(viewer, "Time", "Neuron", "s", height=170)
        for view in (self.above, self.side):
            view.setAspectLocked(True)
            # The head is at the top, as on the canvas.
            view.invertY(True)
        self._dots = [
            pg.ScatterPlotItem(size=3, pen=None, brush=pg.mkBrush(BLUE)) for _ in range(2)
        ]
        for view, dots in zip((self.above, self.side), self._dots, strict=True):
            view.addItem(dots)
        self.caption = text_label("")
        self.places = QWidget()
        views = QHBoxLayout(self.places)
        views.setContentsMargins(0, 0, 0, 0)
        views.addWidget(self.above, 3)
        views.addWidget(self.side, 2)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.places, 3)
        layout.addWidget(self.traces, 2)
        layout.addWidget(self.caption)

    def clear(self) -> None:
        """Remove neurons, traces and caption."""
        for dots in self._dots:
            dots.clear()
        self.traces.clear()
        self.caption.setText("")

    def show_preview(self, seen: Preview) -> None:
        """Draw positions and traces."""
        # Empty axes would say that there are positions somewhere.
        self.places.setVisible(len(seen.coordinates) > 0)
        z, y, x = np.nan_to_num(seen.coordinates.T.astype(np.float64))
        for dots, horizontal in zip(self._dots, (x, z), strict=True):
            dots.setData(horizontal, y)
        for view in (self.above, self.side):
            view.autoRange()
        self.traces.clear()
        ticks = []
        for row, (neuron, trace, active) in enumerate(
            zip(seen.neurons, seen.traces.T, seen.active.T, strict=True)
        ):
            base = -row * _APART
            low, high = np.nanmin(trace, initial=0.0), np.nanmax(trace, initial=0.0)
            scaled = base + (trace - low) / max(high - low, 1e-12)
            self.traces.plot(seen.times, scaled, pen=pg.mkPen(BLUE, width=1))
            events = np.flatnonzero(active)
            marks = pg.ScatterPlotItem(size=5, pen=None, brush=pg.mkBrush(GREEN), symbol="t1")
            marks.setData(seen.times[events], np.full(len(events), base - 0.08))
            self.traces.addItem(marks)
            ticks.append((base + 0.4, str(neuron)))
        self.traces.getAxis("left").setTicks([ticks])
        extent = seen.extent_um
        span = (
            f"{extent[2]:,.0f} x {extent[1]:,.0f} x {extent[0]:,.0f} µm (x, y, z); neurons are"
            if len(seen.coordinates)
            else "No positions; neurons are"
        )
        self.caption.setText(
            f"{span} active in {100 * seen.rate:.2g} % of the frames looked at (green)."
        )
