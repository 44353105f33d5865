"""Do two maps agree: across animals, and with anatomy.

Maps are compared over the pairs of regions both have, matched by name. Pairs of regions
are not independent (each region is in many), so significance comes from permuting the
regions of one map, rows and columns together (Mantel 1967), not from the number of pairs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from napari_crbm.anatomy.names import match_names, matched_name
from napari_crbm.connectome.regionmap import RegionMap
from napari_crbm.errors import ModelError

_FEWEST_REGIONS = 3


@dataclass(frozen=True, eq=False)
class Comparison:
    """Agreement of two region maps.

    Parameters
    ----------
    names : tuple of str
        Regions compared, as the first map spells them.
    n_pairs : int
        Pairs of regions that entered.
    n_zero : int
        Pairs left out because the other map has no connection there.
    pearson, spearman : float
        Pearson's r is taken between logarithms where both maps are positive.
    pearson_p, spearman_p : float
        One-sided, from permuting the regions of one map.
    logarithmic : bool
        Whether Pearson's r is between logarithms.
    x, y : (n_pairs,) float64
        The values compared.
    only_first, only_second : tuple of str
        Regions without a counterpart.
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


def compare_maps(
    first: RegionMap,
    second: RegionMap,
    *,
    skip_zero: bool = False,
    diagonal: bool = True,
    aliases: Mapping[str, str] | None = None,
    control: NDArray[np.float64] | None = None,
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
        Include connections within regions.
    aliases : mapping, optional
        Names of the first map that the second spells otherwise.
    control : (R, R) float64, optional
        Something that could make both alike, such as the distance between the first
        map's regions. The correlations are then partial ones, given the control.
    n_permutations, seed : int

    Raises
    ------
    ModelError
        If fewer than three regions match; the text says what the names look like.
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
    rows, columns = np.tril_indices(len(one), 0 if diagonal else -1)
    positive = _positive(a) and _positive(b)
    kept, n_zero = _valid(a, b, rows, columns, skip_zero)
    x, y = a[rows, columns][kept], b[rows, columns][kept]
    if len(x) < _FEWEST_REGIONS:
        raise ModelError(
            f"The maps share {len(pairs)} regions but only {len(x)} pairs with a value in both."
        )
    given = None if control is None else control[np.ix_(one, one)][rows, columns]
    pearson, spearman = _correlations(x, y, positive, None if given is None else given[kept])
    rng = np.random.default_rng(seed)
    above = np.zeros(2)
    for _ in range(n_permutations):
        order = rng.permutation(len(one))
        shuffled = a[np.ix_(order, order)]
        kept, _ = _valid(shuffled, b, rows, columns, skip_zero)
        u, v = shuffled[rows, columns][kept], b[rows, columns][kept]
        drawn = _correlations(u, v, positive, None if given is None else given[kept])
        above += np.array(drawn) >= (pearson, spearman)
    p = (1 + above) / (1 + n_permutations)
    return Comparison(
        names=tuple(first.names[index] for index in one),
        n_pairs=len(x),
        n_zero=n_zero,
        pearson=pearson,
        pearson_p=float(p[0]),
        spearman=spearman,
        spearman_p=float(p[1]),
        logarithmic=positive,
        x=x,
        y=y,
        only_first=tuple(n for k, n in enumerate(first.names) if k not in set(one.tolist())),
        only_second=tuple(n for k, n in enumerate(second.names) if k not in set(two.tolist())),
    )


def similarity(
    maps: Mapping[str, RegionMap], *, n_permutations: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """Compare every two animals: one row a pair.

    Returns
    -------
    pandas.DataFrame
        ``first, second, n_regions, n_pairs, pearson, pearson_p, spearman, spearman_p``.
        Self-comparisons are not among them, so a mean is not inflated by ones.
    """
    names = list(maps)
    rows = []
    for k, a in enumerate(names):
        for b in names[k + 1 :]:
            found = compare_maps(maps[a], maps[b], n_permutations=n_permutations, seed=seed)
            rows.append(
                {
                    "first": a,
                    "second": b,
                    "n_regions": len(found.names),
                    "n_pairs": found.n_pairs,
                    "pearson": found.pearson,
                    "pearson_p": found.pearson_p,
                    "spearman": found.spearman,
                    "spearman_p": found.spearman_p,
                }
            )
    columns = ("first", "second", "n_regions", "n_pairs")
    statistics = ("pearson", "pearson_p", "spearman", "spearman_p")
    return pd.DataFrame(rows, columns=[*columns, *statistics])


def mean_over_models(maps: Sequence[RegionMap]) -> RegionMap:
    """Plain mean of maps of one animal from several models (paper, Methods).

    Raises
    ------
    ModelError
        If the maps have different regions, measures or rules.
    """
    first = maps[0]
    _check_same_kind(maps)
    if any(other.names != first.names for other in maps):
        raise ModelError("Maps of one animal must have the same regions: use the same recording.")
    return RegionMap(
        first.names,
        np.mean([each.values for each in maps], axis=0),
        first.n_neurons,
        first.measure,
        first.rule,
        left_out=first.left_out,
    )


def mean_over_animals(
    maps: Sequence[RegionMap],
    n_frames: Sequence[int],
    *,
    min_neurons: float = 5,
    n_bootstrap: int = 1000,
    seed: int = 0,
) -> RegionMap:
    """Mean map over animals, weighted with frames and neurons (paper Eq. 22).

    The weight of an animal in a pair of regions is its number of frames times the mean
    number of its neurons in the two. Regions with fewer than ``min_neurons`` neurons on
    average over the animals are left out. The confidence interval is that over animals
    (bootstrap), given for three animals or more.

    Parameters
    ----------
    maps : sequence of RegionMap
        One an animal.
    n_frames : sequence of int
    """
    _check_same_kind(maps)
    place: dict[str, str] = {}
    for each in maps:
        for name in each.names:
            place.setdefault(matched_name(name), name)
    keys = list(place)
    n_maps, n = len(maps), len(keys)
    values = np.full((n_maps, n, n), np.nan)
    neurons = np.zeros((n_maps, n))
    for k, each in enumerate(maps):
        index = np.array([keys.index(matched_name(name)) for name in each.names])
        values[k][np.ix_(index, index)] = each.values
        neurons[k, index] = each.n_neurons
    kept = neurons.mean(axis=0) >= min_neurons
    values, neurons = values[:, kept][:, :, kept], neurons[:, kept]
    weight = np.asarray(n_frames, dtype=np.float64)[:, None, None] * (
        (neurons[:, :, None] + neurons[:, None, :]) / 2
    )
    weight[np.isnan(values)] = 0.0
    mean = _weighted(values, weight)
    low = high = None
    if n_maps >= _FEWEST_REGIONS and n_bootstrap:
        rng = np.random.default_rng(seed)
        draws = rng.integers(n_maps, size=(n_bootstrap, n_maps))
        with np.errstate(invalid="ignore"):
            resampled = np.array([_weighted(values[draw], weight[draw]) for draw in draws])
        low, high = np.nanquantile(resampled, (0.025, 0.975), axis=0)
    names = tuple(place[key] for key, keep in zip(keys, kept, strict=True) if keep)
    return RegionMap(
        names,
        mean,
        np.round(neurons.mean(axis=0)).astype(np.int64),
        maps[0].measure,
        maps[0].rule,
        low=low,
        high=high,
        left_out=tuple(place[key] for key, keep in zip(keys, kept, strict=True) if not keep),
    )


def _weighted(values: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    total = weight.sum(axis=0)
    mean = (np.nan_to_num(values) * weight).sum(axis=0)
    return np.asarray(np.divide(mean, total, out=np.full_like(mean, np.nan), where=total > 0))


def _check_same_kind(maps: Sequence[RegionMap]) -> None:
    kinds = {(each.measure, each.rule) for each in maps}
    if len(kinds) > 1:
        found = " and ".join(f"{measure} ({rule})" for measure, rule in sorted(kinds))
        raise ModelError(f"Maps of different kinds cannot be averaged: {found}.")


def _positive(values: NDArray[np.float64]) -> bool:
    return bool(np.nanmin(values) >= 0)


def _valid(
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    skip_zero: bool,
) -> tuple[NDArray[np.bool_], int]:
    """Which pairs of regions enter, and how many are left out because ``b`` is zero."""
    x, y = a[rows, columns], b[rows, columns]
    known = np.isfinite(x) & np.isfinite(y)
    zero = known & (y == 0) if skip_zero else np.zeros_like(known)
    return known & ~zero, int(zero.sum())


def _correlations(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    logarithmic: bool,
    control: NDArray[np.float64] | None,
) -> tuple[float, float]:
    """Pearson's r (of logarithms, over pairs where both are positive) and Spearman's."""
    u, v, w = x, y, control
    if logarithmic:
        both = (x > 0) & (y > 0)
        u, v = np.log10(x[both]), np.log10(y[both])
        w = None if control is None else control[both]
    ranks = None if control is None else rankdata(control)
    return _partial(u, v, w), _partial(rankdata(x), rankdata(y), ranks)


def _partial(
    x: NDArray[np.float64], y: NDArray[np.float64], control: NDArray[np.float64] | None
) -> float:
    """Correlation of x and y, given the control if there is one."""
    r = _pearson(x, y)
    if control is None:
        return r
    with_x, with_y = _pearson(x, control), _pearson(y, control)
    return float((r - with_x * with_y) / np.sqrt((1 - with_x**2) * (1 - with_y**2)))


def _pearson(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    if len(x) < _FEWEST_REGIONS or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return float(np.corrcoef(x, y)[0, 1])
