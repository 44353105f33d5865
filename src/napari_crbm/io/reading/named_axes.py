"""Arrays whose axes have names: netCDF, AnnData, and Zarr stores that xarray has written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from napari_crbm.errors import FormatError
from napari_crbm.io.reading import folders, hdf5, netcdf, zarr_stores
from napari_crbm.io.reading.sources import Array, container_of, damage_named, is_text, texts

#: Axes of the matrices of AnnData.
OBSERVATIONS, VARIABLES = "obs", "var"

# How a dataset says that it only names an axis.
_NO_VARIABLE = "This is a netCDF dimension but not a netCDF variable"
# Dense values of a sparse matrix, which is read whole.
_MOST_VALUES = 4 << 30


@dataclass(frozen=True, eq=False)
class Variable:
    """An array with named axes.

    Parameters
    ----------
    name : str
        Without the groups that hold it.
    path : str
        With them, as its file names it.
    axes : tuple of str
        One name an axis.
    stored : Array
        As stored; `values` decodes it.
    attributes : mapping
        What the file says about it, such as ``units``.
    """

    name: str
    path: str
    axes: tuple[str, ...]
    stored: Array
    attributes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of every axis."""
        return tuple(self.stored.shape)

    @property
    def numeric(self) -> bool:
        """Whether it holds numbers."""
        return self.stored.dtype.kind in "biuf"

    @property
    def packed(self) -> bool:
        """Whether stored values have to be decoded."""
        return self.numeric and netcdf.is_packed(self.attributes)

    def decoded(self, stored: NDArray[Any]) -> NDArray[np.float32]:
        """Decode stored values: missing ones become NaN, packed ones their true size."""
        return netcdf.decoded(stored, self.attributes).astype(np.float32)

    def values(self) -> NDArray[Any]:
        """Return all values: numbers, or text."""
        if is_text(self.stored):
            return np.array(texts(self.stored))
        whole = np.asarray(self.stored[...])
        return netcdf.decoded(whole, self.attributes) if self.packed else whole


def has_named_axes(path: Path) -> bool:
    """Return whether a file or folder may hold arrays whose axes have names."""
    return container_of(path) in ("netcdf3", "hdf5", "zarr", "folder")


@contextmanager
def opened(path: Path) -> Iterator[dict[str, Variable]]:
    """Open all variables of a file or folder by name, while the context lasts.

    Raises
    ------
    FormatError
        If it cannot be read.
    """
    container = container_of(path)
    if container == "hdf5":
        with hdf5.reading(path) as file:
            found = _in_anndata(file) if is_anndata(file) else _in_netcdf4(file)
            hdf5.provide_filters(
                each.stored for each in found.values() if isinstance(each.stored, h5py.Dataset)
            )
            yield found
        return
    readers: dict[str | None, Callable[[Path], dict[str, Variable]]] = {
        "netcdf3": _in_netcdf3,
        "zarr": lambda store: _in_zarr(zarr_stores.store_arrays(store)),
        "folder": _in_folder,
    }
    with damage_named(path):
        yield readers[container](path) if container in readers else {}


@contextmanager
def opened_variable(path: Path, name: str) -> Iterator[Array]:
    """Open the array of one variable by its path in the file, as stored.

    Raises
    ------
    FormatError
        If it is not there.
    """
    with opened(path) as found:
        for each in found.values():
            if each.path == name:
                yield each.stored
                return
        raise FormatError(
            f"{path.name} has changed since it was opened: '{name}' is no longer there. Open the "
            "file again."
        )


def is_anndata(file: h5py.File) -> bool:
    """Return whether an open file is one of AnnData (.h5ad)."""
    return bool(hdf5.attribute(file, "encoding-type") == "anndata")


def _keyed(found: list[Variable]) -> dict[str, Variable]:
    """Return variables by name; those whose names occur in several groups by their paths."""
    names = [each.name for each in found]
    return {
        each.name if names.count(each.name) == 1 else each.path: each
        for each in found
        if each.shape
    }


def _in_netcdf4(file: h5py.File) -> dict[str, Variable]:
    found: list[Variable] = []

    def note(path: str, item: object) -> None:
        if not isinstance(item, h5py.Dataset) or item.shape is None:
            return
        attributes = {name: hdf5.attribute(item, name) for name in item.attrs}
        if str(attributes.get("NAME", "")).startswith(_NO_VARIABLE):
            return
        axes = _netcdf4_axes(path, item)
        if axes is not None:
            found.append(Variable(path.rsplit("/", 1)[-1], path, axes, item, attributes))

    file.visititems(note)
    return _keyed(found)


def _netcdf4_axes(path: str, item: h5py.Dataset) -> tuple[str, ...] | None:
    """Return the names of the axes of a dataset, from the dimension scales of HDF5.

    Read from the attributes: the functions of HDF5 for scales end the process if they contradict
    the dataset.
    """
    if hdf5.attribute(item, "CLASS") == "DIMENSION_SCALE" and item.ndim == 1:
        return (path.rsplit("/", 1)[-1],)
    listed = item.attrs.get("DIMENSION_LIST")
    if not isinstance(listed, np.ndarray) or listed.shape != (item.ndim,):
        return None
    names = []
    for scales in listed:
        if not np.size(scales) or not isinstance(np.ravel(scales)[0], h5py.Reference):
            return None
        scale = item.file[np.ravel(scales)[0]]
        names.append(str(scale.name).rsplit("/", 1)[-1])
    return tuple(names)


