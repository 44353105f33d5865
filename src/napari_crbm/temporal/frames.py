"""Frames for training, validation and test of a temporal model."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import ModelError
from napari_crbm.model.training.split import N_BLOCKS, apart, block_edges
from napari_crbm.temporal.lags import frames_with_past

#: Blocks of the training frames, of `N_BLOCKS`, that choose the penalty.
VALIDATION_BLOCKS = (2, 7)
_FEWEST = 20


def divide(
    split: Mapping[str, NDArray[np.integer]] | None,
    numbers: NDArray[np.int64],
    longest: int,
    *,
    validate: bool = True,
) -> dict[str, NDArray[np.int64]]:
    """Divide the frames for a temporal model.

    Parameters
    ----------
    split : dict of str to int arrays, or None
        Frames of the model without time, "train" and "test" among them; None if it was trained on
        all frames.
    numbers : (T,) int64
        `Recording.frame_numbers`.
    longest : int
        Longest lag in frames.
    validate : bool
        Whether validation frames are needed.

    Returns
    -------
    dict
        Frames "train" and "validation" whose past is known and in the same part, and all frames
        of the part "test".

    Raises
    ------
    ModelError
        If too few frames have a past of this length.
    """
    everything = np.arange(len(numbers))
    train = everything if split is None else np.sort(np.asarray(split["train"], dtype=np.int64))
    test = np.empty(0, np.int64) if split is None else np.sort(split["test"]).astype(np.int64)
    part = np.zeros(len(train), dtype=np.int64)
    if validate:
        edges = block_edges(len(train), N_BLOCKS)
        block = np.repeat(np.arange(len(edges) - 1), np.diff(edges))
        part = apart(np.isin(block, VALIDATION_BLOCKS).astype(np.int64), longest)
    found = {
        "train": frames_with_past(train[part == 0], numbers, longest),
        "validation": frames_with_past(train[part == 1], numbers, longest),
        "test": test,
    }
    for name in ("train", "validation") if validate else ("train",):
        if len(found[name]) < _FEWEST:
            raise ModelError(
                f"Only {len(found[name])} {name} frames have {longest} frames before them in the "
                f"same segment and part; {_FEWEST} are needed. Choose a shorter longest lag."
            )
    return found
