"""Plain lists of spike times: pairs of neuron and time, or the times of each neuron.

Tables, NumPy files, folders of ``.npy`` files (as phy and ALF write them) and MATLAB cell
arrays. Times are binned; a neuron is active in a bin in which it has one spike or more.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import CRBMError, RecordingError, SettingError
from napari_crbm.io.encodings import read_text
from napari_crbm.io.options import ReadOptions
from napari_crbm.io.reading import hdf5
from napari_crbm.io.reading.matlab_cells import COUNTS, is_matlab
from napari_crbm.io.reading.position_units import zyx_in_um
from napari_crbm.io.reading.sources import (
    Array,
    container_of,
    hdf5_arrays,
    matlab_arrays,
    opened,
    opened_with_tables,
)
from napari_crbm.io.reading.spike_times import BINNED, bin_centres, binned, default_width
from napari_crbm.io.reading.times import SECONDS
from napari_crbm.recording import Recording, Step

_TIMES = (
    *("spike_times", "spike_time", "spiketimes", "spikes.times", "spike_times_s", "times"),
    *("time", "time_s", "timestamps", "timestamp", "t", "spikes"),
)
_NEURONS = (
    *("spike_clusters", "spikes.clusters", "spike_units", "neuron", "neurons", "neuron_id"),
    *("unit", "units", "unit_id", "cell", "cells", "cell_id", "cluster", "clusters"),
    *("cluster_id", "id", "ids"),
)
_POSITIONS = ("xyz", "coordinates", "coords", "positions", "xy")
_ONE_NEURON = re.compile(r"^(\D*)(\d+)$")
# Longer arrays are not read to test whether they are lists of spikes.
_MOST_SPIKES = 1 << 28
# Below this mean rate, in spikes per second, the times are probably in another unit.
_LOWEST_HZ = 0.01


@dataclass(frozen=True, eq=False)
class SpikeList:
    """Spikes of several neurons.

    Parameters
    ----------
    times : (K,) array
        In the unit of the file.
    neuron : (K,) int64
        Index of the neuron of each spike.
    names : array
        Name or number of each neuron in the file.
    where : str
        Names of the arrays.
    """

    times: NDArray[Any]
    neuron: NDArray[np.int64]
    names: NDArray[Any]
    where: str


def can_read(path: Path) -> bool:
    """Return whether a file or folder holds a list of spike times and no activity in frames."""
    container = container_of(path)
    if container not in ("table", "npz", "npy", "matlab", "folder", "hdf5"):
        return False
    # The readers that are tried next report what is wrong with the file.
    with suppress(CRBMError, OSError, ValueError):
        if container == "hdf5":
            with hdf5.reading(path) as file:
                return is_matlab(file) and find_list(_cell_arrays(hdf5_arrays(file))) is not None
        with opened(path) as arrays:
            return find_list(_with_counts(path, arrays)) is not None
    return False


def read(path: Path, options: ReadOptions) -> Recording:
    """Bin the spike times of all neurons.

    Raises
    ------
    RecordingError
        If there is no list of spikes, the unit of its times is unknown, all spikes have the same
        time, or there would be too many bins.
    """
    with _opened(path) as (arrays, lists):
        found = find_list(lists)
        if found is None:
            raise RecordingError(
                f"{path.name} no longer holds a list of spike times. Put the file back, or open "
                "another one."
            )
        notes: dict[str, Any] = {"file": path.name, "arrays": found.where}
        coordinates = _coordinates(found, arrays, options, notes)
    times, neuron = _seconds(path, found, options, notes), found.neuron
    known = np.isfinite(times)
    times, neuron = times[known], neuron[known]
    if len(times) < 2 or not np.ptp(times) > 0:
        raise RecordingError("There are no spikes at different times.")
    rate = len(times) / np.ptp(times) / len(found.names)
    if rate < _LOWEST_HZ and options.time_unit is None:
        warnings.warn(
            f"Neurons have {rate:.2g} spikes per second on average, so the times are probably not "
            "in seconds. Set the option time_unit (--time-unit), such as 'ms'.",
            stacklevel=3,
        )
    spikes, start, bin_s, several = binned(times, neuron, len(found.names), options.bin_s)
    if options.bin_s is None:
        warnings.warn(default_width(bin_s), stacklevel=3)
    notes |= {
        "neurons": f"{found.names[0]} to {found.names[-1]}",
        "spikes": len(times),
        "spikes_without_time": int((~known).sum()),
        "spikes_that_share_a_bin": several,
    }
    return Recording(
        coordinates=coordinates,
        spikes=spikes,
        times=bin_centres(start, bin_s, spikes.n_frames),
        name=path.stem,
        provenance=(Step("read spike times", notes), Step(BINNED, {"bin_s": bin_s})),
    )


def find_list(arrays: Mapping[str, Array]) -> SpikeList | None:
    """Return the list of spikes among the arrays of a file, None if there is none."""
    last = {_short(name): name for name in reversed(list(arrays))}
    for short in (each for each in _TIMES if each in last):
        name = last[short]
        if not _is_list(arrays[name]):
            continue
        times = np.ravel(arrays[name][...])
        for end in (f"{name}{COUNTS}", f"{name}_index"):
            if end in arrays and short != "time" and (found := _ragged(name, times, arrays, end)):
                return found
        for each in (last[short] for short in _NEURONS if short in last):
            if _is_list(arrays[each], text=True) and len(np.ravel(arrays[each][...])) == len(times):
                names, neuron = np.unique(np.ravel(arrays[each][...]), return_inverse=True)
                if 1 < len(names) < len(times) and arrays[each].dtype.kind != "f":
                    return SpikeList(times, neuron.astype(np.int64), names, f"{name}, {each}")
    return _one_array_a_neuron(arrays) or _two_columns(arrays)


def _short(name: str) -> str:
    return name.rsplit("/", 1)[-1].lower().removesuffix(".npy")


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Mapping[str, Array], Mapping[str, Array]]]:
    """Open all arrays, and those that may be lists of spikes."""
    if container_of(path) == "hdf5":
        with hdf5.reading(path) as file:
            arrays = hdf5_arrays(file)
            yield arrays, _cell_arrays(arrays)
    else:
        with opened_with_tables(path) as arrays:
            yield arrays, _with_counts(path, arrays)


def _cell_arrays(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Return the cell arrays of an HDF5 file; its other arrays belong to other formats."""
    names = {name.removesuffix(COUNTS) for name in arrays if name.endswith(COUNTS)}
    return {name: each for name, each in arrays.items() if name.removesuffix(COUNTS) in names}


