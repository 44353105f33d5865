"""The option --members, and what is said of the definition."""

import json

import pytest
from typer.testing import CliRunner

from napari_crbm.cli.app import app
from napari_crbm.io import load_model, save_model, save_recording
from napari_crbm.model import CRBM, Members
from napari_crbm.simulation import simulate


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    folder = tmp_path_factory.mktemp("members")
    recording = simulate(n_neurons=200, n_frames=600, n_assemblies=4, seed=1).recording
    model = CRBM(n_hidden=4, n_updates=40, random_state=0).fit(recording)
    save_model(model, folder / "model.h5", recording)
    save_recording(recording, folder / "recording.h5")
    return str(folder / "model.h5"), str(folder / "recording.h5")


def rows(*arguments):
    done = CliRunner().invoke(app, ["assemblies", *arguments, "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_tables_follow_the_option(pair):
    model = load_model(pair[0])
    by_weight = Members.by_weight(model.weights_)
    table = rows(*pair)
    assert [row["size"] for row in table] == model.members_.sizes.tolist()
    assert {row["members_by"] for row in table} == {"association"}
    table = rows(*pair, "--members", "weight")
    assert [row["size"] for row in table] == by_weight.sizes.tolist()
    assert {row["members_by"] for row in table} == {"weight"}
    limited = rows(*pair, "--threshold", "0.5")
    expected = Members.by_weight(model.weights_, 0.5).sizes.tolist()
    assert [row["size"] for row in limited] == expected


def test_the_definition_is_said_and_a_wrong_one_refused(pair):
    done = CliRunner().invoke(app, ["assemblies", *pair])
    assert "Members are neurons associated with the activity" in " ".join(done.output.split())
    done = CliRunner().invoke(app, ["figure", *pair, "--members", "loading"])
    assert done.exit_code == 2 and "association" in done.output
