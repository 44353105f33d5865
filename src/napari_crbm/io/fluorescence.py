"""Fluorescence that stays in its file; every access opens the file read-only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import FormatError
from napari_crbm.io.hdf5 import provide_filters, reading
from napari_crbm.io.layout import neuron_ranges
from napari_crbm.io.sources import Array


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
class StoredFluorescence:
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
    neurons : (n,) int64, optional
        The stored neurons that belong to the recording, ascending; all by default.
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
    neurons: NDArray[np.int64] | None = None
    chunks: tuple[int, int] | None = None
    open_array: Callable[[Path, str], AbstractContextManager[Array]] = hdf5_array

    @classmethod
    def of(
        cls,
        dataset: h5py.Dataset,
        neurons_first: bool,
        neurons: NDArray[np.int64] | None = None,
    ) -> StoredFluorescence:
        """What an open dataset holds, in whichever file a link has led to."""
        return cls(
            Path(dataset.file.filename),
            dataset.name,
            (int(dataset.shape[0]), int(dataset.shape[1])),
            dataset.dtype,
            neurons_first,
            neurons,
            dataset.chunks,
        )

    @property
    def shape(self) -> tuple[int, int]:
        """``(n_frames, n_neurons)``."""
        n_frames, n_stored = self.stored_shape[:: -1 if self.neurons_first else 1]
        return n_frames, n_stored if self.neurons is None else len(self.neurons)

    def trace(self, neuron: int) -> NDArray[np.float32]:
        """One neuron over time, (T,) float32."""
        neuron = range(self.shape[1])[neuron]
        return self._read(slice(None), neuron if self.neurons is None else self.neurons[neuron])

    def frames(self, start: int, stop: int) -> NDArray[np.float32]:
        """Consecutive frames, (stop - start, N) float32."""
        block = self._read(slice(start, stop), slice(None))
        return block if self.neurons is None else block[:, self.neurons]

    def neuron_blocks(self) -> Iterator[NDArray[np.float32]]:
        """Whole traces of consecutive neurons, (T, n) float32, a few megabytes at a time."""
        for start, stop in self.ranges():
            yield self.block(start, stop)

    def block(self, start: int, stop: int) -> NDArray[np.float32]:
        """Whole traces of consecutive neurons, (T, stop - start) float32."""
        if self.neurons is None:
            return self._read(slice(None), slice(start, stop))
        wanted = self.neurons[start:stop]
        around = self._read(slice(None), slice(int(wanted[0]), int(wanted[-1]) + 1))
        return around[:, wanted - wanted[0]]

    def ranges(self) -> Iterator[tuple[int, int]]:
        """Ranges of neurons whose traces are best read together."""
        # Without chunks whole rows lie together on the disk.
        rows = (1, self.stored_shape[1])
        chunk = (self.chunks or rows)[0 if self.neurons_first else 1]
        return neuron_ranges(*self.shape, chunk)

    def select_neurons(self, index: NDArray[np.int64]) -> StoredFluorescence:
        """The same fluorescence for the chosen neurons, ascending."""
        return replace(self, neurons=index if self.neurons is None else self.neurons[index])

    def _read(self, frames: slice, neurons: int | slice | np.int64) -> NDArray[np.float32]:
        with self.open_array(self.path, self.dataset) as found:
            if tuple(found.shape) != self.stored_shape:
                raise FormatError(
                    f"{self.path.name} has changed since it was opened: its fluorescence "
                    f"'{self.dataset}' is no longer there. Open the file again."
                )
            if self.neurons_first:
                return np.asarray(found[neurons, frames], dtype=np.float32).T
            return np.asarray(found[frames, neurons], dtype=np.float32)
