"""Names of files that may hold a recording or a model."""

from __future__ import annotations

from pathlib import Path

_SUFFIXES = (".h5", ".hdf5", ".npz", ".mat", ".npy", ".nwb", ".data", ".pkl", ".pickle")


def may_read(path: Path) -> bool:
    """Whether a path is a folder, or has the name of a file of ours."""
    return path.is_dir() or path.suffix.lower() in _SUFFIXES
