"""Training frames and held-out frames of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_crbm.errors import ModelError
from napari_crbm.spikes import Spikes

if TYPE_CHECKING:
    from napari_crbm.model import CRBM


def held_out_frames(model: CRBM, spikes: Spikes) -> tuple[Spikes, Spikes]:
    """Return the training frames and held-out frames of a model.

    Parameters
    ----------
    model : CRBM
    spikes : Spikes
        The recording it was trained on.

    Returns
    -------
    train, test : Spikes

    Raises
    ------
    ModelError
        If the model was trained on all frames, or on another recording.
    """
    split = model.split_
    if split is None or not len(split["test"]):
        raise ModelError(
            "The model was trained on all frames, so nothing is left to test it on. "
            "Train it with held-out blocks of time (the default)."
        )
    if spikes.n_neurons != model.n_neurons:
        raise ModelError(
            f"The model has {model.n_neurons:,} neurons, the recording {spikes.n_neurons:,}."
        )
    if max(part.max(initial=0) for part in split.values()) >= spikes.n_frames:
        raise ModelError(
            f"The model was trained on a longer recording than this one of {spikes.n_frames:,} "
            "frames: open the recording it was trained on."
        )
    return spikes.select_frames(split["train"]), spikes.select_frames(split["test"])
