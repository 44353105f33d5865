"""``napari-crbm perturb``: options, tables, JSON, figures."""

import json

import numpy as np
import pandas as pd
import pytest

from napari_crbm.io import load_model, open_recording, save_model, save_recording
from napari_crbm.perturbation import coactivity, of_assembly
from tests.cli.test_options import refused, run
from tests.conftest import random_model
from tests.io.files import small_recording

QUICK = ("--states", 400)


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pair")
    recording = small_recording()
    save_recording(recording, folder / "fish.h5")
    for seed in range(3):
        model = random_model(recording.n_neurons, 3, seed, scale=0.3)
        save_model(model, folder / f"model{seed}.h5", recording)
    return folder / "model0.h5", folder / "fish.h5"


def test_tables_and_json_hold_what_the_library_says(pair, tmp_path):
    line = ["perturb", *pair, "--assembly", 1, "--kind", "hold", *QUICK, "-o", tmp_path, "--json"]
    line += ["--figure", tmp_path / "a.png"]
    (told,) = json.loads(run(*line).stdout)
    model, recording = load_model(pair[0]), open_recording(pair[1])
    (found,) = coactivity(model, recording, of_assembly(model, 1, "hold"), n_states=400)
    assert told["event"] == "assembly 1 held on" and told["kind"] == "hold"
    assert told["sentences"] == list(found.sentences)
    neurons = pd.read_csv(tmp_path / "neurons.csv")
    np.testing.assert_allclose(neurons["change"], found.neurons["change"], atol=1e-5)
    assert (neurons["event"] == told["event"]).all() and len(neurons) == recording.n_neurons
    for name in ("assemblies", "regions", "recorded", "summary"):
        assert len(pd.read_csv(tmp_path / f"{name}.csv"))
    assert (tmp_path / "a.png").stat().st_size > 10_000


def test_groups_come_from_regions_numbers_and_files(pair, tmp_path):
    (tmp_path / "mine.txt").write_text("# neurons\n3\n\n5\n7\n")
    name = open_recording(pair[1]).regions.names[0]
    for options, event in (
        (["--neurons", tmp_path / "mine.txt"], "the 3 neurons of mine silent"),
        (["--neuron", 3, "--neuron", 4], "the 2 neurons of the group silent"),
        (["--neuron", 3], "neuron 3 silent"),
        (["--region", name], f"neurons of {name} silent"),
    ):
        said = run("perturb", *pair, *options, "--kind", "silence", *QUICK).stdout
        said = " ".join(said.split())
        assert event in said and "says nothing about causes" in said


def test_a_screen_gives_a_row_for_each(pair, tmp_path):
    run("perturb", *pair, "--screen", "assemblies", "--kind", "hold", *QUICK, "-o", tmp_path)
    summary = pd.read_csv(tmp_path / "summary.csv")
    assert summary["perturbed"].tolist() == ["assembly 0", "assembly 1", "assembly 2"]
    assert (pd.read_csv(tmp_path / "assemblies.csv").groupby("event").size() == 3).all()


def test_several_models_and_a_dose_curve(pair, tmp_path):
    others = [pair[0].with_name(f"model{seed}.h5") for seed in (1, 2)]
    line = ["perturb", *pair, "--neuron", 3, "--neuron", 4, "--neuron", 9, "--dose", *QUICK]
    line += ["--other-model", others[0], "--other-model", others[1], "--null", 25]
    run(*line, "-o", tmp_path, "--figure", tmp_path / "dose.pdf")
    summary = pd.read_csv(tmp_path / "summary.csv")
    assert len(summary) > 1 and summary["level"].is_monotonic_increasing
    assert (summary["models"] == 3).all()
    neurons = pd.read_csv(tmp_path / "neurons.csv")
    assert (neurons["model_low"] <= neurons["model_high"]).all()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([], "name what to perturb, in one way"),
        (["--assembly", "0", "--neuron", "1"], "found --assembly, --neuron"),
        (["--assembly", "9"], "There is no assembly 9"),
        (["--neuron", "999"], "There is no neuron 999"),
        (["--neuron", "1", "--neuron", "1"], "lists a neuron twice"),
        (["--region", "Nowhere"], "There is no region 'Nowhere'"),
        (["--assembly", "0", "--kind", "lesion"], "'lesion' is not silence, drive or hold"),
        (["--screen", "all"], "'all' is not assemblies or regions"),
        (["--neuron", "1", "--kind", "hold"], "only assemblies can be held"),
        (["--neuron", "1", "--state", "on"], "--state: has no effect without --kind hold"),
        (
            ["--neuron", "1", "--kind", "silence", "--level", "2"],
            "--level: has no effect without --kind drive",
        ),
        (["--neuron", "1", "--level", "2"], "from 1 to 1; found 2"),
        (["--assembly", "0", "--kind", "hold", "--state", "half"], "'half' is not 'on', 'off' or"),
        (["--assembly", "0", "--kind", "hold", "--null", "9"], "has no effect with --kind hold"),
        (["--screen", "regions", "--kind", "hold"], "Only assemblies can be held"),
        (["--screen", "regions", "--figure", "a.png"], "has no effect with --screen"),
        (["--assembly", "0", "--figure", "a.txt"], "must end in .png, .pdf or .svg"),
        (["--assembly", "0", "--format", "csv"], "--format: has no effect without --output"),
        (["--neuron", "1", "--kind", "silence", "--dose"], "no levels"),
        (["--neurons", "missing.txt"], "is no file"),
    ],
)
def test_wrong_lines_are_refused(pair, options, sentence):
    assert sentence in refused("perturb", *pair, *options)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("3\nx[b]4\n", "line 2: found 'x[b]4', expected the number of a neuron"),
        ("-3\n", "found '-3'"),
        ("# nothing\n", "lists no neurons"),
        ("9" * 50, "expected the number of a neuron"),
    ],
)
def test_wrong_lists_are_refused(pair, tmp_path, text, sentence):
    (tmp_path / "list.txt").write_text(text)
    assert sentence in refused("perturb", *pair, "--neurons", tmp_path / "list.txt")
