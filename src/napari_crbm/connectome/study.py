"""Compare the maps of all animals of a study with each other, and their mean with anatomy."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_crbm.anatomy.names import match_names
from napari_crbm.connectome.comparison import (
    Comparison,
    compare_maps,
    nearness_sentence,
    p_values,
    relocated_agreements,
    similarity,
)
from napari_crbm.connectome.means import mean_over_animals
from napari_crbm.connectome.project import Animal
from napari_crbm.connectome.regionmap import RegionMap


@dataclass(frozen=True)
class Shared:
    """Mean agreement over all pairs of animals.

    Parameters
    ----------
    n_pairs : int
    spearman : float
    relocated : float
        Median of the same if the assemblies of all animals are relocated; NaN if an animal has no
        relocated assemblies.
    given_nearness, p : float
        Mean partial Spearman correlation given nearness, and its p-value against relocated
        assemblies of all animals; NaN where it is not known.
    """

    n_pairs: int
    spearman: float
    relocated: float = float("nan")
    given_nearness: float = float("nan")
    p: float = float("nan")

    def __str__(self) -> str:
        pairs = "1 pair" if self.n_pairs == 1 else f"{self.n_pairs} pairs"
        return (
            f"Mean over {pairs} of animals: Spearman {self.spearman:.2f}. "
            f"{nearness_sentence(self.relocated, self.given_nearness, self.p)}"
        )


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
    shared : Shared, optional
        What all animals share; None for one animal.
    agreement : Comparison, optional
        Comparison of the mean with the structural matrix, without pairs that have no
        structural connection.
    """

    maps: dict[str, RegionMap]
    similarity: pd.DataFrame
    mean: RegionMap
    structural: RegionMap | None = None
    shared: Shared | None = None
    agreement: Comparison | None = None


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
        Centres of regions, used for the agreement with the structural matrix given nearness
        where the maps do not hold them.
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
    shared = _shared(maps, table)
    if structural is None:
        return Study(maps, table, mean, shared=shared)
    places = None
    if mean.centres_um is None and centres_um is not None:
        places = _placed(mean, *centres_um)
    agreement = compare_maps(
        mean,
        structural,
        skip_zero=True,
        centres_um=places,
        n_permutations=n_permutations,
        seed=seed,
    )
    return Study(maps, table, mean, structural, shared, agreement)


def _shared(maps: dict[str, RegionMap], table: pd.DataFrame) -> Shared | None:
    """Average the agreement of all pairs, and compare it with relocated assemblies."""
    if not len(table):
        return None
    n, spearman = len(table), float(table["spearman"].mean())
    found = [
        relocated_agreements(first, second) for first, second in combinations(maps.values(), 2)
    ]
    known = [each for each in found if each is not None]
    if len(known) < len(found):
        return Shared(n, spearman, given_nearness=float(table["given_nearness"].mean()))
    n_draws = min(len(each) for each in known)
    mean = np.mean([each[:n_draws] for each in known], axis=0)
    p = p_values(mean[0], mean[1:])
    given = float(table["given_nearness"].mean())
    return Shared(n, spearman, float(np.median(mean[1:, 1])), given, float(p[2]))


def _placed(
    region_map: RegionMap, names: tuple[str, ...], centres_um: NDArray[np.floating]
) -> NDArray[np.float64] | None:
    """Return the centres of a map's regions (R, 3), None if one is not known."""
    pairs = match_names(region_map.names, names)
    if len(pairs) < len(region_map.names):
        return None
    return np.asarray(centres_um, dtype=np.float64)[[known for _, known in pairs]]
