"""Boxes that show or hide what explains the canvas: legend and scale bar."""

from __future__ import annotations

from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QWidget

from napari_crbm.viewer.layers.canvas_legend import CanvasLegend


class CanvasSwitches(QWidget):
    """A row of boxes for the legend and the scale bar of the canvas.

    Parameters
    ----------
    legend : CanvasLegend
    """

    def __init__(self, legend: CanvasLegend) -> None:
        super().__init__()
        self.legend, self.scale_bar = QCheckBox("Legend"), QCheckBox("Scale bar")
        self.legend.setToolTip(
            "Show a legend on the canvas, and in its pictures and movies:\n"
            "what is shown and what the colours mean."
        )
        self.scale_bar.setToolTip("Show a scale bar on the canvas, in pictures and in movies.")
        self.legend.setChecked(legend.shown)
        self.scale_bar.setChecked(legend.scale_bar.visible)
        self.legend.toggled.connect(legend.switch)
        self.scale_bar.toggled.connect(legend.switch_scale_bar)
        legend.switched.connect(self.legend.setChecked)
        legend.scale_bar_switched.connect(self.scale_bar.setChecked)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(QLabel("Show on the canvas"))
        row.addWidget(self.legend)
        row.addWidget(self.scale_bar)
        row.addStretch(1)
