"""Live plot of a training: pseudo-likelihood of trained and held-out frames."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray

from napari_crbm.analysis.statistics.words import PREDICTION_MEANING, PREDICTION_UNIT
from napari_crbm.palette import BLUE, ORANGE
from napari_crbm.viewer.parts.style import plot

_UNIT = PREDICTION_UNIT.replace(" per frame", "<br>per frame")


class TrainCurve:
    """Pseudo-likelihood over updates; hidden until there is something to draw.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose theme the plot follows.
    """

    def __init__(self, viewer: Any) -> None:
        label = f"How well neurons<br>are predicted<br>({_UNIT})"
        self.plot = plot(viewer, "Update", label, height=165)
        self.plot.addLegend(offset=(-8, -8), labelTextSize="8pt")
        self.plot.setToolTip(
            f"{PREDICTION_MEANING}\n"
            "Held-out frames are not trained on: while their curve rises, what the model\n"
            "learns also holds for new frames."
        )
        self.lines = {
            "pseudo_likelihood": self.plot.plot(pen=pg.mkPen(BLUE, width=2), name="training"),
            "test_pseudo_likelihood": self.plot.plot(
                pen=pg.mkPen(ORANGE, width=2), name="held out"
            ),
        }
        self._drawn = 0

    def draw(self, history: Mapping[str, NDArray[np.float64]]) -> None:
        """Draw the statistics of a training, if there are more than last time."""
        updates = history.get("update", ())
        if len(updates) == self._drawn:
            return
        self._drawn = len(updates)
        self.plot.show()
        for name, line in self.lines.items():
            if name in history:
                line.setData(updates, history[name], connect="finite")

    def clear(self) -> None:
        """Remove the curves."""
        self._drawn = 0
        self.plot.hide()
        for line in self.lines.values():
            line.setData([], [])
