"""Compare region names of different atlases: sides, spelling, matches."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

# "Pallium L", "pallium_LEFT", "Pallium (right)", "left pallium".
_END = re.compile(r"[\s_,\-(]+(l|r|left|right)\)?$", re.IGNORECASE)
_START = re.compile(r"^(left|right)[\s_,\-]+", re.IGNORECASE)
# Spellings seen in published tables.
_SPELLINGS = {"teberculum": "tuberculum", "optic tectum": "tectum"}


def split_side(name: str) -> tuple[str, str]:
    """Return the name in plain lower-case words, and its side: "left", "right" or ""."""
    side = ""
    if found := _END.search(name):
        name, side = name[: found.start()], found.group(1)
    elif found := _START.search(name):
        name, side = name[found.end() :], found.group(1)
    words = " ".join(re.split(r"[\s_\-,()/]+", name.lower())).strip()
    for wrong, right in _SPELLINGS.items():
        words = words.replace(wrong, right)
    return words, {"l": "left", "r": "right"}.get(side.lower(), side.lower())


def without_side(name: str) -> str:
    """Return the name as written, without its side."""
    return _START.sub("", _END.sub("", name)) or name


def matched_name(name: str) -> str:
    """Return a form that is equal for different spellings of the same region and side."""
    return " ".join(part for part in split_side(name) if part)


def mirrored_name(name: str) -> str:
    """Return `matched_name` of the same region on the other side; itself on the midline."""
    words, side = split_side(name)
    other = {"left": "right", "right": "left"}.get(side, "")
    return " ".join(part for part in (words, other) if part)


def match_names(
    first: Iterable[str], second: Iterable[str], aliases: Mapping[str, str] | None = None
) -> list[tuple[int, int]]:
    """Return pairs of indices into both lists that name the same region, in the first's order.

    Parameters
    ----------
    first, second : iterable of str
    aliases : mapping, optional
        Names of the first list (side included), with their spelling in the second.
    """
    known = {matched_name(name): index for index, name in enumerate(second)}
    renamed = {matched_name(a): matched_name(b) for a, b in (aliases or {}).items()}
    pairs = []
    for index, name in enumerate(first):
        key = matched_name(name)
        partner = known.get(renamed.get(key, key))
        if partner is not None:
            pairs.append((index, partner))
    return pairs
