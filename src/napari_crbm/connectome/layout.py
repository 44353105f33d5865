"""Where to draw what: an order of regions that shows blocks, and their centres in space."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering
from scipy.spatial.distance import pdist

from napari_crbm.connectome.regionmap import RegionMap, strongest
from napari_crbm.regions import Regions


def cluster_order(region_map: RegionMap) -> NDArray[np.int64]:
    """Order of the regions that puts those with similar connections side by side, (R,).

    Average linkage on the correlation distance between rows (of logarithms for
    positive maps), optimal order of the leaves.
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
    """Logarithms (base 10) if no value is negative, the values themselves otherwise.

    Zero becomes the smallest positive value.
    """
    known = values[np.isfinite(values)]
    if not len(known) or known.min() < 0 or known.max() == 0:
        return values
    return np.asarray(np.log10(np.maximum(values, known[known > 0].min())))


def region_centroids(
    coordinates_um: NDArray[np.floating], regions: Regions, names: Sequence[str]
) -> NDArray[np.float64]:
    """Mean position of each named region's neurons, (R, 3) um, axes z, y, x."""
    return np.array([coordinates_um[regions.members(name)].mean(axis=0) for name in names])


def circuit(region_map: RegionMap, n_edges: int, *, about: str | None = None) -> pd.DataFrame:
    """The strongest connections between regions, with their width for drawing.

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
