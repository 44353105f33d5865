"""Stability of the training: match hidden units of several models by their weights.

Models of one recording see the same frames, or some of the same. That they agree says how much
assemblies depend on the start, not whether independent frames show them; for this see
`napari_crbm.analysis.matching.halves`.

The sign and the scale of h are arbitrary: changing them together with the weights gives the
same model. Units are therefore compared by the absolute cosine between their weights, which
depends on neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from napari_crbm.analysis.chance import CHANCE_QUANTILE, MIN_SHUFFLES
from napari_crbm.errors import ModelError

# Above this cosine weights are equal up to rounding of float32.
_SAME = 1 - 1e-5


@dataclass(frozen=True, eq=False)
class Stability:
    """Stability of the assemblies of one model in others.

    Parameters
    ----------
    table : pandas.DataFrame
        Index ``assembly``, columns ``stability`` (mean ``similarity`` over the
        other models, 0 to 1), ``chance`` (mean of the chance levels) and
        ``fraction_found`` (share of the other models that hold the assembly).
    pairs : pandas.DataFrame
        One row per assembly and other model: ``assembly, model`` (position among the
        models, from 1), ``match`` (its partner there, -1 if it has none),
        ``similarity`` (absolute cosine), ``orientation`` (-1 if the partner is the
        mirror image, 0 without partner), ``chance`` and ``found``.
    cosines : list of (M, M') float32
        Signed cosines between all units of the first model and of every other.
    """

    table: pd.DataFrame
    pairs: pd.DataFrame
    cosines: list[NDArray[np.float32]]

    @property
    def warning(self) -> str | None:
        """Warning if another model has the same weights as the first; None otherwise."""
        copies = [
            number for number, cosines in enumerate(self.cosines, start=1) if are_copies(cosines)
        ]
        if not copies:
            return None
        which = ", ".join(str(number + 1) for number in copies)
        return (
            f"Model {which} has the same weights as the first one: it is a copy, or was trained "
            "with the same settings and seed. That its assemblies are found again says nothing "
            "about the recording. Train models with different seeds."
        )

    @property
    def values(self) -> NDArray[np.float64]:
        """Stability of every assembly, (M,)."""
        return np.asarray(self.table["stability"], dtype=np.float64)


def are_copies(cosines: NDArray[np.floating]) -> bool:
    """Return whether two models have the same units with the same weights.

    Parameters
    ----------
    cosines : (M, M') float
        Signed cosines between the weights of their units.
    """
    if cosines.shape[0] != cosines.shape[1] or not cosines.size:
        return False
    found = np.abs(_assign(cosines)[1])
    # Units without weights have no cosine.
    return bool((found[np.abs(cosines).any(axis=1)] > _SAME).all() and (found > _SAME).any())


def weight_cosines(
    weights: NDArray[np.floating], others: NDArray[np.floating]
) -> NDArray[np.float32]:
    """Compute the cosine between all columns of (N, M) and (N, M') weights, (M, M').

    Zero for a unit without weights.

    Raises
    ------
    ModelError
        If the two describe different numbers of neurons.
    """
    if len(weights) != len(others):
        raise ModelError(
            f"Models of {len(weights):,} and of {len(others):,} neurons cannot be compared: "
            "give models trained on the same neurons."
        )
    return np.asarray(_directions(weights).T @ _directions(others), dtype=np.float32)


def match_units(
    weights: NDArray[np.floating], others: NDArray[np.floating]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Match units one to one with the largest total similarity (Hungarian algorithm).

    Parameters
    ----------
    weights, others : (N, M) and (N, M') float arrays

    Returns
    -------
    match : (M,) int64
        Partner among the M' units, -1 for none.
    cosine : (M,) float64
        Signed cosine with the partner, negative if it is the mirror image; 0 for none.

    Raises
    ------
    ModelError
        If the two describe different numbers of neurons.
    """
    return _assign(weight_cosines(weights, others))


def stability(
    weights: Sequence[NDArray[np.floating]], *, n_shuffles: int = 20, random_state: int = 0
) -> Stability:
    """Measure how well the assemblies of the first model are found in all others.

    The chance level of an assembly is the `CHANCE_QUANTILE` of the similarities it
    reaches when the other model's neurons are shuffled and its units matched again.

    Parameters
    ----------
    weights : sequence of (N, M) float arrays
        At least two models of the same neurons, in the same order; M may differ.
    n_shuffles : int
        Shuffles for every other model, at least `MIN_SHUFFLES`.
    random_state : int

    Raises
    ------
    ModelError
        If there are fewer than two models, or they describe different neurons.
    """
    if len(weights) < 2:
        raise ModelError(
            "Stability compares at least two models of the same recording: train a "
            "second one with another seed (--seed 1)."
        )
    if n_shuffles < MIN_SHUFFLES:
        raise ModelError(
            f"A chance level of 5 % needs at least {MIN_SHUFFLES} shuffles; found {n_shuffles}."
        )
    generator = np.random.default_rng(random_state)
    first = _directions(weights[0])
    cosines, rows = [], []
    for number, other in enumerate(weights[1:], start=1):
        cosines.append(weight_cosines(weights[0], other))
        directions = _directions(other)
        shuffled = (
            first.T @ directions[generator.permutation(len(directions))] for _ in range(n_shuffles)
        )
        rows.append(matched_pairs(cosines[-1], shuffled))
        rows[-1].insert(1, "model", number)
    pairs = pd.concat(rows, ignore_index=True)
    table = pairs.groupby("assembly").agg(
        stability=("similarity", "mean"),
        chance=("chance", "mean"),
        fraction_found=("found", "mean"),
    )
    return Stability(table, pairs, cosines)


def matched_pairs(
    cosines: NDArray[np.floating], shuffled: Iterable[NDArray[np.floating]]
) -> pd.DataFrame:
    """Match units with the largest total similarity, and compute its chance level.

    Parameters
    ----------
    cosines : (M, M') float
        Signed similarity of every unit of one model and every unit of another.
    shuffled : iterable of (M, M') float
        The same with the other model's neurons shuffled; its units are matched again.

    Returns
    -------
    pandas.DataFrame
        One row per unit of the first model: ``assembly, match, similarity, orientation,
        chance, found``; see `Stability`.
    """
    match, cosine = _assign(cosines)
    by_chance = [np.abs(_assign(each)[1]) for each in shuffled]
    # Weibull's plotting position: a new shuffle exceeds this level 5 times in 100, however
    # few were drawn; the default would be exceeded too often.
    chance = np.quantile(by_chance, CHANCE_QUANTILE, axis=0, method="weibull")
    return pd.DataFrame(
        {
            "assembly": np.arange(len(match)),
            "match": match,
            "similarity": np.abs(cosine),
            "orientation": np.sign(cosine).astype(int),
            "chance": chance,
            "found": np.abs(cosine) > chance,
        }
    )


def _assign(
    cosines: NDArray[np.floating],
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    unit, partner = linear_sum_assignment(np.abs(cosines), maximize=True)
    match = np.full(len(cosines), -1, dtype=np.int64)
    match[unit] = partner
    found = np.zeros(len(cosines))
    found[unit] = cosines[unit, partner]
    return match, found


def _directions(weights: NDArray[np.floating]) -> NDArray[np.float32]:
    """Scale columns to unit length; zero columns stay zero."""
    values = np.asarray(weights, dtype=np.float32)
    length = np.sqrt(np.square(values, dtype=np.float64).sum(axis=0)).astype(np.float32)
    return np.asarray(values / np.where(length > 0, length, np.float32(1)))
