"""Test in which region an assembly has more members than at random places of the brain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from napari_crbm.analysis.assemblies.membership import membership
from napari_crbm.analysis.assemblies.regions import naming_regions
from napari_crbm.analysis.assemblies.relocation import BrainSpace
from napari_crbm.analysis.chance import MIN_SHUFFLES
from napari_crbm.errors import ModelError
from napari_crbm.recording import Recording

if TYPE_CHECKING:
    from napari_crbm.model import CRBM

#: Largest p at which an assembly is said to be enriched in a region.
ENRICHED = 0.05
#: Columns of `region_enrichment`.
ENRICHMENT_COLUMNS = (
    "enriched_region",
    "enriched_fraction",
    "enriched_by_chance",
    "enrichment_p",
)
_FEWEST_MEMBERS = 2


def region_enrichment(
    model: CRBM,
    recording: Recording,
    assemblies: NDArray[np.integer] | Sequence[int] | None = None,
    *,
    n_draws: int = 99,
    random_state: int = 0,
) -> pd.DataFrame:
    """Compare the members of each assembly in each region with those at random places.

    Assemblies are compact, so that nearly every one of them has more members in some region
    than random neurons. The chance level is therefore the same assembly moved to random places
    of the brain, with its shape (see `napari_crbm.analysis.assemblies.relocation`). The
    statistic is the largest excess, over regions, of the share of members over the mean share
    in all draws; p is the share of draws whose largest excess is as large. One p stands for
    all regions of an assembly; it is not corrected for the number of assemblies.

    Parameters
    ----------
    model : CRBM
    recording : Recording
        With regions. Neurons without position are left out.
    assemblies : sequence of int, optional
        All by default. The result for an assembly does not depend on the others.
    n_draws : int
        At least 19; p is at least 1 / (n_draws + 1).
    random_state : int

    Returns
    -------
    pandas.DataFrame
        Index ``assembly``; ``enriched_region``, the region of the largest excess if p is at
        most 0.05, else empty; ``enriched_fraction`` and ``enriched_by_chance``, the shares of
        the members in it and their mean over the draws (NaN without a region); and
        ``enrichment_p``. It is NaN for assemblies of fewer than two members whose positions are
        known, and if nothing can be said: without regions, or if positions differ along fewer
        than two axes of a dorsal view.

    Raises
    ------
    ModelError
        If model and recording differ in neurons, or there are too few draws.

    Examples
    --------
    >>> from napari_crbm import CRBM
    >>> from napari_crbm.analysis import region_enrichment
    >>> model = CRBM(n_hidden=5, recipe="quick").fit(recording)
    >>> found = region_enrichment(model, recording)
    >>> list(found.columns)[0], len(found)
    ('enriched_region', 5)
    """
    if n_draws < MIN_SHUFFLES:
        raise ModelError(
            f"A chance level of 5 % needs at least {MIN_SHUFFLES} draws; found {n_draws}."
        )
    if model.n_neurons != recording.n_neurons:
        raise ModelError(
            f"The model describes {model.n_neurons:,} neurons, the recording has "
            f"{recording.n_neurons:,}: use the recording the model was trained on."
        )
    chosen = np.arange(model.n_assemblies) if assemblies is None else np.asarray(assemblies)
    rows = {int(unit): ("", np.nan, np.nan, np.nan) for unit in chosen}
    regions = recording.regions
    if regions is not None and regions.names and {"y", "x"} <= set(recording.known_axes):
        located = np.flatnonzero(recording.located)
        naming = np.flatnonzero(naming_regions(regions))
        belongs = sparse.csr_array(regions.membership[:, naming].tocsr()[located], dtype=np.float64)
        space = BrainSpace(recording.positions[located])
        inside = membership(model)[located]
        for unit in rows:
            members = np.flatnonzero(inside[:, unit])
            if len(members) < _FEWEST_MEMBERS or not len(naming):
                continue
            generator = np.random.default_rng([random_state, unit])
            moved = space.moved_members(members, n_draws, generator)
            region, fraction, by_chance, p = _largest_excess(members, moved, belongs)
            known = p <= ENRICHED
            rows[unit] = (
                regions.names[naming[region]] if known else "",
                fraction if known else np.nan,
                by_chance if known else np.nan,
                p,
            )
    return pd.DataFrame.from_dict(
        rows, orient="index", columns=list(ENRICHMENT_COLUMNS)
    ).rename_axis("assembly")


def enrichment_in_words(row: pd.Series) -> str:
    """Return the enrichment of an assembly: "Habenula L 46 % (by chance 3 %, p = 0.01)"."""
    if not row["enriched_region"]:
        return ""
    return (
        f"{row['enriched_region']} {100 * row['enriched_fraction']:.0f} % (by chance "
        f"{100 * row['enriched_by_chance']:.0f} %, p = {row['enrichment_p']:.2g})"
    )


def _largest_excess(
    members: NDArray[np.int64], moved: NDArray[np.int64], belongs: sparse.csr_array
) -> tuple[int, float, float, float]:
    """Return the region of the largest excess, its share, the share by chance and p."""
    share = np.vstack([_shares(members[None], belongs), _shares(moved, belongs)])
    # The assembly itself is one of the places, so that all have the same standing.
    excess = share - share.mean(axis=0)
    largest = excess.max(axis=1)
    region = int(excess[0].argmax())
    # Rounding must not part equal shares.
    p = float(np.mean(largest >= largest[0] - 1e-9))
    return region, float(share[0, region]), float(share[1:, region].mean()), p


def _shares(neurons: NDArray[np.int64], belongs: sparse.csr_array) -> NDArray[np.float64]:
    """Return the share of the neurons (S, n) that lie in each region, (S, R); -1 is no neuron."""
    there = neurons >= 0
    rows = np.broadcast_to(np.arange(len(neurons))[:, None], neurons.shape)
    choice = sparse.coo_array(
        (np.ones(int(there.sum())), (rows[there], neurons[there])),
        shape=(len(neurons), belongs.shape[0]),
    )
    count = np.asarray((choice.tocsr() @ belongs).todense())
    return np.asarray(count / np.maximum(there.sum(axis=1), 1)[:, None])
