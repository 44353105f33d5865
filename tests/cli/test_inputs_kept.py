"""No command overwrites what it reads, or an unfinished training."""

from __future__ import annotations

import errno
import os
import shutil

import numpy as np
import pytest

from napari_crbm.errors import CRBMError
from napari_crbm.io import load_checkpoint, load_model, save_recording
from napari_crbm.io.models import autosave, checkpoints
from napari_crbm.io.safety import replacing
from napari_crbm.recording import Recording
from napari_crbm.spikes import Spikes
from tests.cli.test_cli import run

QUICK = ["--updates", "30", "--chains", "20", "--n-hidden", "2"]


@pytest.fixture
def fish(tmp_path):
    rng = np.random.default_rng(0)
    blocks = np.repeat(rng.random((60, 2)) < 0.3, 5, axis=0)
    active = rng.random((300, 20)) < np.where(np.repeat(blocks, 10, axis=1), 0.6, 0.02)
    recording = Recording(rng.random((20, 3)), Spikes.from_dense(active), np.arange(300) / 4)
    return save_recording(recording, tmp_path / "fish.h5")


def refused(*arguments):
    with pytest.raises(CRBMError) as caught:
        run(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_outputs_that_are_inputs_are_refused(fish, tmp_path):
    before = fish.read_bytes()
    link = tmp_path / "link.h5"
    link.symlink_to(fish)
    for output in (fish, link, tmp_path / "." / "fish.h5"):
        for command in (
            ["train", fish, "-o", output, *QUICK],
            ["convert", fish, output],
            ["preprocess", fish, output, "--keep-spikes"],
        ):
            assert "input of this command" in refused(*command, "--force")
    assert fish.read_bytes() == before


def test_a_model_never_takes_the_place_of_a_recording(fish, tmp_path):
    other = shutil.copy(fish, tmp_path / "other.h5")
    before = other.read_bytes()
    assert "holds a recording" in refused("train", fish, "-o", other, "--force", *QUICK)
    assert other.read_bytes() == before


def test_a_recording_named_like_a_checkpoint_survives(fish, tmp_path):
    named = fish.rename(tmp_path / "x.checkpoint.h5")
    before = named.read_bytes()
    for options in ([], ["--force"]):
        said = refused("train", named, "-o", tmp_path / "x.h5", *QUICK, *options)
        assert "would overwrite the recording" in said
    assert named.read_bytes() == before


def test_an_unfinished_training_is_not_overwritten(fish, tmp_path):
    checkpoint = tmp_path / "m.checkpoint.h5"
    checkpoints.save_checkpoint({"update": 7}, checkpoint)
    assert "--resume" in refused("train", fish, "-o", tmp_path / "m.h5", *QUICK)
    assert load_checkpoint(checkpoint) == {"update": 7}
    run("train", fish, "-o", tmp_path / "m.h5", *QUICK, "--force")
    assert not checkpoint.exists()


def test_a_failed_autosave_is_told_and_the_training_goes_on(fish, tmp_path, monkeypatch):
    def full(_state, path, _kind):
        with replacing.replacing(path):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(autosave, "save_checkpoint", full)
    out = tmp_path / "m.h5"
    result = run("train", fish, "-o", out, *QUICK, "--checkpoint-minutes", "0")
    assert result.stderr.count("No space left on device") == 1
    assert load_model(out).n_neurons == 20


def test_a_model_written_meanwhile_is_kept(fish, tmp_path, monkeypatch):
    out = tmp_path / "m.h5"
    from napari_crbm.model import Training

    def model(training):
        out.write_text("of another program")
        return make(training)

    make = Training.model
    monkeypatch.setattr(Training, "model", model)
    result = run("train", fish, "-o", out, *QUICK)
    assert "meanwhile" in result.stderr
    assert out.read_text() == "of another program"
    assert load_model(tmp_path / "m-2.h5").n_neurons == 20


def test_folders_are_tried_before_the_training(fish, tmp_path, monkeypatch):
    def denied(_path):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(replacing, "_raw_file", denied)
    assert "Nothing can be written" in refused("train", fish, "-o", tmp_path / "m.h5", *QUICK)
