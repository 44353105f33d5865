"""Activity of the chosen assemblies over time, each in its colour of the canvas."""

from __future__ import annotations

from typing import Any

import pyqtgraph as pg
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_crbm.viewer.parts.style import follow_theme, plot
from napari_crbm.viewer.parts.widget_lifetime import follow
from napari_crbm.viewer.state.workspace import Workspace

# More lines than colours could not be told apart.
_MOST_LINES = 8
_HEIGHT_PX = 110


class ActivityTraces(QWidget):
    """Plot of one line per chosen assembly.

    One assembly alone is drawn in the colour of the text: on the canvas its members are
    coloured by weight, and a colour of that scale would say something about the weights.

    Parameters
    ----------
    viewer : napari.Viewer
    workspace : Workspace
    """

    def __init__(self, viewer: Any, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace
        #: Line of each assembly that is drawn.
        self.lines: dict[int, pg.PlotDataItem] = {}
        self.plot = plot(viewer, "Time", "Activity (sd)", "s", height=_HEIGHT_PX)
        self.plot.setToolTip(
            "Expected activity of each chosen assembly, E[h | v], in standard deviations.\n"
            f"Several assemblies have the colours of the canvas; at most {_MOST_LINES} are drawn."
        )
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.plot)
        follow(self, workspace.trained_changed, self.draw)
        follow(self, workspace.assembly_changed, self.draw)
        follow_theme(self, viewer, lambda _: self.draw())

    def draw(self) -> None:
        """Draw the activity of the chosen assemblies; nothing without a trained model."""
        for line in self.lines.values():
            self.plot.removeItem(line)
        self.lines = {}
        trained, recording = self._workspace.trained, self._workspace.recording
        if trained is None or recording is None:
            return
        chosen = self._workspace.assemblies[:_MOST_LINES]
        text = self.plot.getAxis("left").textPen().color()
        for place, assembly in enumerate(chosen):
            if assembly >= trained.activity.shape[1]:
                continue
            several = len(self._workspace.assemblies) > 1
            colour = self._workspace.palette.assembly(place) if several else text
            line = self.plot.plot(
                recording.times,
                trained.activity[:, assembly],
                pen=pg.mkPen(colour, width=1),
                name=f"assembly {assembly}",
            )
            line.setDownsampling(auto=True, method="peak")
            line.setClipToView(True)
            self.lines[assembly] = line
