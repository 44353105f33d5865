"""How work is handed on: to another thread, or to the window piece by piece; at once without Qt."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

#: Runs work(report), perhaps in another thread, then done(result).
Runner = Callable[[str, Callable[[Any], Any], Callable[[Any], Any]], Any]
#: Does what a generator does, perhaps in pieces, as `Turns.start`; what is left of earlier
#: work of the same name is given up.
Later = Callable[[str, Iterator[None]], object]


def run_at_once(_what: str, work: Callable[[Any], Any], done: Callable[[Any], Any]) -> None:
    """A `Runner` that does not wait."""
    done(work(lambda *_: None))


def at_once(_name: str, pieces: Iterator[None]) -> None:
    """A `Later` that does not wait."""
    for _ in pieces:
        pass
