"""Model files: parameters, settings, training history and split, library versions.

Layout (attributes ``format="napari-crbm"``, ``version=1``, ``kind="model"``)::

    weights     (N, M) float32      fields   (N,) float32
    hidden/     gamma_plus, gamma_minus, theta_plus, theta_minus   (M,) float64
    history/    one (rows,) array for each training statistic
    split/      train, test: frame indices
    stability   (M,) float64, optional: likeness of every assembly to its partners in
                other trainings, 0 to 1
    halves/     similarity, chance, q, found (M,) float64, optional: whether both halves of the
                recording show every assembly
    members/    indptr (M + 1,), neurons, association float32, optional: members of assembly m
                are the entries indptr[m] to indptr[m + 1] - 1
    labels      (1,) text, optional: names, stars, tags, notes and colours of assemblies, and groups
                of neurons (JSON, see `napari_crbm.labels.Labels.as_dict`)

and the attributes ``settings`` and ``versions`` (JSON), ``recording_fingerprint`` (of the
spikes trained on) and ``recording_name``. Reading a model executes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from napari_crbm.errors import FormatError, LabelError, ModelError
from napari_crbm.io.models import fishualizer_weights, larbm, reference_pickle
from napari_crbm.io.reading import hdf5
from napari_crbm.io.reading.sources import container_of
from napari_crbm.io.safety import guard
from napari_crbm.labels import Labels
from napari_crbm.model import CRBM, DReLU, Settings
from napari_crbm.model.estimator import check_halves, check_stability
from napari_crbm.model.members.members import Members
from napari_crbm.recording import Recording


def save_model(model: CRBM, path: str | Path, recording: Recording | None = None) -> Path:
    """Write a fitted model and return its path.

    Parameters
    ----------
    model : CRBM
    path : path
    recording : Recording, optional
        What it was trained on; its name is kept with the model.

    Raises
    ------
    ModelError
        If the model is not trained, or was trained on another recording.
    FormatError
        If the file cannot be written.
    """
    path, fingerprint = Path(path), model.recording_fingerprint_ if model.n_neurons else None
    if recording is not None:
        if model.n_neurons != recording.n_neurons:
            raise ModelError(
                f"The model has {model.n_neurons:,} neurons, recording '{recording.name}' "
                f"{recording.n_neurons:,}: it was trained on another one."
            )
        fingerprint = fingerprint or recording.spikes.fingerprint
    with hdf5.writing(path, "model") as file:
        file.create_dataset(
            "weights", data=model.weights_, compression="gzip", compression_opts=1, shuffle=True
        )
        file["fields"] = model.fields_
        if model.stability_ is not None:
            file["stability"] = model.stability_
        if model.members_ is not None and model.members_.definition == "association":
            _write_members(file, model.members_)
        if model.labels_:
            file["labels"] = [json.dumps(model.labels_.as_dict())]
        for group, arrays in (
            ("hidden", model.hidden_._asdict()),
            ("history", model.history_),
            ("split", model.split_ or {}),
            ("halves", model.halves_ or {}),
        ):
            for name, values in arrays.items():
                file[f"{group}/{name}"] = values
        settings = model.settings_
        hdf5.write_json(file, "settings", None if settings is None else settings.as_dict())
        hdf5.write_json(file, "versions", model.versions_)
        if fingerprint is not None:
            file.attrs["recording_fingerprint"] = fingerprint
        if recording is not None:
            file.attrs["recording_name"] = recording.name
    return path


def is_foreign(path: Path) -> bool:
    """Return whether a file is a trained model of another program.

    Raises
    ------
    FormatError
        If it is an HDF5 file that cannot be read.
    """
    guard.require_ordinary(path)
    if reference_pickle.can_read(path):
        return True
    if container_of(path) != "hdf5":
        return False
    with hdf5.reading(path) as file:
        return fishualizer_weights.can_read(file) or larbm.can_read(file)


def load_model(path: str | Path) -> CRBM:
    """Read a model file, ours or another program's.

    Those of the reference implementation (`io.models.reference_pickle`), weights exported for
    Fishualizer (`io.models.fishualizer_weights`), and models of BrainRBMjulia (`io.models.larbm`).

    Raises
    ------
    FormatError
        If the file cannot be read, is not a model, or is of another version.
    ModelError
        If parameters are missing, of the wrong shape or not finite.
    """
    path = Path(path)
    guard.require_ordinary(path)
    if reference_pickle.can_read(path):
        return reference_pickle.read(path)
    with hdf5.reading(path) as file:
        if fishualizer_weights.can_read(file):
            return fishualizer_weights.read(file, path)
        if larbm.can_read(file):
            return larbm.read(file, path)
        hdf5.require_kind(file, "model")
        weights, fields = hdf5.numbers(file, "weights", 2), hdf5.numbers(file, "fields", 1)
        hidden = DReLU(*(hdf5.numbers(file, f"hidden/{name}", 1) for name in DReLU._fields))
        # "reproducibility" in files of version 0.1.
        name = next((each for each in ("stability", "reproducibility") if each in file), None)
        known = None if name is None else hdf5.numbers(file, name, 1)
        members = _members(file, weights.shape) if "members" in file else None
        labels = _labels(file)
        history = _group(file, "history")
        split, halves = _group(file, "split"), _group(file, "halves")
        settings = _settings(file)
        versions = hdf5.read_json(file, "versions", dict)
        fingerprint = file.attrs.get("recording_fingerprint")
    try:
        return CRBM.from_parameters(
            weights,
            fields,
            hidden,
            settings=settings,
            history=history,
            split=split or None,
            recording_fingerprint=None if fingerprint is None else str(fingerprint),
            stability=known,
            halves=halves or None,
            members=members,
            labels=labels,
            versions=versions,
        )
    except LabelError as error:
        raise FormatError(
            f"{path.name}: {error} Delete the dataset '/labels' of the file."
        ) from error
    except ModelError as error:
        raise ModelError(f"{path.name}: {error}") from error


def _labels(file: h5py.File) -> Labels | None:
    """Read the labels; None if the file has none."""
    if "labels" not in file:
        return None
    text = hdf5.strings(hdf5.require(file, "labels", 1))[0]
    values = hdf5.parsed_json(text, dict, "Dataset 'labels'", file)
    try:
        return None if values is None else Labels.from_dict(values)
    except LabelError as error:
        raise FormatError(f"Dataset 'labels' of {hdf5.file_name(file)}: {error}") from error


def store_stability(path: str | Path, values: NDArray[np.floating]) -> Path:
    """Add the stability of every assembly, (M,) in 0 to 1, to a model file.

    The file is rewritten; everything else in it is kept.

    Raises
    ------
    FormatError
        If the file cannot be read or written, or is not a model.
    ModelError
        If there is not one number from 0 to 1 an assembly.
    """

    def add(target: h5py.File, n_units: int) -> None:
        check_stability(values, n_units)
        target["stability"] = np.asarray(values, dtype=np.float64)

    # "reproducibility" in files of version 0.1.
    return _with(path, ("stability", "reproducibility"), add)


def store_halves(path: str | Path, halves: Mapping[str, NDArray[np.floating]]) -> Path:
    """Store the result of training on two halves of the recording in a model file.

    The file is rewritten; everything else in it is kept.

    Parameters
    ----------
    path : path
    halves : mapping of str to (M,) float
        `napari_crbm.analysis.Reproducibility.arrays`.

    Raises
    ------
    FormatError
        If the file cannot be read or written, or is not a model.
    ModelError
        If an array does not have one number per assembly.
    """

    def add(target: h5py.File, n_units: int) -> None:
        check_halves(halves, n_units)
        for name, values in halves.items():
            target[f"halves/{name}"] = np.asarray(values, dtype=np.float64)

    return _with(path, ("halves",), add)


def store_labels(path: str | Path, labels: Labels) -> Path:
    """Replace the labels in a model file, and return its path.

    The file is rewritten; everything else in it is kept.

    Raises
    ------
    FormatError
        If the file cannot be read or written, or is not a model.
    LabelError
        If a label is of an assembly or neuron that does not exist.
    """

    def add(target: h5py.File, n_units: int) -> None:
        labels.check(n_units, n_neurons)
        if labels:
            target["labels"] = [json.dumps(labels.as_dict())]

    with hdf5.reading(path) as file:
        hdf5.require_kind(file, "model")
        n_neurons = hdf5.require(file, "fields", 1).shape[0]
    return _with(path, ("labels",), add)


def _with(
    path: str | Path, replaced: tuple[str, ...], add: Callable[[h5py.File, int], None]
) -> Path:
    """Rewrite a model file without some items, and add others."""
    path = Path(path)
    with hdf5.writing(path, "model") as target, hdf5.reading(path) as source:
        hdf5.require_kind(source, "model")
        try:
            add(target, hdf5.require(source, "weights", 2).shape[1])
        except ModelError as error:
            raise ModelError(f"{path.name}: {error}") from error
        for name in source:
            if name not in replaced:
                source.copy(name, target)
        target.attrs.update(source.attrs)
    return path


def _write_members(file: h5py.File, members: Members) -> None:
    strength = members.strength
    group = file.create_group("members")
    group["indptr"] = strength.indptr.astype(np.int64)
    for name, values in (
        ("neurons", strength.indices.astype(np.int32)),
        ("association", strength.data.astype(np.float32)),
    ):
        group.create_dataset(name, data=values, compression="gzip", compression_opts=1)


def _members(file: h5py.File, shape: tuple[int, int]) -> Members:
    """Read the members by association.

    Raises
    ------
    FormatError
        If they do not fit the number of neurons and assemblies of the model.
    """
    parts = _group(file, "members")
    try:
        indptr, neurons = (parts[name].astype(np.int64) for name in ("indptr", "neurons"))
        strength = sparse.csc_array(
            (parts["association"].astype(np.float32), neurons, indptr), shape=shape
        )
        strength.check_format()
    except (KeyError, ValueError) as error:
        raise FormatError(
            f"'/members' of {hdf5.file_name(file)} does not list members of {shape[0]:,} neurons "
            f"in {shape[1]} assemblies: {error}. Delete this group, and the members will be found "
            "again."
        ) from error
    return Members(strength, "association")


def _group(file: h5py.File, name: str) -> dict[str, NDArray[Any]]:
    if name not in file:
        return {}
    if not isinstance(file[name], h5py.Group):
        raise FormatError(f"'/{name}' of {hdf5.file_name(file)} is a dataset; a group is needed.")
    return {key: hdf5.numbers(file, f"{name}/{key}", 1) for key in file[name]}


def _settings(file: h5py.File) -> Settings | None:
    stored = hdf5.read_json(file, "settings", dict)
    if stored is None:
        return None
    try:
        return Settings.restored(stored)
    except (TypeError, ModelError) as error:
        raise FormatError(
            f"{hdf5.file_name(file)} holds training settings this program does not know: {error}"
        ) from error
