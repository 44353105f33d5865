"""Read a structural connectivity matrix from a table with region names on both axes."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pandas as pd

from napari_crbm.connectome.regionmap import RegionMap
from napari_crbm.errors import FormatError
from napari_crbm.io.encodings import read_text

_DECIMAL_COMMA = re.compile(r"\d,\d")


def read_matrix(path: str | Path) -> RegionMap:
    """Read a square CSV with region names in the first row and the first column.

    A directed matrix is made symmetric: the mean of both directions. Empty cells are
    unknown, not zero. Decimal commas are read where cells are not separated by commas.

    Returns
    -------
    RegionMap
        With ``measure="structural"``; ``n_neurons`` is zero, because it is not known.

    Raises
    ------
    FormatError
        If the file is not such a table; the message states what was found.
    """
    path = Path(path)
    try:
        text = read_text(path)
        # Depending on the locale, spreadsheets separate cells by commas, semicolons or tabs,
        # and write decimal commas.
        separator = max(",;\t", key=text.partition("\n")[0].count)
        decimal = "," if separator != "," and _DECIMAL_COMMA.search(text) else "."
        table = pd.read_csv(io.StringIO(text), index_col=0, sep=separator, decimal=decimal)
    except FileNotFoundError as error:
        raise FormatError(f"There is no file {path}.") from error
    except (OSError, ValueError, UnicodeError, pd.errors.ParserError) as error:
        raise FormatError(f"{path.name} cannot be read as a CSV table: {error}.") from error
    rows, columns = [str(n) for n in table.index], [str(n) for n in table.columns]
    if table.shape[0] != table.shape[1] or set(rows) != set(columns) or not rows:
        raise FormatError(
            f"{path.name} has {table.shape[0]} rows and {table.shape[1]} columns; a square table "
            "is needed, with the same region names in its first row and first column."
        )
    if len(set(rows)) != len(rows):
        raise FormatError(f"{path.name} names a region twice; region names must be unique.")
    table.index, table.columns = pd.Index(rows), pd.Index(columns)
    try:
        values = table.loc[rows, rows].to_numpy(dtype=np.float64)
    except ValueError as error:
        raise FormatError(f"{path.name} holds a cell that is not a number: {error}.") from error
    return RegionMap(
        names=tuple(rows),
        values=(values + values.T) / 2,
        n_neurons=np.zeros(len(rows), dtype=np.int64),
        measure="structural",
        rule="table",
    )
