"""Autocorrelation times against a process whose time is known; samples that say their worth."""

import numpy as np
import pytest

from napari_crbm.errors import ModelError
from napari_crbm.model import draw
from napari_crbm.model.sampling.draw import MAX_R_HAT, integrated_autocorrelation, nested_r_hat
from napari_crbm.model.sampling.switching import EVERY
from napari_crbm.spikes import Spikes
from tests.conftest import random_model
from tests.model.sampling.bistable import bistable
from tests.model.sampling.test_chains import N, chi_square, pattern_probability


@pytest.mark.parametrize("memory", [0.0, 0.5, 0.9])
def test_time_of_an_autoregressive_process(memory):
    rng = np.random.default_rng(0)
    series = np.zeros((1500, 40, 1))
    series[0] = rng.normal(size=(40, 1))
    for t in range(1, 1500):
        noise = np.sqrt(1 - memory**2) * rng.normal(size=(40, 1))
        series[t] = memory * series[t - 1] + noise
    expected = (1 + memory) / (1 - memory)
    assert integrated_autocorrelation(series)[0] == pytest.approx(expected, rel=0.1)


def test_chains_that_stay_apart_are_correlated_for_ever():
    rng = np.random.default_rng(1)
    series = rng.normal(size=(100, 20, 1)) * 0.1 + rng.normal(size=(20, 1))
    assert integrated_autocorrelation(series)[0] > 30


def test_a_constant_has_no_memory():
    assert integrated_autocorrelation(np.full((64, 5, 2), 3.0)).tolist() == [1.0, 1.0]


def test_samples_follow_the_model_and_are_called_good():
    model = random_model(N, 2)
    samples = draw(model, 20_000, n_chains=1000)
    assert samples.settled and samples.warning is None
    assert samples.effective_size > 10_000
    drawn = samples.spikes.dense().astype(int)
    assert chi_square(drawn, pattern_probability(model)) > 1e-4


def test_chains_that_remember_their_initial_states_are_told_and_switches_help():
    model = bistable()
    both = Spikes.from_dense(np.repeat([[0], [1]], model.n_neurons, axis=1))
    slow = draw(model, 400, start=both, as_published=True)
    assert not slow.settled and "mix slowly" in slow.warning
    quick = draw(model, 3000, start=both)
    assert quick.settled
    on = quick.spikes.dense().mean(axis=1) > 0.5
    assert abs(on.mean() - 0.5) < 0.1
    assert np.max(quick.autocorrelation_steps) < np.max(slow.autocorrelation_steps)


def test_the_papers_way_starts_in_recorded_frames_and_keeps_to_its_steps():
    model = bistable()
    silent = Spikes.from_dense(np.zeros((3, model.n_neurons)))
    drawn = draw(model, 400, n_chains=200, start=silent, as_published=True)
    assert (drawn.burn_in, drawn.thin) == (2000, 20)
    # Gibbs steps hardly ever leave a state of this model.
    assert (drawn.spikes.frame_counts > model.n_neurons / 2).mean() < 0.05
    with pytest.raises(ModelError, match="recorded frames"):
        draw(model, 40, as_published=True)


@pytest.mark.parametrize("alike", [0.0, 0.2, 0.5])
def test_nested_r_hat_measures_how_alike_chains_of_one_initial_state_are(alike):
    """With the share ``alike`` of the variance between groups, R-hat is (1 - alike) ** -0.5."""
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(400, 200))[np.arange(4000) % 400]
    values = np.sqrt(alike) * shared + np.sqrt(1 - alike) * rng.normal(size=(4000, 200))
    found = nested_r_hat(values, 400)
    assert found.mean() == pytest.approx((1 - alike) ** -0.5, abs=0.02)


def test_nested_r_hat_of_independent_chains_stays_below_its_limit():
    rng = np.random.default_rng(1)
    for n_chains in (150, 300, 307):
        assert nested_r_hat(rng.normal(size=(n_chains, 200)), n_chains // 10).max() < MAX_R_HAT


def test_nested_r_hat_of_a_constant_is_one():
    assert nested_r_hat(np.full((150, 1), 0.7), 15).tolist() == [1.0]


def test_few_independent_frames_are_told():
    samples = draw(random_model(N, 2), 60, n_chains=10)
    assert "worth about" in samples.warning


def test_samples_are_reproducible():
    model = random_model(N, 2)
    first, again = (draw(model, 500, n_chains=50, random_state=3).spikes for _ in range(2))
    assert first == again


@pytest.mark.parametrize("value", [0.0, 0.1, 1.7, -300.3])
def test_a_constant_up_to_float32_rounding_has_no_memory(value):
    """Inputs are updated step by step in float32, so that a constant one drifts a little."""
    rng = np.random.default_rng(2)
    series = np.full((400, 60, 2), value, dtype=np.float32)
    drift = np.cumsum(rng.choice([-1, 0, 1], size=(400, 60)), axis=0) % 3
    series[..., 0] += (drift * np.spacing(np.float32(value))).astype(np.float32)
    series[..., 1] = rng.normal(4000, 50, (400, 60))
    times = integrated_autocorrelation(series)
    assert times[0] == 1.0 and times[1] < 1.5


def test_small_but_real_changes_beside_large_numbers_count():
    rng = np.random.default_rng(3)
    slow = 1e-3 * rng.normal(size=(60, 1))
    series = np.zeros((200, 60, 2), dtype=np.float32)
    series[..., 0] = slow[:, 0]
    series[..., 1] = rng.normal(4000, 50, (200, 60))
    assert integrated_autocorrelation(series)[0] > 30


@pytest.mark.parametrize(
    ("autocorrelation", "n_samples", "thin"),
    [(10, 5000, 10), (40, 5000, 20), (100, 5000, 40), (100, 1000, 100), (600, 5000, 100)],
)
def test_samples_of_slow_chains_are_farther_apart(monkeypatch, autocorrelation, n_samples, thin):
    """As far as samples need that are worth 2,000 independent frames, and 100 steps at most."""
    monkeypatch.setattr(
        "napari_crbm.model.sampling.draw.integrated_autocorrelation",
        lambda series: np.full(series.shape[2], autocorrelation / EVERY),
    )
    samples = draw(random_model(N, 2), n_samples)
    assert samples.thin == thin
    worth = max(300, n_samples * min(1, thin / autocorrelation))
    assert samples.effective_size == pytest.approx(worth)
