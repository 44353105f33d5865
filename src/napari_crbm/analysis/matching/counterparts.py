"""Match the assemblies of two models, and compare the members of matched assemblies.

Models of the same neurons are matched by their weights, models of two animals by where
their assemblies lie (see `napari_crbm.analysis.matching.places`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from scipy.spatial import KDTree

from napari_crbm.analysis.assemblies.membership import members_of, membership
from napari_crbm.analysis.assemblies.relocation import Relocation
from napari_crbm.analysis.chance import MIN_SHUFFLES
from napari_crbm.analysis.matching.places import (
    WIDTH_UM,
    Ground,
    common_places,
    common_regions,
    profiles,
)
from napari_crbm.analysis.matching.stability import are_copies, matched_pairs, weight_cosines
from napari_crbm.errors import ModelError
from napari_crbm.recording import Recording

if TYPE_CHECKING:
    from napari_crbm.model import CRBM

#: Quantity by which assemblies are matched, with its description.
MATCH_BY = {
    "neurons": "weights of the same neurons",
    "regions": "mean weight in the regions both have",
    "places": "mean weight around places in a common space",
}


@dataclass(frozen=True, eq=False)
class Counterparts:
    """Assemblies of a first model with their partners in a second one.

    Parameters
    ----------
    by : str
        A key of `MATCH_BY`.
    pairs : pandas.DataFrame
        One row per assembly of the first model: ``assembly``; ``match``, its partner (-1 for
        none); ``similarity``, absolute cosine; ``orientation``, -1 if the partner is the
        mirror image; ``chance``, the 95 % quantile of the similarity by chance; ``found``,
        whether the similarity exceeds it; ``size_first``, ``size_second``, members; and
        ``overlap``, the share of members in common: by neurons, members of both over members
        of either; by places, the share of all members with a member of the other within the
        width; by regions, the share of the members that lies in the same regions.
    alone_second : tuple of int
        Assemblies of the second model that are not a partner above chance.
    similarity : (M, M') float32
        Signed cosines of all assemblies.
    first, second : CRBM
    first_recording, second_recording : Recording
    width_um : float
        See `napari_crbm.analysis.matching.places.WIDTH_UM`.
    """

    by: str
    pairs: pd.DataFrame
    alone_second: tuple[int, ...]
    similarity: NDArray[np.float32] = field(repr=False)
    first: CRBM = field(repr=False)
    second: CRBM = field(repr=False)
    first_recording: Recording = field(repr=False)
    second_recording: Recording = field(repr=False)
    width_um: float = WIDTH_UM

    @property
    def n_found(self) -> int:
        """Assemblies of the first model with a partner above chance."""
        return int(self.pairs["found"].sum())

    @property
    def warning(self) -> str | None:
        """Warning if both models have the same weights; None otherwise."""
        if self.by != "neurons" or not are_copies(self.similarity):
            return None
        return (
            "Both models have the same weights: one is a copy of the other, or they were trained "
            "with the same settings and seed. Their match says nothing about the recording. "
            "Compare models trained with different seeds."
        )

    def members(self, assembly: int) -> pd.DataFrame:
        """Members of an assembly and of its partner, one row each, strongest first.

        Returns
        -------
        pandas.DataFrame
            By neurons: ``neuron, weight_first, weight_second`` (mirrored and scaled to the
            length of the first, so that they can be compared), ``difference`` and ``where``
            ("both", "first" or "second"). Otherwise ``animal`` ("first" or "second"),
            ``neuron, weight`` and, by places, ``nearest_um``, the distance to the nearest
            member of the partner.

        Raises
        ------
        ModelError
            If there is no such assembly.
        """
        row = self._row(assembly)
        one = self.first.weights_[:, assembly]
        other = np.zeros(self.second.n_neurons, dtype=np.float32)
        inside = members_of(self.first).of(assembly), np.empty(0, dtype=np.int64)
        if row["match"] >= 0:
            other = row["orientation"] * self.second.weights_[:, row["match"]]
            inside = inside[0], members_of(self.second).of(row["match"])
        if self.by == "neurons":
            return _same_neurons(one, other, inside)
        tables = []
        recordings = self.first_recording, self.second_recording
        points = [recordings[side].positions[inside[side]] for side in (0, 1)]
        for number, (weights, neurons) in enumerate(zip((one, other), inside, strict=True)):
            table = pd.DataFrame({"neuron": neurons, "weight": weights[neurons]})
            table.insert(0, "animal", ("first", "second")[number])
            if self.by == "places":
                table["nearest_um"] = _nearest_um(points[number], points[1 - number])
            tables.append(table)
        joined = pd.concat(tables, ignore_index=True)
        return joined.sort_values("weight", key=np.abs, ascending=False, ignore_index=True)

    def regions(self, assembly: int) -> pd.DataFrame:
        """Tabulate where the members of a pair lie: ``region, first, second``, fractions of each.

        Only regions that both recordings have; empty if there are none.
        """
        row = self._row(assembly)
        try:
            ground = common_regions(self.first_recording, self.second_recording)
        except ModelError:
            return pd.DataFrame({"region": [], "first": [], "second": []})
        inside = membership(self.first)[:, [assembly]]
        partner = np.zeros((self.second.n_neurons, 1), dtype=bool)
        if row["match"] >= 0:
            partner = membership(self.second)[:, [row["match"]]]
        shares = (_fractions(ground.first, inside), _fractions(ground.second, partner))
        table = pd.DataFrame(
            {"region": ground.names, "first": shares[0][:, 0], "second": shares[1][:, 0]}
        )
        table = table[(table["first"] > 0) | (table["second"] > 0)]
        order = np.argsort(-(table["first"] + table["second"]).to_numpy(), kind="stable")
        return table.iloc[order].reset_index(drop=True)

    def _row(self, assembly: int) -> pd.Series:
        if not 0 <= assembly < len(self.pairs):
            raise ModelError(
                f"There is no assembly {assembly}: the model's assemblies are 0 to "
                f"{len(self.pairs) - 1}."
            )
        return self.pairs.iloc[assembly]


def have_same_neurons(first: Recording, second: Recording) -> bool:
    """Return whether two recordings are of the same neurons, in the same order."""
    # Without positions only the number of neurons can be compared.
    return first is second or (
        first.n_neurons == second.n_neurons
        and bool(np.allclose(first.positions, second.positions, atol=1e-2, equal_nan=True))
    )


def ways_to_match(first: Recording, second: Recording) -> dict[str, str]:
    """Return the keys of `MATCH_BY`, best first, with why each cannot be used (empty if it can)."""
    same = have_same_neurons(first, second)
    reasons = {"neurons": "" if same else "The recordings are not of the same neurons."}
    for by, prepare in (("places", common_places), ("regions", common_regions)):
        try:
            prepare(first, second)
            reasons[by] = ""
        except ModelError as error:
            reasons[by] = str(error)
    return dict(sorted(reasons.items(), key=lambda item: item[1] != ""))


def find_counterparts(
    first: CRBM,
    first_recording: Recording,
    second: CRBM,
    second_recording: Recording,
    *,
    by: str | None = None,
    width_um: float = WIDTH_UM,
    n_shuffles: int = MIN_SHUFFLES + 1,
    random_state: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Counterparts:
    """Match the assemblies of two models one to one.

    The similarity of two assemblies is the absolute cosine between their weights, or
    between their mean weights in regions or around places. The chance level of an assembly
    is that of its partners after shuffling the second model's neurons (same neurons) or
    after moving the second model's assemblies to other places of their brain, which keeps
    their size and compactness (two animals).

    Parameters
    ----------
    first, second : CRBM
    first_recording, second_recording : Recording
        The recordings they were trained on.
    by : {"neurons", "regions", "places"}, optional
        By default neurons if they are the same, else places if both brains lie in one
        space, else regions.
    width_um : float
        Standard deviation of the window of "places".
    n_shuffles : int
        Draws for the chance level, at least 19.
    random_state : int
    progress : callable, optional
        Called with draws done and draws in all; may raise to cancel.

    Raises
    ------
    ModelError
        If model and recording do not belong together, or the models cannot be matched this way.
    """
    for model, recording in ((first, first_recording), (second, second_recording)):
        if model.n_neurons != recording.n_neurons:
            raise ModelError(
                f"A model of {model.n_neurons:,} neurons does not belong to recording "
                f"'{recording.name}' with {recording.n_neurons:,}."
            )
    if n_shuffles < MIN_SHUFFLES:
        raise ModelError(
            f"A chance level of 5 % needs at least {MIN_SHUFFLES} shuffles; found {n_shuffles}."
        )
    if by is None:
        ways = ways_to_match(first_recording, second_recording)
        by = next(iter(ways))
        if ways[by]:
            raise ModelError(
                f"'{first_recording.name}' and '{second_recording.name}' cannot be matched. "
                + " ".join(ways.values())
            )
    if by not in MATCH_BY:
        raise ModelError(f"Cannot match by '{by}'; there are {', '.join(MATCH_BY)}.")
    if by == "neurons" and not have_same_neurons(first_recording, second_recording):
        raise ModelError(
            f"'{first_recording.name}' and '{second_recording.name}' are not of the same "
            "neurons; match by regions or by places."
        )
    ground = _ground(by, first_recording, second_recording, width_um)
    generator = np.random.default_rng(random_state)
    moved = _moved(by, second, second_recording, generator, n_shuffles, progress)
    here = first.weights_ if ground is None else profiles(ground.first, first.weights_)

    def similarity(weights: NDArray[np.float32]) -> NDArray[np.float32]:
        return weight_cosines(here, weights if ground is None else profiles(ground.second, weights))

    cosines = similarity(second.weights_)
    pairs = matched_pairs(cosines, (similarity(weights) for weights in moved))
    inside = membership(first), membership(second)
    partner = pairs["match"].to_numpy()
    pairs["size_first"] = inside[0].sum(axis=0)
    pairs["size_second"] = np.where(partner < 0, 0, inside[1].sum(axis=0)[partner])
    result = Counterparts(
        by,
        pairs,
        tuple(sorted(set(range(second.n_assemblies)) - set(partner[pairs["found"]].tolist()))),
        cosines,
        first,
        second,
        first_recording,
        second_recording,
        width_um,
    )
    pairs["overlap"] = _overlaps(result, inside, ground)
    return result


def _ground(by: str, first: Recording, second: Recording, width_um: float) -> Ground | None:
    if by == "regions":
        return common_regions(first, second)
    return common_places(first, second, width_um) if by == "places" else None


def _moved(
    by: str,
    model: CRBM,
    recording: Recording,
    generator: np.random.Generator,
    n_draws: int,
    progress: Callable[[int, int], None] | None,
) -> Iterator[NDArray[np.float32]]:
    """Yield the weights with assemblies moved to random places, draw by draw."""
    weights = model.weights_
    relocation = None if by == "neurons" else Relocation(recording.positions, weights)
    for draw in range(n_draws):
        if relocation is None:
            yield weights[generator.permutation(len(weights))]
        else:
            yield relocation.draw(generator)
        if progress is not None:
            progress(draw + 1, n_draws)


def _overlaps(
    result: Counterparts,
    inside: tuple[NDArray[np.bool_], NDArray[np.bool_]],
    ground: Ground | None,
) -> NDArray[np.float64]:
    """Compute the share of members in common of each pair; NaN without partner."""
    overlap = np.full(len(result.pairs), np.nan)
    shares: tuple[NDArray[np.float64], ...] = ()
    if result.by == "regions" and ground is not None:
        shares = (_fractions(ground.first, inside[0]), _fractions(ground.second, inside[1]))
    for assembly, partner in enumerate(result.pairs["match"]):
        if partner < 0:
            continue
        one, other = inside[0][:, assembly], inside[1][:, partner]
        if shares:
            both = np.minimum(shares[0][:, assembly], shares[1][:, partner]).sum()
            overlap[assembly] = both
        elif result.by == "neurons":
            overlap[assembly] = (one & other).sum() / max((one | other).sum(), 1)
        elif one.any() and other.any():
            points = (
                result.first_recording.positions[one],
                result.second_recording.positions[other],
            )
            near = np.concatenate([_nearest_um(*points), _nearest_um(*points[::-1])])
            overlap[assembly] = np.mean(near <= result.width_um)
        else:
            overlap[assembly] = 0.0
    return overlap


def _fractions(means: sparse.csr_array, inside: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Compute the fraction of members in each region, (R, M); overlapping regions all count."""
    there = (means != 0).astype(np.float64) @ inside.astype(np.float64)
    total = there.sum(axis=0)
    return np.asarray(np.divide(there, total, out=np.zeros_like(there), where=total > 0))


def _nearest_um(points: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float64]:
    if not len(others):
        return np.full(len(points), np.inf)
    return np.asarray(KDTree(others).query(points)[0], dtype=np.float64)


def _same_neurons(
    one: NDArray[np.float32],
    other: NDArray[np.float32],
    inside: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> pd.DataFrame:
    """Return the members of either, their weights at equal length, and which assembly has them."""
    length = float(np.linalg.norm(other))
    scaled = other * (float(np.linalg.norm(one)) / length if length else 1.0)
    in_one, in_other = (np.isin(np.arange(len(one)), part) for part in inside)
    neurons = np.flatnonzero(in_one | in_other)
    where = np.where(in_one & in_other, "both", np.where(in_one, "first", "second"))
    table = pd.DataFrame(
        {
            "neuron": neurons,
            "weight_first": one[neurons],
            "weight_second": scaled[neurons],
            "difference": one[neurons] - scaled[neurons],
            "where": where[neurons],
        }
    )
    order = np.argsort(-np.maximum(np.abs(one[neurons]), np.abs(scaled[neurons])), kind="stable")
    return table.iloc[order].reset_index(drop=True)
