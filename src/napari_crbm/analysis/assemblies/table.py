"""Tables of assemblies: members, position and activity.

All numbers come from the weights, the positions and the expected hidden activity E[h | v];
none depends on how the model was trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_crbm.analysis.assemblies.enrichment import ENRICHMENT_COLUMNS
from napari_crbm.analysis.assemblies.membership import members_of
from napari_crbm.analysis.assemblies.regions import (
    midline_x,
    region_in_words,
    region_occupancy,
    region_shares,
)
from napari_crbm.errors import ModelError
from napari_crbm.model.compute.two_groups import active_threshold
from napari_crbm.recording import Recording
from napari_crbm.regions import Regions

if TYPE_CHECKING:
    from napari_crbm.model import CRBM, Members

#: Regions with at least this share of the members of an assembly are listed.
LISTED_SHARE = 0.1


def assembly_table(
    model: CRBM,
    recording: Recording,
    activity: NDArray[np.floating] | None = None,
    *,
    assemblies: NDArray[np.integer] | Sequence[int] | None = None,
    evidence: pd.DataFrame | None = None,
    enrichment: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Describe each assembly: one row with its size, position, sign and activity.

    Parameters
    ----------
    model : CRBM
    recording : Recording
        The recording the model was trained on, or one of the same neurons.
    activity : (T, M) float array, optional
        ``model.transform(recording.spikes)``; computed if not given.
    assemblies : sequence of int, optional
        Rows of the table; all by default.
    evidence : pandas.DataFrame, optional
        Table of `napari_crbm.analysis.assembly_evidence` for this model and recording.
    enrichment : pandas.DataFrame, optional
        Result of `napari_crbm.analysis.region_enrichment` for this model and recording.

    Returns
    -------
    pandas.DataFrame
        Index ``assembly`` (column of the weights, from 0), columns

        - ``size``: members, by the definition that the model carries (see
          `napari_crbm.analysis.members_of`);
        - ``mean_activity``: fraction of frames in which the assembly is active, that
          is above `active_threshold`;
        - ``mean_abs_weight``, ``max_abs_weight``: of the members;
        - ``fraction_positive``: members that are more active with the assembly, not less;
        - ``region``, ``region_fraction``: the region that holds most members, and their
          share (see `region_shares`); empty and NaN without regions;
        - ``regions``: that region and all others with at least a tenth of the members, in
          words: "Optic tectum R 43 %; Cerebellum R 15 %";
        - ``enriched_region, enriched_fraction, enriched_by_chance, enrichment_p``: the region
          that holds more members than the assembly would have there at random places of the
          brain (with ``enrichment`` only; see `napari_crbm.analysis.region_enrichment`);
        - ``n_regions``: effective number of regions, ``(sum p^2)^2 / sum p^4`` over the
          shares p (paper Eq. 19 times the number of regions);
        - ``laterality``: share of ``|w|`` right minus left of the midline, -1 to +1;
        - ``z_um, y_um, x_um``: centroid weighted with ``|w|``;
        - ``compactness_um``: median distance of the members to that centroid;
        - ``members_by``: the definition, "association" or "weight";
        - ``q``, ``certain``: false discovery rate of the assembly by its coincidence in
          held-out frames, and whether it is low enough (with ``evidence`` only);
        - ``stability``: similarity to its matched assemblies in other trainings, if it is
          stored in the model (see `napari_crbm.analysis.stability`).
        - ``both_halves, halves_similarity``: whether trainings on two disjoint halves of the
          recording both find it, and how alike its two partners are, if this is stored in the
          model (see `napari_crbm.analysis.reproducibility`);
        - ``name, starred, tags, note, colour``: what a person noted, if the model has labels
          (see `napari_crbm.labels`); tags are separated by commas.

        Places are NaN for an assembly whose members have no positions. Neurons without
        position count for the size, not for the places.

    Raises
    ------
    ModelError
        If model, recording and activity do not belong together.

    Examples
    --------
    >>> from napari_crbm import CRBM
    >>> from napari_crbm.analysis import assembly_table
    >>> model = CRBM(n_hidden=5, recipe="quick").fit(recording)
    >>> table = assembly_table(model, recording)
    >>> table.index.name, len(table)
    ('assembly', 5)
    >>> largest = table.sort_values("size", ascending=False).head(3)
    """
    _check_same_neurons(model.weights_, recording)
    if activity is None:
        activity = model.transform(recording.spikes)
    if activity.shape[1] != model.n_assemblies:
        raise ModelError(
            f"The activity has {activity.shape[1]} assemblies, the model {model.n_assemblies}: "
            "compute it with model.transform(recording.spikes)."
        )
    chosen = _chosen(model, assemblies)
    weights, activity = model.weights_[:, chosen], activity[:, chosen]
    members = members_of(model)
    inside, strengths = members.inside[:, chosen], members.strength[:, chosen].toarray()
    strength = np.where(inside, np.abs(weights), 0.0).astype(np.float64)
    size = inside.sum(axis=0)
    some = size > 0
    per_member = np.where(some, size, np.nan)

    positions, located = recording.positions, recording.located
    side = np.sign(positions[:, 2] - midline_x(positions))
    on_a_side = np.where(np.isfinite(side)[:, None], strength, 0.0)
    centroid = _weighted_mean(positions[located].astype(np.float64), strength[located])
    places = _places(inside, strength, recording.regions)
    if enrichment is not None:
        places |= {name: enrichment.loc[chosen, name].to_numpy() for name in ENRICHMENT_COLUMNS}
    table = pd.DataFrame(
        {
            "size": size,
            "mean_activity": (activity > active_threshold(activity)).mean(axis=0),
            "mean_abs_weight": strength.sum(axis=0) / per_member,
            "max_abs_weight": np.abs(weights).max(axis=0),
            "fraction_positive": (strengths > 0).sum(axis=0) / per_member,
            **places,
            "laterality": _weighted_mean(np.nan_to_num(side)[:, None], on_a_side)[:, 0],
            "z_um": centroid[:, 0],
            "y_um": centroid[:, 1],
            "x_um": centroid[:, 2],
            "compactness_um": [
                _spread(positions[inside[:, unit] & located], centroid[unit])
                for unit in range(len(chosen))
            ],
            "members_by": members.definition,
        },
        index=chosen,
    )
    table.index.name = "assembly"
    if evidence is not None:
        table[["q", "certain"]] = evidence.loc[chosen, ["q", "certain"]]
    if model.stability_ is not None:
        table["stability"] = model.stability_[chosen]
    if model.halves_ is not None:
        table["both_halves"] = model.halves_["found"][chosen] > 0
        table["halves_similarity"] = model.halves_["similarity"][chosen]
    if model.labels_.assemblies:
        for name, values in model.labels_.columns(chosen).items():
            table[name] = values
    return table


