"""Fitting, refitting and sampling with the estimator."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from scipy import sparse

from napari_crbm.errors import CRBMError, ModelError, RecordingError
from napari_crbm.io import load_model, save_model
from napari_crbm.model import CRBM, Training, draw
from napari_crbm.simulation import simulate
from napari_crbm.spikes import Spikes
from tests.conftest import random_model
from tests.model.training.test_training import same

SMALL = dict(n_hidden=3, n_updates=20, n_chains=20, gibbs_steps=1)


@pytest.fixture(scope="module")
def recording():
    return simulate(n_neurons=80, n_frames=300, n_assemblies=3, seed=1).recording


@pytest.fixture(scope="module")
def fitted(recording) -> CRBM:
    return CRBM(**SMALL).fit(recording)


def test_every_form_of_the_same_activity_gives_the_same_model(recording, fitted):
    dense = recording.spikes.dense()
    for data in (
        recording.spikes,
        dense,
        dense.astype(bool),
        dense.astype(float),
        dense.tolist(),
        sparse.csr_matrix(dense),
        sparse.coo_array(dense.astype(np.float32)),
    ):
        assert same(CRBM(**SMALL).fit(data), fitted)
        np.testing.assert_array_equal(fitted.transform(data), fitted.transform(recording))
        assert fitted.score(data) == fitted.score(recording)


class NoSpikes:
    spikes = None


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (np.full((30, 5), 0.5), r"must be binary \(0 or 1\); found 0.5"),
        (sparse.csr_array(np.full((30, 5), 2)), "must be binary"),
        (np.where(np.eye(30) > 0, np.nan, 0), "NaN"),
        (np.ones(30), r"two axes, \(frames, neurons\); found shape \(30,\)"),
        (np.ones((30, 0)), "at least one frame and one neuron"),
        (np.ones((30, 5), complex), "Complex"),
        (np.full((30, 5), "on"), r"array of zeros and ones; found ndarray with values of <U2"),
        ([[0, 1], [1]], "rows of different lengths"),
        ("fish.h5", "Activity must be a Recording"),
        (sparse.csr_array(np.ones((3, 5), complex)), "zeros and ones; found values of complex128"),
        (NoSpikes(), "NoSpikes holds no binarised activity"),
    ],
)
def test_what_is_not_binary_activity_is_refused_in_a_sentence(fitted, data, words):
    with pytest.raises(RecordingError, match=words):
        CRBM(**SMALL).fit(data)
    with pytest.raises(CRBMError, match=words):
        fitted.transform(data)


def test_fit_transform_is_fit_and_transform(recording, fitted):
    activity = CRBM(**SMALL).fit_transform(recording)
    np.testing.assert_array_equal(activity, fitted.transform(recording))


def test_no_seed_means_a_new_one_each_time(recording):
    model = CRBM(**SMALL, random_state=None)
    first = model.fit(recording).settings_.random_state
    assert model.fit(recording).settings_.random_state != first
    again = CRBM(**SMALL, random_state=model.settings_.random_state).fit(recording)
    assert same(again, model)


def test_parts_of_the_recipe_are_used_unless_given(recording):
    paper = CRBM(None, recipe="paper", l1=0.01)._requested_settings()
    assert (paper.n_hidden, paper.l1, paper.gibbs_steps) == (200, 0.01, 15)
    assert CRBM(recipe="paper", gibbs_steps=2)._requested_settings().gibbs_steps == 2
    assert CRBM(recipe="paper")._requested_settings().n_hidden == "auto"


def test_a_loaded_model_refits_with_its_own_settings(recording, tmp_path):
    model = CRBM(**SMALL, warm_up=0.1, l1=0.03, random_state=5, n_threads=1).fit(recording)
    loaded = load_model(save_model(model, tmp_path / "model.h5"))
    assert loaded.get_params()["warm_up"] == 0.1 and loaded.n_threads is None
    assert same(loaded, model)
    assert same(loaded.fit(recording), model)


def test_training_step_by_step_gives_the_same_estimator(recording, fitted):
    training = Training(recording.spikes, fitted.settings_)
    for _ in training:
        pass
    assert same(training.model(), fitted)
    assert training.model().get_params()["n_updates"] == 20


def test_a_model_can_be_copied(fitted, recording):
    for again in (copy.copy(fitted), copy.deepcopy(fitted)):
        assert same(again, fitted)
    standard = fitted.standardised(recording)
    assert standard.settings_ == fitted.settings_ and standard is not fitted


# --- partial_fit ----------------------------------------------------------------------------


def test_updates_in_parts_are_those_of_fit(recording, fitted):
    model = CRBM(**SMALL)
    for n_updates in (1, 4, 15):
        model.partial_fit(recording, n_updates=n_updates)
    assert same(model, fitted)
    np.testing.assert_array_equal(model.history_["update"], fitted.history_["update"])


def test_further_updates_go_on_beyond_the_schedule(recording):
    model = CRBM(**SMALL).partial_fit(recording, n_updates=25)
    once, twice = CRBM(**SMALL), copy.deepcopy(model)
    once.partial_fit(recording, n_updates=20).partial_fit(recording, n_updates=5)
    assert same(once, model)
    assert twice._training is None
    assert model.history_["update"][-1] == 25


def test_a_fitted_model_goes_on_from_its_parameters(recording, fitted, tmp_path):
    loaded = load_model(save_model(fitted, tmp_path / "model.h5"))
    before, likelihood = loaded.weights_.copy(), loaded.score(recording)
    loaded.partial_fit(recording, n_updates=5)
    moved = np.abs(loaded.weights_ - before).max()
    # The schedule is at its end, where an update moves weights by about 1e-5.
    assert 0 < moved < 0.05
    assert loaded.score(recording) == pytest.approx(likelihood, abs=0.01)
    assert loaded.history_["update"][-1] >= fitted.history_["update"][-1]
    assert loaded.settings_.n_updates == fitted.settings_.n_updates


def test_other_activity_of_the_same_neurons_moves_the_model(recording):
    other = simulate(n_neurons=80, n_frames=300, n_assemblies=3, seed=2).recording
    model = CRBM(**SMALL).partial_fit(recording, n_updates=10)
    fingerprint = model.recording_fingerprint_
    model.partial_fit(other, n_updates=3)
    assert model.recording_fingerprint_ == other.spikes.fingerprint != fingerprint
    with pytest.raises(ModelError, match="80 neurons, this recording has 7"):
        model.partial_fit(np.eye(40, 7))
    with pytest.raises(ModelError, match="n_updates must be a positive whole number"):
        model.partial_fit(recording, n_updates=0)


# --- samples --------------------------------------------------------------------------------


def test_sample_measures_its_steps_as_draw_does():
    model = random_model(12, 2)
    drawn = draw(model, 300, n_chains=100, random_state=4)
    assert model.sample(300, random_state=4) == drawn.spikes
    assert model.sample(300, n_chains=30) == draw(model, 300, n_chains=30).spikes


def test_one_number_of_steps_fixes_both():
    model = random_model(12, 2)
    assert model.sample(200, burn_in=30) == model.sample(200, burn_in=30, thin=20)
    assert model.sample(200, thin=3) == model.sample(200, burn_in=200, thin=3)


def test_sample_without_a_seed_differs_each_time():
    model = random_model(12, 2)
    first, second = (model.sample(50, burn_in=5, random_state=None) for _ in range(2))
    assert first != second


def test_sample_starts_from_any_form_of_frames():
    model = random_model(12, 2)
    ones = np.ones((4, 12))
    assert model.sample(4, burn_in=0, start=ones).rate == 1
    assert model.sample(4, burn_in=0, start=Spikes.from_dense(ones)).rate == 1
