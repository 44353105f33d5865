"""Boxes that show or hide what explains the canvas: legend, scale bar, directions, names."""

from __future__ import annotations

from qtpy.QtWidgets import QCheckBox, QGridLayout, QLabel, QWidget

from napari_crbm.viewer.layers.canvas_legend import CanvasLegend
from napari_crbm.viewer.parts.widget_lifetime import follow
from napari_crbm.viewer.state.marks import Marks


class CanvasSwitches(QWidget):
    """Boxes for what is written on the canvas.

    Parameters
    ----------
    legend : CanvasLegend
    marks : Marks
    """

    def __init__(self, legend: CanvasLegend, marks: Marks) -> None:
        super().__init__()
        self._marks = marks
        self.legend, self.scale_bar = QCheckBox("Legend"), QCheckBox("Scale bar")
        self.orientation, self.region_names = QCheckBox("Directions"), QCheckBox("Region names")
        self.legend.setToolTip(
            "Show a legend on the canvas, and in its pictures and movies:\n"
            "what is shown and what the colours mean."
        )
        self.scale_bar.setToolTip("Show a scale bar on the canvas, in pictures and in movies.")
        self.orientation.setToolTip(
            "Show where anterior (A), posterior (P), left (L), right (R), dorsal (D) and ventral\n"
            "(V) are, on the canvas, in pictures and in movies. Directions are known for\n"
            "recordings that were placed in an atlas; for others they are assumed."
        )
        self.region_names.setToolTip(
            "Write the names of ticked regions on the canvas, in pictures and in movies."
        )
        self.legend.setChecked(legend.shown)
        self.scale_bar.setChecked(legend.scale_bar.visible)
        self.legend.toggled.connect(legend.switch)
        self.scale_bar.toggled.connect(legend.switch_scale_bar)
        self.orientation.toggled.connect(lambda shown: marks.switch(orientation=shown))
        self.region_names.toggled.connect(lambda shown: marks.switch(region_names=shown))
        legend.switched.connect(self.legend.setChecked)
        legend.scale_bar_switched.connect(self.scale_bar.setChecked)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.addWidget(QLabel("On the canvas"), 0, 0)
        boxes = (self.legend, self.scale_bar, self.orientation, self.region_names)
        for place, box in enumerate(boxes):
            grid.addWidget(box, place // 2, 1 + place % 2)
        grid.setColumnStretch(2, 1)
        follow(self, marks.changed, self._show_marks)
        self._show_marks()

    def _show_marks(self) -> None:
        self.orientation.setChecked(self._marks.orientation)
        self.region_names.setChecked(self._marks.region_names)
