from __future__ import annotations

import json

import h5py
import numpy as np
import pytest
from scipy import sparse

from napari_crbm.errors import FormatError, ModelError
from napari_crbm.io import (
    load_model,
    save_model,
    store_halves,
    store_stability,
)
from napari_crbm.model import CRBM, Members, Settings
from tests.conftest import random_model
from tests.io.files import small_recording


@pytest.fixture
def model():
    bare = random_model(21, 4)
    return CRBM.from_parameters(
        np.where(np.abs(bare.weights_) > 0.5, bare.weights_, 0),
        bare.fields_,
        bare.hidden_,
        settings=Settings(n_hidden=4, l1=0.01, random_state=3),
        history={"update": np.arange(3), "pseudo_likelihood": np.array([-0.3, -0.2, np.nan])},
        split={"train": np.arange(50), "test": np.arange(50, 70)},
        recording_fingerprint="abc",
        versions={"numpy": "2.0"},
    )


@pytest.fixture
def path(model, tmp_path):
    return save_model(model, tmp_path / "model.h5")


def test_round_trip(model, path):
    loaded = load_model(path)
    assert loaded.weights_.dtype == np.float32
    np.testing.assert_array_equal(loaded.weights_, model.weights_)
    np.testing.assert_array_equal(loaded.fields_, model.fields_)
    for row, expected in zip(loaded.hidden_, model.hidden_, strict=True):
        np.testing.assert_array_equal(row, expected)
    assert loaded.settings_ == model.settings_
    assert loaded.random_state == 3
    assert set(loaded.history_) == set(model.history_)
    np.testing.assert_array_equal(
        loaded.history_["pseudo_likelihood"], model.history_["pseudo_likelihood"]
    )
    np.testing.assert_array_equal(loaded.split_["test"], np.arange(50, 70))
    assert loaded.recording_fingerprint_ == "abc"
    assert loaded.versions_ == {"numpy": "2.0"}
    spikes = small_recording().spikes
    np.testing.assert_array_equal(loaded.free_energy(spikes), model.free_energy(spikes))


def test_members_are_kept_and_files_without_them_open(model, path, tmp_path):
    assert load_model(path).members_ is None
    strength = np.zeros((21, 4), dtype=np.float32)
    strength[[3, 20], 1] = [0.3, -0.2]
    strength[7, 3] = 0.5
    model.members_ = Members(sparse.csc_array(strength), "association")
    kept = load_model(save_model(model, tmp_path / "kept.h5")).members_
    assert kept.definition == "association" and kept.sizes.tolist() == [0, 2, 0, 1]
    np.testing.assert_array_equal(kept.strength.toarray(), strength)
    model.members_ = Members.by_weight(model.weights_)
    assert load_model(save_model(model, tmp_path / "by_weight.h5")).members_ is None


@pytest.mark.parametrize(
    ("name", "values"),
    [("neurons", [3, 99]), ("indptr", [0, 2]), ("association", [0.3]), ("indptr", [0, 3, 1, 2, 2])],
)
def test_members_that_do_not_fit_are_refused(model, tmp_path, name, values):
    strength = np.zeros((21, 4), dtype=np.float32)
    strength[[3, 20], 1] = [0.3, -0.2]
    model.members_ = Members(sparse.csc_array(strength), "association")
    path = save_model(model, tmp_path / "model.h5")
    with h5py.File(path, "r+") as file:
        del file[f"members/{name}"]
        file[f"members/{name}"] = np.array(values)
    with pytest.raises(FormatError, match="members of 21 neurons in 4 assemblies"):
        load_model(path)


def test_a_model_without_history(tmp_path):
    loaded = load_model(save_model(random_model(6, 2), tmp_path / "model.h5"))
    assert (loaded.settings_, loaded.split_, loaded.recording_fingerprint_) == (None, None, None)
    assert (loaded.history_, loaded.versions_) == ({}, {})


def test_settings_and_arrays_of_earlier_versions_are_left_out(path):
    with h5py.File(path, "r+") as file:
        file["examples"] = np.ones((5, 4))
        old = {"jumps": True, "restarts": 0.004, "renew": True, "l1_ramp": 0.1}
        file.attrs["settings"] = json.dumps(json.loads(file.attrs["settings"]) | old)
    assert load_model(path).settings_ == Settings(n_hidden=4, l1=0.01, random_state=3)


def test_a_trained_model(tmp_path, planted):
    spikes, _ = planted
    model = CRBM(4, recipe="quick", n_updates=20).fit(spikes)
    loaded = load_model(save_model(model, tmp_path / "model.h5"))
    np.testing.assert_array_equal(loaded.weights_, model.weights_)
    assert loaded.settings_ == model.settings_
    assert loaded.recording_fingerprint_ == spikes.fingerprint
    assert loaded.versions_ == model.versions_
    assert loaded.versions_["numpy"] == np.__version__
    for name, values in model.history_.items():
        np.testing.assert_array_equal(loaded.history_[name], values)


