"""NumPy archives and MATLAB files whose arrays have common names.

``.npz`` (as Rastermap writes them) and MATLAB files up to version 7; MATLAB 7.3 files are
HDF5. Activity and positions are found by the names that people give them.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import FieldNotFound, NotBinary, RecordingError, SettingError
from napari_crbm.io.options import ReadOptions
from napari_crbm.io.reading.layout import (
    MOSTLY_ZERO,
    SAMPLED,
    could_be_positions,
    neurons_first_without_positions,
    without_positions,
)
from napari_crbm.io.reading.position_units import zyx_in_um
from napari_crbm.io.reading.sources import damage_named, matlab_arrays
from napari_crbm.io.reading.times import require_one_per_frame
from napari_crbm.io.reading.traces import Held
from napari_crbm.preprocessing import activity_warning, binarise
from napari_crbm.recording import Recording, Step
from napari_crbm.spikes import Spikes

_ACTIVITY = ("spikes", "spks", "raster", "activity", "x", "s")
_FLUORESCENCE = ("dff", "df", "fluorescence", "deltafof", "f")
_POSITIONS = ("xyz", "coordinates", "coords", "positions", "xy", "centers", "centroids")
_TIMES = ("times", "times_s", "time", "t")
_RATES = ("frame_rate_hz", "frame_rate", "fs", "fps", "sampling_rate")


def can_read(path: Path) -> bool:
    """Return whether this is a NumPy archive or a MATLAB file that is not HDF5."""
    suffix = path.suffix.lower()
    if suffix not in (".npz", ".mat") or not path.is_file():
        return False
    with path.open("rb") as file:
        start = file.read(128)
    return start[:2] == b"PK" if suffix == ".npz" else start.startswith(b"MATLAB 5.0")


def read(path: Path, options: ReadOptions) -> Recording:
    """Read activity and positions.

    Raises
    ------
    FormatError
        If the file cannot be read.
    RecordingError
        If activity or positions are missing or do not fit each other.
    """
    with damage_named(path):
        content, get = _content(path)
    known = {name.lower(): name for name in content}

    def first(names: tuple[str, ...]) -> tuple[str, NDArray[Any]] | None:
        for name in names:
            if name in known:
                with damage_named(path):
                    values = get(known[name])
                if values.dtype.kind not in "biuf":
                    raise RecordingError(
                        f"'{known[name]}' must hold numbers; found {values.dtype}."
                    )
                return known[name], values
        return None

    where, zyx, unit = _positions(first, options)
    activity, fluorescence = first(_ACTIVITY), first(_FLUORESCENCE)
    counts = None
    if activity is not None and not _is_binary(activity[1]):
        # Deconvolved or z-scored traces and counts often have these names too.
        if _mostly_zero(activity[1]):
            counts = activity
        else:
            fluorescence = fluorescence or activity
        activity = None
    if fluorescence is activity is None and counts is not None:
        raise NotBinary(
            f"'{counts[0]}' holds counts or deconvolved activity, not zeros and ones, and there is "
            "no fluorescence to estimate its noise. Set the value above which a neuron is active."
        )
    notes: dict[str, Any] = {"positions": where, "unit": unit}
    steps = []
    held = None
    if zyx is None:
        n_neurons = _count_neurons(
            path, first, activity or fluorescence or counts, content, get, options
        )
    else:
        n_neurons = len(zyx)
    if fluorescence is not None:
        values = _frames_first(*fluorescence, n_neurons, options)
        if values.dtype.kind in "iuf":
            held = Held(values)
    if activity is not None and options.binarise is None:
        raster = _frames_first(*activity, n_neurons, options)
        spikes = Spikes.from_dense(raster != 0 if raster.dtype.kind in "iu" else raster)
        notes["activity"] = activity[0]
    elif held is None:
        raise FieldNotFound(
            f"The file holds no activity: an array named {_listed(_ACTIVITY[:4])} of zeros and "
            f"ones, or {_listed(_FLUORESCENCE[:3])}, is needed; found {_listed(content)}."
        )
    elif options.binarise is None:
        raise SettingError(
            "'{array}' holds fluorescence, not zeros and ones: open it with {binarise:2.0} to "
            "detect events that rise above two standard deviations of each neuron's noise.",
            {"array": fluorescence[0] if fluorescence else ""},
        )
    else:
        spikes = binarise(
            held.neuron_blocks(),
            *held.shape,
            options.binarise,
            progress=options.progress,
            control=options.control,
        )
        notes["activity"] = fluorescence[0] if fluorescence else ""
        steps.append(Step("binarise", {"threshold_sd": options.binarise}))
        if message := activity_warning(spikes):
            warnings.warn(message, stacklevel=2)
    if held is not None and held.shape != spikes.shape:
        held = None
    times = _times(first, spikes.n_frames, options, notes)
    return Recording(
        coordinates=zyx,
        spikes=spikes,
        times=times,
        name=path.stem,
        fluorescence=held,
        provenance=(Step("read arrays", notes), *steps),
    )


def _content(path: Path) -> tuple[list[str], Callable[[str], NDArray[Any]]]:
    """Return the names of the arrays in a file, and a function that reads one."""
    if path.suffix.lower() == ".npz":
        archive = np.load(path, allow_pickle=False)
        return list(archive.files), lambda name: np.asarray(archive[name])
    arrays = matlab_arrays(path)
    return [name for name in arrays if "#" not in name], arrays.__getitem__


def _positions(
    first: Callable[[tuple[str, ...]], tuple[str, NDArray[Any]] | None],
    options: ReadOptions,
) -> tuple[str, NDArray[np.float32] | None, str]:
    """Return the name, the positions (N, 3) as z, y, x in micrometres, and their stored unit.

    None if the file has no positions.
    """
    found = first(_POSITIONS)
    if found is None:
        x, y = first(("xpos",)), first(("ypos",))
        if x is None or y is None:
            return "none", None, "unknown"
        found = "xpos, ypos", np.column_stack([x[1].ravel(), y[1].ravel()])
    name, values = found
    values = np.asarray(values, dtype=np.float64)
    if values.ndim == 2 and values.shape[1] not in (2, 3) and values.shape[0] in (2, 3):
        values = values.T
    if values.ndim != 2 or values.shape[1] not in (2, 3):
        raise RecordingError(
            f"'{name}' must hold positions of shape (neurons, 2 or 3); found {values.shape}."
        )
    if values.shape[1] == 2:
        values = np.column_stack([values, np.zeros(len(values))])
    zyx, unit = zyx_in_um(values, options)
    if options.flip_z:
        zyx[:, 0] = np.nanmax(zyx[:, 0]) - zyx[:, 0]
    return name, zyx.astype(np.float32), unit


def _count_neurons(
    path: Path,
    first: Callable[[tuple[str, ...]], tuple[str, NDArray[Any]] | None],
    activity: tuple[str, NDArray[Any]] | None,
    content: list[str],
    get: Callable[[str], NDArray[Any]],
    options: ReadOptions,
) -> int:
    """Return the number of neurons of a file without positions."""
    if activity is None:
        raise FieldNotFound(
            f"The file holds no activity: an array named {_listed(_ACTIVITY[:4])} of zeros and "
            f"ones, or {_listed(_FLUORESCENCE[:3])}, is needed; found {_listed(content)}."
        )
    name, values = activity
    if values.ndim != 2:
        raise RecordingError(
            f"'{name}' must have two axes, frames and neurons; found shape {values.shape}."
        )
    with damage_named(path):
        shapes = {each: np.shape(get(each)) for each in content if each != name}
    maybe = [
        each for each, shape in shapes.items() if could_be_positions(each, shape, values.shape)
    ]
    if maybe:
        raise FieldNotFound(
            f"The file holds no neuron positions under a usual name ({_listed(_POSITIONS[:3])}); "
            f"'{maybe[0]}' may hold them."
        )
    times = first(_TIMES)
    neurons_first = neurons_first_without_positions(
        values[:SAMPLED, :SAMPLED],
        values.shape,
        None if times is None else times[1].size,
        options.neurons_first,
    )
    n_frames, n_neurons = values.shape[:: -1 if neurons_first else 1]
    warnings.warn(without_positions(n_frames, n_neurons), stacklevel=3)
    return int(n_neurons)


def _is_binary(values: NDArray[Any]) -> bool:
    """Return whether there are zeros and ones, or zeros and one other whole number."""
    one = values.max(initial=0) if values.dtype.kind in "iu" else 1
    return all(
        bool(((part == 0) | (part == one)).all())
        for part in np.array_split(np.atleast_1d(values), max(1, values.size // (1 << 22)))
    )


def _mostly_zero(values: NDArray[Any]) -> bool:
    sample = np.asarray(values, dtype=np.float64)[tuple(slice(SAMPLED) for _ in values.shape)]
    return bool(np.mean(sample == 0) >= MOSTLY_ZERO and np.nanmin(sample, initial=0.0) >= 0)


def _frames_first(
    name: str, values: NDArray[Any], n_neurons: int, options: ReadOptions
) -> NDArray[Any]:
    """Return activity as (frames, neurons)."""
    if values.ndim != 2 or n_neurons not in values.shape:
        raise RecordingError(
            f"'{name}' must have one axis for the {n_neurons:,} neurons that have positions, and "
            f"one for the frames; found shape {values.shape}."
        )
    neurons_first = options.neurons_first
    if neurons_first is None and values.shape[0] == values.shape[1]:
        raise SettingError(
            "'{name}' has as many frames as neurons ({n}), so its shape does not tell which axis "
            "is which. Set {neurons_first:True} or {neurons_first:False}.",
            {"name": name, "n": f"{n_neurons:,}"},
        )
    if neurons_first is None:
        neurons_first = values.shape[1] != n_neurons
    if values.shape[0 if neurons_first else 1] != n_neurons:
        raise RecordingError(
            f"'{name}' of shape {values.shape} cannot have its {n_neurons:,} neurons on the "
            f"{'first' if neurons_first else 'second'} axis."
        )
    return values.T if neurons_first else values


def _times(
    first: Callable[[tuple[str, ...]], tuple[str, NDArray[Any]] | None],
    n_frames: int,
    options: ReadOptions,
    notes: dict[str, Any],
) -> NDArray[np.float64]:
    rate = options.frame_rate_hz
    if rate is None:
        times = first(_TIMES)
        # One number is a duration or a rate.
        if times is not None and times[1].size > 1:
            require_one_per_frame(f"'{times[0]}'", times[1].size, n_frames)
            notes["times"] = times[0]
            return np.asarray(times[1], dtype=np.float64).ravel()
        stored = first(_RATES)
        if stored is not None and stored[1].size == 1:
            rate = float(stored[1].ravel()[0])
    if rate is None:
        rate = 1.0
        warnings.warn(
            "The recording has no frame times, so 1 Hz is assumed: give "
            "frame_rate_hz to have time in seconds.",
            stacklevel=3,
        )
    if not (np.isfinite(rate) and rate > 0):
        raise RecordingError(f"The frame rate must be positive; found {rate} Hz.")
    notes["times"] = f"{rate:g} Hz"
    return np.arange(n_frames) / rate


def _listed(names: tuple[str, ...] | list[str]) -> str:
    return ", ".join(f"'{name}'" for name in names[:8]) or "nothing"
