"""Directed couplings between assemblies as a matrix, one lag at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QSlider, QVBoxLayout, QWidget

from napari_crbm.viewer.parts.style import SignedScale, plot, text_label
from napari_crbm.viewer.parts.widget_lifetime import follow

if TYPE_CHECKING:
    from napari_crbm.analysis import Directions
    from napari_crbm.viewer.state.workspace import Workspace

_HOVER = "Point at the matrix to read a pair. Click to show both assemblies. Dots: directed pairs."
_MOST_TICKS = 25


class LagMatrix(QWidget):
    """Matrix of couplings, targets by sources, with a slider of the lag.

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
        self.found: Directions | None = None
        self.matrix = plot(viewer, "Source assembly", "Target assembly", height=220)
        self.matrix.showGrid(x=False, y=False)
        self.matrix.setAspectLocked(True)
        self.matrix.getPlotItem().invertY(True)
        self.matrix.setToolTip(
            "Change of the target, in standard deviations, while the source was one standard\n"
            "deviation above its mean at this lag. The dependence on the own past is left blank."
        )
        self.couplings = pg.ImageItem(axisOrder="row-major")
        self.matrix.addItem(self.couplings)
        self.dots = pg.ScatterPlotItem(size=5, pen=None)
        self.matrix.addItem(self.dots)
        self.matrix.scene().sigMouseMoved.connect(self.read)
        self.matrix.scene().sigMouseClicked.connect(self._choose)
        self.lag = QSlider(Qt.Orientation.Horizontal)
        self.lag.setToolTip("Lag: how long before the target the source was active.")
        self.lag.setAccessibleName("Lag")
        self.lag.valueChanged.connect(self._draw)
        self.at = text_label("", wrap=False)
        self.scale = SignedScale(workspace.palette, "", "")
        self.pair = text_label(_HOVER)
        row = QHBoxLayout()
        row.addWidget(self.lag, 1)
        row.addWidget(self.at)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 0)
        column.addLayout(row)
        column.addWidget(self.matrix, 1)
        column.addWidget(self.scale)
        column.addWidget(self.pair)
        follow(self, workspace.palette_changed, self._draw)

    def show_directions(self, found: Directions | None) -> None:
        """Show couplings at the lag of the largest one; nothing with None."""
        self.found = found
        self.setVisible(found is not None)
        if found is None:
            return
        n_units = len(found.strength)
        off = ~np.eye(n_units, dtype=bool)
        largest = np.abs(found.by_lag[:, off]).max(axis=1)
        self.lag.blockSignals(True)
        self.lag.setRange(0, len(found.lags_s) - 1)
        self.lag.setValue(int(largest.argmax()))
        self.lag.blockSignals(False)
        every = max(-(-n_units // _MOST_TICKS), 1)
        ticks = [(k + 0.5, str(k)) for k in range(0, n_units, every)]
        for side in ("bottom", "left"):
            self.matrix.getAxis(side).setTicks([ticks])
        self.matrix.setRange(xRange=(0, n_units), yRange=(0, n_units), padding=0.02)
        self._draw()

    def _draw(self) -> None:
        found = self.found
        if found is None:
            return
        from napari_crbm.figures.directions import scale_limit

        palette, limit = self.workspace.palette, scale_limit(found)
        values = found.by_lag[self.lag.value()].copy()
        np.fill_diagonal(values, 0.0)
        colours = palette.weights(np.clip(values, -limit, limit).ravel(), limit)
        shown = (255 * colours.reshape(*values.shape, 4)).astype(np.uint8)
        np.fill_diagonal(shown[:, :, 3], 0)
        self.couplings.setImage(shown, levels=(0, 255))
        target, source = np.nonzero(found.directed)
        self.dots.setData(
            source + 0.5, target + 0.5, brush=self.matrix.getAxis("left").textPen().color()
        )
        self.at.setText(f"{found.lags_s[self.lag.value()]:.2f} s before")
        self.scale.show_palette(palette)
        self.scale.show_ends(f"-{limit:.2g} SD", f"+{limit:.2g} SD")
        self.pair.setText(_HOVER)

    def read(self, position: Any) -> None:
        """Describe the pair at a position of the scene."""
        cell, found = self._cell(position), self.found
        if cell is None or found is None:
            return
        target, source = cell
        value = found.by_lag[self.lag.value(), target, source]
        if found.directed[target, source]:
            said = "directed"
        else:
            said = "coupled" if found.coupled[target, source] else "not beyond chance"
        self.pair.setText(
            f"<b>{source} before {target}</b>: {value:+.3f} SD at "
            f"{found.lags_s[self.lag.value()]:.2f} s; all lags together {said} "
            f"(q = {found.q[target, source]:.2g})"
        )

    def _choose(self, event: Any) -> None:
        cell = self._cell(event.scenePos())
        if cell is not None and event.button() == Qt.MouseButton.LeftButton:
            self.workspace.choose_assemblies(cell[::-1])

    def _cell(self, position: Any) -> tuple[int, int] | None:
        """Return target and source under a position of the scene."""
        view = self.matrix.getPlotItem().getViewBox()
        if self.found is None or not view.sceneBoundingRect().contains(position):
            return None
        place = view.mapSceneToView(position)
        source, target = int(np.floor(place.x())), int(np.floor(place.y()))
        n_units = len(self.found.strength)
        if not (0 <= source < n_units and 0 <= target < n_units) or source == target:
            return None
        return target, source
