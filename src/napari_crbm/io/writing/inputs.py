"""An input is never an output."""

from __future__ import annotations

from pathlib import Path

from napari_crbm.errors import FormatError
from napari_crbm.io.safety.replacing import same_file
from napari_crbm.recording import Recording


def refuse_source(path: str | Path, recording: Recording) -> None:
    """Raise an error if a file is the one that a recording was read from."""
    if recording.source is not None and same_file(path, recording.source.path):
        raise FormatError(
            f"{Path(path).name} is the file that this recording was read from, which is never "
            "overwritten: choose another name."
        )
