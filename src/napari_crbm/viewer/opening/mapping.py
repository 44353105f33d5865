"""Files of unknown layout: collect what the mapping dialog shows. No Qt here."""

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
from napari_crbm.viewer.parts.option_words import in_words_of_the_viewer


@dataclass(frozen=True)
class Unmapped:
    """A file of unknown layout, whose arrays the user must assign.

    Parameters
    ----------
    path : Path
    entries : tuple of Entry
        Arrays in the file.
    guessed : Guess
    why : str
        Why it could not be opened directly; empty if its layout is unknown or opening was
        not tried.
    profile : Profile, optional
        Profile with which opening was tried.
    options : mapping
        Options of `napari_crbm.io.open_recording` for opening the file with a profile.
    """

    path: Path
    entries: tuple[Entry, ...]
    guessed: Guess
    why: str = ""
    profile: Profile | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


def reason_to_ask(error: CRBMError) -> str:
    """Return why a file could not be opened, to show in the mapping dialog.

    Empty for an unknown layout, because the dialog already implies it. What the dialog does
    itself, such as to detect events, is left out.
    """
    if isinstance(error, UnknownLayout) and not isinstance(error, FieldNotFound):
        return ""
    found, mend, _ = str(error).partition(": open it with ")
    return in_words_of_the_viewer(f"{found}." if mend else found)


def can_ask(path: Path) -> bool:
    """Whether a file holds arrays that the user can assign in the mapping dialog."""
    try:
        return own_kind(path) is None and can_map(list_entries(path))
    except FormatError:
        return False


def unmapped(
    path: Path, why: str = "", options: Mapping[str, Any] | None = None
) -> Unmapped | None:
    """Return the content of a file for the mapping dialog; None if it has no usable arrays.

    Raises
    ------
    FormatError
        If the file cannot be read.
    """
    kept = dict(options or {})
    profile = kept.pop("profile", None)
    # The dialog has its own field for the threshold.
    kept.pop("binarise", None)
    if own_kind(path) is not None:
        return None
    entries = list_entries(path)
    if not can_map(entries):
        return None
    known = profile if isinstance(profile, Profile) else None
    return Unmapped(path, entries, guess(path, entries), why, known, kept)
