"""Checkpoints of a training: nested dictionaries in HDF5, exact to the bit, without pickle.

A dictionary is a group, an array a dataset of the same dtype. Everything else (text,
numbers, None, lists of these) is a scalar dataset of JSON, whose floats are exact.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from napari_crbm.errors import FormatError, ModelError
from napari_crbm.io.reading import hdf5

_DICT, _LIST, _JSON, _ARRAY = "dict", "list", "json", "array"


def save_checkpoint(state: Mapping[str, Any], path: str | Path, kind: str = "checkpoint") -> Path:
    """Write the state of a training (`Training.checkpoint`) and return its path.

    Parameters
    ----------
    state : mapping
    path : path
    kind : {"checkpoint", "temporal-checkpoint"}
        Kind of the file; the latter of a `TemporalTraining`.

    Raises
    ------
    ModelError
        If it holds something other than arrays of numbers, text, numbers, None,
        lists and dictionaries of these.
    FormatError
        If the file cannot be written.
    """
    path = Path(path)
    with hdf5.writing(path, kind) as file:
        _write_items(file.create_group("state", track_order=True), state.items())
    return path


def load_checkpoint(path: str | Path, kind: str = "checkpoint") -> dict[str, Any]:
    """Read what `save_checkpoint` wrote; tuples come back as lists.

    Parameters
    ----------
    path : path
    kind : {"checkpoint", "temporal-checkpoint"}

    Raises
    ------
    FormatError
        If the file cannot be read, is not a checkpoint, or is of another version.
    """
    with hdf5.reading(path) as file:
        hdf5.require_kind(file, kind)
        state = file.get("state")
        if not isinstance(state, h5py.Group):
            raise FormatError(f"{hdf5.file_name(file)} lacks the group '/state'.")
        return {key: _read(state[key]) for key in state}


def _write_items(group: h5py.Group, items: Iterable[tuple[str, Any]]) -> None:
    for key, value in items:
        if not isinstance(key, str) or key in ("", ".", "..") or "/" in key:
            raise ModelError(f"A checkpoint cannot hold the key {key!r} in '{group.name}'.")
        _write(group, key, value)


def _write(group: h5py.Group, key: str, value: Any) -> None:
    if isinstance(value, Mapping):
        item = group.create_group(key, track_order=True)
        item.attrs["type"] = _DICT
        _write_items(item, value.items())
    elif isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "biufc":
        group.create_dataset(key, data=value).attrs["type"] = _ARRAY
    elif _is_plain(value):
        item = group.create_dataset(key, data=json.dumps(value), dtype=h5py.string_dtype())
        item.attrs["type"] = _JSON
    elif isinstance(value, list | tuple):
        item = group.create_group(key, track_order=True)
        item.attrs["type"] = _LIST
        _write_items(item, ((str(index), entry) for index, entry in enumerate(value)))
    else:
        raise ModelError(
            f"A checkpoint cannot hold '{group.name}/{key}' of type {type(value).__name__}."
        )


def _read(item: h5py.Group | h5py.Dataset) -> Any:
    kind = hdf5.attribute(item, "type")
    if kind == _DICT and isinstance(item, h5py.Group):
        return {key: _read(item[key]) for key in item}
    if kind == _LIST and isinstance(item, h5py.Group):
        return [_read(item[key]) for key in item]
    if kind == _ARRAY and isinstance(item, h5py.Dataset):
        return item[()]
    if kind == _JSON and isinstance(item, h5py.Dataset):
        return hdf5.parsed_json(item.asstr()[()], object, f"Item '{item.name}'", item)
    raise FormatError(
        f"Item '{item.name}' of checkpoint {hdf5.file_name(item)} is of unknown type '{kind}'."
    )


def _is_plain(value: object) -> bool:
    if isinstance(value, np.generic):
        return False
    if isinstance(value, list | tuple):
        return all(_is_plain(entry) for entry in value)
    return value is None or isinstance(value, str | int | float)
