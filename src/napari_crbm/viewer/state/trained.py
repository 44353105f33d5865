"""A trained model with its activity and assembly table."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from napari_crbm.analysis import (
    active_threshold,
    assemblies_of_neuron,
    counted_assemblies,
    counted_in_words,
    find_missing_members,
    members_of,
    membership,
)
from napari_crbm.errors import ModelError

if TYPE_CHECKING:
    import pandas as pd

    from napari_crbm.analysis import Evidence
    from napari_crbm.model import CRBM, Members
    from napari_crbm.model.members.settings import Definition
    from napari_crbm.recording import Recording


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained model with what is computed from it once, in the background.

    Parameters
    ----------
    model : CRBM
    activity : (T, M) float32
        E[h | v] of every frame.
    table : pandas.DataFrame
        One row per assembly; see `napari_crbm.analysis.assembly_table`.
    evidence : Evidence, optional
        What held-out frames say of each assembly; see `napari_crbm.analysis.assembly_evidence`.
    """

    model: CRBM
    activity: NDArray[np.float32]
    table: pd.DataFrame = field(repr=False)
    evidence: Evidence | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        # Computed here, in the background thread, and not when the GUI first asks.
        _ = self.membership, self.active_above

    @classmethod
    def of(cls, model: CRBM, recording: Recording) -> Trained:
        """Compute activity and table: seconds on a whole brain.

        Raises
        ------
        ModelError
            If the model was trained on other neurons.
        """
        from napari_crbm.analysis import assembly_evidence

        if model.n_neurons != recording.n_neurons:
            raise ModelError(
                f"The model was trained on {model.n_neurons:,} neurons, the open recording has "
                f"{recording.n_neurons:,}. Open the recording the model was trained on first."
            )
        find_missing_members(model, recording)
        activity = model.transform(recording.spikes)
        evidence = assembly_evidence(model, recording)
        return cls(model, activity, _table(model, recording, activity, evidence), evidence)

    @property
    def found(self) -> str:
        """Number of assemblies, and of units that are not certain, in words."""
        return counted_in_words(self.model, self.evidence)

    @cached_property
    def counted(self) -> NDArray[np.bool_]:
        """The assemblies that count, (M,); see `napari_crbm.analysis.counted_assemblies`."""
        return counted_assemblies(self.model, self.evidence)

    @cached_property
    def members(self) -> Members:
        """The members of each assembly."""
        return members_of(self.model)

    @cached_property
    def membership(self) -> sparse.csr_array:
        """Membership of neurons in assemblies, (N, M) bool."""
        return sparse.csr_array(self.members.inside)

    @cached_property
    def active_above(self) -> NDArray[np.float64]:
        """Activity above which each assembly counts as active, (M,)."""
        return active_threshold(self.activity)

    def assemblies_of(self, neuron: int) -> pd.DataFrame:
        """Return the assemblies of a neuron; see `napari_crbm.analysis.assemblies_of_neuron`."""
        return assemblies_of_neuron(self.model, neuron, self.members)

    def by(self, members: Definition, recording: Recording) -> Trained:
        """Return the same model with another definition of members; seconds on a whole brain."""
        model = copy(self.model)
        model.find_members(recording, members)
        return Trained.of(model, recording)

    def with_halves(self, halves: Mapping[str, NDArray[np.float64]]) -> Trained:
        """Return the same model with the result of training on two halves of the recording."""
        self.model.halves_ = dict(halves)
        columns = {
            "both_halves": halves["found"] > 0,
            "halves_similarity": halves["similarity"],
        }
        return replace(self, table=self.table.assign(**columns))

    def with_regions_of(self, recording: Recording) -> Trained:
        """Return the same model with a table for other regions of the same neurons."""
        table = _table(self.model, recording, self.activity, self.evidence)
        return replace(self, table=table)


def _table(
    model: CRBM, recording: Recording, activity: NDArray[np.float32], evidence: Evidence | None
) -> pd.DataFrame:
    """Tabulate the assemblies, with their evidence and the enrichment of regions."""
    from napari_crbm.analysis import assembly_table, region_enrichment

    return assembly_table(
        model,
        recording,
        activity,
        evidence=None if evidence is None else evidence.table,
        enrichment=region_enrichment(model, recording),
    )


def strongest_assembly(model: CRBM) -> int:
    """Return the assembly whose members have the largest sum of ``|w|``; it is shown first."""
    inside = membership(model)
    return int(np.einsum("nm,nm->m", np.abs(model.weights_), inside, dtype=np.float64).argmax())