def member_table(
    model: CRBM,
    recording: Recording,
    assemblies: NDArray[np.integer] | Sequence[int] | None = None,
) -> pd.DataFrame:
    """List all pairs of an assembly and a member neuron, one row per pair, strongest first.

    Returns
    -------
    pandas.DataFrame
        Columns ``assembly, neuron, weight, association, z_um, y_um, x_um, regions``. The
        association is NaN for members by weight (see `napari_crbm.model.Members`); the names of
        overlapping regions are joined with ``"; "``. Strongest by association, or by ``|w|``.
    """
    _check_same_neurons(model.weights_, recording)
    chosen = _chosen(model, assemblies)
    members = members_of(model)
    stored = members.strength[:, chosen].tocoo()
    order = np.lexsort((stored.row, -np.abs(stored.data), stored.col))
    neuron, column, strength = stored.row[order], stored.col[order], stored.data[order]
    weight = model.weights_[neuron, chosen[column]]
    known = members.definition == "association"
    z, y, x = recording.positions[neuron].T
    names = _region_names(recording)
    return pd.DataFrame(
        {
            "assembly": chosen[column],
            "neuron": neuron,
            "weight": weight,
            "association": strength if known else np.full(len(weight), np.nan),
            "z_um": z,
            "y_um": y,
            "x_um": x,
            "regions": names[neuron],
        }
    )


