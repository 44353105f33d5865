"""List and slice the arrays of a file of any layout.

HDF5 (MATLAB 7.3 and netCDF-4 included), netCDF-3, MATLAB files up to version 7, NumPy
archives, ``.npy`` files (all those in a folder belong together) and Zarr, behind one way to
list and to slice; and the tables beside them.
"""

from __future__ import annotations

import errno
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import h5py
import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import CRBMError, FormatError
from napari_crbm.io.reading import folders, hdf5, netcdf, tables, tables_beside, zarr_stores
from napari_crbm.io.reading.matlab import numeric_arrays
from napari_crbm.io.reading.matlab_cells import COUNTS, cell_arrays, is_cell_array
from napari_crbm.io.reading.matlab_sparse import matlab_sparse
from napari_crbm.io.safety import guard

# Groups in which MATLAB 7.3 keeps the inside of cells and objects.
_INTERNAL = ("#refs#", "#subsystem#")


class Array(Protocol):
    """An array that is read when it is sliced."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of every axis."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the stored values."""
        ...

    def __getitem__(self, index: Any, /) -> Any:
        """Return values, with NumPy's indexing."""
        ...


@dataclass(frozen=True)
class Entry:
    """Description of one array of a file.

    Parameters
    ----------
    name : str
        Its path in the file, without a leading slash.
    shape : tuple of int
    dtype : str
    numeric : bool
        Whether it holds numbers (truth values included), so that it can be mapped.
    unit : str
        What the file says about its unit; usually nothing.
    text : bool
        Whether it holds text, such as names of regions.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    numeric: bool = True
    unit: str = ""
    text: bool = False


def container_of(path: str | Path) -> str | None:
    """Return the container of a file, or None.

    One of "hdf5", "netcdf3", "matlab", "npz", "npy", "table", "zarr", and "folder" for one of such
    files.
    """
    path = Path(path)
    guard.require_ordinary(path)
    if path.is_dir():
        if zarr_stores.is_store(path):
            return "zarr"
        return "folder" if folders.is_folder_of_arrays(path) else None
    suffix = path.suffix.lower()
    try:
        with path.open("rb") as file:
            start = file.read(4096)
    except OSError:
        return None
    if start.startswith(b"\x93NUMPY"):
        return "npy"
    if suffix == ".npz" and start.startswith(b"PK"):
        return "npz"
    if start.startswith(b"MATLAB 5.0"):
        return "matlab"
    if netcdf.is_netcdf3(start):
        return "netcdf3"
    if h5py.is_hdf5(path):
        return "hdf5"
    return "table" if suffix in tables.SUFFIXES or tables.holds_numbers(start) else None


@contextmanager
def opened(path: str | Path) -> Iterator[dict[str, Array]]:
    """Open all arrays of a file by name, to be sliced while the context lasts.

    Raises
    ------
    FormatError
        If the file cannot be read, now or while it is sliced.
    """
    path = Path(path)
    container = container_of(path)
    if container in (None, "hdf5"):
        with hdf5.reading(path) as file:
            yield _in_hdf5(file)
        return
    readers: dict[str, Callable[[Path], Mapping[str, Array]]] = {
        "netcdf3": _in_netcdf3,
        "matlab": _in_matlab,
        "npz": _in_npz,
        "npy": _in_folder,
        "zarr": zarr_stores.store_arrays,
        "folder": folders.folder_arrays,
        "table": tables.read_arrays,
    }
    with damage_named(path):
        yield dict(readers[container](path))


@contextmanager
def opened_array(path: Path, name: str) -> Iterator[Array]:
    """Open one array of a file; see `opened`.

    Raises
    ------
    FormatError
        If it is not there.
    """
    with opened(path) as arrays:
        if name not in arrays:
            raise FormatError(
                f"{path.name} has changed since it was opened: '{name}' is no longer there. "
                "Open the file again."
            )
        yield arrays[name]


def list_entries(path: str | Path) -> tuple[Entry, ...]:
    """List all arrays of a file, in its order, and of the tables beside it.

    Raises
    ------
    FormatError
        If the file cannot be read.
    """
    with opened_with_tables(path) as arrays:
        return tuple(
            Entry(
                name,
                tuple(array.shape),
                "text" if is_text(array) else str(array.dtype),
                is_numeric(array),
                said_unit(array),
                is_text(array),
            )
            for name, array in arrays.items()
        )


@contextmanager
def opened_with_tables(path: str | Path) -> Iterator[dict[str, Array]]:
    """Open a file together with the tables beside it, see `napari_crbm.io.reading.tables_beside`.

    Raises
    ------
    FormatError
        As for `opened`.
    """
    path = Path(path)
    with opened(path) as arrays:
        inside = container_of(path) == "folder"
        yield arrays if inside else arrays | tables_beside.beside(path)


def is_numeric(array: Array) -> bool:
    """Return whether an array holds numbers; text that MATLAB stores as numbers does not count."""
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
        return False
    return not isinstance(array, h5py.Dataset) or hdf5.attribute(array, "MATLAB_class") != "char"


def is_text(array: Array) -> bool:
    """Return whether an array holds text."""
    return array.dtype.kind in "SUT" or h5py.check_string_dtype(array.dtype) is not None


def texts(array: Array) -> list[str]:
    """Return all text of an array."""
    return [
        (each.decode(errors="replace") if isinstance(each, bytes) else str(each)).strip()
        for each in np.ravel(array[...]).tolist()
    ]


@contextmanager
def damage_named(path: Path) -> Iterator[None]:
    """Turn every error that libraries raise on damaged files into a `FormatError`."""
    try:
        yield
    except CRBMError:
        raise
    except MemoryError as error:
        raise FormatError(
            f"{path.name} describes more data than this machine can hold: it is damaged, or needs "
            "a machine with more memory."
        ) from error
    except Exception as error:
        if isinstance(error, OSError) and error.errno == errno.ELOOP:
            raise FormatError(
                f"{path.name} contains a link that leads back to itself: remove it."
            ) from error
        reason = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        raise FormatError(f"{path.name} cannot be read: {reason}.") from error


def _in_hdf5(file: h5py.File) -> dict[str, Array]:
    return {name: array for name, array in hdf5_arrays(file).items() if not name.endswith(COUNTS)}


def hdf5_arrays(file: h5py.File) -> dict[str, Array]:
    """Return all arrays of an open HDF5 file, and the sizes of the elements of cell arrays."""
    found: dict[str, Array] = {}

    def note(name: str) -> None:
        # The elements of cell arrays lie there, which may be thousands: they are not opened here.
        if name.startswith(_INTERNAL):
            return
        item = file[name]
        # Empty datasets have no shape.
        if isinstance(item, h5py.Dataset) and item.shape is not None:
            if is_cell_array(item):
                cells.update(cell_arrays(name, item))
            else:
                found[name] = item
        elif isinstance(item, h5py.Group) and "MATLAB_sparse" in item.attrs:
            with suppress(FormatError):
                sparse[name] = matlab_sparse(item)

    sparse: dict[str, Array] = {}
    cells: dict[str, Array] = {}
    file.visit(note)
    hdf5.provide_filters(found.values())
    inside = tuple(f"{name}/" for name in sparse)
    return {k: v for k, v in found.items() if not k.startswith(inside)} | sparse | cells


def _in_netcdf3(path: Path) -> dict[str, Array]:
    return {
        name: netcdf.decoded(each.values, each.attributes)
        if each.values.dtype.kind in "iuf" and netcdf.is_packed(each.attributes)
        else each.values
        for name, each in netcdf.variables(path).items()
        if each.values.ndim
    }


def _in_matlab(path: Path) -> dict[str, Array]:
    return {name: values for name, values in matlab_arrays(path).items() if "#" not in name}


def matlab_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Return all arrays of a MATLAB file up to version 7, see `numeric_arrays`; cached.

    Raises
    ------
    ValueError
        With the reason why the file cannot be read.
    """
    status = path.stat()
    return _matlab_content(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=1)
