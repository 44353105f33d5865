"""napari's reader: a dropped recording becomes its neurons, and the plugin's recording."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from napari_crbm.errors import (
    CRBMError,
    FormatError,
    RecordingError,
    SeveralRecordings,
    UnknownLayout,
)

_SUFFIXES = (".h5", ".hdf5", ".npz", ".mat", ".npy", ".nwb", ".data", ".pkl", ".pickle")

LayerTuple = tuple[Any, dict[str, Any], str]


def get_reader(
    path: str | Sequence[str],
) -> Callable[[str | Sequence[str]], list[LayerTuple]] | None:
    """Accept files and folders that hold a recording, or arrays that may be one.

    All others are left to other readers.
    """
    if not isinstance(path, str) or not may_read(Path(path)):
        return None
    from napari_crbm.io import read_kind

    try:
        kind = read_kind(path)
    except UnknownLayout:
        return read_recording
    except FormatError:
        return None
    if kind == "model":
        return open_model
    return read_recording if kind.endswith("recording") else None


def may_read(path: Path) -> bool:
    """Whether a path is a folder, or has the name of a file of ours."""
    return path.is_dir() or path.suffix.lower() in _SUFFIXES


def open_model(path: str | Sequence[str]) -> list[LayerTuple]:
    """Hand a dropped model to the current viewer, which shows it with its recording."""
    import napari

    from napari_crbm.viewer.home import home_of

    viewer = napari.current_viewer()
    if viewer is not None:
        home_of(viewer).open_file(path if isinstance(path, str) else path[0])
    return [(None,)]  # type: ignore[list-item]


def read_recording(path: str | Sequence[str]) -> list[LayerTuple]:
    """One Points layer of all neurons; its metadata carries the recording.

    A file whose arrays have to be told apart by a person brings no layer: the viewer
    asks, and opens it then.

    Raises
    ------
    CRBMError
        If the file cannot be used; napari shows the sentence.
    """
    from napari_crbm.io import open_recording
    from napari_crbm.viewer.layers import points_arguments

    path = path if isinstance(path, str) else path[0]
    try:
        recording = open_recording(path)
    except (UnknownLayout, RecordingError, SeveralRecordings) as error:
        if not _asked(Path(path), error):
            raise
        # What napari understands as: read, but nothing to show.
        return [(None,)]  # type: ignore[list-item]
    return [(recording.coordinates, points_arguments(recording), "points")]


def _asked(path: Path, why: CRBMError) -> bool:
    """Let the current viewer ask what is what in a file, if there is one and it can."""
    import napari

    from napari_crbm.viewer.home import home_of
    from napari_crbm.viewer.mapping import can_ask, reason_to_ask

    viewer = napari.current_viewer()
    if viewer is not None and isinstance(why, SeveralRecordings):
        home_of(viewer).open_file(path)
        return True
    if viewer is None or not can_ask(path):
        return False
    home_of(viewer).map_file(path, reason_to_ask(why))
    return True
