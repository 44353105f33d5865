"""Files in and out: recordings, models and checkpoints, all HDF5 and never executed."""

from napari_crbm.io.checkpoints import load_checkpoint, save_checkpoint
from napari_crbm.io.fishualizer import save_weights
from napari_crbm.io.models import (
    load_model,
    save_model,
    store_reproducibility,
)
from napari_crbm.io.native import RecordingWriter, save_recording
from napari_crbm.io.nwb_export import save_nwb
from napari_crbm.io.profile import Profile, load_profile, save_profile
from napari_crbm.io.registry import open_recording, read_kind

__all__ = [
    "Profile",
    "RecordingWriter",
    "load_checkpoint",
    "load_model",
    "load_profile",
    "open_recording",
    "read_kind",
    "save_checkpoint",
    "save_model",
    "save_nwb",
    "save_profile",
    "save_recording",
    "save_weights",
    "store_reproducibility",
]
