"""Compare region maps: of two animals, or of an animal and a structural matrix.

Maps are compared over the pairs of different regions both have, matched by name. Pairs of
regions are not independent (each region is in many, and near regions resemble each other), so
p-values do not come from the number of pairs. The null hypothesis is that the assemblies of the
first map lie at random places of their brain, with the same compactness and bilateral symmetry
(`napari_crbm.connectome.relocated_maps`). For a map without such draws the regions are permuted,
rows and columns together (Mantel 1967). That test is too liberal: near and homotopic regions are
strongly coupled in every brain, which makes unrelated maps significant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from napari_crbm.anatomy.names import match_names
from napari_crbm.connectome.regionmap import RegionMap
from napari_crbm.errors import ModelError

_FEWEST_REGIONS = 3

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


def compare_maps(
    first: RegionMap,
    second: RegionMap,
    *,
    skip_zero: bool = False,
    diagonal: bool = False,
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
        Include connections within regions. They are strong in every map and make all maps
        similar, so they are left out by default.
    aliases : mapping, optional
        Names of the first map that the second spells otherwise.
    control : (R, R) float64, optional
        A confounder, such as the distance between the first map's regions. The correlations
        are then partial correlations given the control.
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
    given = None if control is None else control[np.ix_(one, one)][cells]
    options = (b, cells, skip_zero, positive, given)
    pearson, spearman = _correlations(x, y, positive, None if given is None else given[kept])
    if first.relocated is not None:
        drawn = [_agreement(each[np.ix_(one, one)], *options) for each in first.relocated]
        # The first relocated map is that of the unmoved assemblies, of the same neurons.
        p = _p_values(drawn[0], drawn[1:])
    else:
        p = _permuted(a, options, kept, (pearson, spearman), n_permutations, seed)
    used = {index for cell in cells for index in cell[kept].tolist()}
    return Comparison(
        names=tuple(first.names[index] for k, index in enumerate(one) if k in used),
        n_pairs=len(x),
        n_zero=n_zero,
        pearson=pearson,
        pearson_p=p[0],
        spearman=spearman,
        spearman_p=p[1],
        logarithmic=positive,
        x=x,
        y=y,
        only_first=tuple(n for k, n in enumerate(first.names) if k not in set(one.tolist())),
        only_second=tuple(n for k, n in enumerate(second.names) if k not in set(two.tolist())),
        unused=tuple(first.names[index] for k, index in enumerate(one) if k not in used),
        null="permuted" if first.relocated is None else "relocated",
    )


def similarity(
    maps: Mapping[str, RegionMap], *, n_permutations: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """Compare all pairs of animals, one row per pair.

    Returns
    -------
    pandas.DataFrame
        ``first, second, n_regions, n_pairs, pearson, pearson_p, spearman, spearman_p,
        spearman_given_distance`` (partial, NaN if the first map has no centres of regions) and
        ``null`` (see `Comparison`). Connections within regions and comparisons of a map with
        itself are left out: both would inflate the mean.
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
                    "spearman_given_distance": _given_distance(maps[a], maps[b]),
                    "null": found.null,
                }
            )
    columns = ["first", "second", "n_regions", "n_pairs", "pearson", "pearson_p", "spearman"]
    columns += ["spearman_p", "spearman_given_distance", "null"]
    return pd.DataFrame(rows, columns=columns)


def _given_distance(first: RegionMap, second: RegionMap) -> float:
    """Return the partial Spearman correlation given distance, NaN without known centres."""
    distance = first.distances_um
    if distance is None:
        return float("nan")
    return compare_maps(first, second, control=distance, n_permutations=1).spearman


def _positive(values: NDArray[np.float64]) -> bool:
    return bool(np.nanmin(values) >= 0)


def _p_values(
    found: tuple[float, float], chance: Sequence[tuple[float, float]]
) -> tuple[float, float]:
    """Return one-sided p-values of two correlations, given those under the null hypothesis."""
    reached = np.sum(np.array(chance) >= found, axis=0)
    p = (1 + reached) / (1 + len(chance))
    return float(p[0]), float(p[1])


