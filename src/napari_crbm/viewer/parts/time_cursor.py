"""Cursor of the shown frame in a plot over time; a click in the plot goes to that time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import QObject

from napari_crbm.palette import GREEN
from napari_crbm.viewer.parts.widget_lifetime import follow
from napari_crbm.viewer.state.workspace import Workspace


class TimeCursor(QObject):
    """Vertical line at the frame of the workspace; hidden while no frame is shown.

    Parameters
    ----------
    plot : pyqtgraph.PlotWidget
        Its horizontal axis is the time of the recording in seconds.
    workspace : Workspace
    """

    def __init__(self, plot: Any, workspace: Workspace) -> None:
        super().__init__(plot)
        self._plot, self._workspace = plot, workspace
        self.line = pg.InfiniteLine(angle=90, movable=True, pen=pg.mkPen(GREEN, width=2))
        # Otherwise the line of a hidden cursor would widen the plot to its place.
        plot.addItem(self.line, ignoreBounds=True)
        self.line.sigDragged.connect(lambda line: self.go_to(line.value()))
        plot.scene().sigMouseClicked.connect(self._on_click)
        follow(self, workspace.frame_changed, self._show)
        follow(self, workspace.recording_changed, self._show)
        self._show()

    def go_to(self, seconds: float) -> None:
        """Show the frame nearest to a time of the recording."""
        recording = self._workspace.recording
        if recording is not None:
            self._workspace.choose_frame(int(np.abs(recording.times - seconds).argmin()))

    def _on_click(self, event: Any) -> None:
        view = self._plot.getPlotItem().getViewBox()
        if view.sceneBoundingRect().contains(event.scenePos()):
            self.go_to(view.mapSceneToView(event.scenePos()).x())

    def _show(self) -> None:
        recording, frame = self._workspace.recording, self._workspace.frame
        shown = recording is not None and frame is not None
        self.line.setVisible(shown)
        if recording is not None and frame is not None:
            self.line.setValue(float(recording.times[frame]))