def _matlab_content(path: Path, _changed: int, _size: int) -> dict[str, NDArray[Any]]:
    """Read a MATLAB file as a whole; the last result is cached."""
    return numeric_arrays(path)


def _in_npz(path: Path) -> dict[str, Array]:
    found: dict[str, Array] = {}
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if member.filename.endswith(".npy"):
                found[member.filename.removesuffix(".npy")] = _Member.of(path, archive, member)
    return found


def _in_folder(path: Path) -> dict[str, Array]:
    """Open all ``.npy`` files of the folder: each holds one array."""
    found: dict[str, Array] = {}
    # Opening a pipe or a device may never end.
    for each in sorted(filter(Path.is_file, path.parent.glob("*.npy"))):
        try:
            found[each.name] = np.load(each, mmap_mode="r", allow_pickle=False)
        except Exception:
            # Skip other files that are damaged or hold Python objects.
            if each == path:
                raise
    return found


def said_unit(array: Array) -> str:
    """Return what the attributes of an array say about its unit; usually nothing."""
    try:
        attributes = getattr(array, "attrs", {})
        for name in ("unit", "units", "Unit", "Units"):
            value = attributes.get(name)
            if isinstance(value, str | bytes):
                return value.decode(errors="replace") if isinstance(value, bytes) else value
    except Exception:
        # An attribute that cannot be read says nothing.
        return ""
    return ""


