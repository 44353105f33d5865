"""Membership of neurons in brain regions; regions may overlap."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from napari_crbm.errors import RecordingError


@dataclass(frozen=True, eq=False)
class Regions:
    """Sparse membership of N neurons in R named, possibly overlapping regions.

    Parameters
    ----------
    membership : (N, R) sparse matrix
        Column ``r`` marks the neurons of region ``names[r]``; kept as bool.
    names : tuple of str
        One unique name per region.
    """

    membership: sparse.csc_array
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        membership = sparse.csc_array(self.membership, dtype=bool, copy=True)
        # Stored zeros and repeated entries would be counted as members.
        membership.sum_duplicates()
        membership.eliminate_zeros()
        object.__setattr__(self, "membership", membership)
        if self.membership.shape[1] != len(self.names):
            raise RecordingError(
                f"Region membership has {self.membership.shape[1]} columns, "
                f"but {len(self.names)} region names were given."
            )
        repeated = sorted({name for name in self.names if self.names.count(name) > 1})
        if repeated:
            raise RecordingError(f"Region names must be unique; repeated: {', '.join(repeated)}.")

    @classmethod
    def from_dense(cls, membership: ArrayLike, names: Sequence[str]) -> Regions:
        """Build from an (N, R) array of zeros and ones."""
        dense = np.asarray(membership)
        if dense.ndim != 2:
            raise RecordingError("Region membership must have two axes (neurons, regions).")
        return cls(sparse.csc_array(dense.astype(bool)), tuple(names))

    @classmethod
    def from_labels(cls, labels: ArrayLike, names: Sequence[str]) -> Regions:
        """Build from one label per neuron, (N,); -1 marks a neuron in no region."""
        label = np.asarray(labels)
        if len(label) and label.max() >= len(names):
            raise RecordingError(
                f"A neuron has region label {label.max()}, but there are only {len(names)} region "
                "names (labels count from 0)."
            )
        inside = np.flatnonzero(label >= 0)
        matrix = sparse.csc_array(
            (np.ones(len(inside), dtype=bool), (inside, label[inside])),
            shape=(len(label), len(names)),
        )
        return cls(matrix, tuple(names))

    @property
    def n_neurons(self) -> int:
        """Number of neurons N."""
        return int(self.membership.shape[0])

    @property
    def counts(self) -> NDArray[np.int64]:
        """Number of neurons in each region, (R,)."""
        return np.asarray(np.diff(self.membership.indptr), dtype=np.int64)

    def members(self, region: str) -> NDArray[np.int64]:
        """Return the indices of the neurons in the named region."""
        if region not in self.names:
            raise RecordingError(f"There is no region '{region}' in this recording.")
        column = self.names.index(region)
        start, stop = self.membership.indptr[column : column + 2]
        return np.asarray(self.membership.indices[start:stop], dtype=np.int64)

    def among(self, names: Iterable[str]) -> Regions:
        """Return some of the regions, in their order here; unknown names are left out.

        Raises
        ------
        RecordingError
            If none of the names is known.
        """
        wanted = set(names)
        kept = [index for index, name in enumerate(self.names) if name in wanted]
        if not kept:
            raise RecordingError(
                f"None of the regions asked for is in this recording; it has, for example, "
                f"{', '.join(self.names[:5]) or 'none'}."
            )
        return Regions(self.membership[:, kept], tuple(self.names[index] for index in kept))

    def of_neuron(self, neuron: int) -> list[str]:
        """Return the names of all regions that contain the neuron."""
        row = self.membership[[neuron], :].nonzero()[1]
        return [self.names[column] for column in row]

    @property
    def labelled(self) -> NDArray[np.bool_]:
        """Neurons that lie in at least one region, (N,)."""
        return np.asarray(self.membership.sum(axis=1)).ravel() > 0

    def select_neurons(self, neurons: NDArray[np.generic]) -> Regions:
        """Return the same regions for the chosen neurons (indices or mask)."""
        index = np.arange(self.n_neurons)[neurons]
        return Regions(sparse.csc_array(self.membership.tocsr()[index]), self.names)

    def __repr__(self) -> str:
        return (
            f"Regions({len(self.names)} regions, "
            f"{int(self.labelled.sum()):,} of {self.n_neurons:,} neurons labelled)"
        )
