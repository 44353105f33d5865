"""Fluorescence that stays in its file, which every access opens read-only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import FormatError
from napari_crbm.io.reading.hdf5 import provide_filters, reading
from napari_crbm.io.reading.layout import neuron_ranges, scattered
from napari_crbm.io.reading.sources import Array
from napari_crbm.io.reading.traces import InBlocks


@contextmanager
def hdf5_array(path: Path, name: str) -> Iterator[Array]:
    """One dataset of an HDF5 file."""
    with reading(path) as file:
        found = file.get(name)
        if not isinstance(found, h5py.Dataset):
            raise FormatError(
                f"{path.name} has changed since it was opened: its fluorescence '{name}' is no "
                "longer there. Open the file again."
            )
        provide_filters([found])
        yield found


@dataclass(frozen=True, eq=False)
class StoredFluorescence(InBlocks):
    """A dataset of dF/F, read in parts (satisfies `napari_crbm.recording.Fluorescence`).

    Parameters
    ----------
    path : Path
    dataset : str
        Name of the dataset in the file.
    stored_shape : tuple of int
        Its shape as stored.
    dtype : numpy.dtype
        Its type as stored.
    neurons_first : bool
        Whether it is stored as (neurons, frames).
    chunks : tuple of int, optional
        Shape of the chunks in which the file keeps it.
    open_array : callable
        Opens the dataset of that name in the file: one of an HDF5 file by default.
    """

    path: Path
    dataset: str
    stored_shape: tuple[int, int]
    dtype: np.dtype[np.generic]
    neurons_first: bool = False
    chunks: tuple[int, int] | None = None
    open_array: Callable[[Path, str], AbstractContextManager[Array]] = hdf5_array

    @classmethod
    def of(cls, dataset: h5py.Dataset, neurons_first: bool) -> StoredFluorescence:
        """Describe an open dataset, in whichever file it lies."""
        return cls(
            Path(dataset.file.filename),
            dataset.name,
            (int(dataset.shape[0]), int(dataset.shape[1])),
            dataset.dtype,
            neurons_first,
            dataset.chunks,
        )

    @property
    def shape(self) -> tuple[int, int]:
        """``(n_frames, n_neurons)``."""
        first, second = self.stored_shape
        return (second, first) if self.neurons_first else (first, second)

    @property
    def scattered(self) -> bool:
        """Return whether reading all traces goes through the whole file many times."""
        return scattered(*self.shape, self._chunk_neurons)

    def trace(self, neuron: int) -> NDArray[np.float32]:
        """One neuron over time, (T,) float32."""
        return self._read(slice(None), range(self.shape[1])[neuron])

    def frames(self, start: int, stop: int) -> NDArray[np.float32]:
        """Consecutive frames, (stop - start, N) float32."""
        return self._read(slice(start, stop), slice(None))

    def block(self, start: int, stop: int) -> NDArray[np.float32]:
        """Whole traces of consecutive neurons, (T, stop - start) float32."""
        return self._read(slice(None), slice(start, stop))

    def ranges(self) -> Iterator[tuple[int, int]]:
        """Ranges of neurons whose traces are best read together."""
        return neuron_ranges(*self.shape, self._chunk_neurons)

    @property
    def _chunk_neurons(self) -> int:
        # Without chunks whole rows lie together on the disk.
        rows = (1, self.stored_shape[1])
        return (self.chunks or rows)[0 if self.neurons_first else 1]

    def _read(self, frames: slice, neurons: int | slice) -> NDArray[np.float32]:
        with self.open_array(self.path, self.dataset) as found:
            if tuple(found.shape) != self.stored_shape:
                raise FormatError(
                    f"{self.path.name} has changed since it was opened: its fluorescence "
                    f"'{self.dataset}' is no longer there. Open the file again."
                )
            if self.neurons_first:
                return np.asarray(found[neurons, frames], dtype=np.float32).T
            return np.asarray(found[frames, neurons], dtype=np.float32)
