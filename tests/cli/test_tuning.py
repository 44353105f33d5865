"""``napari-crbm tuning``: stored courses, tables, neurons, events; tables and JSON."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from napari_crbm.analysis import follow_course, stored_course
from napari_crbm.io import load_model, open_recording, save_model
from napari_crbm.simulation import load_truth
from tests.cli.test_cli import run
from tests.cli.test_options import refused


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A recording with a stimulus, made by the command line, and its planted assemblies."""
    folder = tmp_path_factory.mktemp("tuning")
    recording, model = folder / "fish.h5", folder / "model.h5"
    sizes = ("--neurons", "500", "--frames", "3000", "--assemblies", "10", "--seed", "1")
    run("simulate", recording, *sizes, "--tuned", "3")
    truth = load_truth(recording)
    from napari_crbm.model import CRBM, DReLU

    ones = np.ones(10)
    weights = np.sign(truth.weights).astype(np.float32)
    fields = np.full(500, -3.0, np.float32)
    made = CRBM.from_parameters(weights, fields, DReLU(ones, ones, 0 * ones, 0 * ones))
    save_model(made, model, open_recording(recording))
    return recording, model, truth.parameters["tuned"].tolist()


def test_assemblies_that_follow_a_stored_stimulus_are_listed_and_written(files, tmp_path):
    recording, model, tuned = files
    asked = ("--course", "stimulus", "--lags", "2", "--above", "0.5", "-o", tmp_path / "out")
    said = run("tuning", model, recording, *asked).output
    text = " ".join(said.split())
    assert "3 of 10 assemblies follow stimulus at lags up to 2 s" in text
    assert "respond to" in text and "Wrote tuning.csv" in text
    table = pd.read_csv(tmp_path / "out" / "tuning.csv")
    assert table["assembly"][table["follows"]].tolist() == tuned
    assert {"size", "region", "response_q"} <= set(table)
    regions = pd.read_csv(tmp_path / "out" / "tuning_regions.csv")
    assert regions["region"].tolist() == list(open_recording(recording).regions.names)


def test_json_holds_the_numbers_of_the_library(files):
    recording, model, _ = files
    asked = ("--course", "stimulus", "--shuffles", "199", "--seed", "3", "--json")
    found = json.loads(run("tuning", model, recording, *asked).stdout)
    opened = open_recording(recording)
    course = stored_course(opened, "stimulus")
    expected = follow_course(load_model(model), opened, course, n_shuffles=199, random_state=3)
    rows = pd.DataFrame(found["assemblies"])
    np.testing.assert_allclose(rows["r"], expected.table["r"])
    np.testing.assert_allclose(rows["p"], expected.table["p"])
    assert found["n_events"] is None and found["course"] == "stimulus"


def test_a_table_is_worth_the_stored_trace(files, tmp_path):
    recording, model, tuned = files
    opened = open_recording(recording)
    path = tmp_path / "stimulus.csv"
    times = np.arange(opened.times[0], opened.times[-1], 0.02)
    fast = opened.traces["stimulus"][np.searchsorted(opened.times, times, side="right") - 1]
    pd.DataFrame({"time_s": times, "light": fast}).to_csv(path, index=False)
    asked = ("--course", f"{path}:light", "--shuffles", "999", "--json")
    found = json.loads(run("tuning", model, recording, *asked).stdout)
    assert [row["assembly"] for row in found["assemblies"] if row["follows"]] == tuned


def test_events_of_a_table_need_no_course(files, tmp_path):
    recording, model, tuned = files
    stimulus = open_recording(recording).traces["stimulus"]
    path = tmp_path / "events.csv"
    pd.DataFrame({"frame": np.flatnonzero(np.diff(stimulus) > 0) + 1}).to_csv(path, index=False)
    found = json.loads(run("tuning", model, recording, "--events", path, "--json").stdout)
    rows = pd.DataFrame(found["assemblies"])
    assert rows["response_p"][tuned].max() < 0.01 and "r" not in rows
    assert found["n_events"] > 10


def test_neurons_and_assemblies_are_courses(files):
    recording, model, _ = files
    quick = ("--shuffles", "99", "--json")
    found = json.loads(run("tuning", model, recording, "--course", "neuron:7", *quick).stdout)
    assert found["course"] == "neuron 7"
    found = json.loads(run("tuning", model, recording, "--course", "assembly:2", *quick).stdout)
    assert found["assemblies"][2]["r"] is None


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ((), "--course or --events"),
        (("--course", "tail"), "holds no trace 'tail': it has 'stimulus'"),
        (("--course", "neuron:x"), "needs a whole number"),
        (("--course", "neuron:4000"), "There is no neuron 4000"),
        (("--course", "assembly:99"), "There is no assembly 99"),
        (("--course", "none.csv:a"), "There is no file none.csv"),
        (("--course", "stimulus", "--before", "3"), "--events or --above"),
        (("--course", "stimulus", "--events-in", "frames"), "without --events"),
        (("--events", "e.csv", "--events-in", "hours"), "'hours' is not frames or seconds"),
        (("--events", "e.csv", "--above", "1"), "choose one"),
        (("--events", "e.csv", "--lags", "1"), "without --course"),
        (("--course", "stimulus", "--lags", "500"), "largest lag must be 0 to 75 s"),
        (("--course", "stimulus", "--above", "7"), "An average needs 3 events; 0 of 0"),
        (("--course", "stimulus", "--format", "csv"), "--output"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_one_sentence(files, asked, words):
    recording, model, _ = files
    assert words in refused("tuning", model, recording, *asked)
