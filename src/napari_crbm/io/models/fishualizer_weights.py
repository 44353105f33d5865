"""Weights for Fishualizer: a pandas table in HDF5 with one column per assembly.

The authors of the method write ``DataFrame.to_hdf(path, key="all")`` with columns
``hu_000``, ``hu_001``, ... and a row for every neuron of the recording, zero for those the
model was not trained on. This is pandas' "fixed" layout of PyTables groups, written and
read here with h5py alone. Beside the table our files keep the other parameters in a group
that pandas does not look at, so that the same model comes back.

Group ``napari_crbm_model``: ``neurons`` (N,) rows of the table that the model describes,
``fields`` (N,), and ``gamma_plus, gamma_minus, theta_plus, theta_minus`` (M,).
"""

from __future__ import annotations

import io
import re
import warnings
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import FormatError, ModelError
from napari_crbm.io.reading import hdf5
from napari_crbm.io.safety import safe_pickle
from napari_crbm.io.safety.replacing import sink
from napari_crbm.model import CRBM, DReLU

_COLUMN = re.compile(r"hu_?\d+$")
_KEY, _OURS = "all", "napari_crbm_model"


def can_read(file: h5py.File) -> bool:
    """Return whether the open file holds a pandas table with one column per hidden unit."""
    return _table(file) is not None


def _table(file: h5py.File) -> h5py.Group | None:
    """Find the first group that pandas would read as a table of weights."""
    for group in file.values():
        if not isinstance(group, h5py.Group):
            continue
        kind = _text(group.attrs.get("pandas_type"))
        if kind == "frame" and "axis0" in group:
            if any(_COLUMN.match(name) for name in _names(group["axis0"])):
                return group
        elif kind == "frame_table" and isinstance(group.get("table"), h5py.Dataset):
            names = group["table"].dtype.names or ()
            if any(_COLUMN.match(name) or name.startswith("values_block_") for name in names):
                return group
    return None


def read(file: h5py.File, path: Path) -> CRBM:
    """Read weights, and the other parameters if this program wrote them.

    Without those, hidden units are taken as linear with unit variance: assemblies and
    their members are what they were, their activity is the weighted sum of the spikes.

    Raises
    ------
    FormatError
        If the table cannot be read.
    ModelError
        If parameters are missing, of the wrong shape or not finite.
    """
    group = _table(file)
    assert group is not None
    weights = _weights(group, path)
    versions = {"read from": path.name}
    extra = file.get(_OURS)
    if isinstance(extra, h5py.Group):
        neurons = hdf5.numbers(extra, "neurons", 1).astype(np.int64)
        if len(neurons) and not 0 <= neurons.min() <= neurons.max() < len(weights):
            raise ModelError(f"{path.name} names neuron {neurons.max()} of {len(weights)}.")
        weights = weights[neurons]
        fields = hdf5.numbers(extra, "fields", 1)
        hidden = DReLU(*(hdf5.numbers(extra, name, 1) for name in DReLU._fields))
    else:
        n_hidden = weights.shape[1]
        fields = np.zeros(len(weights), dtype=np.float32)
        hidden = DReLU(*np.ones((2, n_hidden)), *np.zeros((2, n_hidden)))
        versions["holds"] = "weights only"
        warnings.warn(
            f"{path.name} holds weights alone: assemblies and their members are as they were, but "
            "their activity is the weighted sum of the spikes, and what the model says about "
            "statistics means nothing.",
            stacklevel=2,
        )
    try:
        return CRBM.from_parameters(
            np.asarray(weights, dtype=np.float32), fields, hidden, versions=versions
        )
    except ModelError as error:
        raise ModelError(f"{path.name}: {error}") from error


