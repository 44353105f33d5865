"""Fit a profile to the arrays of a file: match names, and say what contradicts it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from napari_crbm.io.reading.sources import Entry
from napari_crbm.io.unknown.profile import Profile


def matched(profile: Profile, entries: Sequence[Entry], path: Path) -> Profile:
    """Return the profile with the names of this file's arrays.

    A name that is not there stands for the one array whose last part is the same, so
    that files which only differ in the names of their groups share a profile. A ``.npy`` file
    that has no role is itself the activity: it was named, not the one that the profile names.
    """
    used = (*profile.positions, *profile.traces, profile.times, profile.fluorescence)
    if path.suffix.lower() == ".npy" and path.name not in (*used, profile.labels):
        profile = replace(profile, activity=path.name)
    names = {entry.name for entry in entries}
    last: dict[str, list[str]] = {}
    for entry in entries:
        last.setdefault(entry.name.rsplit("/", 1)[-1].lower(), []).append(entry.name)

    def here(name: str | None) -> str | None:
        if name is None or name in names:
            return name
        alike = last.get(name.rsplit("/", 1)[-1].lower(), [])
        return alike[0] if len(alike) == 1 else name

    def all_here(given: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(str(here(name)) for name in given)

    return replace(
        profile,
        positions=all_here(profile.positions),
        activity=str(here(profile.activity)),
        times=here(profile.times),
        fluorescence=here(profile.fluorescence),
        labels=here(profile.labels),
        traces=all_here(profile.traces),
    )


def problem(profile: Profile, entries: Sequence[Entry]) -> str | None:
    """Return in one sentence why a profile does not fit a file's arrays, or None.

    Names and shapes are looked at, values are not.
    """
    known = {entry.name: entry for entry in entries}
    roles = {
        "activity": profile.activity,
        "times": profile.times,
        "fluorescence": profile.fluorescence,
        "labels": profile.labels,
    } | {f"positions {k}": name for k, name in enumerate(profile.positions)}
    roles |= {f"trace {k}": name for k, name in enumerate(profile.traces)}
    for role, name in roles.items():
        if not name and not role.startswith(("positions", "activity")):
            continue
        what = role.split(" ", maxsplit=1)[0]
        if not name:
            return f"Choose the array that holds the {what}."
        if name not in known:
            return f"There is no array '{name}' for the {what}."
        if what == "labels" and known[name].text:
            continue
        if not known[name].numeric:
            return f"'{name}' holds {known[name].dtype}, not numbers, so it cannot be the {what}."
    return (
        _problem_of_activity(known[profile.activity], profile)
        or _problem_of_positions(profile, known)
        or _problem_of_the_rest(profile, known)
    )


def sizes(profile: Profile, activity: Entry) -> tuple[int, int]:
    """Return the numbers of frames and neurons of 2-D activity."""
    first, second = activity.shape
    return (second, first) if profile.neurons_first else (first, second)


def _problem_of_activity(activity: Entry, profile: Profile) -> str | None:
    if len(activity.shape) != 2:
        return (
            f"Activity must have two axes, frames and neurons; '{activity.name}' has shape "
            f"{activity.shape}."
        )
    n_frames, n_neurons = sizes(profile, activity)
    if n_frames < 2 or n_neurons < 1:
        return (
            f"'{activity.name}' would have {n_neurons:,} neurons in {n_frames:,} frames; one "
            "neuron and two frames are the least."
        )
    if profile.activity in profile.positions:
        return f"'{activity.name}' cannot hold both activity and positions."
    return None


def _problem_of_positions(profile: Profile, known: dict[str, Entry]) -> str | None:
    n_frames, n_neurons = sizes(profile, known[profile.activity])
    if not profile.positions:
        return None
    if len(profile.positions) == 1:
        name = profile.positions[0]
        shape = known[name].shape
        if len(profile.axes) == 1:
            shape = (math.prod(shape), 1)
        if len(shape) != 2:
            return f"Positions must have shape (neurons, 2 or 3); '{name}' has shape {shape}."
        found, n_axes = shape[::-1] if profile.axes_first and len(profile.axes) > 1 else shape
        if n_axes != len(profile.axes):
            return (
                f"'{name}' of shape {shape} has {n_axes:,} coordinates a neuron, but "
                f"{len(profile.axes)} axes are named ({', '.join(profile.axes)})."
            )
    else:
        counts = {math.prod(known[name].shape) for name in profile.positions}
        if len(counts) > 1:
            return "The arrays with the positions differ in length: choose those that belong."
        found = counts.pop()
    if found == n_neurons:
        return None
    hint = " Frames and neurons look swapped." if found == n_frames else ""
    return (
        f"There are positions of {found:,} neurons, but activity of {n_neurons:,} in "
        f"{n_frames:,} frames.{hint}"
    )


def _problem_of_the_rest(profile: Profile, known: dict[str, Entry]) -> str | None:
    n_frames, n_neurons = sizes(profile, known[profile.activity])
    for name in (*([profile.times] if profile.times else []), *profile.traces):
        if math.prod(known[name].shape) != n_frames:
            return (
                f"'{name}' has shape {known[name].shape}; one value for each of {n_frames:,} "
                "frames is needed."
            )
    if profile.fluorescence:
        shape = known[profile.fluorescence].shape
        if sorted(shape) != sorted((n_frames, n_neurons)) or len(shape) != 2:
            return (
                f"Fluorescence '{profile.fluorescence}' has shape {shape}; {n_frames:,} frames of "
                f"{n_neurons:,} neurons are needed."
            )
    if profile.labels:
        shape = known[profile.labels].shape
        if not (math.prod(shape) == n_neurons or (len(shape) == 2 and n_neurons in shape)):
            return (
                f"Labels '{profile.labels}' have shape {shape}; one entry for each of "
                f"{n_neurons:,} neurons is needed."
            )
    return None
