"""Coactivation tab: how often pairs of assemblies are on together, relative to chance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_crbm.viewer.parts.style import SignedScale, plot, text_label
from napari_crbm.viewer.parts.widget_lifetime import follow

if TYPE_CHECKING:
    from napari_crbm.analysis import BrainStates
    from napari_crbm.viewer.state.workspace import Workspace

# log2 of the ratio to chance at which colours are full.
_LIMIT = 3.0
_HOVER = "Point at the matrix to read a pair. Click to show both assemblies."


class CoactivationPanel(QWidget):
    """Matrix of coactivation that can be read and clicked.

    Parameters
    ----------
    viewer : napari.Viewer
        Its theme sets the colours of the axes.
    workspace : Workspace
        Pairs are selected in it.
    """

    def __init__(self, viewer: Any, workspace: Workspace) -> None:
        super().__init__()
        self.workspace = workspace
        self.order = np.empty(0, dtype=np.int64)
        self._states: BrainStates | None = None
        follow(self, workspace.palette_changed, self._on_palette)
        self.matrix = plot(viewer, "Assembly", "Assembly", height=220)
        self.matrix.showGrid(x=False, y=False)
        self.matrix.setAspectLocked(True)
        self.matrix.getPlotItem().invertY(True)
        for side in ("bottom", "left"):
            self.matrix.getAxis(side).setTicks([[]])
        self.matrix.setToolTip(
            "How often two assemblies are on together, relative to independent assemblies: orange\n"
            "more, blue less. Sorted so that similar assemblies are neighbours."
        )
        self.pairs = pg.ImageItem(axisOrder="row-major")
        self.matrix.addItem(self.pairs)
        self.matrix.scene().sigMouseMoved.connect(self.read)
        self.matrix.scene().sigMouseClicked.connect(self._choose)
        self.scale = SignedScale(
            workspace.palette, f"1/{2**_LIMIT:.0f} of chance", f"{2**_LIMIT:.0f} times chance"
        )
        self.pair = text_label(_HOVER)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 0)
        column.addWidget(self.matrix, 1)
        column.addWidget(self.scale)
        column.addWidget(self.pair)

    def show_states(self, states: BrainStates) -> None:
        """Show the states of a recording, similar assemblies next to each other."""
        from napari_crbm.analysis import sort_by_similarity

        self._states = states
        order = self.order = states.counted[
            sort_by_similarity(states.on[:, states.counted].astype(np.float32))
        ]
        ratio = np.nan_to_num(states.coactivation, nan=0.0, neginf=-_LIMIT)[np.ix_(order, order)]
        ratio = np.clip(ratio, -_LIMIT, _LIMIT)
        np.fill_diagonal(ratio, 0)
        colours = self.workspace.palette.weights(ratio.ravel(), _LIMIT).reshape(*ratio.shape, 4)
        self.pairs.setImage((255 * colours).astype(np.uint8), levels=(0, 255))
        self.matrix.setRange(xRange=(0, len(order)), yRange=(0, len(order)), padding=0.02)
        self.pair.setText(_HOVER)

    def _on_palette(self) -> None:
        self.scale.show_palette(self.workspace.palette)
        if self._states is not None:
            self.show_states(self._states)

    def clear(self) -> None:
        """Forget the states of the previous recording."""
        self._states = None

    def read(self, position: Any) -> None:
        """Describe the pair at a position of the scene."""
        found = self._pair_at(position)
        if found is None or self._states is None:
            return
        first, second = found
        frames = int((self._states.on[:, first] & self._states.on[:, second]).sum())
        ratio = self._states.coactivation[first, second]
        often = "never" if not frames else f"{2**ratio:.2g} times the chance rate"
        self.pair.setText(f"<b>{first} and {second}</b>: on together in {frames:,} frames, {often}")

    def _choose(self, event: Any) -> None:
        found = self._pair_at(event.scenePos())
        if found is not None and event.button() == Qt.MouseButton.LeftButton:
            self.workspace.choose_assemblies(found)

    def _pair_at(self, position: Any) -> tuple[int, int] | None:
        view = self.matrix.getPlotItem().getViewBox()
        if self._states is None or not view.sceneBoundingRect().contains(position):
            return None
        place = view.mapSceneToView(position)
        column, row = int(np.floor(place.x())), int(np.floor(place.y()))
        n = len(self.order)
        if not (0 <= row < n and 0 <= column < n) or row == column:
            return None
        return int(self.order[row]), int(self.order[column])
