"""Guess which arrays hold the positions of neurons, in which unit and order of axes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_crbm.io.reading.layout import CLEARLY_SMOOTHER, MOSTLY_ZERO, smoothness
from napari_crbm.io.reading.position_units import LARGEST_EXTENT_MM, are_whole, unit_said
from napari_crbm.io.reading.sources import Array, Entry
from napari_crbm.io.reading.usual_names import (
    AXIS_NAMES,
    NOT_POSITIONS,
    POSITION_NAMES,
    contains,
    rank,
    without_unit,
)
from napari_crbm.io.unknown.profile import Unit

_SAMPLE = 256
# Whole brains of 50,000 neurons are recorded for 5,000 frames and more.
_MOST_NEURONS_A_FRAME = 10
_MOST_POSITIONS = 20_000_000


def last_part(entry: Entry) -> str:
    """Return the last part of an array's name, in lower case and without a unit."""
    return without_unit(entry.name.rsplit("/", 1)[-1].lower().removesuffix(".npy"))


def corner(activity: Array) -> NDArray[np.float64]:
    """Read a corner of the activity, in stored axes."""
    rows, columns = (min(length, 4 * _SAMPLE) for length in activity.shape)
    if rows * columns > _SAMPLE * _SAMPLE * 4:
        rows, columns = min(rows, 2 * _SAMPLE), min(columns, 2 * _SAMPLE)
    return np.asarray(activity[:rows, :columns], dtype=np.float64)


def find_positions(
    entries: Sequence[Entry], arrays: Mapping[str, Array], reasons: dict[str, str]
) -> tuple[tuple[str, ...], int | None, bool]:
    """Return the names of the position arrays, the number of neurons, whether axes come first.

    A candidate is refused if its values or the activity contradict it: see `_doubt`.
    """
    tables = [entry for entry in entries if entry.numeric and len(entry.shape) == 2]
    lengths = {length for entry in tables for length in entry.shape}
    ranked = []
    for order, entry in enumerate(tables):
        name = last_part(entry)
        if not {2, 3} & set(entry.shape) or contains(name, NOT_POSITIONS):
            continue
        axes_first = entry.shape[1] not in (2, 3) or (
            entry.shape[0] in (2, 3) and entry.shape[0] > entry.shape[1]
        )
        n_neurons = entry.shape[1 if axes_first else 0]
        place = rank(name, POSITION_NAMES)
        alone = sum(n_neurons in other.shape for other in tables) < 2
        if n_neurons < 2 or n_neurons not in lengths:
            continue
        unnamed = place == len(POSITION_NAMES)
        planar = entry.shape[0 if axes_first else 1] == 2
        ranked.append((alone, unnamed, place, planar, order, entry, n_neurons, axes_first))
    for _, unnamed, *_, entry, n_neurons, axes_first in sorted(ranked, key=lambda row: row[:5]):
        if why := _doubt(entry, n_neurons, unnamed, tables, arrays):
            reasons["positions"] = f"not '{entry.name}': {why}"
            continue
        reasons["positions"] = f"shape {entry.shape}" + ("" if unnamed else " and name")
        return (entry.name,), n_neurons, axes_first
    vectors = {last_part(entry): entry for entry in entries if entry.numeric}
    for names in AXIS_NAMES:
        found = [vectors[name] for name in names if name in vectors]
        counts = {math.prod(entry.shape) for entry in found}
        if len(found) >= 2 and len(counts) == 1 and names[0] in vectors and names[1] in vectors:
            reasons["positions"] = "the names of the axes"
            return tuple(entry.name for entry in found), counts.pop(), False
    return (), None, False


def _doubt(
    entry: Entry,
    n_neurons: int,
    unnamed: bool,
    tables: Sequence[Entry],
    arrays: Mapping[str, Array],
) -> str | None:
    """Return why an array cannot hold positions, or None."""
    if math.prod(entry.shape) <= _MOST_POSITIONS:
        values = np.asarray(arrays[entry.name][...], dtype=np.float64)
        known = values[np.isfinite(values)]
        if not len(known):
            return "it holds no finite numbers"
        if len(np.unique(known[: 4 * _SAMPLE])) <= 2:
            return "it holds two values only"
        along = 0 if entry.shape[0] == n_neurons else 1
        if not np.nanmax(np.ptp(values, axis=along)) > 0 and n_neurons > 1:
            return "all neurons would be in one place"
    if not unnamed:
        return None
    others = [other for other in tables if other is not entry and n_neurons in other.shape]
    for other in others:
        if other.shape[0] == other.shape[1] or min(other.shape) <= 3:
            continue
        n_frames = other.shape[1 if other.shape[0] == n_neurons else 0]
        sample = corner(arrays[other.name])
        neurons_axis = 0 if other.shape[0] == n_neurons else 1
        if _is_continuous(sample):
            across = smoothness(sample, neurons_axis) - smoothness(sample, 1 - neurons_axis)
            # Of a small sample the difference is uncertain.
            if across > CLEARLY_SMOOTHER + 4 / math.sqrt(sample.size):
                return f"'{other.name}' changes slowly along this axis, so it counts frames"
        elif n_neurons > n_frames * (_MOST_NEURONS_A_FRAME if 3 in entry.shape else 1):
            return f"'{other.name}' would have {n_neurons:,} neurons in {n_frames:,} frames"
    return None


def _is_continuous(sample: NDArray[np.float64]) -> bool:
    return bool(np.mean(sample == 0) < MOSTLY_ZERO)


def space_of(
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
    if (named := unit_said(said)) is not None:
        unit, reasons["unit"] = named, f"the file says '{said}'"
    elif 0 < extent.max() < LARGEST_EXTENT_MM:
        unit, reasons["unit"] = "mm", f"neurons span {extent.max():.3g}"
    elif are_whole(values):
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
