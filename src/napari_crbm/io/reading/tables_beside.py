"""Tables beside a recording, with positions, region names or other columns.

A CSV or TSV file in the folder of a recording whose name begins with the recording's own
(``fish_cells.csv`` beside ``fish.h5``) belongs to it; if there is none, all in the folder
may. Columns are arrays of their own, ``fish_cells.csv/x``; a table of numbers without a
header is one array, ``fish_cells.csv/positions``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_SEPARATORS = {".csv": None, ".tsv": "\t"}
# Longer tables are no lists of neurons, and folders of more are archives.
_LARGEST_BYTES = 64 << 20
_MOST_TABLES = 20


def beside(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of the tables that belong to a file, by name; skip unreadable tables."""
    found: dict[str, NDArray[Any]] = {}
    # A folder that may not be listed holds no tables either.
    with suppress(OSError):
        for table in _tables(path):
            status = table.stat()
            if status.st_size <= _LARGEST_BYTES:
                found |= _columns(table, status.st_mtime_ns, status.st_size)
    return found


def _tables(path: Path) -> Iterator[Path]:
    tables = sorted(
        each
        for each in path.parent.iterdir()
        if each.suffix.lower() in _SEPARATORS and each.is_file() and each != path
    )
    own = [each for each in tables if each.name.lower().startswith(path.stem.lower())]
    yield from (own or tables)[:_MOST_TABLES]


@lru_cache(maxsize=_MOST_TABLES)
def _columns(path: Path, _changed: int, _size: int) -> dict[str, NDArray[Any]]:
    import pandas as pd

    separator = _SEPARATORS[path.suffix.lower()]
    try:
        # A separator of None is found out from the first line.
        table = pd.read_csv(path, sep=separator, engine="python" if separator is None else "c")
        if all(_is_number(name) for name in table.columns):
            table = pd.read_csv(path, sep=separator, engine="python", header=None)
            what = "positions" if table.shape[1] in (2, 3) else "table"
            return {f"{path.name}/{what}": table.to_numpy(dtype=np.float64)}
    except Exception:
        # A file of another kind that goes by such a name is of no concern.
        return {}
    found = {}
    for name in table.columns:
        column = table[name]
        if pd.api.types.is_numeric_dtype(column.dtype):
            values = column.to_numpy()
        else:
            values = column.fillna("").astype(str).to_numpy(dtype=np.str_)
        found[f"{path.name}/{str(name).strip().replace('/', ' per ')}"] = values
    return found


def _is_number(text: Any) -> bool:
    try:
        float(str(text))
    except ValueError:
        return False
    return True
