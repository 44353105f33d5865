"""``napari-crbm match``: two models of one recording, and of two fish."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from napari_crbm.errors import ModelError
from napari_crbm.io import save_model, save_recording
from napari_crbm.model import CRBM
from napari_crbm.recording import Recording
from tests.analysis.matching.test_counterparts import animal, model_with, somewhere
from tests.cli.test_cli import run


def written(folder, name: str, model: CRBM, recording: Recording):
    return (
        save_model(model, folder / f"{name}.model.h5", recording),
        save_recording(recording, folder / f"{name}.h5"),
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two fish with eight assemblies at the same places, and another model of the first."""
    folder = tmp_path_factory.mktemp("match")
    places = somewhere(8, 5)
    one, two = animal(1, 1500), animal(2, 1500)
    model = model_with(one, places, 8)
    written(folder, "first", model, one)
    written(folder, "second", model_with(two, places, 9, jitter_um=10), two)
    order = np.random.default_rng(0).permutation(8)
    hidden = type(model.hidden_)(*(np.asarray(each)[order] for each in model.hidden_))
    again = CRBM.from_parameters(-model.weights_[:, order], model.fields_, hidden)
    save_model(again, folder / "again.model.h5", one)
    np.save(folder / "order.npy", order)
    return folder


def test_two_models_of_one_recording(folder, tmp_path):
    order = np.load(folder / "order.npy")
    files = (folder / "first.model.h5", folder / "again.model.h5", folder / "first.h5")
    table = tmp_path / "pairs.csv"
    result = run("match", *files, "-o", table, "--figure", tmp_path / "pairs.svg")
    assert "weights of the same neurons: 8 of 8 assemblies" in result.stderr
    assert "1.00" in result.stdout and "-1.0" not in result.stdout
    pairs = pd.read_csv(table)
    np.testing.assert_array_equal(pairs["match"], np.argsort(order))
    assert (pairs["orientation"] == -1).all() and "<svg" in (tmp_path / "pairs.svg").read_text()
    data = json.loads(run("match", *files, "--json").stdout)
    assert data["by"] == "neurons" and data["n_found"] == 8 and data["only_in_second"] == []
    assert [pair["match"] for pair in data["pairs"]] == np.argsort(order).tolist()


def test_two_fish_in_one_space(folder):
    files = [folder / f"{name}.model.h5" for name in ("first", "second")]
    recordings = [folder / f"{name}.h5" for name in ("first", "second")]
    data = json.loads(run("match", *files, *recordings, "--json").stdout)
    assert data["by"] == "places"
    assert [pair["match"] for pair in data["pairs"]] == list(range(8))
    regions = run("match", *files, *recordings, "--by", "regions").stderr
    assert "mean weight in the regions both have" in regions


def test_what_cannot_be_matched_is_said(folder, tmp_path):
    files = [folder / f"{name}.model.h5" for name in ("first", "second")]
    recordings = [folder / f"{name}.h5" for name in ("first", "second")]
    result = run("match", *files, *recordings, recordings[0], code=2)
    assert "at most two recordings" in result.stderr
    result = run("match", *files, *recordings, "-o", tmp_path / "pairs.xls", code=2)
    assert "must end in .csv" in result.stderr
    result = run("match", *files, *recordings, "--by", "colour", code=2)
    assert "'colour' is not neurons, regions or places" in " ".join(result.stderr.split())
    with pytest.raises(ModelError, match=r"not of the same\s+neurons; match by regions"):
        run("match", *files, *recordings, "--by", "neurons")
    # As many neurons, but somewhere else, and without regions.
    far = replace(animal(2, 1500), regions=None, name="far fish")
    far = replace(far, coordinates=far.coordinates + np.float32(700))
    save_recording(far, tmp_path / "far.h5")
    why = r"cannot be matched.*not of the same.*same space.*regions"
    with pytest.raises(ModelError, match=why):
        run("match", *files, recordings[0], tmp_path / "far.h5")
    small = animal(3, 60)
    save_recording(small, tmp_path / "small.h5")
    with pytest.raises(ModelError, match="give the recording the model was trained on"):
        run("match", *files, recordings[0], tmp_path / "small.h5")


def test_recordings_of_another_layout_take_a_profile(folder, tmp_path):
    from napari_crbm.io import open_recording
    from napari_crbm.io.unknown.profile import Profile
    from napari_crbm.io.unknown.profile_files import save_profile

    recording = open_recording(folder / "first.h5")
    raster, places = recording.spikes.dense(), recording.coordinates[:, ::-1]
    np.savez(tmp_path / "lab.npz", events_of_lab=raster, where=places)
    profile = Profile(positions=("where",), activity="events_of_lab", frame_rate_hz=4.0)
    save_profile(profile, tmp_path / "lab.json")
    files = (folder / "first.model.h5", folder / "again.model.h5", tmp_path / "lab.npz")
    result = run("match", *files, "--profile", tmp_path / "lab.json")
    assert "weights of the same neurons: 8 of 8 assemblies" in result.stderr


def test_every_command_that_reads_a_recording_takes_a_profile():
    """Commands that take a path of a recording take the options on how it is read."""
    import typer.main

    from napari_crbm.cli.app import app

    without = set()
    for name, command in typer.main.get_command(app).commands.items():
        options = {option for each in command.params for option in each.opts}
        paths = " ".join(str(each.metavar) for each in command.params if each.opts[0][:1] != "-")
        if "RECORDING" in paths and "--profile" not in options:
            without.add(name)
    assert not without
