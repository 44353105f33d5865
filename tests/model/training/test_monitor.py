"""Statistics of a running training."""

import numpy as np
import pytest

from napari_crbm.errors import ModelError
from napari_crbm.model import Settings, Training
from napari_crbm.model.compute.bits import bits_from_dense
from napari_crbm.model.training.monitor import Monitor, strong_members
from tests.conftest import planted_raster


def halves(seed=0):
    spikes, _ = planted_raster(n_frames=3000, seed=seed)
    return spikes.select_frames(slice(0, 1500)), spikes.select_frames(slice(1500, 3000))


def monitored(activity: np.ndarray) -> dict[str, float]:
    train, test = halves()
    monitor = Monitor(train, test, np.arange(0, 300, 5))
    for start in range(0, len(activity), 500):
        chains = activity[start : start + 500]
        monitor.record(bits_from_dense(chains), len(chains), np.zeros((len(chains), 1)))
    return monitor.report()


def test_chains_like_the_recording_are_told_from_independent_ones():
    recorded = halves(seed=0)[0].dense()
    like = monitored(recorded)
    assert abs(like["nrmse_mean_v"]) < 1e-9 and abs(like["nrmse_cov_vv"]) < 1e-9
    rng = np.random.default_rng(0)
    alone = monitored(rng.random(recorded.shape) < recorded.mean(axis=0))
    assert alone["nrmse_cov_vv"] > 0.8 and alone["nrmse_mean_v"] < 0.3


def test_memory_of_chains():
    rng = np.random.default_rng(1)
    train, test = halves()
    bits = bits_from_dense(train.dense(slice(0, 100)))
    hidden = rng.normal(size=(100, 50))
    for move, expected in ((0.0, 1.0), (1.0, 0.0)):
        monitor = Monitor(train, test, np.arange(10))
        monitor.record(bits, 100, hidden)
        other = rng.normal(size=hidden.shape)
        monitor.record(bits, 100, (1 - move) * hidden + move * other)
        assert monitor.report()["chain_memory"] == pytest.approx(expected, abs=0.1)


def test_a_report_resets_the_statistics():
    train, test = halves()
    monitor = Monitor(train, test, np.arange(10))
    monitor.record(bits_from_dense(train.dense(slice(0, 64))), 64, np.zeros((64, 1)))
    assert np.isfinite(monitor.report()["nrmse_mean_v"])
    assert all(np.isnan(value) for value in monitor.report().values())


def test_strong_members_are_strong():
    weights = np.zeros((5000, 3), np.float32)
    weights[:1500, 0] = 1.0
    chosen = strong_members(weights)
    assert len(chosen) == 128 and (chosen < 1500).all()
    assert len(strong_members(weights[:40])) == 40


def test_history_of_a_training_shows_the_statistics_getting_better(planted):
    training = Training(planted[0], Settings(n_hidden=6, n_updates=600))
    for _ in training:
        pass
    history = training.model().history_
    for name in ("nrmse_mean_v", "nrmse_cov_vv", "chain_memory", "gradient_rms"):
        assert np.isfinite(history[name][2:]).all(), name
    assert np.median(history["nrmse_cov_vv"][-10:]) < 0.5
    assert (history["chain_memory"][2:] < 1).all()


def test_a_plateau_slows_down_and_ends_a_training(planted):
    settings = Settings(n_hidden=6, n_updates=3000, n_chains=100, patience=4, decay_after=0.99)
    training = Training(planted[0], settings)
    for _ in training:
        pass
    assert training.update < 3000
    rates = training.model().history_["learning_rate"]
    assert max(rates) == settings.learning_rate and rates[-1] < 0.1 * max(rates)
    kept, best = training.model(), training.best_model()
    np.testing.assert_array_equal(kept.weights_, best.weights_)
    scores = kept.history_["validation_pseudo_likelihood"]
    assert scores.max() > scores[-1] or scores.argmax() == len(scores) - 1
    with pytest.raises(ModelError, match="patience"):
        Settings(patience=-1)
