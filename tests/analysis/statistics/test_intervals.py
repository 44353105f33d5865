"""Intervals of the nRMSE against the spread over truly independent recordings."""

import numpy as np
import pytest

from napari_crbm.analysis import STATISTICS
from napari_crbm.analysis.statistics.block_sums import BlockSums, jackknife_variance
from napari_crbm.analysis.statistics.intervals import nrmse_intervals
from napari_crbm.analysis.statistics.moments import moments
from napari_crbm.analysis.statistics.registry import Side
from napari_crbm.analysis.statistics.time_blocks import block_frames, cut
from napari_crbm.nrmse import agreement
from napari_crbm.spikes import Spikes

N, M, DWELL = 40, 6, 8
MIXING = np.random.default_rng(0).normal(size=(M, N)) / 2
BASE = np.random.default_rng(1).uniform(-4, 0, N)
# Latent processes of different means that go together or apart.
SPREAD = np.random.default_rng(2).normal(size=(M, M))
CONNECTED, NO_SHIFT = np.ones((N, M), dtype=bool), np.zeros((N, M))
RESAMPLED = [name for name, each in STATISTICS.items() if each.from_moments]


def recording(seed, n_frames, blocks=None):
    """Slow latent processes that drive neurons, and the latents as hidden units."""
    rng = np.random.default_rng(seed)
    latent = np.repeat(rng.normal(size=(n_frames // DWELL, M)), DWELL, axis=0) @ SPREAD / 2
    raster = rng.random((n_frames, N)) < 1 / (1 + np.exp(-BASE - latent @ MIXING))
    hidden = latent + np.arange(M) - 2.5
    if blocks is None:
        blocks = cut(np.arange(n_frames), block_frames(n_frames, DWELL), most=16)
    return BlockSums.of(Spikes.from_dense(raster), np.arange(N), hidden, blocks)


def nrmse_of(parts):
    sides = [Side(part.moments(), CONNECTED, NO_SHIFT) for part in parts]
    return {name: agreement(*map(STATISTICS[name].values, sides)).nrmse for name in RESAMPLED}


def test_intervals_hold_the_right_value_in_repeated_recordings():
    model = recording(1, 16_000, np.array_split(np.arange(16_000), 4))
    values = {name: [] for name in RESAMPLED}
    reaches = {name: [] for name in RESAMPLED}
    for seed in range(25):
        parts = (model, recording(100 + seed, 800), recording(200 + seed, 800))
        found = nrmse_of(parts)
        intervals = nrmse_intervals(parts, CONNECTED, NO_SHIFT)
        for name in RESAMPLED:
            values[name].append(found[name])
            reaches[name].append(intervals[name].reach)
    for name in RESAMPLED:
        off = np.abs(np.array(values[name]) - np.mean(values[name]))
        assert np.mean(off <= reaches[name]) >= 0.85, name
        # Not by being far too wide.
        assert np.median(reaches[name]) < 4 * np.std(values[name]), name


def test_sums_over_blocks_give_the_moments_of_the_frames():
    rng = np.random.default_rng(0)
    raster, hidden = rng.random((90, 12)) < 0.3, rng.normal(size=(90, 3))
    blocks = cut(np.arange(90), 20)
    sums = BlockSums.of(Spikes.from_dense(raster), np.arange(12), hidden, blocks)
    kept = np.concatenate(blocks[1:])
    for got, frames in ((sums.moments(), np.arange(90)), (next(sums.leaving_one_out()), kept)):
        expected = moments(Spikes.from_dense(raster[frames]), hidden[frames])
        for name in ("mean_v", "mean_h", "mean_vh", "cov_vv", "cov_hh"):
            np.testing.assert_allclose(getattr(got, name), getattr(expected, name), atol=1e-6)


def test_the_jackknife_of_a_mean_is_its_variance():
    x = np.random.default_rng(0).normal(size=30)
    without = (x.sum() - x) / 29
    assert jackknife_variance(without) == pytest.approx(x.var(ddof=1) / 30)


def test_a_missing_interval_says_why():
    short = [recording(k, 800, np.array_split(np.arange(800), 4)) for k in range(3)]
    for each in nrmse_intervals(short, CONNECTED, NO_SHIFT).values():
        assert np.isnan(each.error) and "only 4 stretches of time" in each.reason
    rng = np.random.default_rng(0)
    noise = []
    # A model of many frames has no noise, so that it is closer than the training frames.
    for n_frames in (6000, 60, 60):
        spikes = Spikes.from_dense(rng.random((n_frames, N)) < 0.05)
        blocks = np.array_split(np.arange(n_frames), 10)
        hidden = rng.normal(size=(n_frames, M))
        noise.append(BlockSums.of(spikes, np.arange(N), hidden, blocks))
    found = nrmse_intervals(noise, CONNECTED, NO_SHIFT)
    assert np.isnan(found["cov_vv"].error) and "closer than chance" in found["cov_vv"].reason
    assert found["triplets"].reason
