"""A type of hidden unit that the package does not know trains and samples like its own."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate

from napari_crbm.analysis import fraction_recovered, recovery
from napari_crbm.model import RBM, Chains, Settings, draw, log_partition
from napari_crbm.model.backends import choice
from napari_crbm.model.compute.randomness import stream
from napari_crbm.model.compute.threads import kernel_threads
from napari_crbm.model.training.run import TrainingRun
from napari_crbm.spikes import Spikes
from tests.conftest import all_patterns, planted_raster
from tests.model import strict_device
from tests.model.units.gaussian import GAUSSIAN, Gaussian

UNITS = Gaussian(np.array([0.8, 2.0]), np.array([0.3, -0.5]))


def small_rbm() -> RBM:
    generator = np.random.default_rng(0)
    return RBM.from_parameters(
        generator.normal(0, 0.8, (7, 2)), generator.normal(-0.5, 0.5, 7), UNITS
    )


def exact(rbm: RBM) -> np.ndarray:
    log_p = rbm.log_probability_unnormalised(Spikes.from_dense(all_patterns(rbm.n_neurons)))
    return np.exp(log_p - np.logaddexp.reduce(log_p))


def test_the_gaussian_unit_is_right():
    grid = np.linspace(-40, 40, 80_001)
    for m, value in ((0, 1.3), (1, -2.0)):
        density = np.exp(value * grid - UNITS.potential(np.stack([grid, grid], 1))[:, m])
        total = integrate.trapezoid(density, grid)
        inputs = np.full((1, 2), value)
        assert UNITS.cumulant(inputs)[0, m] == pytest.approx(np.log(total))
        mean = integrate.trapezoid(density * grid, grid) / total
        assert UNITS.moments(inputs).mean[0, m] == pytest.approx(mean)
    draws = UNITS.sample(np.zeros((100_000, 2)), stream(3))
    np.testing.assert_allclose(draws.mean(axis=0), -UNITS.theta / UNITS.gamma, atol=0.02)
    np.testing.assert_allclose(draws.var(axis=0), 1 / UNITS.gamma, rtol=0.03)


def test_chains_and_partition_of_gaussian_units_are_exact():
    rbm = small_rbm()
    probability = exact(rbm)
    samples = draw(rbm, 40_000, n_chains=4000, random_state=1).spikes
    codes = samples.dense() @ (1 << np.arange(7))
    found = np.bincount(codes, minlength=128) / len(codes)
    assert np.abs(found - probability).max() < 0.01
    log_p = rbm.log_probability_unnormalised(Spikes.from_dense(all_patterns(7)))
    estimate = log_partition(rbm, n_chains=256, n_betas=300)
    assert estimate.log_z == pytest.approx(np.logaddexp.reduce(log_p), abs=5 * estimate.error)


@pytest.mark.parametrize("device", ["cpu", "gpu"])
def test_a_small_model_of_gaussian_units_trains(monkeypatch, device):
    monkeypatch.setattr(choice, "gpu_problem", lambda: None)
    monkeypatch.setattr(choice, "_gpu_backend", strict_device.backend)
    spikes, membership = planted_raster(80, 1000, n_assemblies=3, size=20, seed=1)
    settings = Settings(
        n_hidden=3, n_updates=150, n_chains=50, device=device, n_test_blocks=0, n_threads=1
    )
    training = TrainingRun(spikes, settings, unit_type=GAUSSIAN)
    for _ in training:
        pass
    trained = training.result()
    assert isinstance(trained.rbm.hidden, Gaussian)
    assert fraction_recovered(recovery(trained.rbm.weights, membership)) == 1.0
    likelihood = trained.history["pseudo_likelihood"]
    assert likelihood[-1] > likelihood[0]
    moments = trained.rbm.hidden.moments(trained.rbm.inputs_h_from_v(spikes))
    variance = moments.square.mean(axis=0) - moments.mean.mean(axis=0) ** 2
    np.testing.assert_allclose(variance, 1, atol=1e-3)
    with kernel_threads():
        chains = Chains(trained.rbm, 200, start=spikes)
        chains.advance(20)
    assert 0.5 < chains.state().mean() / spikes.rate < 2


def test_a_training_of_gaussian_units_resumes_bit_for_bit():
    spikes, _ = planted_raster(n_neurons=80, n_frames=300, n_assemblies=3, size=20)
    settings = Settings(n_hidden=3, n_updates=40, n_chains=20, n_test_blocks=0)
    whole = TrainingRun(spikes, settings, unit_type=GAUSSIAN)
    whole.make_updates(40)
    first = TrainingRun(spikes, settings, unit_type=GAUSSIAN)
    first.make_updates(17)
    rest = TrainingRun(spikes, resume=first.checkpoint(), unit_type=GAUSSIAN)
    rest.make_updates(23)
    assert np.array_equal(rest.result().rbm.weights, whole.result().rbm.weights)
