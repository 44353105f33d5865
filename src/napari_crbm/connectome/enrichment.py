"""Enrichment tests for a group of neurons: assemblies, regions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from napari_crbm.analysis import membership
from napari_crbm.analysis.chance import false_discovery_rate
from napari_crbm.connectome.composition import enrichment_p
from napari_crbm.errors import ModelError

if TYPE_CHECKING:
    from napari_crbm.model import CRBM
    from napari_crbm.regions import Regions


def enrichment(
    sets: NDArray[np.bool_] | sparse.csc_array,
    neurons: ArrayLike,
    population: ArrayLike | None = None,
) -> pd.DataFrame:
    """Test whether a group shares more neurons with each set than a random group of its size.

    Parameters
    ----------
    sets : (N, S) bool array or sparse matrix
        Column s marks the neurons of set s.
    neurons : (n,) int
        The group; repeated neurons count once.
    population : (P,) int, optional
        Neurons the group was chosen from, all by default; those outside do not count,
        neither in the group nor in the sets.

    Returns
    -------
    pandas.DataFrame
        One row per set that shares a neuron with the group, indexed by its column:
        ``found`` (shared neurons), ``size`` (neurons of the set), ``fraction`` (of the
        group), ``enrichment`` (found over expected by chance), ``p_value``
        (hypergeometric, upper tail) and ``q_value`` (Benjamini-Hochberg over all sets,
        including those that share no neuron). Smallest p first.

    Raises
    ------
    ModelError
        If there is no such neuron.
    """
    n_neurons, n_sets = sets.shape
    chosen, pool = _numbers(neurons, n_neurons), np.arange(n_neurons)
    if population is not None:
        pool = _numbers(population, n_neurons)
        chosen = np.intersect1d(chosen, pool)
    rows = sets if isinstance(sets, np.ndarray) else sparse.csr_array(sets)
    found, size = (_count(rows, which) for which in (chosen, pool))
    group, n_neurons = len(chosen), len(pool)
    p = enrichment_p(found[:, None], np.array([group]), size, n_neurons)[:, 0]
    expected = group * size / max(n_neurons, 1)
    table = pd.DataFrame(
        {
            "found": found,
            "size": size,
            "fraction": found / max(group, 1),
            "enrichment": found / np.where(expected > 0, expected, np.nan),
            "p_value": p,
            "q_value": false_discovery_rate(p) if n_sets else p,
        }
    )
    table = table[table["found"] > 0]
    order = np.lexsort((-table["enrichment"].to_numpy(), table["p_value"].to_numpy()))
    return table.iloc[order]


def enriched_assemblies(
    model: CRBM,
    neurons: ArrayLike,
    *,
    population: ArrayLike | None = None,
) -> pd.DataFrame:
    """Tabulate assemblies with more members in a group than chance; see `enrichment`.

    Parameters
    ----------
    model : CRBM
    neurons, population : int arrays

    Returns
    -------
    pandas.DataFrame
        The table of `enrichment`, index ``assembly``, with the mean ``weight`` of the
        shared members.
    """
    inside = membership(model)
    table = enrichment(inside, neurons, population).rename_axis("assembly")
    chosen = _numbers(neurons, len(inside))
    if population is not None:
        chosen = np.intersect1d(chosen, population)
    units = table.index.to_numpy()
    shared = np.where(inside[np.ix_(chosen, units)], model.weights_[np.ix_(chosen, units)], 0.0)
    table["weight"] = shared.sum(axis=0) / table["found"].to_numpy()
    return table


def enriched_regions(
    regions: Regions, neurons: ArrayLike, *, population: ArrayLike | None = None
) -> pd.DataFrame:
    """Tabulate regions that hold more of a group of neurons than chance; see `enrichment`.

    Returns
    -------
    pandas.DataFrame
        The table of `enrichment`, index ``region`` (names).
    """
    table = enrichment(regions.membership, neurons, population)
    table.index = pd.Index([regions.names[column] for column in table.index], name="region")
    return table


def _count(
    rows: NDArray[np.bool_] | sparse.csr_array, neurons: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Count the given neurons in each set, (S,)."""
    return np.asarray(rows[neurons].sum(axis=0), dtype=np.int64).ravel()


def _numbers(neurons: ArrayLike, n_neurons: int) -> NDArray[np.int64]:
    """Return the distinct neurons in ascending order."""
    chosen = np.unique(np.asarray(neurons, dtype=np.int64))
    wrong = chosen[(chosen < 0) | (chosen >= n_neurons)]
    if len(wrong):
        raise ModelError(f"There is no neuron {wrong[0]}: neurons are 0 to {n_neurons - 1}.")
    return chosen
