"""Connections in space: lines between the centres of regions, neurons of a chosen pair.

The layers are made once and reused; what they show is in their ``features``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_crbm.anatomy import region_colours
from napari_crbm.recording import Recording
from napari_crbm.regions import Regions
from napari_crbm.viewer.colours import rate_colours, weight_colours, weight_limit
from napari_crbm.viewer.layers import NEURONS, neuron_size_um

CONNECTIONS, CENTRES, PAIR = "Connections", "Region centres", "Chosen regions"
ATLAS_OUTLINE, PLACED = "Atlas", "Neurons in the atlas"
_OURS = (CONNECTIONS, CENTRES, PAIR, ATLAS_OUTLINE, PLACED)

# Blue and orange stay apart without red-green vision.
_FIRST, _SECOND = (0.34, 0.71, 0.91, 0.9), (0.90, 0.62, 0.0, 0.9)
_BRAIN = (0.6, 0.6, 0.62, 0.1)
_WIDTH_UM = (1.0, 7.0)
_COMMON = {"units": ("um", "um", "um"), "axis_labels": ("z", "y", "x")}


class ConnectionLayers:
    """Draw region maps into a viewer."""

    def __init__(self, viewer: Any) -> None:
        self.viewer = viewer

    def clear(self) -> None:
        """Remove everything drawn here."""
        for name in _OURS:
            if name in self.viewer.layers:
                self.viewer.layers.remove(self.viewer.layers[name])

    def show_edges(
        self, edges: pd.DataFrame, names: tuple[str, ...], centres: NDArray[np.float64]
    ) -> None:
        """Draw connections, wider and brighter the stronger, and the regions they join.

        Parameters
        ----------
        edges : pandas.DataFrame
            See `napari_crbm.connectome.circuit`.
        names : tuple of str
        centres : (R, 3) float64
            z, y, x in micrometres.
        """
        place = {name: k for k, name in enumerate(names)}
        edges = edges.iloc[::-1]
        ends = [
            centres[[place[a], place[b]]]
            for a, b in zip(edges["region_a"], edges["region_b"], strict=True)
        ]
        if CONNECTIONS in self.viewer.layers:
            self.viewer.layers.remove(self.viewer.layers[CONNECTIONS])
        used = sorted({place[name] for name in [*edges["region_a"], *edges["region_b"]]})
        chosen = [names[k] for k in used]
        if ends:
            strength = edges["strength"].to_numpy()
            colours = rate_colours(strength)
            colours[:, 3] = 0.35 + 0.65 * strength
            self._quietly(
                self.viewer.add_shapes,
                ends,
                shape_type="line",
                edge_width=list(np.interp(strength, (0, 1), _WIDTH_UM)),
                edge_color=colours,
                name=CONNECTIONS,
                features=edges.reset_index(drop=True),
                blending="translucent_no_depth",
                **_COMMON,
            )
        self._points(
            CENTRES,
            centres[used],
            size=14.0,
            face_color=region_colours(chosen).reshape(-1, 4),
            features={"region": np.array(chosen, dtype=object)},
        )

    def show_pair(self, recording: Recording, regions: Regions, first: str, second: str) -> None:
        """Light up the neurons of two regions, blue and orange."""
        a, b = regions.members(first), regions.members(second)
        neurons = a if first == second else np.concatenate([a, b])
        colours = np.tile(np.array(_FIRST, dtype=np.float32), (len(neurons), 1))
        colours[len(a) :] = _SECOND
        names = np.full(len(neurons), second, dtype=object)
        names[: len(a)] = first
        self._points(
            PAIR,
            recording.coordinates[neurons],
            size=neuron_size_um(recording),
            face_color=colours,
            features={"neuron": neurons, "region": names},
        )

    def colour_by_coupling(self, couplings: NDArray[np.float32]) -> None:
        """Colour all neurons by their coupling with one: orange with it, blue against it."""
        if NEURONS not in self.viewer.layers:
            return
        strong = couplings[couplings != 0]
        limit = weight_limit(strong)
        colours = weight_colours(couplings, limit)
        colours[:, 3] = 0.06 + 0.9 * np.clip(np.abs(couplings) / max(limit, 1e-12), 0, 1)
        layer = self.viewer.layers[NEURONS]
        layer.face_color = colours
        layer.metadata["coupling"] = couplings

    def show_placement(
        self,
        outline_um: NDArray[np.float32],
        points_um: NDArray[np.float64],
        inside: NDArray[np.bool_],
    ) -> None:
        """Draw neurons over the inside of an atlas, those outside in orange."""
        self._points(
            ATLAS_OUTLINE,
            outline_um,
            size=6.0,
            face_color=np.tile(np.array(_BRAIN, dtype=np.float32), (len(outline_um), 1)),
            features={},
        )
        colours = np.where(inside[:, None], _FIRST, _SECOND).astype(np.float32)
        self._points(PLACED, points_um, size=6.0, face_color=colours, features={"inside": inside})

    def hide(self, *names: str) -> None:
        """Remove the named layers."""
        for name in names:
            if name in self.viewer.layers:
                self.viewer.layers.remove(self.viewer.layers[name])

    def _points(
        self, name: str, data: NDArray[Any], *, size: float, face_color: NDArray[Any], features: Any
    ) -> None:
        if name in self.viewer.layers:
            layer = self.viewer.layers[name]
            layer.visible = True
            with layer.events.blocker_all():
                layer.selected_data = set()
            layer.data = data
            layer.features = features
            layer.size = size
            layer.face_color = face_color
            return
        self._quietly(
            self.viewer.add_points,
            data,
            name=name,
            size=size,
            face_color=face_color,
            border_width=0,
            antialiasing=0,
            features=features,
            blending="translucent_no_depth",
            **_COMMON,
        )

    def _quietly(self, add: Any, *args: Any, **options: Any) -> None:
        """Add a layer and leave the active one active."""
        active = self.viewer.layers.selection.active
        add(*args, **options)
        if active is not None:
            self.viewer.layers.selection.active = active
