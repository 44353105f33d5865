"""Read a structural connectivity matrix from a table with region names on both axes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from napari_crbm.connectome.regionmap import RegionMap
from napari_crbm.errors import FormatError


def read_matrix(path: str | Path) -> RegionMap:
    """Read a square CSV with region names in the first row and the first column.

    A directed matrix is made symmetric: the mean of both directions. Empty cells are
    unknown, not zero.

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
        with path.open(encoding="utf-8-sig") as file:
            heading = file.readline()
        # Depending on the locale, spreadsheets separate cells by commas, semicolons or tabs.
        separator = max(",;\t", key=heading.count)
        table = pd.read_csv(path, index_col=0, sep=separator)
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
