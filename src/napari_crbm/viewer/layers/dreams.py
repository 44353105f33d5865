"""Recorded and generated frames beside each other on the canvas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_crbm.palette import hex_to_rgb
from napari_crbm.schematic import place_neurons
from napari_crbm.viewer.layers.neurons import neuron_size_um
from napari_crbm.viewer.layers.points import (
    palette_of,
    remove_layers,
    set_colours,
    set_visible,
    show_points,
)

if TYPE_CHECKING:
    from napari_crbm.analysis import Dream

RECORDED, GENERATED = "Recorded frames", "Generated frames"
# Distance between the two brains, in widths.
_APART = 1.25
# Opacity of silent neurons, and of neurons that were active one and two frames before.
_SILENT, _GLOW = 0.12, (1.0, 0.45, 0.25)


class DreamLayers:
    """Draws a dream frame by frame; all other layers are hidden meanwhile."""

    def __init__(self, viewer: Any) -> None:
        self.viewer = viewer
        self._set_aside: list[Any] = []
        self._rasters: list[NDArray[np.uint8]] = []
        self._glow: tuple[float, ...] = _GLOW[:1]

    def show(self, dream: Dream) -> None:
        """Show the first frame of a dream, and turn the camera to both sides."""
        for layer in self.viewer.layers:
            if layer.visible and layer.name not in (RECORDED, GENERATED):
                set_visible(layer, False)
                self._set_aside.append(layer)
        self._rasters = [each.spikes.dense() for each in (dream.recorded, dream.generated)]
        self._glow = _GLOW if dream.kind == "movie" else _GLOW[:1]
        points = place_neurons(dream.recorded).points
        width = _APART * float(np.ptp(points[:, 2])) + 1.0
        for side, name in enumerate((RECORDED, GENERATED)):
            show_points(
                self.viewer,
                name,
                points + np.array([0.0, 0.0, side * width]),
                size=neuron_size_um(dream.recorded),
                face_color=self._colours(side, 0),
                features={"neuron": np.arange(len(points))},
                metadata={"frame": 0, "generated_by": dream.source if side else "recording"},
            )
        self.viewer.reset_view()

    def go_to(self, frame: int) -> None:
        """Show another frame."""
        for side, name in enumerate((RECORDED, GENERATED)):
            if name in self.viewer.layers and self._rasters:
                layer = self.viewer.layers[name]
                set_colours(layer, self._colours(side, frame))
                layer.metadata["frame"] = frame

    def hide(self) -> None:
        """Remove both sides and show the layers that were hidden for them."""
        remove_layers(self.viewer, RECORDED, GENERATED)
        for layer in self._set_aside:
            if layer in self.viewer.layers:
                set_visible(layer, True)
        self._set_aside, self._rasters = [], []

    def _colours(self, side: int, frame: int) -> NDArray[np.float32]:
        """Return the colours (N, 4) of one side: bright if active, fading afterwards."""
        raster = self._rasters[side]
        bright = np.full(raster.shape[1], _SILENT, dtype=np.float32)
        active = np.zeros(raster.shape[1], dtype=bool)
        for age, light in enumerate(self._glow):
            if frame >= age:
                on = raster[frame - age] > 0
                active |= on
                bright[on] = np.maximum(bright[on], light)
        palette = palette_of(self.viewer)
        two = hex_to_rgb([palette.zero, palette.assembly(0)])
        out = np.empty((len(bright), 4), dtype=np.float32)
        out[:, :3] = two[active.astype(np.int64)]
        out[:, 3] = bright
        return out
