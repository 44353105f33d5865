"""Traces of the Time dock: behaviour, stimuli and share of active neurons."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from qtpy.QtWidgets import QCheckBox, QMenu, QPushButton, QVBoxLayout, QWidget, QWidgetAction

from napari_crbm.palette import BLUE
from napari_crbm.recording import Recording
from napari_crbm.viewer.layers.points import palette_of
from napari_crbm.viewer.parts.style import follow_theme, plot

POPULATION = "Active neurons (%)"
# Share of its row that a trace fills.
_FILLED = 0.86
_HEIGHT_PX = 100
_LONGEST_NAME = 14


class TracePanel(QWidget):
    """Plot of one trace with its own axis, or of several below each other, each scaled.

    Parameters
    ----------
    viewer : napari.Viewer
        Its theme sets the colours.
    """

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = viewer
        self._recording: Recording | None = None
        self._boxes: dict[str, QCheckBox] = {}
        self.lines: dict[str, pg.PlotDataItem] = {}
        self.choose = QPushButton()
        self.choose.setToolTip(
            "Tick traces to show: share of active neurons, behaviour, stimuli.\n"
            "Several are drawn below each other, each scaled from its minimum to its maximum."
        )
        self.menu = QMenu(self.choose)
        self.choose.setMenu(self.menu)
        self.plot = plot(viewer, "Time", "", "s", height=_HEIGHT_PX)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.choose)
        column.addWidget(self.plot, 1)
        follow_theme(self, viewer, lambda _: self._draw())

    @property
    def names(self) -> list[str]:
        """Names of all traces."""
        return list(self._boxes)

    @property
    def shown(self) -> list[str]:
        """Names of the traces that are shown, from top to bottom."""
        return [name for name, box in self._boxes.items() if box.isChecked()]

    def show_recording(self, recording: Recording) -> None:
        """List the traces of another recording; ticked names stay ticked."""
        before = self.shown or [POPULATION]
        self._recording = recording
        self.menu.clear()
        self._boxes = {}
        for name in (POPULATION, *recording.traces):
            box = QCheckBox(name)
            box.setContentsMargins(8, 2, 8, 2)
            box.setChecked(name in before)
            box.toggled.connect(self._draw)
            # A box in the menu does not close it when ticked.
            action = QWidgetAction(self.menu)
            action.setDefaultWidget(box)
            self.menu.addAction(action)
            self._boxes[name] = box
        self._draw()

    def show_traces(self, *names: str) -> None:
        """Show these traces only."""
        for name, box in self._boxes.items():
            box.blockSignals(True)
            box.setChecked(name in names)
            box.blockSignals(False)
        self._draw()

    def _values(self, name: str) -> NDArray[np.float64]:
        recording = self._recording
        assert recording is not None
        if name == POPULATION:
            return 100 * recording.spikes.frame_counts / recording.n_neurons
        return np.asarray(recording.traces[name], dtype=np.float64)

    def _draw(self) -> None:
        recording, shown = self._recording, self.shown
        for line in self.lines.values():
            self.plot.removeItem(line)
        self.lines = {}
        if recording is None:
            return
        ticks = []
        for row, name in enumerate(shown):
            values = self._values(name)
            colour = BLUE
            if len(shown) > 1:
                place = len(shown) - 1 - row
                values = place + _FILLED * _spread(values)
                ticks.append((place + _FILLED / 2, _short(name)))
                colour = palette_of(self._viewer).assembly(row)
            line = self.plot.plot(recording.times, values, pen=pg.mkPen(colour, width=1))
            line.setDownsampling(auto=True, method="peak")
            line.setClipToView(True)
            self.lines[name] = line
        self._label(shown, ticks)

    def _label(self, shown: list[str], ticks: list[tuple[float, str]]) -> None:
        axis = self.plot.getAxis("left")
        axis.setTicks([ticks] if ticks else None)
        several = len(shown) > 1
        single = "" if several or not shown else shown[0]
        self.plot.setLabel("left", "%" if single == POPULATION else single)
        axis.showLabel(bool(single))
        self.plot.setMinimumHeight(max(_HEIGHT_PX, 34 * len(shown)))
        if several:
            self.plot.setYRange(0, len(shown), padding=0.02)
        else:
            self.plot.enableAutoRange(axis="y")
        more = f" and {len(shown) - 1} more" if several else ""
        self.choose.setText(f"{shown[0]}{more}" if shown else "Choose traces")


def _spread(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return values scaled to 0..1; a constant becomes 0.5."""
    known = values[np.isfinite(values)]
    low, high = (known.min(), known.max()) if len(known) else (0.0, 0.0)
    if high <= low:
        return np.where(np.isfinite(values), 0.5, np.nan)
    return (values - low) / (high - low)


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
