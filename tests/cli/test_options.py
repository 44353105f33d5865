"""Options: generated from declarations, checked by name, never ignored in silence."""

from __future__ import annotations

import inspect
import json
import math
import os
import subprocess
import sys
from typing import get_args

import numpy as np
import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from napari_crbm.cli import console
from napari_crbm.cli.app import app
from napari_crbm.cli.generated import naming_options
from napari_crbm.cli.reading import READING
from napari_crbm.declarations import RARE, declared
from napari_crbm.errors import CRBMError, SettingError, install_extra
from napari_crbm.io import load_model, open_recording, save_model, save_recording
from napari_crbm.io.options import ReadOptions
from napari_crbm.model import Settings
from napari_crbm.preprocessing import Steps
from napari_crbm.simulation.settings import SimulationSettings
from tests.conftest import random_model
from tests.io.files import small_recording

COMMANDS = typer.main.get_command(app).commands


def run(*arguments, code=0):
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result


@pytest.mark.parametrize(
    ("said", "typed"),
    [
        ("give frame_rate_hz to have", "give --frame-rate-hz to have"),
        ("the option time_unit (--time-unit) 'ms'", "--time-unit 'ms'"),
        ("one micrometre (um_per_pixel).", "one micrometre (--um-per-pixel)."),
        ("set the option neurons_first.", "set --neurons-first or --frames-first."),
        ("Choose one with the option group.", "Choose one with --group."),
        ("Use --flip-z if", "Use --flip-z if"),
        ("'um_per_pixel' of lab.json", "'um_per_pixel' of lab.json"),
        ("found 'frame_rate_hz', fish.unit, a group", "found 'frame_rate_hz', fish.unit, a group"),
        ("region_names.npy is no recording.", "region_names.npy is no recording."),
    ],
)
def test_messages_of_the_library_name_options_as_typed(said, typed, capsys, monkeypatch):
    monkeypatch.setattr(console, "err", Console(file=sys.stderr, markup=False, highlight=False))
    console.warn(said)
    console.complain(said)
    assert capsys.readouterr().err == f"Warning: {typed}\nError: {typed}\n"


def refused(*arguments):
    """The sentence of a command line that is refused, in one line."""
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    assert result.exit_code in (1, 2), result.output
    if isinstance(result.exception, CRBMError):
        return str(result.exception)
    assert isinstance(result.exception, SystemExit), result.exception
    return " ".join(result.output.replace("│", " ").split())


def options_of(command):
    return {
        name: each
        for each in COMMANDS[command].params
        for name in (*each.opts, *each.secondary_opts)
    }


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """A model and a recording that is not its training data, in files."""
    folder = tmp_path_factory.mktemp("pair")
    recording = small_recording()
    save_recording(recording, folder / "fish[dpf6].h5")
    save_model(random_model(recording.n_neurons, 3), folder / "model.h5", recording)
    return folder / "model.h5", folder / "fish[dpf6].h5"


# --- generated ----------------------------------------------------------------------------


def test_train_offers_every_setting_with_its_help():
    offered = options_of("train")
    for each in declared(Settings):
        assert each.help in offered[each.option].help
        rare = "Rarely" in offered[each.option].rich_help_panel
        assert rare is (each.group == RARE), each.name


@pytest.mark.parametrize("command", ["train", "sweep", "convert", "preprocess", "info"])
def test_commands_that_read_offer_every_reading_option(command):
    for each in declared(ReadOptions):
        assert each.help in options_of(command)[each.option].help


def test_simulate_offers_every_setting_with_its_help():
    for each in declared(SimulationSettings):
        assert each.help in options_of("simulate")[each.option].help


def test_preprocess_offers_every_step():
    for each in declared(Steps):
        if each.name != "method":
            assert each.help in options_of("preprocess")[each.option].help


def test_sweep_offers_every_setting():
    for each in declared(Settings):
        if each.name != "random_state":
            assert each.option in options_of("sweep")


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_help_is_not_taken_for_markup(command):
    for each in COMMANDS[command].params:
        assert "[" not in (getattr(each, "help", "") or ""), each.opts


