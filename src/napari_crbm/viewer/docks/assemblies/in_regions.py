"""Find the assemblies with members in regions: those named in the filter, those ticked."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from napari_crbm.regions import Regions

#: Share of the members in a region from which an assembly is found there.
FOUND_SHARE = 0.1


def found_in(neurons: NDArray[np.bool_], membership: sparse.csr_array) -> NDArray[np.bool_]:
    """Mark assemblies with at least a tenth of their members among neurons (N,), (M,).

    Parameters
    ----------
    neurons : (N,) bool
    membership : (N, M) bool sparse matrix
    """
    inside = membership[neurons].sum(axis=0)
    return np.asarray(inside >= np.maximum(FOUND_SHARE * membership.sum(axis=0), 1))


def neurons_in(text: str, regions: Regions | None) -> NDArray[np.bool_] | None:
    """Mark the neurons in any region whose name contains a text, (N,); None if there is none.

    Regions of all levels count, both sides of a structure together: "tectum" and "hindbrain"
    find what lies in the whole of them.
    """
    wanted = text.strip().lower()
    if regions is None or not wanted or wanted.isdecimal():
        return None
    named = [column for column, name in enumerate(regions.names) if wanted in name.lower()]
    if not named:
        return None
    return np.asarray(regions.membership[:, named].sum(axis=1)).ravel() > 0
