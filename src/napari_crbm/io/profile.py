"""Profiles: which array of a lab's files plays which role, to be kept and used again."""

from __future__ import annotations

import json
import math
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args

from napari_crbm.errors import FormatError
from napari_crbm.io.sources import Entry

FORMAT, VERSION = "napari-crbm profile", 1

#: What the activity array can hold.
Holds = Literal["spikes", "fluorescence", "rates"]
Unit = Literal["um", "mm", "pixel"]

_LISTS = ("positions", "traces")


@dataclass(frozen=True)
class Profile:
    """How the arrays of a file become a recording.

    Parameters
    ----------
    positions : tuple of str
        Name of the array with the positions of all neurons, (N, 2) or (N, 3); or of two
        or three arrays, (N,) each, one an axis.
    activity : str
        Name of the array with their activity.
    holds : {"spikes", "fluorescence", "rates"}
        Zeros and ones; dF/F whose rises are detected; or anything else, such as
        deconvolved traces, active where it exceeds a level.
    threshold : float, optional
        For fluorescence in standard deviations of a neuron's noise (2 by default), for
        rates in their own unit (0 by default).
    neurons_first : bool
        Activity is stored as (neurons, frames) rather than (frames, neurons).
    axes_first : bool
        Positions are stored as (3, neurons) rather than (neurons, 3).
    axes : str
        What the stored coordinates are, in their order: "xyz", "zyx", "yx", ...; x runs
        from left to right, y from anterior to posterior, z from dorsal to ventral.
    flip : str
        Axes that run the other way in the file, such as "z" or "xy".
    unit : {"um", "mm", "pixel"}
        Unit of the positions.
    um_per_pixel, plane_spacing_um : float
        Size of a pixel and distance of planes (z), for positions in pixels.
    times : str, optional
        Array with the time of every frame in seconds.
    frame_rate_hz : float, optional
        Used where there is no such array; one frame a second if there is neither.
    fluorescence : str, optional
        dF/F to show beside spikes, in the same frames and neurons.
    labels : str, optional
        Regions: (N,) numbers of regions, negative or zero for none; (N,) names, empty for
        none; or (N, R) or (R, N) membership.
    traces : tuple of str
        Stimulus or behaviour, one value a frame.
    name : str
        Of the profile.

    Raises
    ------
    FormatError
        If a value makes no sense, whatever the file.
    """

    positions: tuple[str, ...]
    activity: str
    holds: Holds = "spikes"
    threshold: float | None = None
    neurons_first: bool = False
    axes_first: bool = False
    axes: str = "xyz"
    flip: str = ""
    unit: Unit = "um"
    um_per_pixel: float = 1.0
    plane_spacing_um: float = 1.0
    times: str | None = None
    frame_rate_hz: float | None = None
    fluorescence: str | None = None
    labels: str | None = None
    traces: tuple[str, ...] = ()
    name: str = ""

    def __post_init__(self) -> None:
        for field in _LISTS:
            object.__setattr__(self, field, tuple(getattr(self, field)))
        if wrong := _senseless(self):
            raise FormatError(f"Profile{f' {self.name!r}' if self.name else ''}: {wrong}.")

    @property
    def level(self) -> float:
        """The threshold, or the usual one."""
        if self.threshold is not None:
            return self.threshold
        return 2.0 if self.holds == "fluorescence" else 0.0

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; the inverse of `from_dict`."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return values | {name: list(values[name]) for name in _LISTS}

    @classmethod
    def from_dict(cls, values: dict[str, Any], source: str = "The profile") -> Profile:
        """Read what `as_dict` wrote; ``source`` is named in errors.

        Raises
        ------
        FormatError
        """
        known = {field.name for field in fields(cls)}
        if strange := set(values) - known:
            raise FormatError(
                f"{source} has the unknown entry '{sorted(strange)[0]}'; known are "
                f"{', '.join(sorted(known))}."
            )
        if missing := {"positions", "activity"} - set(values):
            raise FormatError(f"{source} does not say which array holds the {missing.pop()}.")
        if isinstance(values["positions"], str):
            values = values | {"positions": [values["positions"]]}
        for name, kinds in _TYPES.items():
            if name in values and not _is_of(values[name], kinds):
                raise FormatError(
                    f"'{name}' of {source[0].lower() + source[1:]} cannot be {values[name]!r}."
                )
        return cls(**values)


_TYPES: dict[str, tuple[Any, ...]] = {
    "positions": (list,),
    "traces": (list,),
    "activity": (str,),
    "holds": (str,),
    "axes": (str,),
    "flip": (str,),
    "unit": (str,),
    "name": (str,),
    "neurons_first": (bool,),
    "axes_first": (bool,),
    "threshold": (float, None),
    "frame_rate_hz": (float, None),
    "um_per_pixel": (float,),
    "plane_spacing_um": (float,),
    "times": (str, None),
    "fluorescence": (str, None),
    "labels": (str, None),
}