@pytest.mark.parametrize("command", [each.callback for each in app.registered_commands])
def test_numbers_have_bounds(command):
    for name, each in inspect.signature(command, eval_str=True).parameters.items():
        kinds = str(get_args(each.annotation)[0])
        if "int" in kinds or "float" in kinds:
            for option in get_args(each.annotation)[1:]:
                bounds = (option.min, option.max, option.parser)
                assert any(bound is not None for bound in bounds), name


@pytest.mark.parametrize("name", ["epsilon", "warm_up", "initialisation", "learning_rate"])
def test_settings_reach_the_training(pair, monkeypatch, name):
    values = {
        "epsilon": (["--epsilon", "1e-7"], 1e-7),
        "warm_up": (["--warm-up", "0.1"], 0.1),
        "initialisation": (["--initialisation", "random"], "random"),
        "learning_rate": (["--learning-rate", "0.002"], 0.002),
    }
    seen = []

    def measured(_spikes, settings):
        seen.append(settings)
        raise CRBMError("seen")

    monkeypatch.setattr("napari_crbm.model.measure_pace", measured)
    monkeypatch.setattr("napari_crbm.model.training.compile_ahead.compile_ahead", lambda: None)
    arguments, value = values[name]
    assert refused("train", pair[1], "-o", pair[1].parent / "new.h5", *arguments) == "seen"
    assert getattr(seen[0], name) == value
    assert seen[0] == Settings(**{name: value})


# --- checked by name ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--threads", "-1"], "'--threads': must be a whole number of at least 0; found '-1'"),
        (["--threads", "two"], "'--threads': must be a whole number"),
        (["--seed", "-1"], "'--seed': must be a whole number of at least 0; found '-1'"),
        (["--learning-rate", "fast"], "'--learning-rate': must be a positive number; found 'fast'"),
        (["--learning-rate", "nan"], "'--learning-rate': must be a positive number; found 'nan'"),
        (["--test-blocks", "12"], "'--test-blocks': must be a whole number from 0 to 9"),
        (["--n-hidden", "[/x]"], "must be 'auto' or a positive whole number; found '[/x]'"),
        (["--device", "tpu"], "must be 'cpu', 'gpu' or 'auto'; found 'tpu'"),
        (
            ["--final-learning-rate", "0.5"],
            "--final-learning-rate must not exceed --learning-rate; found 0.5 and 0.003.",
        ),
        (["--checkpoint-minutes", "inf"], "must be a finite number; found inf"),
        (["--recipe", "slow"], "No recipe 'slow'"),
    ],
)
def test_wrong_values_are_refused_as_typed(pair, arguments, sentence):
    assert sentence in refused("train", pair[1], "-o", pair[1].parent / "new.h5", *arguments)


def test_sweeps_refuse_wrong_lists(pair, tmp_path):
    assert "found 'many'" in refused("sweep", pair[1], "-o", tmp_path, "--n-hidden", "5,many")
    assert "'--seeds'" in refused("sweep", pair[1], "-o", tmp_path, "--seeds", "0,-1")


def test_errors_of_the_library_name_options(pair, tmp_path):
    draws = np.random.default_rng(0)
    np.savez(tmp_path / "a.npz", dff=draws.random((50, 9)), xyz=draws.random((9, 3)))
    said = refused("convert", tmp_path / "a.npz", tmp_path / "b.h5")
    assert "open it with --binarise 2.0" in said and "binarise=" not in said
    with pytest.raises(SettingError, match=r"open it with binarise=2\.0"):
        open_recording(tmp_path / "a.npz")
    with pytest.raises(CRBMError, match=r"^Set --frames-first, a\.$"), naming_options(READING):
        raise SettingError("Set {neurons_first:False}, {name}.", {"name": "a"})


