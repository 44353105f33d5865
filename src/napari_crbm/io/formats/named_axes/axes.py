"""Which axis of a file is that of the neurons, and which is time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from napari_crbm.errors import RecordingError, SettingError
from napari_crbm.io.options import ReadOptions
from napari_crbm.io.reading.named_axes import OBSERVATIONS, VARIABLES, Variable
from napari_crbm.io.reading.usual_names import POSITION_NAMES, TIME_NAMES, contains

_NEURONS = ("unit", "neuron", "cell", "roi", "component")
_TIME = ("time", "frame", "timestamp", "sample", "volume")
_TIME_EXACTLY = ("t", "bin")
# Axes of maps and pictures, which are neither.
_OTHER = {
    *("x", "y", "z", "lat", "lon", "latitude", "longitude", "height", "width", "depth"),
    *("row", "column", "space", "axis", "dim", "xyz", "level", "wavelength", "frequency"),
}
# Fewer entries are coordinates or channels.
_FEWEST_FRAMES = 10
#: Names of positions in AnnData.
SPATIAL = ("spatial", *POSITION_NAMES)


class Axes(NamedTuple):
    """Names of the axis of neurons and of the axis of frames."""

    neurons: str
    frames: str


def named_axes(variables: Mapping[str, Variable]) -> Axes | None:
    """Return the axes of the activity by their names; None if the names do not say it."""
    pairs = {
        frozenset(each.axes)
        for each in variables.values()
        if each.numeric and len(each.axes) == 2 and len(set(each.axes)) == 2
    }
    found = []
    for pair in sorted(pairs, key=sorted):
        first, second = sorted(pair)
        for neurons, frames in ((first, second), (second, first)):
            said = (_is_neurons(neurons), _is_time(frames))
            other = frames if said[0] else neurons
            if any(said) and other.lower() not in _OTHER and not _is_neurons(frames):
                found.append((said, Axes(neurons, frames)))
    # Both names say more than one does.
    return max(found, key=lambda each: sum(each[0]))[1] if found else None


def _is_neurons(axis: str) -> bool:
    return contains(axis.lower(), _NEURONS)


def _is_time(axis: str) -> bool:
    return axis.lower() in _TIME_EXACTLY or contains(axis.lower(), _TIME)


def anndata_axes(variables: Mapping[str, Variable], options: ReadOptions) -> Axes:
    """Return which of observations and variables of an AnnData file are neurons.

    The option ``neurons_first`` decides, else which of them has times, positions or names.

    Raises
    ------
    RecordingError
        If nothing in the file says that one of them is time, or nothing says which.
    """
    either = Axes(OBSERVATIONS, VARIABLES), Axes(VARIABLES, OBSERVATIONS)
    if options.neurons_first is not None:
        return either[0 if options.neurons_first else 1]
    every = variables.values()
    numbered = {axis: _may_be_frames(every, axis) for axis in either[0]}
    for chosen in either:
        if _has(every, chosen.frames, TIME_NAMES, 1):
            return chosen
        if _has(every, chosen.neurons, SPATIAL, 2) and numbered[chosen.frames]:
            return chosen
    for chosen in either:
        # Cells have names, frames are counted.
        if numbered[chosen.frames] and not numbered[chosen.neurons]:
            return chosen
    if not any(numbered.values()):
        named = _names(every, VARIABLES) or _names(every, OBSERVATIONS) or []
        raise RecordingError(
            f"The file names observations and variables ('{named[0]}', '{named[1]}', ...), so "
            "neither are frames: a matrix of neurons and frames is needed, with positions "
            "(obsm['spatial']) of the neurons or a column 'time' of the frames."
        )
    raise SettingError(
        "The file says neither which axis is time (a column 'time') nor where the neurons are "
        "(obsm['spatial']). Set {neurons_first:True} if neurons are the observations (obs), or "
        "{neurons_first:False} if they are the variables (var)."
    )


def _has(variables: Iterable[Variable], axis: str, names: tuple[str, ...], ndim: int) -> bool:
    return any(
        each.axes[0] == axis
        and len(each.axes) == ndim
        and axis not in each.axes[1:]
        and each.numeric
        and (each.name.lower() in names if ndim == 1 else contains(each.name.lower(), names))
        for each in variables
    )


def _may_be_frames(variables: Iterable[Variable], axis: str) -> bool:
    named = _names(variables, axis)
    return named is None or _are_numbers(named)


def _names(variables: Iterable[Variable], axis: str) -> list[str] | None:
    """Return the names of the entries of an axis, None if it has fewer than two."""
    for each in variables:
        if each.axes == (axis,) and each.name in ("_index", "index") and each.shape[0] > 1:
            return [str(name) for name in each.values()]
    return None


def _are_numbers(names: list[str]) -> bool:
    try:
        return bool(np.isfinite(np.array(names, dtype=np.float64)).all())
    except ValueError:
        return False
