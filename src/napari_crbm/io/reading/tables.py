"""Tables as arrays: CSV, TSV and text in any usual encoding, Excel, Parquet.

A column of times, positions or names becomes an array of its own; all other columns of
numbers together become one array, ``values`` (rows, columns).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import FormatError, install_extra
from napari_crbm.io.encodings import encoding_of
from napari_crbm.io.reading.usual_names import AXIS_NAMES, LABEL_NAMES, TIME_NAMES

if TYPE_CHECKING:
    import pandas as pd

#: Files that are tables by their names.
TEXT_SUFFIXES = (".csv", ".tsv", ".txt")
SUFFIXES = (*TEXT_SUFFIXES, ".xlsx", ".parquet")

_SNIFFED_BYTES = 1 << 16
_DECIMAL_COMMA = re.compile(r"^\s*[-+]?\d+,\d+([eE][-+]?\d+)?\s*$")
_OWN_ARRAYS = {name for names in (*AXIS_NAMES, TIME_NAMES, LABEL_NAMES) for name in names}


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Return the columns of a table as arrays; the last table is cached.

    Raises
    ------
    FormatError
        If the table cannot be read, or the package for its kind is missing.
    """
    status = path.stat()
    return _cached(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=2)
def _cached(path: Path, _changed: int, _size: int) -> dict[str, NDArray[Any]]:
    return as_arrays(read_frame(path))


def as_arrays(table: pd.DataFrame, apart: int = 1) -> dict[str, NDArray[Any]]:
    """Split a table into arrays: named columns, and the remaining numbers together.

    Parameters
    ----------
    table : pandas.DataFrame
    apart : int
        Up to so many remaining columns are arrays of their own.
    """
    import pandas as pd

    found: dict[str, NDArray[Any]] = {}
    together = []
    for position, name in enumerate(table.columns):
        column = table.iloc[:, position]
        label = str(name).strip().replace("/", " per ")
        if not pd.api.types.is_numeric_dtype(column.dtype):
            found[label] = column.fillna("").astype(str).to_numpy(dtype=np.str_)
        elif label.lower() in _OWN_ARRAYS:
            found[label] = column.to_numpy()
        elif not (position == 0 and _counts_rows(label, column.to_numpy())):
            together.append(position)
    if len(together) <= apart:
        for position in together:
            label = str(table.columns[position]).strip().replace("/", " per ")
            found[label] = table.iloc[:, position].to_numpy()
    else:
        found["values"] = table.iloc[:, together].to_numpy(dtype=np.float64)
    return found


def _counts_rows(label: str, values: NDArray[Any]) -> bool:
    """Return whether a first column is the row number that pandas or Excel has written."""
    unnamed = label.lower() in ("", "index", "frame", "row") or label.startswith("Unnamed")
    counts = np.arange(len(values))
    return unnamed and bool((values == counts).all() or (values == counts + 1).all())


def read_frame(path: Path) -> pd.DataFrame:
    """Read a table, with or without a line of names.

    Raises
    ------
    FormatError
    """
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        return _parquet(path)
    if suffix == ".xlsx":
        return _excel(path)
    return _text(path)


def _text(path: Path) -> pd.DataFrame:
    import pandas as pd

    with path.open("rb") as file:
        start = file.read(_SNIFFED_BYTES)
    encoding = encoding_of(start)
    lines = start.decode(encoding, errors="replace").splitlines()
    # The last line may be cut.
    lines = [line for line in (lines[:-1] if len(lines) > 1 else lines) if line.strip()][:50]
    if not lines:
        raise FormatError(f"{path.name} is an empty table.")
    if "\0" in lines[0]:
        raise FormatError(f"{path.name} is not a table of text.")
    separator = _separator(lines)
    fields = [next(csv.reader([line], delimiter=separator)) for line in lines]
    comma = separator != "," and any(
        _DECIMAL_COMMA.match(field) for row in fields[1:] or fields for field in row
    )
    decimal = "," if comma else "."
    header = None if all(_is_number(field, decimal) for field in fields[0]) else 0
    try:
        return pd.read_csv(
            path,
            sep=r"\s+" if separator == " " else separator,
            decimal=decimal,
            header=header,
            encoding=encoding,
        )
    except (ValueError, UnicodeError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise FormatError(f"{path.name} cannot be read as a table: {reason}.") from error


def _separator(lines: Sequence[str]) -> str:
    """Return the separator of columns: the one that every line has equally often."""
    for separator in ("\t", ";", ","):
        counts = {line.count(separator) for line in lines}
        if len(counts) == 1 and counts != {0}:
            return separator
    for separator in ("\t", ";", ","):
        if separator in lines[0]:
            return separator
    return " " if " " in lines[0].strip() else ","


def _is_number(text: str, decimal: str = ".") -> bool:
    try:
        float(text.replace(decimal, ".") if text.strip() else "nan")
    except ValueError:
        return False
    return True


def _parquet(path: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise FormatError(
            f"{path.name} is a Parquet file, which needs pyarrow: {install_extra('parquet')}."
        ) from error
    return pd.read_parquet(path)


def _excel(path: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        import openpyxl  # noqa: F401
    except ImportError as error:
        raise FormatError(
            f"{path.name} is an Excel file, which needs openpyxl: {install_extra('formats')}."
        ) from error
    first = pd.read_excel(path, header=None, nrows=1)
    header = None if all(_is_number(str(value)) for value in first.iloc[0]) else 0
    return pd.read_excel(path, header=header)
