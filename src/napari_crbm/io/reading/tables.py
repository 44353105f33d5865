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
from napari_crbm.io.reading.usual_names import (
    AXIS_NAMES,
    LABEL_NAMES,
    TIME_NAMES,
    without_unit,
)

if TYPE_CHECKING:
    import pandas as pd

#: Files that are tables by their names.
TEXT_SUFFIXES = (".csv", ".tsv", ".txt")
SUFFIXES = (*TEXT_SUFFIXES, ".xlsx", ".parquet")

# A table with more columns than this, all of numbers, holds traces.
_FEWEST_TRACES = 4
# In a workbook of several sheets, up to this many columns are separate arrays (a list of cells).
_APART = 20
_SNIFFED_BYTES = 1 << 16
_DECIMAL_COMMA = re.compile(r"^\s*[-+]?\d+,\d+([eE][-+]?\d+)?\s*$")
_OWN_ARRAYS = {name for names in (*AXIS_NAMES, TIME_NAMES, LABEL_NAMES) for name in names}


def holds_numbers(start: bytes) -> bool:
    """Return whether the first bytes of a file are a table of numbers, whatever its name.

    Its second line must be two numbers or more; the first may be one of names.
    """
    text = start.decode(encoding_of(start), errors="replace")
    lines = [line for line in text.splitlines() if line.strip()]
    if "\0" in text or not lines:
        return False
    line = lines[min(1, len(lines) - 1)]
    # The last line that was read may end in the middle of a number.
    fields = re.split(r"[\s,;]+", line.strip())[: -1 if line == lines[-1] else None]
    return len(fields) > 1 and all(field and _is_number(field) for field in fields)


def read_arrays(path: Path, apart: int = 1) -> dict[str, NDArray[Any]]:
    """Return the columns of a table as arrays, see `as_arrays`; the last tables are cached.

    An Excel file of several sheets has the name of the sheet before each name.

    Raises
    ------
    FormatError
        If the table cannot be read, or the package for its kind is missing.
    """
    status = path.stat()
    return _cached(path, status.st_mtime_ns, status.st_size, apart)


@lru_cache(maxsize=8)
def _cached(path: Path, _changed: int, _size: int, apart: int) -> dict[str, NDArray[Any]]:
    if path.suffix.lower() != ".xlsx":
        return as_arrays(read_frame(path), apart)
    sheets = _sheets(path)
    return {
        name if len(sheets) == 1 else f"{sheet}/{name}": values
        for sheet, table in sheets.items()
        for name, values in as_arrays(table, apart if len(sheets) == 1 else _APART).items()
    }


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
        if label == f"Unnamed: {position}":
            label = f"column {position + 1}"
        if not pd.api.types.is_numeric_dtype(column.dtype):
            found[label] = column.fillna("").astype(str).to_numpy(dtype=np.str_)
        elif without_unit(label.lower()) in _OWN_ARRAYS:
            found[label] = column.to_numpy()
        elif not (position == 0 and _counts_rows(str(name).strip(), column.to_numpy())):
            together.append(position)
    # Columns of numbers, with none of text, positions or regions, are traces.
    if len(together) <= (apart if found else min(apart, _FEWEST_TRACES)):
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
    """Read a table of text or a Parquet file, with or without a line of names.

    Raises
    ------
    FormatError
    """
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        return _parquet(path)
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
    header = 0 if _are_names(fields[0], decimal) else None
    try:
        return pd.read_csv(
            path,
            sep=r"\s+" if separator == " " else separator,
            decimal=decimal,
            header=header,
            encoding=encoding,
        )
    except (ValueError, UnicodeError) as error:
        raise FormatError(f"{path.name} cannot be read as a table: {_reason(error)}.") from error


_UNEVEN = re.compile(r"Expected (\d+) fields in line (\d+), saw (\d+)")


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split()).rstrip(".")
    if found := _UNEVEN.search(text):
        return (
            f"line {found[2]} has {found[3]} columns, but the lines before it have "
            f"{found[1]}: give every line the same number of columns"
        )
    return text


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


def _are_names(fields: Sequence[str], decimal: str = ".") -> bool:
    """Return whether a first line holds names: text, or the numbers of the columns as pandas does.

    A blank or unnamed first field is the name of the row numbers.
    """
    if not all(_is_number(field, decimal) for field in fields):
        return True
    numbers = [float(each.replace(decimal, ".")) if each.strip() else None for each in fields]
    counted = numbers[1:] if numbers[0] is None else numbers
    first = counted[0] if counted else None
    return (
        len(counted) > 2 and first in (0, 1) and counted == [first + k for k in range(len(counted))]
    )


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


def _sheets(path: Path) -> dict[str, pd.DataFrame]:
    """Return all sheets of an Excel file that hold a table, by name."""
    import pandas as pd

    try:
        import openpyxl  # noqa: F401
    except ImportError as error:
        raise FormatError(
            f"{path.name} is an Excel file, which needs openpyxl: {install_extra('formats')}."
        ) from error
    found = {}
    for sheet, first in pd.read_excel(path, header=None, nrows=1, sheet_name=None).items():
        if first.empty:
            continue
        header = 0 if _are_names([str(value) for value in first.iloc[0]]) else None
        found[str(sheet)] = pd.read_excel(path, header=header, sheet_name=sheet)
    if not found:
        raise FormatError(f"{path.name} is an empty Excel file.")
    return found
