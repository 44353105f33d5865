"""Blocks of rows of a large array, which keep temporary arrays small."""

from __future__ import annotations

from collections.abc import Iterator

_ROWS = 4096


def row_blocks(n_rows: int, size: int = _ROWS) -> Iterator[slice]:
    """Yield slices of up to ``size`` rows that cover ``n_rows`` in order."""
    for start in range(0, n_rows, size):
        yield slice(start, min(start + size, n_rows))
