"""Likelihoods by annealed importance sampling, against enumeration."""

import numpy as np
import pytest

from napari_crbm.errors import ModelError
from napari_crbm.model import independent_log_likelihood, log_likelihood, log_partition
from napari_crbm.spikes import Spikes
from tests.conftest import all_patterns, random_model


def exact_log_z(model):
    patterns = Spikes.from_dense(all_patterns(model.n_neurons))
    return float(np.logaddexp.reduce(model.log_probability_unnormalised(patterns)))


@pytest.mark.parametrize("seed", range(6))
def test_log_partition_is_right_within_its_error(seed):
    model = random_model(9, 3, seed=seed)
    found = log_partition(model, n_chains=256, n_betas=400, random_state=seed)
    assert found.error < 0.05 and found.reliable
    assert abs(found.log_z - exact_log_z(model)) < 4 * found.error + 1e-3


def test_the_stated_error_is_the_spread_of_repeated_estimates():
    model = random_model(8, 2, seed=1, scale=1.2)
    runs = [log_partition(model, n_chains=40, n_betas=20, random_state=k) for k in range(40)]
    spread = np.std([run.log_z for run in runs])
    assert 0.6 < np.mean([run.error for run in runs]) / spread < 1.6


def test_a_base_of_other_activity_gives_the_same():
    model = random_model(8, 2, seed=3)
    spikes = Spikes.from_dense(np.random.default_rng(0).random((50, 8)) < 0.2)
    found = log_partition(model, spikes, n_chains=256, n_betas=400)
    assert abs(found.log_z - exact_log_z(model)) < 4 * found.error + 1e-3


def test_likelihoods_of_all_patterns_add_up_to_one():
    model = random_model(7, 2, seed=2)
    partition = log_partition(model, n_chains=512, n_betas=500)
    patterns = Spikes.from_dense(all_patterns(7))
    log_p = [log_likelihood(model, patterns.select_frames([k]), partition) for k in range(128)]
    assert np.exp(log_p).sum() == pytest.approx(1.0, abs=4 * partition.error + 1e-3)


def test_too_fast_a_walk_is_not_called_reliable():
    model = random_model(40, 8, seed=0, scale=2.5)
    assert not log_partition(model, n_chains=64, n_betas=2).reliable


def test_nonsense_is_refused(tiny_model):
    with pytest.raises(ModelError, match="at least 2 chains"):
        log_partition(tiny_model, n_chains=1)


def test_independent_likelihood_is_that_of_a_model_without_weights():
    rng = np.random.default_rng(0)
    train, test = (Spikes.from_dense(rng.random((400, 12)) < 0.3) for _ in range(2))
    bare = random_model(12, 1)
    bare.weights_[:] = 0
    p = (train.neuron_counts + 0.5) / 401
    bare.fields_[:] = np.log(p / (1 - p))
    exact = log_partition(bare, n_betas=2, n_chains=4)
    assert exact.error < 1e-6  # nothing to anneal
    expected = log_likelihood(bare, test, exact)
    assert independent_log_likelihood(train, test) == pytest.approx(expected, abs=1e-4)
