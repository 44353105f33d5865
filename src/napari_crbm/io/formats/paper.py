"""Recordings in the layout of the paper's data and of Fishualizer.

The published files (Methods, "Data availability") keep everything in ``/Data/Brain``:
``Coordinates`` and ``ZBrainCoordinates`` (3, N) in millimetres with axes x, y, z,
``Times`` (T, 1), ``Labels`` (294, N) of ZBrain regions, ``Analysis/ThresholdedSpikes``
and ``Analysis/DFF`` (T, N). Fishualizer reads the same fields under other names, in
other groups and transposed; so does this.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from napari_crbm.errors import FieldNotFound, RecordingError, SettingError
from napari_crbm.io.options import ReadOptions
from napari_crbm.io.reading import hdf5
from napari_crbm.io.reading.layout import (
    ALIASES,
    PAPER_GROUP,
    SAMPLED,
    Fields,
    activity_is_neurons_first,
    activity_tiles,
    coordinates_are_transposed,
    could_be_positions,
    find_fields,
    neurons_first_without_positions,
    tiles,
    without_positions,
)
from napari_crbm.io.reading.position_units import zyx_in_um
from napari_crbm.io.reading.sources import said_unit
from napari_crbm.io.reading.stored_fluorescence import StoredFluorescence
from napari_crbm.io.reading.times import require_one_per_frame, said_seconds
from napari_crbm.io.reading.traces import Chosen
from napari_crbm.preprocessing import activity_warning, binarise
from napari_crbm.recording import Recording, Step
from napari_crbm.regions import Regions
from napari_crbm.spikes import Spikes

#: Depth of the ZBrain volume, 138 planes of 2 um; stored z runs from its ventral end.
ZBRAIN_DEPTH_UM = 276.0
_N_ZBRAIN_REGIONS = 294
_SPACES = ("zbrain", "native", "reference")


def can_read(file: h5py.File) -> bool:
    """Return whether the open file has neuron positions or spikes under a known name."""
    if hdf5.kind_of(file) is not None:
        return False
    names: set[str] = set()

    def note(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            names.add(name.rsplit("/", 1)[-1].lower())

    file.visititems(note)
    return any(names.intersection(ALIASES[field]) for field in (*_SPACES, "spikes"))


def read(file: h5py.File, path: Path, options: ReadOptions) -> Recording:
    """Read an open file; see `napari_crbm.io.open_recording` for the options.

    Raises
    ------
    FormatError, RecordingError
        With one sentence on the field that is missing or contradicts the others.
    """
    fields = find_fields(file, options.group)
    # What was found, assumed and left out: enough to open the file the same way again.
    notes: dict[str, Any] = {"file": path.name, "format": "paper"}
    coordinates, transposed = _coordinates(fields, options, notes)
    n_neurons = _count_neurons(fields, options, notes) if coordinates is None else len(coordinates)
    regions = _regions(fields, n_neurons, transposed, options)
    kept = None if options.keep_unlabelled else _labelled(regions)
    fluorescence = _fluorescence(fields, n_neurons, transposed, kept, options)
    spikes = _spikes(fields, fluorescence, n_neurons, transposed, kept, options, notes)
    times = _times(fields, spikes.n_frames, options, notes)
    traces = _traces(fields, spikes.n_frames)
    notes["ignored"] = [
        *fields.others,
        *(d.name for name, d in fields.traces.items() if name not in traces),
    ]
    provenance = [Step("open", notes)]
    if kept is not None and regions is not None:
        parameters = {"why": "in a region", "kept": len(kept), "of": n_neurons}
        provenance.append(Step("select neurons", parameters))
        coordinates = None if coordinates is None else coordinates[kept]
        regions = regions.select_neurons(kept)
    if options.binarise is not None:
        provenance.append(Step("binarise", {"threshold_sd": options.binarise}))
    return Recording(
        coordinates=coordinates,
        spikes=spikes,
        times=times,
        name=path.stem if options.group is None else f"{path.stem} {options.group.strip('/')}",
        regions=regions,
        fluorescence=fluorescence,
        traces=traces,
        metadata={"space": notes["space"]},
        provenance=tuple(provenance),
    )


def _coordinates(
    fields: Fields, options: ReadOptions, notes: dict[str, Any]
) -> tuple[NDArray[np.float32] | None, bool]:
    """Return positions (N, 3): z, y, x in micrometres, and whether they are stored as (3, N).

    None if the file has no positions.
    """
    wanted = _SPACES if options.space is None else (options.space,)
    found = fields.first(*wanted)
    if found is None and options.space:
        raise RecordingError(
            f"The file holds no neuron positions in {options.space} space: a dataset named "
            f"{_listed(*wanted)} is needed."
        )
    if found is None:
        notes |= {"coordinates": "none", "space": "unknown"}
        # MATLAB's files have frames first, which is told by the group alone here.
        return None, False
    space, dataset = found
    transposed = coordinates_are_transposed(dataset)
    xyz = np.asarray(dataset[()], dtype=np.float64)
    xyz = xyz.T if transposed else xyz
    zyx, unit = zyx_in_um(xyz, options, said_unit(dataset))
    flip_z = options.flip_z is not False
    if flip_z:
        top = (
            ZBRAIN_DEPTH_UM
            if space == "zbrain"
            else float(np.max(zyx[:, 0], where=np.isfinite(zyx[:, 0]), initial=-np.inf))
        )
        zyx[:, 0] = top - zyx[:, 0]
        notes["z_origin_um"] = top
    notes |= {
        "coordinates": dataset.name,
        "space": space,
        "unit": unit,
        "flip_z": flip_z,
    }
    return zyx.astype(np.float32), transposed


def _count_neurons(fields: Fields, options: ReadOptions, notes: dict[str, Any]) -> int:
    """Return the number of neurons of a file without positions."""
    stored = fields.known.get("spikes", fields.known.get("fluorescence"))
    if stored is None or stored.ndim != 2 or stored.dtype.kind not in "biuf":
        raise FieldNotFound(
            "The file holds no activity: a dataset named "
            f"{_listed('spikes', 'fluorescence')} of shape (frames, neurons) is needed."
        )
    if maybe := sorted(
        name
        for name, shape in fields.shapes.items()
        if could_be_positions(name, shape, stored.shape)
    ):
        raise FieldNotFound(
            f"The file holds no neuron positions under a usual name ({_listed(*_SPACES)}); "
            f"'{maybe[0]}' may hold them."
        )
    times = fields.known.get("times")
    if options.neurons_first is None and stored.name.startswith(PAPER_GROUP):
        neurons_first = False
    else:
        neurons_first = neurons_first_without_positions(
            stored[:SAMPLED, :SAMPLED],
            stored.shape,
            None if times is None else times.size,
            options.neurons_first,
        )
    first, second = stored.shape
    n_frames, n_neurons = (second, first) if neurons_first else (first, second)
    notes["neurons_first"] = neurons_first
    warnings.warn(without_positions(n_frames, n_neurons), stacklevel=3)
    return int(n_neurons)


def _regions(
    fields: Fields, n_neurons: int, transposed: bool, options: ReadOptions
) -> Regions | None:
    """Read the regions that hold neurons, in pieces, because labels are stored dense."""
    if "labels" not in fields.known:
        return None
    dataset = fields.known["labels"]
    if dataset.ndim != 2 or n_neurons not in dataset.shape or dataset.dtype.kind not in "biuf":
        raise RecordingError(
            f"Dataset '{dataset.name}' must hold numbers of shape (regions, {n_neurons}) or "
            f"({n_neurons}, regions); found {dataset.dtype} of shape {dataset.shape}."
        )
    square = dataset.shape[0] == dataset.shape[1]
    regions_first = transposed if square else dataset.shape[1] == n_neurons
    n_regions = dataset.shape[0 if regions_first else 1]
    rows, columns = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
    for row, column, tile in tiles(dataset):
        inside = np.nonzero(tile)
        rows.append(inside[0] + row)
        columns.append(inside[1] + column)
    region, neuron = np.concatenate(rows), np.concatenate(columns)
    if not regions_first:
        region, neuron = neuron, region
    matrix = sparse.csc_array(
        (np.ones(len(neuron), dtype=bool), (neuron, region)), shape=(n_neurons, n_regions)
    )
    names = _region_names(fields, n_regions, options)
    filled = np.flatnonzero(np.diff(matrix.indptr))
    return Regions(matrix[:, filled], tuple(names[index] for index in filled))


def _region_names(fields: Fields, n_regions: int, options: ReadOptions) -> tuple[str, ...]:
    names = options.names_of_regions()
    if names is None and "label_names" in fields.known:
        names = hdf5.strings(fields.known["label_names"])
    if names is None:
        prefix = "ZBrain region" if n_regions == _N_ZBRAIN_REGIONS else "region"
        return tuple(f"{prefix} {index}" for index in range(n_regions))
    if len(names) != n_regions:
        raise RecordingError(
            f"{len(names)} region names were given for the {n_regions} regions of "
            f"'{fields.known['labels'].name}'."
        )
    return names


def _labelled(regions: Regions | None) -> NDArray[np.int64]:
    if regions is None or not regions.names:
        raise RecordingError(
            "No neuron is labelled with a region, so none would be left: keep the unlabelled "
            "neurons."
        )
    return np.flatnonzero(regions.labelled)


def _fluorescence(
    fields: Fields,
    n_neurons: int,
    transposed: bool,
    kept: NDArray[np.int64] | None,
    options: ReadOptions,
) -> StoredFluorescence | Chosen | None:
    if "fluorescence" not in fields.known:
        return None
    stored = fields.known["fluorescence"]
    neurons_first = activity_is_neurons_first(stored, n_neurons, transposed, options.neurons_first)
    fluorescence = StoredFluorescence.of(stored, neurons_first)
    return fluorescence if kept is None else fluorescence.select_neurons(kept)


def _spikes(
    fields: Fields,
    fluorescence: StoredFluorescence | Chosen | None,
    n_neurons: int,
    transposed: bool,
    kept: NDArray[np.int64] | None,
    options: ReadOptions,
    notes: dict[str, Any],
) -> Spikes:
    """Read the stored spikes, or detect events in the fluorescence if asked to."""
    if options.binarise is not None:
        if fluorescence is None:
            raise RecordingError(
                f"The file holds no fluorescence to binarise: a dataset named "
                f"{_listed('fluorescence')} is needed."
            )
        notes["activity"] = fields.known["fluorescence"].name
        spikes = binarise(
            fluorescence.neuron_blocks(),
            *fluorescence.shape,
            options.binarise,
            progress=options.progress,
            control=options.control,
        )
        if message := activity_warning(spikes):
            warnings.warn(message, stacklevel=2)
        return spikes
    if "spikes" not in fields.known:
        if fluorescence is None:
            raise FieldNotFound(
                f"The file holds no activity: a dataset named {_listed('spikes', 'fluorescence')} "
                f"is needed; found {_found(fields)}."
            )
        raise SettingError(
            "The file holds no binarised spikes, only fluorescence: open it with {binarise:2.0} "
            "to detect events that rise above two standard deviations of each neuron's noise."
        )
    dataset = fields.known["spikes"]
    neurons_first = activity_is_neurons_first(dataset, n_neurons, transposed, options.neurons_first)
    notes["activity"] = dataset.name
    n_frames = dataset.shape[1 if neurons_first else 0]
    n_kept = n_neurons if kept is None else len(kept)
    return Spikes.from_tiles(activity_tiles(dataset, neurons_first, kept), n_frames, n_kept)


def _times(
    fields: Fields, n_frames: int, options: ReadOptions, notes: dict[str, Any]
) -> NDArray[np.float64]:
    """Return the times of all frames in seconds, from the option, the file or its sampling rate."""
    rate_hz, source = options.frame_rate_hz, "the option frame_rate_hz"
    if rate_hz is None and "times" in fields.known:
        stored = fields.known["times"]
        if stored.dtype.kind not in "iuf":
            raise RecordingError(
                f"Dataset '{stored.name}' must hold times as numbers; found {stored.dtype}: "
                "correct it, or give frame_rate_hz instead."
            )
        require_one_per_frame(f"Dataset '{stored.name}'", stored.size, n_frames)
        notes["times"] = stored.name
        times = np.asarray(stored[()], dtype=np.float64).ravel()
        return said_seconds(times, said_unit(stored), options.time_unit)
    if rate_hz is None and "sampling_rate" in fields.known:
        stored = fields.known["sampling_rate"]
        if stored.size == 1 and stored.dtype.kind in "iuf":
            rate_hz, source = float(np.ravel(stored[()])[0]), stored.name
    if rate_hz is None:
        # A recording without times is still worth a look, in frames instead of seconds.
        rate_hz, source = 1.0, "assumed, because the file has no times"
        warnings.warn(
            "The recording has no frame times, so 1 Hz is assumed: give "
            "frame_rate_hz to have time in seconds.",
            stacklevel=2,
        )
    if not (np.isfinite(rate_hz) and rate_hz > 0):
        raise RecordingError(f"The frame rate must be positive; found {rate_hz} Hz ({source}).")
    notes["times"] = f"{rate_hz:g} Hz ({source})"
    return np.arange(n_frames) / rate_hz


def _traces(fields: Fields, n_frames: int) -> dict[str, NDArray[np.float64]]:
    """Read behaviour and stimulus with one number per frame."""
    return {
        name: np.asarray(dataset[()], dtype=np.float64).ravel()
        for name, dataset in fields.traces.items()
        if dataset.size == n_frames and dataset.dtype.kind in "biuf"
    }


def _found(fields: Fields) -> str:
    """Return the names of some datasets, for a message."""
    names = [each.name for each in (*fields.known.values(), *fields.traces.values())]
    names = [f"'{name.removeprefix('/')}'" for name in (*names, *fields.others)]
    return ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")


def _listed(*names: str) -> str:
    """Return the usual names of fields, for a message."""
    usual = {
        "zbrain": "'ZBrainCoordinates'",
        "native": "'Coordinates'",
        "reference": "'RefCoords'",
        "spikes": "'ThresholdedSpikes' or 'spikes'",
        "fluorescence": "'DFF' or 'df'",
    }
    return " or ".join(usual[name] for name in names)
