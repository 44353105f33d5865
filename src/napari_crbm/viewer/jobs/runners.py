"""Types of functions that run work in a thread or in pieces, and versions without Qt."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

#: Runs work(report), perhaps in another thread, then done(result).
Runner = Callable[[str, Callable[[Any], Any], Callable[[Any], Any]], Any]
#: Runs a generator to its end, perhaps in pieces as `Turns.start` does; unfinished work of
#: the same name is dropped.
Later = Callable[[str, Iterator[None]], object]


def run_at_once(_what: str, work: Callable[[Any], Any], done: Callable[[Any], Any]) -> None:
    """Run work in the calling thread, as a `Runner`."""
    done(work(lambda *_: None))


def at_once(_name: str, pieces: Iterator[None]) -> None:
    """Run a generator to its end immediately, as a `Later`."""
    for _ in pieces:
        pass
