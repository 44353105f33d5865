"""Write recordings in our own format; `napari_crbm.io.formats.native` describes and reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from napari_crbm.errors import RecordingError
from napari_crbm.io.reading import hdf5
from napari_crbm.io.writing.inputs import refuse_source
from napari_crbm.recording import Recording, Step, check_times, checked_coordinates
from napari_crbm.regions import Regions
from napari_crbm.spikes import CHUNK_FRAMES, Spikes

_CHUNK_BYTES = 1 << 20
# Square chunks: a trace and a frame of fluorescence cost about the same.
_FLUORESCENCE_CHUNK = 256


class RecordingWriter:
    """Write a recording frame by frame, never holding more than a block of it.

    A context manager: the file appears under its name when the block ends, and not
    at all if it fails or frames are missing.

    Parameters
    ----------
    path : path
    n_frames, n_neurons : int
        T and N.
    coordinates : (N, 3), optional
        z, y, x in micrometres; None if positions are not known. As in `Recording`.
    times : (T,)
        Seconds, strictly increasing.
    regions : Regions, optional
    name : str, optional
        The file's stem by default.
    traces, metadata, provenance, boundaries : optional
        As in `Recording`.
    with_fluorescence : bool
        Whether `write_frames` will be given fluorescence.
    fluorescence_dtype : dtype
        float16 by default: three digits are more than dF/F needs.

    Raises
    ------
    RecordingError
        If coordinates or times do not fit.

    Examples
    --------
    >>> with RecordingWriter("fish.h5", 100, 8, coordinates=xyz, times=t) as writer:
    ...     for block in blocks:  # (t, 8) zeros and ones
    ...         writer.write_frames(block)
    """

    def __init__(
        self,
        path: str | Path,
        n_frames: int,
        n_neurons: int,
        *,
        coordinates: ArrayLike | None,
        times: ArrayLike,
        regions: Regions | None = None,
        name: str | None = None,
        traces: Mapping[str, ArrayLike] | None = None,
        metadata: Mapping[str, Any] | None = None,
        provenance: Sequence[Step] = (),
        boundaries: Sequence[int] = (),
        with_fluorescence: bool = False,
        fluorescence_dtype: DTypeLike = np.float16,
    ) -> None:
        self.path = Path(path)
        self.n_frames, self.n_neurons = n_frames, n_neurons
        self.frames_written = 0
        self._coordinates = checked_coordinates(coordinates, (n_frames, n_neurons))
        self._times = np.asarray(times, dtype=np.float64)
        check_times(self._times, n_frames)
        self._boundaries = tuple(boundaries)
        self._regions = regions
        self._traces = {label: np.asarray(trace) for label, trace in (traces or {}).items()}
        self._attributes = {
            "metadata": dict(metadata or {}),
            "provenance": [[step.name, dict(step.parameters)] for step in provenance],
        }
        self._name = name or self.path.stem
        self._fluorescence_dtype = np.dtype(fluorescence_dtype) if with_fluorescence else None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self.file: hdf5.OutputFile = self._stack.enter_context(hdf5.writing(self.path, "recording"))
        try:
            self._write_frame_independent()
        except BaseException as error:
            self._stack.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None and self.frames_written != self.n_frames:
            error = RecordingError(
                f"{self.path.name} was not written: it ends after {self.frames_written} of "
                f"{self.n_frames} frames."
            )
            # Thrown into the stack, so that the incomplete file is removed.
            self._stack.__exit__(type(error), error, None)
            raise error
        self._stack.__exit__(kind, error, traceback)

    def write_frames(
        self, activity: NDArray[np.generic] | Spikes, fluorescence: ArrayLike | None = None
    ) -> None:
        """Append frames.

        Parameters
        ----------
        activity : (t, N) zeros and ones, or Spikes
        fluorescence : (t, N), optional
            Required if, and only if, the file was announced with fluorescence.

        Raises
        ------
        RecordingError
            If the block is not binary, does not fit, or there are too many frames.
        """
        spikes = activity if isinstance(activity, Spikes) else Spikes.from_dense(activity)
        start, stop = self.frames_written, self.frames_written + spikes.n_frames
        if spikes.n_neurons != self.n_neurons or stop > self.n_frames:
            raise RecordingError(
                f"Activity block of shape {spikes.shape} at frame {start} does not fit "
                f"{self.n_frames} frames of {self.n_neurons} neurons."
            )
        if (fluorescence is None) != (self._fluorescence_dtype is None):
            raise RecordingError(
                "Fluorescence must come with every block of frames or with none: set "
                "with_fluorescence accordingly."
            )
        self.file["spikes"][start:stop] = spikes.packed
        if fluorescence is not None:
            self.file["fluorescence"][start:stop] = self._checked(fluorescence, spikes.shape)
        self.file.check()
        self.frames_written = stop

    def _checked(self, fluorescence: ArrayLike, shape: tuple[int, int]) -> NDArray[np.generic]:
        values = np.asarray(fluorescence)
        if values.shape != shape:
            raise RecordingError(
                f"Fluorescence block has shape {values.shape}, its activity {shape}."
            )
        assert self._fluorescence_dtype is not None
        with np.errstate(over="ignore"):
            stored = values.astype(self._fluorescence_dtype)
        if np.isinf(stored).any() and not np.isinf(values).any():
            raise RecordingError(
                f"Fluorescence reaches {np.nanmax(np.abs(values)):g}, too large for "
                f"{self._fluorescence_dtype}: store dF/F, or use fluorescence_dtype='float32'."
            )
        return stored

    def _write_frame_independent(self) -> None:
        file, row_bytes = self.file, (self.n_neurons + 7) // 8
        file.attrs["name"] = self._name
        for key, value in self._attributes.items():
            hdf5.write_json(file, key, value)
        rows = int(np.clip(_CHUNK_BYTES // row_bytes, 1, self.n_frames))
        spikes = file.create_dataset(
            "spikes",
            (self.n_frames, row_bytes),
            np.uint8,
            chunks=(rows, row_bytes),
            compression="gzip",
            compression_opts=1,
        )
        spikes.attrs["n_neurons"] = self.n_neurons
        spikes.attrs["bit_order"] = "little"
        if self._coordinates is not None:
            coordinates = file.create_dataset("coordinates", data=self._coordinates)
            coordinates.attrs["axes"] = "z,y,x"
            coordinates.attrs["unit"] = "micrometre"
        file.create_dataset("times_s", data=self._times)
        if self._boundaries:
            file["times_s"].attrs["boundaries"] = np.array(self._boundaries, dtype=np.int64)
        if self._regions is not None:
            _write_regions(file, self._regions, self.n_neurons)
        if self._traces:
            _write_traces(file, self._traces, self.n_frames)
        if self._fluorescence_dtype is not None:
            side = _FLUORESCENCE_CHUNK
            file.create_dataset(
                "fluorescence",
                (self.n_frames, self.n_neurons),
                self._fluorescence_dtype,
                chunks=(min(side, self.n_frames), min(side, self.n_neurons)),
            )


def save_recording(recording: Recording, path: str | Path) -> Path:
    """Write a recording to a file of our own format and return its path.

    Fluorescence is copied block by block in the precision it has.

    Raises
    ------
    FormatError
        If the file cannot be written, or is the one that the recording was read from.

    Examples
    --------
    >>> from napari_crbm import save_recording, simulate
    >>> simulation = simulate(n_neurons=200, n_frames=100, n_assemblies=3)
    >>> save_recording(simulation.recording, "simulated.h5").name
    'simulated.h5'
    """
    path, fluorescence = Path(path), recording.fluorescence
    refuse_source(path, recording)
    with RecordingWriter(
        path,
        recording.n_frames,
        recording.n_neurons,
        coordinates=recording.coordinates,
        times=recording.times,
        regions=recording.regions,
        name=recording.name,
        traces=recording.traces,
        metadata=recording.metadata,
        provenance=recording.provenance,
        boundaries=recording.boundaries,
        with_fluorescence=fluorescence is not None,
        fluorescence_dtype=_stored_precision(fluorescence),
    ) as writer:
        for start in range(0, recording.n_frames, CHUNK_FRAMES):
            stop = min(start + CHUNK_FRAMES, recording.n_frames)
            writer.write_frames(
                recording.spikes.select_frames(slice(start, stop)),
                None if fluorescence is None else fluorescence.frames(start, stop),
            )
    return path


def _write_regions(file: h5py.File, regions: Regions, n_neurons: int) -> None:
    if regions.n_neurons != n_neurons:
        raise RecordingError(
            f"Regions describe {regions.n_neurons} neurons, the activity has {n_neurons}."
        )
    group = file.create_group("regions")
    group.create_dataset("indptr", data=regions.membership.indptr.astype(np.int64))
    group.create_dataset("indices", data=regions.membership.indices.astype(np.int32))
    group.create_dataset("names", data=list(regions.names), dtype=h5py.string_dtype())


def _write_traces(
    file: h5py.File, traces: Mapping[str, NDArray[np.generic]], n_frames: int
) -> None:
    for label, trace in traces.items():
        if trace.shape != (n_frames,):
            raise RecordingError(
                f"Trace '{label}' has shape {trace.shape}; "
                f"one value for each of {n_frames} frames is needed."
            )
    group = file.create_group("traces")
    group.create_dataset("names", data=list(traces), dtype=h5py.string_dtype())
    group.create_dataset("values", data=np.stack([*traces.values()]).astype(np.float64))


def _stored_precision(fluorescence: object) -> np.dtype[np.generic]:
    dtype = getattr(fluorescence, "dtype", None)
    return np.dtype(np.float16) if dtype == np.float16 else np.dtype(np.float32)
