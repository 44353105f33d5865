"""The command line as a person meets it: output, exit codes, files, Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner

from napari_crbm.cli.app import app
from napari_crbm.errors import CRBMError
from napari_crbm.io import load_checkpoint, load_model, open_recording
from napari_crbm.model import Pace, Settings, Training
from napari_crbm.model.start.initialise import assembly_start

SMALL = ["--neurons", "300", "--frames", "800", "--assemblies", "4"]
QUICK = ["--updates", "120", "--chains", "40", "--n-hidden", "5"]


def run(*arguments, code: int = 0):
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A simulated recording and a model trained on it, made by the commands themselves."""
    path = tmp_path_factory.mktemp("cli")
    run("simulate", path / "fish.h5", *SMALL)
    run("train", path / "fish.h5", "-o", path / "model.h5", *QUICK)
    return path


def test_every_command_has_readable_help():
    text = run("--help").stdout
    commands = (
        "demo",
        "simulate",
        "convert",
        "info",
        "train",
        "evaluate",
        "assemblies",
        "figure",
        "view",
    )
    for command in commands:
        assert command in text
        assert "Usage" in run(command, "--help").stdout


def test_info_as_text_and_json(folder):
    text = run("info", folder / "fish.h5").stdout
    assert "300" in text and "800" in text
    data = json.loads(run("info", folder / "fish.h5", "--json").stdout)
    assert data["kind"] == "recording" and data["neurons"] == 300 and data["frames"] == 800
    model = json.loads(run("info", folder / "model.h5", "--json").stdout)
    assert model["kind"] == "model" and model["assemblies"] == 5
    assert model["recording_fingerprint"] == open_recording(folder / "fish.h5").spikes.fingerprint


def test_evaluate_reports_statistics_and_recovery(folder):
    data = json.loads(
        run("evaluate", folder / "model.h5", folder / "fish.h5", "--samples", 500, "--json").stdout
    )
    five = {"mean_v", "mean_h", "mean_vh", "cov_vv", "cov_hh"}
    assert set(data["statistics"]) == {*five, "triplets"}
    assert 0 <= data["recovered"] <= 1
    assert data["pseudo_likelihood"] < 0 and data["log_likelihood"] is None


def test_evaluate_draws_as_the_paper_does(folder):
    text = run("evaluate", folder / "model.h5", folder / "fish.h5", "--as-published").stdout
    assert "15,000 frames were drawn from the model, 20 Gibbs steps apart after 2,000 steps" in text


def test_states_and_combinations_as_tables(folder, tmp_path):
    pair = (folder / "model.h5", folder / "fish.h5")
    result = run("states", *pair, "-o", tmp_path, "--figure", tmp_path / "states.svg")
    text = " ".join(result.stdout.split())
    assert "assemblies active" in text and "different combinations" in text
    assert "locally dense" in text
    for name in ("states", "locality", "combinations", "coactivation", "active"):
        assert (tmp_path / f"{name}.csv").stat().st_size > 0
    assert (tmp_path / "states.svg").stat().st_size > 10_000
    data = json.loads(run("states", *pair, "--gaussians", "--shuffles", 19, "--json").stdout)
    assert data["phase"] in ("ferromagnetic", "compositional", "spin-glass")


def test_evaluate_tells_the_verdict_and_draws_it(folder, tmp_path):
    picture = tmp_path / "fit.pdf"
    options = ["--samples", 300, "--chains", 30, "--likelihood"]
    options += ["-o", tmp_path]
    result = run("evaluate", folder / "model.h5", folder / "fish.h5", *options, "--figure", picture)
    assert "assemblies are certain" in result.stdout
    assert "nats per held-out frame" in result.stdout
    assert picture.stat().st_size > 10_000
    for name in ("statistics", "neurons", "lagged", "active_neurons"):
        assert (tmp_path / f"{name}.csv").stat().st_size > 50


def test_assemblies_as_table_json_and_csv(folder, tmp_path):
    listed = run("assemblies", folder / "model.h5", folder / "fish.h5").stdout
    rows = json.loads(run("assemblies", folder / "model.h5", folder / "fish.h5", "--json").stdout)
    assert [row["assembly"] for row in rows] == list(range(5))
    for row in rows:
        assert row["regions"].split("; ")[0] in listed
        assert row["enriched_region"] in listed
    run("assemblies", folder / "model.h5", folder / "fish.h5", "-o", tmp_path)
    header, first, *_ = (tmp_path / "members.csv").read_text().splitlines()
    assert header.startswith("assembly,neuron,weight") and first.startswith("0,")


