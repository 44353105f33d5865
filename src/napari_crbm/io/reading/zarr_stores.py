"""Zarr stores."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from napari_crbm.errors import FormatError, install_extra

_MARKS = ("zarr.json", ".zgroup", ".zarray")
# Decoding with any other codec, "pickle" above all, might run what the file says.
_ZARR_CODECS = {
    *("blosc", "zstd", "gzip", "zlib", "lz4", "bz2", "lzma", "bytes", "endian", "transpose"),
    *("crc32", "crc32c", "adler32", "fletcher32", "shuffle", "bitround", "delta", "packbits"),
    *("fixedscaleoffset", "quantize", "astype", "sharding_indexed", "vlen-utf8"),
}


def is_store(path: Path) -> bool:
    """Return whether a folder is a Zarr store."""
    return any((path / mark).is_file() for mark in _MARKS)


def store_arrays(path: Path) -> dict[str, Any]:
    """Return all arrays of a Zarr store, checked for codecs that could run code.

    Raises
    ------
    FormatError
    """
    try:
        zarr: Any = importlib.import_module("zarr")
    except ImportError as error:
        raise FormatError(
            f"{path.name} is a Zarr store. To read it, {install_extra('formats')}."
        ) from error
    with warnings.catch_warnings():
        # What zarr says of stray files in the folder and of formats that may still change.
        warnings.simplefilter("ignore")
        root = zarr.open(path, mode="r")
        if isinstance(root, zarr.Array):
            members = [(path.stem, root)]
        else:
            root = zarr.open_group(path, mode="r", use_consolidated=False)
            members = sorted(root.members(max_depth=None), key=lambda member: str(member[0]))
        arrays = {name: item for name, item in members if isinstance(item, zarr.Array)}
        return {name: array for name, array in arrays.items() if _is_safe(path, name, array)}


def _is_safe(path: Path, name: str, array: Any) -> bool:
    """Return whether an array is stored with known codecs; raise an error if it holds numbers."""
    codecs = {codec.removeprefix("numcodecs.") for codec in _codecs(array.metadata.to_dict())}
    strange = codecs - _ZARR_CODECS
    if strange and array.dtype.kind in "biuf":
        raise FormatError(
            f"'{name}' in {path.name} is stored with {', '.join(sorted(strange))}, which is "
            "not read here: write it without, for example with Blosc or Zstandard."
        )
    return not strange


def _codecs(metadata: Any) -> Iterator[str]:
    """Return the names of all codecs of a Zarr array, nested ones included."""
    for key, value in metadata.items() if isinstance(metadata, dict) else ():
        if key in ("codecs", "index_codecs", "filters", "compressor", "compressors"):
            for codec in value if isinstance(value, list | tuple) else [value]:
                if codec is None:
                    continue
                described = codec if isinstance(codec, dict) else _described(codec)
                yield str(described.get("id", described.get("name", "an unknown codec")))
                yield from _codecs(described.get("configuration", {}))


def _described(codec: Any) -> dict[str, Any]:
    if hasattr(codec, "get_config"):
        return dict(codec.get_config())
    return dict(codec.to_dict()) if hasattr(codec, "to_dict") else {}
