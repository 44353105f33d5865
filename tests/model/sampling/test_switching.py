"""Chains whose hidden units switch: right by enumeration, and faster between states."""

import numpy as np
import pytest

from napari_crbm.model import SwitchingChains
from napari_crbm.model.compute.bits import bits_from_dense, dense_from_bits
from napari_crbm.model.compute.threads import kernel_threads
from napari_crbm.model.sampling import switching
from tests.conftest import random_model
from tests.model.sampling.bistable import bistable
from tests.model.sampling.test_chains import chi_square, pattern_probability
from tests.model.units.gaussian import Gaussian

N, B = 6, 20_000


def started(model, n_chains=B):
    silent = bits_from_dense(np.zeros((n_chains, model.n_neurons), dtype=bool))
    return SwitchingChains(model, n_chains, silent)


def activity(chains: SwitchingChains, steps: int) -> np.ndarray:
    with kernel_threads():
        chains.advance(steps)
    return dense_from_bits(chains.bits, chains.n_chains).astype(int)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_switching_chains_follow_the_model(seed):
    model = random_model(N, 3, seed=seed)
    chains = started(model)
    drawn = activity(chains, 40)
    assert chi_square(drawn, pattern_probability(model)) > 1e-3
    np.testing.assert_allclose(chains.inputs, drawn @ model.weights_, atol=1e-5)
    assert (chains.accepted > 0.1).all()


def test_switches_alone_leave_the_distribution_as_it_is(monkeypatch):
    """From exact states, many switches in a row stay exact, also with other proposals."""
    model = random_model(N, 2, seed=4)
    generator = np.random.default_rng(0)
    states = generator.choice(2**N, size=B, p=pattern_probability(model))
    patterns = (states[:, None] >> np.arange(N)) & 1
    monkeypatch.setattr(switching, "_FLATTER", 0.2)
    chains = SwitchingChains(model, B, bits_from_dense(patterns.astype(bool)))
    with kernel_threads():
        for _ in range(12):
            chains._switch()
            chains.steps += 1
    drawn = dense_from_bits(chains.bits, B).astype(int)
    assert chi_square(drawn, pattern_probability(model)) > 1e-3


def test_a_wrong_acceptance_is_noticed(monkeypatch):
    """The two tests above can fail: without the density of the proposal, states are wrong."""
    model = random_model(N, 2, seed=4)
    chains = started(model)
    monkeypatch.setattr(chains, "_log_excess", lambda values: np.zeros(values.shape))
    monkeypatch.setattr(switching, "EVERY", 1)
    assert chi_square(activity(chains, 40), pattern_probability(model)) < 1e-3


def test_units_switch_where_gibbs_steps_do_not():
    model = bistable()
    on = activity(started(model, 400), 150).mean(axis=1) > 0.5
    assert abs(on.mean() - 0.5) < 0.12


def test_any_type_of_unit_can_switch():
    trained = random_model(N, 2)
    rbm = type(trained.rbm_).from_parameters(
        trained.weights_, trained.fields_, Gaussian(np.array([1.0, 2.0]), np.array([0.3, -0.2]))
    )
    chains = started(rbm)
    drawn = activity(chains, 40)
    patterns = ((np.arange(2**N)[:, None] >> np.arange(N)) & 1).astype(np.float32)
    inputs = patterns @ rbm.weights
    log_p = patterns @ rbm.fields + rbm.hidden.cumulant(inputs).sum(axis=1)
    assert chi_square(drawn, np.exp(log_p - np.logaddexp.reduce(log_p))) > 1e-3


def test_the_number_of_threads_changes_nothing():
    model = random_model(40, 3)
    found = []
    for n_threads in (1, 2):
        chains = started(model, 100)
        with kernel_threads(n_threads):
            chains.advance(23)
        found.append(chains.bits.copy())
    assert np.array_equal(*found)
