"""Compare the maps of all animals of a study with each other, and their mean with anatomy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_crbm.anatomy.names import match_names
from napari_crbm.connectome.comparison import Comparison, compare_maps, similarity
from napari_crbm.connectome.means import mean_over_animals
from napari_crbm.connectome.project import Animal
from napari_crbm.connectome.regionmap import RegionMap


@dataclass(frozen=True, eq=False)
class Study:
    """Comparison of several animals.

    Parameters
    ----------
    maps : dict of str to RegionMap
        One per animal, the mean over its models.
    similarity : pandas.DataFrame
        See `comparison.similarity`.
    mean : RegionMap
        Mean over animals (paper Eq. 22).
    structural : RegionMap, optional
        Structural matrix that the mean is compared with.
    agreement : Comparison, optional
        Comparison of the mean with the structural matrix, without pairs that have no
        structural connection.
    given_distance : Comparison, optional
        The same comparison, given the distance between regions.
    """

    maps: dict[str, RegionMap]
    similarity: pd.DataFrame
    mean: RegionMap
    structural: RegionMap | None = None
    agreement: Comparison | None = None
    given_distance: Comparison | None = None


def compare_animals(
    animals: dict[str, Animal],
    structural: RegionMap | None = None,
    *,
    centres_um: tuple[tuple[str, ...], NDArray[np.floating]] | None = None,
    n_permutations: int = 1000,
    seed: int = 0,
) -> Study:
    """Compare all animals with each other, and their mean with anatomy.

    Parameters
    ----------
    animals : dict of str to Animal
        Maps of one kind; see `project.of_kind`.
    structural : RegionMap, optional
        See `structural.read_matrix`.
    centres_um : names and (R, 3) float array, optional
        Centres of regions, used for the distance between regions where the maps do not hold
        them. If the centres of all regions are known, the agreement with the structural matrix
        is also computed given the distance.
    n_permutations, seed : int
        For p-values.

    Raises
    ------
    ModelError
        If maps have too few regions in common.
    """
    maps = {name: animal.mean for name, animal in animals.items()}
    mean = mean_over_animals(
        list(maps.values()), [animal.n_frames for animal in animals.values()], seed=seed
    )
    table = similarity(maps, n_permutations=n_permutations, seed=seed)
    if structural is None:
        return Study(maps, table, mean)
    options = dict(skip_zero=True, n_permutations=n_permutations, seed=seed)
    agreement = compare_maps(mean, structural, **options)  # type: ignore[arg-type]
    control = mean.distances_um
    if control is None and centres_um is not None:
        control = _distances(mean, *centres_um)
    given = None
    if control is not None:
        given = compare_maps(mean, structural, control=control, **options)  # type: ignore[arg-type]
    return Study(maps, table, mean, structural, agreement, given)


def _distances(
    region_map: RegionMap, names: tuple[str, ...], centres_um: NDArray[np.floating]
) -> NDArray[np.float64] | None:
    """Return the distances between the regions of a map, None if a centre is not known."""
    pairs = match_names(region_map.names, names)
    if len(pairs) < len(region_map.names):
        return None
    places = np.asarray(centres_um, dtype=np.float64)[[known for _, known in pairs]]
    return np.asarray(np.linalg.norm(places[:, None] - places[None], axis=-1))
