"""Chains that exchange states: right by enumeration, and what they are for."""

import numpy as np
import pytest

from napari_crbm.errors import ModelError
from napari_crbm.model import ReplicaExchange
from napari_crbm.model.compute.bits import dense_from_bits
from napari_crbm.model.compute.threads import kernel_threads
from napari_crbm.spikes import Spikes
from tests.conftest import random_model
from tests.model.sampling.bistable import bistable
from tests.model.sampling.test_chains import chi_square, pattern_probability


def drawn(chains: ReplicaExchange, steps: int) -> np.ndarray:
    with kernel_threads():
        chains.advance(steps)
    return dense_from_bits(chains.bits, chains.n_chains).astype(int)


def test_exchanging_chains_follow_the_model():
    model = random_model(6, 2)
    chains = ReplicaExchange(model, 10_000, [0.3, 0.7, 1.0])
    activity = drawn(chains, 40)
    assert chi_square(activity, pattern_probability(model)) > 1e-3
    np.testing.assert_allclose(chains.inputs, activity @ model.weights_, atol=1e-5)
    assert ((chains.accepted > 0) & (chains.accepted < 1)).all()


def test_exchanges_leave_the_distribution_alone():
    """Chains at beta = 1 that exchange often but hardly move by themselves stay right."""
    model = random_model(6, 2, seed=4)
    chains = ReplicaExchange(model, 10_000, [0.5, 1.0])
    drawn(chains, 30)
    for _ in range(6):
        chains.calls += 2
        chains._exchange()
    activity = dense_from_bits(chains.bits, 10_000).astype(int)
    assert chi_square(activity, pattern_probability(model)) > 1e-3


def test_exchange_lets_chains_cross_where_gibbs_steps_do_not():
    model = bistable()
    silent = Spikes.from_dense(np.zeros((3, model.n_neurons)))
    alone = drawn(ReplicaExchange(model, 400, [0.999, 1.0], start=silent), 150)
    helped = drawn(ReplicaExchange(model, 400, 8, start=silent), 150)
    assert (alone.mean(axis=1) > 0.5).mean() < 0.02
    assert abs((helped.mean(axis=1) > 0.5).mean() - 0.5) < 0.12


@pytest.mark.parametrize("betas", [1, [1.0], [0.0, 1.0], [0.5, 0.4, 1.0], [0.2, 0.9]])
def test_odd_temperatures_are_refused(tiny_model, betas):
    with pytest.raises(ModelError, match="ascend to 1"):
        ReplicaExchange(tiny_model, 10, betas)
