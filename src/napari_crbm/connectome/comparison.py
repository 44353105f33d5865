"""Compare region maps: of two animals, or of an animal and a structural matrix.

Maps are compared over the pairs of different regions both have, matched by name. Pairs of
regions are not independent (each region is in many, and near regions resemble each other), so
p-values do not come from the number of pairs. The null hypothesis is that the assemblies of the
first map lie at random places of their brain, with the same compactness and bilateral symmetry
(`napari_crbm.connectome.relocated_maps`). For a map without such draws the regions are permuted,
rows and columns together (Mantel 1967). That test is too liberal: near and homotopic regions are
strongly coupled in every brain, which makes unrelated maps significant. It therefore never shows
that maps agree beyond nearness.

Nearness is also held constant: the partial rank correlation is that given the distance between
two regions, and the distance between one and the mirror image of the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from napari_crbm.anatomy.names import match_names
from napari_crbm.connectome.nearness import ALPHA, nearness_of, partial_correlation
from napari_crbm.connectome.regionmap import RegionMap
from napari_crbm.errors import ModelError

_FEWEST_REGIONS = 3
# Columns of the table of similarities, each an attribute of a comparison.
_COLUMNS = ["n_pairs", "pearson", "pearson_p", "spearman", "spearman_p", "relocated"]
_COLUMNS += ["given_nearness", "given_nearness_p", "null"]

Cells = tuple[NDArray[np.intp], NDArray[np.intp]]


@dataclass(frozen=True, eq=False)
class Comparison:
    """Agreement of two region maps.

    Parameters
    ----------
    names : tuple of str
        Regions compared, as the first map spells them.
    n_pairs : int
        Pairs of regions that are compared.
    n_zero : int
        Pairs left out because the other map has no connection there.
    pearson, spearman : float
        Pearson's r is taken between logarithms where both maps are positive.
    pearson_p, spearman_p : float
        One-sided.
    null : {"relocated", "permuted"}
        Null distribution of the p-values: relocated assemblies of the first map, or
        permutations of its regions.
    relocated : float
        Median Spearman correlation of the maps of relocated assemblies; NaN without them.
    given_nearness, given_nearness_p : float
        Partial Spearman correlation given both distances of `nearness_of`, NaN without centres
        of regions; and its p-value, NaN also without relocated assemblies.
    logarithmic : bool
        Whether Pearson's r is between logarithms.
    x, y : (n_pairs,) float64
        The values compared.
    only_first, only_second : tuple of str
        Regions without a counterpart.
    unused : tuple of str
        Regions of both maps none of whose pairs has a value in both.
    """

    names: tuple[str, ...]
    n_pairs: int
    n_zero: int
    pearson: float
    pearson_p: float
    spearman: float
    spearman_p: float
    logarithmic: bool
    x: NDArray[np.float64] = field(repr=False)
    y: NDArray[np.float64] = field(repr=False)
    only_first: tuple[str, ...] = ()
    only_second: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    null: str = "permuted"
    relocated: float = float("nan")
    given_nearness: float = float("nan")
    given_nearness_p: float = float("nan")

    @property
    def beyond_nearness(self) -> bool | None:
        """Whether the maps agree beyond nearness; None if that cannot be said."""
        return None if np.isnan(self.relocated) else bool(self.given_nearness_p <= ALPHA)

    @property
    def nearness(self) -> str:
        """A sentence on whether the maps agree beyond nearness."""
        return nearness_sentence(self.relocated, self.given_nearness, self.given_nearness_p)


def compare_maps(
    first: RegionMap,
    second: RegionMap,
    *,
    skip_zero: bool = False,
    diagonal: bool = False,
    aliases: Mapping[str, str] | None = None,
    centres_um: NDArray[np.floating] | None = None,
    n_permutations: int = 1000,
    seed: int = 0,
) -> Comparison:
    """Correlate two maps over the regions they share.

    Parameters
    ----------
    first, second : RegionMap
    skip_zero : bool
        Leave out pairs that the second map does not connect, as the paper does with the
        structural matrix.
    diagonal : bool
        Include connections within regions. They are strong in every map and make all maps
        similar, so they are left out by default.
    aliases : mapping, optional
        Names of the first map that the second spells otherwise.
    centres_um : (R, 3) float, optional
        Centres of the first map's regions, where the map does not hold them.
    n_permutations, seed : int

    Raises
    ------
    ModelError
        If fewer than three regions match; the message shows a name of each map.
    """
    pairs = match_names(first.names, second.names, aliases)
    if len(pairs) < _FEWEST_REGIONS:
        raise ModelError(
            f"Only {len(pairs)} regions have the same name in both maps (for example "
            f"'{first.names[0]}' in one, '{second.names[0]}' in the other): at least "
            f"{_FEWEST_REGIONS} are needed. Use the same atlas, or give aliases."
        )
    one, two = (np.array(column) for column in zip(*pairs, strict=True))
    a = first.values[np.ix_(one, one)]
    b = second.values[np.ix_(two, two)]
    cells = np.tril_indices(len(one), 0 if diagonal else -1)
    kept, n_zero = _valid(a, b, cells, skip_zero)
    x, y = a[cells][kept], b[cells][kept]
    if len(x) < _FEWEST_REGIONS:
        raise ModelError(
            f"The maps share {len(pairs)} regions but only {len(x)} pairs with a value in both."
        )
    positive = _positive(a) and _positive(b)
    near = nearness_of(first, centres_um)
    given = None if near is None else near[:, one][:, :, one][:, *cells]
    options = (b, cells, skip_zero, positive, given)
    found = _agreement(a, *options)
    expected = given_p = float("nan")
    if first.relocated is not None:
        # The first relocated map is that of the unmoved assemblies, of the same neurons.
        every = np.array([_agreement(each[np.ix_(one, one)], *options) for each in first.relocated])
        p = p_values(every[0], every[1:])
        expected = float(np.median(every[1:, 1]))
        given_p = float("nan") if near is None else float(p[2])
    else:
        rng = np.random.default_rng(seed)
        orders = [rng.permutation(len(a)) for _ in range(n_permutations)]
        plain = (b, cells, skip_zero, positive, None)
        chance = [_agreement(a[np.ix_(order, order)], *plain) for order in orders]
        p = p_values(np.array(found), np.array(chance))
    used = {index for cell in cells for index in cell[kept].tolist()}
    return Comparison(
        names=tuple(first.names[index] for k, index in enumerate(one) if k in used),
        n_pairs=len(x),
        n_zero=n_zero,
        pearson=found[0],
        pearson_p=float(p[0]),
        spearman=found[1],
        spearman_p=float(p[1]),
        logarithmic=positive,
        x=x,
        y=y,
        only_first=tuple(n for k, n in enumerate(first.names) if k not in set(one.tolist())),
        only_second=tuple(n for k, n in enumerate(second.names) if k not in set(two.tolist())),
        unused=tuple(first.names[index] for k, index in enumerate(one) if k not in used),
        null="permuted" if first.relocated is None else "relocated",
        relocated=expected,
        given_nearness=found[2],
        given_nearness_p=given_p,
    )


def relocated_agreements(first: RegionMap, second: RegionMap) -> NDArray[np.float64] | None:
    """Correlate two maps, and those of their assemblies when both are relocated.

    Returns
    -------
    (S + 1, 3) float64
        Pearson's and Spearman's correlation and that given nearness; first of the unmoved
        assemblies. None if a map has no relocated assemblies or the first has no centres.
    """
    near = nearness_of(first)
    if first.relocated is None or second.relocated is None or near is None:
        return None
    pairs = match_names(first.names, second.names)
    one, two = (np.array(column) for column in zip(*pairs, strict=True))
    cells = np.tril_indices(len(one), -1)
    given = near[:, one][:, :, one][:, *cells]
    drawn = zip(first.relocated, second.relocated, strict=False)
    return np.array(
        [
            _agreement(a[np.ix_(one, one)], b[np.ix_(two, two)], cells, False, False, given)
            for a, b in drawn
        ]
    )


def nearness_sentence(relocated: float, given: float, p: float) -> str:
    """Say whether an agreement is beyond nearness.

    Parameters
    ----------
    relocated : float
        Median Spearman correlation that relocated assemblies reach.
    given, p : float
        Partial correlation given nearness, and its p-value; NaN where they are not known.
    """
    if np.isnan(relocated):
        text = "" if np.isnan(given) else f"Given nearness: Spearman {given:.2f}. "
        return (
            f"{text}Whether this is beyond nearness cannot be said without maps of relocated "
            "assemblies, which need couplings and the positions of neurons."
        )
    text = f"The same assemblies relocated in the brain reach Spearman {relocated:.2f}. "
    if np.isnan(p):
        return text + (
            "One of the maps follows from the distances between regions: no more than nearness."
        )
    return text + (
        "Given nearness (distance between regions, and to the mirror image), it is "
        f"{given:.2f} (p = {p:.3g}): "
        f"{'beyond nearness' if p <= ALPHA else 'no more than nearness'}."
    )


def similarity(
    maps: Mapping[str, RegionMap], *, n_permutations: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """Compare all pairs of animals, one row per pair.

    Returns
    -------
    pandas.DataFrame
        ``first, second, n_regions, n_pairs, pearson, pearson_p, spearman, spearman_p, relocated,
        given_nearness, given_nearness_p`` and ``null``; see `Comparison`. Connections within
        regions and comparisons of a map with itself are left out: both would inflate the mean.
    """
    names = list(maps)
    rows = []
    for k, a in enumerate(names):
        for b in names[k + 1 :]:
            found = compare_maps(maps[a], maps[b], n_permutations=n_permutations, seed=seed)
            row = {"first": a, "second": b, "n_regions": len(found.names)}
            rows.append(row | {name: getattr(found, name) for name in _COLUMNS})
    return pd.DataFrame(rows, columns=["first", "second", "n_regions", *_COLUMNS])


def _positive(values: NDArray[np.float64]) -> bool:
    return bool(np.nanmin(values) >= 0)


def p_values(found: NDArray[np.float64], chance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return one-sided p-values of correlations (K,), given draws (S, K) by chance; NaN of NaN."""
    p = (1 + np.sum(chance >= found, axis=0)) / (1 + len(chance))
    return np.asarray(np.where(np.isnan(found), np.nan, p))