def _with_counts(path: Path, arrays: Mapping[str, Array]) -> Mapping[str, Array]:
    """Add the lengths of MATLAB cell arrays, which other readers do not see."""
    return matlab_arrays(path) if container_of(path) == "matlab" else arrays


def _is_list(array: Array, text: bool = False) -> bool:
    kinds = "iufU" if text else "iuf"
    size = int(np.prod(array.shape))
    flat = len(array.shape) == 1 or (len(array.shape) == 2 and 1 in array.shape)
    return array.dtype.kind in kinds and flat and 3 < size <= _MOST_SPIKES


def _ragged(
    name: str, times: NDArray[Any], arrays: Mapping[str, Array], end: str
) -> SpikeList | None:
    """Return concatenated spike times, split by neuron; None if the arrays do not fit."""
    ends = np.ravel(arrays[end][...]).astype(np.int64)
    counts = ends if end.endswith(COUNTS) else np.diff(ends, prepend=0)
    if len(counts) < 2 or (counts < 0).any() or counts.sum() != len(times):
        return None
    neuron = np.repeat(np.arange(len(counts)), counts)
    if not _sorted_within(times, neuron):
        return None
    return SpikeList(times, neuron, np.arange(len(counts)), name)


def _one_array_a_neuron(arrays: Mapping[str, Array]) -> SpikeList | None:
    """Return lists under names that differ by a number, such as unit_0, unit_1, ..."""
    numbered: dict[str, list[tuple[int, str]]] = {}
    for name, array in arrays.items():
        found = _ONE_NEURON.match(name)
        if found and array.dtype.kind in "iuf" and len(array.shape) == 1:
            numbered.setdefault(found[1], []).append((int(found[2]), name))
    for stem, members in numbered.items():
        parts = [np.ravel(arrays[name][...]) for _, name in sorted(members)]
        if len(parts) < 3 or len({len(part) for part in parts}) == 1:
            continue
        times = np.concatenate(parts)
        neuron = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
        if _sorted_within(times, neuron):
            names = np.array([number for number, _ in sorted(members)])
            return SpikeList(times, neuron, names, f"{stem}{names[0]}, ...")
    return None


