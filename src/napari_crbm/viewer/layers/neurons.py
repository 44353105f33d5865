"""Layer of all neurons: point size, features, arguments, and lookup in a layer list."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_crbm.anatomy.outline import PLANE_AXES, widest_plane
from napari_crbm.palette import CONTEXT
from napari_crbm.recording import Recording
from napari_crbm.schematic import place_neurons
from napari_crbm.viewer.layers.names import NEURONS, RECORDING_KEY
from napari_crbm.viewer.layers.points import SPACE


def neuron_size_um(recording: Recording) -> float:
    """Return the diameter of points, 4 to 12 micrometres, from the density of neurons.

    In a schematic drawing, whose units are no micrometres, even larger points of chosen neurons
    leave each other free.
    """
    placed = place_neurons(recording)
    points = placed.points[:, list(PLANE_AXES[widest_plane(placed.points)])]
    area = float(np.prod(np.maximum(np.ptp(points, axis=0), 1.0)))
    spacing = np.sqrt(area / recording.n_neurons)
    if placed.schematic:
        return 0.6 * float(spacing)
    return float(np.clip(1.6 * spacing, 4.0, 12.0))


def neuron_features(recording: Recording) -> dict[str, NDArray[Any]]:
    """Return index, mean activity and region of all neurons, for `layer.features`."""
    features: dict[str, NDArray[Any]] = {
        "neuron": np.arange(recording.n_neurons),
        "mean_activity": recording.spikes.mean_activity,
    }
    if recording.regions is not None:
        features["region"] = region_of_neurons(recording)
    return features


def region_of_neurons(recording: Recording) -> NDArray[np.object_]:
    """Return the smallest region of each neuron, (N,); empty text without one."""
    names = np.full(recording.n_neurons, "", dtype=object)
    if recording.regions is not None:
        # Smaller regions overwrite larger ones.
        for index in np.argsort(-recording.regions.counts, kind="stable"):
            name = recording.regions.names[index]
            names[recording.regions.members(name)] = name
    return names


def points_arguments(recording: Recording) -> dict[str, Any]:
    """Return the arguments of `viewer.add_points` for the "Neurons" layer."""
    return {
        "name": NEURONS,
        "size": neuron_size_um(recording),
        "face_color": np.tile(np.array([CONTEXT], dtype=np.float32), (recording.n_neurons, 1)),
        "border_width": 0,
        "antialiasing": 0,
        # All translucent neurons are seen, whichever is in front.
        "blending": "translucent_no_depth",
        "features": neuron_features(recording),
        **SPACE,
        "metadata": {RECORDING_KEY: recording},
    }


def neurons_layer(layers: Any) -> Any:
    """Return the layer of all neurons, also if the user renamed it; None without one."""
    found = [layer for layer in layers if RECORDING_KEY in layer.metadata]
    return next((layer for layer in found if layer.name == NEURONS), found[-1] if found else None)


def recording_in(layers: Any) -> Recording | None:
    """Return the recording in the metadata of layers, as set by the reader for dropped files."""
    for layer in reversed(list(layers)):
        if RECORDING_KEY in layer.metadata:
            found: Recording = layer.metadata[RECORDING_KEY]
            return found
    return None
