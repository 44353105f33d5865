"""Buttons that turn the brain to its sides, and the thickness of the slab shown in 2-D."""

from __future__ import annotations

from typing import Any

import numpy as np
from qtpy.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QSpinBox, QWidget

from napari_crbm.schematic import place_neurons
from napari_crbm.viewer.layers.views import VIEWS, BrainView
from napari_crbm.viewer.parts.keys import native_text
from napari_crbm.viewer.parts.style import button
from napari_crbm.viewer.parts.widget_lifetime import follow

_WHOLE = "whole brain"


class ViewBar(QWidget):
    """Two rows: a button for every view, and the slab.

    Parameters
    ----------
    view : BrainView
    """

    def __init__(self, view: BrainView) -> None:
        super().__init__()
        self._view = view
        self._syncing = False
        self.buttons = {
            name: button(
                each.label,
                f"Show the brain {each.tip} ({native_text(f'Alt+{number}')}).",
                lambda name=name: view.look(name),
            )
            for number, (name, each) in enumerate(VIEWS.items(), 1)
        }
        self.reset = button(
            "Reset",
            f"Show the whole brain from above, in the middle of the canvas "
            f"({native_text('Alt+0')}).",
            view.reset,
        )
        self.slab = QSpinBox()
        self.slab.setRange(0, 10_000)
        self.slab.setSingleStep(5)
        self.slab.setSuffix(" µm")
        self.slab.setSpecialValueText(_WHOLE)
        # A number is complete when the person has typed it.
        self.slab.setKeyboardTracking(False)
        self.slab.setToolTip(
            "In 2-D: thickness of the slab whose neurons are shown. The slider under the canvas\n"
            "moves the slab through the brain; 0 shows the whole brain."
        )
        self.slab.valueChanged.connect(self._on_slab)
        looks = QHBoxLayout()
        for each in (*self.buttons.values(), self.reset):
            looks.addWidget(each)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.addWidget(QLabel("View"), 0, 0)
        grid.addLayout(looks, 0, 1)
        grid.addWidget(QLabel("Slab in 2-D"), 1, 0)
        grid.addWidget(self.slab, 1, 1)
        grid.setColumnStretch(1, 1)
        follow(self, view.slab_changed, self._show)
        follow(self, view.workspace.recording_changed, self._show)
        displayed = view.viewer.dims.events.ndisplay
        displayed.connect(self._on_displayed)
        self.destroyed.connect(lambda _: displayed.disconnect(self._on_displayed))
        self._show()

    def _on_displayed(self, _event: Any = None) -> None:
        self.slab.setEnabled(self._view.viewer.dims.ndisplay == 2)

    def _on_slab(self, thickness: int) -> None:
        if not self._syncing:
            self._view.set_slab(float(thickness) if thickness else None)

    def _show(self) -> None:
        recording = self._view.workspace.recording
        self._syncing = True
        try:
            if recording is not None:
                extent = np.ptp(place_neurons(recording).points, axis=0).max()
                self.slab.setMaximum(max(5, int(extent)))
            self.slab.setValue(round(self._view.slab_um or 0))
        finally:
            self._syncing = False
        self._on_displayed()
