"""Hierarchies of regions, read from names such as "Diencephalon - Habenula".

ZBrain's masks and label tables write the path from the root to a region into its name,
separated by " - " or " / ".
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from napari_crbm.regions import Regions

_STEP = re.compile(r"\s+[-/>]\s+|\s+-$")


def path_of(name: str) -> tuple[str, ...]:
    """Return the names from the root to the region: ("Diencephalon", "Habenula")."""
    return tuple(part.strip() for part in _STEP.split(name) if part and part.strip()) or (name,)


def n_levels(regions: Regions) -> int:
    """Return the number of levels in the names; 1 if they have no path."""
    return max((len(path_of(name)) for name in regions.names), default=1)


def containers(regions: Regions) -> NDArray[np.bool_]:
    """Return which regions contain others, (R,): "Diencephalon -" contains "Diencephalon - X"."""
    paths = [path_of(name) for name in regions.names]
    above = {path[:k] for path in paths for k in range(1, len(path))}
    return np.array([path in above for path in paths], dtype=bool)


def at_level(regions: Regions, level: int | None) -> Regions:
    """Return the regions of one level, each united with all regions below it.

    Parameters
    ----------
    regions : Regions
        May overlap; merged regions are united.
    level : int or None
        0 for the top. None for the smallest regions: those that hold others are left out.

    Returns
    -------
    Regions
        In the order of their first parts; regions above the level are kept.
    """
    if level is None:
        kept = np.flatnonzero(~containers(regions))
        names = tuple(regions.names[index] for index in kept)
        return Regions(regions.membership[:, kept], names)
    joined = [" - ".join(path_of(name)[: level + 1]) for name in regions.names]
    names = tuple(dict.fromkeys(joined))
    place = {name: column for column, name in enumerate(names)}
    into = sparse.csr_array(
        (
            np.ones(len(joined), dtype=np.int64),
            (np.arange(len(joined)), [place[name] for name in joined]),
        ),
        shape=(len(joined), len(names)),
    )
    return Regions(regions.membership.astype(np.int64) @ into, names)


def renamed(regions: Regions, names: list[str]) -> Regions:
    """Rename regions that have numbers ("ZBrain region 17") after the lines of a list of names.

    A region whose number is outside the list keeps its name.
    """
    found = []
    for name in regions.names:
        number = re.search(r"(\d+)$", name)
        index = int(number.group(1)) if number else -1
        found.append(names[index] if 0 <= index < len(names) else name)
    return Regions(regions.membership, tuple(found))
