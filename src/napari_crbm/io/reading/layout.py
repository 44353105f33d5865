"""Names, axes and chunks of HDF5 files of other programs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import FormatError, RecordingError, SettingError, SeveralRecordings
from napari_crbm.io.reading.hdf5 import file_name
from napari_crbm.io.reading.matlab_cells import holds_references
from napari_crbm.io.reading.matlab_sparse import matlab_sparse
from napari_crbm.io.reading.sources import Array
from napari_crbm.io.reading.usual_names import NOT_POSITIONS, contains

#: Names under which Fishualizer and the paper's files keep each field, compared without
#: regard to case with the last part of a dataset's path; the first found counts.
ALIASES: dict[str, tuple[str, ...]] = {
    "zbrain": ("zbraincoordinates", "zbrain_coordinates", "zbraincoords", "zbrain_coords"),
    "native": ("coordinates", "coords", "coordinates_raw"),
    "reference": (
        "refcoordinates",
        "ref_coordinates",
        "refcoords",
        "ref_coords",
        "reference_coordinates",
        "coordinates_registered",
    ),
    "spikes": ("thresholdedspikes", "spikes", "spike_data", "spike"),
    "fluorescence": (
        "dff_align",
        "dff_aligned",
        "df_aligned",
        "dff",
        "df",
        "calcium_data",
        "calcium",
        "values",
    ),
    "times": ("times", "time", "time_vector"),
    "labels": ("labels", "region_labels", "zbrainatlas_labels"),
    "label_names": ("region_names", "label_names", "labelnames"),
    "sampling_rate": ("sampling_rate", "sr", "frame_rate_hz", "frame_rate", "fs", "fps"),
}
_TRACES = {
    "behavior",
    "behaviour",
    "behav",
    "stimulus",
    "stim",
    "stimuli",
    "stimulus_trace",
    "tiltangle",
}

# What makes a group a recording.
_NEEDED = {
    "positions": ("zbrain", "native", "reference"),
    "activity": ("spikes", "fluorescence"),
}

#: Where the paper's files keep everything; written by MATLAB, so frames come first.
PAPER_GROUP = "/Data/Brain"

# Values held at a time while reading: small beside the packed result.
_TILE_VALUES = 1 << 20
# Where small blocks would mean reading the same bytes again and again.
_LARGEST_BLOCK_VALUES = 1 << 26


class Fields(NamedTuple):
    """Datasets of a recording by their role."""

    known: dict[str, h5py.Dataset]
    traces: dict[str, h5py.Dataset]
    others: tuple[str, ...]
    shapes: Mapping[str, tuple[int, ...]] = MappingProxyType({})

    def first(self, *names: str) -> tuple[str, h5py.Dataset] | None:
        """Return the first of these fields that the file has, with its name."""
        for name in names:
            if name in self.known:
                return name, self.known[name]
        return None


def find_fields(file: h5py.File, group: str | None = None) -> Fields:
    """Recognise datasets by the last part of their path.

    Raises
    ------
    FormatError
        If the group does not exist, or two datasets of the same name claim a field;
        `SeveralRecordings` if there are several, each in a group of its own.
    """
    root = file if group is None else file.get(group)
    if not isinstance(root, h5py.Group):
        raise FormatError(
            f"{file_name(file)} has no group '{group}'; it has {', '.join(file) or 'none'}."
        )
    datasets: list[h5py.Dataset] = []

    def note(_name: str, item: object) -> None:
        # Empty datasets have no shape.
        if isinstance(item, h5py.Dataset) and item.shape is not None:
            # Cell arrays have no numbers themselves.
            if "MATLAB_sparse" not in item.parent.attrs and not holds_references(item):
                datasets.append(item)
        elif isinstance(item, h5py.Group) and "MATLAB_sparse" in item.attrs:
            datasets.append(matlab_sparse(item))

    root.visititems(note)
    last = {dataset.name: dataset.name.rsplit("/", 1)[-1].lower() for dataset in datasets}
    groups = _recording_groups(last)
    if len(groups) > 1 and not any(name.startswith(PAPER_GROUP) for name in groups):
        raise SeveralRecordings(
            f"{file_name(file)} holds {len(groups)} recordings: {', '.join(groups[:12])}"
            f"{', ...' if len(groups) > 12 else ''}. Choose one with the option group.",
            tuple(groups),
        )
    known = {}
    for field, aliases in ALIASES.items():
        ranked = sorted(
            (not dataset.name.startswith(PAPER_GROUP), aliases.index(last[dataset.name]), index)
            for index, dataset in enumerate(datasets)
            if last[dataset.name] in aliases
        )
        if len(ranked) > 1 and ranked[0][:2] == ranked[1][:2]:
            one, other = (datasets[ranked[k][2]].name for k in (0, 1))
            raise FormatError(
                f"{file_name(file)} holds both '{one}' and '{other}', so it is not clear which "
                "recording to open: name its HDF5 group with the option group."
            )
        if ranked:
            known[field] = datasets[ranked[0][2]]
    used = {dataset.name for dataset in known.values()}
    traces = {
        dataset.name.rsplit("/", 1)[-1]: dataset
        for dataset in datasets
        if last[dataset.name] in _TRACES
    }
    used |= {dataset.name for dataset in traces.values()}
    others = tuple(sorted(set(last) - used))
    shapes = {d.name: tuple(d.shape or ()) for d in datasets if d.name in others}
    return Fields(known, traces, others, shapes)


def _recording_groups(last: dict[str, str]) -> list[str]:
    """Return the innermost groups that hold both positions and activity."""
    holds: dict[str, set[str]] = {}
    for name, alias in last.items():
        for what, fields in _NEEDED.items():
            if any(alias in ALIASES[field] for field in fields):
                parent = name.rsplit("/", 1)[0]
                while parent:
                    holds.setdefault(parent, set()).add(what)
                    parent = parent.rsplit("/", 1)[0]
    complete = [group for group, found in holds.items() if len(found) == len(_NEEDED)]
    return sorted(
        group for group in complete if not any(other.startswith(f"{group}/") for other in complete)
    )


def coordinates_are_transposed(dataset: h5py.Dataset) -> bool:
    """Return whether coordinates are stored as (3, N) rather than (N, 3).

    Raises
    ------
    RecordingError
        If neither axis has length three, or there are no neurons.
    """
    shape = dataset.shape
    if len(shape) != 2 or 3 not in shape or dataset.dtype.kind not in "iuf":
        raise RecordingError(
            f"Dataset '{dataset.name}' must hold numbers of shape (neurons, 3) or (3, neurons); "
            f"found {dataset.dtype} of shape {shape}."
        )
    if 0 in shape:
        raise RecordingError(
            f"Dataset '{dataset.name}' holds no neurons (shape {shape}): at least one is needed."
        )
    if shape == (3, 3):
        return str(dataset.name).startswith(PAPER_GROUP)
    return bool(shape[0] == 3)


def activity_is_neurons_first(
    activity: h5py.Dataset, n_neurons: int, coordinates_transposed: bool, said: bool | None
) -> bool:
    """Return whether activity is stored as (N, T) rather than (T, N).

    Told by the axis as long as there are neurons. If both are, files written by MATLAB
    (everything in the paper's group, or coordinates as (3, N)) have frames first.

    Raises
    ------
    RecordingError
        If no axis matches, or both do and nothing else tells.
    """
    shape = activity.shape
    if len(shape) != 2 or activity.dtype.kind not in "biuf":
        raise RecordingError(
            f"Dataset '{activity.name}' must hold numbers of shape (frames, neurons) or "
            f"(neurons, frames); found {activity.dtype} of shape {shape}."
        )
    fits = [length == n_neurons for length in shape]
    if said is not None:
        fits = [fits[0] and said, fits[1] and not said]
    if not any(fits):
        raise SettingError(
            "Dataset '{name}' has shape {shape}, which does not match {n} neuron positions"
            + ("." if said is None else f" with {{neurons_first:{said}}}."),
            {"name": activity.name, "shape": str(shape), "n": str(n_neurons)},
        )
    if all(fits):
        if coordinates_transposed or activity.name.startswith(PAPER_GROUP):
            return False
        raise SettingError(
            "Dataset '{name}' has as many frames as neurons ({n}), so shapes do not tell which "
            "axis is which: set {neurons_first:True} or {neurons_first:False}.",
            {"name": activity.name, "n": str(n_neurons)},
        )
    return bool(fits[0])


def neurons_first_without_positions(
    sample: NDArray[np.generic],
    shape: tuple[int, ...],
    n_times: int | None = None,
    said: bool | None = None,
) -> bool:
    """Return whether neurons are on the first axis, when no positions tell their number.

    Told by the option, else by the number of frame times, else by the axis along which
    traces change slowly, else by the longer axis, which is time. Spikes and deconvolved
    activity, which are mostly zero, are not judged by how slowly they change: neurons of
    one assembly are often neighbours in the file.

    Parameters
    ----------
    sample : (m, n) array
        A corner of the activity in its stored axes.
    shape : tuple of int
        Of the whole activity.
    n_times : int, optional
        Number of frame times.
    said : bool, optional
        The option ``neurons_first``.
    """
    if said is not None:
        return said
    if n_times is not None and shape[0] != shape[1] and n_times in shape:
        return shape[0] != n_times
    values = np.asarray(sample, dtype=np.float64)
    if np.mean(values == 0) < MOSTLY_ZERO:
        along = [smoothness(values, axis) for axis in (0, 1)]
        if abs(along[0] - along[1]) > CLEARLY_SMOOTHER:
            return along[1] > along[0]
    return shape[0] < shape[1]


#: Rows and columns that are enough to tell time from neurons.
SAMPLED = 1024


def could_be_positions(name: str, shape: tuple[int, ...], activity: tuple[int, ...]) -> bool:
    """Return whether an array may hold positions, with the activity of another shape.

    It has two or three numbers for each entry of an axis of the activity, and no name
    that says otherwise.
    """
    last = name.rsplit("/", 1)[-1].lower()
    if len(shape) != 2 or contains(last, NOT_POSITIONS):
        return False
    return any(axes in (2, 3) and count in activity for axes, count in (shape, shape[::-1]))


def without_positions(n_frames: int, n_neurons: int) -> str:
    """Return the warning about a file without positions, which says how it was read."""
    return (
        f"The file has no neuron positions: {n_neurons:,} neurons in {n_frames:,} frames are read. "
        "If these are swapped, set the option neurons_first."
    )


#: Share of zeros from which activity is spikes or deconvolved, not fluorescence.
MOSTLY_ZERO = 0.3

#: Difference of autocorrelations from which one axis counts as time.
CLEARLY_SMOOTHER = 0.05


def smoothness(sample: NDArray[np.float64], axis: int) -> float:
    """Return the mean lag-1 autocorrelation along an axis."""
    values = np.nan_to_num(np.moveaxis(sample, axis, 0))
    if len(values) < 3:
        return 0.0
    centred = values - values.mean(axis=0)
    variance = float((centred**2).mean())
    return float((centred[1:] * centred[:-1]).mean()) / variance if variance > 0 else 0.0


def on_first_axis(
    name: str,
    shape: tuple[int, ...] | None,
    n_neurons: int,
    usual: bool,
    said: bool | None = None,
) -> bool:
    """Return whether neurons are on the first axis of activity, for formats with a fixed order.

    Parameters
    ----------
    name : str
        Of the dataset, for messages.
    shape : tuple of int, or None
        None for an HDF5 dataset without any.
    n_neurons : int
    usual : bool
        The rule, which decides if both axes fit.
    said : bool, optional
        What the person says; decides always.

    Raises
    ------
    RecordingError
        If the axis does not have one entry a neuron.
    """
    if shape is None:
        raise RecordingError(f"'{name}' is empty.")
    first = usual if said is None else said
    if len(shape) == 2 and said is None and shape[0 if usual else 1] != n_neurons:
        first = not usual
    if len(shape) != 2 or shape[0 if first else 1] != n_neurons:
        raise SettingError(
            "'{name}' has shape {shape}; one axis for {n} neurons and one for frames are expected"
            + ("." if said is None else f", with {{neurons_first:{said}}}."),
            {"name": name, "shape": str(shape), "n": f"{n_neurons:,}"},
        )
    return first


def tiles(dataset: Array) -> Iterator[tuple[int, int, NDArray[np.generic]]]:
    """Read a 2-D dataset in rectangles of whole chunks, about a million values each.

    Yields
    ------
    (first row, first column, values)
        In stored axes.
    """
    n_rows, n_columns = dataset.shape
    if 0 in dataset.shape:
        return
    rows, columns = getattr(dataset, "chunks", None) or (1, n_columns)
    columns = min(columns * max(1, _TILE_VALUES // (rows * columns)), n_columns)
    rows = min(rows * max(1, _TILE_VALUES // (rows * columns)), n_rows)
    for row in range(0, n_rows, rows):
        for column in range(0, n_columns, columns):
            yield row, column, dataset[row : row + rows, column : column + columns]


def activity_tiles(
    dataset: Array, neurons_first: bool, kept: NDArray[np.int64] | None = None
) -> Iterator[tuple[int, int, NDArray[np.generic]]]:
    """Yield tiles as (first frame, first neuron, (t, n)) of the kept neurons."""
    for row, column, stored in tiles(dataset):
        frame, neuron, tile = (column, row, stored.T) if neurons_first else (row, column, stored)
        if kept is not None:
            first, last = np.searchsorted(kept, [neuron, neuron + tile.shape[1]])
            tile, neuron = tile[:, kept[first:last] - neuron], int(first)
        yield frame, neuron, tile


def neuron_ranges(n_frames: int, n_neurons: int, chunk_neurons: int) -> Iterator[tuple[int, int]]:
    """Return ranges of neurons whose whole traces fit a block, aligned with the file's chunks.

    Chunks are read once as long as their neurons fit a quarter of a gigabyte (see
    `scattered`). Wider ones are read anew for every block, so then there are few blocks.
    """
    chunk_neurons = max(chunk_neurons, 1)
    most = max(1, _LARGEST_BLOCK_VALUES // max(n_frames, 1))
    if scattered(n_frames, n_neurons, chunk_neurons):
        size = min(math.ceil(n_neurons / 16), most)
    else:
        size = max(1, _TILE_VALUES // max(n_frames, 1))
        size = min(chunk_neurons, n_neurons) * max(1, size // chunk_neurons)
    for start in range(0, n_neurons, size):
        yield start, min(start + size, n_neurons)


def scattered(n_frames: int, n_neurons: int, chunk_neurons: int) -> bool:
    """Return whether the whole traces of one chunk of neurons are too large to read at once."""
    return n_frames * min(chunk_neurons, n_neurons) > _LARGEST_BLOCK_VALUES