def _agreement(
    a: NDArray[np.floating],
    b: NDArray[np.float64],
    cells: Cells,
    skip_zero: bool,
    logarithmic: bool,
    near: NDArray[np.float64] | None,
) -> tuple[float, float, float]:
    """Correlate two maps of the same regions.

    Returns Pearson's r (of logarithms, where both are positive), Spearman's, and Spearman's given
    ``near`` (K, pairs), NaN without it.
    """
    kept, _ = _valid(a, b, cells, skip_zero)
    x, y = a[cells][kept], b[cells][kept]
    u, v = x, y
    if logarithmic:
        both = (x > 0) & (y > 0)
        u, v = np.log10(x[both]), np.log10(y[both])
    x, y = rankdata(x), rankdata(y)
    given = float("nan")
    if near is not None:
        given = partial_correlation(x, y, rankdata(near[:, kept], axis=1))
    return partial_correlation(u, v), partial_correlation(x, y), given


def _valid(
    a: NDArray[np.floating], b: NDArray[np.float64], cells: Cells, skip_zero: bool
) -> tuple[NDArray[np.bool_], int]:
    """Return which pairs of regions enter, and how many are left out because ``b`` is zero."""
    x, y = a[cells], b[cells]
    known = np.isfinite(x) & np.isfinite(y)
    zero = known & (y == 0) if skip_zero else np.zeros_like(known)
    return known & ~zero, int(zero.sum())
