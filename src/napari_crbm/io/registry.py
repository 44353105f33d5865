"""Which reader opens which file: one line a format."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import h5py

from napari_crbm.errors import FormatError, RecordingError
from napari_crbm.io import hdf5, native, paper
from napari_crbm.io.options import ReadOptions
from napari_crbm.recording import Recording


class Reader(NamedTuple):
    """A recording format: its kind, a quick look at an open file, and the reading."""

    kind: str
    can_read: Callable[[h5py.File], bool]
    read: Callable[[h5py.File, Path, ReadOptions], Recording]


READERS = (
    Reader("recording", native.can_read, native.read),
    Reader("paper-recording", paper.can_read, paper.read),
)


def read_kind(path: str | Path) -> str:
    """What a file holds: "recording", "paper-recording", "model" or "checkpoint".

    Raises
    ------
    FormatError
        If it is none of these, or cannot be read at all.
    """
    with hdf5.reading(path) as file:
        kind = hdf5.kind_of(file)
        if kind is not None:
            return kind
        for reader in READERS:
            if reader.can_read(file):
                return reader.kind
        raise FormatError(_unknown(file))


def open_recording(
    path: str | Path,
    *,
    keep_unlabelled: bool = True,
    flip_z: bool | None = None,
    space: Literal["zbrain", "native"] | None = None,
    unit: Literal["mm", "um"] | None = None,
    region_names: str | Path | Sequence[str] | None = None,
    frame_rate_hz: float | None = None,
    binarise: float | None = None,
    group: str | None = None,
    neurons_first: bool | None = None,
) -> Recording:
    """Open a recording of ours, or one in the layout of the paper and of Fishualizer.

    Activity is packed to one bit a value while it is read; fluorescence stays in the
    file. All options but the first are for files of other programs.

    Parameters
    ----------
    path : path
        HDF5 file; it is opened read-only.
    keep_unlabelled : bool
        False drops neurons outside all regions, as the paper does.
    flip_z : bool, optional
        Whether stored z runs from ventral to dorsal and must be turned around. True by
        default, which is how the paper's files are.
    space : {"zbrain", "native"}, optional
        Which coordinates to use; ZBrain's by default where the file has them.
    unit : {"mm", "um"}, optional
        Unit of the stored coordinates. By default millimetres if the neurons span less
        than 5, micrometres otherwise.
    region_names : path or sequence of str, optional
        Name of every stored region, as a sequence or a text file with one a line.
    frame_rate_hz : float, optional
        Replaces the stored times.
    binarise : float, optional
        Detect events in the fluorescence instead of reading spikes, with this threshold
        in standard deviations of a neuron's noise; 2 to 3 are usual.
    group : str, optional
        HDF5 group to read, for files with several recordings.
    neurons_first : bool, optional
        Whether activity is stored as (neurons, frames); by default told from shapes.

    Returns
    -------
    Recording

    Raises
    ------
    FormatError
        If the file cannot be read or is not a recording.
    RecordingError
        If its content is incomplete or contradicts itself.
    """
    path = Path(path)
    options = ReadOptions(
        keep_unlabelled=keep_unlabelled,
        flip_z=flip_z,
        space=space,
        unit=unit,
        region_names=region_names,
        frame_rate_hz=frame_rate_hz,
        binarise=binarise,
        group=group,
        neurons_first=neurons_first,
    )
    with hdf5.reading(path) as file:
        for reader in READERS:
            if reader.can_read(file):
                try:
                    return reader.read(file, path, options)
                except RecordingError as error:
                    raise RecordingError(f"{path.name}: {error}") from error
        if hdf5.kind_of(file) is not None:
            hdf5.require_kind(file, "recording")
        raise FormatError(_unknown(file))


def _unknown(file: h5py.File) -> str:
    found: list[str] = []
    file.visititems(
        lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None
    )
    listing = ", ".join(found[:8]) + (", ..." if len(found) > 8 else "") if found else "nothing"
    return (
        f"{hdf5.file_name(file)} is not a recording this program knows: it needs neuron positions "
        "(such as 'Coordinates') and activity (such as 'ThresholdedSpikes' or 'DFF'); "
        f"found {listing}."
    )
