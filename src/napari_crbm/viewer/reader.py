"""napari's reader: a dropped recording becomes its neurons, and the plugin's recording."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from napari_crbm.errors import FormatError

_SUFFIXES = (".h5", ".hdf5", ".npz", ".mat", ".npy")

LayerTuple = tuple[Any, dict[str, Any], str]


def get_reader(
    path: str | Sequence[str],
) -> Callable[[str | Sequence[str]], list[LayerTuple]] | None:
    """Accept files and folders that hold a recording; leave all others to other readers."""
    if not isinstance(path, str):
        return None
    if not Path(path).is_dir() and Path(path).suffix.lower() not in _SUFFIXES:
        return None
    from napari_crbm.io import read_kind

    try:
        kind = read_kind(path)
    except FormatError:
        return None
    return read_recording if kind.endswith("recording") else None


def read_recording(path: str | Sequence[str]) -> list[LayerTuple]:
    """One Points layer of all neurons; its metadata carries the recording.

    Raises
    ------
    CRBMError
        If the file cannot be used; napari shows the sentence.
    """
    from napari_crbm.io import open_recording
    from napari_crbm.viewer.layers import points_arguments

    recording = open_recording(path if isinstance(path, str) else path[0])
    return [(recording.coordinates, points_arguments(recording), "points")]
