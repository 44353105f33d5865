"""One possible problem of a recording."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_crbm.analysis.evidence.stretches import stretches

# At most this many neurons or frames are named in a sentence, and listed in JSON.
_NAMED, _LISTED = 5, 1000


@dataclass(frozen=True)
class Finding:
    """One possible problem of a recording.

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
        How to fix it, such as an option; empty if nothing has to be done, or if the neurons or
        frames in ``leave_out`` can be left out, see `command`.
    severity : {"problem", "note"}
        Problems are reported again when a training starts.
    leave_out : tuple of int
        Neurons or frames without which the problem is gone; empty if leaving out does not help.
    """

    kind: str
    text: str
    count: int
    where: tuple[int, ...] = ()
    of: Literal["neurons", "frames", ""] = ""
    done: str = ""
    remedy: str = ""
    severity: Literal["problem", "note"] = "problem"
    leave_out: tuple[int, ...] = ()

    @property
    def command(self) -> str:
        """How to leave out ``leave_out`` on the command line; empty if ``leave_out`` is."""
        if not self.leave_out:
            return ""
        them = "it" if len(self.leave_out) == 1 else "them"
        return (
            f"Leave {them} out with: napari-crbm preprocess FILE OUT --keep-spikes --leave-out "
            f'"{self.kind}".'
        )

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; at most 1,000 places."""
        return {
            "kind": self.kind,
            "severity": self.severity,
            "text": self.text,
            "count": self.count,
            "of": self.of,
            "where": list(self.where[:_LISTED]),
            "leave_out": list(self.leave_out[:_LISTED]),
            "done": self.done,
            "remedy": " ".join(part for part in (self.remedy, self.command) if part),
        }

    def sentences(self) -> str:
        """Return what was found, what was done about it and how to fix it."""
        parts = (self.text, self.done, self.remedy, self.command)
        return " ".join(part for part in parts if part)


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
    return [(int(frames[start]), int(frames[stop - 1])) for start, stop in stretches(frames)]


def ranges_named(frames: Sequence[int]) -> str:
    """Return the first few ranges of ascending frames, as ``--drop-frames`` takes them."""
    found = [f"{first}-{last}" if first != last else f"{first}" for first, last in runs(frames)]
    more = len(found) - _NAMED
    return ", ".join(found[:_NAMED]) + (f" and {more:,} more" if more > 0 else "")


def counted(number: int, one: str, many: str) -> str:
    """Return a number with the words for one or for several, such as "1 frame" or "3 frames"."""
    return f"{number:,} {one if number == 1 else many}"


def neurons_that(
    verb: str,
    verb_of_many: str,
    which: NDArray[np.integer],
    kind: str,
    done: tuple[str, str] = ("It is kept.", "They are kept."),
    severity: Literal["problem", "note"] = "problem",
    *,
    remedy: str = "",
    leave_out: Sequence[int] | None = None,
) -> list[Finding]:
    """Return a finding about some neurons, such as "1 neuron is never active (17)."; [] if none.

    ``done`` is what was done about one, and about several. They can be left out, or those in
    ``leave_out``.
    """
    where = places(which)
    if not where:
        return []
    one = len(where) == 1
    text = f"{counted(len(where), 'neuron', 'neurons')} {verb if one else verb_of_many}"
    text += f" ({named(where)})."
    gone = where if leave_out is None else places(leave_out)
    told = done[0] if one else done[1]
    return [Finding(kind, text, len(where), where, "neurons", told, remedy, severity, gone)]
