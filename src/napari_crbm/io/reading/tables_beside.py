"""Tables beside a recording, with positions, region names or other columns.

A CSV or TSV file in the folder of a recording whose name begins with the recording's own
(``fish_cells.csv`` beside ``fish.h5``) belongs to it; if there is none, all in the folder
may. Columns are arrays of their own, ``fish_cells.csv/x``; a table of numbers without a
header is one array, ``fish_cells.csv/positions``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_crbm.io.reading.tables import as_arrays, read_frame

_SUFFIXES = (".csv", ".tsv")
# Longer tables are no lists of neurons (200,000 of them with 10 columns take 20 MB) and would
# take 10 times their size in memory; folders of more are archives.
_LARGEST_BYTES = 32 << 20
_MOST_TABLES = 20
# A table with more columns holds traces, not a list of cells.
_APART = 20


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
        if each.suffix.lower() in _SUFFIXES and each.is_file() and each != path
    )
    own = [each for each in tables if each.name.lower().startswith(path.stem.lower())]
    yield from (own or tables)[:_MOST_TABLES]


@lru_cache(maxsize=_MOST_TABLES)
def _columns(path: Path, _changed: int, _size: int) -> dict[str, NDArray[Any]]:
    try:
        table = read_frame(path)
        if all(isinstance(name, int) for name in table.columns):
            # No line of names.
            what = "positions" if table.shape[1] in (2, 3) else "table"
            return {f"{path.name}/{what}": table.to_numpy(dtype=np.float64)}
        return {f"{path.name}/{name}": values for name, values in as_arrays(table, _APART).items()}
    except Exception:
        # Skip files that have such a name but are not tables.
        return {}


def is_stranger(path: Path, name: str) -> bool:
    """Return whether an array is from a neighbouring table whose name begins differently.

    The beginning is what comes before the first mark that is neither letter nor digit. Such a
    table may hold positions, but the activity is in the file that was asked for.
    """
    table = name.partition("/")[0]
    if not table.lower().endswith(_SUFFIXES) or (path / table).exists():
        return False
    return _beginning(table) != _beginning(path.name)


def _beginning(name: str) -> str:
    return re.split(r"[^0-9a-z]", name.lower(), maxsplit=1)[0]
