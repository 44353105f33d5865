"""Couplings against their definition: enumerated probabilities, finite differences."""

import numpy as np
import pytest
from scipy.special import logsumexp

from napari_crbm.connectome import (
    coupling_factors,
    effective_couplings,
    group_couplings,
    hidden_response,
    perturbed_couplings,
)
from napari_crbm.errors import ModelError
from napari_crbm.model import CRBM, DReLU
from napari_crbm.spikes import Spikes
from tests.conftest import all_patterns, random_model

N = 6


@pytest.fixture(scope="module")
def frames() -> Spikes:
    return Spikes.from_dense(np.random.default_rng(1).random((40, N)) < 0.4)


def conditional_log(log_p: np.ndarray, pattern: np.ndarray, i: int, value: int) -> float:
    """log P(v_i = value | all other neurons of the pattern), from the joint probabilities."""
    states = np.tile(pattern, (2, 1))
    states[:, i] = [0, 1]
    codes = states @ (1 << np.arange(N))
    return float(log_p[codes[value]] - logsumexp(log_p[codes]))


def test_couplings_are_the_definition_evaluated_with_both_conditional_distributions(frames):
    model = random_model(N, 3, seed=4)
    log_p = model.log_probability_unnormalised(Spikes.from_dense(all_patterns(N)))
    expected = np.zeros((N, N))
    for i in range(N):
        for j in range(N):
            if i == j:
                continue
            for pattern in frames.dense().astype(int):
                on, off = pattern.copy(), pattern.copy()
                on[j], off[j] = 1, 0
                expected[i, j] += (
                    conditional_log(log_p, on, i, 1)
                    - conditional_log(log_p, off, i, 1)
                    - conditional_log(log_p, on, i, 0)
                    + conditional_log(log_p, off, i, 0)
                )
    expected /= frames.n_frames
    found = np.array([perturbed_couplings(model, frames, i) for i in range(N)])
    np.testing.assert_allclose(found, expected, atol=2e-5)
    np.testing.assert_allclose(found, found.T, atol=1e-6)


def test_neurons_without_a_common_unit_are_not_coupled(frames):
    model = random_model(N, 2, seed=2)
    model.weights_[:3, 0] = 0
    model.weights_[3:, 1] = 0
    assert not perturbed_couplings(model, frames, 0)[3:].any()
    factors = coupling_factors(model.weights_, hidden_response(model, frames))
    assert not effective_couplings(factors, 0)[3:].any()
    assert perturbed_couplings(model, frames, 0, [1, 2]).all()


def test_approximation_is_the_gradient_of_the_log_odds(frames):
    """d log-odds(v_i) / d v_j by central differences of E[h | I] in continuous v."""
    model = random_model(N, 3, seed=5)
    found = effective_couplings(
        coupling_factors(model.weights_, hidden_response(model, frames)), range(N)
    )
    weights = model.weights_.astype(np.float64)
    v = frames.dense().astype(np.float64)
    step = 1e-4
    for j in range(N):
        up, down = v @ weights + step * weights[j], v @ weights - step * weights[j]
        # The log-odds of a small push on v_i move with w_i . E[h | I].
        mean_up, mean_down = (model.hidden_.moments(x).mean for x in (up, down))
        gradient = ((mean_up - mean_down) @ weights.T / (2 * step)).mean(axis=0)
        gradient[j] = 0
        np.testing.assert_allclose(found[j], gradient, rtol=1e-3, atol=1e-5)


def test_approximation_is_exact_for_gaussian_units(frames):
    model = random_model(N, 2, seed=3)
    flat = DReLU(np.full(2, 1.5), np.full(2, 1.5), np.zeros(2), np.zeros(2))
    model = CRBM.from_parameters(model.weights_, model.fields_, flat)
    factors = coupling_factors(model.weights_, hidden_response(model, frames))
    for i in range(N):
        np.testing.assert_allclose(
            effective_couplings(factors, i), perturbed_couplings(model, frames, i), atol=1e-5
        )


def test_approximation_converges_as_weights_shrink(frames):
    errors = []
    for scale in (0.4, 0.1):
        model = random_model(N, 3, seed=6, scale=scale)
        factors = coupling_factors(model.weights_, hidden_response(model, frames))
        exact = perturbed_couplings(model, frames, 0)
        difference = effective_couplings(factors, 0) - exact
        errors.append(np.abs(difference).max() / np.abs(exact).max())
    assert errors[1] < errors[0] / 2


def test_unknown_neurons_are_refused(frames):
    model = random_model(N, 2)
    with pytest.raises(ModelError, match="no neuron 6"):
        effective_couplings(coupling_factors(model.weights_, np.ones(2)), 6)
    with pytest.raises(ModelError, match="no neuron -1"):
        perturbed_couplings(model, frames, -1)


def test_a_groups_couplings_are_the_mean_over_its_neurons(frames):
    model = random_model(N, 3, seed=7)
    factors = coupling_factors(model.weights_, hidden_response(model, frames))
    matrix = effective_couplings(factors, range(N))
    group = [1, 2, 4]
    found = group_couplings(factors, group)
    for neuron in range(N):
        others = [k for k in group if k != neuron]
        assert found[neuron] == pytest.approx(matrix[neuron, others].mean(), abs=1e-6)
    np.testing.assert_allclose(
        group_couplings(factors, [3]), effective_couplings(factors, 3), atol=1e-6
    )
    with pytest.raises(ModelError, match="no neurons"):
        group_couplings(factors, [])