def _in_anndata(file: h5py.File) -> dict[str, Variable]:
    """Return the matrices and the columns of an AnnData file; one-column names are indices."""
    matrix = (OBSERVATIONS, VARIABLES)
    found = []
    layers = file.get("layers")
    names = (
        ["X", *(f"layers/{name}" for name in layers)] if isinstance(layers, h5py.Group) else ["X"]
    )
    for path in names:
        if (stored := _matrix(file.get(path))) is not None:
            found.append(Variable(path.rsplit("/", 1)[-1], path, matrix, stored))
    for axis in matrix:
        table = file.get(axis)
        for name in table if isinstance(table, h5py.Group) else ():
            if (column := _column(table[name])) is not None:
                found.append(Variable(name, f"{axis}/{name}", (axis,), column))
        arrays = file.get(f"{axis}m")
        for name in arrays if isinstance(arrays, h5py.Group) else ():
            if (stored := _matrix(arrays[name])) is not None:
                found.append(Variable(name, f"{axis}m/{name}", (axis, name), stored))
    return _keyed(found)


def _matrix(item: object) -> Array | None:
    """Return a matrix of AnnData, dense or sparse; None for anything else."""
    if isinstance(item, h5py.Dataset):
        return item if item.shape is not None and item.ndim == 2 else None
    if not isinstance(item, h5py.Group):
        return None
    kind = str(hdf5.attribute(item, "encoding-type"))
    if kind not in ("csr_matrix", "csc_matrix"):
        return None
    name = hdf5.file_name(item)
    try:
        shape = tuple(int(length) for length in np.ravel(item.attrs["shape"]))
        make = sparse.csr_array if kind == "csr_matrix" else sparse.csc_array
        parts = (item["data"][()], item["indices"][()], item["indptr"][()])
        table = make(parts, shape=shape)
        table.check_format(full_check=True)
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise FormatError(f"'{item.name}' of {name} is no sparse matrix: {error}.") from error
    if int(np.prod(shape, dtype=object)) > _MOST_VALUES:
        raise FormatError(f"'{item.name}' of {name} is too large to be read: store fewer frames.")
    values = parts[0]
    if values.dtype.kind == "b" or bool(np.isin(values, (0, 1)).all()):
        table = table.astype(np.uint8)
    elif values.dtype.kind == "f":
        table = table.astype(np.float32)
    return np.asarray(table.toarray())


def _column(item: object) -> Array | None:
    """Return a column of a table of AnnData: numbers, text, or a categorical one as text."""
    if isinstance(item, h5py.Dataset):
        return item if item.shape is not None and item.ndim == 1 else None
    if not isinstance(item, h5py.Group):
        return None
    codes, categories = item.get("codes"), item.get("categories")
    if not isinstance(codes, h5py.Dataset) or not isinstance(categories, h5py.Dataset):
        return None
    code = np.asarray(codes[()])
    names = np.array([*texts(categories), ""]) if is_text(categories) else categories[()]
    if code.dtype.kind not in "iu" or code.ndim != 1 or not len(names):
        return None
    if code.max(initial=-1) >= len(names):
        return None
    # Negative codes mark missing values.
    return np.asarray(names[np.where(code < 0, len(names) - 1, code)])


def _in_netcdf3(path: Path) -> dict[str, Variable]:
    return _keyed(
        [
            Variable(name, name, each.axes, each.values, each.attributes)
            for name, each in netcdf.variables(path).items()
        ]
    )


def _in_zarr(arrays: Mapping[str, Any], prefix: str = "") -> dict[str, Variable]:
    found = []
    for path, array in arrays.items():
        attributes = dict(getattr(array, "attrs", {}))
        axes = attributes.get("_ARRAY_DIMENSIONS")
        if axes is None:
            axes = getattr(getattr(array, "metadata", None), "dimension_names", None)
        if isinstance(axes, list | tuple) and len(axes) == len(array.shape):
            names = tuple(str(axis) for axis in axes)
            last = path.rsplit("/", 1)[-1]
            found.append(Variable(last, f"{prefix}{path}", names, array, attributes))
    return _keyed(found)


def _in_folder(path: Path) -> dict[str, Variable]:
    """Return the variables of all Zarr stores in a folder, one a variable as Minian writes them."""
    found: dict[str, Variable] = {}
    if not folders.is_folder_of_arrays(path):
        return found
    for each in sorted(path.iterdir()):
        if each.is_dir() and zarr_stores.is_store(each):
            inside = _in_zarr(zarr_stores.store_arrays(each), f"{each.name}/")
            # Coordinates are in every store.
            found |= {name: variable for name, variable in inside.items() if name not in found}
    return found
