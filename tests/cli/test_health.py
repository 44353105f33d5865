"""What is doubtful in a recording: in `info`, its JSON, and when a training starts."""

from __future__ import annotations

import json

import numpy as np
import pytest

from napari_crbm import Recording, Spikes
from napari_crbm.io import save_recording
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
    assert "1 neuron is never active (4). They are kept" in text
    assert "preprocess FILE OUT --keep-spikes --max-activity 0.9" in text
    data = json.loads(run("info", doubtful, "--json").stdout)
    found = {each["kind"]: each["where"] for each in data["health"]}
    assert found == {"silent neurons": [4], "always active neurons": [9]}


def test_training_warns_of_problems_only(doubtful, tmp_path):
    size = ("--n-hidden", "2", "--updates", "2", "--test-blocks", "0")
    done = run("train", doubtful, "-o", tmp_path / "m.h5", "--recipe", "quick", *size)
    text = " ".join(done.stderr.split())
    assert "Warning: 1 neuron is active in 90 % of frames" in text
    assert "never active (4)" not in text
