"""Profiles: the role of each array in a lab's files."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from napari_crbm.errors import FormatError

#: What the activity array can hold.
Holds = Literal["spikes", "fluorescence", "rates"]
Unit = Literal["um", "mm", "pixel"]

_LISTS = ("positions", "traces")


@dataclass(frozen=True)
class Profile:
    """The roles of a file's arrays, with units and orientations.

    Parameters
    ----------
    positions : tuple of str
        Name of the array with the positions of all neurons, (N, 2) or (N, 3); or of one to
        three arrays, (N,) each, one per axis. Empty if the file has no positions.
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
        Axes of the stored coordinates, in the stored order: "xyz", "zyx", "yx", ...; x runs
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
        Used if there is no array of times; 1 Hz if this is missing too.
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
        """Threshold, or its default."""
        if self.threshold is not None:
            return self.threshold
        return 2.0 if self.holds == "fluorescence" else 0.0

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; the inverse of `from_dict`."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return values | {name: list(values[name]) for name in _LISTS}

    @classmethod
    def from_dict(cls, values: dict[str, Any], source: str = "The profile") -> Profile:
        """Make a profile from plain values; errors name ``source``.

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
        if "activity" not in values:
            raise FormatError(f"{source} does not say which array holds the activity.")
        positions = values.get("positions", ())
        values = values | {"positions": [positions] if isinstance(positions, str) else positions}
        for name, kinds in _TYPES.items():
            if name in values and not _is_of(values[name], kinds):
                where = source[0].lower() + source[1:]
                raise FormatError(f"'{name}' of {where} cannot be {_short(values[name])}.")
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


_LARGEST = 10**300


def _short(value: Any) -> str:
    """Format a value for a message; whole numbers of any length are cut."""
    if isinstance(value, int) and abs(value) >= _LARGEST:
        return "a whole number of more than 300 digits"
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _is_of(value: Any, kinds: tuple[Any, ...]) -> bool:
    for kind in kinds:
        if kind is None and value is None:
            return True
        if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
            # Whole numbers of JSON have no limit.
            return not isinstance(value, int) or abs(value) < _LARGEST
        if kind is list and isinstance(value, list | tuple):
            return all(isinstance(each, str) for each in value)
        if kind in (str, bool) and isinstance(value, kind):
            return True
    return False


def _senseless(profile: Profile) -> str | None:
    """Return what is wrong with a profile for any file, or None."""
    if profile.holds not in get_args(Holds):
        return f"activity holds {', '.join(get_args(Holds))}, not '{profile.holds}'"
    if profile.unit not in get_args(Unit):
        return f"positions are in {', '.join(get_args(Unit))}, not '{profile.unit}'"
    axes = profile.axes
    if len(axes) not in (1, 2, 3) or set(axes) - set("xyz") or len(set(axes)) != len(axes):
        return f"axes are one to three of x, y and z in the stored order, not '{axes}'"
    if set(profile.flip) - set("xyz"):
        return f"axes to flip are x, y and z, not '{profile.flip}'"
    if len(profile.positions) > 3:
        return "positions are in one array, or in one for each of the axes"
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
