"""Reader contribution for napari: a recording becomes a Points layer of its neurons."""

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
from napari_crbm.schematic import place_neurons
from napari_crbm.viewer.opening.suffixes import is_layer, may_read

LayerTuple = tuple[Any, dict[str, Any], str]

# Tells napari that the file was read and adds no layer.
_NOTHING: list[Any] = [(None,)]


def get_reader(
    path: str | Sequence[str],
) -> Callable[[str | Sequence[str]], list[LayerTuple]] | None:
    """Accept files and folders that hold a recording, or arrays that may be one.

    With an open viewer all other files are accepted too: when the user has chosen this reader,
    napari tries no other, and the plugin must say why a file cannot be opened. Points and shapes
    that napari has written are left to it.
    """
    import napari

    if isinstance(path, str) and is_layer(Path(path)):
        return None
    if napari.current_viewer() is not None:
        return read_or_say
    return read_or_say if isinstance(path, str) and _is_ours(path) else None


def _is_ours(path: str) -> bool:
    from napari_crbm.io import read_kind

    try:
        kind = read_kind(path) if may_read(Path(path)) else ""
    except UnknownLayout:
        return True
    except FormatError:
        return False
    return kind == "model" or kind.endswith("recording")


def read_or_say(path: str | Sequence[str]) -> list[LayerTuple]:
    """Read a recording or a model; show errors in the current viewer.

    Raises
    ------
    CRBMError
        If the file cannot be used and there is no viewer to show the message.
    """
    import napari

    from napari_crbm.viewer.parts.notices import show_error

    try:
        if not isinstance(path, str):
            if len(path) != 1:
                raise FormatError("Open one recording at a time; it may be a file or a folder.")
            path = path[0]
        return _read(path)
    except CRBMError as error:
        if napari.current_viewer() is None:
            raise
        show_error(str(error))
        return _NOTHING


def _read(path: str) -> list[LayerTuple]:
    from napari_crbm.io import read_kind

    try:
        kind = read_kind(path)
    except UnknownLayout:
        kind = "recording"
    return open_model(path) if kind == "model" else read_recording(path)


def open_model(path: str | Sequence[str]) -> list[LayerTuple]:
    """Pass a dropped model to the current viewer, which shows it with its recording."""
    import napari

    from napari_crbm.viewer.home import home_of

    viewer = napari.current_viewer()
    if viewer is not None:
        home_of(viewer).opening.open_file(path if isinstance(path, str) else path[0])
    return _NOTHING


def read_recording(path: str | Sequence[str]) -> list[LayerTuple]:
    """Return one Points layer of all neurons, with the recording in its metadata.

    A file of unknown layout adds no layer: the viewer shows the mapping dialog and opens the
    file afterwards.

    Raises
    ------
    CRBMError
        If the file cannot be used; napari shows the message.
    """
    from napari_crbm.io import open_recording
    from napari_crbm.viewer.layers.neurons import points_arguments

    path = path if isinstance(path, str) else path[0]
    try:
        recording = open_recording(path)
    except (UnknownLayout, RecordingError, SeveralRecordings) as error:
        if not _asked(Path(path), error):
            raise
        return _NOTHING
    return [(place_neurons(recording).points, points_arguments(recording), "points")]


def _asked(path: Path, why: CRBMError) -> bool:
    """Open the mapping dialog in the current viewer; return whether that was possible."""
    import napari

    from napari_crbm.viewer.home import home_of
    from napari_crbm.viewer.opening.mapping import can_ask, reason_to_ask

    viewer = napari.current_viewer()
    if viewer is not None and isinstance(why, SeveralRecordings):
        home_of(viewer).opening.open_file(path)
        return True
    if viewer is None or not can_ask(path):
        return False
    home_of(viewer).opening.map_file(path, reason_to_ask(why))
    return True