def _agreement(
    a: NDArray[np.floating],
    b: NDArray[np.float64],
    cells: Cells,
    skip_zero: bool,
    logarithmic: bool,
    given: NDArray[np.float64] | None,
) -> tuple[float, float]:
    """Return Pearson's and Spearman's correlation of two maps of the same regions."""
    kept, _ = _valid(a, b, cells, skip_zero)
    w = None if given is None else given[kept]
    return _correlations(a[cells][kept], b[cells][kept], logarithmic, w)


def _permuted(
    a: NDArray[np.float64],
    options: tuple[NDArray[np.float64], Cells, bool, bool, NDArray[np.float64] | None],
    kept: NDArray[np.bool_],
    found: tuple[float, float],
    n_permutations: int,
    seed: int,
) -> tuple[float, float]:
    """Compute p-values by permuting the regions of the first map (Mantel 1967).

    Given a control, the residuals of the first map after regression on the control are permuted
    (Freedman & Lane 1983): permuting the map itself would also remove its relation to the
    control, so that this relation would count as evidence.
    """
    b, cells, _, logarithmic, given = options
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(len(a)) for _ in range(n_permutations)]
    if given is None:
        return _p_values(found, [_agreement(a[np.ix_(o, o)], *options) for o in orders])
    p = []
    for ranked, value in zip((False, True), found, strict=True):
        x, y, w, used = _transformed(a[cells], b[cells], given, kept, logarithmic, ranked)
        residual = np.full(a.shape, np.nan)
        residual.T[cells] = residual[cells] = _scattered(_residual(x, w), used)
        reached = 0
        for order in orders:
            moved = residual[np.ix_(order, order)][cells][used]
            known = np.isfinite(moved)
            reached += _partial(moved[known], y[known], w[known]) >= value
        p.append((1 + reached) / (1 + n_permutations))
    return p[0], p[1]


def _scattered(values: NDArray[np.float64], used: NDArray[np.bool_]) -> NDArray[np.float64]:
    out = np.full(len(used), np.nan)
    out[used] = values
    return out


def _residual(x: NDArray[np.float64], control: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the residual of x after linear regression on the control."""
    design = np.column_stack([np.ones(len(control)), control])
    return np.asarray(x - design @ np.linalg.lstsq(design, x, rcond=None)[0])


def _transformed(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    control: NDArray[np.float64],
    kept: NDArray[np.bool_],
    logarithmic: bool,
    ranked: bool,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Return the values that are correlated (ranks or logarithms), and their cells."""
    used = kept & (x > 0) & (y > 0) if logarithmic and not ranked else kept
    x, y, w = x[used], y[used], control[used]
    if ranked:
        return rankdata(x), rankdata(y), rankdata(w), used
    return (np.log10(x), np.log10(y), w, used) if logarithmic else (x, y, w, used)


def _valid(
    a: NDArray[np.floating], b: NDArray[np.float64], cells: Cells, skip_zero: bool
) -> tuple[NDArray[np.bool_], int]:
    """Return which pairs of regions enter, and how many are left out because ``b`` is zero."""
    x, y = a[cells], b[cells]
    known = np.isfinite(x) & np.isfinite(y)
    zero = known & (y == 0) if skip_zero else np.zeros_like(known)
    return known & ~zero, int(zero.sum())


def _correlations(
    x: NDArray[np.floating],
    y: NDArray[np.float64],
    logarithmic: bool,
    control: NDArray[np.float64] | None,
) -> tuple[float, float]:
    """Return Pearson's r (of logarithms, where both are positive) and Spearman's."""
    u, v, w = x, y, control
    if logarithmic:
        both = (x > 0) & (y > 0)
        u, v = np.log10(x[both]), np.log10(y[both])
        w = None if control is None else control[both]
    ranks = None if control is None else rankdata(control)
    return _partial(u, v, w), _partial(rankdata(x), rankdata(y), ranks)


def _partial(
    x: NDArray[np.floating], y: NDArray[np.floating], control: NDArray[np.float64] | None
) -> float:
    """Return the correlation of x and y, given the control if there is one."""
    r = _pearson(x, y)
    if control is None:
        return r
    with_x, with_y = _pearson(x, control), _pearson(y, control)
    return float((r - with_x * with_y) / np.sqrt((1 - with_x**2) * (1 - with_y**2)))


def _pearson(x: NDArray[np.floating], y: NDArray[np.floating]) -> float:
    if len(x) < _FEWEST_REGIONS or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return float(np.corrcoef(x, y)[0, 1])
