"""Components of covariance that a model does not have are counted, weak ones are not."""

import numpy as np
import pytest

from napari_crbm.analysis.statistics.block_sums import BlockSums, Halves
from napari_crbm.analysis.statistics.left_over import components_left_over
from napari_crbm.spikes import Spikes

N, SIZE = 80, 12
WEIGHTS = np.kron(np.eye(5), np.ones((SIZE, 1)))
WEIGHTS = np.vstack([WEIGHTS, np.zeros((N - 5 * SIZE, 5))])


def frames_of(seed: int, n_assemblies: int, on: float = 0.5, n_frames: int = 3000) -> BlockSums:
    """Independent frames of five disjoint groups of neurons, the first of them assemblies."""
    rng = np.random.default_rng(seed)
    chance = np.full((n_frames, N), 0.05)
    for k in range(5):
        # The others have the same mean activity, each neuron by itself.
        active = rng.random((n_frames, 1 if k < n_assemblies else SIZE)) < 0.15
        chance[:, SIZE * k : SIZE * (k + 1)] += on * active
    spikes = Spikes.from_dense(rng.random((n_frames, N)) < chance)
    blocks = np.array_split(np.arange(n_frames), 16)
    return BlockSums.of(spikes, np.arange(N), np.zeros((n_frames, 1)), blocks)


def left_over(
    model: BlockSums, seed: int, n_assemblies: int, n_units: int, n_frames: int = 1500
) -> int:
    """Compare samples of a model with a recording."""
    halves = Halves(model.select(slice(0, None, 2)), model.select(slice(1, None, 2)))
    train = frames_of(seed, n_assemblies, n_frames=n_frames)
    test = frames_of(seed + 1, n_assemblies, n_frames=600)
    return components_left_over(halves, train, test, WEIGHTS[:, :n_units], 600)


@pytest.mark.parametrize("missing", [0, 1, 3])
def test_missing_assemblies_are_counted(missing):
    assert left_over(frames_of(1, 5 - missing), 2, 5, 5 - missing) == missing


def test_assemblies_that_are_only_too_weak_are_not_missing():
    assert left_over(frames_of(1, 5, on=0.42), 2, 5, 5) == 0
    # Also if the model has less than half of their covariance.
    assert left_over(frames_of(1, 5, on=0.25), 2, 5, 5) == 0


def test_assemblies_that_are_not_in_the_recording_are_not_missing():
    assert left_over(frames_of(1, 5), 2, 3, 5) == 0


def test_independent_neurons_leave_nothing_over():
    found = [left_over(frames_of(3 * k, 0), 3 * k + 1, 0, 1) for k in range(10)]
    assert sum(found) == 0


def test_few_blocks_say_nothing():
    model, few = frames_of(1, 2), frames_of(3, 5).select(slice(0, 2))
    assert (
        components_left_over(Halves(model, model), frames_of(2, 5), few, WEIGHTS[:, :2], 600) == 0
    )


@pytest.mark.parametrize("lasts", [1, 5])
def test_missing_assemblies_that_are_rarely_on_are_counted(lasts):
    """Assemblies are on in 4 % of the frames, which differs much between ten blocks of 80."""
    rng = np.random.default_rng(lasts)

    def recorded(n_frames: int) -> BlockSums:
        on = np.repeat(rng.random((n_frames // lasts, 5)) < 0.04, lasts, axis=0)
        chance = 0.05 + 0.5 * (on @ WEIGHTS.T)
        spikes = Spikes.from_dense(rng.random((n_frames, N)) < chance)
        blocks = np.array_split(np.arange(n_frames), 10)
        return BlockSums.of(spikes, np.arange(N), np.zeros((n_frames, 1)), blocks)

    model = frames_of(1, 2, on=0.5)
    halves = Halves(model.select(slice(0, None, 2)), model.select(slice(1, None, 2)))
    train, test = recorded(2000), recorded(800)
    assert components_left_over(halves, train, test, WEIGHTS[:, :2], 800) == 3
