"""Spike times of sorted units in an NWB file, binned; positions and areas of their electrodes."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from napari_crbm.errors import RecordingError
from napari_crbm.io.options import ReadOptions
from napari_crbm.io.reading.spike_times import BINNED, bin_centres, binned, default_width
from napari_crbm.recording import Recording, Step
from napari_crbm.regions import Regions

_NO_AREA = ("", "unknown", "none", "nan", "void")


def has_units(nwbfile: Any) -> bool:
    """Return whether a file holds units with spike times."""
    units = nwbfile.units
    return units is not None and "spike_times" in units.colnames and len(units) > 0


def read(nwbfile: Any, name: str, options: ReadOptions, notes: dict[str, Any]) -> Recording:
    """Bin the spike times of all units.

    A unit is active in a bin in which it has one spike or more.

    Raises
    ------
    RecordingError
        If there are no spikes, or too many bins.
    """
    units = nwbfile.units
    index = units["spike_times"]
    ends = np.asarray(index.data[:], dtype=np.int64)
    times = np.asarray(index.target.data[:], dtype=np.float64)
    unit = np.repeat(np.arange(len(ends)), np.diff(ends, prepend=0))
    known = np.isfinite(times)
    times, unit = times[known], unit[known]
    if len(times) < 2 or not np.ptp(times) > 0:
        raise RecordingError("The units of the file have no spikes at different times.")
    spikes, start, bin_s, several = binned(times, unit, len(ends), options.bin_s)
    notes |= {
        "units": len(ends),
        "bin_s": bin_s,
        "spikes": len(times),
        "spikes_that_share_a_bin": several,
    }
    if options.bin_s is None:
        warnings.warn(default_width(bin_s), stacklevel=3)
    electrodes = _electrodes(units)
    return Recording(
        coordinates=_coordinates(electrodes, notes),
        spikes=spikes,
        times=bin_centres(start, bin_s, spikes.n_frames),
        name=name,
        regions=_areas(electrodes),
        provenance=(Step("read NWB", notes), Step(BINNED, {"bin_s": bin_s})),
    )


def _electrodes(units: Any) -> list[Any] | None:
    """Return the rows of the electrodes table of every unit, as data frames."""
    if "electrodes" not in units.colnames:
        return None
    column = units["electrodes"]
    region = getattr(column, "target", column)
    rows = np.asarray(region.data[:], dtype=np.int64)
    n_units = len(units)
    if column is region:
        ends = np.arange(1, n_units + 1)
    else:
        ends = np.asarray(column.data[:], dtype=np.int64)
    if len(rows) != ends[-1]:
        return None
    table = region.table.to_dataframe()
    starts = np.concatenate([[0], ends[:-1]])
    return [table.iloc[rows[a:b]] for a, b in zip(starts, ends, strict=True)]


def _coordinates(electrodes: list[Any] | None, notes: dict[str, Any]) -> NDArray[np.float32] | None:
    """Return mean electrode positions (N, 3), z, y, x in micrometres; None if unknown.

    NWB's x runs to posterior, y downwards and z to the right. Without these, positions on
    the probe: its depth is z.
    """
    if electrodes is None:
        return None
    columns = set(electrodes[0].columns)
    for names, what in ((("y", "x", "z"), "x, y, z"), (("rel_y", None, "rel_x"), "rel_x, rel_y")):
        if not {name for name in names if name} <= columns:
            continue
        zyx = np.zeros((len(electrodes), 3))
        for axis, name in enumerate(names):
            if name is not None:
                zyx[:, axis] = [rows[name].astype(float).mean() for rows in electrodes]
        if np.isfinite(zyx).all(axis=1).any() and np.ptp(zyx[np.isfinite(zyx).all(axis=1)]) > 0:
            notes["positions"] = f"mean of the electrodes' {what}"
            return zyx.astype(np.float32)
    return None


def _areas(electrodes: list[Any] | None) -> Regions | None:
    """Return the area of the electrode of every unit, by the column ``location``."""
    if electrodes is None or "location" not in electrodes[0].columns:
        return None
    areas = []
    for rows in electrodes:
        named = [str(area).strip() for area in rows["location"]]
        named = [area for area in named if area.lower() not in _NO_AREA]
        areas.append(max(named, key=named.count) if named else "")
    names = sorted(set(areas) - {""})
    if not names:
        return None
    member = np.array(areas)[:, None] == np.array(names)[None, :]
    return Regions(sparse.csc_array(member), tuple(names))
