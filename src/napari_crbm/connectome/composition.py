"""Regional composition of assemblies: members in each region, and an enrichment test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import hypergeom

from napari_crbm.analysis import members_of, membership, region_occupancy
from napari_crbm.analysis.chance import false_discovery_rate
from napari_crbm.regions import Regions

if TYPE_CHECKING:
    from napari_crbm.model import CRBM

#: Columns of `composition_table`.
_COLUMNS = ("assembly", "region", "members", "fraction", "share", "enrichment", "p_value")


def member_counts(model: CRBM, regions: Regions) -> NDArray[np.int64]:
    """Count the members of each assembly in each region, (R, M); see `analysis.membership`."""
    inside = membership(model)
    counted = regions.membership.T.astype(np.int64) @ inside.astype(np.int64)
    return np.asarray(counted, dtype=np.int64)


def enrichment_p(
    counts: NDArray[np.int64],
    sizes: NDArray[np.int64],
    region_sizes: NDArray[np.int64],
    n_neurons: int,
) -> NDArray[np.float64]:
    """Compute the probability of at least this many members in a region by chance, (R, M).

    The distribution is hypergeometric: members are drawn without replacement from all N
    neurons.

    Parameters
    ----------
    counts : (R, M) int
    sizes : (M,) int
        Members of every assembly.
    region_sizes : (R,) int
    n_neurons : int
    """
    return np.asarray(hypergeom.sf(counts - 1, n_neurons, region_sizes[:, None], sizes[None, :]))


def composition_table(model: CRBM, regions: Regions) -> pd.DataFrame:
    """Tabulate the regions of each assembly, one row per assembly and region with members.

    Returns
    -------
    pandas.DataFrame
        ``assembly, region, members``; ``fraction`` of the assembly's members;
        ``share`` of its summed ``|w|`` corrected for region size (see
        `analysis.region_occupancy`); ``enrichment``, members over those expected by
        chance; ``p_value`` (hypergeometric) and ``q_value`` (Benjamini-Hochberg over all
        assemblies and regions, absent pairs included). Largest fraction first within an
        assembly.
    """
    weights = model.weights_
    counts = member_counts(model, regions)
    sizes = members_of(model).sizes
    p = enrichment_p(counts, sizes, regions.counts, len(weights))
    q = false_discovery_rate(p)
    share = region_occupancy(weights, regions)
    region, assembly = np.nonzero(counts)
    found = counts[region, assembly]
    expected = sizes[assembly] * regions.counts[region] / len(weights)
    table = pd.DataFrame(
        {
            "assembly": assembly,
            "region": np.array(regions.names, dtype=object)[region],
            "members": found,
            "fraction": found / sizes[assembly],
            "share": share[region, assembly],
            "enrichment": found / expected,
            "p_value": p[region, assembly],
            "q_value": q[region, assembly],
        },
        columns=[*_COLUMNS, "q_value"],
    )
    order = np.lexsort((-table["fraction"].to_numpy(), table["assembly"].to_numpy()))
    return table.iloc[order].reset_index(drop=True)


def assembly_region_matrix(model: CRBM, regions: Regions) -> pd.DataFrame:
    """Tabulate the fraction of members in each region: assemblies x regions."""
    counts = member_counts(model, regions)
    sizes = members_of(model).sizes
    return pd.DataFrame(
        (counts / np.maximum(sizes, 1)).T,
        index=pd.RangeIndex(len(sizes), name="assembly"),
        columns=list(regions.names),
    )


def carriers(
    factors: NDArray[np.float32],
    regions: Regions,
    first: str,
    second: str,
) -> pd.DataFrame:
    r"""List the assemblies that contribute to the connection of two regions, strongest first.

    By itself, unit mu gives the mean coupling
    :math:`\langle |x_{i\mu}| \rangle_k \langle |x_{j\mu}| \rangle_m` between the regions.
    Units may cancel each other, so the sum of the parts is at least the mean ``|J|``.

    Parameters
    ----------
    factors : (N, M) float32
        See `couplings.coupling_factors`.
    regions : Regions
    first, second : str
        Names of the regions.

    Returns
    -------
    pandas.DataFrame
        ``assembly, part, share`` (of the sum of parts), zero parts left out.
    """
    a = np.abs(factors[regions.members(first)], dtype=np.float64)
    b = np.abs(factors[regions.members(second)], dtype=np.float64)
    part = a.mean(axis=0) * b.mean(axis=0)
    if first == second and len(a) > 1:
        # A neuron is not coupled with itself.
        pairs = len(a) * (len(a) - 1)
        part = (a.sum(axis=0) ** 2 - np.square(a).sum(axis=0)) / pairs
    order = np.argsort(-part, kind="stable")
    order = order[part[order] > 0]
    return pd.DataFrame(
        {"assembly": order, "part": part[order], "share": part[order] / max(part.sum(), 1e-300)}
    )
