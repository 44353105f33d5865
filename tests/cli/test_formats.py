"""Other programs' formats on the command line: looked at, converted, exported."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from napari_crbm.cli.app import app
from napari_crbm.io import load_model, open_recording, save_model, save_recording
from tests.conftest import random_model
from tests.io.files import small_recording
from tests.io.formats.test_caiman import write as write_caiman

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def run(*arguments, ok=True):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert (result.exit_code == 0) is ok, result.output
    return result


def test_options_of_imaging_programs(tmp_path):
    spikes, centres, _ = write_caiman(tmp_path / "a.hdf5", (20, 30, 10))
    options = ("--um-per-pixel", 2, "--plane-spacing-um", 8, "--frame-rate-hz", 5)
    told = json.loads(run("info", tmp_path / "a.hdf5", *options, "--json").stdout)
    assert told["kind"] == "caiman-recording" and told["frame_rate_hz"] == pytest.approx(5)
    assert told["extent_z_um"] == pytest.approx(8 * np.ptp(centres[:, 2]))
    run("convert", tmp_path / "a.hdf5", tmp_path / "b.h5", *options)
    recording = open_recording(tmp_path / "b.h5")
    np.testing.assert_array_equal(recording.spikes.dense().T, spikes)
    np.testing.assert_allclose(recording.coordinates[:, 1], 2 * centres[:, 0], rtol=1e-5)
    refused = run("info", tmp_path / "a.hdf5", "--um-per-pixel", -1, ok=False).output
    assert "'--um-per-pixel': must be a positive number" in refused


def test_recordings_and_models_become_nwb(tmp_path):
    pytest.importorskip("pynwb")
    recording = small_recording()
    model = random_model(recording.n_neurons, 3)
    save_recording(recording, tmp_path / "fish.h5")
    save_model(model, tmp_path / "model.h5", recording)
    run(
        *("convert", tmp_path / "fish.h5", tmp_path / "fish.nwb"),
        *("--model", tmp_path / "model.h5", "--session-start", "2018-09-12T10:00:00"),
    )
    told = json.loads(run("info", tmp_path / "fish.nwb", "--json").stdout)
    assert told["kind"] == "nwb-recording" and told["fingerprint"] == recording.fingerprint
    assert (
        "cannot be .nwb"
        in run("convert", tmp_path / "model.h5", tmp_path / "m.nwb", ok=False).output
    )
    assert (
        "--model"
        in run(
            *("convert", tmp_path / "fish.h5", tmp_path / "b.h5", "--model", tmp_path / "model.h5"),
            ok=False,
        ).output
    )


def test_weights_for_fishualizer(tmp_path):
    recording = small_recording()
    labelled = recording.regions.labelled
    model = random_model(int(labelled.sum()), 3)
    save_recording(recording, tmp_path / "fish.h5")
    save_model(model, tmp_path / "model.h5")
    run(
        *("convert", tmp_path / "model.h5", tmp_path / "weights.h5", "--fishualizer"),
        *("--recording", tmp_path / "fish.h5"),
    )
    again = load_model(tmp_path / "weights.h5")
    np.testing.assert_array_equal(again.weights_, model.weights_)
    run("convert", tmp_path / "weights.h5", tmp_path / "back.h5")
    back = load_model(tmp_path / "back.h5")
    spikes = recording.spikes.select_neurons(np.flatnonzero(labelled))
    np.testing.assert_array_equal(back.free_energy(spikes), model.free_energy(spikes))
    assert (
        "is for models"
        in run("convert", tmp_path / "fish.h5", tmp_path / "c.h5", "--fishualizer", ok=False).output
    )


def test_preprocess_reads_files_as_convert_does(tmp_path):
    traces = np.random.default_rng(0).normal(size=(120, 9)).astype("f4")
    traces[40:43] += [[20], [15], [11]]
    positions = np.random.default_rng(1).random((9, 3)) * 300
    np.savez(tmp_path / "a.npz", dff=traces, xyz=positions)
    line = ["preprocess", str(tmp_path / "a.npz"), str(tmp_path / "b.h5"), "--threshold", "5"]
    done = CliRunner().invoke(app, line)
    assert done.exit_code != 0 and "--binarise 2.0" in str(done.exception or done.output)
    done = CliRunner().invoke(app, [*line, "--binarise", "2", "--frame-rate-hz", "4"])
    assert done.exit_code == 0, done.output
    found = open_recording(tmp_path / "b.h5")
    assert found.frame_interval_s == 0.25
    assert np.flatnonzero(found.spikes.dense().all(axis=1)).tolist() == [40]
    steps = [step.name for step in found.provenance]
    assert steps[:3] == ["read arrays", "binarise", "preprocess"]
    done = CliRunner().invoke(app, [*line, "--unit", "miles", "--force"])
    assert done.exit_code == 2 and "must be 'mm' or 'um'" in done.output
