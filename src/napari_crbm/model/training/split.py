"""Split a recording into blocks of time for training, validation and test.

Neighbouring frames are correlated, so that frames held out at random would be no independent
test. The recording is divided into blocks of time instead, some of which are held out. Between
frames of different parts lies a gap at least as long as the activity of single neurons lasts;
frames in the gap belong to no part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_crbm.autocorrelation import autocorrelation_frames
from napari_crbm.errors import ModelError, SettingError
from napari_crbm.model.training.settings import Settings
from napari_crbm.spikes import Spikes

#: Blocks of time into which a recording is divided; the paper's number.
N_BLOCKS = 10
# Segments shorter than this share of a block are kept whole; several of them make one block.
_SHORT = 0.5
# Pairwise statistics are only compared, so that a random subset of neurons suffices.
_NEURONS_FOR_PAIRS = 400
_PERCENTILE = 10
# Choices of test blocks that are compared at most; ten blocks have 120.
_MOST_CHOICES = 1000

_GAP, _TRAIN, _TEST, _VALIDATION = -1, 0, 1, 2

#: Stretches of continuous recording, as (first frame, frame after the last).
Segments = Sequence[tuple[int, int]]


@dataclass(frozen=True, eq=False)
class Split:
    """Frames of a recording by their use in a training, in time order; others are in a gap.

    Parameters
    ----------
    train : (T,) int64
    test : (T',) int64
        Never seen by the training; the model is judged on them.
    validation : (T'',) int64
        Not trained on either; they decide when a training with `Settings.patience` ends.
    """

    train: NDArray[np.int64]
    test: NDArray[np.int64]
    validation: NDArray[np.int64]

    @classmethod
    def stored(cls, frames: Mapping[str, NDArray[np.int64]]) -> Split:
        """Return the split that `frames` describes; older ones have no validation frames."""
        empty = np.empty(0, dtype=np.int64)
        return cls(frames["train"], frames["test"], frames.get("validation", empty))

    def frames(self) -> dict[str, NDArray[np.int64]]:
        """Return the frames by the names of their parts, for models and checkpoints."""
        parts = {"train": self.train, "test": self.test}
        return parts | ({"validation": self.validation} if len(self.validation) else {})

    def of(self, spikes: Spikes) -> dict[str, Spikes]:
        """Return the activity in each part that has frames, by the names of `frames`."""
        some = {name: part for name, part in self.frames().items() if len(part)}
        return {name: spikes.select_frames(part) for name, part in some.items()}


def split_blocks(
    spikes: Spikes,
    n_test: int = 3,
    *,
    choice: str = "spread",
    validate: bool = False,
    segments: Segments | None = None,
    random_state: int = 0,
) -> Split:
    """Divide the frames into training, validation and test blocks, with gaps between them.

    Parameters
    ----------
    spikes : Spikes
    n_test : int
        Number of blocks to hold out, of about `N_BLOCKS` (0 for none).
    choice : {"spread", "alike"}
        "spread" holds out blocks at equal distances, the last one at the end of the
        recording, whatever the activity: a drift makes them differ from the training frames.
        "alike" is the paper's choice: for every choice of blocks the root mean square
        differences between training and test of the mean activities and of the covariances
        are multiplied, and the choice at the 10th percentile is taken.
    validate : bool
        Whether to take one block from the middle of the others as validation frames.
    segments : sequence of (int, int), optional
        Stretches of continuous recording; blocks do not cross their borders. One by default.
    random_state : int
        Seed of the neurons whose covariances "alike" compares.

    Returns
    -------
    Split

    Raises
    ------
    ModelError
        If so many blocks cannot be held out, or there are fewer than two frames a block.
    """
    if not n_test and not validate:
        empty = np.empty(0, dtype=np.int64)
        return Split(np.arange(spikes.n_frames), empty, empty)
    if not 0 <= n_test < N_BLOCKS - validate:
        raise ModelError(f"Cannot hold out {n_test + validate} of {N_BLOCKS} blocks of time.")
    if spikes.n_frames < 2 * N_BLOCKS:
        raise SettingError(
            f"The recording has {spikes.n_frames} frames, too few to hold out {n_test + validate} "
            f"of {N_BLOCKS} blocks of time. Train on all frames instead ({{n_test_blocks:0}})."
        )
    edges = block_edges(spikes.n_frames, N_BLOCKS, segments)
    n_blocks = len(edges) - 1
    part = np.zeros(n_blocks, dtype=np.int8)
    if n_test:
        some = min(max(round(n_test * n_blocks / N_BLOCKS), 1), n_blocks - 1 - validate)
        choose = _alike if choice == "alike" else _spread
        part[choose(spikes, edges, some, random_state)] = _TEST
    if validate:
        others = np.flatnonzero(part == _TRAIN)
        part[others[len(others) // 2]] = _VALIDATION
    frames = apart(np.repeat(part, np.diff(edges)), autocorrelation_frames(spikes))
    return Split(*(np.flatnonzero(frames == which) for which in (_TRAIN, _TEST, _VALIDATION)))


def split_for(
    spikes: Spikes,
    settings: Settings,
    segments: Segments | None = None,
    resume: Mapping[str, Any] | None = None,
) -> Split:
    """Return the split of a training: that of the checkpoint it continues, or a new one.

    Raises
    ------
    ModelError
        As `split_blocks`.
    """
    if resume is not None:
        return Split.stored(resume["split"])
    return split_blocks(
        spikes,
        settings.n_test_blocks,
        choice=settings.test_choice,
        validate=settings.patience > 0,
        segments=segments,
        random_state=settings.random_state,
    )


def block_edges(
    n_frames: int, n_blocks: int, segments: Segments | None = None
) -> NDArray[np.int64]:
    """Divide a recording into about ``n_blocks`` blocks of equal length.

    Parameters
    ----------
    n_frames, n_blocks : int
    segments : sequence of (int, int), optional
        Stretches of continuous recording that cover it. A long one is divided into blocks of
        its own; short neighbours, of less than half a block each, make one block.

    Returns
    -------
    (B + 1,) int64
        Block b holds the frames ``edges[b]`` to ``edges[b + 1] - 1``.
    """
    length = n_frames / n_blocks
    edges = [0]
    gathered = 0
    for start, stop in segments or [(0, n_frames)]:
        size = stop - start
        if size < _SHORT * length:
            gathered += size
            if gathered >= length:
                edges.append(stop)
                gathered = 0
            continue
        if gathered:
            edges.append(start)
            gathered = 0
        parts = max(round(size / length), 1)
        edges += (start + np.arange(1, parts + 1) * size // parts).tolist()
    if gathered:
        edges.append(n_frames)
    return np.array(edges, dtype=np.int64)


def apart(parts: NDArray[np.integer], gap: int) -> NDArray[np.int64]:
    """Put a gap between neighbouring frames of different parts.

    Parameters
    ----------
    parts : (T,) int
        Part of every frame; -1 for frames that belong to none.
    gap : int
        Frames to take out at each border, half of them on either side.

    Returns
    -------
    (T,) int64
        The parts, and -1 for frames in a gap.
    """
    out = np.array(parts, dtype=np.int64)
    borders = (parts[1:] != parts[:-1]) & (parts[1:] != _GAP) & (parts[:-1] != _GAP)
    for border in (np.flatnonzero(borders) + 1).tolist():
        out[max(border - gap // 2, 0) : border + gap - gap // 2] = _GAP
    return out


def _spread(
    spikes: Spikes, edges: NDArray[np.int64], n_test: int, random_state: int
) -> NDArray[np.int64]:
    """Choose blocks at equal distances, the last one at the end."""
    del spikes, random_state
    n_blocks = len(edges) - 1
    return -(-np.arange(1, n_test + 1) * n_blocks // n_test) - 1


def _alike(
    spikes: Spikes, edges: NDArray[np.int64], n_test: int, random_state: int
) -> NDArray[np.int64]:
    """Choose blocks whose activity is like that of the others (paper, "Train/test data split")."""
    n_blocks = len(edges) - 1
    choices = list(combinations(range(n_blocks), n_test))
    if len(choices) > _MOST_CHOICES:
        choices = choices[:: -(-len(choices) // _MOST_CHOICES)]
    discrepancy = _discrepancies(spikes, edges, choices, random_state)
    target = np.percentile(discrepancy, _PERCENTILE)
    return np.array(choices[int(np.argmin(np.abs(discrepancy - target)))])


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
