"""Guess the roles of the arrays of an unknown file; all heuristics are here.

Positions tell how many neurons there are, and so which axis of the activity is which.
Names decide between arrays of the same shape; values decide where shapes do not.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_crbm.io.reading.layout import CLEARLY_SMOOTHER, smoothness
from napari_crbm.io.reading.sources import (
    Array,
    Entry,
    list_entries,
    opened_with_tables,
)
from napari_crbm.io.unknown.profile import Profile, Unit
from napari_crbm.io.unknown.profile_fit import problem

# Parts of names in the order of preference.
_POSITION_NAMES = (
    "zbrain",
    "coord",
    "position",
    "xyz",
    "centroid",
    "center",
    "centre",
    "xy",
    "pos",
)
_SPIKE_NAMES = ("thresholdedspikes", "spike", "raster", "binar", "event", "spks", "firing")
_TRACE_NAMES = ("dff", "df", "fluor", "calcium", "activity", "trace", "cellresp", "timeseries")
_AXIS_NAMES = (("x", "y", "z"), ("xpos", "ypos", "zpos"), ("pos_x", "pos_y", "pos_z"))
_TIME_NAMES = ("times", "time", "times_s", "time_vector", "timestamps", "t")
_RATE_NAMES = ("frame_rate_hz", "frame_rate", "framerate", "fs", "fps", "fpsec", "sampling_rate")
_LABEL_NAMES = ("labels", "label", "region", "regions", "region_labels")
_BEHAVIOUR_NAMES = ("behavio", "behav", "stim", "tail", "motion", "swim")
# A larval brain spans about a millimetre: neurons further apart than 5 are not in mm.
_LARGEST_EXTENT_MM = 5.0
_SAMPLE = 256
_MOST_POSITIONS = 20_000_000


@dataclass(frozen=True)
class Guess:
    """A profile, and for each guessed field the reason."""

    profile: Profile
    reasons: Mapping[str, str]


def guess(path: str | Path, entries: Sequence[Entry] | None = None) -> Guess:
    """Guess the roles of the arrays of a file.

    Positions and activity that cannot be guessed stay empty.

    Raises
    ------
    FormatError
        If the file cannot be read.
    """
    path = Path(path)
    entries = list_entries(path) if entries is None else entries
    with opened_with_tables(path) as arrays:
        return guess_from(entries, arrays, path.stem)


def guess_from(entries: Sequence[Entry], arrays: Mapping[str, Array], name: str = "") -> Guess:
    """Guess the roles of open arrays."""
    reasons: dict[str, str] = {}
    positions, n_neurons, axes_first = _positions(entries, reasons)
    activity = _activity(entries, n_neurons, positions, reasons)
    fields: dict[str, Any] = {
        "positions": positions,
        "activity": activity.name if activity else "",
        "axes_first": axes_first,
        "name": name,
    }
    if not positions:
        reasons["positions"] = "no array looks like positions"
    else:
        fields |= _space(positions, axes_first, entries, arrays, reasons)
    if activity:
        sample = _sample(arrays[activity.name])
        fields |= _kind_of_activity(activity, sample, reasons)
        fields["neurons_first"] = _neurons_first(activity, n_neurons, axes_first, sample, reasons)
        n_frames = activity.shape[1 if fields["neurons_first"] else 0]
        fields |= _timing(entries, arrays, n_frames, reasons)
        fields |= _companions(entries, activity, n_frames, n_neurons, fields["holds"], positions)
    return Guess(Profile(**fields), reasons)


def _last(entry: Entry) -> str:
    return entry.name.rsplit("/", 1)[-1].lower().removesuffix(".npy")


def _rank(name: str, parts: Sequence[str]) -> int:
    """Return the index of the first part that a name contains, ``len(parts)`` if none."""
    return next((place for place, part in enumerate(parts) if part in name), len(parts))


# --- positions --------------------------------------------------------------------------------


def _positions(
    entries: Sequence[Entry], reasons: dict[str, str]
) -> tuple[tuple[str, ...], int | None, bool]:
    """Return the names of the position arrays, the number of neurons, whether axes come first."""
    lengths = {length for entry in entries if len(entry.shape) == 2 for length in entry.shape}
    ranked = []
    for order, entry in enumerate(entries):
        if not entry.numeric or len(entry.shape) != 2 or not {2, 3} & set(entry.shape):
            continue
        axes_first = entry.shape[1] not in (2, 3) or (
            entry.shape[0] in (2, 3) and entry.shape[0] > entry.shape[1]
        )
        n_neurons = entry.shape[1 if axes_first else 0]
        place = _rank(_last(entry), _POSITION_NAMES)
        alone = sum(n_neurons in other.shape for other in entries if len(other.shape) == 2) < 2
        if n_neurons < 2 or n_neurons not in lengths:
            continue
        unnamed = place == len(_POSITION_NAMES)
        planar = (3 if not axes_first else entry.shape[0]) == 2
        ranked.append((alone, unnamed, place, planar, order, entry, n_neurons, axes_first))
    if ranked:
        *_, entry, n_neurons, axes_first = min(ranked, key=lambda row: row[:5])
        reasons["positions"] = f"shape {entry.shape}" + (
            " and name" if _rank(_last(entry), _POSITION_NAMES) < len(_POSITION_NAMES) else ""
        )
        return (entry.name,), n_neurons, axes_first
    vectors = {_last(entry): entry for entry in entries if entry.numeric}
    for names in _AXIS_NAMES:
        found = [vectors[name] for name in names if name in vectors]
        counts = {math.prod(entry.shape) for entry in found}
        if len(found) >= 2 and len(counts) == 1 and names[0] in vectors and names[1] in vectors:
            reasons["positions"] = "the names of the axes"
            return tuple(entry.name for entry in found), counts.pop(), False
    return (), None, False


def _space(
    positions: tuple[str, ...],
    axes_first: bool,
    entries: Sequence[Entry],
    arrays: Mapping[str, Array],
    reasons: dict[str, str],
) -> dict[str, Any]:
    """Guess the unit and the order of the axes."""
    stored = [arrays[name] for name in positions]
    known = {entry.name: entry for entry in entries}
    if sum(math.prod(array.shape) for array in stored) > _MOST_POSITIONS:
        return {}
    if len(positions) > 1:
        values = np.column_stack([np.ravel(array[...]) for array in stored])
        axes = "xyz"[: len(positions)]
    else:
        values = np.asarray(stored[0][...])
        values = values.T if axes_first else values
        axes = ""
    values = np.asarray(values, dtype=np.float64)
    values = values[np.isfinite(values).all(axis=1)]
    extent = np.ptp(values, axis=0) if len(values) else np.zeros(values.shape[1])
    if not axes:
        axes, reasons["axes"] = _axes(extent)
    unit: Unit
    said = known[positions[0]].unit.strip().lower()
    if said in ("mm", "millimetre", "millimeter", "millimetres", "millimeters"):
        unit, reasons["unit"] = "mm", f"the file says '{said}'"
    elif said in ("px", "pixel", "pixels", "voxel", "voxels"):
        unit, reasons["unit"] = "pixel", f"the file says '{said}'"
    elif said in ("um", "µm", "μm", "micron", "microns", "micrometre", "micrometer", "micrometers"):
        unit, reasons["unit"] = "um", f"the file says '{said}'"
    elif 0 < extent.max() < _LARGEST_EXTENT_MM:
        unit, reasons["unit"] = "mm", f"neurons span {extent.max():.3g}"
    elif all(arrays[name].dtype.kind in "iu" for name in positions):
        unit, reasons["unit"] = "pixel", "positions are whole numbers"
    else:
        unit, reasons["unit"] = "um", f"neurons span {extent.max():.4g}"
    return {"axes": axes, "unit": unit}


def _axes(extent: NDArray[np.float64]) -> tuple[str, str]:
    """Guess the order of the axes: a brain is flattest along z and longest along y.

    x, y, z unless the extents clearly say otherwise.
    """
    if len(extent) == 2:
        return "xy", "the usual order"
    flattest = int(np.argmin(extent))
    others = [axis for axis in range(3) if axis != flattest]
    if extent[flattest] < 0.7 * extent[others].min():
        longer = max(others, key=lambda axis: extent[axis])
        shorter = next(axis for axis in others if axis != longer)
        if extent[longer] < 1.3 * extent[shorter]:
            # Nearly square: in the usual order of x and y around z.
            shorter, longer = others if flattest == 2 else others[::-1]
        names = {flattest: "z", longer: "y", shorter: "x"}
        return "".join(names[axis] for axis in range(3)), "extents: z least, y most"
    return "xyz", "the usual order"


# --- activity ---------------------------------------------------------------------------------


def _activity(
    entries: Sequence[Entry],
    n_neurons: int | None,
    positions: tuple[str, ...],
    reasons: dict[str, str],
) -> Entry | None:
    ranked = []
    for order, entry in enumerate(entries):
        if not entry.numeric or len(entry.shape) != 2 or entry.name in positions:
            continue
        if min(entry.shape) < 2:
            continue
        if n_neurons is not None and n_neurons not in entry.shape:
            continue
        name = _last(entry)
        place = min(_rank(name, _SPIKE_NAMES), len(_SPIKE_NAMES) + _rank(name, _TRACE_NAMES))
        labels = name in _LABEL_NAMES or min(entry.shape) <= 3
        ranked.append((labels, place, -math.prod(entry.shape), order, entry))
    if not ranked:
        return None
    entry = min(ranked, key=lambda row: row[:4])[-1]
    named = min(_rank(_last(entry), _SPIKE_NAMES + _TRACE_NAMES), 99)
    reasons["activity"] = (
        "name" if named < len(_SPIKE_NAMES + _TRACE_NAMES) else f"shape {entry.shape}"
    )
    return entry


def _sample(activity: Array) -> NDArray[np.float64]:
    """Read a corner of the activity, in stored axes."""
    rows, columns = (min(length, 4 * _SAMPLE) for length in activity.shape)
    if rows * columns > _SAMPLE * _SAMPLE * 4:
        rows, columns = min(rows, 2 * _SAMPLE), min(columns, 2 * _SAMPLE)
    return np.asarray(activity[:rows, :columns], dtype=np.float64)


def _kind_of_activity(
    activity: Entry, sample: NDArray[np.float64], reasons: dict[str, str]
) -> dict[str, Any]:
    if bool(((sample == 0) | (sample == 1)).all()):
        reasons["holds"] = "zeros and ones"
        return {"holds": "spikes"}
    finite = sample[np.isfinite(sample)]
    if len(finite) and finite.min() >= 0 and np.mean(finite == 0) > 0.3:
        reasons["holds"] = f"{100 * np.mean(finite == 0):.0f} % of values are zero, none negative"
        return {"holds": "rates"}
    reasons["holds"] = "values vary continuously"
    return {"holds": "fluorescence"}


def _neurons_first(
    activity: Entry,
    n_neurons: int | None,
    axes_first: bool,
    sample: NDArray[np.float64],
    reasons: dict[str, str],
) -> bool:
    """Guess the axis of the neurons: by their number, else by which axis varies smoothly."""
    first, second = activity.shape
    if n_neurons is not None and first != second:
        reasons["neurons_first"] = f"{n_neurons:,} neurons have positions"
        return first == n_neurons
    if axes_first:
        reasons["neurons_first"] = "positions are stored with axes first, as MATLAB's are here"
        return False
    along = [smoothness(sample, axis) for axis in (0, 1)]
    if abs(along[0] - along[1]) > CLEARLY_SMOOTHER:
        reasons["neurons_first"] = "activity changes slowly along the other axis"
        return along[1] > along[0]
    reasons["neurons_first"] = "nothing tells; check the traces"
    return False


# --- time and what else there is --------------------------------------------------------------


def _timing(
    entries: Sequence[Entry], arrays: Mapping[str, Array], n_frames: int, reasons: dict[str, str]
) -> dict[str, Any]:
    numeric = {_last(entry): entry for entry in reversed(entries) if entry.numeric}
    for name in _TIME_NAMES:
        entry = numeric.get(name)
        if entry is not None and math.prod(entry.shape) == n_frames:
            times = np.ravel(arrays[entry.name][...]).astype(np.float64)
            if np.isfinite(times).all() and (np.diff(times) > 0).all():
                reasons["times"] = "name and length"
                return {"times": entry.name}
    for name in _RATE_NAMES:
        entry = numeric.get(name)
        if entry is not None and math.prod(entry.shape) == 1:
            rate = float(np.ravel(arrays[entry.name][...])[0])
            if math.isfinite(rate) and 0 < rate < 1e5:
                reasons["frame_rate_hz"] = f"'{entry.name}'"
                return {"frame_rate_hz": rate}
    return {}


def _companions(
    entries: Sequence[Entry],
    activity: Entry,
    n_frames: int,
    n_neurons: int | None,
    holds: str,
    positions: tuple[str, ...],
) -> dict[str, Any]:
    """Guess fluorescence beside spikes, regions, stimulus and behaviour."""
    found: dict[str, Any] = {}
    others = [e for e in entries if e.numeric and e.name not in (activity.name, *positions)]
    if holds == "spikes":
        same = [
            (_rank(_last(entry), _TRACE_NAMES), k, entry)
            for k, entry in enumerate(others)
            if sorted(entry.shape) == sorted(activity.shape) and entry.dtype.startswith("float")
        ]
        if same and min(same)[0] < len(_TRACE_NAMES):
            found["fluorescence"] = min(same, key=lambda row: row[:2])[2].name
    for entry in (*others, *(each for each in entries if each.text)):
        fits = math.prod(entry.shape) == n_neurons or (
            len(entry.shape) == 2 and n_neurons in entry.shape
        )
        if n_neurons and _last(entry) in _LABEL_NAMES and fits and "float" not in entry.dtype:
            found.setdefault("labels", entry.name)
    traces = [
        entry.name
        for entry in others
        if math.prod(entry.shape) == n_frames
        and _rank(_last(entry), _BEHAVIOUR_NAMES) < len(_BEHAVIOUR_NAMES)
    ]
    if traces:
        found["traces"] = tuple(itertools.islice(traces, 8))
    return found


def settled(profile: Profile, entries: Sequence[Entry]) -> Profile:
    """Return the profile with the orientations that fit the shapes."""
    known = {entry.name: entry for entry in entries}
    stored = known.get(profile.positions[0]) if len(profile.positions) == 1 else None
    candidates = []
    for swap_positions, swap_activity in itertools.product((False, True), repeat=2):
        axes_first = profile.axes_first != swap_positions
        axes = profile.axes
        if stored is not None and len(stored.shape) == 2:
            n_axes = stored.shape[0 if axes_first else 1]
            if n_axes in (2, 3) and n_axes != len(axes):
                axes = "xy" if n_axes == 2 else "xyz"
        candidates.append(
            replace(
                profile,
                axes_first=axes_first,
                axes=axes,
                neurons_first=profile.neurons_first != swap_activity,
            )
        )
    return next((each for each in candidates if problem(each, entries) is None), profile)
