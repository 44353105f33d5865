"""Layers of neurons and brain outline; creates the objects that draw all other layers.

Layers are added once and reused: adding one costs a second, changing one a few
milliseconds. What a layer shows is also in its ``features`` and ``metadata``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_crbm.anatomy.outline import Plane, widest_plane
from napari_crbm.palette import CONTEXT
from napari_crbm.recording import Recording
from napari_crbm.schematic import arrange_neurons, place_neurons
from napari_crbm.viewer.jobs.runners import Later, Runner, at_once, run_at_once
from napari_crbm.viewer.layers.names import (
    ACTIVE,
    ASSEMBLY,
    CHOSEN_NEURON,
    GROUP,
    NEURONS,
    PLUGIN_LAYERS,
    RECORDING_KEY,
)
from napari_crbm.viewer.layers.neurons import (
    neuron_features,
    neuron_size_um,
    neurons_layer,
    points_arguments,
)
from napari_crbm.viewer.layers.points import (
    Drawing,
    add_quietly,
    palette_of,
    replacing_points,
    set_colours,
)
from napari_crbm.viewer.layers.regions import RegionLayers
from napari_crbm.viewer.layers.selection import SelectionLayers
from napari_crbm.viewer.layers.shell import ShellLayers
from napari_crbm.viewer.layers.views import BrainView
from napari_crbm.viewer.state.workspace import Workspace

# Layers above the neurons.
_ABOVE = (ASSEMBLY, CHOSEN_NEURON, GROUP, ACTIVE)
# Metadata of copied or renamed layers: hidden when another recording is opened.
_OF_A_BRAIN = {"assembly", "regions"}


class BrainLayers:
    """Draw the workspace of a viewer into its layers.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        No window is needed.
    workspace : Workspace
    run : Runner, optional
        Runs long computations; at once by default.
    later : Later, optional
        Runs GUI work in pieces; at once by default.
    """

    def __init__(
        self,
        viewer: Any,
        workspace: Workspace,
        run: Runner = run_at_once,
        later: Later = at_once,
    ) -> None:
        self.viewer = viewer
        self.workspace = workspace
        self.run = run
        self.later = later
        # First, so that everything else draws the neurons where they are.
        workspace.recording_changed.connect(self._in_file_order)
        workspace.trained_changed.connect(self._arrange)
        workspace.regions_changed.connect(self._arrange)
        self.regions = RegionLayers(viewer, workspace, run)
        self._limited: NDArray[np.bool_] | None = None
        self._plain = True
        # False while other points are being put into the layer; a new choice may interrupt that.
        self._complete = True
        self._shown: Recording | None = None
        # From where recordings are first seen.
        self._plane: Plane = "dorsal"
        self._drawing = Drawing()
        self.view = BrainView(viewer, workspace)
        self.shell = ShellLayers(viewer, workspace, self._drawing, run, later)
        self.selection = SelectionLayers(viewer, workspace, self._drawing)
        workspace.recording_changed.connect(self.show_recording)
        viewer.events.theme.connect(self._on_theme)
        self._on_theme()
        workspace.assembly_changed.connect(self._neurons)
        workspace.colouring_changed.connect(self.show_neurons)
        workspace.region_view.changed.connect(self._on_region_view)
        workspace.regions_changed.connect(self._on_regions)
        if workspace.recording is not None:
            self.show_recording()
            self.selection.show_assembly()

    def _on_theme(self, _event: Any = None) -> None:
        """Tell the workspace which palette suits the canvas."""
        self.workspace.set_palette(palette_of(self.viewer))

    @property
    def drawing(self) -> bool:
        """Whether the plugin itself, not the user, is adding layers."""
        return self._drawing.under_way

    # --- recording ----------------------------------------------------------------------

    def show_recording(self) -> None:
        """Draw the neurons of a newly opened recording, then its outline from the background."""
        recording = self.workspace.recording
        if recording is None or recording is self._shown:
            return
        self._shown, self._limited, self._plain = recording, None, True
        self._complete = True
        with self._drawing:
            keep = self._layer_of(recording)
            self._remove(keep)
            self.viewer.dims.ndisplay = 3
            if keep is None:
                self.viewer.add_points(
                    place_neurons(recording).points, **points_arguments(recording)
                )
            else:
                keep.name = NEURONS
            self.viewer.layers.selection.active = self.viewer.layers[NEURONS]
            self.viewer.reset_view()
            if (plane := widest_plane(place_neurons(recording).points)) != self._plane:
                self._plane = plane
                self.view.look(plane)
        self.later("scale bar", self._show_scale_bar(not place_neurons(recording).schematic))
        self.shell.show()

    def _in_file_order(self) -> None:
        """Forget the model of a recording that is opened again."""
        if self.workspace.recording is not None:
            arrange_neurons(self.workspace.recording, None)

    def _arrange(self) -> None:
        """Draw neurons without position by the assemblies of the model."""
        recording, trained = self.workspace.recording, self.workspace.trained
        if recording is None or trained is None:
            # The arrangement stays while another model is being computed.
            return
        if recording.located.all():
            return
        layer = neurons_layer(self.viewer.layers)
        points = arrange_neurons(recording, trained.model.weights_).points
        limited = self._limited
        shown = points if limited is None else points[limited]
        if layer is not None and not np.array_equal(layer.data, shown):
            self._complete = False
            self.later(NEURONS, self._follow_arrangement())

    def _follow_arrangement(self) -> Iterator[None]:
        """Draw everything again after neurons have moved."""
        yield from self._follow_regions()
        yield
        self.selection.show_neuron()
        self.selection.show_group()

    def _show_scale_bar(self, visible: bool) -> Iterator[None]:
        """Show or hide the scale bar, after the neurons: napari creates it on first use."""
        yield
        self.viewer.canvas.overlays.scale_bar.visible = visible

    def _layer_of(self, recording: Recording) -> Any:
        for layer in self.viewer.layers:
            if layer.metadata.get(RECORDING_KEY) is recording:
                return layer
        return None

    def _remove(self, keep: Any) -> None:
        for layer in list(self.viewer.layers):
            is_plugins = layer.name in PLUGIN_LAYERS or RECORDING_KEY in layer.metadata
            if is_plugins and layer is not keep:
                self.viewer.layers.remove(layer)
            elif _OF_A_BRAIN & layer.metadata.keys():
                layer.visible = False

    def _neurons(self) -> Any:
        """Return the layer of all neurons, whatever its name; add it again if it was removed."""
        recording = self.workspace.recording
        if recording is None:
            return None
        layer = neurons_layer(self.viewer.layers)
        if layer is None:
            from napari.layers import Points

            layer = Points(place_neurons(recording).points, **points_arguments(recording))
            self._limited, self._plain, self._complete = None, True, True
            layers = self.viewer.layers
            above = [layers.index(name) for name in _ABOVE if name in layers]
            with self._drawing:
                add_quietly(self.viewer, layers.insert, min(above, default=len(layers)), layer)
            self.show_neurons()
        return layer

    def show_neurons(self) -> None:
        """Draw the neurons of the whole brain, or of some regions, in their colours."""
        for _ in self._drawing_neurons():
            pass

    def _drawing_neurons(self) -> Iterator[None]:
        """Draw the neurons in pieces; see `show_neurons`."""
        recording, colouring = self.workspace.recording, self.workspace.colouring
        layer = self._neurons()
        if recording is None or layer is None:
            return
        limited = self.workspace.region_view.shown_neurons
        before, self._plain = self._plain, colouring is None and limited is None
        if before and self._plain and self._complete:
            return
        if colouring is None:
            colours = np.tile(np.array([CONTEXT], dtype=np.float32), (recording.n_neurons, 1))
        else:
            colours = colouring.colours
        layer.metadata["coloured_by"] = None if colouring is None else colouring.title
        layer.metadata["values"] = None if colouring is None else colouring.values
        if limited is None and self._limited is None and self._complete:
            set_colours(layer, colours)
            return
        inside = np.arange(recording.n_neurons) if limited is None else np.flatnonzero(limited)
        features = {name: column[inside] for name, column in neuron_features(recording).items()}
        self._complete = False
        yield from replacing_points(
            layer,
            place_neurons(recording).points[inside],
            features=features,
            size=neuron_size_um(recording),
            face_color=colours[inside],
        )
        self._limited, self._complete = limited, True

    def _on_region_view(self) -> None:
        limited = self.workspace.region_view.shown_neurons
        before = self._limited
        if limited is None or before is None:
            same = limited is before
        else:
            same = np.array_equal(limited, before)
        if not same or not self._complete:
            self.later(NEURONS, self._follow_regions())

    def _follow_regions(self) -> Iterator[None]:
        """Hide or show neurons, members and activity outside of the ticked regions."""
        yield from self._drawing_neurons()
        yield
        self.selection.show_assembly()
        yield
        self.selection.show_frame()

    def _on_regions(self) -> None:
        """Update features for other regions of the same neurons."""
        recording, layer = self.workspace.recording, neurons_layer(self.viewer.layers)
        if recording is None or layer is None:
            return
        self._shown = recording
        layer.metadata[RECORDING_KEY] = recording
        layer.features = neuron_features(recording)
