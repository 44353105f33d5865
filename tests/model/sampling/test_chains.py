"""Samplers against enumerated distributions, and proof that the tests can fail."""

import numpy as np
import pytest
from scipy import stats

from napari_crbm.model import CRBM
from napari_crbm.spikes import Spikes
from tests.conftest import all_patterns, random_model

N = 6


@pytest.fixture(scope="module")
def model() -> CRBM:
    return random_model(N, 2)


@pytest.fixture(scope="module")
def samples(model) -> np.ndarray:
    """Independent chains, one sample each: a chi-square test assumes independence."""
    return model.sample(20_000, n_chains=20_000, burn_in=40).dense()


def pattern_probability(model: CRBM) -> np.ndarray:
    log_p = model.log_probability_unnormalised(Spikes.from_dense(all_patterns(N)))
    return np.exp(log_p - np.logaddexp.reduce(log_p))


def chi_square(samples: np.ndarray, probability: np.ndarray) -> float:
    counts = np.bincount(samples @ (1 << np.arange(N)), minlength=2**N)
    return stats.chisquare(counts, probability * len(samples)).pvalue


def test_gibbs_samples_follow_the_enumerated_distribution(model, samples):
    assert chi_square(samples, pattern_probability(model)) > 1e-3


@pytest.mark.parametrize("part", ["weight", "field", "theta_minus", "gamma_plus"])
def test_a_slightly_different_model_is_told_apart(model, samples, part):
    weights, fields, hidden = model.weights_.copy(), model.fields_.copy(), model.hidden_
    if part == "weight":
        weights[0, 0] += 0.15
    elif part == "field":
        fields[2] += 0.15
    else:
        hidden = hidden._replace(**{part: getattr(hidden, part) + 0.4})
    other = CRBM.from_parameters(weights, fields, hidden)
    assert chi_square(samples, pattern_probability(other)) < 1e-3


def test_hidden_then_visible_sampling_leaves_the_distribution_alone(model):
    """One step of the public conditionals, from exact samples, stays exact."""
    generator = np.random.default_rng(0)
    exact = generator.choice(2**N, size=20_000, p=pattern_probability(model))
    start = Spikes.from_dense(all_patterns(N)[exact])
    after = model.sample_v_from_h(model.sample_h_from_v(start, random_state=1), random_state=2)
    assert chi_square(after.dense().astype(int), pattern_probability(model)) > 1e-3


def test_same_seed_same_samples(model):
    first, second, other = (
        model.sample(50, n_chains=10, burn_in=3, thin=2, random_state=seed) for seed in (1, 1, 2)
    )
    assert first == second
    assert first != other


def test_chains_can_start_from_recorded_frames(model):
    ones = Spikes.from_dense(np.ones((5, N)))
    assert model.sample(10, burn_in=0, start=ones).rate == 1


def test_sample_counts_need_not_divide(model):
    assert model.sample(25, n_chains=10, burn_in=1, thin=1).shape == (25, N)
