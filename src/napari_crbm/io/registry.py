"""Which reader opens which file: one line a format."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import h5py

from napari_crbm.errors import FormatError, RecordingError
from napari_crbm.io import arrays, caiman, hdf5, native, paper, reference, suite2p
from napari_crbm.io.options import ReadOptions
from napari_crbm.recording import Recording


class Reader(NamedTuple):
    """A recording format: its kind, a quick look at a file or folder, and the reading."""

    kind: str
    can_read: Callable[[Path], bool]
    read: Callable[[Path, ReadOptions], Recording]


def _in_hdf5(
    kind: str,
    can_read: Callable[[h5py.File], bool],
    read: Callable[[h5py.File, Path, ReadOptions], Recording],
) -> Reader:
    """A reader that is handed an open HDF5 file."""

    def looks_right(path: Path) -> bool:
        with hdf5.reading(path) as file:
            return can_read(file)

    def read_path(path: Path, options: ReadOptions) -> Recording:
        with hdf5.reading(path) as file:
            return read(file, path, options)

    return Reader(kind, looks_right, read_path)


# HDF5 comes last: its readers complain about files that are none.
READERS = (
    Reader("suite2p-recording", suite2p.can_read, suite2p.read),
    Reader("array-recording", arrays.can_read, arrays.read),
    _in_hdf5("recording", native.can_read, native.read),
    _in_hdf5("caiman-recording", caiman.can_read, caiman.read),
    _in_hdf5("paper-recording", paper.can_read, paper.read),
)


def read_kind(path: str | Path) -> str:
    """What a file or folder holds: "model", "checkpoint", "recording" or "...-recording".

    Raises
    ------
    FormatError
        If it is none of these, or cannot be read at all.
    """
    path = Path(path)
    if reference.can_read(path):
        return "model"
    for reader in READERS:
        if reader.can_read(path):
            return reader.kind
    with hdf5.reading(path) as file:
        kind = hdf5.kind_of(file)
        if kind is None:
            raise FormatError(_unknown(file))
        return kind


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
    um_per_pixel: float | None = None,
    plane_spacing_um: float | None = None,
) -> Recording:
    """Open a recording: ours, the paper's (Fishualizer), a Suite2p folder, or plain arrays.

    Activity is packed to one bit a value while it is read; fluorescence stays in the
    file. All options but the first are for files of other programs.

    Parameters
    ----------
    path : path
        HDF5 file, Suite2p folder, or .npz or .mat file; opened read-only.
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
    um_per_pixel, plane_spacing_um : float, optional
        Size of a pixel and distance of planes, for Suite2p folders, which store neither.

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
        um_per_pixel=um_per_pixel,
        plane_spacing_um=plane_spacing_um,
    )
    if reference.can_read(path):
        raise FormatError(f"{path.name} holds a trained model, but a recording is needed.")
    for reader in READERS:
        if reader.can_read(path):
            try:
                return reader.read(path, options)
            except RecordingError as error:
                raise RecordingError(f"{path.name}: {error}") from error
    with hdf5.reading(path) as file:
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
