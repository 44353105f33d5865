"""Labels of assemblies and groups of neurons: values, files, tables, commands."""

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from napari_crbm.analysis import assembly_table
from napari_crbm.cli.app import app
from napari_crbm.errors import FormatError, LabelError
from napari_crbm.io import load_model, save_model, save_recording, store_labels
from napari_crbm.io.reading.label_tables import read_labels
from napari_crbm.labels import Label, Labels, NeuronGroup
from napari_crbm.simulation import simulate
from tests.conftest import random_model

LABELS = Labels(
    {2: Label("left tectum", True, ("tectum", "bursts"), "look again", "#E69F00")},
    {"patch": NeuronGroup(np.array([7, 3, 3]), Label("patch"))},
)


@pytest.fixture(scope="module")
def small_recording():
    return simulate(n_neurons=60, n_frames=200, n_assemblies=3, seed=0).recording


@pytest.fixture
def model_path(tmp_path):
    return save_model(random_model(20, 4), tmp_path / "model.h5")


def run(*arguments):
    return CliRunner().invoke(app, [str(each) for each in arguments])


def test_labels_survive_a_file_and_are_columns_of_the_table(tmp_path, small_recording):
    model = random_model(small_recording.n_neurons, 4)
    assert "name" not in assembly_table(model, small_recording)
    model.labels_ = LABELS
    again = load_model(save_model(model, tmp_path / "m.h5")).labels_
    assert again.of(2) == Label("left tectum", True, ("tectum", "bursts"), "look again", "#e69f00")
    assert again.groups["patch"].neurons.tolist() == [3, 7]
    table = assembly_table(model, small_recording)
    assert table["name"].tolist() == ["", "", "left tectum", ""]
    assert table["tags"][2] == "tectum, bursts" and table["starred"].tolist()[2]
    assert again.title(2) == "Assembly 2, left tectum" and again.title(1) == "Assembly 1"


def test_labels_are_never_changed_in_place():
    changed = LABELS.with_assembly(1, Label("b")).without_group("patch")
    assert list(changed.assemblies) == [1, 2] and not changed.groups
    assert list(LABELS.assemblies) == [2] and LABELS.groups
    assert not LABELS.with_assembly(2, Label()).assemblies, "an empty label is none"


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Label(colour="red"), "'#rrggbb'"),
        (lambda: Label(tags=("a,b",)), "comma"),
        (lambda: NeuronGroup(np.array([1]), Label()), "name"),
        (lambda: NeuronGroup(np.array([], int), Label("a")), "at least one neuron"),
        (lambda: Labels({4: Label("x")}).check(4, 20), "assemblies 0 to 3"),
        (lambda: LABELS.check(4, 7), "neuron 7"),
        (lambda: Labels.from_dict({"groups": [{"name": "a"}]}), "no labels"),
        (lambda: Labels.from_dict({"assemblies": {"x": {}}}), "no labels"),
    ],
)
def test_wrong_labels_are_refused_in_one_sentence(make, says):
    with pytest.raises(LabelError, match=says):
        make()


def test_only_labels_change_in_a_model_file(model_path):
    before = load_model(model_path)
    store_labels(model_path, LABELS)
    after = load_model(model_path)
    np.testing.assert_array_equal(before.weights_, after.weights_)
    assert after.labels_.as_dict() == LABELS.as_dict()
    store_labels(model_path, Labels())
    assert not load_model(model_path).labels_
    with pytest.raises(LabelError, match="assemblies 0 to 3"):
        store_labels(model_path, Labels({9: Label("x")}))


def test_damaged_labels_are_named(model_path):
    import h5py

    with h5py.File(model_path, "r+") as file:
        file["labels"] = [json.dumps({"assemblies": {"99": {"name": "x"}}})]
    with pytest.raises(FormatError, match="Delete the dataset '/labels'"):
        load_model(model_path)


def test_the_command_labels_lists_and_removes(model_path, tmp_path):
    named = run("label", model_path, "--assembly", 2, "--name", "left tectum", "--star")
    assert named.exit_code == 0, named.output
    run("label", model_path, "--assembly", 2, "--tag", "tectum,bursts", "--colour", "#e69f00")
    (tmp_path / "patch.txt").write_text("3\n7\n")
    run("label", model_path, "--group", "patch", "--neurons", tmp_path / "patch.txt")
    listed = run("label", model_path)
    assert "★ 2: left tectum [tectum] [bursts] #e69f00" in listed.output
    assert "group patch: 2 neurons" in listed.output
    assert json.loads(run("label", model_path, "--json").output)["groups"][0]["neurons"] == [3, 7]
    run("label", model_path, "--assembly", 2, "--clear", "--remove-group", "patch")
    assert not load_model(model_path).labels_


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["--name", "x"], "--assembly"),
        (["--assembly", "1"], "--name"),
        (["--group", "x"], "--neurons"),
        (["--remove-group", "x"], "no group"),
        (["--assembly", "99", "--name", "x"], "assemblies 0 to 3"),
    ],
)
def test_the_command_says_what_is_missing(model_path, given, says):
    result = run("label", model_path, *given)
    said = " ".join((result.output + result.stderr + str(result.exception)).split())
    assert result.exit_code and says in said


def test_a_table_brings_labels_and_an_exported_one_comes_back(model_path, tmp_path):
    table = tmp_path / "labels.csv"
    pd.DataFrame(
        {"assembly": [0, 3], "name": ["a", None], "starred": [True, False], "tags": ["x, y", None]}
    ).to_csv(table, index=False)
    assert run("label", model_path, "--table", table).exit_code == 0
    labels = load_model(model_path).labels_
    assert labels.of(0) == Label("a", True, ("x", "y")) and 3 not in labels.assemblies
    pd.DataFrame({"assembly": range(4), **labels.columns(range(4))}).to_csv(table, index=False)
    assert read_labels(table)[0] == labels.of(0)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name\na\n", "column 'assembly'"),
        ("assembly,name\nx,a\n", "line 2"),
        ("assembly,starred\n1,perhaps\n", "yes or no"),
        ("assembly,colour\n1,red\n", "line 2"),
    ],
)
def test_tables_that_cannot_be_read_say_where(tmp_path, text, says):
    path = tmp_path / "labels.csv"
    path.write_text(text)
    with pytest.raises(FormatError, match=says):
        read_labels(path)


def test_groups_of_a_model_are_compared_by_name(small_recording, tmp_path):
    recording = save_recording(small_recording, tmp_path / "fish.h5")
    model = random_model(small_recording.n_neurons, 4)
    model.labels_ = LABELS
    path = save_model(model, tmp_path / "m.h5")
    (tmp_path / "b.txt").write_text("1\n2\n3\n")
    answer = run(
        "compare-groups", recording, "patch", tmp_path / "b.txt", "--model", path,
        "-o", tmp_path / "out",
    )  # fmt: skip
    assert answer.exit_code == 0, answer.output
    assert "A has 2 neurons, B 3, 1 in both." in " ".join(answer.output.split())
    assert {"name", "share_a", "q"} <= set(pd.read_csv(tmp_path / "out" / "assemblies.csv"))
    unknown = run("compare-groups", recording, "nothing", "patch", "--model", path)
    assert unknown.exit_code and "no group 'nothing'" in unknown.output + unknown.stderr
