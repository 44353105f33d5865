"""From the workspace to napari layers; the only place that makes or changes layers.

Layers are made once and reused: adding one costs a second, changing one a few
milliseconds. What a layer shows is also in its ``features`` and ``metadata``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_crbm.anatomy import brain_outline
from napari_crbm.recording import Recording
from napari_crbm.viewer.colours import (
    CHOSEN,
    CONTEXT,
    FLASH,
    OUTLINE,
    SELECTED,
    several_colours,
    weight_colours,
    weight_limit,
)
from napari_crbm.viewer.points import add_quietly
from napari_crbm.viewer.region_layers import REGIONS, RegionLayers, Runner, run_at_once
from napari_crbm.viewer.workspace import Workspace

NEURONS, OUTLINE_NAME = "Neurons", "Brain outline"
ASSEMBLY, CHOSEN_NEURON, ACTIVE = "Assembly", "Chosen neuron", "Active neurons"
GROUP = "Chosen neurons"
#: Where a layer's metadata keeps the recording it was made from.
RECORDING_KEY = "napari_crbm_recording"
MODEL_KEY = "napari_crbm_model"
MODEL_PATH_KEY = "napari_crbm_model_path"

# Young assemblies can have thousands of members; drawing them all would hold up the window.
_SHOWN_WHILE_FORMING = 1000
#: Layers that follow a workspace.
OURS = (OUTLINE_NAME, NEURONS, REGIONS, ASSEMBLY, CHOSEN_NEURON, GROUP, ACTIVE)
# Finer ones are not seen, and napari draws its small picture of a layer piece by piece.
_MOST_PIECES = 400
# A flash of one frame is hard to see; it fades over this time, and at least a frame.
_GLOW_S = 0.5
_MOST_GLOWING_FRAMES = 8
# So many points can be changed in a few hundredths of a second.
_MOST_GLOWING_NEURONS = 6000


def neuron_size_um(recording: Recording) -> float:
    """A disc that keeps dense and sparse recordings readable, in micrometres."""
    area = float(np.prod(np.maximum(np.ptp(recording.coordinates[:, 1:], axis=0), 1.0)))
    spacing = np.sqrt(area / recording.n_neurons)
    return float(np.clip(1.6 * spacing, 4.0, 12.0))


def neuron_features(recording: Recording) -> dict[str, NDArray[Any]]:
    """Index, mean activity and regions of every neuron, for `layer.features`."""
    features: dict[str, NDArray[Any]] = {
        "neuron": np.arange(recording.n_neurons),
        "mean_activity": recording.spikes.mean_activity,
    }
    if recording.regions is not None:
        features["region"] = region_of_neurons(recording)
    return features


def region_of_neurons(recording: Recording) -> NDArray[np.object_]:
    """Smallest region that holds each neuron, (N,); empty where there is none."""
    names = np.full(recording.n_neurons, "", dtype=object)
    if recording.regions is not None:
        # Larger regions first, so that the most specific one is written last.
        for index in np.argsort(-recording.regions.counts, kind="stable"):
            name = recording.regions.names[index]
            names[recording.regions.members(name)] = name
    return names


def points_arguments(recording: Recording) -> dict[str, Any]:
    """Arguments of the "Neurons" layer."""
    return {
        "name": NEURONS,
        "size": neuron_size_um(recording),
        "face_color": np.tile(np.array([CONTEXT], dtype=np.float32), (recording.n_neurons, 1)),
        "border_width": 0,
        "antialiasing": 0,
        "features": neuron_features(recording),
        "units": ("um", "um", "um"),
        "axis_labels": ("z", "y", "x"),
        "metadata": {RECORDING_KEY: recording},
    }


def outline_segments(coordinates_um: NDArray[np.float32]) -> NDArray[np.float32]:
    """The contour of a brain seen from above, half-way down.

    Parameters
    ----------
    coordinates_um : (N, 3) float32
        Axes z, y, x.

    Returns
    -------
    (K, 2, 3) float32
        Where each straight piece starts, and its extent, as a Vectors layer has it.
    """
    depth = float(np.median(coordinates_um[:, 0]))
    pieces = [np.empty((0, 2, 3), dtype=np.float32)]
    for polygon in brain_outline(coordinates_um, "dorsal"):
        polygon = polygon[:: -(-len(polygon) // _MOST_PIECES)]
        start = np.column_stack([np.full(len(polygon), depth), polygon])
        pieces.append(np.stack([start, np.roll(start, -1, axis=0) - start], axis=1))
    return np.concatenate(pieces).astype(np.float32)


def add_outline(viewer: Any, segments: NDArray[np.float32], name: str) -> None:
    """Draw `outline_segments` in a layer of their own, behind all others.

    A Shapes layer would compile for it, and make a tube of every piece: three times as long.
    """
    from napari.layers import Vectors

    if len(segments):
        layer = Vectors(
            segments,
            name=name,
            edge_color=np.array([OUTLINE], dtype=np.float32),
            edge_width=3.0,
            vector_style="line",
            units=("um", "um", "um"),
            axis_labels=("z", "y", "x"),
        )
        add_quietly(viewer, viewer.layers.insert, 0, layer)


class BrainLayers:
    """Keep a viewer's layers in step with its workspace.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        A window is not needed.
    workspace : Workspace
    run : Runner, optional
        How longer work is done; at once by default.
    """

    def __init__(self, viewer: Any, workspace: Workspace, run: Runner = run_at_once) -> None:
        self.viewer = viewer
        self.workspace = workspace
        self.run = run
        self.regions = RegionLayers(viewer, workspace, run)
        self._limited: NDArray[np.bool_] | None = None
        self._plain = True
        self._shown: Recording | None = None
        self._drawing = False
        workspace.recording_changed.connect(self.show_recording)
        workspace.trained_changed.connect(self.show_assembly)
        workspace.assembly_changed.connect(self.show_assembly)
        workspace.forming_changed.connect(self.show_assembly)
        workspace.threshold_changed.connect(self.show_assembly)
        workspace.neuron_changed.connect(self.show_neuron)
        workspace.neurons_changed.connect(self.show_group)
        workspace.colouring_changed.connect(self.show_neurons)
        workspace.region_view.changed.connect(self._on_region_view)
        workspace.regions_changed.connect(self._on_regions)
        workspace.frame_changed.connect(self.show_frame)
        if workspace.recording is not None:
            self.show_recording()
            self.show_assembly()

    @property
    def drawing(self) -> bool:
        """Whether layers are being added by us, not by the user."""
        return self._drawing

    # --- recording ----------------------------------------------------------------------

    def show_recording(self) -> None:
        """Neurons of a newly opened recording, and its outline once it has been found."""
        recording = self.workspace.recording
        if recording is None or recording is self._shown:
            return
        self._shown, self._limited, self._plain = recording, None, True
        self._drawing = True
        try:
            self._remove(keep=self._layer_of(recording))
            self.viewer.dims.ndisplay = 3
            if NEURONS not in self.viewer.layers:
                self.viewer.add_points(recording.coordinates, **points_arguments(recording))
            self.viewer.layers.selection.active = self.viewer.layers[NEURONS]
            self.viewer.canvas.overlays.scale_bar.visible = True
            self.viewer.reset_view()
        finally:
            self._drawing = False
        places = recording.coordinates

        def draw(segments: NDArray[np.float32]) -> None:
            shown = self._shown
            if shown is None or shown.coordinates is not places:
                return
            self._drawing = True
            try:
                add_outline(self.viewer, segments, OUTLINE_NAME)
            finally:
                self._drawing = False

        self.run("Drawing the outline", lambda _: outline_segments(places), draw)

    def _layer_of(self, recording: Recording) -> Any:
        for layer in self.viewer.layers:
            if layer.metadata.get(RECORDING_KEY) is recording and layer.name.startswith(NEURONS):
                layer.name = NEURONS
                return layer
        return None

    def _remove(self, keep: Any) -> None:
        for layer in list(self.viewer.layers):
            ours = layer.name in OURS or RECORDING_KEY in layer.metadata
            if ours and layer is not keep:
                self.viewer.layers.remove(layer)

    def show_neurons(self) -> None:
        """The neurons of the whole brain, or of some regions, in their colours."""
        recording, colouring = self.workspace.recording, self.workspace.colouring
        if recording is None or NEURONS not in self.viewer.layers:
            return
        layer = self.viewer.layers[NEURONS]
        limited = self.workspace.region_view.shown_neurons
        before, self._plain = self._plain, colouring is None and limited is None
        if before and self._plain:
            return
        if colouring is None:
            colours = np.tile(np.array([CONTEXT], dtype=np.float32), (recording.n_neurons, 1))
        else:
            colours = colouring.colours
        layer.metadata["coloured_by"] = None if colouring is None else colouring.title
        layer.metadata["values"] = None if colouring is None else colouring.values
        if limited is None and self._limited is None:
            layer.face_color = colours
            return
        self._limited = limited
        inside = np.arange(recording.n_neurons) if limited is None else np.flatnonzero(limited)
        features = {name: column[inside] for name, column in neuron_features(recording).items()}
        _replace(layer, recording.coordinates[inside], features, colours[inside])
        layer.size = neuron_size_um(recording)

    def _on_region_view(self) -> None:
        limited = self.workspace.region_view.shown_neurons
        before = self._limited
        if limited is None or before is None:
            same = limited is before
        else:
            same = np.array_equal(limited, before)
        if not same:
            self.show_neurons()
            self.show_assembly()
            self.show_frame()

    def _on_regions(self) -> None:
        """Other regions of the same neurons."""
        recording = self.workspace.recording
        if recording is None or NEURONS not in self.viewer.layers:
            return
        self._shown = recording
        layer = self.viewer.layers[NEURONS]
        layer.metadata[RECORDING_KEY] = recording
        layer.features = neuron_features(recording)

    def _allowed(self, neurons: NDArray[np.integer]) -> NDArray[np.integer]:
        """Those neurons that lie where neurons are shown."""
        limited = self.workspace.region_view.shown_neurons
        return neurons if limited is None else neurons[limited[neurons]]

    # --- assembly and neuron ----------------------------------------------------------------

    def show_assembly(self) -> None:
        """Members of the chosen assembly, coloured by signed weight."""
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
        inside = self.workspace.shown_members(column)
        if not len(inside):
            self._hide(ASSEMBLY)
            return
        if self.workspace.forming:
            inside = inside[-_SHOWN_WHILE_FORMING:]
        values = column[inside]
        limit = weight_limit(values)
        self._show_points(
            ASSEMBLY,
            recording.coordinates[inside],
            colours=weight_colours(values, limit),
            size=1.4 * neuron_size_um(recording),
            features={"neuron": inside, "weight": values},
            metadata={"assembly": assembly, "weight_limit": limit},
        )

    def _show_several(self, recording: Recording, weights: NDArray[np.float32]) -> None:
        """Members of all chosen assemblies, one colour each; those of several on top."""
        chosen = list(self.workspace.assemblies)
        inside = np.zeros((len(weights), len(chosen)), dtype=bool)
        for place, assembly in enumerate(chosen):
            inside[self.workspace.shown_members(weights[:, assembly]), place] = True
        together = inside.sum(axis=1)
        neurons = np.flatnonzero(together)
        neurons = neurons[np.argsort(together[neurons], kind="stable")]
        self._show_points(
            ASSEMBLY,
            recording.coordinates[neurons],
            colours=several_colours(inside[neurons]),
            size=1.4 * neuron_size_um(recording),
            features={"neuron": neurons, "assemblies": together[neurons]},
            metadata={"assembly": chosen[-1], "assemblies": tuple(chosen)},
        )

    def keep_assembly(self) -> str | None:
        """Copy what is shown of the assemblies to a layer that stays; its name."""
        if ASSEMBLY not in self.viewer.layers or self.workspace.assembly is None:
            return None
        shown = self.viewer.layers[ASSEMBLY]
        numbers = " + ".join(str(assembly) for assembly in self.workspace.assemblies)
        self._drawing = True
        try:
            kept = add_quietly(
                self.viewer,
                self.viewer.add_points,
                np.array(shown.data),
                name=f"Assembly {numbers}",
                size=float(np.max(shown.size, initial=1.0)),
                face_color=np.array(shown.face_color),
                border_width=0,
                antialiasing=0,
                features=shown.features.copy(),
                metadata=dict(shown.metadata),
                units=("um", "um", "um"),
                axis_labels=("z", "y", "x"),
                blending="translucent_no_depth",
            )
        finally:
            self._drawing = False
        return str(kept.name)

    def show_neuron(self) -> None:
        """A ring around the chosen neuron."""
        recording, neuron = self.workspace.recording, self.workspace.neuron
        if recording is None or neuron is None:
            self._hide(CHOSEN_NEURON)
            return
        self._show_points(
            CHOSEN_NEURON,
            recording.coordinates[[neuron]],
            colours=np.array([CHOSEN], dtype=np.float32),
            size=2.2 * neuron_size_um(recording),
            features={"neuron": np.array([neuron])},
            metadata={},
        )

    def show_group(self) -> None:
        """A dot on every neuron of the chosen group; its own colour shows around it."""
        recording, neurons = self.workspace.recording, self.workspace.neurons
        if recording is None or not len(neurons):
            self._hide(GROUP)
            return
        self._show_points(
            GROUP,
            recording.coordinates[neurons],
            colours=np.tile(np.array([SELECTED], dtype=np.float32), (len(neurons), 1)),
            size=0.6 * neuron_size_um(recording),
            features={"neuron": neurons},
            metadata={},
        )

    def show_frame(self) -> None:
        """Neurons active in the chosen frame, and fading, in those just before it."""
        recording, frame = self.workspace.recording, self.workspace.frame
        if recording is None or frame is None:
            self._hide(ACTIVE)
            return
        brightness = afterglow(recording, frame)
        shown = self._allowed(np.flatnonzero(brightness))
        if not len(shown):
            self._hide(ACTIVE)
            return
        colours = np.tile(np.array([FLASH], dtype=np.float32), (len(shown), 1))
        colours[:, 3] = brightness[shown]
        self._show_points(
            ACTIVE,
            recording.coordinates[shown],
            colours=colours,
            size=1.2 * neuron_size_um(recording),
            features={"neuron": shown},
            metadata={"frame": frame},
        )

    def _show_points(
        self,
        name: str,
        data: NDArray[np.float32],
        *,
        colours: NDArray[np.float32],
        size: float,
        features: dict[str, NDArray[Any]],
        metadata: dict[str, Any],
    ) -> None:
        if name not in self.viewer.layers:
            self._drawing = True
            try:
                add_quietly(
                    self.viewer,
                    self.viewer.add_points,
                    data,
                    name=name,
                    size=size,
                    face_color=colours,
                    border_width=0,
                    antialiasing=0,
                    features=features,
                    metadata=metadata,
                    units=("um", "um", "um"),
                    axis_labels=("z", "y", "x"),
                    blending="translucent_no_depth",
                    symbol="ring" if name == CHOSEN_NEURON else "disc",
                )
            finally:
                self._drawing = False
            return
        layer = self.viewer.layers[name]
        # A hidden layer does not slice new data, and then draws old indices into it.
        layer.visible = True
        _replace(layer, data, features, colours)
        layer.size = size
        layer.metadata.update(metadata)

    def _hide(self, name: str) -> None:
        if name in self.viewer.layers:
            self.viewer.layers[name].visible = False


def _replace(
    layer: Any,
    data: NDArray[np.float32],
    features: dict[str, NDArray[Any]],
    colours: NDArray[np.float32],
) -> None:
    """Give a Points layer other points."""
    with layer.events.blocker_all():
        layer.selected_data = set()
    layer.data = data
    layer.features = features
    # napari warns of colours for no points.
    if len(data):
        layer.face_color = colours


def afterglow(recording: Recording, frame: int) -> NDArray[np.float32]:
    """How brightly every neuron glows at a frame, (N,): 1 if active, less some time after."""
    fading_s = max(_GLOW_S, recording.frame_interval_s or _GLOW_S)
    n_frames = 1 + int(3 * fading_s / (recording.frame_interval_s or fading_s))
    brightness = np.zeros(recording.n_neurons, dtype=np.float32)
    starts, active = recording.spikes.by_frame
    first = max(0, frame - min(n_frames, _MOST_GLOWING_FRAMES) + 1)
    for earlier in range(first, frame + 1):
        if earlier < frame and starts[frame + 1] - starts[earlier] > _MOST_GLOWING_NEURONS:
            continue
        age_s = recording.times[frame] - recording.times[earlier]
        brightness[active[starts[earlier] : starts[earlier + 1]]] = np.exp(-age_s / fading_s)
    return brightness


def recording_in(layers: Any) -> Recording | None:
    """The recording a set of layers brought along, if any: how dropped files arrive."""
    for layer in reversed(list(layers)):
        if RECORDING_KEY in layer.metadata:
            found: Recording = layer.metadata[RECORDING_KEY]
            return found
    return None
