"""Members of the assemblies of a model, and the definition that they follow."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from napari_crbm.errors import ModelError
from napari_crbm.model.members.association import MAX_Q, Association
from napari_crbm.model.members.settings import MEMBERSHIP_FRACTION

#: The definition of members in words, for tables and figures.
DEFINITIONS = {
    "association": "neurons associated with the activity of the assembly (false discovery rate "
    f"{100 * MAX_Q:.0f} %)",
    "weight": f"neurons with |weight| above {100 * MEMBERSHIP_FRACTION:.0f} % of the largest",
}


@dataclass(frozen=True, eq=False)
class Members:
    """Members of M assemblies of N neurons.

    Parameters
    ----------
    strength : (N, M) sparse float32
        Stored are members only. By "association": correlation with the on/off course of the
        assembly, other assemblies held constant (see `Association`). By "weight": the weight.
        The sign says whether the neuron is more or less active with the assembly.
    definition : {"association", "weight"}
    threshold : float, optional
        Smallest ``|weight|`` by "weight", if it is not a fraction of the largest.
    """

    strength: sparse.csc_array
    definition: str
    threshold: float | None = None

    @classmethod
    def by_association(cls, found: Association) -> Members:
        """Take the neurons that are significantly associated with the assembly."""
        strength = sparse.csc_array(np.where(found.members, found.correlation, np.float32(0)))
        return cls(strength, "association")

    @classmethod
    def by_weight(cls, weights: NDArray[np.floating], threshold: float | None = None) -> Members:
        """Find the members by their weights (N, M).

        By default their ``|w|`` exceeds `MEMBERSHIP_FRACTION` of the assembly's largest,
        otherwise ``threshold``.
        """
        size = np.abs(weights)
        above = MEMBERSHIP_FRACTION * size.max(axis=0) if threshold is None else threshold
        strength = sparse.csc_array(np.where(size > above, weights, 0).astype(np.float32))
        return cls(strength, "weight", threshold)

    @cached_property
    def inside(self) -> NDArray[np.bool_]:
        """Whether each neuron is a member of each assembly, (N, M)."""
        inside = np.asarray(self.strength.toarray() != 0)
        inside.flags.writeable = False
        return inside

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Number of members of each assembly, (M,)."""
        return np.asarray(np.diff(self.strength.indptr), dtype=np.int64)

    def of(self, assembly: int) -> NDArray[np.int64]:
        """Return the members of one assembly, ascending."""
        first, last = self.strength.indptr[assembly : assembly + 2]
        return np.sort(self.strength.indices[first:last]).astype(np.int64)

    @property
    def words(self) -> str:
        """The definition in words."""
        if self.threshold is not None:
            return f"neurons with |weight| above {self.threshold:g}"
        return DEFINITIONS[self.definition]


def check_members(members: Members, shape: tuple[int, int]) -> None:
    """Refuse members of another number of neurons or assemblies, or of an unknown definition.

    Raises
    ------
    ModelError
    """
    if members.strength.shape != shape or members.definition not in DEFINITIONS:
        raise ModelError(
            f"Members must be of {shape[0]:,} neurons and {shape[1]} assemblies, by "
            f"{' or '.join(DEFINITIONS)}; found shape {members.strength.shape}, by "
            f"'{members.definition}'."
        )
