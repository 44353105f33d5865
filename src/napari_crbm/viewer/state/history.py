"""Undo and redo."""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")
_LONGEST = 200


class History(Generic[T]):
    """States before and after the current one; at most 200 are stored."""

    def __init__(self) -> None:
        self._past: list[T] = []
        self._future: list[T] = []

    def record(self, state: T) -> None:
        """Store the current state before another one replaces it."""
        self._past.append(state)
        del self._past[:-_LONGEST]
        self._future.clear()

    def undo(self, present: T) -> T | None:
        """Return the previous state; None if there is none."""
        return self._move(self._past, self._future, present)

    def redo(self, present: T) -> T | None:
        """Return the state that was undone last; None if there is none."""
        return self._move(self._future, self._past, present)

    @staticmethod
    def _move(source: list[T], target: list[T], present: T) -> T | None:
        if not source:
            return None
        target.append(present)
        return source.pop()

    def clear(self) -> None:
        """Delete all stored states."""
        self._past.clear()
        self._future.clear()

    @property
    def can_undo(self) -> bool:
        """Whether there is a previous state."""
        return bool(self._past)

    @property
    def can_redo(self) -> bool:
        """Whether a state was undone and can be restored."""
        return bool(self._future)
