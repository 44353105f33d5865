"""Files in and out: recordings, models and checkpoints, all HDF5 and never executed."""

from napari_crbm.io.native import RecordingWriter, save_recording
from napari_crbm.io.registry import open_recording, read_kind

__all__ = ["RecordingWriter", "open_recording", "read_kind", "save_recording"]
