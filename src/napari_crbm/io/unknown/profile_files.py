"""Keep profiles as JSON files, and find those that fit a file."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from napari_crbm.errors import FormatError
from napari_crbm.io.encodings import read_text
from napari_crbm.io.reading.sources import Entry
from napari_crbm.io.safety import guard
from napari_crbm.io.safety.replacing import write_text
from napari_crbm.io.unknown.profile import Profile
from napari_crbm.io.unknown.profile_fit import matched, problem

FORMAT, VERSION = "napari-crbm profile", 1


def save_profile(profile: Profile, path: str | Path) -> Path:
    """Write a profile as JSON and return its path.

    Raises
    ------
    FormatError
        If it cannot be written there.
    """
    content = {"format": FORMAT, "version": VERSION, **profile.as_dict()}
    return write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def load_profile(path: str | Path) -> Profile:
    """Read a profile.

    Raises
    ------
    FormatError
        If it cannot be read, or is none.
    """
    path = Path(path)
    guard.require_ordinary(path)
    try:
        content = json.loads(read_text(path))
    except FileNotFoundError as error:
        raise FormatError(f"There is no profile {path}.") from error
    except OSError as error:
        raise FormatError(f"{path.name} cannot be read: {error.strerror or error}.") from error
    except (ValueError, RecursionError, OverflowError) as error:
        raise FormatError(f"{path.name} is no profile: it is not valid JSON ({error}).") from error
    if not isinstance(content, dict) or content.pop("format", None) != FORMAT:
        raise FormatError(
            f'{path.name} is no profile: it lacks "format": "{FORMAT}". Write one with '
            "'napari-crbm info FILE --save-profile lab.json'."
        )
    if content.pop("version", None) != VERSION:
        raise FormatError(f"{path.name} is a profile of another version; {VERSION} is known.")
    return Profile.from_dict(content, path.name)


def profile_folder() -> Path:
    """Return the folder of kept profiles; NAPARI_CRBM_PROFILES sets another one."""
    if chosen := os.environ.get("NAPARI_CRBM_PROFILES"):
        return Path(chosen)
    if sys.platform == "win32":
        base = Path(os.environ.get("APPDATA", Path.home()))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_CONFIG_HOME", Path.home() / ".config"))
    return base / "napari-crbm" / "profiles"


def remember(profile: Profile) -> Path:
    """Keep a profile for later files, under its name.

    Raises
    ------
    FormatError
        If it cannot be written.
    """
    folder = profile_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FormatError(f"Profiles cannot be kept in {folder}: {error.strerror}.") from error
    stem = re.sub(r"[^\w.-]+", "-", profile.name).strip("-.") or "profile"
    return save_profile(profile, folder / f"{stem}.json")


def remembered(entries: Sequence[Entry], path: Path) -> list[Profile]:
    """Return the kept profiles that fit the arrays of a file, the latest first."""
    folder = profile_folder()
    if not folder.is_dir():
        return []
    fitting = []
    for kept in sorted(folder.glob("*.json"), key=lambda p: p.stat().st_mtime, reverse=True):
        try:
            profile = matched(load_profile(kept), entries, path)
        except FormatError:
            # A file a person spoilt is of no use here; loading it by name says why.
            continue
        if problem(profile, entries) is None:
            fitting.append(profile)
    return fitting
