"""Read a recording of any layout with a profile, which gives each array its role."""

from __future__ import annotations

import math
import warnings
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from napari_crbm.errors import RecordingError
from napari_crbm.io.options import ReadOptions
from napari_crbm.io.reading.labelled import labelled_only
from napari_crbm.io.reading.layout import activity_tiles
from napari_crbm.io.reading.sources import (
    Array,
    Entry,
    container_of,
    damage_named,
    is_text,
    list_entries,
    opened_array,
    opened_with_tables,
    said_unit,
    texts,
)
from napari_crbm.io.reading.stored_fluorescence import StoredFluorescence
from napari_crbm.io.reading.times import said_seconds
from napari_crbm.io.unknown.profile import Profile
from napari_crbm.io.unknown.profile_fit import matched, problem
from napari_crbm.preprocessing import above, activity_warning, binarise, events
from napari_crbm.recording import Recording, Step
from napari_crbm.regions import Regions
from napari_crbm.spikes import Spikes

_PROFILE_OPTIONS = {field.name for field in fields(Profile)}


def can_map(entries: tuple[Entry, ...]) -> bool:
    """Return whether a profile could make a recording of these arrays."""
    return any(entry.numeric and len(entry.shape) == 2 for entry in entries)


def mappable(path: str | Path) -> bool:
    """Return whether a profile could make a recording of a file.

    Raises
    ------
    FormatError
        If it is damaged.
    """
    return container_of(path) is not None and can_map(list_entries(path))


def read(path: Path, profile: Profile, options: ReadOptions | None = None) -> Recording:
    """Read a file with a profile; options replace the profile's values.

    Raises
    ------
    FormatError
        If the file cannot be read.
    RecordingError
        If the profile does not fit it.
    """
    options = options or ReadOptions()
    profile = _adapted(matched(profile, list_entries(path), path), options)
    if wrong := problem(profile, list_entries(path)):
        raise RecordingError(wrong)
    with opened_with_tables(path) as arrays, damage_named(path):
        return _read(path, profile, options, arrays)


def _adapted(profile: Profile, options: ReadOptions) -> Profile:
    given = options.given()
    for not_of_arrays in ("keep_unlabelled", "region_names", "time_unit"):
        given.pop(not_of_arrays, None)
    if "binarise" in given:
        holds = "fluorescence" if profile.holds == "spikes" else profile.holds
        given |= {"threshold": given.pop("binarise"), "holds": holds}
        if profile.holds == "spikes" and profile.fluorescence:
            given["activity"], given["fluorescence"] = profile.fluorescence, None
    if "frame_rate_hz" in given:
        given["times"] = None
    if "flip_z" in given:
        flip = profile.flip.replace("z", "")
        given["flip"] = flip + "z" if given.pop("flip_z") else flip
    if strange := set(given) - _PROFILE_OPTIONS:
        raise RecordingError(
            f"The option '{sorted(strange)[0]}' is not for files that are read with a profile: "
            "leave it out."
        )
    return replace(profile, **given)


def _read(
    path: Path, profile: Profile, options: ReadOptions, arrays: dict[str, Array]
) -> Recording:
    activity = arrays[profile.activity]
    n_frames, n_neurons = activity.shape[:: -1 if profile.neurons_first else 1]
    coordinates = positions_um(profile, arrays)
    regions = _regions(profile, arrays, n_neurons, options)
    times, timing = _times(profile, arrays, n_frames, options)
    fluorescence = _fluorescence(path, profile, arrays, (n_frames, n_neurons))
    spikes = _spikes(profile, activity, fluorescence, options)
    recording = Recording(
        coordinates=coordinates,
        spikes=spikes,
        times=times,
        name=path.stem,
        regions=regions,
        fluorescence=fluorescence,
        traces={
            name.rsplit("/", 1)[-1]: np.ravel(arrays[name][...]).astype(np.float64)
            for name in profile.traces
        },
        provenance=(
            Step(
                "open with a profile",
                {"file": path.name, "time_from": timing, "profile": profile.as_dict()},
            ),
        ),
    )
    if profile.holds != "spikes" and (message := activity_warning(spikes)):
        warnings.warn(message, stacklevel=4)
    return recording if options.keep_unlabelled else labelled_only(recording)


