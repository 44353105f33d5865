"""Members of the assemblies of a model, by the definition stored in the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_crbm.model.members.members import Members

if TYPE_CHECKING:
    from napari_crbm.model import CRBM
    from napari_crbm.model.members.settings import Definition
    from napari_crbm.recording import Recording


def members_of(model: CRBM) -> Members:
    """Return the members stored in a model, or members by weight if none are stored.

    A model carries members by association from `CRBM.fit` on, and in its file; see
    `CRBM.find_members` for another definition.
    """
    return Members.by_weight(model.weights_) if model.members_ is None else model.members_


def membership(model: CRBM) -> NDArray[np.bool_]:
    """Return the members of each assembly, (N, M) bool; see `members_of`."""
    return members_of(model).inside


def find_missing_members(
    model: CRBM, recording: Recording, members: Definition | None = None
) -> CRBM:
    """Find the members of a model that stores none, from the recording it was trained on.

    Parameters
    ----------
    model : CRBM
        Changed: its `members_` are set.
    recording : Recording
        On another recording than that of the training nothing is found, and members by weight
        hold.
    members : {"association", "weight"}, optional
        Definition that holds in any case.
    """
    if members is not None:
        if model.members_ is None or model.members_.definition != members:
            model.find_members(recording, members)
    elif model.members_ is None and model.recording_fingerprint_ == recording.spikes.fingerprint:
        model.find_members(recording)
    return model
