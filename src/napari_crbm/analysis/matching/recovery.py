"""Recovery of planted assemblies: AUROC, one-to-one matching, fraction recovered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.stats import rankdata

from napari_crbm.analysis.assemblies.membership import membership
from napari_crbm.errors import ModelError
from napari_crbm.model.members.members import Members

if TYPE_CHECKING:
    from napari_crbm.model import CRBM
    from napari_crbm.recording import Recording

#: A planted assembly counts as recovered above this AUROC.
RECOVERED_AUROC = 0.95


def auroc(scores: NDArray[np.floating], truth: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Compute the area under the ROC curve of each score for each truth, (K, M).

    This is the probability that a random member scores higher than a random non-member, ties
    counted as one half (Mann-Whitney U from midranks).

    Parameters
    ----------
    scores : (N, M) float array
    truth : (N, K) bool array

    Returns
    -------
    (K, M) float64
        NaN where the truth has no member or only members.
    """
    ranks = rankdata(scores, axis=0)
    n_in = truth.sum(axis=0, dtype=np.float64)[:, None]
    n_out = len(truth) - n_in
    above = truth.T.astype(np.float64) @ ranks - n_in * (n_in + 1) / 2
    possible = n_in * n_out
    return np.asarray(
        np.divide(above, possible, out=np.full_like(above, np.nan), where=possible > 0)
    )


def recovery(
    scores: NDArray[np.floating],
    truth_membership: NDArray[np.bool_],
    *,
    members: NDArray[np.bool_] | None = None,
    activity: NDArray[np.floating] | None = None,
    truth_activity: NDArray[np.floating] | None = None,
) -> pd.DataFrame:
    """Match planted assemblies with hidden units and measure their agreement.

    Each hidden unit is assigned to at most one planted assembly such that the sum of the
    AUROCs of ``|scores|`` is largest (Hungarian algorithm). A unit that mixes two planted
    assemblies therefore counts once.

    Parameters
    ----------
    scores : (N, M) float array
        How much each neuron belongs to each unit: association, weight or loading.
    truth_membership : (N, K) bool array
    members : (N, M) bool array, optional
        Members of each unit; by default those with ``|score|`` above a fifth of the largest.
    activity, truth_activity : (T, M) and (T, K) float arrays, optional
        Learned and planted activity; adds their correlation.

    Returns
    -------
    pandas.DataFrame
        Index ``planted``, columns ``size``, ``assembly`` (matched hidden unit, -1 if
        there are fewer units than planted assemblies), ``auroc``, ``cosine`` (between
        ``|scores|`` and membership), ``precision``, ``recall`` and ``f1`` (their harmonic mean)
        of the members and, with activities, ``activity_correlation`` (Pearson).

    Raises
    ------
    ModelError
        If scores and truth describe different neurons.
    """
    truth = np.asarray(truth_membership, dtype=bool)
    if len(scores) != len(truth):
        raise ModelError(
            f"The model has {len(scores):,} neurons, the truth {len(truth):,}: "
            "they do not belong to the same recording."
        )
    strength = np.abs(scores).astype(np.float64)
    area = auroc(strength, truth)
    planted, unit = linear_sum_assignment(np.nan_to_num(area, nan=0.0), maximize=True)
    size = truth.sum(axis=0)
    inside = Members.by_weight(scores).inside if members is None else members
    both = (truth[:, planted] & inside[:, unit]).sum(axis=0)
    overlap = (truth[:, planted] * strength[:, unit]).sum(axis=0)
    length = np.linalg.norm(strength[:, unit], axis=0) * np.sqrt(size[planted])
    columns = {
        "auroc": area[planted, unit],
        "cosine": _ratio(overlap, length),
        "precision": _ratio(both, inside[:, unit].sum(axis=0)),
        "recall": _ratio(both, size[planted]),
        "f1": _ratio(2 * both, inside[:, unit].sum(axis=0) + size[planted]),
    }
    if activity is not None and truth_activity is not None:
        columns["activity_correlation"] = _correlation(
            activity[:, unit], truth_activity[:, planted]
        )
    table = pd.DataFrame(columns, index=planted).reindex(np.arange(truth.shape[1]))
    matched = np.full(truth.shape[1], -1)
    matched[planted] = unit
    table.insert(0, "size", size)
    table.insert(1, "assembly", matched)
    table.index.name = "planted"
    return table


def model_recovery(
    model: CRBM,
    recording: Recording,
    truth_membership: NDArray[np.bool_],
    *,
    truth_activity: NDArray[np.floating] | None = None,
) -> pd.DataFrame:
    """Match planted assemblies with the units of a model by association and measure agreement.

    Parameters
    ----------
    model : CRBM
    recording : Recording
        That it was trained on.
    truth_membership : (N, K) bool array
    truth_activity : (T, K) float array, optional

    Returns
    -------
    pandas.DataFrame
        The table of `recovery` with the association as score and the members of the model, and
        ``auroc_weight``, the AUROC of ``|weight|``, matched by itself.
    """
    table = recovery(
        model.association(recording).correlation,
        truth_membership,
        members=membership(model),
        activity=None if truth_activity is None else model.transform(recording),
        truth_activity=truth_activity,
    )
    table["auroc_weight"] = recovery(model.weights_, truth_membership)["auroc"]
    return table


def fraction_recovered(table: pd.DataFrame, threshold: float = RECOVERED_AUROC) -> float:
    """Return the fraction of planted assemblies with an AUROC above the threshold."""
    return float((table["auroc"] > threshold).mean())


def _ratio(part: NDArray[np.generic], whole: NDArray[np.generic]) -> NDArray[np.float64]:
    """Divide element by element, 0 where the denominator is 0."""
    numerator, denominator = part.astype(np.float64), whole.astype(np.float64)
    quotient = np.zeros_like(numerator)
    return np.asarray(np.divide(numerator, denominator, out=quotient, where=denominator > 0))


def _correlation(a: NDArray[np.floating], b: NDArray[np.floating]) -> NDArray[np.float64]:
    """Compute the Pearson correlation column by column, 0 where a column is constant."""
    a = a - a.mean(axis=0, dtype=np.float64)
    b = b - b.mean(axis=0, dtype=np.float64)
    return _ratio((a * b).sum(axis=0), np.sqrt((a**2).sum(axis=0) * (b**2).sum(axis=0)))
