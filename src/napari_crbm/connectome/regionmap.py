r"""Region maps: aggregate couplings, covariances or correlations of neurons over regions.

All three are Gram matrices of N vectors: scaled weights for the effective couplings,
centred activity for the covariance, z-scored activity for the correlation. One function
aggregates them in blocks of rows, without storing an N x N matrix.

Aggregation rules over the pairs i in k, j in m with i != j:

- ``mean_abs``: mean of ``|J|`` (paper, Methods, "From inter-neuron to inter-region");
- ``rms``: root of the mean of J squared (reference notebook);
- ``mean``: mean of J with its sign.

The paper divides by N_k N_m, also within a region. Here pairs of a neuron with itself are left
out; values within regions therefore differ by the factor N_k / (N_k - 1).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from napari_crbm.analysis.chance import false_discovery_rate
from napari_crbm.anatomy.names import matched_name, mirrored_name
from napari_crbm.connectome.significance import (
    confidence_interval,
    shuffled_labels,
)
from napari_crbm.errors import ModelError, RecordingError
from napari_crbm.regions import Regions
from napari_crbm.spikes import Spikes

Rule = Literal["mean_abs", "rms", "mean"]
Measure = Literal["coupling", "covariance", "correlation"]
RULES: tuple[Rule, ...] = get_args(Rule)
MEASURES: tuple[Measure, ...] = get_args(Measure)

#: Smallest number of neurons of a region in the map (paper, Methods).
MIN_NEURONS = 5

#: Largest number of neurons per region in the map of covariances.
MAX_PER_REGION = 150

_ROWS_AT_ONCE = 256
Report = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class RegionMap:
    """Strengths of the connections between R regions.

    Parameters
    ----------
    names : tuple of str
    values : (R, R) float64
        Symmetric; NaN for a pair of regions without pairs of neurons.
    n_neurons : (R,) int64
    measure : {"coupling", "covariance", "correlation"}
    rule : {"mean_abs", "rms", "mean"}
    low, high : (R, R) float64, optional
        95 % confidence interval over neurons.
    expected, p_value : (R, R) float64, optional
        Mean over shuffles of the region labels, and the share of shuffles at least as
        extreme.
    left_out : tuple of str
        Regions with too few neurons.
    centres_um : (R, 3) float64, optional
        Mean position of each region's neurons, axes z, y, x.
    relocated : (S + 1, R, R) float32, optional
        Maps of the assemblies as they are and moved to other places, see `relocated_maps`.
    """

    names: tuple[str, ...]
    values: NDArray[np.float64]
    n_neurons: NDArray[np.int64]
    measure: str = "coupling"
    rule: str = "mean_abs"
    low: NDArray[np.float64] | None = field(default=None, repr=False)
    high: NDArray[np.float64] | None = field(default=None, repr=False)
    expected: NDArray[np.float64] | None = field(default=None, repr=False)
    p_value: NDArray[np.float64] | None = field(default=None, repr=False)
    left_out: tuple[str, ...] = ()
    centres_um: NDArray[np.float64] | None = field(default=None, repr=False)
    relocated: NDArray[np.float32] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        n = len(self.names)
        if self.values.shape != (n, n) or self.n_neurons.shape != (n,):
            raise ModelError(
                f"A map of {n} regions needs {n} x {n} values and {n} counts of neurons; found "
                f"{self.values.shape} and {self.n_neurons.shape}."
            )

    @property
    def q_value(self) -> NDArray[np.float64] | None:
        """P-values corrected for all pairs (Benjamini-Hochberg), (R, R).

        In a simulation of 60 regions with 22 connected pairs, q was below 0.05 for 10 to 14 of
        these and for at most one other pair. A pair that is not significant may still be
        connected.
        """
        if self.p_value is None:
            return None
        upper = np.triu_indices(len(self.names))
        q = np.full_like(self.p_value, np.nan)
        q[upper] = false_discovery_rate(self.p_value[upper])
        return np.where(np.isnan(q), q.T, q)

    def table(self) -> pd.DataFrame:
        """Tabulate the pairs of regions, one row per pair, including the diagonal.

        Returns
        -------
        pandas.DataFrame
            ``region_a, region_b, neurons_a, neurons_b, value`` and, where they were
            computed, ``ci_low, ci_high, expected, p_value, q_value``; strongest first.
        """
        a, b = np.triu_indices(len(self.names))
        names = np.array(self.names, dtype=object)
        columns = {
            "region_a": names[a],
            "region_b": names[b],
            "neurons_a": self.n_neurons[a],
            "neurons_b": self.n_neurons[b],
            "value": self.values[a, b],
        }
        for name, matrix in (
            ("ci_low", self.low),
            ("ci_high", self.high),
            ("expected", self.expected),
            ("p_value", self.p_value),
            ("q_value", self.q_value),
        ):
            if matrix is not None:
                columns[name] = matrix[a, b]
        table = pd.DataFrame(columns)
        order = table["value"].abs().sort_values(ascending=False, kind="stable").index
        return table.loc[order].reset_index(drop=True)

    def among(self, names: Iterable[str]) -> RegionMap:
        """Return the map restricted to some regions; unknown names are left out."""
        wanted = set(names)
        kept = [index for index, name in enumerate(self.names) if name in wanted]

        def part(matrix: NDArray[np.float64] | None) -> NDArray[np.float64] | None:
            return None if matrix is None else matrix[np.ix_(kept, kept)]

        return replace(
            self,
            names=tuple(self.names[index] for index in kept),
            values=self.values[np.ix_(kept, kept)],
            n_neurons=self.n_neurons[kept],
            low=part(self.low),
            high=part(self.high),
            expected=part(self.expected),
            p_value=part(self.p_value),
            centres_um=None if self.centres_um is None else self.centres_um[kept],
            relocated=None if self.relocated is None else self.relocated[:, kept][:, :, kept],
        )

    def frame(self) -> pd.DataFrame:
        """Return the map as a square table with region names on both axes."""
        return pd.DataFrame(self.values, index=list(self.names), columns=list(self.names))


def region_map(
    factors: NDArray[np.float32],
    regions: Regions,
    *,
    measure: Measure = "coupling",
    rule: Rule = "mean_abs",
    min_neurons: int = MIN_NEURONS,
    both_sides: bool = False,
    n_shuffles: int = 0,
    seed: int = 0,
    report: Report | None = None,
) -> RegionMap:
    """Aggregate the Gram matrix of ``factors`` over pairs of regions.

    Parameters
    ----------
    factors : (N, F) float32
        From `coupling_factors` or `activity_factors`.
    regions : Regions
        May overlap.
    measure : str
        Name of the quantity, stored with the map.
    rule : {"mean_abs", "rms", "mean"}
    min_neurons : int
        Smaller regions are left out.
    both_sides : bool
        Also leave out a lateral region if its counterpart on the other side is too small
        (paper).
    n_shuffles : int
        Shuffles of the region labels; 0 for none.
    seed : int
        Seed of the shuffles.
    report : callable, optional
        Called with (rows done, all rows); may raise to cancel.

    Raises
    ------
    ModelError, RecordingError
        If factors and regions differ in neurons, or no region has enough neurons.
    """
    if rule not in RULES:
        raise ModelError(f"Unknown rule '{rule}': use one of {', '.join(RULES)}.")
    if len(factors) != regions.n_neurons:
        raise ModelError(
            f"The model describes {len(factors):,} neurons, the regions {regions.n_neurons:,}."
        )
    kept = large_enough(regions, min_neurons, both_sides)
    if not kept.any():
        raise RecordingError(
            f"No region has {min_neurons} neurons: assign regions first, or lower the minimum."
        )
    membership = regions.membership[:, np.flatnonzero(kept)]
    used = np.flatnonzero(np.asarray(membership.sum(axis=1)).ravel())
    inside = sparse.csr_array(membership.tocsr()[used], dtype=np.float32)
    rows = _row_means(np.ascontiguousarray(factors[used]), inside, rule, report)
    values = _mean_over(inside, rows)
    low, high = confidence_interval(rows, inside, values)
    expected = p_value = None
    if n_shuffles:
        expected, p_value = shuffled_labels(
            rows, inside, values, n_shuffles, seed, two_sided=rule == "mean"
        )
    if rule == "rms":
        values, low, high = np.sqrt(values), np.sqrt(low), np.sqrt(high)
        expected = None if expected is None else np.sqrt(expected)
    names = np.array(regions.names, dtype=object)
    return RegionMap(
        names=tuple(names[kept]),
        values=values,
        n_neurons=regions.counts[kept],
        measure=measure,
        rule=rule,
        low=low,
        high=high,
        expected=expected,
        p_value=p_value,
        left_out=tuple(names[~kept & (regions.counts > 0)]),
    )


def activity_factors(
    spikes: Spikes, neurons: NDArray[np.integer], *, standardise: bool
) -> NDArray[np.float32]:
    """Compute X (n, T) float32 whose Gram matrix is the covariance or correlation of neurons.

    Parameters
    ----------
    spikes : Spikes
    neurons : (n,) int array
    standardise : bool
        Correlation instead of covariance; silent neurons have correlation 0.
    """
    factors = np.empty((len(neurons), spikes.n_frames), dtype=np.float32)
    start = 0
    for block in spikes.iter_dense():
        factors[:, start : start + len(block)] = block[:, neurons].T
        start += len(block)
    mean = spikes.mean_activity[neurons]
    factors -= mean[:, None].astype(np.float32)
    spread = np.sqrt(mean * (1 - mean)) if standardise else np.ones(len(neurons))
    scale = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 0)
    factors *= (scale / np.sqrt(spikes.n_frames))[:, None].astype(np.float32)
    return factors


def activity_map(
    spikes: Spikes,
    regions: Regions,
    measure: Literal["covariance", "correlation"],
    *,
    rule: Rule = "mean_abs",
    min_neurons: int = MIN_NEURONS,
    both_sides: bool = False,
    n_shuffles: int = 0,
    seed: int = 0,
    max_per_region: int = MAX_PER_REGION,
    report: Report | None = None,
) -> RegionMap:
    """Compute the region map of recorded covariances or correlations, to compare with couplings.

    The factors have one dimension per frame. To limit the work, regions with more neurons are
    represented by ``max_per_region`` random ones, whose mean is unbiased.

    Parameters
    ----------
    spikes : Spikes
    regions : Regions
    measure : {"covariance", "correlation"}
    rule, min_neurons, both_sides, n_shuffles, seed, report
        As for `region_map`.
    max_per_region : int
    """
    rng = np.random.default_rng(seed)
    kept = large_enough(regions, min_neurons, both_sides)
    sampled = [np.array([], dtype=np.int64)]
    for name in regions.names:
        members = regions.members(name)
        few = len(members) <= max_per_region
        sampled.append(members if few else rng.choice(members, max_per_region, replace=False))
    neurons = np.unique(np.concatenate(sampled))
    found = region_map(
        activity_factors(spikes, neurons, standardise=measure == "correlation"),
        regions.select_neurons(neurons),
        measure=measure,
        rule=rule,
        min_neurons=min(min_neurons, max_per_region),
        both_sides=both_sides,
        n_shuffles=n_shuffles,
        seed=seed,
        report=report,
    )
    return replace(found, n_neurons=regions.counts[kept])


def large_enough(regions: Regions, min_neurons: int, both_sides: bool) -> NDArray[np.bool_]:
    """Return which regions have ``min_neurons``, (R,); with ``both_sides``, on each side."""
    enough = regions.counts >= min_neurons
    if not both_sides:
        return enough
    place = {matched_name(name): index for index, name in enumerate(regions.names)}
    mirror = [place.get(mirrored_name(name), index) for index, name in enumerate(regions.names)]
    return np.asarray(enough & enough[mirror])


def strongest(region_map: RegionMap, n: int, *, within: bool = False) -> pd.DataFrame:
    """Return the ``n`` strongest rows of `RegionMap.table`, between regions unless ``within``."""
    table = region_map.table().dropna(subset="value")
    if not within:
        table = table[table["region_a"] != table["region_b"]]
    return table.head(n)


def _row_means(
    factors: NDArray[np.float32],
    inside: sparse.csr_array,
    rule: Rule,
    report: Report | None,
) -> NDArray[np.float64]:
    """Average each neuron's values over the other neurons of each region, (N, R)."""
    n_neurons, n_regions = inside.shape
    columns = np.ascontiguousarray(factors.T)
    sums = np.zeros((n_regions, n_neurons))
    for start in range(0, n_neurons, _ROWS_AT_ONCE):
        stop = min(start + _ROWS_AT_ONCE, n_neurons)
        block = factors[start:stop] @ columns
        block[np.arange(stop - start), np.arange(start, stop)] = 0.0
        if rule == "mean_abs":
            np.abs(block, out=block)
        elif rule == "rms":
            np.square(block, out=block)
        sums += inside[start:stop].T @ block
        if report is not None:
            report(stop, n_neurons)
    counts = np.asarray(inside.sum(axis=0), dtype=np.float64)
    others = counts - inside.toarray()
    rows = np.full((n_neurons, n_regions), np.nan)
    return np.asarray(np.divide(sums.T, others, out=rows, where=others > 0))


def _mean_over(inside: sparse.csr_array, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average row means over pairs of neurons in two regions, symmetric (R, R)."""
    # A neuron in both regions has one pair fewer, so row means are weighted by their pairs.
    dense = inside.toarray().astype(np.float64)
    pairs = dense.sum(axis=0) - dense
    total = dense.T @ np.where(pairs > 0, rows * pairs, 0.0)
    number = dense.T @ pairs
    mean = np.full_like(total, np.nan)
    return np.asarray(np.divide(total, number, out=mean, where=number > 0))
