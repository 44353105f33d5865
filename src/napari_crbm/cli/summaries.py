"""Summaries of the kinds of files, for ``napari-crbm info``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any


def of_recording(path: Path, options: dict[str, Any]) -> dict[str, Any]:
    """Summarise a recording that is opened with the given options."""
    import numpy as np

    from napari_crbm.analysis import recording_health
    from napari_crbm.io import open_recording

    recording = open_recording(path, **options)
    extent = (
        np.ptp(recording.positions[recording.located], axis=0)
        if recording.located.any()
        else np.full(3, np.nan)
    )
    interval = recording.frame_interval_s
    return {
        "name": recording.name,
        "neurons": recording.n_neurons,
        "frames": recording.n_frames,
        "duration_s": recording.duration_s,
        # Times are decimal fractions, whose differences carry rounding errors.
        "frame_rate_hz": float(f"{1 / interval:.9g}") if interval else None,
        "segments": [
            {
                "frames": stop - start,
                "start_s": float(recording.times[start]),
                "end_s": float(recording.times[stop - 1]),
            }
            for start, stop in recording.segments
        ],
        "mean_activity": recording.spikes.rate,
        "silent_neurons": int((recording.spikes.neuron_counts == 0).sum()),
        "extent_x_um": float(extent[2]),
        "extent_y_um": float(extent[1]),
        "extent_z_um": float(extent[0]),
        "neurons_without_position": int((~recording.located).sum()),
        "health": recording_health(recording).as_dict(),
        "fluorescence": recording.fluorescence is not None,
        "traces": list(recording.traces),
        "regions": {}
        if recording.regions is None
        else dict(zip(recording.regions.names, recording.regions.counts.tolist(), strict=True)),
        "provenance": [
            {"name": step.name, "parameters": dict(step.parameters)}
            for step in recording.provenance
        ],
        "fingerprint": recording.fingerprint,
        "activity_fingerprint": recording.spikes.fingerprint,
    }


def of_model(path: Path) -> dict[str, Any]:
    """Summarise a trained model."""
    import numpy as np

    from napari_crbm.io import load_model

    model = load_model(path)
    history = model.history_
    return {
        "neurons": model.n_neurons,
        "assemblies": model.n_assemblies,
        "zero_weights": float(np.mean(model.weights_ == 0)),
        "updates": int(history["update"][-1]) if "update" in history else None,
        "training_time_s": float(history["elapsed_s"][-1]) if "elapsed_s" in history else None,
        "settings": None if model.settings_ is None else model.settings_.as_dict(),
        "recording_fingerprint": model.recording_fingerprint_,
        "versions": model.versions_,
    }


def of_temporal_model(path: Path) -> dict[str, Any]:
    """Summarise a temporal model."""
    from napari_crbm.io import load_temporal

    model = load_temporal(path)
    return {
        "neurons": model.n_neurons,
        "assemblies": model.n_assemblies,
        "couplings": model.n_couplings,
        "longest_lag_s": model.n_lags * model.frame_interval_s,
        "settings": model.settings.as_dict(),
        "recording_fingerprint": model.recording_fingerprint,
        "versions": dict(model.versions),
    }


def of_checkpoint(path: Path, kind: str = "checkpoint") -> dict[str, Any]:
    """Summarise the state of a training, whatever version of the program wrote it."""
    from napari_crbm.io import load_checkpoint

    state = load_checkpoint(path, kind)
    return {
        "version": state.get("version"),
        "updates": state.get("update", state.get("passes")),
        "training_time_s": state.get("elapsed_s"),
        "settings": state.get("settings"),
        "recording_fingerprint": state.get("fingerprint"),
    }


def of_temporal_checkpoint(path: Path) -> dict[str, Any]:
    """Summarise the state of the training of a temporal model."""
    return of_checkpoint(path, "temporal-checkpoint")


def of_project(path: Path) -> dict[str, Any]:
    """Summarise a project: its animals, and the region maps of each."""
    from napari_crbm.connectome.project import load_project

    animals = load_project(path)
    return {
        "animals": len(animals),
        "maps": {
            name: [f"{key} ({len(each.names)} regions)" for key, each in animal.maps.items()]
            for name, animal in animals.items()
        },
    }


#: Functions that summarise files other than recordings, by kind.
OTHER_FILES: dict[str, Callable[[Path], dict[str, Any]]] = {
    "model": of_model,
    "temporal-model": of_temporal_model,
    "checkpoint": of_checkpoint,
    "temporal-checkpoint": of_temporal_checkpoint,
    "project": of_project,
}
