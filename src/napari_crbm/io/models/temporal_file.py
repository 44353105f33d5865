"""Files of temporal models: the model without time, its couplings, and how they were found.

Layout (attributes ``format="napari-crbm"``, ``version=1``, ``kind="temporal-model"``)::

    weights     (N, M) float32      fields, driven_fields   (N,) float32
    hidden/     gamma_plus, gamma_minus, theta_plus, theta_minus   (M,) float64
    functions   (B, L) float64      couplings   (B, M, M) float64: function, target, source
    shift, centre, scale   (M,) float64
    history/    one (rows,) array for each column
    split/      train, validation, test: frame indices

where ``fields`` are those of the model without time and ``driven_fields`` those given the past,
and the attributes ``frame_interval_s``, ``settings`` and ``versions`` (JSON) and
``recording_fingerprint`` (of the spikes trained on). Reading a file executes nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import FormatError, ModelError
from napari_crbm.io.reading import hdf5
from napari_crbm.model import RBM, DReLU
from napari_crbm.temporal import TemporalModel, TemporalSettings

#: Kinds of the files of models and of interrupted trainings.
KIND, CHECKPOINT_KIND = "temporal-model", "temporal-checkpoint"


def save_temporal(model: TemporalModel, path: str | Path) -> Path:
    """Write a temporal model and return its path.

    Raises
    ------
    FormatError
        If the file cannot be written, or would replace one of another kind.
    """
    path, rbm = Path(path), model.rbm
    with hdf5.writing(path, KIND) as file:
        file.create_dataset(
            "weights", data=rbm.weights, compression="gzip", compression_opts=1, shuffle=True
        )
        file["fields"] = rbm.fields
        file["driven_fields"] = model.fields
        for name in ("functions", "couplings", "shift", "centre", "scale"):
            file[name] = getattr(model, name)
        for group, arrays in (
            ("hidden", rbm.hidden._asdict()),
            ("history", model.history),
            ("split", model.split),
        ):
            for name, values in arrays.items():
                file[f"{group}/{name}"] = values
        file.attrs["frame_interval_s"] = model.frame_interval_s
        hdf5.write_json(file, "settings", model.settings.as_dict())
        hdf5.write_json(file, "versions", dict(model.versions))
        if model.recording_fingerprint is not None:
            file.attrs["recording_fingerprint"] = model.recording_fingerprint
    return path


def load_temporal(path: str | Path) -> TemporalModel:
    """Read a temporal model.

    Raises
    ------
    FormatError
        If the file cannot be read, is not a temporal model, or is of another version.
    ModelError
        If parameters are missing, of the wrong shape or not finite.
    """
    path = Path(path)
    with hdf5.reading(path) as file:
        hdf5.require_kind(file, KIND)
        weights, fields = hdf5.numbers(file, "weights", 2), hdf5.numbers(file, "fields", 1)
        hidden = DReLU(*(hdf5.numbers(file, f"hidden/{name}", 1) for name in DReLU._fields))
        driven = hdf5.numbers(file, "driven_fields", 1).astype(np.float32)
        functions = hdf5.numbers(file, "functions", 2).astype(np.float64)
        couplings = hdf5.numbers(file, "couplings", 3).astype(np.float64)
        shift, centre, scale = (
            hdf5.numbers(file, name, 1).astype(np.float64) for name in ("shift", "centre", "scale")
        )
        history, split = _group(file, "history"), _group(file, "split")
        interval = file.attrs.get("frame_interval_s")
        if not isinstance(interval, (int, float, np.number)) or not interval > 0:
            raise FormatError(
                f"Attribute 'frame_interval_s' of {path.name} must be a positive number; found "
                f"{interval}."
            )
        settings = _settings(file)
        versions = hdf5.read_json(file, "versions", dict) or {}
        fingerprint = file.attrs.get("recording_fingerprint")
    try:
        return TemporalModel(
            RBM.from_parameters(weights, fields, hidden),
            functions,
            couplings,
            shift,
            driven,
            centre,
            scale,
            float(interval),
            settings,
            history,
            split,
            None if fingerprint is None else str(fingerprint),
            versions,
        )
    except ModelError as error:
        raise ModelError(f"{path.name}: {error}") from error


def _group(file: h5py.File, name: str) -> dict[str, NDArray[Any]]:
    if not isinstance(file.get(name), h5py.Group):
        return {}
    return {key: hdf5.numbers(file, f"{name}/{key}", 1) for key in file[name]}


def _settings(file: h5py.File) -> TemporalSettings:
    stored = hdf5.read_json(file, "settings", dict) or {}
    try:
        return TemporalSettings(**stored)
    except (TypeError, ModelError) as error:
        raise FormatError(
            f"{hdf5.file_name(file)} holds settings this program does not know: {error}"
        ) from error
