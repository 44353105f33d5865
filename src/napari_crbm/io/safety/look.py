"""Read HDF5 files in a process that may crash; started by `safety.guard`.

Reads paths from standard input, one JSON text a line, and answers each with one line:
``{}`` if it came through, ``{"damaged": "why"}``, or ``{"refused": "why"}`` if the file is sound
but should not be read. This file must not import anything
of the project, because it is run as plain text.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import h5py

# Processor time after which reading counts as endless: small files take hundredths of it. Larger
# files get more time, because all their chunks may have to be decoded.
LONGEST_CPU_S, BYTES_A_SECOND = 1.0, 10e6
# An object, such as a cell of a MATLAB array, takes 400 bytes and 0.6 ms; in larger files values
# take most of the room.
_BYTES_OF_OBJECTS, _OBJECT_BYTES_A_SECOND = 20e6, 4e5
# Memory that reading may take beside that of this process; chunks are decoded whole.
_MOST_MEMORY, _MEMORY_A_BYTE = 1 << 30, 8
# Data are read as far as they are small: what crashes is what describes them.
_SMALL_BYTES = 16 << 20
_MOST_READ = 64 << 20
# Deflate makes bytes at most 1,032 times smaller, and only those that are all alike; parts that
# were never written take no room at all. Nothing that was measured comes near.
_LARGEST_RATIO = 1000
_LARGE_BYTES = 1 << 30
# Deflate, shuffle, checksum and LZF check what they decode; the others may crash on damage.
_HARMLESS = {1, 2, 3, 32000}
_FIRST_FOREIGN_FILTER = 256


def look(path: str) -> dict[str, str]:
    """Read all metadata of a file, and its small datasets."""
    told: dict[str, str] = {}
    left = [_MOST_READ]

    def visit(name: str) -> None:
        item = file[name]
        _try(name, lambda: [item.attrs.get(key) for key in item.attrs], told)
        if isinstance(item, h5py.Dataset):
            _try(name, lambda: _touch(name, item, told, left), told)

    with open_shared(path) as file:
        # Names alone: one object that cannot be opened must not hide those after it.
        names = ["/"]
        file.visit(names.append)
        for name in names:
            _try(name, lambda name=name: visit(name), told)
    return told


def open_shared(path: str) -> Any:
    """Open a file read-only, also one that another program has locked or still appends to."""
    try:
        return h5py.File(path, "r")
    except OSError as error:
        if "lock file" in str(error):
            return h5py.File(path, "r", locking=False)
        if "already open for" in str(error):
            return h5py.File(path, "r", locking=False, swmr=True)
        raise


def _touch(name: str, dataset: Any, told: dict[str, str], left: list[int]) -> None:
    if dataset.external:
        # Its bytes would come from any file that the path in it names.
        told["refused"] = (
            f"'{name}' keeps its values in another file, '{dataset.external[0][0]}', which is not "
            "read: copy them into this file, for example with 'h5repack old.h5 new.h5'"
        )
        return
    size = dataset.size or 0
    n_bytes = size * dataset.dtype.itemsize
    stored = dataset.id.get_storage_size()
    if n_bytes > _LARGE_BYTES and stored * _LARGEST_RATIO < n_bytes:
        told["refused"] = (
            f"'{name}' announces {n_bytes / 2**30:,.1f} GB, but the file holds "
            f"{stored / 2**10:,.0f} KB of it, so that nearly all values are missing or alike"
        )
        return
    offsets: list[tuple[int, ...]] = []
    if dataset.chunks is not None and hasattr(dataset.id, "chunk_iter"):
        dataset.id.chunk_iter(lambda stored: offsets.append(tuple(stored.chunk_offset)))
    if _may_crash(dataset):
        for offset in offsets:
            parts = zip(offset, dataset.chunks, strict=True)
            try:
                _ = dataset[tuple(slice(start, start + length) for start, length in parts)]
            except Exception as error:
                # Data that such a filter rejects here may crash it elsewhere.
                told["damaged"] = f"part of '{name}' cannot be decoded ({error})"
        return
    if n_bytes <= min(_SMALL_BYTES, left[0]):
        left[0] -= n_bytes
        _ = dataset[()]
        return
    chunk = dataset.dtype.itemsize
    for length in dataset.chunks or ():
        chunk *= length
    if size and 2 * chunk <= left[0]:
        left[0] -= 2 * chunk
        _ = dataset[(0,) * dataset.ndim], dataset[(-1,) * dataset.ndim]


def _may_crash(dataset: Any) -> bool:
    """Return whether a dataset has a filter that may crash on damage; load it if it is foreign."""
    stored = dataset.id.get_create_plist()
    codes = {stored.get_filter(index)[0] for index in range(stored.get_nfilters())}
    if any(code >= _FIRST_FOREIGN_FILTER for code in codes - _HARMLESS):
        try:
            import hdf5plugin  # noqa: F401
        except ImportError:
            # The reader has no such filter either.
            return False
    return bool(codes - _HARMLESS)


def _try(name: str, touch: Any, told: dict[str, str]) -> None:
    """Ignore errors, which the reader reports in the process that asked.

    Except errors of variable-length text, which lies on a heap: with a wrong length or address
    in it, every attempt allocates gigabytes.
    """
    try:
        touch()
    except Exception as error:
        if _takes_too_much(error):
            told["damaged"] = f"'{name}': {_TOO_MUCH}"
        elif "heap" in str(error) or "past end of allocation" in str(error):
            told["damaged"] = f"'{name}' cannot be read ({error})"


_TOO_MUCH = "what describes its content asks for more memory than any content would"


def _takes_too_much(error: Exception) -> bool:
    text = str(error).lower()
    return isinstance(error, MemoryError) or "memory allocation failed" in text


def _limit_memory(start: int, n_bytes: int) -> None:
    """Limit the memory of this process to that at its start and what a file may take."""
    try:
        import resource

        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        limit = start + _MOST_MEMORY + _MEMORY_A_BYTE * n_bytes
        if hard != resource.RLIM_INFINITY:
            limit = min(limit, hard)
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except Exception:
        # Not known to this system.
        return


def longer_s(n_bytes: int) -> float:
    """Return how much longer than `LONGEST_CPU_S` reading may take for the size of a file."""
    objects = min(n_bytes, _BYTES_OF_OBJECTS) / _OBJECT_BYTES_A_SECOND
    return n_bytes / BYTES_A_SECOND + objects


def _address_space() -> int:
    """Return the address space of this process in bytes; where that is unknown, 8 GB."""
    try:
        import resource

        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        return pages * resource.getpagesize()
    except Exception:
        return 8 << 30


def _limit_time(seconds: float) -> None:
    """End this process after so much processor time; 0 removes the limit."""
    try:
        import signal

        signal.setitimer(signal.ITIMER_PROF, seconds)
    except Exception:
        return


def main() -> None:
    """Answer until standard input ends."""
    start = _address_space()
    for line in sys.stdin:
        try:
            path = json.loads(line)
            n_bytes = Path(path).stat().st_size
            _limit_memory(start, n_bytes)
            _limit_time(LONGEST_CPU_S + longer_s(n_bytes))
            answer = look(path)
        except Exception as error:
            answer = {"damaged": _TOO_MUCH} if _takes_too_much(error) else {}
        _limit_time(0)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
