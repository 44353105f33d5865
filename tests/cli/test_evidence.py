"""What the command line says of evidence: recordings without assemblies give no certain ones."""

from __future__ import annotations

import json

import pytest

from napari_crbm.simulation import load_truth
from napari_crbm.simulation.without_assemblies import KINDS
from tests.cli.test_cli import run
from tests.cli.test_options import refused


@pytest.fixture(scope="module")
def gain(tmp_path_factory):
    """A recording of independent neurons under one gain, and a model trained on it."""
    folder = tmp_path_factory.mktemp("gain")
    recording, model = folder / "gain.h5", folder / "model.h5"
    size = ("--neurons", "300", "--frames", "1500")
    run("simulate", recording, "--without-assemblies", "gain", *size)
    trained = run("train", recording, "-o", model, "--recipe", "quick", "--updates", "200")
    return recording, model, trained


def test_training_says_how_many_assemblies_are_certain(gain):
    said = " ".join(gain[2].output.split())
    # How many units keep members by chance depends on rounding.
    tested = "held-out frames (false discovery rate 5 %)" in said
    few = "assemblies is certain" in said and ("None of" in said or "1 of" in said)
    assert (tested and few) or "No assembly can be tested: none has two members or more." in said


def test_the_list_ends_with_the_evidence_and_json_holds_it(gain):
    recording, model, _ = gain
    listed = " ".join(run("assemblies", model, recording).output.split())
    assert "certain" in listed
    assert "held-out frames" in listed or "No assembly can be tested" in listed
    rows = json.loads(run("assemblies", model, recording, "--json").output)
    assert {"q", "certain"} <= rows[0].keys()
    assert sum(row["certain"] for row in rows) <= 1


def test_an_unknown_kind_is_refused_with_those_that_exist(tmp_path):
    found = run("simulate", tmp_path / "x.h5", "--without-assemblies", "chaos", code=2)
    text = " ".join(found.output.split())
    assert "--without-assemblies" in text
    assert all(kind in text for kind in KINDS)
    assert not (tmp_path / "x.h5").exists()


@pytest.mark.parametrize(
    "option",
    [("--gain", "0.2"), ("--assemblies", "4"), ("--generator", "crbm"), ("--fluorescence",)],
)
def test_settings_of_assemblies_are_refused_without_assemblies(option, tmp_path):
    said = refused("simulate", tmp_path / "x.h5", "--without-assemblies", "gain", *option)
    assert option[0] in said and "leave it out with --without-assemblies" in said
    assert list(tmp_path.iterdir()) == []


def test_the_common_gain_of_a_simulation_is_an_option(tmp_path):
    size = ("--neurons", "100", "--frames", "200", "--assemblies", "2")
    run("simulate", tmp_path / "gain.h5", *size, "--gain", "0.25")
    assert load_truth(tmp_path / "gain.h5").parameters["gain"] == 0.25