def _is_of(value: Any, kinds: tuple[Any, ...]) -> bool:
    for kind in kinds:
        if kind is None and value is None:
            return True
        if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
            return True
        if kind is list and isinstance(value, list | tuple):
            return all(isinstance(each, str) for each in value)
        if kind in (str, bool) and isinstance(value, kind):
            return True
    return False


def _senseless(profile: Profile) -> str | None:
    """What is wrong with a profile whatever the file, or None."""
    if profile.holds not in get_args(Holds):
        return f"activity holds {', '.join(get_args(Holds))}, not '{profile.holds}'"
    if profile.unit not in get_args(Unit):
        return f"positions are in {', '.join(get_args(Unit))}, not '{profile.unit}'"
    axes = profile.axes
    if len(axes) not in (2, 3) or set(axes) - set("xyz") or len(set(axes)) != len(axes):
        return f"axes are two or three of x, y and z in the stored order, not '{axes}'"
    if set(profile.flip) - set("xyz"):
        return f"axes to flip are x, y and z, not '{profile.flip}'"
    if not 1 <= len(profile.positions) <= 3:
        return "positions are in one array, or in one for each of two or three axes"
    if len(profile.positions) > 1 and len(profile.positions) != len(axes):
        return f"positions are in {len(profile.positions)} arrays, but axes are '{axes}'"
    if profile.threshold is not None and not math.isfinite(profile.threshold):
        return "the threshold must be a finite number"
    if profile.holds == "fluorescence" and not profile.level > 0:
        return f"the threshold must be positive; found {profile.threshold}"
    for field in ("um_per_pixel", "plane_spacing_um", "frame_rate_hz"):
        value = getattr(profile, field)
        if value is not None and not (math.isfinite(value) and value > 0):
            return f"{field} must be positive; found {value}"
    return None


# --- fitting a file ---------------------------------------------------------------------------


def matched(profile: Profile, entries: Sequence[Entry]) -> Profile:
    """The profile with the names of this file's arrays.

    A name that is not there stands for the one array whose last part is the same, so
    that files which only differ in the names of their groups share a profile.
    """
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
    """Why a file's arrays cannot be read with a profile, in one sentence; None if they can.

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
    """Frames and neurons of 2-D activity."""
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
    if len(profile.positions) == 1:
        name = profile.positions[0]
        shape = known[name].shape
        if len(shape) != 2:
            return f"Positions must have shape (neurons, 2 or 3); '{name}' has shape {shape}."
        found, n_axes = shape[::-1] if profile.axes_first else shape
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


# --- keeping ----------------------------------------------------------------------------------


def save_profile(profile: Profile, path: str | Path) -> Path:
    """Write a profile as JSON, to be read, edited and passed on.

    Raises
    ------
    FormatError
        If it cannot be written there.
    """
    path = Path(path)
    content = {"format": FORMAT, "version": VERSION, **profile.as_dict()}
    try:
        path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise FormatError(
            f"{path.name} could not be written: {error.strerror or error}."
        ) from error
    return path


def load_profile(path: str | Path) -> Profile:
    """Read a profile.

    Raises
    ------
    FormatError
        If it cannot be read, or is none.
    """
    path = Path(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise FormatError(f"There is no profile {path}.") from error
    except OSError as error:
        raise FormatError(f"{path.name} cannot be read: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path.name} is no profile: it is not valid JSON ({error}).") from error
    if not isinstance(content, dict) or content.pop("format", None) != FORMAT:
        raise FormatError(
            f'{path.name} is no profile: it lacks "format": "{FORMAT}". Write one with '
            "'napari-crbm info FILE --save-profile lab.json'."
        )
    if content.pop("version", None) != VERSION:
        raise FormatError(f"{path.name} is a profile of another version; {VERSION} is known.")
    return Profile.from_dict(content, path.name)


def profile_folder() -> Path:
    """Where profiles are remembered; NAPARI_CRBM_PROFILES names another folder."""
    if chosen := os.environ.get("NAPARI_CRBM_PROFILES"):
        return Path(chosen)
    if sys.platform == "win32":
        base = Path(os.environ.get("APPDATA", Path.home()))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_CONFIG_HOME", Path.home() / ".config"))
    return base / "napari-crbm" / "profiles"


def remember(profile: Profile) -> Path:
    """Keep a profile for later files, under its name.

    Raises
    ------
    FormatError
        If it cannot be written.
    """
    folder = profile_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FormatError(f"Profiles cannot be kept in {folder}: {error.strerror}.") from error
    stem = re.sub(r"[^\w.-]+", "-", profile.name).strip("-.") or "profile"
    return save_profile(profile, folder / f"{stem}.json")


def remembered(entries: Sequence[Entry]) -> list[Profile]:
    """Profiles kept before that fit a file's arrays, the latest first, with its names."""
    folder = profile_folder()
    if not folder.is_dir():
        return []
    fitting = []
    for path in sorted(folder.glob("*.json"), key=lambda p: p.stat().st_mtime, reverse=True):
        try:
            profile = matched(load_profile(path), entries)
        except FormatError:
            # A file a person spoilt is of no use here; loading it by name says why.
            continue
        if problem(profile, entries) is None:
            fitting.append(profile)
    return fitting
