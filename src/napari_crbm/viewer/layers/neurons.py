"""All neurons of a recording as points: how large, with which features."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_crbm.palette import CONTEXT
from napari_crbm.recording import Recording
from napari_crbm.viewer.layers.names import NEURONS, RECORDING_KEY
from napari_crbm.viewer.layers.points import SPACE


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
        **SPACE,
        "metadata": {RECORDING_KEY: recording},
    }


def neurons_layer(layers: Any) -> Any:
    """The layer of all neurons, whatever a person has called it; None if there is none."""
    found = [layer for layer in layers if RECORDING_KEY in layer.metadata]
    return next((layer for layer in found if layer.name == NEURONS), found[-1] if found else None)


def recording_in(layers: Any) -> Recording | None:
    """The recording a set of layers brought along, if any: how dropped files arrive."""
    for layer in reversed(list(layers)):
        if RECORDING_KEY in layer.metadata:
            found: Recording = layer.metadata[RECORDING_KEY]
            return found
    return None
