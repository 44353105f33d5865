"""Blocks of time follow the measured autocorrelation and never span a gap."""

from itertools import pairwise

import numpy as np
import pytest

from napari_crbm.analysis.statistics.time_blocks import chain_groups, correlation_times, cut


def courses(memory: float, n_frames: int = 6000, n: int = 8) -> np.ndarray:
    rng = np.random.default_rng(0)
    out = rng.normal(size=(n_frames, n))
    for t in range(1, n_frames):
        out[t] = memory * out[t - 1] + np.sqrt(1 - memory**2) * out[t]
    return out


@pytest.mark.parametrize("memory", [0.0, 0.5, 0.8, 0.9])
def test_times_are_those_of_an_autoregressive_process(memory):
    integrated, lag = correlation_times(courses(memory), np.arange(6000))
    expected = (1 + memory) / (1 - memory)
    assert integrated == pytest.approx(expected, rel=0.25)
    first = 1 if memory == 0 else np.log(0.1) / np.log(memory)
    assert abs(lag - first) <= max(1, 0.3 * first)


def test_constant_courses_do_not_count():
    some = courses(0.8)
    constant = np.column_stack([some, np.full((6000, 20), 1.7)])
    assert correlation_times(constant, np.arange(6000)) == correlation_times(some, np.arange(6000))
    assert correlation_times(constant[:, 8:], np.arange(6000)) == (1.0, 0)


def test_missing_frames_are_no_autocorrelation():
    frames = np.flatnonzero(np.arange(6000) // 300 % 2 == 0)
    whole = correlation_times(courses(0.8), np.arange(6000))
    part = correlation_times(courses(0.8)[frames], frames)
    assert part[0] == pytest.approx(whole[0], rel=0.3)


def test_blocks_are_long_enough_apart_and_within_stretches():
    frames = np.concatenate([np.arange(100), np.arange(200, 290), np.arange(400, 405)])
    blocks = cut(frames, 20, gap=5)
    assert all(len(block) >= 20 for block in blocks[:-1]) and len(blocks) == 8
    for before, after in pairwise(blocks):
        assert frames[after[0]] - frames[before[-1]] > 5
        assert (np.diff(frames[before]) == 1).all()
    assert frames[blocks[-1]].tolist() == list(range(400, 405))
    assert np.concatenate(cut(frames, 20)).tolist() == list(range(195))


def test_long_recordings_have_longer_blocks():
    assert len(cut(np.arange(10_000), 3, most=30)) == 30
    assert len(cut(np.arange(10), 50)) == 1


def test_groups_hold_whole_chains_of_either_start():
    groups = chain_groups(1000, 40, 10)
    assert len(groups) == 10
    for group in groups:
        chains = set((group % 40).tolist())
        assert len(chains) == 4 and sum(chain % 2 for chain in chains) == 2
    assert sorted(np.concatenate(groups).tolist()) == list(range(1000))
    assert len(chain_groups(5, 2, 10)) == 1
