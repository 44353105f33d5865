"""Predictions of single neurons by the model, a global unit and mean activities."""

import numpy as np
import pytest

from napari_crbm.analysis.statistics.prediction import predicted_beyond, predictions
from napari_crbm.spikes import Spikes
from tests.conftest import random_model

N = 30


@pytest.fixture(scope="module")
def model():
    return random_model(N, 3, scale=0.4)


def recording(seed: int, gain: float = 1.0, n_frames: int = 500) -> Spikes:
    """Neurons with nothing in common but a gain."""
    rng = np.random.default_rng(seed)
    chance = np.random.default_rng(9).uniform(0.05, 0.3, N)
    common = np.exp(gain * rng.normal(size=(n_frames, 1)))
    return Spikes.from_dense(rng.random((n_frames, N)) < np.minimum(chance * common, 0.9))


def test_the_model_is_its_exact_pseudo_likelihood(model):
    train, test = recording(0), recording(1)
    of_train, of_test = predictions(model, train, test)
    assert of_test.model.shape == (500,)
    for part, found in ((train, of_train), (test, of_test)):
        exact = model.pseudo_likelihood(part, neurons_per_frame=2 * N)
        assert found.model.mean() == pytest.approx(exact, abs=1e-5)
    # Half a spike more keeps neurons that are silent in training possible.
    chance, active = (train.neuron_counts + 0.5) / (train.n_frames + 1), test.mean_activity
    independent = active * np.log(chance) + (1 - active) * np.log1p(-chance)
    assert of_test.independent.mean() == pytest.approx(independent.mean())


def test_one_global_unit_sees_a_gain_and_nothing_else(model):
    shared = predictions(model, recording(0), recording(1))[1]
    assert (shared.population - shared.independent).mean() > 0.01
    free = predictions(model, recording(0, 0.0), recording(1, 0.0))[1]
    assert abs((free.population - free.independent).mean()) < 0.003


def test_silent_neurons_stay_finite(model):
    raster = recording(0).dense()
    raster[:, :3] = 0
    for part in predictions(model, Spikes.from_dense(raster), recording(1)):
        assert all(np.isfinite(values).all() for values in vars(part).values())


def test_estimates_are_means_over_frames_with_errors_from_blocks(model):
    train, test = recording(0), recording(1)
    blocks = np.array_split(np.arange(500), 10)
    found = predicted_beyond(model, (train, test), (blocks, blocks))
    of_test = predictions(model, train, test)[1]
    difference = of_test.model - of_test.independent
    assert found["gain"].value == pytest.approx(difference.mean())
    means = np.array([difference[block].mean() for block in blocks])
    assert found["gain"].error == pytest.approx(means.std(ddof=1) / np.sqrt(10))
    assert found["likelihoods"]["population"] == pytest.approx(of_test.population.mean())