def positions_um(profile: Profile, arrays: dict[str, Array]) -> NDArray[np.float32] | None:
    """Return the positions of all neurons, (N, 3) float32, z, y, x in micrometres.

    Axes that the file does not have are 0; flipped ones are mirrored within the neurons.
    None if the profile names no positions.
    """
    if not profile.positions:
        return None
    if len(profile.positions) > 1 or len(profile.axes) == 1:
        stored = np.column_stack([np.ravel(arrays[name][...]) for name in profile.positions])
    else:
        stored = np.asarray(arrays[profile.positions[0]][...])
        stored = stored.T if profile.axes_first else stored
    values = np.asarray(stored, dtype=np.float64)
    result = np.zeros((len(values), 3), dtype=np.float64)
    for column, axis in enumerate(profile.axes):
        coordinate = values[:, column]
        if axis in profile.flip:
            finite = coordinate[np.isfinite(coordinate)]
            coordinate = (finite.max() + finite.min() if len(finite) else 0.0) - coordinate
        result[:, "zyx".index(axis)] = coordinate
    if profile.unit == "mm":
        result *= 1000.0
    elif profile.unit == "pixel":
        result *= (profile.plane_spacing_um, profile.um_per_pixel, profile.um_per_pixel)
    return result.astype(np.float32)


def _spikes(
    profile: Profile,
    activity: Array,
    fluorescence: StoredFluorescence | None,
    options: ReadOptions,
) -> Spikes:
    n_frames, n_neurons = activity.shape[:: -1 if profile.neurons_first else 1]
    if profile.holds == "spikes":
        return Spikes.from_tiles(
            activity_tiles(activity, profile.neurons_first), n_frames, n_neurons
        )
    assert fluorescence is not None
    return binarise(
        fluorescence.neuron_blocks(),
        n_frames,
        n_neurons,
        profile.level,
        detect=events if profile.holds == "fluorescence" else above,
        progress=options.progress,
        control=options.control,
    )


def _fluorescence(
    path: Path, profile: Profile, arrays: dict[str, Array], shape: tuple[int, int]
) -> StoredFluorescence | None:
    """Return the fluorescence to binarise, or the one the profile names beside spikes."""
    name = profile.activity if profile.holds != "spikes" else profile.fluorescence
    if name is None:
        return None
    stored = arrays[name]
    neurons_first = profile.neurons_first
    if name != profile.activity and shape[0] != shape[1]:
        neurons_first = tuple(stored.shape) != shape
    chunks = getattr(stored, "chunks", None)
    if isinstance(stored, np.ndarray) and stored.flags.f_contiguous:
        # Whole columns lie together.
        chunks = (stored.shape[0], 1)
    return StoredFluorescence(
        path,
        name,
        (stored.shape[0], stored.shape[1]),
        np.dtype(stored.dtype),
        neurons_first,
        chunks=None if chunks is None else (chunks[0], chunks[1]),
        open_array=opened_array,
    )


def _times(
    profile: Profile, arrays: dict[str, Array], n_frames: int, options: ReadOptions
) -> tuple[NDArray[np.float64], str]:
    if profile.times:
        stored = arrays[profile.times]
        times = np.ravel(stored[...]).astype(np.float64)
        return said_seconds(times, said_unit(stored), options.time_unit), profile.times
    if profile.frame_rate_hz is None:
        warnings.warn(
            "The recording has no frame times, so 1 Hz is assumed: give "
            "frame_rate_hz to have time in seconds.",
            stacklevel=5,
        )
    rate = profile.frame_rate_hz or 1.0
    return np.arange(n_frames) / rate, f"{rate:g} Hz"


def _regions(
    profile: Profile, arrays: dict[str, Array], n_neurons: int, options: ReadOptions
) -> Regions | None:
    """Make regions from one number or name per neuron, or from a membership matrix."""
    if not profile.labels:
        return None
    stored, given = arrays[profile.labels], options.names_of_regions()
    if is_text(stored):
        names, numbers = np.unique(texts(stored), return_inverse=True)
        kept = [k for k, name in enumerate(names) if name]
        member = sparse.csc_array(np.ravel(numbers)[:, None] == np.array(kept)[None, :])
        return Regions(member, tuple(str(names[k]) for k in kept))
    if math.prod(stored.shape) == n_neurons:
        values = np.nan_to_num(np.ravel(stored[...]).astype(np.float64))
        known = np.unique(values[values > 0])
        table = sparse.csc_array(values[:, None] == known[None, :])
        return Regions(table, tuple(_region_name(float(number), 1, given) for number in known))
    dense = np.asarray(stored[...]) != 0
    table = sparse.csc_array(dense if dense.shape[0] == n_neurons else dense.T)
    filled = np.flatnonzero(np.diff(table.indptr))
    return Regions(table[:, filled], tuple(_region_name(int(k), 0, given) for k in filled))


def _region_name(number: float, first: int, given: tuple[str, ...] | None) -> str:
    """Return the name of a region by its number, counted from ``first``."""
    if given is None:
        return f"region {number:g}"
    if number - first >= len(given) or number != int(number):
        raise RecordingError(
            f"There are {len(given)} region names, but a region has the number {number:g}."
        )
    return given[int(number) - first]
