"""Sparse matrices in MATLAB files of version 7.3."""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np
from scipy import sparse

from napari_crbm.errors import FormatError
from napari_crbm.io.reading import hdf5

# Dense values of a matrix that is read whole.
_MOST_VALUES = 4 << 30


class NamedArray(np.ndarray[Any, np.dtype[Any]]):
    """An array with the name that it has in its file, like a dataset."""

    name: str = ""


def matlab_sparse(group: h5py.Group) -> NamedArray:
    """Read a sparse matrix as a dense array, with its axes reversed like all of the file.

    Raises
    ------
    FormatError
        If the group contradicts itself, or is too large.
    """
    name = hdf5.file_name(group)
    try:
        n_rows = int(np.ravel(group.attrs["MATLAB_sparse"])[0])
        ends = np.asarray(group["jc"][()], dtype=np.int64)
        rows = np.asarray(group["ir"][()], dtype=np.int64) if "ir" in group else np.zeros(0, int)
        values = np.asarray(group["data"][()]) if "data" in group else np.zeros(0)
        matrix = sparse.csc_array((values, rows, ends), shape=(n_rows, len(ends) - 1))
        matrix.check_format(full_check=True)
    except (KeyError, ValueError, TypeError, IndexError, OverflowError) as error:
        raise FormatError(f"'{group.name}' of {name} is no sparse matrix: {error}.") from error
    if n_rows * matrix.shape[1] > _MOST_VALUES:
        raise FormatError(f"'{group.name}' of {name} is too large: save it as logical or uint8.")
    if bool(np.isin(values, (0, 1)).all()):
        matrix = matrix.astype(np.uint8)
    elif values.dtype.kind == "f":
        matrix = matrix.astype(np.float32)
    dense = np.asarray(matrix.T.toarray()).view(NamedArray)
    dense.name = str(group.name)
    return dense
