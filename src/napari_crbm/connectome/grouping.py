"""Order of regions by anatomical groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_crbm.anatomy.hierarchy import path_of
from napari_crbm.anatomy.names import split_side

_SIDES = {"left": "left", "": "midline", "right": "right"}


class RegionGroup(NamedTuple):
    """Regions that belong together, from front to back.

    Parameters
    ----------
    label : str
    regions : tuple of int
        Positions among the names.
    """

    label: str
    regions: tuple[int, ...]


def anatomical_groups(
    names: Sequence[str], centres_um: NDArray[np.floating]
) -> tuple[RegionGroup, ...]:
    """Group regions by the division in their names, otherwise by side; front to back in each.

    Parameters
    ----------
    names : sequence of str
        Such as "Diencephalon - Habenula L": then divisions are used if there are two or more.
    centres_um : (R, 3) float array
        z, y, x in micrometres; y runs from front to back. NaN if unknown: then last.

    Returns
    -------
    tuple of RegionGroup
        Divisions from front to back; or left, midline, right. Each region is in one group.
    """
    y_um = np.asarray(centres_um, dtype=np.float64)[:, 1]
    roots = [path_of(name)[0] if len(path_of(name)) > 1 else "" for name in names]
    divided = len(set(roots) - {""}) > 1
    keys = [root or "other" for root in roots] if divided else [split_side(n)[1] for n in names]
    members: dict[str, list[int]] = {}
    for place, key in enumerate(keys):
        members.setdefault(key, []).append(place)
    if divided:
        order = sorted(members, key=lambda key: (key == "other", _front(y_um[members[key]])))
        labels = {key: key for key in order}
    else:
        order, labels = [side for side in _SIDES if side in members], _SIDES
    return tuple(
        RegionGroup(labels[key], tuple(sorted(members[key], key=lambda k: _front(y_um[[k]]))))
        for key in order
    )


def _front(y_um: NDArray[np.float64]) -> float:
    """Return the mean of what is known; infinite if nothing is."""
    known = y_um[np.isfinite(y_um)]
    return float(known.mean()) if len(known) else float("inf")
