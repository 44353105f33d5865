"""Folds of a sweep: blocks of time held out in turn, apart from the test blocks."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from napari_crbm.analysis.evidence.stretches import stretches
from napari_crbm.autocorrelation import autocorrelation_frames
from napari_crbm.errors import ModelError
from napari_crbm.model.training.settings import Settings
from napari_crbm.model.training.split import apart, block_edges, split_blocks
from napari_crbm.recording import Recording

#: Blocks of time that are divided among the folds, at most.
N_BLOCKS = 10


@dataclass(frozen=True, eq=False)
class Folds:
    """Blocks of time, each held out in one fold.

    Parameters
    ----------
    block : (T,) int64
        Block of every frame of the recording, 0 to `N_BLOCKS` - 1; -1 for the test frames of
        the final model and the gaps around them, which no training of a sweep sees.
    n_folds : int
    gap : int
        Frames taken out between training and held-out frames.
    """

    block: NDArray[np.int64]
    n_folds: int
    gap: int

    @classmethod
    def of(cls, recording: Recording, settings: Settings, n_folds: int) -> Folds:
        """Divide the frames of a recording that the final model may be trained on.

        Parameters
        ----------
        recording : Recording
        settings : Settings
            Of the final model: which blocks it holds out as test frames.
        n_folds : int

        Raises
        ------
        ModelError
            If there are fewer than two frames per block.
        """
        n_frames = recording.n_frames
        if n_frames < 2 * N_BLOCKS:
            raise ModelError(
                f"The recording has {n_frames} frames, too few to cut into {N_BLOCKS} blocks of "
                "time."
            )
        frames = split_blocks(
            recording.spikes,
            settings.n_test_blocks,
            choice=settings.test_choice,
            segments=recording.segments,
            random_state=settings.random_state,
        ).train
        starts = {start for start, _ in stretches(frames)}
        starts |= {int(np.searchsorted(frames, start)) for start, _ in recording.segments}
        ends = sorted({*starts, len(frames)})
        edges = block_edges(len(frames), N_BLOCKS, list(pairwise(ends)))
        number = np.repeat(np.arange(len(edges) - 1), np.diff(edges))
        n_blocks = len(edges) - 1
        if n_blocks > N_BLOCKS:
            number = number * N_BLOCKS // n_blocks
        block = np.full(n_frames, -1, dtype=np.int64)
        block[frames] = number
        return cls(block, n_folds, autocorrelation_frames(recording.spikes))

    def frames(self, fold: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the training frames and the held-out frames of a fold, with gaps between them."""
        part = np.where(self.block < 0, -1, self.block % self.n_folds == fold)
        divided = apart(part, self.gap)
        return np.flatnonzero(divided == 0), np.flatnonzero(divided == 1)