def _two_columns(arrays: Mapping[str, Array]) -> SpikeList | None:
    """Return a list of two columns, one of neuron numbers and one of times."""
    tables = [(name, array) for name, array in arrays.items() if len(array.shape) == 2]
    if len(tables) != 1:
        return None
    name, array = tables[0]
    if array.shape[1] != 2 or array.dtype.kind not in "iuf" or not 8 < array.shape[0] < 1 << 27:
        return None
    values = np.asarray(array[...], dtype=np.float64)
    if not np.isfinite(values).all():
        return None
    for which in (0, 1):
        number, times = values[:, which], values[:, 1 - which]
        whole = (number == np.round(number)).all() and not (times == np.round(times)).all()
        names, neuron = np.unique(number, return_inverse=True)
        several = 1 < len(names) <= len(times) // 2
        if whole and several and _sorted_within(times, neuron.astype(np.int64)):
            return SpikeList(times, neuron.astype(np.int64), names.astype(np.int64), name)
    return None


def _sorted_within(times: NDArray[Any], neuron: NDArray[np.int64]) -> bool:
    """Return whether the times of every neuron increase."""
    order = np.argsort(neuron, kind="stable")
    steps = np.diff(times[order].astype(np.float64))
    return bool((steps[np.diff(neuron[order]) == 0] >= 0).all())


def _seconds(
    path: Path, found: SpikeList, options: ReadOptions, notes: dict[str, Any]
) -> NDArray[np.float64]:
    times = found.times.astype(np.float64)
    if options.time_unit is not None:
        notes["time_unit"] = options.time_unit
        return times * SECONDS[options.time_unit]
    known = times[np.isfinite(times)]
    if not (known == np.round(known)).all():
        return times
    rate = _phy_rate(path)
    if rate is None:
        raise SettingError(
            "The spike times in '{array}' are whole numbers, so they are probably not seconds. Set "
            "{time_unit:ms}, {time_unit:us} or {time_unit:s}. If they are sample numbers, divide "
            "them by the sampling rate first.",
            {"array": found.where},
        )
    notes["samples_a_second"] = rate
    return times / rate


def _phy_rate(path: Path) -> float | None:
    """Read the sampling rate from phy's ``params.py``, parsed as text and never executed."""
    folder = path if path.is_dir() else path.parent
    with suppress(OSError):
        text = read_text(folder / "params.py")
        if stated := re.search(r"^\s*sample_rate\s*=\s*([\d.eE+]+)", text, re.MULTILINE):
            rate = float(stated[1])
            return rate if rate > 0 else None
    return None


def _coordinates(
    found: SpikeList, arrays: Mapping[str, Array], options: ReadOptions, notes: dict[str, Any]
) -> NDArray[np.float32] | None:
    """Return positions of the neurons from an array or the columns x, y, z beside the list."""
    last = {_short(name): name for name in reversed(list(arrays))}
    columns = [last[axis] for axis in "xyz" if axis in last]
    stored = None
    if len(columns) > 1:
        parts = [np.ravel(arrays[name][...]) for name in columns]
        stored = np.column_stack(parts) if len({len(part) for part in parts}) == 1 else None
    for name in (last[short] for short in _POSITIONS if short in last):
        shape = arrays[name].shape
        if len(shape) == 2 and (shape[1] in (2, 3) or shape[0] in (2, 3)):
            values = np.asarray(arrays[name][...])
            # MATLAB 7.3 reverses axes.
            stored, columns = values if shape[1] in (2, 3) else values.T, [name]
    rows = None if stored is None else _rows(found.names, len(stored))
    if stored is None or rows is None:
        return None
    xyz = np.zeros((len(rows), 3))
    xyz[:, : stored.shape[1]] = stored[rows]
    zyx, unit = zyx_in_um(xyz, options)
    notes |= {"positions": ", ".join(columns), "unit": unit}
    return zyx.astype(np.float32)


def _rows(names: NDArray[Any], n_rows: int) -> NDArray[np.int64] | None:
    """Return the row of each neuron in a table of cells; None if they do not fit.

    As many rows as neurons are in their order; else numbers count rows from 0.
    """
    if n_rows == len(names):
        return np.arange(n_rows)
    if names.dtype.kind in "iu" and names.min() >= 0 and names.max() < n_rows:
        return names.astype(np.int64)
    return None
