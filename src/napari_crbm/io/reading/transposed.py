"""Read whole traces of files stored frame by frame, in one pass and little memory.

A file that keeps frame after frame has the trace of a neuron scattered over its whole
length: reading traces a few hundred neurons at a time goes through all of it again for
each of them, and takes apart every compressed chunk again. Such a file is read once, from
front to back, into a temporary file of tiles, from which a few hundred traces are read
with one access for every few hundred frames.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Generator, Iterator
from io import FileIO
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import FormatError
from napari_crbm.preprocessing import Waiting

# Values of a slab of frames on its way into the temporary file, and of a block of traces
# on its way out: 64 MB of float32 each.
_SLAB_VALUES = 1 << 24
# What must stay free beside the temporary file.
_SPARE_BYTES = 1 << 30


class Scattered(Protocol):
    """Traces that `transposed` can copy."""

    @property
    def shape(self) -> tuple[int, int]:
        """``(n_frames, n_neurons)``."""
        ...

    def frames(self, start: int, stop: int) -> NDArray[np.float32]:
        """Consecutive frames, (stop - start, N) float32."""
        ...


class Transposed:
    """Traces in a temporary file of tiles (frames, neurons), slab after slab of frames.

    Parameters
    ----------
    file : binary file
        Deleted when it is closed.
    shape : tuple of int
        ``(n_frames, n_neurons)``.
    """

    def __init__(self, file: FileIO, shape: tuple[int, int]) -> None:
        n_frames, n_neurons = shape
        self.shape = shape
        self._file = file
        self._n_rows = max(1, min(_SLAB_VALUES // n_neurons, n_frames))
        self._n_columns = max(1, min(_SLAB_VALUES // n_frames, n_neurons))

    def slabs(self) -> Iterator[tuple[int, int]]:
        """Ranges of frames that are written together."""
        for start in range(0, self.shape[0], self._n_rows):
            yield start, min(start + self._n_rows, self.shape[0])

    def ranges(self) -> Iterator[tuple[int, int]]:
        """Ranges of neurons that are read together."""
        for start in range(0, self.shape[1], self._n_columns):
            yield start, min(start + self._n_columns, self.shape[1])

    def write(self, slab: NDArray[np.float32]) -> None:
        """Append the frames of one slab."""
        for start, stop in self.ranges():
            self._file.write(np.ascontiguousarray(slab[:, start:stop]).data)

    def block(self, start: int, stop: int) -> NDArray[np.float32]:
        """Whole traces of consecutive neurons, (T, stop - start) float32."""
        result = np.empty((self.shape[0], stop - start), dtype=np.float32)
        for first, last in self.ranges():
            if first >= stop or last <= start:
                continue
            whole = (first, last) == (start, stop)
            block = result if whole else np.empty((self.shape[0], last - first), dtype=np.float32)
            self._fill(block, first)
            if not whole:
                begin, end = max(start, first), min(stop, last)
                result[:, begin - start : end - start] = block[:, begin - first : end - first]
        return result

    def _fill(self, block: NDArray[np.float32], first: int) -> None:
        """Read the tiles of one range of neurons."""
        for start, stop in self.slabs():
            offset = start * self.shape[1] + (stop - start) * first
            self._file.seek(offset * block.itemsize)
            if self._file.readinto(block[start:stop].data) != block[start:stop].nbytes:
                raise FormatError(
                    f"The temporary file in {temporary_folder()} was cut short: make room there, "
                    "or name another folder with the variable TMPDIR."
                )


def transposed(traces: Scattered) -> Generator[Waiting, None, Transposed | None]:
    """Copy traces into a temporary file from which blocks of neurons are read quickly.

    Parameters
    ----------
    traces : Scattered

    Yields
    ------
    Waiting
        How many frames have been copied.

    Returns
    -------
    Transposed, or None if there is no room for it
    """
    n_frames, n_neurons = traces.shape
    folder = temporary_folder()
    if shutil.disk_usage(folder).free < 4 * n_frames * n_neurons + _SPARE_BYTES:
        return None
    file = tempfile.TemporaryFile(prefix="napari-crbm-", dir=folder, buffering=0)  # noqa: SIM115
    result = Transposed(file, traces.shape)
    try:
        for start, stop in result.slabs():
            result.write(traces.frames(start, stop))
            yield Waiting(stop, n_frames)
    except BaseException:
        file.close()
        raise
    return result


def temporary_folder() -> Path:
    """Return the folder for large temporary files; ``/tmp`` may lie in memory."""
    chosen = any(os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP"))
    large = Path("/var/tmp")
    if not chosen and large.is_dir() and os.access(large, os.W_OK):
        return large
    return Path(tempfile.gettempdir())
