"""Drop the neurons that lie in no region."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from napari_crbm.errors import RecordingError
from napari_crbm.io.reading.traces import InBlocks
from napari_crbm.recording import Recording


def labelled_only(recording: Recording) -> Recording:
    """Drop neurons outside all regions, as the paper does; fluorescence stays attached."""
    if recording.regions is None:
        raise RecordingError(
            "The recording has no regions, so neurons outside them cannot be dropped: "
            "keep the unlabelled neurons."
        )
    kept = np.flatnonzero(recording.regions.labelled)
    if len(kept) == 0:
        raise RecordingError(
            "No neuron lies in any region, so none would be left: keep the unlabelled neurons."
        )
    chosen = recording.select_neurons(kept, "in at least one region")
    if isinstance(recording.fluorescence, InBlocks):
        chosen = replace(chosen, fluorescence=recording.fluorescence.select_neurons(kept))
    return chosen
