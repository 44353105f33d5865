"""Where to draw neurons whose positions are not known, or known along one axis only.

Such a drawing is schematic: it has no anterior, no left, and no micrometres.
"""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from napari_crbm.recording import Recording

# Distance of neighbours on the lattice; a cell body, so that sizes suit both kinds of drawing.
_SPACING = 10.0


@dataclass(frozen=True, eq=False)
class Placed:
    """Points at which to draw the neurons of a recording.

    Parameters
    ----------
    points : (N, 3) float32
        Axes z, y, x, all finite.
    schematic : bool
        Whether distances and directions mean nothing.
    note : str
        What the reader of the drawing must know, in one or two sentences; empty if all
        positions are known.
    """

    points: NDArray[np.float32]
    schematic: bool
    note: str


def place_neurons(recording: Recording, weights: NDArray[np.floating] | None = None) -> Placed:
    """Return where to draw the neurons of a recording.

    Known positions are drawn as they are. Neurons without position lie on a lattice: all
    of them if no position is known, beside the others if some are. With ``weights`` the
    neurons of an assembly are neighbours on that lattice. If positions lie along one axis
    only, such as the depth on a probe, that axis runs downwards.

    Parameters
    ----------
    recording : Recording
    weights : (N, M) float array, optional
        Of a model trained on it.
    """
    if weights is None and recording in _drawn:
        return _drawn[recording]
    located = recording.located
    if not located.any():
        found = _without_positions(recording.n_neurons, weights)
    elif len(recording.known_axes) == 1 and recording.n_neurons > 1:
        found = _along_one_axis(recording)
    elif located.all():
        found = Placed(recording.positions, False, "")
    else:
        found = _some_missing(recording, weights)
    found.points.flags.writeable = False
    if weights is None:
        _drawn[recording] = found
    return found


_drawn: WeakKeyDictionary[Recording, Placed] = WeakKeyDictionary()


def arrange_neurons(recording: Recording, weights: NDArray[np.floating] | None) -> Placed:
    """Return where to draw the neurons, and draw them so from now on.

    `place_neurons` without weights returns the same until the next call; with None it is again
    the order of the file. Known positions do not change.

    Parameters
    ----------
    recording : Recording
    weights : (N, M) float array, optional
        Of a model trained on it.
    """
    if recording.located.all():
        return place_neurons(recording)
    _drawn.pop(recording, None)
    if weights is not None:
        _drawn[recording] = place_neurons(recording, weights)
    return place_neurons(recording)


def _without_positions(n_neurons: int, weights: NDArray[np.floating] | None) -> Placed:
    points = np.zeros((n_neurons, 3), dtype=np.float32)
    points[_order(n_neurons, weights), 1:] = _lattice(n_neurons, square=True)
    by = "in the order of the file" if weights is None else "by their strongest assembly"
    return Placed(
        points,
        True,
        f"This recording has no positions: neurons are arranged {by}, and distances and "
        "directions mean nothing.",
    )


def _along_one_axis(recording: Recording) -> Placed:
    axis = "zyx".index(recording.known_axes[0])
    depth = recording.positions[:, axis].astype(np.float64)
    known = np.isfinite(depth)
    depth[~known] = np.nanmax(depth) + 0.1 * np.ptp(depth[known])
    height = float(np.ptp(depth))
    # Rows of equal depth, spread evenly to the right.
    row = np.floor((depth - depth.min()) / (height / max(np.sqrt(len(depth)), 1.0)))
    place = np.zeros(len(depth))
    for each in np.unique(row):
        inside = np.flatnonzero(row == each)
        place[inside] = np.arange(len(inside)) - (len(inside) - 1) / 2
    points = np.zeros((len(depth), 3), dtype=np.float32)
    points[:, 1] = depth
    points[:, 2] = place * height / max(np.sqrt(len(depth)), 1.0)
    note = (
        f"Only the {'depth' if axis == 0 else 'zyx'[axis] + ' position'} of neurons is known, and "
        "runs downwards; the place from left to right means nothing."
    )
    if not known.all():
        note += f" {np.sum(~known):,} neurons without position are at the bottom."
    return Placed(points, True, note)


def _some_missing(recording: Recording, weights: NDArray[np.floating] | None) -> Placed:
    located = recording.located
    points = recording.positions.copy()
    low, high = np.nanmin(points, axis=0), np.nanmax(points, axis=0)
    lost = np.flatnonzero(~located)
    part = None if weights is None else weights[lost]
    extent = np.maximum(high - low, _SPACING)
    spacing = float(np.sqrt(extent[1] * extent[2] / len(points)))
    places = _lattice(len(lost), square=False, height=max(int(extent[1] / spacing), 1))
    ordered = lost[_order(len(lost), part)]
    points[ordered, 0] = (low[0] + high[0]) / 2
    points[ordered, 1] = low[1] + places[:, 0] * spacing / _SPACING
    points[ordered, 2] = high[2] + 0.1 * extent[2] + places[:, 1] * spacing / _SPACING
    return Placed(
        points,
        False,
        f"{len(lost):,} of {recording.n_neurons:,} neurons have no position and are drawn to the "
        f"right of the others{'' if weights is None else ', by their strongest assembly'}.",
    )


def _order(n_neurons: int, weights: NDArray[np.floating] | None) -> NDArray[np.int64]:
    """Neurons of one assembly in a row, strong ones first; those in none last."""
    if weights is None or not weights.shape[1]:
        return np.arange(n_neurons)
    size = np.abs(weights)
    strongest = np.where(size.max(axis=1) > 0, size.argmax(axis=1), weights.shape[1])
    return np.lexsort((np.arange(n_neurons), -size.max(axis=1), strongest))


def _lattice(n_points: int, *, square: bool, height: int = 1) -> NDArray[np.float64]:
    """Points (n, 2) as y, x on a square lattice, down one column and up the next."""
    rows = max(int(np.ceil(np.sqrt(n_points))), 1) if square else height
    column, row = np.divmod(np.arange(n_points), rows)
    row = np.where(column % 2 == 0, row, rows - 1 - row)
    return _SPACING * np.column_stack([row, column])