# --- never ignored ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "options", "sentence"),
    [
        ("connectivity", ["--neuron", "3"], "--neuron: has no effect without --output"),
        ("connectivity", ["--animal", "a"], "--animal: has no effect without --project"),
        ("connectivity", ["--voxel-um", "1,1,1"], "--voxel-um: has no effect without --atlas"),
        (
            "connectivity",
            ["--orientation", "las"],
            "--orientation: has no effect without --atlas",
        ),
        ("connectivity", ["--neuron", "99999", "-o", "x"], "there is no neuron 99999"),
        ("assemblies", ["--format", "csv"], "--format: has no effect without --output"),
        ("assemblies", ["--threshold", "99"], "no weight exceeds 99: the largest is"),
        ("states", ["--parquet"], "--parquet: has no effect without --output"),
        ("evaluate", ["--parquet"], "--parquet: has no effect without --output"),
        ("evaluate", ["--as-published", "--samples", "9"], "no effect with --as-published"),
        ("evaluate", ["--samples", "0"], "greater than or equal to 2"),
        ("evaluate", ["--figure", "fit.txt"], "'fit.txt' must end in .png, .pdf or .svg"),
        ("compare", ["-o", "table.txt"], "'table.txt' must end in .csv or .parquet"),
        ("compare", ["--methods", "magic"], "'magic' is not"),
    ],
)
def test_options_without_effect_are_refused(pair, command, options, sentence):
    assert sentence in refused(command, *pair, *options)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--motion-above", "2"], "no effect without --motion-trace"),
        (["--background", "2"], "no effect without --raw"),
        (["--percentile", "20"], "no effect without --baseline"),
        (["--decay", "2"], "no effect without --deconvolve"),
        (["--keep-spikes", "--threshold", "2"], "no effect with --keep-spikes"),
        (["--steps-from", "a.h5", "--burn-in", "2"], "excludes all other steps"),
        (["--raw"], "--raw needs a baseline window: set --baseline"),
        (["--min-activity", "2"], "must be a number of at least 0 and at most 1"),
    ],
)
def test_steps_without_effect_are_refused(pair, tmp_path, options, sentence):
    assert sentence in refused("preprocess", pair[1], tmp_path / "b.h5", *options)


def test_models_take_no_reading_options(pair, tmp_path):
    assert "is for recordings" in refused("info", pair[0], "--frame-rate-hz", "2")
    assert "is for recordings" in refused(
        "convert", pair[0], tmp_path / "m.h5", "--drop-unlabelled"
    )


@pytest.mark.parametrize(
    "line",
    [
        ["train", "FISH", "-o", "x.txt"],
        ["convert", "FISH", "a.xyz"],
        ["preprocess", "FISH", "a.txt", "--keep-spikes"],
        ["simulate", "a.csv"],
    ],
)
def test_files_end_as_their_kind_does(pair, line):
    said = refused(*(pair[1] if word == "FISH" else word for word in line))
    assert "must end in .h5" in said


def test_figures_are_not_overwritten_unasked(pair, tmp_path):
    line = ["figure", *pair, "-a", 1, "-o", tmp_path, "--format", "svg"]
    run(*line)
    assert "exists already" in refused(*line)
    run(*line, "--force")


# --- what is printed --------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["fish[dpf6].h5", "[all]", "[/x]", "Habenula [left]", ":smile:"])
def test_texts_are_printed_as_they_are(capsys, monkeypatch, text):
    monkeypatch.setattr(console, "err", console.Console(stderr=True, **console._PLAIN))
    monkeypatch.setattr(console, "out", console.Console(**console._PLAIN))
    for show in (console.say, console.warn, console.complain):
        show(text)
        assert capsys.readouterr().err.endswith(f"{text}\n")
    console.print_pairs(text, {text: text})
    assert capsys.readouterr().out.split().count(text.split()[0]) == 3
    with console.progress_bar(text, text) as advance:
        advance(1, 2, text)
    assert capsys.readouterr().err.count(text) == 3


