"""Cell arrays and structure arrays in MATLAB files of version 7.3.

Their elements lie elsewhere in the file, and the dataset holds references to them. A cell array
of numbers becomes one array: its elements one after the other, or stacked if all have the same
size. The array ``NAME#counts`` holds their sizes. A cell array of text becomes an array of text.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from napari_crbm.io.reading import hdf5

#: Names of the arrays of sizes end so.
COUNTS = "#counts"

# More elements, or values in all of them, are no list of cells.
_MOST_ELEMENTS = 1 << 20
_MOST_VALUES = 1 << 29
_DEEPEST = 4


class CellArray:
    """Elements of a cell array, read when they are first sliced.

    Parameters
    ----------
    parts : list of h5py.Dataset
    """

    def __init__(self, parts: list[h5py.Dataset]) -> None:
        self._parts = parts
        self.sizes = np.array([_size(part) for part in parts], dtype=np.int64)
        filled = [part.dtype for part, size in zip(parts, self.sizes, strict=True) if size]
        self.dtype = np.result_type(*filled) if filled else np.dtype(np.float64)
        same = len(parts) > 1 and len(set(self.sizes.tolist())) == 1
        total = int(self.sizes.sum())
        self.shape: tuple[int, ...] = (len(parts), total // len(parts)) if same else (total,)

    def __getitem__(self, index: Any, /) -> Any:
        first = self._parts[0]
        status = Path(first.file.filename).stat()
        key = (first.file.filename, status.st_mtime_ns, status.st_size, str(first.name), self.shape)
        if key not in _last:
            found = [
                np.ravel(part[()])
                for part, size in zip(self._parts, self.sizes, strict=True)
                if size
            ]
            joined = np.concatenate(found) if found else np.zeros(0)
            _last.clear()
            _last[key] = joined.astype(self.dtype).reshape(self.shape)
        return _last[key][index]


# Values of the last cell array that was read: every access to a trace opens the file again.
_last: dict[tuple[Any, ...], NDArray[Any]] = {}


def cell_arrays(name: str, dataset: h5py.Dataset) -> Iterator[tuple[str, Any]]:
    """Yield the arrays of a cell array by name; nothing if its elements do not fit together."""
    yield from _arrays(name, _elements(dataset), 0)


def is_cell_array(dataset: h5py.Dataset) -> bool:
    """Return whether a dataset is a cell array, or a field of a structure array."""
    if not holds_references(dataset):
        return False
    classes = (hdf5.attribute(item, "MATLAB_class") for item in (dataset, dataset.parent))
    return any(each in ("cell", "struct") for each in classes)


def holds_references(dataset: h5py.Dataset) -> bool:
    """Return whether a dataset holds references to objects."""
    return h5py.check_ref_dtype(dataset.dtype) is h5py.Reference


def is_matlab(file: h5py.File) -> bool:
    """Return whether an open file is one of MATLAB."""
    return any(
        "MATLAB_class" in item.attrs
        for item in (file.get(name) for name in file)
        if isinstance(item, h5py.Group | h5py.Dataset)
    )


def _elements(dataset: h5py.Dataset) -> list[Any]:
    if dataset.shape is None or not 0 < dataset.size <= _MOST_ELEMENTS:
        return []
    # Axes of the file are reversed, so the order in it is that of MATLAB.
    references, file = np.ravel(dataset[()]), dataset.file
    return [file[each] if each else None for each in references]


def _arrays(name: str, items: list[Any], depth: int) -> Iterator[tuple[str, Any]]:
    if not items or depth > _DEEPEST:
        return
    if all(isinstance(item, h5py.Dataset) for item in items):
        yield from _of_datasets(name, items)
        return
    if all(isinstance(item, h5py.Group) for item in items):
        # A structure in each cell.
        for field in items[0]:
            inside = [item.get(field) for item in items]
            if all(isinstance(each, h5py.Dataset) for each in inside):
                yield from _of_datasets(f"{name}/{field}", inside)
            elif all(isinstance(each, h5py.Group) for each in inside):
                yield from _arrays(f"{name}/{field}", inside, depth + 1)


def _of_datasets(name: str, items: list[h5py.Dataset]) -> Iterator[tuple[str, Any]]:
    if all(hdf5.attribute(item, "MATLAB_class") == "char" for item in items):
        yield name, np.array([_text(item) for item in items])
    elif all(item.dtype.kind in "biuf" for item in items):
        found = CellArray(items)
        if int(found.sizes.sum()) <= _MOST_VALUES:
            yield name, found
            yield name + COUNTS, found.sizes


def _size(part: h5py.Dataset) -> int:
    """Return the number of values; an empty array of MATLAB holds its shape instead."""
    if part.shape is None or hdf5.attribute(part, "MATLAB_empty"):
        return 0
    return int(part.size)


def _text(item: h5py.Dataset) -> str:
    if not _size(item) or item.dtype.kind not in "u" or item.size > 1000:
        return ""
    return "".join(chr(code) for code in np.ravel(item[()]).tolist() if code < 0xD800)