@pytest.mark.parametrize("kind", ["png", "pdf", "svg"])
def test_figure_writes_sheets(folder, tmp_path, kind):
    run(
        "figure", folder / "model.h5", folder / "fish.h5", "-a", 1, "-o", tmp_path, "--format", kind
    )
    assert [p.name for p in tmp_path.iterdir()] == [f"assembly-001.{kind}"]


def test_figure_refuses_what_does_not_exist(folder, tmp_path):
    with pytest.raises(CRBMError, match="no assembly 9: the model's are 0 to 4"):
        run("figure", folder / "model.h5", folder / "fish.h5", "-a", 9, "-o", tmp_path)
    run("figure", folder / "model.h5", folder / "fish.h5", "--format", "bmp", code=2)


def test_nothing_is_overwritten_unasked(folder):
    with pytest.raises(CRBMError, match=r"fish\.h5 exists already"):
        run("simulate", folder / "fish.h5", *SMALL)


def test_numbers_and_recipes_are_checked(folder, tmp_path):
    run("train", folder / "fish.h5", "-o", tmp_path / "m.h5", "--n-hidden", "many", code=2)
    with pytest.raises(CRBMError, match="No recipe 'slow'"):
        run("train", folder / "fish.h5", "-o", tmp_path / "m.h5", "--recipe", "slow")
    assert not list(tmp_path.iterdir())


def test_model_and_recording_must_belong_together(folder, tmp_path):
    run("simulate", tmp_path / "other.h5", "--neurons", 200, "--frames", 300, "--assemblies", 3)
    with pytest.raises(CRBMError, match="trained on 300 neurons"):
        run("evaluate", folder / "model.h5", tmp_path / "other.h5")
    with pytest.raises(CRBMError, match="model"):
        run("train", folder / "model.h5", "-o", tmp_path / "m.h5")


def test_convert_detects_events_in_fluorescence(tmp_path):
    generator = np.random.default_rng(0)
    trace = np.cumsum(generator.random((500, 40)) < 0.02, axis=0) % 2 + generator.normal(
        0, 0.05, (500, 40)
    )
    with h5py.File(tmp_path / "calcium.h5", "w") as file:
        file["Data/Brain/Coordinates"] = generator.random((3, 40))
        file["Data/Brain/Analysis/DFF"] = trace
    with pytest.raises(CRBMError, match="binarise"):
        run("convert", tmp_path / "calcium.h5", tmp_path / "spikes.h5")
    run(
        "convert",
        tmp_path / "calcium.h5",
        tmp_path / "spikes.h5",
        "--binarise",
        3,
        "--frame-rate-hz",
        5,
    )
    recording = open_recording(tmp_path / "spikes.h5")
    assert recording.spikes.shape == (500, 40)
    assert 0.003 < recording.spikes.rate < 0.05
    assert recording.frame_interval_s == pytest.approx(0.2)


def command(*arguments, **options):
    code = "from napari_crbm.cli import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def test_errors_are_one_sentence_and_exit_code_1(tmp_path):
    (tmp_path / "bad.h5").write_text("not HDF5")
    process = command("info", tmp_path / "bad.h5")
    _, stderr = process.communicate()
    assert process.returncode == 1
    assert "bad.h5" in stderr and "Traceback" not in stderr


def test_a_place_that_cannot_be_written_is_no_bug(folder, tmp_path):
    (tmp_path / "file").touch()
    model, fish = folder / "model.h5", folder / "fish.h5"
    process = command("assemblies", model, fish, "-o", tmp_path / "file" / "tables")
    _, stderr = process.communicate()
    assert process.returncode == 1
    assert "is a file, but a folder is needed" in stderr and "Traceback" not in stderr


