"""Pairs of assemblies: how much more or less often than by chance they are on together."""

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
_HOVER = "Move over the matrix to read a pair; click to show both assemblies."


class CoactivationPanel(QWidget):
    """Matrix of co-activation, to read and to click.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose theme the matrix follows.
    workspace : Workspace
        Where pairs are chosen.
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
            "How much more (orange) or less (blue) often than by chance two assemblies are on\n"
            "together; sorted so that similar ones are neighbours."
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
        """Show what was found in a recording, similar assemblies next to each other."""
        from napari_crbm.analysis import sort_by_similarity

        self._states = states
        order = self.order = sort_by_similarity(states.on.astype(np.float32))
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
        """Nothing is known of the recording that is open now."""
        self._states = None

    def read(self, position: Any) -> None:
        """Say what the matrix holds at a position of its scene."""
        found = self._pair_at(position)
        if found is None or self._states is None:
            return
        first, second = found
        frames = int((self._states.on[:, first] & self._states.on[:, second]).sum())
        ratio = self._states.coactivation[first, second]
        often = "never" if not frames else f"{2**ratio:.2g} times as often as by chance"
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
