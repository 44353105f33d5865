"""Activity of the chosen group of neurons: its mean over time, and a raster."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from qtpy.QtCore import QRectF
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_crbm.analysis import group_course
from napari_crbm.palette import ORANGE
from napari_crbm.recording import Recording
from napari_crbm.viewer.home import Home
from napari_crbm.viewer.parts.style import plot
from napari_crbm.viewer.parts.widget_lifetime import follow

_MOST_ROWS = 300
_MOST_COLUMNS = 1500


class GroupActivity(NamedTuple):
    """What is drawn of a group."""

    course: NDArray[np.float64]
    raster: NDArray[np.float32]


def activity_of(recording: Recording, neurons: NDArray[np.int64]) -> GroupActivity:
    """Return the course (T,) in percent, and a raster (rows, bins) of at most 300 neurons.

    Rows are neurons, the most active first; values are the share of active frames of a bin.
    """
    order = np.argsort(-recording.spikes.mean_activity[neurons], kind="stable")
    rows = neurons[order[:_MOST_ROWS]]
    width = -(-recording.n_frames // _MOST_COLUMNS)
    n_bins = -(-recording.n_frames // width)
    padded = np.zeros((len(rows), n_bins * width), dtype=np.float32)
    for row, neuron in enumerate(rows):
        padded[row, : recording.n_frames] = recording.spikes.trace(int(neuron))
    raster = padded.reshape(len(rows), n_bins, width).mean(axis=2)
    return GroupActivity(group_course(recording, neurons), raster)


class GroupActivityPlot(QWidget):
    """Mean trace above, raster below, with linked time.

    Parameters
    ----------
    home : Home
    """

    def __init__(self, home: Home) -> None:
        super().__init__()
        self.home, self.workspace = home, home.workspace
        self.trace = plot(home.viewer, "Time", "Active (%)", "s", height=80)
        self.trace.setToolTip("Percentage of the group that is active in each frame.")
        self.line = self.trace.plot(pen=pg.mkPen(ORANGE, width=1))
        self.line.setDownsampling(auto=True, method="peak")
        self.line.setClipToView(True)
        self.raster = plot(home.viewer, "Time", "Neurons", "s", height=90)
        self.raster.setToolTip(
            f"One row for each neuron of the group, the most active at the top; at most "
            f"{_MOST_ROWS} rows.\nBright: active."
        )
        self.image = pg.ImageItem(axisOrder="row-major")
        self.raster.addItem(self.image)
        self.raster.getViewBox().invertY(True)
        self.raster.setXLink(self.trace)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.trace)
        column.addWidget(self.raster, 1)
        follow(self, self.workspace.neurons_changed, self.draw)
        follow(self, self.workspace.recording_changed, self.draw)
        self.draw()

    def draw(self) -> None:
        """Draw the chosen group; computed in the background."""
        recording, neurons = self.workspace.recording, self.workspace.neurons
        if recording is None or not len(neurons):
            self.line.setData([], [])
            self.image.clear()
            return

        def work(_report: Callable[[int, int], None]) -> GroupActivity:
            return activity_of(recording, neurons)

        def done(found: GroupActivity) -> None:
            if neurons is not self.workspace.neurons or recording is not self.workspace.recording:
                return
            times = recording.times
            self.line.setData(times, found.course)
            self.image.setImage(found.raster, levels=(0, max(float(found.raster.max()), 1e-9)))
            start, length = float(times[0]), float(times[-1] - times[0])
            self.image.setRect(QRectF(start, 0, max(length, 1e-9), len(found.raster)))
            self.raster.setYRange(0, len(found.raster), padding=0)

        self.home.run("Drawing the group", work, done, owner=self)
