"""Recordings in this program's own format: one bit per neuron and frame.

Layout (attributes ``format="napari-crbm"``, ``version=1``, ``kind="recording"``)::

    spikes              (T, ceil(N / 8)) uint8, least significant bit first; n_neurons
    coordinates         (N, 3) float32, optional; axes="z,y,x", unit="micrometre"; rows of
                        NaN for neurons whose position is not known
    times_s             (T,) float64; attribute boundaries, optional: first frames of
                        further sessions or conditions
    regions/            indptr (R + 1,), indices: neurons of each region; names
    traces/             values (K, T) float64; names
    fluorescence        (T, N) float16 or float32, optional

and the attributes ``name``, ``metadata`` and ``provenance`` (the last two as JSON).
"""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from napari_crbm.errors import FormatError, RecordingError
from napari_crbm.io.options import ReadOptions
from napari_crbm.io.reading import hdf5
from napari_crbm.io.reading.labelled import labelled_only
from napari_crbm.io.reading.stored_fluorescence import StoredFluorescence
from napari_crbm.recording import Recording, Step
from napari_crbm.regions import Regions
from napari_crbm.spikes import Spikes


def can_read(file: h5py.File) -> bool:
    """Return whether the open file is a recording of ours."""
    return hdf5.kind_of(file) == "recording"


def read(file: h5py.File, path: Path, options: ReadOptions) -> Recording:
    """Read an open recording of this format; the fluorescence stays in the file."""
    foreign = set(options.given()) - {"keep_unlabelled"}
    if foreign:
        raise RecordingError(
            f"The option '{sorted(foreign)[0]}' is for recordings of other programs; a "
            f"{hdf5.FORMAT} file says this itself. Leave it out"
            + ("; to detect events anew, preprocess the file." if "binarise" in foreign else ".")
        )
    spikes = _read_spikes(file)
    recording = Recording(
        coordinates=_read_coordinates(file),
        spikes=spikes,
        times=hdf5.numbers(file, "times_s", 1),
        boundaries=_read_boundaries(file),
        name=str(file.attrs.get("name", path.stem)),
        regions=_read_regions(file, spikes.n_neurons),
        fluorescence=_stored_fluorescence(file, path),
        traces=_read_traces(file),
        metadata=hdf5.read_json(file, "metadata", dict) or {},
        provenance=(
            *_read_provenance(file),
            Step("open", {"file": path.name, "format": hdf5.FORMAT}),
        ),
    )
    return recording if options.keep_unlabelled else labelled_only(recording)


def _read_spikes(file: h5py.File) -> Spikes:
    stored = hdf5.require(file, "spikes", 2)
    n_neurons = stored.attrs.get("n_neurons")
    whole = np.size(n_neurons) == 1 and np.asarray(n_neurons).dtype.kind in "iu"
    if not whole or stored.dtype != np.uint8:
        raise FormatError(
            f"Dataset '/spikes' of {hdf5.file_name(file)} must hold packed bits (uint8) and "
            f"say how many neurons they are for (n_neurons); found {stored.dtype}."
        )
    return Spikes(stored[()], int(np.ravel(n_neurons)[0]))


def _read_boundaries(file: h5py.File) -> tuple[int, ...]:
    stored = file["times_s"].attrs.get("boundaries")
    if stored is None:
        return ()
    frames = np.ravel(stored)
    if frames.dtype.kind not in "iu":
        raise FormatError(
            f"Attribute 'boundaries' of '/times_s' in {hdf5.file_name(file)} must hold frames; "
            f"found {frames.dtype}."
        )
    return tuple(int(frame) for frame in frames)


def _read_provenance(file: h5py.File) -> list[Step]:
    steps = hdf5.read_json(file, "provenance", list) or []
    try:
        return [Step(str(name), dict(parameters)) for name, parameters in steps]
    except (TypeError, ValueError) as error:
        raise FormatError(
            f"Attribute 'provenance' of {hdf5.file_name(file)} must hold steps, each a name with "
            "its parameters."
        ) from error


def _read_coordinates(file: h5py.File) -> NDArray[np.float32] | None:
    if "coordinates" not in file:
        return None
    stored = hdf5.require(file, "coordinates", 2)
    axes, unit = (hdf5.attribute(stored, name) for name in ("axes", "unit"))
    if axes != "z,y,x" or unit != "micrometre":
        raise FormatError(
            f"Dataset '/coordinates' of {hdf5.file_name(file)} must have axes 'z,y,x' in "
            f"'micrometre'; found axes '{axes}' in '{unit}'."
        )
    return np.asarray(stored[()], dtype=np.float32)


def _read_regions(file: h5py.File, n_neurons: int) -> Regions | None:
    if "regions" not in file:
        return None
    group = file["regions"]
    indptr = hdf5.numbers(group, "indptr", 1)
    indices = hdf5.numbers(group, "indices", 1)
    names = hdf5.strings(hdf5.require(group, "names", 1))
    try:
        matrix = sparse.csc_array(
            (np.ones(len(indices), dtype=bool), indices, indptr), shape=(n_neurons, len(names))
        )
        matrix.check_format(full_check=True)
    except ValueError as error:
        raise FormatError(
            f"Regions of {hdf5.file_name(file)} contradict themselves: {error}."
        ) from error
    return Regions(matrix, names)


def _read_traces(file: h5py.File) -> dict[str, NDArray[np.float64]]:
    if "traces" not in file:
        return {}
    names = hdf5.strings(hdf5.require(file["traces"], "names", 1))
    values = hdf5.numbers(file["traces"], "values", 2)
    if len(names) != len(values):
        raise FormatError(
            f"{hdf5.file_name(file)} names {len(names)} traces but holds {len(values)}."
        )
    return dict(zip(names, values, strict=True))


def _stored_fluorescence(file: h5py.File, path: Path) -> StoredFluorescence | None:
    if "fluorescence" not in file:
        return None
    stored = hdf5.require(file, "fluorescence", 2)
    return StoredFluorescence(
        path, "fluorescence", stored.shape, stored.dtype, chunks=stored.chunks
    )
