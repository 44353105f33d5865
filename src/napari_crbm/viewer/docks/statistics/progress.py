"""Progress of work in several parts, as one bar that never goes back."""

from __future__ import annotations

from collections.abc import Callable

Report = Callable[[int, int], None]

_STEPS = 1000


def rising(report: Report) -> Report:
    """Return a ``report(done, total)`` that passes on no smaller share than before.

    The length of a burn-in is measured while it runs, so its total can grow.
    """
    highest = 0

    def passed_on(done: int, total: int) -> None:
        nonlocal highest
        highest = max(highest, _STEPS * done // max(total, 1))
        report(highest, _STEPS)

    return passed_on


def part(report: Report, number: int, n_parts: int) -> Report:
    """Return a ``report(done, total)`` for part ``number``, from 0, of equally long parts."""

    def of_whole(done: int, total: int) -> None:
        report(number * _STEPS + _STEPS * done // max(total, 1), n_parts * _STEPS)

    return of_whole