def save_weights(
    model: CRBM,
    path: str | Path,
    neurons: NDArray[np.generic] | None = None,
) -> Path:
    """Write the weights for Fishualizer and `pandas.read_hdf`, and return the path.

    Parameters
    ----------
    model : CRBM
    path : path
        Usually ending in ``.h5``, which Fishualizer asks for.
    neurons : (N_all,) bool, optional
        Which neurons of the recording the model was trained on, such as
        ``recording.regions.labelled``; all others get weights of zero.

    Raises
    ------
    ModelError
        If it was trained on another number of neurons.
    FormatError
        If the file cannot be written.
    """
    kept = np.ones(model.n_neurons, dtype=bool) if neurons is None else np.asarray(neurons)
    if kept.dtype != bool or kept.sum() != model.n_neurons:
        raise ModelError(
            f"{int(np.sum(kept)):,} neurons are marked as the model's, which has "
            f"{model.n_neurons:,}: mark those it was trained on with True."
        )
    weights = np.zeros((len(kept), model.n_assemblies), dtype=np.float32)
    weights[kept] = model.weights_
    digits = max(3, len(str(model.n_assemblies - 1)))
    names = np.array([f"hu_{unit:0{digits}d}" for unit in range(model.n_assemblies)], dtype="S")
    hdf5.refuse_other_kind(path, "a table of weights", can_read)
    with sink(path) as target, hdf5.OutputFile(target) as file:
        _describe(file, "GROUP", "1.0", PYTABLES_FORMAT_VERSION="2.1")
        group = file.create_group(_KEY)
        _describe(
            group,
            "GROUP",
            "1.0",
            pandas_type="frame",
            encoding="UTF-8",
            errors="strict",
            ndim=2,
            nblocks=1,
            axis0_variety="regular",
            axis1_variety="regular",
            block0_items_variety="regular",
        )
        for name, values, about in (
            ("axis0", names, {"kind": "string", "nan_rep": "nan"}),
            ("axis1", np.arange(len(kept)), {"kind": "integer"}),
            ("block0_items", names, {"kind": "string", "nan_rep": "nan"}),
            ("block0_values", weights, {}),
        ):
            stored = group.create_dataset(name, data=values)
            # Values are stored as (neurons, units), which pandas keeps the other way round.
            _describe(stored, "ARRAY", "2.4", FLAVOR="numpy", transposed=np.uint8(1), **about)
        ours = file.create_group(_OURS)
        ours["neurons"] = np.flatnonzero(kept)
        ours["fields"] = model.fields_
        for name, values in model.hidden_._asdict().items():
            ours[name] = values
    return Path(path)


def _describe(item: h5py.Group | h5py.Dataset, what: str, since: str, **more: Any) -> None:
    """Write the attributes by which PyTables recognises an object, as fixed-length text."""
    for name, value in {"CLASS": what, "TITLE": "", "VERSION": since, **more}.items():
        if isinstance(value, str):
            dtype = h5py.string_dtype("utf-8", max(1, len(value)))
            item.attrs.create(name, value.encode(), dtype=dtype)
        else:
            item.attrs[name] = value


def _weights(group: h5py.Group, path: Path) -> NDArray[np.float64]:
    """Weights (neurons, units), units in the order of their numbers."""
    known: dict[str, NDArray[Any]] = {}
    if "table" in group:
        stored = group["table"]
        hdf5.provide_filters([stored])
        rows = stored[()]
        for name in rows.dtype.names or ():
            if _COLUMN.match(name):
                known[name] = rows[name]
            elif name.startswith("values_block_"):
                columns = _pickled_names(stored.attrs.get(f"{name}_kind"), path)
                known |= dict(zip(columns, np.atleast_2d(rows[name].T), strict=False))
    else:
        for block in range(int(group.attrs.get("nblocks", 1))):
            items = _names(hdf5.require(group, f"block{block}_items", 1))
            values = hdf5.require(group, f"block{block}_values", 2)[()]
            if values.shape[1] != len(items) or values.dtype.kind not in "biuf":
                raise FormatError(
                    f"'block{block}_values' of {path.name} must hold numbers in {len(items)} "
                    f"columns; found {values.dtype} of shape {values.shape}."
                )
            known |= dict(zip(items, values.T, strict=True))
    units = sorted(
        (name for name in known if _COLUMN.match(name)), key=lambda name: int(name[2:].strip("_"))
    )
    if not units:
        raise FormatError(f"{path.name} holds a table without columns hu_000, hu_001, ...")
    return np.stack([np.asarray(known[name], dtype=np.float64) for name in units], axis=1)


def _names(stored: Any) -> list[str]:
    """Encode column names as fixed-length text, as pandas does."""
    if not isinstance(stored, h5py.Dataset) or stored.dtype.kind != "S":
        return []
    return [_text(name) for name in stored[()].ravel()]


def _pickled_names(stored: Any, path: Path) -> list[str]:
    """Decode names that pandas stores as a pickled list, without unpickling."""
    if not isinstance(stored, bytes):
        return []
    names = safe_pickle.load(io.BytesIO(stored), path.name)
    return [str(name) for name in names] if isinstance(names, list) else []


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
