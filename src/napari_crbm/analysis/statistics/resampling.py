"""Blocks of time and groups of chains over which an evaluation resamples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_crbm.analysis.statistics.block_sums import MOST_NEURONS, BlockSums, Halves
from napari_crbm.analysis.statistics.time_blocks import (
    block_frames,
    chain_groups,
    correlation_times,
    cut,
)
from napari_crbm.spikes import Spikes

if TYPE_CHECKING:
    from napari_crbm.model import CRBM

# Groups of chains, half of them in either set of samples.
_GROUPS = 20
# Blocks with gaps between them at most: every border costs a gap.
_MOST_APART = 16
# Frames of independent neurons, with which explained shares are compared.
_REFERENCE_FRAMES, _REFERENCE_AT_ONCE, _REFERENCE_BLOCKS = 4000, 256, 8


@dataclass(frozen=True, eq=False)
class Resampling:
    """Activity of up to `MOST_NEURONS` neurons, summed over the blocks that a jackknife leaves out.

    Parameters
    ----------
    neurons : (n,) int
    blocks : (train, test) lists of int arrays
        Frames of each block of time.
    whole : (model, train, test) BlockSums
        All frames.
    model : Halves
        Independent samples of the model.
    train, test : BlockSums
        Training and held-out frames, with gaps between the blocks.
    reference : BlockSums
        Independent neurons with the mean activities of the training frames.
    """

    neurons: NDArray[np.int64]
    blocks: tuple[list[NDArray[np.int64]], list[NDArray[np.int64]]]
    whole: tuple[BlockSums, BlockSums, BlockSums]
    model: Halves
    train: BlockSums
    test: BlockSums
    reference: BlockSums

    @classmethod
    def of(
        cls,
        model: CRBM,
        parts: tuple[Spikes, Spikes, Spikes],
        hidden: tuple[NDArray[np.floating], NDArray[np.floating], NDArray[np.floating]],
        frames: tuple[NDArray[np.integer], NDArray[np.integer]],
        n_chains: int,
        random_state: int = 0,
    ) -> Resampling:
        """Cut all parts into blocks.

        Parameters
        ----------
        model : CRBM
        parts : (model, train, test) Spikes
        hidden : three (T, M) float arrays
            E[h | v] of the same frames.
        frames : (train, test) int arrays
            Numbers of these frames in the recording.
        n_chains : int
            Chains that the samples were drawn from; sample k is of chain ``k % n_chains``.
        random_state : int
            Seed of the neurons and of the independent neurons.
        """
        generator = np.random.default_rng([random_state, 2])
        n = min(MOST_NEURONS, parts[0].n_neurons)
        neurons = np.sort(generator.choice(parts[0].n_neurons, n, replace=False))
        courses = np.column_stack([hidden[1], parts[1].frame_counts])
        time, gap = correlation_times(courses, frames[0])
        groups = chain_groups(parts[0].n_frames, n_chains, _GROUPS)
        sums = [BlockSums.of(parts[0], neurons, hidden[0], groups)]
        gapped = []
        lengths = [block_frames(len(number), time) for number in frames]
        blocks = (cut(frames[0], lengths[0]), cut(frames[1], lengths[1]))
        for k, number in enumerate(frames):
            part, values = parts[k + 1], hidden[k + 1]
            sums.append(BlockSums.of(part, neurons, values, blocks[k]))
            apart = cut(number, lengths[k], gap=gap, most=_MOST_APART)
            gapped.append(BlockSums.of(part, neurons, values, apart))
        free = Spikes.from_chunks(
            _independent(parts[1], generator), _REFERENCE_FRAMES, parts[1].n_neurons
        )
        order = np.array_split(np.arange(_REFERENCE_FRAMES), _REFERENCE_BLOCKS)
        reference = BlockSums.of(free, neurons, model.transform(free), order)
        whole = (sums[0], sums[1], sums[2])
        return cls(neurons, blocks, whole, _in_turn(sums[0]), gapped[0], gapped[1], reference)


def _in_turn(sums: BlockSums) -> Halves:
    return Halves(sums.select(slice(0, None, 2)), sums.select(slice(1, None, 2)))


def _independent(train: Spikes, generator: np.random.Generator) -> Iterator[NDArray[np.bool_]]:
    rate = train.mean_activity
    for start in range(0, _REFERENCE_FRAMES, _REFERENCE_AT_ONCE):
        n = min(_REFERENCE_AT_ONCE, _REFERENCE_FRAMES - start)
        yield generator.random((n, len(rate)), dtype=np.float32) < rate
