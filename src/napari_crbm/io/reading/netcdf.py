"""netCDF: packed values, and files of version 3; those of version 4 are HDF5."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import FormatError

#: First bytes of files of version 3, whose next byte is the kind.
MAGIC = b"CDF"
_READABLE = (1, 2)


class Stored(NamedTuple):
    """A variable as its file holds it: names of its axes, values and attributes."""

    axes: tuple[str, ...]
    values: NDArray[Any]
    attributes: Mapping[str, Any]


def is_netcdf3(start: bytes) -> bool:
    """Return whether these are the first bytes of a netCDF file of version 3."""
    return start.startswith(MAGIC) and len(start) > 3 and start[3] in (*_READABLE, 5)


def variables(path: Path) -> dict[str, Stored]:
    """Return all variables of a file of version 3, read as a whole; the last result is cached.

    Raises
    ------
    FormatError
        If it has 64-bit data.
    """
    status = path.stat()
    return _content(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=1)
def _content(path: Path, _changed: int, _size: int) -> dict[str, Stored]:
    from scipy.io import netcdf_file

    with path.open("rb") as file:
        kind = file.read(4)[3]
    if kind not in _READABLE:
        raise FormatError(
            f"{path.name} is a netCDF file of the kind with 64-bit data, which is not read here: "
            "convert it with 'nccopy -k nc4 old.nc new.nc'."
        )
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with netcdf_file(path, "r", mmap=False) as file:
            for name, each in file.variables.items():
                attributes = {
                    key: value.decode(errors="replace") if isinstance(value, bytes) else value
                    for key, value in each._attributes.items()
                }
                values, axes = np.asarray(each.data), tuple(each.dimensions)
                if values.dtype.kind == "S" and values.ndim == 2:
                    # Text is a table of single characters.
                    values = np.array([b"".join(row).rstrip(b"\0") for row in values])
                    axes = axes[:1]
                elif values.dtype.kind in "iuf":
                    # Files of version 3 are big-endian.
                    values = values.astype(values.dtype.newbyteorder("="))
                found[name] = Stored(axes, values, attributes)
    return found


def is_packed(attributes: Mapping[str, Any]) -> bool:
    """Return whether values with these attributes have to be decoded."""
    return missing_value(attributes) is not None or any(
        number(attributes.get(name)) is not None for name in ("scale_factor", "add_offset")
    )


def missing_value(attributes: Mapping[str, Any]) -> float | None:
    """Return the number that marks missing values, None if there is none."""
    for name in ("_FillValue", "missing_value"):
        value = number(attributes.get(name))
        if value is not None and np.isfinite(value):
            return value
    return None


def decoded(stored: NDArray[Any], attributes: Mapping[str, Any]) -> NDArray[np.float64]:
    """Return values in their true size, NaN where they are missing."""
    values = np.array(stored, dtype=np.float64)
    missing = missing_value(attributes)
    if missing is not None:
        values[np.asarray(stored) == missing] = np.nan
    scale, offset = number(attributes.get("scale_factor")), number(attributes.get("add_offset"))
    values *= 1.0 if scale is None else scale
    values += 0.0 if offset is None else offset
    return values


def number(value: Any) -> float | None:
    """Return an attribute that is one number, None if it is not."""
    with suppress(TypeError, ValueError):
        if value is not None and np.size(value) == 1:
            return float(np.ravel(value)[0])
    return None
