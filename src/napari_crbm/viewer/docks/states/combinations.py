"""Combinations tab: number of active assemblies over time, and their combinations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import QRectF, Qt
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_crbm.palette import BLUE, GREEN, ORANGE
from napari_crbm.viewer.parts.short_table import ShortTable
from napari_crbm.viewer.parts.style import plot
from napari_crbm.viewer.parts.widget_lifetime import follow

if TYPE_CHECKING:
    from napari_crbm.analysis import BrainStates
    from napari_crbm.viewer.state.workspace import Workspace

_MOST_LISTED = 200
_ROWS_IN_TIME = 12


class CombinationsPanel(QWidget):
    """Number of active assemblies, the most frequent combinations, and a list of them.

    Parameters
    ----------
    viewer : napari.Viewer
        Its theme sets the colours of the plots.
    workspace : Workspace
        Frames and assemblies are selected in it.
    """

    def __init__(self, viewer: Any, workspace: Workspace) -> None:
        super().__init__()
        self.workspace = workspace
        self._states: BrainStates | None = None
        self.active = plot(viewer, "", "Active<br>assemblies", height=108)
        self.active.setToolTip(
            "Effective number m of active assemblies in each frame. Orange: median. Dotted: 5 %\n"
            "of the assemblies, below which single ones dominate. Dashed: expected from noise.\n"
            "Click to show that frame on the canvas."
        )
        self._line = self.active.plot(pen=pg.mkPen(BLUE, width=1))
        self._line.setDownsampling(auto=True, method="peak")
        self._line.setClipToView(True)
        dash, dot = Qt.PenStyle.DashLine, Qt.PenStyle.DotLine
        self._marks = {
            "median": pg.InfiniteLine(angle=0, pen=pg.mkPen(ORANGE, width=2)),
            "least": pg.InfiniteLine(angle=0, pen=pg.mkPen("#999999", style=dot)),
            "noise": pg.InfiniteLine(angle=0, pen=pg.mkPen("#999999", style=dash)),
        }
        for mark in self._marks.values():
            self.active.addItem(mark)
        self.when = plot(viewer, "Time", "Combination", "s", height=130)
        self.when.showGrid(x=False, y=False)
        self.when.setToolTip(
            "Frames in which exactly this combination is on. Rows are numbered as in the list.\n"
            "Click to show that frame on the canvas."
        )
        self.when.getPlotItem().invertY(True)
        self.when.setXLink(self.active)
        self.image = pg.ImageItem(axisOrder="row-major")
        self.image.setColorMap(pg.colormap.get("cividis"))
        self.when.addItem(self.image)
        self.cursors = []
        for panel in (self.active, self.when):
            panel.getAxis("left").setWidth(58)
            cursor = pg.InfiniteLine(angle=90, pen=pg.mkPen(GREEN, width=2))
            cursor.hide()
            panel.addItem(cursor)
            self.cursors.append(cursor)
            panel.scene().sigMouseClicked.connect(
                lambda event, panel=panel: self._on_click(panel, event)
            )
        self.sets = ShortTable(
            ("", "Assemblies", "Frames", "%", "Times"),
            texts=(1,),
            widths={0: 28, 2: 54, 3: 42, 4: 50},
        )
        self.sets.setToolTip(
            "Combinations of bimodal assemblies, most frequent first. Frames and %: frames in\n"
            "which exactly these are on. Times: number of episodes. Click one to show it."
        )
        self.sets.cellClicked.connect(lambda row, _: self._choose_set(row))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 0)
        column.addWidget(self.active, 1)
        column.addWidget(self.when, 1)
        column.addWidget(self.sets, 2)
        follow(self, self.workspace.frame_changed, self.show_frame)

    def show_states(self, states: BrainStates) -> None:
        """Show the states of a recording."""
        from napari_crbm.analysis import occurrences
        from napari_crbm.analysis.states.combinations import FERROMAGNETIC

        self._states = states
        made_of = states.composition
        self._line.setData(states.times, made_of.counts)
        self._marks["median"].setValue(made_of.median)
        self._marks["least"].setValue(FERROMAGNETIC * made_of.n_assemblies)
        self._marks["noise"].setValue(made_of.noise)
        first, last = float(states.times[0]), float(states.times[-1])
        top = 1.1 * max(float(np.quantile(made_of.counts, 0.995)), made_of.noise)
        self.active.setRange(xRange=(first, last), yRange=(0, top), padding=0)
        sets = states.combinations.head(_MOST_LISTED)
        on = occurrences(states.clearly_on, sets["assemblies"].head(_ROWS_IN_TIME).tolist())
        self.image.setImage(on.T.astype(np.float32), levels=(0, 1))
        self.image.setRect(QRectF(first, 0.5, last - first, on.shape[1]))
        self.when.setYRange(0.5, on.shape[1] + 0.5, padding=0)
        self.sets.fill(
            [
                (
                    f"{place}",
                    found.assemblies.replace(" ", " + ") or "none",
                    f"{found.n_frames:,}",
                    f"{100 * found.fraction:.1f}",
                    f"{found.n_episodes:,}",
                )
                for place, found in enumerate(sets.itertuples(), 1)
            ]
        )
        self.show_frame()

    def clear(self) -> None:
        """Forget the states of the previous recording."""
        self._states = None

    def show_frame(self) -> None:
        """Mark the selected frame."""
        recording, frame = self.workspace.recording, self.workspace.frame
        for cursor in self.cursors:
            cursor.setVisible(frame is not None and recording is not None)
            if frame is not None and recording is not None:
                cursor.setValue(float(recording.times[frame]))

    def _choose_set(self, row: int) -> None:
        if self._states is not None:
            members = self._states.combinations["assemblies"].iloc[row]
            if members:
                self.workspace.choose_assemblies([int(number) for number in members.split()])

    def _on_click(self, panel: Any, event: Any) -> None:
        view = panel.getPlotItem().getViewBox()
        if (
            self._states is None
            or event.button() != Qt.MouseButton.LeftButton
            or not view.sceneBoundingRect().contains(event.scenePos())
        ):
            return
        seconds = view.mapSceneToView(event.scenePos()).x()
        self.workspace.choose_frame(int(np.abs(self._states.times - seconds).argmin()))