class _Member:
    """One array of a NumPy archive; its header is read at once, its values on access."""

    def __init__(
        self,
        path: Path,
        member: str,
        shape: tuple[int, ...],
        fortran: bool,
        dtype: Any,
        offset: int,
    ) -> None:
        self.shape, self.dtype = shape, np.dtype(dtype)
        # Whole columns or rows lie together.
        self.chunks = (shape[0], 1) if fortran and len(shape) == 2 else None
        self._path, self._member = path, member
        self._fortran, self._offset = fortran, offset
        self._values: NDArray[Any] | None = None

    @classmethod
    def of(cls, path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> _Member:
        with archive.open(member) as file:
            version = np.lib.format.read_magic(file)
            read = (
                np.lib.format.read_array_header_1_0
                if version == (1, 0)
                else np.lib.format.read_array_header_2_0
            )
            shape, fortran, dtype = read(file)
            header = file.tell()
        size = header + int(np.prod(shape, dtype=object)) * dtype.itemsize
        if dtype.kind != "O" and size != member.file_size:
            raise FormatError(
                f"'{member.filename}' in {path.name} is damaged: its header announces "
                f"{size:,} bytes, it has {member.file_size:,}."
            )
        stored = member.compress_type == zipfile.ZIP_STORED
        offset = _start_of(path, member) + header if stored and size > header else -1
        return cls(path, member.filename, shape, fortran, dtype, offset)

    def __getitem__(self, index: Any, /) -> Any:
        if self._values is None:
            self._values = self._mapped() if self._offset >= 0 else self._loaded()
        return self._values[index]

    def _mapped(self) -> NDArray[Any]:
        order: Any = "F" if self._fortran else "C"
        return np.memmap(
            self._path, self.dtype, "r", offset=self._offset, shape=self.shape, order=order
        )

    def _loaded(self) -> NDArray[Any]:
        """Read a compressed array, which is possible only as a whole."""
        with np.load(self._path, allow_pickle=False) as archive:
            return np.asarray(archive[self._member.removesuffix(".npy")])


def _start_of(path: Path, member: zipfile.ZipInfo) -> int:
    """Return where the bytes of a member begin: after a header of variable length."""
    with path.open("rb") as file:
        file.seek(member.header_offset + 26)
        lengths = file.read(4)
    name, extra = (int.from_bytes(lengths[i : i + 2], "little") for i in (0, 2))
    return member.header_offset + 30 + name + extra
