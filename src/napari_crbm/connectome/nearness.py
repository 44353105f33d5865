"""Nearness of regions, and correlations with it held constant.

Assemblies are compact and often bilateral, and so are anatomical connections. Two regions are near
if the distance between them is small, or that between one and the mirror image of the other.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_crbm.anatomy.names import matched_name, mirrored_name, split_side
from napari_crbm.connectome.regionmap import RegionMap

#: Largest p-value of an agreement that is called beyond nearness.
ALPHA = 0.05
# Fewer pairs have no correlation.
_FEWEST = 3


def nearness_of(
    region_map: RegionMap, centres_um: NDArray[np.floating] | None = None
) -> NDArray[np.float64] | None:
    """Return the distances between the regions of a map, and those to their mirror images.

    The midline lies halfway between left and right regions of the same name; without such a pair
    there are no mirror images.

    Parameters
    ----------
    region_map : RegionMap
    centres_um : (R, 3) float, optional
        Centres of the regions, axes z, y, x; those of the map by default.

    Returns
    -------
    (2, R, R) or (1, R, R) float64
        Micrometres; None if no centres are known.
    """
    known = region_map.centres_um if centres_um is None else centres_um
    if known is None:
        return None
    centres = np.asarray(known, dtype=np.float64)
    distances = [_distances(centres, centres)]
    place = {matched_name(name): k for k, name in enumerate(region_map.names)}
    middles = [
        (centres[k, 2] + centres[place[mirrored_name(name)], 2]) / 2
        for k, name in enumerate(region_map.names)
        if split_side(name)[1] and mirrored_name(name) in place
    ]
    if middles:
        mirrored = centres * (1, 1, -1) + (0, 0, 2 * float(np.mean(middles)))
        across = _distances(centres, mirrored)
        distances.append((across + across.T) / 2)
    return np.stack(distances)


def partial_correlation(
    x: NDArray[np.floating], y: NDArray[np.floating], controls: NDArray[np.floating] | None = None
) -> float:
    """Return Pearson's correlation of x and y (n,), given controls (K, n) if there are any.

    NaN with fewer than three values, or where x or y is constant given the controls.
    """
    design = np.ones((len(x), 1))
    if controls is not None:
        design = np.column_stack([design, controls.T])
    if len(x) < max(_FEWEST, design.shape[1] + 1):
        return float("nan")
    both = np.column_stack([x, y]).astype(np.float64)
    rest = both - design @ np.linalg.lstsq(design, both, rcond=None)[0]
    size = np.linalg.norm(rest, axis=0)
    if (size <= 1e-9 * np.linalg.norm(both, axis=0)).any():
        return float("nan")
    return float(rest[:, 0] @ rest[:, 1] / np.prod(size))


def _distances(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.linalg.norm(one[:, None] - other[None], axis=-1))
