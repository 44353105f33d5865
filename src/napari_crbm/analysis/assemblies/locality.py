"""Spatial organisation of assemblies (locally dense, globally sparse), tested against chance.

The chance level comes from random sets of neurons of the recording, equal in number, that are
given the same weights.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from scipy.spatial import cKDTree

from napari_crbm.analysis.assemblies.effective_number import effective_number
from napari_crbm.analysis.assemblies.membership import membership
from napari_crbm.analysis.assemblies.regions import MIN_REGION_NEURONS, midline_x
from napari_crbm.analysis.chance import MIN_SHUFFLES
from napari_crbm.errors import ModelError
from napari_crbm.recording import Recording
from napari_crbm.regions import Regions

if TYPE_CHECKING:
    from napari_crbm.model import CRBM

#: Largest one-sided p at which an assembly counts as denser or more lateralised than chance.
SIGNIFICANT = 0.05


@dataclass(frozen=True, eq=False)
class Locality:
    """Spatial density and extent of assemblies, compared with random neurons.

    Parameters
    ----------
    table : pandas.DataFrame
        Index ``assembly``; ``size`` and ``share_of_neurons``; then a statistic, its
        median over random neurons, and the share of these that are as extreme (p):
        ``neighbour_um, neighbour_chance_um, neighbour_p`` (median distance from a member
        to the nearest other), ``times_denser`` (local density of members relative to
        chance), ``compactness_um, compactness_chance_um, compactness_p`` (median distance
        to the weighted centre), ``laterality, laterality_chance, laterality_p`` (right
        minus left share of |w|; chance of its absolute value) and, with regions,
        ``n_regions, n_regions_chance, n_regions_p`` (effective number). NaN for
        assemblies of fewer than two members whose positions are known.
    """

    table: pd.DataFrame

    @property
    def verdict(self) -> str:
        """Summary in one or two sentences."""
        if not self.table["share_of_neurons"].notna().any():
            return "There are no assemblies."
        known = self.table[self.table["neighbour_p"].notna()]
        if not len(known):
            return (
                "No assembly has two members whose positions are known, so nothing can be said "
                "about where they lie."
            )
        dense = known["neighbour_p"] <= SIGNIFICANT
        text = (
            f"{int(dense.sum())} of {len(known)} assemblies are locally dense: members are "
            f"{known['times_denser'].median():.1f} times as dense as random neurons (median), "
            f"and an assembly takes {100 * known['share_of_neurons'].median():.1f} % of all neurons"
        )
        if "n_regions" in known and known["n_regions"].notna().any():
            text += (
                f" in {known['n_regions'].median():.1f} regions (by chance "
                f"{known['n_regions_chance'].median():.1f})"
            )
        if not known["laterality_p"].notna().any():
            return f"{text}."
        one_sided = known["laterality_p"] <= SIGNIFICANT
        return f"{text}. {int(one_sided.sum())} are more on one side than by chance."


def locality(
    model: CRBM,
    recording: Recording,
    *,
    assemblies: NDArray[np.integer] | None = None,
    n_shuffles: int = 99,
    random_state: int = 0,
    report: Callable[[int, int], None] | None = None,
) -> Locality:
    """Compare the positions of each assembly's members with those of as many random neurons.

    Parameters
    ----------
    model : CRBM
    recording : Recording
        Positions, and regions if it has them.
    assemblies : (K,) int, optional
        Rows of the table; all by default.
    n_shuffles : int
        Random draws per assembly, at least 19; p is at least 1 / (n_shuffles + 1).
    random_state : int
    report : callable, optional
        Called with (assemblies done, all assemblies); may raise to cancel.

    Raises
    ------
    ModelError
        If model and recording differ in neurons, or there are too few shuffles.
    """
    weights = model.weights_
    if len(weights) != recording.n_neurons:
        raise ModelError(
            f"The model describes {len(weights):,} neurons, the recording has "
            f"{recording.n_neurons:,}: use the recording the model was trained on."
        )
    if n_shuffles < MIN_SHUFFLES:
        raise ModelError(
            f"A chance level of 5 % needs at least {MIN_SHUFFLES} shuffles; found {n_shuffles}."
        )
    places = _Places.of(recording)
    inside = membership(model)
    units = np.arange(weights.shape[1]) if assemblies is None else np.asarray(assemblies)
    rows = []
    for done, unit in enumerate(units, 1):
        chosen = np.flatnonzero(inside[:, unit])
        strength = np.abs(weights[chosen, unit]).astype(np.float64)
        generator = np.random.default_rng([random_state, unit])
        rows.append(_row(places, chosen, strength, n_shuffles, generator))
        if report is not None:
            report(done, len(units))
    return Locality(pd.DataFrame(rows, index=pd.Index(units, name="assembly")))


@dataclass(frozen=True, eq=False)
class _Places:
    coordinates: NDArray[np.float64]
    located: NDArray[np.int64]
    right: NDArray[np.float64]
    regions: sparse.csr_array | None
    n_dimensions: int

    @classmethod
    def of(cls, recording: Recording) -> _Places:
        xyz = recording.positions.astype(np.float64)
        return cls(
            xyz,
            np.flatnonzero(recording.located),
            np.sign(xyz[:, 2] - midline_x(recording.positions)),
            _shares(recording.regions),
            len(recording.known_axes),
        )

    def statistics(
        self, neurons: NDArray[np.int64], strength: NDArray[np.float64]
    ) -> dict[str, NDArray[np.float64]]:
        """Compute the statistics of S sets of n neurons (S, n) with the strengths (n,)."""
        place = self.coordinates[neurons]
        share = strength / strength.sum()
        centre = np.einsum("snk,n->sk", place, share)
        found = {
            "neighbour_um": np.array([_neighbour_distance(one) for one in place]),
            "compactness_um": np.median(np.linalg.norm(place - centre[:, None], axis=2), axis=1),
            "laterality": self.right[neurons] @ share,
        }
        if self.regions is not None:
            n_sets, size = neurons.shape
            choice = sparse.csr_array(
                (
                    np.tile(share, n_sets),
                    neurons.ravel(),
                    np.arange(0, n_sets * size + 1, size),
                ),
                shape=(n_sets, len(self.coordinates)),
            )
            number = effective_number(np.asarray((choice @ self.regions).todense()))
            found["n_regions"] = np.where(number > 0, number, np.nan)
        return found


def _shares(regions: Regions | None) -> sparse.csr_array | None:
    """Return the membership divided by the size of the region, (N, R), without small regions."""
    if regions is None or not regions.names:
        return None
    counts = regions.counts
    scale = np.where(counts < MIN_REGION_NEURONS, 0.0, 1 / np.maximum(counts, 1))
    return sparse.csr_array(regions.membership.astype(np.float64) @ sparse.diags_array(scale))


def _neighbour_distance(place: NDArray[np.float64]) -> float:
    distances, _ = cKDTree(place).query(place, k=2)
    return float(np.median(distances[:, 1]))


def _row(
    places: _Places,
    chosen: NDArray[np.int64],
    strength: NDArray[np.float64],
    n_shuffles: int,
    generator: np.random.Generator,
) -> dict[str, float]:
    n_neurons, size = len(places.coordinates), len(chosen)
    row: dict[str, float] = {"size": size, "share_of_neurons": size / n_neurons}
    known = np.isin(chosen, places.located)
    chosen, strength, size = chosen[known], strength[known], int(known.sum())
    names = ["neighbour_um", "compactness_um", "laterality"]
    if places.regions is not None:
        names.append("n_regions")
    if size < 2:
        columns = [c for name in names for c in _columns(name)]
        return row | dict.fromkeys(["times_denser", *columns], float("nan"))
    random = np.stack(
        [
            places.located[generator.choice(len(places.located), size, replace=False)]
            for _ in range(n_shuffles)
        ]
    )
    own = places.statistics(chosen[None], strength)
    chance = places.statistics(random, strength)
    for name in names:
        value = float(own[name][0])
        # A large laterality is extreme; of all other statistics a small value is extreme.
        sign = -1.0 if name == "laterality" else 1.0
        among = np.abs(chance[name])
        extreme = int((sign * among <= sign * abs(value)).sum())
        p = (1 + extreme) / (1 + n_shuffles)
        row |= dict(
            zip(
                _columns(name),
                (value, _median(among), p if np.isfinite(value) else float("nan")),
                strict=True,
            )
        )
    nearest = max(row["neighbour_um"], 1e-9)
    row["times_denser"] = (row["neighbour_chance_um"] / nearest) ** places.n_dimensions
    return row


def _median(values: NDArray[np.float64]) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else float("nan")


def _columns(name: str) -> tuple[str, str, str]:
    stem = name.removesuffix("_um")
    unit = name[len(stem) :]
    return name, f"{stem}_chance{unit}", f"{stem}_p"
