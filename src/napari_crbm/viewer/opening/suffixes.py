"""File name endings of recordings and models."""

from __future__ import annotations

from pathlib import Path

_SUFFIXES = (
    *(".h5", ".hdf5", ".npz", ".mat", ".npy", ".nwb", ".data", ".pkl", ".pickle"),
    *(".csv", ".tsv", ".xlsx", ".parquet", ".nc", ".h5ad"),
)


def may_read(path: Path) -> bool:
    """Whether a path is a folder or ends as a recording or model file does."""
    return path.is_dir() or path.suffix.lower() in _SUFFIXES
