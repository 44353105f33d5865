"""The explained share is unbiased by noise on either side: exact models, many seeds."""

import itertools

import numpy as np
import pytest

from napari_crbm.analysis.statistics.block_sums import BlockSums
from napari_crbm.analysis.statistics.explained import explained_share
from napari_crbm.spikes import Spikes

N = 10
STATES = (np.arange(2**N)[:, None] >> np.arange(N)) & 1


def distribution(on: float) -> np.ndarray:
    """Exact probability of each of the 2^N states of two assemblies that share two neurons."""
    p = np.zeros(2**N)
    for first, second in itertools.product((0, 1), repeat=2):
        chance = np.full(N, 0.1)
        chance[:6] += first * on
        chance[4:] += second * on
        weight = (0.3 if first else 0.7) * (0.3 if second else 0.7)
        p += weight * np.where(STATES, np.minimum(chance, 0.95), 1 - np.minimum(chance, 0.95)).prod(
            axis=1
        )
    return p / p.sum()


TRUTH, MODEL = distribution(0.4), distribution(0.3)


def covariances(p: np.ndarray) -> np.ndarray:
    mean = p @ STATES
    return ((STATES.T * p) @ STATES - np.outer(mean, mean))[np.triu_indices(N, 1)]


def drawn(p: np.ndarray, seed: int, n_frames: int, n_blocks: int = 8) -> BlockSums:
    """Draw independent frames, in blocks."""
    states = np.random.default_rng(seed).choice(2**N, n_frames, p=p)
    spikes, hidden = Spikes.from_dense(STATES[states]), np.zeros((n_frames, 1))
    blocks = np.array_split(np.arange(n_frames), n_blocks)
    return BlockSums.of(spikes, np.arange(N), hidden, blocks)


def of_pairs(moments):
    return moments.cov_vv


def test_the_share_is_unbiased_where_a_naive_one_is_not():
    right = (
        1 - ((covariances(MODEL) - covariances(TRUTH)) ** 2).sum() / (covariances(TRUTH) ** 2).sum()
    )
    found, naive, errors, holds = [], [], [], []
    for seed in range(150):
        model, test = drawn(MODEL, 3 * seed, 400), drawn(TRUTH, 3 * seed + 1, 600)
        each = explained_share(of_pairs, model, drawn(TRUTH, 3 * seed + 2, 600), test)
        m, c = (of_pairs(part.moments()) for part in (model, test))
        found.append(each.share)
        naive.append(1 - ((m - c) ** 2).sum() / (c**2).sum())
        errors.append(each.error)
        holds.append(each.low <= right <= each.high)
    noise = np.std(found) / np.sqrt(len(found))
    assert abs(np.mean(found) - right) < 3 * noise and noise < 0.02
    assert np.mean(naive) < right - 5 * noise
    assert 0.8 < np.mean(errors) / np.std(found) < 1.3
    assert 0.9 <= np.mean(holds) <= 0.99


def test_one_is_the_truth_itself_and_zero_are_independent_neurons():
    mean = TRUTH @ STATES
    free = np.where(STATES, mean, 1 - mean).prod(axis=1)
    test, train = drawn(TRUTH, 1, 40_000), drawn(TRUTH, 2, 40_000)
    own = explained_share(of_pairs, drawn(TRUTH, 3, 40_000), train, test)
    none = explained_share(of_pairs, drawn(free, 4, 40_000), train, test)
    assert own.share == pytest.approx(1, abs=0.02) and own.low < 1 < own.high
    assert own.train_share == pytest.approx(1, abs=0.02)
    assert none.share == pytest.approx(0, abs=0.02) and none.low < 0 < none.high


def test_a_reference_is_the_new_zero():
    """If independent neurons have covariances of their own, these explain nothing."""
    test, train = drawn(TRUTH, 1, 40_000), drawn(TRUTH, 2, 40_000)
    model, reference = drawn(MODEL, 3, 40_000), drawn(MODEL, 4, 40_000)
    as_zero = explained_share(of_pairs, model, train, test, reference=reference)
    assert as_zero.share == pytest.approx(0, abs=0.1)
    assert explained_share(of_pairs, model, train, test).share > 0.5


def test_the_correction_of_the_model_is_applied_to_the_model_alone():
    test = drawn(TRUTH, 1, 4000)
    model = drawn(TRUTH, 2, 4000)
    plain = explained_share(of_pairs, model, model, test)
    moved = explained_share(of_pairs, model, model, test, of_model=lambda m: m.cov_vv + 0.1)
    assert plain.share == plain.train_share == moved.train_share
    assert moved.share < plain.share - 0.2


def test_what_does_not_come_back_has_no_share_but_a_reason():
    mean = TRUTH @ STATES
    free = np.where(STATES, mean, 1 - mean).prod(axis=1)
    nothing = explained_share(
        of_pairs, drawn(MODEL, 1, 400), drawn(free, 2, 400), drawn(free, 3, 400)
    )
    assert np.isnan(nothing.share) and "not clearly above noise" in nothing.reason
    short = explained_share(
        of_pairs, drawn(MODEL, 1, 400), drawn(TRUTH, 2, 400), drawn(TRUTH, 3, 400, 4)
    )
    assert np.isnan(short.share) and "4, and 6 are needed" in short.reason
    assert "nan" not in nothing.reason + short.reason
