"""Folders whose files belong together: Zarr stores, ``.npy`` files and tables of cells.

ZAPBench stores its recording like this, as do many programs that save one array per file.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from napari_crbm.errors import FormatError
from napari_crbm.io.encodings import read_text
from napari_crbm.io.reading import tables, zarr_stores

# Larger JSON files are not tables of cells, and larger text tables take minutes to list.
_LARGEST_JSON_BYTES = 256 << 20
_LARGEST_TABLE_BYTES = 256 << 20
# Folders with more tables are archives, not recordings.
_MOST_TABLES = 20
_TABLES = (".csv", ".tsv", ".xlsx", ".parquet")
# A table with more columns holds traces, not a list of cells.
_APART = 20


def is_folder_of_arrays(path: Path) -> bool:
    """Return whether a folder holds Zarr stores, arrays or tables and is not itself a store."""
    with suppress(OSError):
        return any(
            zarr_stores.is_store(each)
            if each.is_dir()
            else each.is_file() and each.suffix.lower() in (".npy", *_TABLES)
            for each in path.iterdir()
        )
    return False


def folder_arrays(path: Path) -> dict[str, Any]:
    """Return the arrays of all Zarr stores, ``.npy`` files and tables in a folder, by name.

    Raises
    ------
    FormatError
        If a store cannot be read.
    """
    found: dict[str, Any] = {}
    n_tables = 0
    for each in sorted(path.iterdir()):
        suffix = each.suffix.lower()
        if each.is_dir():
            if zarr_stores.is_store(each):
                for name, array in zarr_stores.store_arrays(each).items():
                    found[each.name if name == each.stem else f"{each.name}/{name}"] = array
        elif not each.is_file():
            # Opening a pipe or a device may never end.
            continue
        elif suffix == ".npy":
            # Skip other files that are damaged or hold Python objects.
            with suppress(Exception):
                found[each.name] = np.load(each, mmap_mode="r", allow_pickle=False)
        elif suffix == ".json":
            found |= {f"{each.name}/{name}": values for name, values in json_table(each).items()}
        elif suffix in _TABLES and n_tables < _MOST_TABLES:
            n_tables += 1
            if each.stat().st_size <= _LARGEST_TABLE_BYTES:
                with suppress(FormatError):
                    columns = tables.read_arrays(each, apart=_APART)
                    found |= {f"{each.name}/{name}": values for name, values in columns.items()}
    return found


def json_table(path: Path) -> dict[str, Any]:
    """Return the columns of a table in JSON, as pandas writes it; empty for any other JSON."""
    if path.stat().st_size > _LARGEST_JSON_BYTES:
        return {}
    try:
        content = json.loads(read_text(path))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(content, dict):
        return {}
    columns = {}
    for name, values in content.items():
        entries = list(values.values()) if isinstance(values, dict) else values
        with suppress(ValueError, TypeError, OverflowError):
            column = np.asarray(entries)
            if column.ndim == 1 and len(column) > 1 and column.dtype.kind in "biufU":
                columns[str(name)] = column
    return columns