def test_a_bar_that_counted_nothing_leaves_no_line(capsys, monkeypatch):
    monkeypatch.setattr(console, "err", console.Console(stderr=True, **console._PLAIN))
    with console.progress_bar("Opening", "neurons"):
        pass
    assert "Opening" not in capsys.readouterr().err
    with console.progress_bar("Opening", "neurons") as advance:
        advance(3, 3)
    shown = capsys.readouterr().err
    assert "Opening" in shown and "3/3 neurons" in shown


def test_numbers_agree_with_their_nouns():
    assert console.counted(1, "pair") == "1 pair" and console.counted(2, "pair") == "2 pairs"
    assert console.counted(1200, "assembly", "assemblies") == "1,200 assemblies"


def test_names_of_files_keep_their_brackets(pair):
    assert "fish[dpf6].h5" in run("info", pair[1]).stdout.replace("\n", "")
    assert "fish[dpf6].h5" in run("info", pair[1], "--tree").stdout.replace("\n", "")


def test_info_says_what_each_fingerprint_identifies(pair):
    model = json.loads(run("info", pair[0], "--json").stdout)
    recording = json.loads(run("info", pair[1], "--json").stdout)
    assert model["recording_fingerprint"] == recording["activity_fingerprint"]
    assert recording["fingerprint"] != recording["activity_fingerprint"]
    assert "fingerprint of the activity trained on" in run("info", pair[0]).stdout
    assert "fingerprint of its activity" in run("info", pair[1]).stdout


@pytest.mark.parametrize("encoding", ["cp850", "ascii"])
def test_any_code_page_can_be_written(tmp_path, encoding):
    """A name that the code page lacks, and the µ of a help text."""
    code = "from napari_crbm.cli import main; main()"
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    missing = tmp_path / "鱼.h5"
    for line in (["info", str(missing)], ["convert", "--help"]):
        done = subprocess.run(
            [sys.executable, "-c", code, *line], env=environment, capture_output=True, check=False
        )
        assert done.returncode in (0, 1), done.stderr
        assert b"UnicodeEncodeError" not in done.stderr
    assert b"\\u9c7c" in done.stderr or done.stdout


def test_the_advice_for_extras_works_from_a_clone():
    assert 'python -m pip install ".[nwb]"' in install_extra("nwb")
    assert "extra 'nwb'" in install_extra("nwb")


def test_no_message_advises_an_index():
    """The package is on no index: only `install_extra` says how an extra is installed."""
    from pathlib import Path

    import napari_crbm

    for path in Path(napari_crbm.__file__).parent.rglob("*.py"):
        assert "napari-crbm[" not in path.read_text(encoding="utf-8"), path


# --- training ----------------------------------------------------------------------------------


def test_train_prints_json_and_a_resumed_training_keeps_its_settings(tmp_path):
    run("simulate", tmp_path / "fish.h5", "--neurons", 300, "--frames", 400, "--assemblies", 3)
    from napari_crbm.io import save_checkpoint
    from napari_crbm.model import Training

    recording = open_recording(tmp_path / "fish.h5")
    training = Training(recording.spikes, Settings(n_updates=40, n_chains=10, n_hidden=3))
    for progress in training:
        if progress.update:
            training.control.stop()
    save_checkpoint(training.checkpoint(), tmp_path / "a.checkpoint.h5")
    line = ["train", tmp_path / "fish.h5", "-o", tmp_path / "m.h5"]
    line += ["--resume", tmp_path / "a.checkpoint.h5"]
    assert "--updates 40, not 50" in refused(*line, "--updates", 50)
    assert "'--recipe'" in refused(*line, "--recipe", "paper") or "--recipe" in refused(
        *line, "--recipe", "paper"
    )
    told = json.loads(run(*line, "--updates", 40, "--threads", 1, "--json").stdout)
    model = load_model(tmp_path / "m.h5")
    assert told["updates"] == 40 and told["assemblies"] == model.n_assemblies
    assert told["settings"]["n_threads"] == 1
    assert told["recording_fingerprint"] == recording.spikes.fingerprint
    assert math.isfinite(told["training_time_s"])
