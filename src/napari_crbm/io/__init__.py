"""Read and write recordings, models, checkpoints and profiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_crbm.lazy import lazy_names

if TYPE_CHECKING:
    from napari_crbm.io.models.checkpoints import load_checkpoint, save_checkpoint
    from napari_crbm.io.models.fishualizer_weights import save_weights
    from napari_crbm.io.models.model_file import (
        load_model,
        save_model,
        store_halves,
        store_labels,
        store_stability,
    )
    from napari_crbm.io.models.temporal_file import load_temporal, save_temporal
    from napari_crbm.io.reading.course_tables import course_columns, read_course, read_events
    from napari_crbm.io.registry import open_recording, read_kind
    from napari_crbm.io.unknown.profile import Profile
    from napari_crbm.io.unknown.profile_files import load_profile, save_profile
    from napari_crbm.io.writing.nwb import save_nwb
    from napari_crbm.io.writing.recording import RecordingWriter, save_recording

_HOMES = {
    "models.checkpoints": (
        "load_checkpoint",
        "save_checkpoint",
    ),
    "models.fishualizer_weights": ("save_weights",),
    "models.model_file": (
        "load_model",
        "save_model",
        "store_halves",
        "store_labels",
        "store_stability",
    ),
    "models.temporal_file": ("load_temporal", "save_temporal"),
    "reading.course_tables": (
        "course_columns",
        "read_course",
        "read_events",
    ),
    "registry": (
        "open_recording",
        "read_kind",
    ),
    "unknown.profile": ("Profile",),
    "unknown.profile_files": (
        "load_profile",
        "save_profile",
    ),
    "writing.nwb": ("save_nwb",),
    "writing.recording": (
        "RecordingWriter",
        "save_recording",
    ),
}

__all__ = [
    "Profile",
    "RecordingWriter",
    "course_columns",
    "load_checkpoint",
    "load_model",
    "load_profile",
    "load_temporal",
    "open_recording",
    "read_course",
    "read_events",
    "read_kind",
    "save_checkpoint",
    "save_model",
    "save_nwb",
    "save_profile",
    "save_recording",
    "save_temporal",
    "save_weights",
    "store_halves",
    "store_labels",
    "store_stability",
]

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
