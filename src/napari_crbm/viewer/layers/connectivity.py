"""Layers of region maps and atlases: connections, a pair of regions, placement in an atlas.

Layers are added once and reused; what they show is in their ``features`` or ``metadata``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_crbm.palette import hex_to_rgb, with_alpha
from napari_crbm.recording import Recording
from napari_crbm.regions import Regions
from napari_crbm.schematic import place_neurons
from napari_crbm.viewer.layers.neurons import neuron_size_um
from napari_crbm.viewer.layers.points import (
    SPACE,
    add_quietly,
    palette_of,
    remove_layers,
    set_visible,
    show_points,
)
from napari_crbm.viewer.state.workspace import workspace_of

CONNECTIONS, CENTRES, PAIR = "Connections", "Region centres", "Chosen regions"
ATLAS_OUTLINE, PLACED = "Atlas", "Neurons in the atlas"

_ALPHA = 0.9
# Size of a neuron in the atlas, as a fraction of the length of the brain.
_PLACED_SIZE = 0.006
_RADIUS_UM = (0.5, 4.0)
_SIDES = 6


def tubes(
    ends: NDArray[np.float64], radius: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return six-sided tubes along lines as one mesh: many shapes are slow to change.

    Parameters
    ----------
    ends : (E, 2, 3) float64
    radius : (E,) float64

    Returns
    -------
    vertices : (12 E, 3) float64
        The vertices of a tube are consecutive.
    faces : (12 E, 3) int64
    """
    along = ends[:, 1] - ends[:, 0]
    # Any direction other than the line's own gives a perpendicular one.
    helper = np.where(np.abs(along).argmax(axis=1)[:, None] == 0, [[0.0, 1, 0]], [[1.0, 0, 0]])
    first = np.cross(along, helper)
    first /= np.maximum(np.linalg.norm(first, axis=1), 1e-12)[:, None]
    second = np.cross(along, first)
    second /= np.maximum(np.linalg.norm(second, axis=1), 1e-12)[:, None]
    angle = np.arange(_SIDES) * 2 * np.pi / _SIDES
    ring = np.multiply.outer(np.cos(angle), first) + np.multiply.outer(np.sin(angle), second)
    ring = ring.transpose(1, 0, 2) * radius[:, None, None]
    vertices = np.concatenate([ends[:, :1] + ring, ends[:, 1:] + ring], axis=1)
    here, beside = np.arange(_SIDES), (np.arange(_SIDES) + 1) % _SIDES
    triangles = np.concatenate(
        [
            np.stack([here, beside, here + _SIDES], axis=1),
            np.stack([beside, beside + _SIDES, here + _SIDES], axis=1),
        ]
    )
    offset = 2 * _SIDES * np.arange(len(ends))
    faces = (triangles + offset[:, None, None]).reshape(-1, 3)
    return vertices.reshape(-1, 3), faces


