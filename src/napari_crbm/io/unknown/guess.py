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

from napari_crbm.io.reading.layout import (
    CLEARLY_SMOOTHER,
    neurons_first_without_positions,
    smoothness,
)
from napari_crbm.io.reading.sources import (
    Array,
    Entry,
    list_entries,
    opened_with_tables,
)
from napari_crbm.io.reading.tables_beside import is_stranger
from napari_crbm.io.reading.usual_names import (
    BEHAVIOUR_NAMES,
    LABEL_NAMES,
    NOT_ACTIVITY,
    RATE_NAMES,
    SPIKE_NAMES,
    TIME_NAMES,
    TRACE_NAMES,
    contains,
    rank,
)
from napari_crbm.io.unknown.guess_positions import corner, find_positions, last_part, space_of
from napari_crbm.io.unknown.profile import Profile
from napari_crbm.io.unknown.profile_fit import problem

# The smoother axis of activity is time; neighbouring neurons are alike in a sorted raster at most.
# Pictures measured 0.997 along both axes, activity at most 0.35 along its neurons.
_SMOOTH_AS_A_PICTURE = 0.9
_LONGEST_PICTURE = 4


@dataclass(frozen=True)
class Guess:
    """A profile, and for each guessed field the reason, or why there is none."""

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
        return _guess_from(path, entries, arrays)


def _guess_from(path: Path, entries: Sequence[Entry], arrays: Mapping[str, Array]) -> Guess:
    reasons: dict[str, str] = {}
    positions, n_neurons, axes_first = find_positions(entries, arrays, reasons)
    own = [entry for entry in entries if not is_stranger(path, entry.name)]
    if path.suffix.lower() == ".npy":
        # The file that was named, never one beside it.
        own = [entry for entry in entries if entry.name == path.name]
    activity = _activity(own, n_neurons, positions, arrays, reasons)
    if activity is None and positions:
        activity = _activity(own, None, positions, arrays, reasons)
        if activity is not None or "activity" in reasons:
            reasons["positions"] = f"not '{positions[0]}': no activity has {n_neurons:,} neurons"
            positions, n_neurons, axes_first = (), None, False
    fields: dict[str, Any] = {
        "positions": positions,
        "activity": activity.name if activity else "",
        "axes_first": axes_first,
        "name": path.stem,
    }
    if not positions:
        reasons.setdefault("positions", "no array looks like positions")
    else:
        fields |= space_of(positions, axes_first, entries, arrays, reasons)
    if activity:
        sample = corner(arrays[activity.name])
        fields |= _kind_of_activity(activity, sample, reasons)
        fields["neurons_first"] = _neurons_first(activity, n_neurons, axes_first, sample, reasons)
        n_frames = activity.shape[1 if fields["neurons_first"] else 0]
        fields |= _timing(entries, arrays, n_frames, reasons)
        fields |= _companions(
            entries, activity, n_frames, n_neurons, fields["holds"], positions, arrays
        )
    return Guess(Profile(**fields), reasons)


# --- activity ---------------------------------------------------------------------------------


def _activity(
    entries: Sequence[Entry],
    n_neurons: int | None,
    positions: tuple[str, ...],
    arrays: Mapping[str, Array],
    reasons: dict[str, str],
) -> Entry | None:
    """Return the likeliest activity; the likeliest one that was doubted is a reason for none."""
    ranked = []
    for order, entry in enumerate(entries):
        if not entry.numeric or len(entry.shape) != 2 or entry.name in positions:
            continue
        # Without other evidence, a square array is a matrix between neurons or regions.
        if min(entry.shape) < 2 or (n_neurons is None and entry.shape[0] == entry.shape[1]):
            continue
        if n_neurons is not None and n_neurons not in entry.shape:
            continue
        name = last_part(entry)
        unlikely = contains(name, NOT_ACTIVITY)
        place = rank(name, SPIKE_NAMES + TRACE_NAMES)
        labels = name in LABEL_NAMES or min(entry.shape) <= 3
        unlikely = unlikely or entry.shape[0] == entry.shape[1]
        ranked.append((labels, unlikely, place, -math.prod(entry.shape), order, entry))
    for _, _, place, *_, entry in sorted(ranked, key=lambda row: row[:5]):
        if n_neurons is None and (why := _doubt(entry, arrays)):
            reasons.setdefault("activity", f"'{entry.name}' {why}")
            continue
        named = place < len(SPIKE_NAMES + TRACE_NAMES)
        reasons["activity"] = "name" if named else f"shape {entry.shape}"
        return entry
    return None


def _doubt(entry: Entry, arrays: Mapping[str, Array]) -> str | None:
    """Return why an array that nothing but its shape speaks for is no activity, or None."""
    name = last_part(entry)
    # The name of a .npy file tells of the experiment, that of an array in a file of the array.
    in_file = not entry.name.lower().endswith(".npy")
    if in_file and contains(name, NOT_ACTIVITY) and not contains(name, SPIKE_NAMES + TRACE_NAMES):
        return "has the name of something else"
    if max(entry.shape) <= _LONGEST_PICTURE * min(entry.shape):
        sample = corner(arrays[entry.name])
        if min(smoothness(sample, axis) for axis in (0, 1)) > _SMOOTH_AS_A_PICTURE:
            return "changes slowly along both axes, as a picture does"
    return None


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
    if n_neurons is None:
        reasons["neurons_first"] = "time is the axis of slow changes, or the longer one"
        return neurons_first_without_positions(sample, activity.shape)
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
    numeric = {last_part(entry): entry for entry in reversed(entries) if entry.numeric}
    for name in TIME_NAMES:
        entry = numeric.get(name)
        if entry is not None and math.prod(entry.shape) == n_frames:
            times = np.ravel(arrays[entry.name][...]).astype(np.float64)
            if np.isfinite(times).all() and (np.diff(times) > 0).all():
                reasons["times"] = "name and length"
                return {"times": entry.name}
    for name in RATE_NAMES:
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
    arrays: Mapping[str, Array],
) -> dict[str, Any]:
    """Guess fluorescence beside spikes, regions, stimulus and behaviour."""
    found: dict[str, Any] = {}
    others = [e for e in entries if e.numeric and e.name not in (activity.name, *positions)]
    if holds == "spikes":
        same = [
            (rank(last_part(entry), TRACE_NAMES), k, entry)
            for k, entry in enumerate(others)
            if sorted(entry.shape) == sorted(activity.shape) and entry.dtype.startswith("float")
        ]
        if same and min(same)[0] < len(TRACE_NAMES):
            found["fluorescence"] = min(same, key=lambda row: row[:2])[2].name
    for entry in (*others, *(each for each in entries if each.text)):
        fits = math.prod(entry.shape) == n_neurons or (
            len(entry.shape) == 2 and n_neurons in entry.shape
        )
        if n_neurons and last_part(entry) in LABEL_NAMES and fits and "float" not in entry.dtype:
            # A number of its own for each neuron is no region.
            if math.prod(entry.shape) == n_neurons and not _repeats(arrays[entry.name]):
                continue
            found.setdefault("labels", entry.name)
    traces = [
        entry.name
        for entry in others
        if math.prod(entry.shape) == n_frames
        and rank(last_part(entry), BEHAVIOUR_NAMES) < len(BEHAVIOUR_NAMES)
    ]
    if traces:
        found["traces"] = tuple(itertools.islice(traces, 8))
    return found


def _repeats(array: Array) -> bool:
    values = np.ravel(np.asarray(array[...]))
    return len(values) < 2 or len(set(values.tolist())) < len(values)


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
