"""Files that may be recordings or models: by their endings, and against napari's own."""

from __future__ import annotations

from pathlib import Path

_SUFFIXES = (
    *(".h5", ".hdf5", ".npz", ".mat", ".npy", ".nwb", ".data", ".pkl", ".pickle"),
    *(".csv", ".tsv", ".xlsx", ".parquet", ".nc", ".h5ad"),
)


def may_read(path: Path) -> bool:
    """Whether a path is a folder or ends as a recording or model file does."""
    return path.is_dir() or path.suffix.lower() in _SUFFIXES


def is_table(path: Path) -> bool:
    """Whether a file is a table that napari has not written itself (points or shapes)."""
    if path.suffix.lower() not in (".csv", ".tsv", ".xlsx", ".parquet"):
        return False
    return not is_layer(path)


def is_text_table(path: Path) -> bool:
    """Whether a file is a text of numbers in columns, whatever its name."""
    from napari_crbm.io.reading.tables import holds_numbers

    if not path.is_file():
        return False
    with path.open("rb") as file:
        return holds_numbers(file.read(1 << 16))


def is_layer(path: Path) -> bool:
    """Whether a file is a CSV of points or shapes, which napari reads itself."""
    if path.suffix.lower() != ".csv" or not path.is_file():
        return False
    with path.open("rb") as file:
        first = file.readline(1000).lower()
    return first.startswith((b"index,axis-0", b"index,shape-type"))


def holds_arrays(folder: Path) -> bool:
    """Whether a folder holds NumPy arrays of different shapes, which are no stack of images."""
    if not folder.is_dir():
        return False
    import numpy as np

    shapes = set()
    # Opening a pipe or a device may never end.
    for path in sorted(filter(Path.is_file, folder.glob("*.npy")))[:20]:
        try:
            shapes.add(np.load(path, mmap_mode="r", allow_pickle=False).shape)
        except (OSError, ValueError, EOFError):
            continue
    return len(shapes) > 1
