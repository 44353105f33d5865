"""Plots of the *Statistics* dock: each draws one comparison of an evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from qtpy.QtCore import QRectF, Qt
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_crbm.palette import BLUE, GREEN, ORANGE
from napari_crbm.viewer.docks.statistics.words import caption
from napari_crbm.viewer.parts.style import plot, text_label

if TYPE_CHECKING:
    from napari_crbm.analysis import Evaluation, Statistic

_MOST_POINTS = 2000
# Of a panel, in pixels.
_HEIGHT = 130
_AROUND_PX = 8
_TICK_DENSITY = 0.5
# Lags that have a label, in seconds.
_LAGS = (0.01, 0.1, 0.3, 1, 3, 10, 30, 100, 1000)


class CaptionedPlot(QWidget):
    """A plot, its title, and a line that says what it shows and what is good.

    Parameters
    ----------
    plot : pyqtgraph.PlotWidget
    title, caption : str
    """

    def __init__(self, plot: pg.PlotWidget, title: str, caption: str) -> None:
        super().__init__()
        self.plot = plot
        # Room for the halves of the outermost numbers.
        plot.getPlotItem().layout.setContentsMargins(1, _AROUND_PX, _AROUND_PX, 1)
        self.title = text_label(title)
        self.title.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.caption = text_label(caption)
        self.setToolTip(plot.toolTip())
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.title)
        column.addWidget(plot, 1)
        column.addWidget(self.caption)
        column.addStretch(0)


def population_panel(viewer: Any) -> pg.PlotWidget:
    """Return an empty plot for the distribution of active neurons per frame."""
    panel = plot(viewer, "active neurons per frame", "frames (%)", height=_HEIGHT)
    panel.setMaximumHeight(_HEIGHT)
    panel.setToolTip(
        "Number of active neurons per frame: held-out frames (grey), model (orange),\n"
        "independent neurons with the same mean activities (dotted)."
    )
    return panel


def show_population(panel: pg.PlotWidget, evaluation: Evaluation) -> None:
    """Draw the distribution of active neurons per frame in recording and model."""
    population = evaluation.population
    panel.clear()
    grey = pg.mkPen("#999999", width=2)
    dotted = pg.mkPen("#999999", style=Qt.PenStyle.DotLine)
    for name, pen in (("independent", dotted), ("held-out", grey), ("model", pg.mkPen(ORANGE))):
        panel.plot(
            population.edges,
            100 * population.shares[name],
            stepMode="center",
            pen=pen,
            name=name,
        )
    panel.autoRange(padding=0.02)


def lagged_panel(viewer: Any) -> pg.PlotWidget:
    """Return an empty plot for lagged correlations of assemblies."""
    panel = plot(viewer, "lag (s)", "correlation", height=_HEIGHT)
    panel.setMaximumHeight(_HEIGHT)
    panel.setLogMode(x=True, y=False)
    panel.setToolTip(
        "Grey: autocorrelation of assemblies (median, held-out frames).\n"
        "Orange: agreement (Pearson's r) of lagged correlations between assemblies in the model,\n"
        "which decay with the autocorrelations, and in held-out frames. Blue: the same for the\n"
        "training frames. Green: agreement of the antisymmetric part (which assembly precedes\n"
        "which) of training and held-out frames; a model without time has none."
    )
    return panel


def show_lagged(panel: pg.PlotWidget, evaluation: Evaluation) -> None:
    """Draw lagged correlations of assemblies, and how well the model explains them."""
    table = evaluation.lagged.table
    panel.clear()
    for name, colour in (
        ("itself", "#999999"),
        ("train_r", BLUE),
        ("model_r", ORANGE),
        ("directed_r", GREEN),
    ):
        panel.plot(
            table["lag_s"].to_numpy(),
            table[name].to_numpy(),
            pen=pg.mkPen(colour, width=2),
            symbol="o",
            symbolSize=5,
            symbolPen=None,
            symbolBrush=colour,
            name=name,
        )
    panel.setYRange(-0.1, 1.0)
    # pyqtgraph labels every tick of a logarithmic axis, which is too many for a small panel.
    lags = table["lag_s"]
    shown = [t for t in _LAGS if lags.min() <= t <= lags.max()]
    panel.getAxis("bottom").setTicks([[(np.log10(t), f"{t:g}") for t in shown], []])


def score_text(evaluation: Evaluation, name: str) -> str:
    """Return the nRMSE of a statistic, or its correlations where it has none, with the name."""
    has_nrmse = np.isfinite(evaluation.table["nrmse"][name])
    return f"{'nRMSE ' if has_nrmse else ''}{evaluation.score(name)}"


class StatisticPanel(CaptionedPlot):
    """Scatter of one statistic: model against held-out frames."""

    def __init__(self, viewer: Any, statistic: Statistic) -> None:
        drawn = plot(viewer, "held-out frames", "model", height=_HEIGHT)
        drawn.setToolTip(statistic.definition)
        super().__init__(drawn, statistic.heading, caption(statistic))
        self.heading = statistic.heading
        self.plot.setMaximumHeight(_HEIGHT)
        self.plot.showGrid(x=False, y=False)
        self.plot.setAspectLocked(True)
        for side in ("bottom", "left"):
            # Half of the usual labels: in two columns they would run into each other.
            self.plot.getAxis(side).setTickDensity(_TICK_DENSITY)
        self.image = pg.ImageItem(axisOrder="row-major")
        self.image.setColorMap(pg.colormap.get("cividis"))
        self.points = pg.ScatterPlotItem(size=3, pen=None, brush=pg.mkBrush(BLUE))
        self.diagonal = pg.PlotDataItem(pen=pg.mkPen("#888888", style=Qt.PenStyle.DashLine))
        for item in (self.image, self.points, self.diagonal):
            self.plot.addItem(item)

    def show_statistic(self, evaluation: Evaluation, name: str) -> None:
        """Draw the pairs of values, or their density where there are many."""
        from napari_crbm.figures.agreement import pair_density

        explained = evaluation.explained(name)
        self.title.setText(
            f"{self.heading}<br><b>{score_text(evaluation, name)}</b>"
            + (f"<br>explains {explained}" if explained else "")
        )
        test, model = evaluation.pairs[name]
        density = pair_density(evaluation, name)
        self.image.setVisible(density is not None)
        if density is not None:
            counts, low, high = density
            self._show_density(counts, low, high)
        elif len(test):
            low, high = float(min(test.min(), model.min())), float(max(test.max(), model.max()))
            self.points.setData(test[:_MOST_POINTS], model[:_MOST_POINTS])
        else:
            return
        self.points.setVisible(density is None)
        self.diagonal.setData([low, high], [low, high])
        self.plot.setRange(xRange=(low, high), yRange=(low, high), padding=0.03)

    def _show_density(self, counts: NDArray[np.int64], low: float, high: float) -> None:
        self.image.setImage(np.log1p(counts.astype(np.float32)))
        self.image.setRect(QRectF(low, low, high - low, high - low))
