"""Open a model together with the recording it was trained on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_crbm.cli.console import warn
from napari_crbm.errors import ModelError

if TYPE_CHECKING:
    from napari_crbm.model import CRBM
    from napari_crbm.recording import Recording
    from napari_crbm.simulation import GroundTruth


def open_pair(
    model_path: Path,
    recording_path: Path,
    opening: Mapping[str, Any] | None = None,
    definition: Mapping[str, Any] | None = None,
) -> tuple[CRBM, Recording]:
    """Load a model and its recording, and check that they fit.

    If the model was trained without neurons that lie in no region, those are left
    out of the recording too. ``opening`` are options of `open_recording`, ``definition`` is that
    of the members (see `napari_crbm.cli.members`).

    Raises
    ------
    ModelError
        If the recording has another number of neurons than the model.
    """
    from napari_crbm.analysis import find_missing_members
    from napari_crbm.io import load_model, open_recording

    model = load_model(model_path)
    recording = open_recording(recording_path, **(opening or {}))
    if model.n_neurons != recording.n_neurons and recording.regions is not None:
        labelled = recording.regions.labelled
        if model.n_neurons == np.count_nonzero(labelled):
            recording = recording.select_neurons(labelled, why="in a region, as the model's")
    if model.n_neurons != recording.n_neurons:
        raise ModelError(
            f"{model_path} was trained on {model.n_neurons:,} neurons, {recording_path} has "
            f"{recording.n_neurons:,}: give the recording the model was trained on."
        )
    if model.recording_fingerprint_ not in (None, recording.spikes.fingerprint):
        warn(
            f"{model_path} was trained on another recording than {recording_path}, or on other "
            "spikes of it. The results mix the two."
        )
    return find_missing_members(model, recording, **(definition or {})), recording


def truth_of(recording_path: Path) -> GroundTruth | None:
    """Return the truth of a simulated recording, None for any other file."""
    from napari_crbm.io.registry import own_kind
    from napari_crbm.simulation import load_truth

    if recording_path.is_dir() or own_kind(recording_path) is None:
        return None
    return load_truth(recording_path)
