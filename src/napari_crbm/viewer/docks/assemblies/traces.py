"""Activity of the chosen assemblies over time, each in its colour of the canvas."""

from __future__ import annotations

from typing import Any

import pyqtgraph as pg
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_crbm.viewer.parts.style import follow_theme, plot
from napari_crbm.viewer.parts.time_cursor import TimeCursor
from napari_crbm.viewer.parts.widget_lifetime import follow
from napari_crbm.viewer.state.workspace import Workspace

# More lines than colours could not be told apart.
_MOST_LINES = 8
# Share of its row that a trace fills, if several stand below each other.
_FILLED = 0.86
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
            "Several assemblies stand below each other in the colours of the canvas, each from\n"
            f"its minimum to its maximum; at most {_MOST_LINES} are drawn. Click to go to a time."
        )
        self.cursor = TimeCursor(self.plot, workspace)
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
        count = trained.activity.shape[1]
        chosen = [each for each in self._workspace.assemblies[:_MOST_LINES] if each < count]
        text = self.plot.getAxis("left").textPen().color()
        several, ticks = len(self._workspace.assemblies) > 1, []
        for place, assembly in enumerate(chosen):
            values, colour = trained.activity[:, assembly], text
            if several:
                row = len(chosen) - 1 - place
                low, high = float(values.min()), float(values.max())
                values = row + _FILLED * (values - low) / max(high - low, 1e-12)
                ticks.append((row + _FILLED / 2, str(assembly)))
                colour = self._workspace.palette.assembly(place)
            line = self.plot.plot(
                recording.times,
                values,
                pen=pg.mkPen(colour, width=1),
                name=f"assembly {assembly}",
            )
            line.setDownsampling(auto=True, method="peak")
            line.setClipToView(True)
            self.lines[assembly] = line
        self.plot.setLabel("left", "Assembly" if several else "Activity (sd)")
        self.plot.getAxis("left").setTicks([ticks] if several else None)
