"""A finished training looks for states that its own chains do not reach, and removes them."""

import numpy as np
import pytest
from scipy.special import expit, logsumexp

from napari_crbm.model import DReLU, Settings
from napari_crbm.model.backends import NUMBA
from napari_crbm.model.compute.threads import kernel_threads
from napari_crbm.model.rbm import RBM
from napari_crbm.model.sampling.draw import draw
from napari_crbm.model.training import best_state
from napari_crbm.model.training.learner import Learner
from napari_crbm.model.training.run import TrainingRun
from napari_crbm.spikes import Spikes

N_NEURONS = 60
SETTINGS = Settings(n_hidden=1, l1=0.0, n_updates=1000, gibbs_steps=5, n_test_blocks=0)
SHORT = Settings(n_hidden=5, n_updates=60, n_chains=40, gibbs_steps=2, random_state=3)


@pytest.fixture(scope="module")
def rbm():
    """One unit whose on state holds about 0.7 of the probability, behind a high barrier."""
    one, zero = np.ones(1), np.zeros(1)
    weights, fields = np.full((N_NEURONS, 1), 0.388), np.full(N_NEURONS, -4.5)
    return RBM.from_parameters(weights, fields, DReLU(one, one, zero, zero))


@pytest.fixture(scope="module")
def recorded():
    """Frames of the off state alone: independent neurons."""
    chance = np.random.default_rng(0).random((2000, N_NEURONS))
    return Spikes.from_dense(chance < expit(-4.5))


def mean_activity(rbm: RBM) -> float:
    """Mean activity of neurons with equal parameters: a sum over the number of active ones."""
    n = rbm.n_neurons
    counts = np.arange(n + 1)
    ways = np.concatenate([[0.0], np.cumsum(np.log((n - counts[:-1]) / (counts[:-1] + 1)))])
    states = np.arange(n)[None, :] < counts[:, None]
    logs = ways - rbm.free_energy(Spikes.from_dense(states))
    return float(np.exp(logs - logsumexp(logs)) @ counts / n)


def test_chains_take_a_spurious_state_that_gibbs_steps_do_not_reach(rbm, recorded):
    expected = mean_activity(rbm)
    assert 0.5 < expected < 0.9
    with kernel_threads():
        learner = Learner.continuing(recorded, SETTINGS, NUMBA, rbm, 0)
        units = learner.hidden.units()
        learner.chains.advance(learner.active.form, learner.fields, units, np.uint64(1), 300)
        assert learner.chains.mean_activity().mean() < 0.1 * expected
        assert learner.take_spurious(0)
        found = float(learner.chains.mean_activity().mean())
        inputs = learner.chains.inputs.copy()
        learner.chains.update_inputs(learner.active.form)
    assert found == pytest.approx(expected, abs=0.1)
    np.testing.assert_array_equal(inputs, learner.chains.inputs)


def test_chains_stay_if_the_model_has_the_recorded_mean_activities(recorded):
    weights, fields = np.full((N_NEURONS, 1), 0.01), np.full(N_NEURONS, -4.5)
    one, zero = np.ones(1), np.zeros(1)
    rbm = RBM.from_parameters(weights, fields, DReLU(one, one, zero, zero))
    with kernel_threads():
        learner = Learner.continuing(recorded, SETTINGS, NUMBA, rbm, 0)
        before = learner.chains.inputs.copy()
        assert not learner.take_spurious(0)
        np.testing.assert_array_equal(learner.chains.inputs, before)


def test_a_training_removes_a_spurious_state(rbm, recorded):
    training = TrainingRun(recorded, SETTINGS, start=rbm)
    training.make_updates(0)
    # Late rates are too small to remove it by accident.
    training.update = 900
    records = list(training)
    assert records[-1].phase == "finished" and training._state.n_mended >= 1
    assert "spurious state" in records[-1].message
    found = draw(training.result().rbm, 500, start=recorded).spikes.rate
    assert found == pytest.approx(recorded.rate, rel=0.2)


@pytest.fixture
def suspected(monkeypatch):
    """Suspect the models of short trainings, as often as the list says."""
    answers = [True, False]
    monkeypatch.setattr(best_state, "_SHORTEST", 10)
    monkeypatch.setattr(Learner, "take_spurious", lambda self, seed: answers.pop(0))
    return answers


def finished(training: TrainingRun) -> str:
    for progress in training:
        last = progress
    assert last.phase == "finished" and last.update == SHORT.n_updates
    return last.message or ""


def test_a_suspected_training_goes_back_once(planted, suspected):
    training = TrainingRun(planted[0], SHORT)
    assert "after update 60. Training went back to update 39" in finished(training)
    assert suspected == []
    updates = training.history["update"]
    assert updates[-1] == 60 and np.all(np.diff(updates) > 0)


def test_after_two_rounds_it_ends_and_says_so(planted, suspected):
    suspected[:] = [True, True, True]
    message = finished(TrainingRun(planted[0], SHORT))
    assert "did not remove it" in message and suspected == []


def test_it_goes_on_bit_for_bit_from_a_checkpoint(planted, suspected):
    whole = TrainingRun(planted[0], SHORT)
    finished(whole)
    first = TrainingRun(planted[0], SHORT)
    suspected[:] = [True]
    for progress in first:
        if first._state.n_mended and progress.update >= 39:
            first.control.stop()
    kept = first.checkpoint()
    suspected[:] = [False]
    second = TrainingRun(planted[0], resume=kept)
    assert "went back to update 39" in finished(second)
    np.testing.assert_array_equal(second.result().rbm.weights, whole.result().rbm.weights)


def test_a_short_training_is_not_examined(planted, suspected, monkeypatch):
    monkeypatch.setattr(best_state, "_SHORTEST", 61)
    assert "spurious" not in finished(TrainingRun(planted[0], SHORT))
    assert suspected == [True, False]
