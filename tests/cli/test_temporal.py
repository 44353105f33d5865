"""The commands that train and test temporal models."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from napari_crbm.errors import CRBMError
from napari_crbm.io import load_temporal
from napari_crbm.temporal import TemporalTraining
from tests.cli.test_cli import run

FAST = ("--longest-lag", 1, "--passes", 4, "--threads", 1)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("temporal")
    fish, model = folder / "fish.h5", folder / "model.h5"
    run("simulate", fish, "--neurons", 150, "--frames", 700, "--assemblies", 3, "--generator",
        "dynamics", "--couplings", "symmetric")  # fmt: skip
    run("train", fish, "-o", model, "--n-hidden", 3, "--updates", 60, "--threads", 1)
    run("train-temporal", fish, model, "-o", folder / "temporal.h5", *FAST)
    return folder


def test_forecasts_as_text_json_and_tables(files):
    temporal, fish, tables = files / "temporal.h5", files / "fish.h5", files / "tables"
    shown = run("forecast", temporal, fish, "--ahead", 1, "--starts", 20, "-o", tables)
    assert "persistence" in shown.stdout and "temporal model" in " ".join(shown.stdout.split())
    found = json.loads(
        run("forecast", temporal, fish, "--ahead", 1, "--starts", 20, "--json").stdout
    )
    assert {each["forecast"] for each in found["forecasts"]} >= {"rate", "linear", "temporal"}
    assert len(pd.read_csv(tables / "forecasts.csv")) == 6
    assert {"source", "dwell_s"} <= set(pd.read_csv(tables / "dwell.csv"))
    assert {"source", "target"} <= set(pd.read_csv(tables / "couplings.csv"))
    assert "couplings" in run("info", temporal).stdout


def test_directions_as_text_json_tables_and_figure(files, tmp_path):
    temporal, fish = files / "temporal.h5", files / "fish.h5"
    shown = run("directions", temporal, fish, "-o", tmp_path, "--figure", tmp_path / "d.pdf")
    said = " ".join(shown.stdout.split())
    assert "ordered pairs of assemblies are coupled" in said and "GCaMP6s" in said
    assert (tmp_path / "d.pdf").stat().st_size > 1000
    table = pd.read_csv(tmp_path / "directions.csv")
    assert len(table) == 6 and (table["source"] != table["target"]).all()
    assert len(pd.read_csv(tmp_path / "lags.csv")) == 9 * 4
    found = json.loads(run("directions", temporal, fish, "--decay", 3.55, "--json").stdout)
    assert [row["directed"] for row in found["directions"]] != []
    strength = {(row["source"], row["target"]): row["strength"] for row in found["directions"]}
    plain = dict(zip(zip(table["source"], table["target"], strict=True), table["strength"],
                     strict=True))  # fmt: skip
    assert strength.keys() == plain.keys() and strength != plain


def test_samples_as_text_json_tables_figure_and_movie(files, tmp_path):
    model, temporal, fish = (files / name for name in ("model.h5", "temporal.h5", "fish.h5"))
    shown = run("sample", model, fish, "--frames", 4, "-o", tmp_path, "--figure",
                tmp_path / "s.png")  # fmt: skip
    said = " ".join(shown.stdout.split())
    assert "means nothing" in said and "0.5: it cannot" in said
    assert len(pd.read_csv(tmp_path / "told_apart.csv")) == 6
    assert "4" in run("info", tmp_path / "generated.h5").stdout
    held = run("sample", model, fish, "--kind", "held", "--frame", 9, "--frames", 3, "--json")
    assert json.loads(held.stdout)["frames"] == [9, 9, 9]
    gif = tmp_path / "m.gif"
    movie = ("sample", temporal, fish, "--kind", "movie", "--frames", 4, "--movie", gif)
    found = json.loads(run(*movie, "--source", "copula", "--json").stdout)
    assert found["source"] == "copula" and gif.stat().st_size > 1000
    with pytest.raises(CRBMError, match="exists already"):
        run(*movie)
    run("sample", model, fish, "--source", "copula", code=2)
    run("sample", temporal, fish, "--kind", "movie", "--source", "model", code=2)


def test_ctrl_c_leaves_a_checkpoint_that_continues_bit_for_bit(files, tmp_path, monkeypatch):
    advance = TemporalTraining._advance

    def interrupted(training):
        advance(training)
        if training.passes == 6:
            training.control.stop()

    fish, model, output = files / "fish.h5", files / "model.h5", tmp_path / "again.h5"
    monkeypatch.setattr(TemporalTraining, "_advance", interrupted)
    stopped = run("train-temporal", fish, model, "-o", output, *FAST, code=130)
    monkeypatch.undo()
    checkpoint = tmp_path / "again.checkpoint.h5"
    assert "--resume" in stopped.output and checkpoint.exists() and not output.exists()
    refused = run("train-temporal", fish, model, "-o", output, "--resume", checkpoint,
                  "--passes", 3, code=2)  # fmt: skip
    assert "keeps its settings" in " ".join(refused.output.split())
    run("train-temporal", fish, model, "-o", output, "--resume", checkpoint)
    first, second = load_temporal(files / "temporal.h5"), load_temporal(output)
    assert first.couplings.tobytes() == second.couplings.tobytes()


def test_files_of_other_kinds_are_refused(files, tmp_path):
    fish, model, temporal = (files / name for name in ("fish.h5", "model.h5", "temporal.h5"))
    for sentence, arguments in (
        ("a temporal model is needed", ("forecast", model, fish)),
        ("a trained model is needed", ("train-temporal", fish, temporal, "-o", tmp_path / "x.h5")),
        ("exists already", ("train-temporal", fish, model, "-o", temporal)),
    ):
        with pytest.raises(CRBMError, match=sentence):
            run(*arguments)


def test_predicted_responses_as_text_json_tables_and_figure(files, tmp_path):
    given = ("perturb", files / "model.h5", files / "fish.h5", "--temporal", files / "temporal.h5")
    asked = (*given, "--assembly", 1, "--kind", "hold", "--seconds", 1, "--lasting", 0.5)
    shown = run(*asked, "-o", tmp_path, "--figure", tmp_path / "r.pdf")
    said = " ".join(shown.stdout.split())
    assert "Predicted response" in said and "for 0.5 s assembly 1 held on" in said
    assert "effect" not in said and (tmp_path / "r.pdf").stat().st_size > 1000
    table = pd.read_csv(tmp_path / "response_assemblies.csv")
    assert len(table) == 3 * 4 and {"without", "with", "change", "low", "high"} <= set(table)
    found = json.loads(run(*asked, "--frame", 40, "--json").stdout)
    assert found["starts"] == [40] and found["event"] == "assembly 1 held on"
    assert len(found["assemblies"]) == 12


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--assembly", 1, "--dose"), "has no effect with --temporal"),
        (("--screen", "assemblies"), "has no effect with --temporal"),
        (("--assembly", 1, "--assembly", 2, "--kind", "hold"), "name one group"),
    ],
)
def test_what_has_no_course_is_refused(files, options, problem):
    given = ("perturb", files / "model.h5", files / "fish.h5", "--temporal", files / "temporal.h5")
    failed = run(*given, *options, code=2)
    assert problem in " ".join(failed.stderr.replace("│", " ").split())


def test_options_of_the_course_need_a_temporal_model(files):
    failed = run(
        "perturb", files / "model.h5", files / "fish.h5", "--assembly", 1, "--seconds", 2, code=2
    )
    assert "--temporal" in failed.stderr