def test_the_recording_is_remembered(tmp_path):
    recording = small_recording()
    path = save_model(random_model(21, 2), tmp_path / "model.h5", recording)
    assert load_model(path).recording_fingerprint_ == recording.spikes.fingerprint
    with h5py.File(path) as file:
        assert file.attrs["recording_name"] == "larva 3"
    with pytest.raises(ModelError, match="trained on another one"):
        save_model(random_model(6, 2), path, recording)


def test_an_untrained_model_is_not_saved(tmp_path):
    with pytest.raises(ModelError, match="has not been trained"):
        save_model(CRBM(3), tmp_path / "model.h5")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("weights", None, "lacks the dataset '/weights'"),
        ("hidden/gamma_plus", None, "lacks the dataset '/hidden/gamma_plus'"),
        ("weights", np.zeros(21), "2 axes are expected"),
        ("weights", np.zeros((21, 0)), "must be"),
        ("weights", np.full((21, 4), np.nan), "weights hold values that are not finite"),
        ("weights", np.full((21, 4), b"x"), "must hold numbers"),
        ("fields", np.zeros(20), "weights describe 21 neurons"),
        ("hidden/theta_plus", np.zeros(5), "must have 4 values"),
        ("hidden/gamma_minus", np.zeros(4), "must be positive"),
    ],
)
def test_bad_parameters_are_named(path, name, values, message):
    with h5py.File(path, "r+") as file:
        del file[name]
        if values is not None:
            file[name] = values
    with pytest.raises((FormatError, ModelError), match=message) as caught:
        load_model(path)
    assert "model.h5" in str(caught.value)


@pytest.mark.parametrize("settings", ['{"momentum": 1}', '{"n_updates": -1}', "[", "3"])
def test_unknown_settings_are_refused(path, settings):
    with h5py.File(path, "r+") as file:
        file.attrs["settings"] = settings
    with pytest.raises(FormatError, match=r"model.h5"):
        load_model(path)


def test_stability_is_kept_with_the_model(model, path):
    assert load_model(path).stability_ is None
    with h5py.File(path, "r") as file:
        before = dict(file.attrs)
    for values in (np.array([0.1, 0.9, 0.5, 1.0]), np.array([0.2, 0.3, 0.4, 0.5])):
        store_stability(path, values)
        np.testing.assert_array_equal(load_model(path).stability_, values)
    with h5py.File(path, "r") as file:
        assert dict(file.attrs) == before
    loaded = load_model(path)
    np.testing.assert_array_equal(loaded.weights_, model.weights_)
    np.testing.assert_array_equal(loaded.split_["test"], np.arange(50, 70))
    assert loaded.settings_ == model.settings_
    save_model(loaded, path)
    np.testing.assert_array_equal(load_model(path).stability_, loaded.stability_)


def test_what_two_halves_show_is_kept_with_the_model(path):
    assert load_model(path).halves_ is None
    halves = {name: np.array([0.1, 0.9, np.nan, 1.0]) for name in ("similarity", "chance", "q")}
    halves["found"] = np.array([0.0, 1.0, 0.0, 1.0])
    store_halves(path, halves)
    loaded = load_model(path)
    for name, values in halves.items():
        np.testing.assert_array_equal(loaded.halves_[name], values)
    save_model(loaded, path)
    np.testing.assert_array_equal(load_model(path).halves_["found"], halves["found"])
    with pytest.raises(ModelError, match="4 numbers of 'found'"):
        store_halves(path, {**halves, "found": np.ones(3)})


def test_stability_of_older_files_is_read(path):
    store_stability(path, np.array([0.1, 0.9, 0.5, 1.0]))
    with h5py.File(path, "r+") as file:
        file.move("stability", "reproducibility")
    np.testing.assert_array_equal(load_model(path).stability_, [0.1, 0.9, 0.5, 1.0])
    store_stability(path, np.full(4, 0.5))
    with h5py.File(path, "r") as file:
        assert "reproducibility" not in file


@pytest.mark.parametrize("values", [np.ones(3), np.array([0.1, 0.2, np.nan, 0.4]), np.full(4, 2.0)])
def test_wrong_stability_leaves_the_file_alone(path, values):
    content = path.read_bytes()
    with pytest.raises(ModelError, match="4 numbers from 0 to 1"):
        store_stability(path, values)
    assert path.read_bytes() == content
    assert list(path.parent.iterdir()) == [path]
