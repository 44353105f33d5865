"""The recording formats, one line per format, and `open_recording`."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Literal, NamedTuple

import h5py

from napari_crbm.errors import (
    CRBMError,
    FieldNotFound,
    FormatError,
    NotBinary,
    RecordingError,
    SettingError,
    UnknownLayout,
)
from napari_crbm.io.formats import (
    caiman,
    chen2018,
    native,
    paper,
    plain_arrays,
    romano,
    spike_lists,
    voluseg,
)
from napari_crbm.io.formats.named_axes import reader as named_axes
from napari_crbm.io.formats.nwb import nwb
from napari_crbm.io.formats.suite2p import folders as suite2p_folders
from napari_crbm.io.formats.suite2p import matlab as suite2p_matlab
from napari_crbm.io.models.model_file import is_foreign
from napari_crbm.io.options import ReadOptions
from napari_crbm.io.reading import hdf5, sources
from napari_crbm.io.reading.spike_times import BINNED
from napari_crbm.io.reading.tables_beside import is_stranger
from napari_crbm.io.reading.times import TimeUnit, in_unit, unit_warning
from napari_crbm.io.unknown import by_profile, zapbench
from napari_crbm.io.unknown.profile import Profile
from napari_crbm.io.unknown.profile_files import load_profile
from napari_crbm.preprocessing import Progress, Stoppable
from napari_crbm.recording import Recording, Source


class Reader(NamedTuple):
    """A recording format: its name, a quick test of a file or folder, and the reader."""

    kind: str
    can_read: Callable[[Path], bool]
    read: Callable[[Path, ReadOptions], Recording]


def _in_hdf5(
    kind: str,
    can_read: Callable[[h5py.File], bool],
    read: Callable[[h5py.File, Path, ReadOptions], Recording],
) -> Reader:
    """Make a reader that receives an open HDF5 file."""

    def looks_right(path: Path) -> bool:
        if path.is_dir() or sources.container_of(path) not in ("hdf5", None):
            return False
        with hdf5.reading(path) as file:
            return can_read(file)

    def read_path(path: Path, options: ReadOptions) -> Recording:
        with hdf5.reading(path) as file:
            return read(file, path, options)

    return Reader(kind, looks_right, read_path)


# HDF5 comes last: its readers complain about files that are none.
READERS = (
    Reader("suite2p-recording", suite2p_folders.can_read, suite2p_folders.read),
    Reader("suite2p-matlab-recording", suite2p_matlab.can_read, suite2p_matlab.read),
    Reader("chen2018-recording", chen2018.can_read, chen2018.read),
    Reader("romano-recording", romano.can_read, romano.read),
    Reader("zapbench-recording", zapbench.can_read, zapbench.read),
    Reader("spike-times-recording", spike_lists.can_read, spike_lists.read),
    Reader("array-recording", plain_arrays.can_read, plain_arrays.read),
    _in_hdf5("recording", native.can_read, native.read),
    _in_hdf5("nwb-recording", nwb.can_read, nwb.read),
    Reader("named-axes-recording", named_axes.can_read, named_axes.read),
    _in_hdf5("caiman-recording", caiman.can_read, caiman.read),
    _in_hdf5("voluseg-recording", voluseg.can_read, voluseg.read),
    _in_hdf5("paper-recording", paper.can_read, paper.read),
)


def read_kind(path: str | Path) -> str:
    """Return what a file or folder holds: "model", "checkpoint", "recording" or "...-recording".

    Raises
    ------
    FormatError
        If it is none of these, or cannot be read at all; `UnknownLayout` if a profile can
        say what its arrays are.
    """
    path = _with_name(path)
    if is_foreign(path):
        return "model"
    for reader in READERS:
        if reader.can_read(path):
            return reader.kind
    if (kind := own_kind(path)) is None:
        raise _unknown(path)
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
    time_unit: TimeUnit | None = None,
    binarise: float | None = None,
    bin_s: float | None = None,
    group: str | None = None,
    neurons_first: bool | None = None,
    um_per_pixel: float | None = None,
    plane_spacing_um: float | None = None,
    profile: Profile | str | Path | None = None,
    progress: Progress | None = None,
    control: Stoppable | None = None,
) -> Recording:
    """Open a recording of any known layout, or of any layout with a profile.

    Activity is packed to one bit a value while it is read; fluorescence stays in the
    file. All options but the first are for files of other programs.

    Parameters
    ----------
    path : path
        File or folder of a format in ``docs/reference/formats.md``; opened read-only.
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
    time_unit : {"s", "ms", "us", "ns"}, optional
        Unit of the stored times, seconds by default.
    binarise : float, optional
        Detect events in the fluorescence instead of reading spikes, with this threshold
        in standard deviations of a neuron's noise; 2 to 3 are usual, and 2 is taken for
        files of imaging programs, which have no spikes.
    bin_s : float, optional
        Width of the bins for spike times in seconds, 0.05 by default.
    group : str, optional
        HDF5 group to read, for files with several recordings; plane or series of an NWB
        file; response array of Chen et al. 2018.
    neurons_first : bool, optional
        Whether activity is stored as (neurons, frames); by default inferred from the shapes.
    um_per_pixel, plane_spacing_um : float, optional
        Size of a pixel and distance of planes, for files that store neither.
    profile : Profile or path, optional
        Says which array of the file is what; no other reader is asked then.
    progress : callable, optional
        Told ``(neurons done, neurons)`` while fluorescence is binarised.
    control : Stoppable, optional
        Asked now and then whether to give up.

    Returns
    -------
    Recording

    Raises
    ------
    FormatError
        If the file cannot be read or is not a recording; `SeveralRecordings` if one of
        several has to be chosen.
    RecordingError
        If its content is incomplete or contradicts itself.

    Examples
    --------
    >>> import napari_crbm
    >>> recording = napari_crbm.open("fish.h5")
    >>> recording.n_neurons, recording.n_frames
    (300, 300)
    """
    path = _with_name(path)
    options = ReadOptions(
        keep_unlabelled=keep_unlabelled,
        flip_z=flip_z,
        space=space,
        unit=unit,
        region_names=region_names,
        frame_rate_hz=frame_rate_hz,
        time_unit=time_unit,
        binarise=binarise,
        bin_s=bin_s,
        group=group,
        neurons_first=neurons_first,
        um_per_pixel=um_per_pixel,
        plane_spacing_um=plane_spacing_um,
        progress=progress,
        control=control,
    )
    recording = _read(path, options, profile)
    recording = _in_seconds(recording, options)
    lost = int((~recording.located).sum())
    if recording.coordinates is not None and lost and not _is_own(recording):
        warnings.warn(
            f"{lost:,} of {recording.n_neurons:,} neurons have no position: they are kept, and "
            "left out of everything that needs one.",
            stacklevel=2,
        )
        recording = recording.with_step(
            "keep neurons without position", count=lost, of=recording.n_neurons
        )
    given = options.given() | ({} if profile is None else {"profile": profile})
    source = Source(path.absolute(), given, len(recording.provenance))
    return replace(recording, source=source)


def _with_name(path: str | Path) -> Path:
    """Return a path; that of the working folder, ".", has no name to speak of."""
    path = Path(path)
    return path if path.name else path.absolute()


def _in_seconds(recording: Recording, options: ReadOptions) -> Recording:
    """Return the recording with times in seconds, and warn of an implausible frame rate."""
    if any(step.name == BINNED for step in recording.provenance):
        # The width of bins is in seconds.
        return recording
    if options.time_unit is not None and options.frame_rate_hz is None:
        recording = replace(recording, times=in_unit(recording, options.time_unit))
        recording = recording.with_step("convert times", unit=options.time_unit)
    if not _assumed_times(recording) and (message := unit_warning(recording)):
        warnings.warn(message, stacklevel=3)
    return recording


def _assumed_times(recording: Recording) -> bool:
    """Return whether times were computed from a frame rate; readers warn of that themselves."""
    return any(
        str(step.parameters.get(name, "")).partition(" ")[2].startswith("Hz")
        for step in recording.provenance
        for name in ("times", "time_from")
    )


def _is_own(recording: Recording) -> bool:
    """Return whether a recording comes from a file of this program, which says this already."""
    return recording.provenance[-1].parameters.get("format") == hdf5.FORMAT


def _read(path: Path, options: ReadOptions, profile: Profile | str | Path | None) -> Recording:
    if profile is not None:
        known = profile if isinstance(profile, Profile) else load_profile(profile)
        try:
            return by_profile.read(path, known, options)
        except RecordingError as error:
            raise _naming(path, error) from error
    if is_foreign(path):
        raise FormatError(f"{path.name} holds a trained model, but a recording is needed.")
    for reader in READERS:
        if reader.can_read(path):
            try:
                return reader.read(path, options)
            except RecordingError as error:
                raise _naming(path, error) from error
            except FormatError as error:
                # A missing array may be behind a link.
                if type(error) is FormatError and (why := _elsewhere(path)):
                    raise FormatError(f"{error}{why}") from error
                raise
    if (kind := own_kind(path)) is not None:
        with hdf5.reading(path) as file:
            hdf5.require_kind(file, "recording")
        raise FormatError(f"{path.name} holds a {kind}, but a recording is needed.")
    raise _unknown(path)


def _naming(path: Path, error: RecordingError) -> RecordingError:
    """Return the same error with the file name in front."""
    elsewhere = _elsewhere(path)
    if isinstance(error, SettingError):
        words = {**error.words, "in_file": path.name, "elsewhere": elsewhere}
        return SettingError(f"{{in_file}}: {error.template}{{elsewhere}}", words)
    if isinstance(error, FieldNotFound | NotBinary):
        return FieldNotFound(f"{path.name}: {error}{elsewhere}", path)
    return type(error)(f"{path.name}: {error}{elsewhere}")


def _elsewhere(path: Path) -> str:
    """Return a sentence on an array that lies in another file, empty if there is none."""
    for each in sorted(path.iterdir()) if path.is_dir() else [path]:
        with suppress(CRBMError, OSError):
            if each.is_file() and h5py.is_hdf5(each):
                with hdf5.reading(each) as file:
                    if found := hdf5.linked_elsewhere(file):
                        return (
                            f" '{found[0]}' lies in another file, '{found[1]}', and not every "
                            "reader follows such links: copy it into this file."
                        )
    return ""


def own_kind(path: Path) -> str | None:
    """Return the kind of a file of this program, None for any other.

    Raises
    ------
    FormatError
        If it is no file that can be read.
    """
    container = sources.container_of(path)
    if container is None and path.is_dir():
        raise FormatError(
            f"{path.name} is a folder of no kind that this program knows: open the file in it "
            "that holds the recording, a folder written by Suite2p, the toolbox of Romano et al., "
            "Chen et al. or Zarr, or a folder of .npy files or tables."
        )
    if container not in ("hdf5", None):
        return None
    with hdf5.reading(path) as file:
        return hdf5.kind_of(file)


def _unknown(path: Path) -> FormatError:
    entries = sources.list_entries(path)
    names = [entry.name for entry in entries if not is_stranger(path, entry.name)]
    listing = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "") if names else "nothing"
    text = (
        f"{path.name} is not a recording this program knows: it needs activity (such as "
        "'ThresholdedSpikes' or 'DFF') and, where they are known, neuron positions (such as "
        f"'Coordinates'); found {listing}."
    )
    text += _elsewhere(path)
    # Tables beside the file may hold positions, but the activity is in the file itself.
    if not by_profile.can_map(tuple(each for each in entries if each.name in names)):
        return FormatError(text)
    return UnknownLayout(
        f"{text} Say which is which in the viewer, or with a profile: 'napari-crbm info "
        f"{path.name} --tree'.",
        path,
    )
