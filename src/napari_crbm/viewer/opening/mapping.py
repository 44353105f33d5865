"""Files that have to be asked about, on their way to the mapping dialog; no Qt here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from napari_crbm.errors import CRBMError, FieldNotFound, FormatError, UnknownLayout
from napari_crbm.io.reading.sources import Entry, list_entries
from napari_crbm.io.registry import own_kind
from napari_crbm.io.unknown.by_profile import can_map
from napari_crbm.io.unknown.guess import Guess, guess
from napari_crbm.io.unknown.profile import Profile


@dataclass(frozen=True)
class Unmapped:
    """A file that a person has to say about what is what.

    Parameters
    ----------
    path : Path
    entries : tuple of Entry
        What is in it.
    guessed : Guess
    why : str
        Why it could not be opened as it is; empty if that was not tried.
    profile : Profile, optional
        With which it was tried.
    options : mapping
        For `napari_crbm.io.open_recording`, once a profile is known.
    """

    path: Path
    entries: tuple[Entry, ...]
    guessed: Guess
    why: str = ""
    profile: Profile | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


def reason_to_ask(error: CRBMError) -> str:
    """What to tell about a file that could not be opened as it is.

    That its layout is unknown is no news to someone who is asked about it.
    """
    known = isinstance(error, UnknownLayout) and not isinstance(error, FieldNotFound)
    return "" if known else str(error)


def can_ask(path: Path) -> bool:
    """Whether a file holds arrays that a person could say something about."""
    try:
        return own_kind(path) is None and can_map(list_entries(path))
    except FormatError:
        return False


def unmapped(
    path: Path, why: str = "", options: Mapping[str, Any] | None = None
) -> Unmapped | None:
    """What the dialog has to ask about a file; None if it holds nothing to ask about.

    Raises
    ------
    FormatError
        If the file cannot be read.
    """
    kept = dict(options or {})
    profile = kept.pop("profile", None)
    # The dialog asks for the threshold.
    kept.pop("binarise", None)
    if own_kind(path) is not None:
        return None
    entries = list_entries(path)
    if not can_map(entries):
        return None
    known = profile if isinstance(profile, Profile) else None
    return Unmapped(path, entries, guess(path, entries), why, known, kept)
