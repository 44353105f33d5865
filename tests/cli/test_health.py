"""What is doubtful in a recording: in `info`, its JSON, and when a training starts."""

from __future__ import annotations

import json

import numpy as np
import pytest

from napari_crbm import Recording, Spikes
from napari_crbm.analysis import recording_health
from napari_crbm.errors import RecordingError
from napari_crbm.io import open_recording, save_recording
from tests.cli.test_cli import run


@pytest.fixture
def doubtful(tmp_path):
    rng = np.random.default_rng(0)
    raster = rng.random((300, 40)) < 0.1
    raster[:, 4], raster[:, 9] = False, True
    path = tmp_path / "fish.h5"
    xyz = rng.uniform(0, 300, (40, 3))
    save_recording(
        Recording(coordinates=xyz, spikes=Spikes.from_dense(raster), times=np.arange(300.0) / 4),
        path,
    )
    return path


def test_info_reports_the_health(doubtful):
    text = " ".join(run("info", doubtful).output.split())
    assert "1 neuron is never active (4). It is kept" in text
    assert 'preprocess FILE OUT --keep-spikes --leave-out "always active neurons"' in text
    data = json.loads(run("info", doubtful, "--json").stdout)
    found = {each["kind"]: each["where"] for each in data["health"]}
    assert found == {"silent neurons": [4], "always active neurons": [9]}


def test_training_warns_of_problems_only(doubtful, tmp_path):
    size = ("--n-hidden", "2", "--updates", "2", "--test-blocks", "0")
    done = run("train", doubtful, "-o", tmp_path / "m.h5", "--recipe", "quick", *size)
    text = " ".join(done.stderr.split())
    assert "Warning: 1 neuron is active in 90 % of frames" in text
    assert "never active (4)" not in text


def test_what_a_check_names_can_be_left_out(doubtful, tmp_path):
    kinds = ("--leave-out", "silent neurons", "--leave-out", "always active neurons")
    done = run("preprocess", doubtful, tmp_path / "kept.h5", "--keep-spikes", *kinds)
    assert "2 neurons listed" in " ".join(done.stderr.split())
    kept = open_recording(tmp_path / "kept.h5")
    assert kept.n_neurons == 38 and recording_health(kept).findings == ()
    steps = [step for step in kept.provenance if step.name == "preprocess"]
    assert steps[0].parameters["steps"]["drop_neurons"] == [[4, 4], [9, 9]]
    with pytest.raises(RecordingError, match="no 'drift' that could be left out; it has 'always"):
        run(*("preprocess", doubtful, tmp_path / "x.h5", "--keep-spikes", "--leave-out", "drift"))
    listed = tmp_path / "listed.h5"
    run("preprocess", doubtful, listed, "--keep-spikes", "--drop-neurons", "0-2,39")
    assert open_recording(listed).n_neurons == 36
    with pytest.raises(RecordingError, match="the last neuron is 39"):
        run("preprocess", doubtful, tmp_path / "y.h5", "--keep-spikes", "--drop-neurons", "40")
