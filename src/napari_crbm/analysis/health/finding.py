"""One thing that is doubtful in a recording."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np

# So many neurons or frames are named in a sentence, and listed in data.
_NAMED, _LISTED = 5, 1000


@dataclass(frozen=True)
class Finding:
    """One thing that is doubtful in a recording.

    Parameters
    ----------
    kind : str
        Name of the check, such as "silent neurons".
    text : str
        What was found, in one sentence with the number.
    count : int
        Affected neurons, frames, gaps or pairs.
    where : tuple of int
        Affected neurons or frames, counted from 0; empty if the whole recording is.
    of : {"neurons", "frames", ""}
        What ``where`` counts.
    done : str
        What was done about it, in one sentence.
    remedy : str
        What mends it: an option or a command; empty if nothing has to be done.
    severity : {"problem", "note"}
        Problems are said again when a training starts.
    """

    kind: str
    text: str
    count: int
    where: tuple[int, ...] = ()
    of: Literal["neurons", "frames", ""] = ""
    done: str = ""
    remedy: str = ""
    severity: Literal["problem", "note"] = "problem"

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; at most 1,000 places."""
        return {
            "kind": self.kind,
            "severity": self.severity,
            "text": self.text,
            "count": self.count,
            "of": self.of,
            "where": list(self.where[:_LISTED]),
            "done": self.done,
            "remedy": self.remedy,
        }

    def sentences(self) -> str:
        """Return what was found, what was done and what mends it."""
        return " ".join(part for part in (self.text, self.done, self.remedy) if part)


def places(where: Sequence[int] | np.ndarray[Any, Any]) -> tuple[int, ...]:
    """Return the numbers of neurons or frames as plain integers."""
    return tuple(int(each) for each in where)


def named(where: Sequence[int]) -> str:
    """Return the first few numbers in words, such as "3, 8 and 3 more"."""
    first = ", ".join(f"{each:,}" for each in where[:_NAMED])
    more = len(where) - _NAMED
    return f"{first} and {more:,} more" if more > 0 else first


def runs(frames: Sequence[int]) -> list[tuple[int, int]]:
    """Return ascending frames as ranges (first, last), both included."""
    if not len(frames):
        return []
    breaks = [k + 1 for k, (a, b) in enumerate(pairwise(frames)) if b != a + 1]
    return [
        (int(frames[start]), int(frames[stop - 1]))
        for start, stop in pairwise([0, *breaks, len(frames)])
    ]


def ranges_named(frames: Sequence[int]) -> str:
    """Return the first few ranges of ascending frames, as ``--drop-frames`` takes them."""
    found = [f"{first}-{last}" if first != last else f"{first}" for first, last in runs(frames)]
    more = len(found) - _NAMED
    return ", ".join(found[:_NAMED]) + (f" and {more:,} more" if more > 0 else "")


def counted(count: int, noun: str, verb: str, verb_of_many: str) -> str:
    """Return a number with its noun and verb, such as "1 neuron is"."""
    return f"{count:,} {noun} {verb}" if count == 1 else f"{count:,} {noun}s {verb_of_many}"