def assemblies_of_neuron(model: CRBM, neuron: int, members: Members | None = None) -> pd.DataFrame:
    """List the assemblies of one neuron, strongest ``|w|`` first.

    Exact zeros are left out, unless the neuron is a member nevertheless.

    Parameters
    ----------
    model : CRBM
    neuron : int
    members : Members, optional
        ``members_of(model)``, if it is known already.

    Returns
    -------
    pandas.DataFrame
        Columns ``assembly, weight, is_member``.

    Raises
    ------
    ModelError
        If there is no such neuron.
    """
    if not 0 <= neuron < model.n_neurons:
        raise ModelError(
            f"There is no neuron {neuron}: the model's neurons are 0 to {model.n_neurons - 1}."
        )
    weights = model.weights_
    size = np.abs(weights[neuron])
    inside = (members_of(model) if members is None else members).inside[neuron]
    order = np.argsort(-size, kind="stable")
    order = order[(size[order] > 0) | inside[order]]
    return pd.DataFrame(
        {
            "assembly": order,
            "weight": weights[neuron, order],
            "is_member": inside[order],
        }
    )


def _weighted_mean(
    values: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Average (N, k) values with (N, M) weights, (M, k); NaN where all weights are zero."""
    total = weights.sum(axis=0)
    return (weights.T @ values) / np.where(total > 0, total, np.nan)[:, None]


def _check_same_neurons(weights: NDArray[np.floating], recording: Recording) -> None:
    if len(weights) != recording.n_neurons:
        raise ModelError(
            f"The model describes {len(weights):,} neurons, recording '{recording.name}' has "
            f"{recording.n_neurons:,}: use the recording the model was trained on."
        )


def _chosen(
    model: CRBM, assemblies: NDArray[np.integer] | Sequence[int] | None
) -> NDArray[np.int64]:
    """Check the indices of the chosen assemblies; return all for None."""
    if assemblies is None:
        return np.arange(model.n_assemblies)
    chosen = np.asarray(assemblies, dtype=np.int64)
    wrong = chosen[(chosen < 0) | (chosen >= model.n_assemblies)]
    if len(wrong):
        raise ModelError(
            f"There is no assembly {wrong[0]}: the model's assemblies are 0 to "
            f"{model.n_assemblies - 1}."
        )
    return chosen


def _places(
    inside: NDArray[np.bool_], strength: NDArray[np.float64], regions: Regions | None
) -> dict[str, Sequence[str] | NDArray[np.float64]]:
    """Compute the columns of the table that describe the regions of assemblies."""
    n_units = strength.shape[1]
    nothing, unknown = [""] * n_units, np.full(n_units, np.nan)
    if regions is None or not regions.names:
        return {
            "region": nothing,
            "region_fraction": unknown,
            "regions": nothing,
            "n_regions": unknown,
        }
    share = region_shares(inside, regions)
    occupancy = region_occupancy(strength, regions)
    labelled = occupancy.sum(axis=0) > 0
    squares = np.where(labelled, (occupancy**2).sum(axis=0), np.nan)
    return {
        "region": _largest(share, regions.names),
        "region_fraction": np.where(share.any(axis=0), share.max(axis=0), np.nan),
        "regions": ["; ".join(_in_words(column, regions.names)) for column in share.T],
        "n_regions": squares**2 / np.where(labelled, (occupancy**4).sum(axis=0), np.nan),
    }


def _largest(share: NDArray[np.float64], names: tuple[str, ...]) -> list[str]:
    """Return the name of the region with the largest share of each assembly; empty if none."""
    return [names[column.argmax()] if column.any() else "" for column in share.T]


def _in_words(share: NDArray[np.float64], names: tuple[str, ...]) -> list[str]:
    """List the regions of an assembly, largest share first: the first, and all that hold enough."""
    order = [r for r in np.argsort(-share, kind="stable") if share[r] > 0]
    return [
        region_in_words(names[r], share[r])
        for k, r in enumerate(order)
        if k == 0 or share[r] >= LISTED_SHARE
    ]


def _region_names(recording: Recording) -> NDArray[np.object_]:
    """Return the joined names of the regions of each neuron, (N,)."""
    joined = np.full(recording.n_neurons, "", dtype=object)
    if recording.regions is not None:
        for name in recording.regions.names:
            inside = recording.regions.members(name)
            joined[inside] = [f"{known}; {name}" if known else name for known in joined[inside]]
    return joined


def _spread(coordinates: NDArray[np.float32], centroid: NDArray[np.float64]) -> float:
    if not len(coordinates):
        return float("nan")
    return float(np.median(np.linalg.norm(coordinates - centroid, axis=1)))
