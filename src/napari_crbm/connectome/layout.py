"""Layout of regions: order by similarity, centres, and positions on a ring."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering
from scipy.spatial.distance import pdist

from napari_crbm.anatomy.names import split_side
from napari_crbm.connectome.regionmap import RegionMap, strongest
from napari_crbm.regions import Regions


def cluster_order(region_map: RegionMap) -> NDArray[np.int64]:
    """Return an order of the regions in which similar connections are adjacent, (R,).

    Uses average linkage on the correlation distance between rows (of logarithms for positive
    maps) and the optimal order of the leaves.
    """
    values = scaled(region_map.values)
    n = len(values)
    if n < 3:
        return np.arange(n)
    known = np.isfinite(values)
    values = np.where(known, values, np.nanmin(values) if known.any() else 0.0)
    spread = values.std(axis=1) > 0
    varying, constant = np.flatnonzero(spread), np.flatnonzero(~spread)
    if len(varying) > 2:
        distance = np.maximum(pdist(values[varying], "correlation"), 0.0)
        tree = optimal_leaf_ordering(linkage(distance, "average"), distance)
        varying = varying[leaves_list(tree)]
    return np.concatenate([varying, constant]).astype(np.int64)


def scaled(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return logarithms (base 10) if no value is negative, else the values themselves.

    Zero becomes the smallest positive value.
    """
    known = values[np.isfinite(values)]
    if not len(known) or known.min() < 0 or known.max() == 0:
        return values
    return np.asarray(np.log10(np.maximum(values, known[known > 0].min())))


def region_centroids(
    coordinates_um: NDArray[np.floating], regions: Regions, names: Sequence[str]
) -> NDArray[np.float64]:
    """Compute the mean position of each region's neurons, (R, 3) um, axes z, y, x.

    Neurons without position (NaN) are left out; NaN for regions without any.
    """
    known = np.isfinite(coordinates_um).all(axis=1)
    centres = np.full((len(names), 3), np.nan)
    for row, name in enumerate(names):
        inside = regions.members(name)
        inside = inside[known[inside]]
        if len(inside):
            centres[row] = coordinates_um[inside].mean(axis=0)
    return centres


def ring_layout(names: Sequence[str], centres_um: NDArray[np.floating]) -> NDArray[np.float64]:
    """Place regions around a unit ring: left ones on the left, anterior ones at the top.

    Regions without a side in their name are placed on the side of their centre.

    Parameters
    ----------
    names : sequence of str
    centres_um : (R, 3) float array
        z, y, x: y decides the order, and x the side where the name does not. NaN if unknown.

    Returns
    -------
    (R, 2) float64
        x to the right, y upwards.
    """
    # Regions without a known centre are placed on the left, in the order of `names`.
    centres_um = np.nan_to_num(np.asarray(centres_um, dtype=np.float64))
    middle = float(np.median(centres_um[:, 2])) if len(names) else 0.0
    sides = [split_side(name)[1] for name in names]
    known = [k for k, side in enumerate(sides) if side]
    if known:
        # Midline halfway between the means of both sides, also if one side has more regions.
        means = [
            np.mean([centres_um[k, 2] for k in known if sides[k] == side] or [middle])
            for side in ("left", "right")
        ]
        middle = float(np.mean(means))
    halves: dict[str, list[int]] = {"left": [], "right": []}
    for k, side in enumerate(sides):
        halves[side or ("left" if centres_um[k, 2] < middle else "right")].append(k)
    places = np.zeros((len(names), 2))
    for side, sign in (("left", -1.0), ("right", 1.0)):
        order = sorted(halves[side], key=lambda k: float(centres_um[k, 1]))
        for rank, k in enumerate(order):
            # Evenly spaced in height, so that labels do not overlap.
            height = 1.0 - 2.0 * (rank + 0.5) / len(order)
            places[k] = sign * np.sqrt(1.0 - height**2), height
    return places


def arc(start: NDArray[np.floating], end: NDArray[np.floating], n: int = 24) -> NDArray[np.float64]:
    """Return a curve between two places on the ring that bends towards its centre, (n, 2)."""
    t = np.linspace(0.0, 1.0, n)[:, None]
    bend = 0.35 * (np.asarray(start) + np.asarray(end)) / 2
    return np.asarray((1 - t) ** 2 * start + 2 * t * (1 - t) * bend + t**2 * end)


def circuit(region_map: RegionMap, n_edges: int, *, about: str | None = None) -> pd.DataFrame:
    """Tabulate the strongest connections between regions, with their relative strength.

    Parameters
    ----------
    region_map : RegionMap
    n_edges : int
    about : str, optional
        Only connections of this region.

    Returns
    -------
    pandas.DataFrame
        Rows of `RegionMap.table` and ``strength`` in (0, 1], 1 for the strongest.
    """
    table = strongest(region_map, len(region_map.names) ** 2)
    if about is not None:
        table = table[(table["region_a"] == about) | (table["region_b"] == about)]
    table = table[table["value"] != 0].head(n_edges).reset_index(drop=True)
    size = table["value"].abs()
    return table.assign(strength=size / size.max() if len(table) else size)
