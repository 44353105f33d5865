"""Layers of the selection: assemblies, one neuron, a group of neurons, a frame."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_crbm.palette import hex_to_rgb, weight_limit, with_alpha
from napari_crbm.recording import Recording
from napari_crbm.schematic import place_neurons
from napari_crbm.viewer.layers.fading_activity import fading_activity
from napari_crbm.viewer.layers.names import ACTIVE, ASSEMBLY, CHOSEN_NEURON, GROUP
from napari_crbm.viewer.layers.neurons import neuron_size_um
from napari_crbm.viewer.layers.points import (
    SPACE,
    Drawing,
    add_quietly,
    set_visible,
    show_points,
)
from napari_crbm.viewer.state.workspace import Workspace

# Early in a training an assembly has thousands of members, which are slow to draw.
_SHOWN_WHILE_FORMING = 1000


class SelectionLayers:
    """Draw the selection of a workspace.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        No window is needed.
    workspace : Workspace
    drawing : Drawing
        Entered while layers are added.
    """

    def __init__(self, viewer: Any, workspace: Workspace, drawing: Drawing) -> None:
        self.viewer = viewer
        self.workspace = workspace
        self._drawing = drawing
        workspace.trained_changed.connect(self.show_assembly)
        workspace.assembly_changed.connect(self.show_assembly)
        workspace.forming_changed.connect(self.show_assembly)
        workspace.threshold_changed.connect(self.show_assembly)
        workspace.neuron_changed.connect(self.show_neuron)
        workspace.neurons_changed.connect(self.show_group)
        workspace.frame_changed.connect(self.show_frame)
        workspace.palette_changed.connect(self._on_palette)

    def _on_palette(self) -> None:
        """Draw in the colours of another background."""
        for name, show in (
            (ASSEMBLY, self.show_assembly),
            (CHOSEN_NEURON, self.show_neuron),
            (GROUP, self.show_group),
            (ACTIVE, self.show_frame),
        ):
            if name in self.viewer.layers and self.viewer.layers[name].visible:
                show()

    def show_assembly(self) -> None:
        """Draw the members of the selected assembly, coloured by signed weight."""
        recording, weights = self.workspace.recording, self.workspace.weights
        assembly = self.workspace.assembly
        if recording is None or weights is None or assembly is None:
            self._hide(ASSEMBLY)
            return
        if assembly >= weights.shape[1]:
            return
        if len(self.workspace.assemblies) > 1:
            self._show_several(recording, weights)
            return
        column = np.array(weights[:, assembly])
        # Weak members first, so that strong ones are drawn on top.
        inside = self.workspace.shown_members(assembly)
        if not len(inside):
            self._hide(ASSEMBLY)
            return
        if self.workspace.forming:
            inside = inside[-_SHOWN_WHILE_FORMING:]
        values = column[inside]
        limit = weight_limit(values)
        self._show_points(
            ASSEMBLY,
            place_neurons(recording).points[inside],
            colours=self.workspace.palette.weights(values, limit),
            size=1.4 * neuron_size_um(recording),
            features={"neuron": inside, "weight": values},
            metadata={"assembly": assembly, "weight_limit": limit},
        )

    def _show_several(self, recording: Recording, weights: NDArray[np.float32]) -> None:
        """Draw members of all chosen assemblies, one colour each; those of several on top.

        Discs have a positive weight in one of these assemblies at least, rings in none.
        """
        chosen = list(self.workspace.assemblies)
        inside = np.zeros((len(weights), len(chosen)), dtype=bool)
        positive = np.zeros(len(weights), dtype=bool)
        for place, assembly in enumerate(chosen):
            members = self.workspace.shown_members(assembly)
            inside[members, place] = True
            positive[members] |= weights[members, assembly] > 0
        together = inside.sum(axis=1)
        neurons = np.flatnonzero(together)
        neurons = neurons[np.argsort(together[neurons], kind="stable")]
        self._show_points(
            ASSEMBLY,
            place_neurons(recording).points[neurons],
            colours=self.workspace.palette.memberships(inside[neurons]),
            size=1.4 * neuron_size_um(recording),
            features={
                "neuron": neurons,
                "assemblies": together[neurons],
                "positive": positive[neurons],
            },
            metadata={"assembly": chosen[-1], "assemblies": tuple(chosen)},
            symbol=np.where(positive[neurons], "disc", "ring"),
        )

    def copy_assembly(self) -> str | None:
        """Copy the members that are shown to a new layer; return its name."""
        if ASSEMBLY not in self.viewer.layers or self.workspace.assembly is None:
            return None
        shown = self.viewer.layers[ASSEMBLY]
        numbers = " + ".join(str(assembly) for assembly in self.workspace.assemblies)
        with self._drawing:
            copied = add_quietly(
                self.viewer,
                self.viewer.add_points,
                np.array(shown.data),
                name=f"Assembly {numbers}",
                size=float(np.max(shown.size, initial=1.0)),
                face_color=np.array(shown.face_color),
                border_width=0,
                antialiasing=0,
                symbol=shown.symbol,
                features=shown.features.copy(),
                metadata=dict(shown.metadata),
                blending="translucent_no_depth",
                **SPACE,
            )
        return str(copied.name)

    def show_neuron(self) -> None:
        """Draw a ring around the selected neuron."""
        recording, neuron = self.workspace.recording, self.workspace.neuron
        if recording is None or neuron is None:
            self._hide(CHOSEN_NEURON)
            return
        self._show_points(
            CHOSEN_NEURON,
            place_neurons(recording).points[[neuron]],
            colours=self._mark(1),
            size=2.2 * neuron_size_um(recording),
            features={"neuron": np.array([neuron])},
            metadata={},
            symbol="ring",
        )

    def show_group(self) -> None:
        """Draw a dot on every neuron of the selected group."""
        recording, neurons = self.workspace.recording, self.workspace.neurons
        if recording is None or not len(neurons):
            self._hide(GROUP)
            return
        self._show_points(
            GROUP,
            place_neurons(recording).points[neurons],
            colours=self._mark(len(neurons)),
            size=0.6 * neuron_size_um(recording),
            features={"neuron": neurons},
            metadata={},
        )

    def show_frame(self) -> None:
        """Draw the neurons that are active in the selected frame, fading from earlier ones."""
        recording, frame = self.workspace.recording, self.workspace.frame
        if recording is None or frame is None:
            self._hide(ACTIVE)
            return
        brightness = fading_activity(recording, frame)
        shown = self._allowed(np.flatnonzero(brightness))
        if not len(shown):
            self._hide(ACTIVE)
            return
        colours = with_alpha(hex_to_rgb([self.workspace.palette.active] * len(shown)))
        colours[:, 3] = brightness[shown]
        self._show_points(
            ACTIVE,
            place_neurons(recording).points[shown],
            colours=colours,
            size=1.2 * neuron_size_um(recording),
            features={"neuron": shown},
            metadata={"frame": frame},
        )

    def _mark(self, n: int) -> NDArray[np.float32]:
        """Return the colour of selected neurons, (n, 4)."""
        return np.repeat(with_alpha(hex_to_rgb([self.workspace.palette.mark])), n, axis=0)

    def _allowed(self, neurons: NDArray[np.integer]) -> NDArray[np.integer]:
        """Return the neurons inside ticked regions while only these are shown, else all."""
        limited = self.workspace.region_view.shown_neurons
        return neurons if limited is None else neurons[limited[neurons]]

    def _show_points(
        self,
        name: str,
        data: NDArray[np.float32],
        *,
        colours: NDArray[np.float32],
        size: float,
        features: dict[str, NDArray[Any]],
        metadata: dict[str, Any],
        symbol: str | NDArray[np.str_] = "disc",
    ) -> None:
        with self._drawing:
            show_points(
                self.viewer,
                name,
                data,
                size=size,
                face_color=colours,
                features=features,
                metadata=metadata,
                symbol=symbol,
            )

    def _hide(self, name: str) -> None:
        if name in self.viewer.layers:
            set_visible(self.viewer.layers[name], False)
