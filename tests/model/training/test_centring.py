"""Weights are learned about the means of neurons and hidden units, and these follow them."""

from __future__ import annotations

import numpy as np

from napari_crbm.model import RBM, Settings
from napari_crbm.model.compute.active_weights import ActiveSet
from napari_crbm.model.compute.bits import bits_from_dense
from napari_crbm.model.compute.kernels.weight_update import ACTIVE
from napari_crbm.model.compute.threads import kernel_threads
from napari_crbm.model.training.run import TrainingRun
from napari_crbm.model.units.drelu.standardised import Standardised
from napari_crbm.spikes import Spikes
from tests.conftest import all_patterns, planted_raster

N, M = 7, 2
STATES = Spikes.from_dense(all_patterns(N))


def means(rbm: RBM) -> tuple[np.ndarray, np.ndarray]:
    """Mean neurons (N,) and hidden units (M,), by enumeration."""
    log_p = rbm.log_probability_unnormalised(STATES)
    p = np.exp(log_p - np.logaddexp.reduce(log_p))
    hidden = rbm.hidden.moments(rbm.inputs_h_from_v(STATES)).mean
    return STATES.dense().T @ p, hidden.T @ p


def shrunk(active, given, fields):
    """Take the penalty off all weights, by a step without a gradient."""
    bits, values = bits_from_dense(np.zeros((1, N), dtype=bool)), np.zeros((1, M), np.float32)
    # Without a gradient a step is the rate divided by epsilon.
    rates = tuple(np.float32(value) for value in (0.5, 0.003, 0.9, 1.0, 1.0, 1.0))
    phase = (bits, values)
    return active.step(phase, phase, values[0], rates, given, fields, values.copy())


def test_a_weight_that_changes_leaves_mean_activities_as_they_are():
    """To first order: the first neuron hardly depends on the units, whose means are not zero."""
    generator = np.random.default_rng(0)
    weights = generator.normal(0, 0.8, (N, M)).astype(np.float32)
    weights[0] = 0.001
    weights[1:] = 0
    fields = generator.normal(-0.5, 0.5, N).astype(np.float32)
    units = Standardised(
        np.array([1.2, 0.8]), np.array([-1.5, 1.0]), np.array([-0.4, 0.3]), np.array([0.3, -0.2])
    )
    rbm = RBM.from_parameters(weights, fields, units.units())
    mean_v, mean_h = means(rbm)
    assert np.abs(mean_h).min() > 0.5
    active = ActiveSet(weights.copy(), np.zeros_like(weights), np.full((N, M), ACTIVE))
    followed = fields.copy()
    with kernel_threads():
        shift = shrunk(active, (mean_v.astype(np.float32), mean_h), followed)
    assert not active.dense()[0].any() and np.array_equal(active.dense()[1:], weights[1:])
    units.shift(shift)
    after = means(RBM.from_parameters(active.dense(), followed, units.units()))
    np.testing.assert_allclose(after[0], mean_v, atol=2e-6)
    np.testing.assert_allclose(after[1], mean_h, atol=2e-6)
    alone = means(RBM.from_parameters(active.dense(), fields, units.units()))
    assert np.abs(alone[0] - mean_v).max() > 1e-4


def test_mean_hidden_units_are_those_of_the_frames():
    spikes, _ = planted_raster()
    settings = Settings(n_hidden=6, n_updates=400, n_chains=20, gibbs_steps=2, n_test_blocks=0)
    training = TrainingRun(spikes, settings)
    training.make_updates(400)
    kept = training.checkpoint()["mean_hidden"]
    learner = training.learner
    with kernel_threads():
        mean = learner.units().mean(learner.frames.inputs(learner.active.form)).mean(axis=0)
    assert np.abs(mean).max() > 0.1
    np.testing.assert_allclose(kept, mean, atol=0.03)
