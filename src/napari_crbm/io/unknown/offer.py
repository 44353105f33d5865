"""Say what the arrays of a file seem to be, for someone who wanted to open it."""

from __future__ import annotations

from pathlib import Path

from napari_crbm.errors import CRBMError
from napari_crbm.io.reading.sources import list_entries
from napari_crbm.io.unknown.guess import guess
from napari_crbm.io.unknown.profile import Profile
from napari_crbm.io.unknown.profile_fit import problem, sizes

_HOLDS = {"spikes": "zeros and ones", "fluorescence": "dF/F", "rates": "deconvolved or rates"}
_UNITS = {"um": "micrometres", "mm": "millimetres", "pixel": "pixels"}


def offered(path: Path) -> Profile | None:
    """Return the guessed profile of a file if the file can be read with it, else None."""
    try:
        entries = list_entries(path)
        profile = guess(path, entries).profile
        return profile if problem(profile, entries) is None else None
    except CRBMError:
        return None


def doubted(path: Path) -> str | None:
    """Return in one sentence why no array of a file is taken for activity, or None."""
    try:
        found = guess(path)
    except CRBMError:
        return None
    if found.profile.activity or "activity" not in found.reasons:
        return None
    return f"{found.reasons['activity']}, so it is not taken for activity."


def described(path: Path, profile: Profile) -> str:
    """Describe in a sentence what a profile takes the arrays of a file for."""
    activity = next(entry for entry in list_entries(path) if entry.name == profile.activity)
    n_frames, n_neurons = sizes(profile, activity)
    text = (
        f"activity '{profile.activity}' ({_HOLDS[profile.holds]}, {n_neurons:,} neurons in "
        f"{n_frames:,} frames)"
    )
    if profile.positions:
        names = ", ".join(f"'{name}'" for name in profile.positions)
        text += f", positions {names} ({_UNITS[profile.unit]}, axes {', '.join(profile.axes)})"
    else:
        text += ", no positions"
    if profile.times:
        text += f", times '{profile.times}'"
    elif profile.frame_rate_hz:
        text += f", {profile.frame_rate_hz:g} Hz"
    return f"Its arrays seem to be: {text}."
