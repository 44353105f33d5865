"""Clamping identities, by enumeration: the clamped models are the model given the event."""

import numpy as np
import pytest

from napari_crbm.model import DReLU
from napari_crbm.model.rbm import RBM
from napari_crbm.perturbation import Recorded, drive, hold, silence
from napari_crbm.spikes import Spikes
from tests.conftest import all_patterns, random_model
from tests.perturbation.exact import given, held_by_quadrature, mean_activity, probabilities

N = 7
PATTERNS = all_patterns(N)
STATES = Spikes.from_dense(PATTERNS)


@pytest.fixture(params=[0, 1, 2])
def recorded(request):
    model = random_model(N, 3, request.param)
    frames = np.random.default_rng(request.param).random((200, N)) < 0.4
    return Recorded(model, Spikes.from_dense(frames))


def by_weights(recorded, asked):
    """P(v | event) from all states, reweighted."""
    logs = asked.log_weights(recorded, STATES, recorded.rbm.inputs_h_from_v(STATES))
    return given(recorded.rbm, np.exp(logs))


def test_silence_is_the_model_without_the_neurons(recorded):
    group = [1, 4]
    asked = silence(group)
    exact = given(recorded.rbm, (PATTERNS[:, group] == 0).all(axis=1))
    np.testing.assert_allclose(probabilities(asked.clamped(recorded)), exact, atol=1e-7)
    np.testing.assert_allclose(by_weights(recorded, asked), exact, atol=1e-12)
    rest = np.setdiff1d(np.arange(N), group)
    rbm = recorded.rbm
    without = RBM.from_parameters(rbm.weights[rest], rbm.fields[rest], rbm.hidden)
    alone = mean_activity(without, probabilities(without))
    np.testing.assert_allclose(mean_activity(rbm, exact)[rest], alone, atol=1e-6)


def test_all_on_shifts_the_inputs_of_the_other_neurons(recorded):
    group = np.array([0, 2, 5])
    asked = drive(group, level=3)
    exact = given(recorded.rbm, PATTERNS[:, group].all(axis=1))
    np.testing.assert_allclose(probabilities(asked.clamped(recorded)), exact, atol=1e-7)
    rest = np.setdiff1d(np.arange(N), group)
    rbm, u = recorded.rbm, recorded.rbm.hidden
    shift = rbm.weights[group].sum(axis=0).astype(float)
    shifted = DReLU(u.gamma_plus, u.gamma_minus, u.theta_plus - shift, u.theta_minus + shift)
    others = RBM.from_parameters(rbm.weights[rest], rbm.fields[rest], shifted)
    alone = mean_activity(others, probabilities(others))
    np.testing.assert_allclose(mean_activity(rbm, exact)[rest], alone, atol=1e-6)


@pytest.mark.parametrize("level", [1, 2, 3])
@pytest.mark.parametrize("push", [0.0, 0.7, 3.0])
def test_a_pushed_group_is_counted_back_to_its_level(recorded, level, push):
    group = [1, 3, 4, 6]
    asked = drive(group, level=level)
    exact = given(recorded.rbm, PATTERNS[:, group].sum(axis=1) >= level)
    np.testing.assert_allclose(by_weights(recorded, asked), exact, atol=1e-12)
    pushed = probabilities(asked.clamped(recorded, push))
    counted = pushed * np.exp(asked.pushed_log_weights(STATES, push))
    np.testing.assert_allclose(counted / counted.sum(), exact, atol=1e-6)


@pytest.mark.parametrize("value", [-1.5, 0.0, 2.0])
def test_a_held_unit_becomes_a_field(recorded, value):
    asked = hold(1, value)
    exact = held_by_quadrature(recorded.model, 1, value)
    np.testing.assert_allclose(by_weights(recorded, asked), exact, atol=1e-6)
    np.testing.assert_allclose(probabilities(asked.clamped(recorded)), exact, atol=1e-6)


def test_a_small_push_acts_by_the_covariance(recorded):
    """d<v_i> / dg_j = Cov(v_i, v_j): a model says of a push what it says of co-activity."""
    rbm, neuron, step = recorded.rbm, 2, 1e-2
    p = probabilities(rbm)
    mean = p @ PATTERNS
    covariance = (p * PATTERNS[:, neuron]) @ PATTERNS - mean * mean[neuron]
    pushed = [
        mean_activity(rbm, probabilities(drive([neuron, 0], 1).clamped(recorded, sign * step)))
        for sign in (1, -1)
    ]
    both = covariance + (p * PATTERNS[:, 0]) @ PATTERNS - mean * mean[0]
    np.testing.assert_allclose((pushed[0] - pushed[1]) / (2 * step), both, atol=2e-5)


def test_one_neuron_says_what_a_regression_on_the_states_says(recorded):
    """P(i | j on) - P(i | j off) = C_ij / (p_j (1 - p_j))."""
    rbm, j = recorded.rbm, 4
    p = probabilities(rbm)
    mean = p @ PATTERNS
    covariance = (p * PATTERNS[:, j]) @ PATTERNS - mean * mean[j]
    on = by_weights(recorded, drive([j], 1)) @ PATTERNS
    off = by_weights(recorded, silence([j])) @ PATTERNS
    np.testing.assert_allclose(on - off, covariance / (mean[j] * (1 - mean[j])), atol=1e-9)