@pytest.mark.skipif(os.name == "nt", reason="signals differ on Windows")
def test_ctrl_c_leaves_a_checkpoint_that_continues_bit_for_bit(folder, tmp_path, monkeypatch):
    advance = Training._advance

    def interrupted(training: Training) -> None:
        advance(training)
        if training.update == 50:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Training, "_advance", interrupted)
    monkeypatch.setattr("napari_crbm.model.measure_pace", lambda *_, **__: Pace(0.0, 0.0))
    run("train", folder / "fish.h5", "-o", tmp_path / "model.h5", *QUICK, code=130)
    monkeypatch.undo()
    checkpoint = tmp_path / "model.checkpoint.h5"
    assert checkpoint.exists() and not (tmp_path / "model.h5").exists()
    run("train", folder / "fish.h5", "-o", tmp_path / "model.h5", "--resume", checkpoint)
    whole, continued = load_model(folder / "model.h5"), load_model(tmp_path / "model.h5")
    np.testing.assert_array_equal(whole.weights_, continued.weights_)


@pytest.mark.skipif(os.name == "nt", reason="signals differ on Windows")
def test_ctrl_c_before_the_first_update_says_so(folder, tmp_path, monkeypatch):
    def interrupted(*arguments: Any) -> Iterator[int]:
        os.kill(os.getpid(), signal.SIGINT)
        return (yield from assembly_start(*arguments))

    monkeypatch.setattr("napari_crbm.model.training.initial.assembly_start", interrupted)
    monkeypatch.setattr("napari_crbm.model.measure_pace", lambda *_, **__: Pace(0.0, 0.0))
    result = run("train", folder / "fish.h5", "-o", tmp_path / "model.h5", *QUICK, code=130)
    assert "there is nothing to keep" in result.stderr
    assert not list(tmp_path.iterdir())


# The command as it is, killed when its first checkpoint has just appeared, or when the second
# is written and has not yet taken the place of the first.
_KILLED = """
import os, signal, sys
from napari_crbm.cli import main
from napari_crbm.io.models import autosave

when, saved = sys.argv.pop(1), []
save = autosave.save_checkpoint

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def save_and_die(*arguments):
    if saved:
        os.replace = die
    saved.append(save(*arguments))
    if when == "first":
        die()

autosave.save_checkpoint = save_and_die
main()
"""


@pytest.mark.skipif(os.name == "nt", reason="signals differ on Windows")
@pytest.mark.parametrize("when", ["first", "second"])
def test_a_killed_training_continues_from_its_last_checkpoint(folder, tmp_path, when):
    options = [*QUICK, "-o", tmp_path / "model.h5", "--checkpoint-minutes", "0"]
    command = [sys.executable, "-c", _KILLED, when, "train", folder / "fish.h5", *options]
    assert subprocess.run(list(map(str, command))).returncode == -signal.SIGKILL
    checkpoint = tmp_path / "model.checkpoint.h5"
    left = [path for path in tmp_path.iterdir() if path != checkpoint]
    assert len(left) == (when == "second"), "the second is there under another name"
    assert 0 < load_checkpoint(checkpoint)["update"] < 120
    run("train", folder / "fish.h5", "-o", tmp_path / "model.h5", "--resume", checkpoint)
    assert not checkpoint.exists(), "it goes when the model is written"
    whole, continued = load_model(folder / "model.h5"), load_model(tmp_path / "model.h5")
    np.testing.assert_array_equal(continued.weights_, whole.weights_)


def test_demo_without_a_screen(tmp_path, monkeypatch):
    """The whole way, with a training that is short."""
    monkeypatch.delenv("DISPLAY", raising=False)
    named = Settings.named
    monkeypatch.setattr(
        Settings, "named", lambda recipe, **given: named(recipe, **{**given, "n_updates": 300})
    )
    out = run("demo", "-o", tmp_path, "--neurons", 300, "--frames", 600, "--no-view")
    assert "planted assemblies recovered" in out.stdout
    assert (tmp_path / "figures" / "summary.png").exists()
    assert (tmp_path / "model.h5").exists()


def test_missing_memory_is_said_and_is_no_bug(folder, monkeypatch, capsys):
    from napari_crbm import cli
    from napari_crbm.io import registry

    def none_left(*_):
        raise MemoryError

    monkeypatch.setattr(registry, "_read", none_left)
    monkeypatch.setattr(sys, "argv", ["napari-crbm", "convert", str(folder / "fish.h5"), "x.h5"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == cli.EXIT_ERROR
    assert "not enough memory" in capsys.readouterr().err
