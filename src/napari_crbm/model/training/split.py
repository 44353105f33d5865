"""Split a recording into training and held-out blocks of time with similar statistics.

Neighbouring frames are correlated, so that frames held out at random would be no independent
test. The recording is divided into equal chronological blocks instead, some of which are held out.
The choice of blocks is the one at the 10th percentile of the difference of training and test
statistics (paper, "Train/test data split").
"""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import ModelError, SettingError
from napari_crbm.spikes import Spikes

# Pairwise statistics are only compared, so that a random subset of neurons suffices.
_NEURONS_FOR_PAIRS = 400
_PERCENTILE = 10


def split_blocks(
    spikes: Spikes, n_blocks: int = 10, n_test: int = 3, random_state: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Divide the frames into training and test blocks.

    For every choice of ``n_test`` of ``n_blocks`` blocks the root mean square
    differences between training and test of the mean activities and of the
    covariances are multiplied; the choice at the 10th percentile is taken.

    Parameters
    ----------
    spikes : Spikes
    n_blocks, n_test : int
        Number of blocks, and how many of them to hold out (0 for none).
    random_state : int
        Seed of the neurons whose covariances are compared.

    Returns
    -------
    train, test : int64 arrays
        Frame indices in time order.

    Raises
    ------
    ModelError
        If there are fewer than two frames a block.
    """
    frames = np.arange(spikes.n_frames)
    if n_test == 0:
        return frames, frames[:0]
    if not 0 < n_test < n_blocks:
        raise ModelError(f"Cannot hold out {n_test} of {n_blocks} blocks of time.")
    if spikes.n_frames < 2 * n_blocks:
        raise SettingError(
            f"The recording has {spikes.n_frames} frames, too few to hold out {n_test} of "
            f"{n_blocks} blocks of time. Train on all frames instead ({{n_test_blocks:0}})."
        )
    edges = np.linspace(0, spikes.n_frames, n_blocks + 1).astype(int)
    choices = list(combinations(range(n_blocks), n_test))
    discrepancy = _discrepancies(spikes, edges, choices, random_state)
    target = np.percentile(discrepancy, _PERCENTILE)
    test_blocks = choices[int(np.argmin(np.abs(discrepancy - target)))]
    held_out = np.zeros(spikes.n_frames, dtype=bool)
    for block in test_blocks:
        held_out[edges[block] : edges[block + 1]] = True
    return frames[~held_out], frames[held_out]


def _discrepancies(
    spikes: Spikes,
    edges: NDArray[np.int_],
    choices: list[tuple[int, ...]],
    random_state: int,
) -> NDArray[np.float64]:
    """Compute the product of the two train-test differences for every choice of test blocks."""
    generator = np.random.default_rng(random_state)
    size = min(_NEURONS_FOR_PAIRS, spikes.n_neurons)
    subset = np.sort(generator.choice(spikes.n_neurons, size, replace=False))
    lengths = np.diff(edges).astype(np.float64)
    counts = np.empty((len(lengths), spikes.n_neurons))
    pairs = np.empty((len(lengths), size, size), dtype=np.float32)
    for block, (start, stop) in enumerate(pairwise(edges)):
        part = spikes.select_frames(slice(start, stop))
        counts[block] = part.neuron_counts
        dense = part.select_neurons(subset).dense().astype(np.float32)
        pairs[block] = dense.T @ dense
    discrepancy = np.empty(len(choices))
    for k, choice in enumerate(choices):
        test = np.isin(np.arange(len(lengths)), choice)
        means, covariances = [], []
        for chosen in (test, ~test):
            n_frames = lengths[chosen].sum()
            mean = counts[chosen].sum(axis=0) / n_frames
            means.append(mean)
            covariances.append(
                pairs[chosen].sum(axis=0) / n_frames - np.outer(mean[subset], mean[subset])
            )
        discrepancy[k] = _rms(means[0] - means[1]) * _rms(covariances[0] - covariances[1])
    return discrepancy


def _rms(values: NDArray[np.floating]) -> float:
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))