class ConnectionLayers:
    """Draw region maps, and neurons in an atlas."""

    def __init__(self, viewer: Any) -> None:
        self.viewer = viewer
        self._set_aside: list[Any] = []

    def show_edges(
        self, edges: pd.DataFrame, names: tuple[str, ...], centres: NDArray[np.float64]
    ) -> None:
        """Draw connections, wider the stronger they are, and the centres of their regions.

        Parameters
        ----------
        edges : pandas.DataFrame
            See `napari_crbm.connectome.circuit`.
        names : tuple of str
        centres : (R, 3) float64
            z, y, x in micrometres.
        """
        place = {name: k for k, name in enumerate(names)}
        # Weak ones first, so that strong ones are drawn on top.
        edges = edges.iloc[::-1].reset_index(drop=True)
        used = sorted({place[name] for name in [*edges["region_a"], *edges["region_b"]]})
        chosen = [names[k] for k in used]
        if len(edges):
            ends = np.array(
                [
                    centres[[place[a], place[b]]]
                    for a, b in zip(edges["region_a"], edges["region_b"], strict=True)
                ]
            )
            self._tubes(ends, edges)
        else:
            self.hide(CONNECTIONS)
        show_points(
            self.viewer,
            CENTRES,
            centres[used],
            size=14.0,
            face_color=workspace_of(self.viewer).region_view.colours_of(chosen),
            features={"region": np.array(chosen, dtype=object)},
        )

    def show_pair(self, recording: Recording, regions: Regions, first: str, second: str) -> None:
        """Draw the neurons of two regions in blue and orange."""
        a, b = regions.members(first), regions.members(second)
        neurons = a if first == second else np.concatenate([a, b])
        colours = np.repeat(self._two_colours, (len(a), len(neurons) - len(a)), axis=0)
        names = np.full(len(neurons), second, dtype=object)
        names[: len(a)] = first
        show_points(
            self.viewer,
            PAIR,
            place_neurons(recording).points[neurons],
            size=neuron_size_um(recording),
            face_color=colours,
            features={"neuron": neurons, "region": names},
        )

    def show_placement(
        self,
        body: tuple[NDArray[np.float32], NDArray[np.int64]],
        points_um: NDArray[np.float64],
        inside: NDArray[np.bool_],
    ) -> None:
        """Draw neurons in the brain of an atlas, those outside in orange.

        All other layers are hidden: they are in the space of the recording.

        Parameters
        ----------
        body : vertices (V, 3) and faces (F, 3)
            See `napari_crbm.anatomy.meshes.brain_mesh`.
        points_um : (n, 3) float64
        inside : (n,) bool
        """
        first = PLACED not in self.viewer.layers or not self.viewer.layers[PLACED].visible
        for layer in self.viewer.layers:
            if layer.visible and layer.name not in (ATLAS_OUTLINE, PLACED):
                set_visible(layer, False)
                self._set_aside.append(layer)
        self._body(*body)
        # Orange ones last, so that they are drawn on top.
        order = np.argsort(~inside, kind="stable")
        colours = self._two_colours[np.where(inside[order], 0, 1)]
        show_points(
            self.viewer,
            PLACED,
            points_um[order],
            size=_PLACED_SIZE * float(np.ptp(body[0], axis=0).max()),
            face_color=colours,
            features={"inside": inside[order]},
        )
        if first:
            self.viewer.reset_view()

    @property
    def _two_colours(self) -> NDArray[np.float32]:
        """Return blue and orange, (2, 4)."""
        palette = palette_of(self.viewer)
        return with_alpha(hex_to_rgb([palette.assembly(1), palette.assembly(0)]), _ALPHA)

    def _body(self, vertices: NDArray[np.float32], faces: NDArray[np.int64]) -> None:
        if ATLAS_OUTLINE in self.viewer.layers:
            layer = self.viewer.layers[ATLAS_OUTLINE]
            if layer.metadata["vertices"] is not vertices:
                layer.data = (vertices, faces)
                layer.metadata["vertices"] = vertices
            set_visible(layer, True)
            return
        add_quietly(
            self.viewer,
            self.viewer.add_surface,
            (vertices, faces),
            name=ATLAS_OUTLINE,
            colormap="gray",
            contrast_limits=(-0.6, 1.4),
            shading="smooth",
            blending="translucent_no_depth",
            opacity=0.25,
            metadata={"vertices": vertices},
            **SPACE,
        )

    def end_placement(self, *, restore: bool = True) -> None:
        """Remove the atlas and show the layers that were hidden for it."""
        self.hide(ATLAS_OUTLINE, PLACED)
        for layer in self._set_aside if restore else []:
            set_visible(layer, True)
        self._set_aside = []

    def hide(self, *names: str) -> None:
        """Remove the named layers."""
        remove_layers(self.viewer, *names)

    def _tubes(self, ends: NDArray[np.float64], edges: pd.DataFrame) -> None:
        strength = edges["strength"].to_numpy()
        vertices, faces = tubes(ends, np.interp(strength, (0, 1), _RADIUS_UM))
        data = (vertices, faces, np.repeat(strength, len(vertices) // len(ends)))
        if CONNECTIONS in self.viewer.layers:
            layer = self.viewer.layers[CONNECTIONS]
            set_visible(layer, True)
            layer.data = data
            layer.colormap = palette_of(self.viewer).values_map
            layer.metadata["connections"] = edges
            return
        add_quietly(
            self.viewer,
            self.viewer.add_surface,
            data,
            name=CONNECTIONS,
            colormap=palette_of(self.viewer).values_map,
            contrast_limits=(0.0, 1.0),
            shading="none",
            blending="translucent_no_depth",
            opacity=0.85,
            metadata={"connections": edges},
            **SPACE,
        )
