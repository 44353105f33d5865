"""Spike times of sorted units in an NWB file, binned; positions and areas of their electrodes."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from napari_crbm.errors import RecordingError
from napari_crbm.io.options import ReadOptions
from napari_crbm.recording import Recording, Step
from napari_crbm.regions import Regions
from napari_crbm.spikes import Spikes

#: Width of a bin unless another one is asked for, seconds.
BIN_S = 0.05
_MOST_VALUES = 1 << 33
_BLOCK = 256
_ROUNDING = 1e-9
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
        warnings.warn(
            f"Spike times are binned at {1000 * bin_s:g} ms: set the option bin_s (--bin-s) for "
            "another width.",
            stacklevel=3,
        )
    electrodes = _electrodes(units)
    return Recording(
        coordinates=_coordinates(electrodes, notes),
        spikes=spikes,
        times=np.asarray(start + bin_s * (0.5 + np.arange(spikes.n_frames)), dtype=np.float64),
        name=name,
        regions=_areas(electrodes),
        provenance=(Step("read NWB", notes), Step("bin spike times", {"bin_s": bin_s})),
    )


def binned(
    times: NDArray[np.float64], unit: NDArray[np.int64], n_units: int, bin_s: float | None = None
) -> tuple[Spikes, float, float, int]:
    """Bin spike times.

    Parameters
    ----------
    times : (K,)
        Seconds.
    unit : (K,)
        The unit of every spike.
    n_units : int
    bin_s : float, optional
        Width of a bin.

    Returns
    -------
    spikes : Spikes
    start : float
        Time at which the first bin begins, seconds.
    bin_s : float
    several : int
        Spikes that share a bin with another of their unit.

    Raises
    ------
    RecordingError
        If there would be too many bins.
    """
    width = BIN_S if bin_s is None else bin_s
    start = float(np.floor(times.min() / width) * width)
    # A time on the edge of a bin belongs to the later one, whatever rounding makes of it.
    place = (times - start) / width + _ROUNDING
    n_bins = int(place.max()) + 1
    if n_bins * n_units > _MOST_VALUES:
        raise RecordingError(
            f"Bins of {width:g} s over {times.max() - start:,.0f} s would be {n_bins:,} frames of "
            f"{n_units:,} units, which is too many: are the times in seconds? Use wider bins."
        )
    counts = sparse.csc_array(
        (np.ones(len(times), dtype=np.int64), (place.astype(np.int64), unit)),
        shape=(n_bins, n_units),
    )
    counts.sum_duplicates()

    def tiles() -> Any:
        for first in range(0, n_units, _BLOCK):
            yield 0, first, counts[:, first : first + _BLOCK].toarray() > 0

    spikes = Spikes.from_tiles(tiles(), n_bins, n_units)
    return spikes, start, width, int(counts.data.sum() - counts.nnz)


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
