"""Which units of a model count as assemblies, in every number that is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_crbm.analysis.assemblies.membership import members_of
from napari_crbm.analysis.evidence.assessment import Evidence

if TYPE_CHECKING:
    from napari_crbm.model import CRBM


def counted_assemblies(model: CRBM, evidence: Evidence | None = None) -> NDArray[np.bool_]:
    """Return the assemblies of a model that are counted, (M,) bool.

    Parameters
    ----------
    model : CRBM
    evidence : Evidence, optional
        See `napari_crbm.analysis.assembly_evidence`. Where a test was made, certain assemblies
        count and no others. Without a test, hidden units with two members or more count: a single
        neuron is no assembly.
    """
    if evidence is None or evidence.reason:
        return np.asarray(members_of(model).sizes > 1)
    certain: NDArray[np.bool_] = evidence.table["certain"].to_numpy(dtype=bool)
    return certain


def counted_in_words(model: CRBM, evidence: Evidence | None = None) -> str:
    """Say how many assemblies of a model were found, and how many units do not count."""
    n = int(counted_assemblies(model, evidence).sum())
    others = int((members_of(model).sizes > 0).sum()) - n
    if evidence is None or evidence.reason:
        units = f"{n or 'No'} hidden {'unit has' if n == 1 else 'units have'} several members"
        return f"{units}; not tested on held-out frames." if n else f"{units}."
    text = f"{n or 'No'} certain {'assembly' if n == 1 else 'assemblies'} found"
    if others:
        text += f"; {others} other hidden unit{' is' if others == 1 else 's are'} not certain"
    return f"{text}."
