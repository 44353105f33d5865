"""Atlases from a label volume, which holds the label of a structure in every voxel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_crbm.anatomy.structures import Atlas, Structure
from napari_crbm.errors import RecordingError

#: Where the axes of a recording start: superior (dorsal), anterior, left.
ORIENTATION = "sal"


def volume_atlas(
    name: str,
    labels: NDArray[np.integer],
    spacing_um: tuple[float, float, float],
    structures: dict[int, Structure],
    orientation: str = ORIENTATION,
    midline_um: float | None = None,
) -> Atlas:
    """Make an atlas from a label volume; 0 and labels without a structure are outside.

    Parameters
    ----------
    name : str
    labels : (A, B, C) int array
    spacing_um : three floats
        Size of a voxel along the volume's own axes.
    structures : dict of int to Structure
        By label; a ``parent`` is the position in this dict's order.
    orientation : str
        Three letters for where the volume's axes start: s or i (superior, inferior), a
        or p (anterior, posterior), l or r (left, right). "las": x from the left, then
        y from the front, then z from the top.
    midline_um : float, optional
        The middle of the volume by default.

    Raises
    ------
    RecordingError
        If volume, spacing or orientation are invalid.
    """
    if labels.ndim != 3 or 0 in labels.shape:
        raise RecordingError(f"Atlas '{name}' must be a volume of labels; found {labels.shape}.")
    if min(spacing_um) <= 0 or len(spacing_um) != 3:
        raise RecordingError(f"Atlas '{name}' needs three positive voxel sizes, not {spacing_um}.")
    order, flips = axes_from(orientation)
    turned = np.transpose(labels, order)
    turned = turned[tuple(slice(None, None, -1 if flip else 1) for flip in flips)]
    spacing = np.array([spacing_um[axis] for axis in order])
    shape = np.array(turned.shape)
    known = np.array(list(structures), dtype=np.int64)
    ascending = np.argsort(known)
    ordered = known[ascending]

    def structure_at(points: NDArray[np.float64]) -> NDArray[np.int64]:
        voxel = np.floor(points / spacing).astype(np.int64)
        within = ((voxel >= 0) & (voxel < shape)).all(axis=1)
        result = np.full(len(points), -1, dtype=np.int64)
        label = turned[tuple(voxel[within].T)].astype(np.int64)
        place = np.minimum(np.searchsorted(ordered, label), len(ordered) - 1)
        result[within] = np.where(ordered[place] == label, ascending[place], -1)
        return result

    if not len(known):
        raise RecordingError(f"Atlas '{name}' names no region.")
    extent = shape * spacing
    middle = float(extent[2] / 2) if midline_um is None else midline_um
    return Atlas(
        name,
        tuple(structures.values()),
        structure_at,
        extent,
        middle,
        grain_um=float(spacing.min()),
    )


def axes_from(orientation: str) -> tuple[tuple[int, int, int], tuple[bool, bool, bool]]:
    """Return which axis of a volume is z, y, x, and whether it is reversed.

    Raises
    ------
    RecordingError
        If the letters do not name each direction once.
    """
    letters = orientation.lower()
    pairs = ("si", "ap", "lr")
    order, flips = [], []
    for pair in pairs:
        found = [k for k, letter in enumerate(letters) if letter in pair]
        if len(letters) != 3 or len(found) != 1:
            raise RecordingError(
                f"Orientation '{orientation}' must have one letter of each of s/i, a/p and l/r, "
                "for where the first, second and third axis start; for example 'sal'."
            )
        order.append(found[0])
        flips.append(letters[found[0]] != pair[0])
    return (order[0], order[1], order[2]), (flips[0], flips[1], flips[2])
