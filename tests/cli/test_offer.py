"""A file of unknown layout ends with the exact commands that open it."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from napari_crbm.cli import main
from napari_crbm.cli.offer import offer_profile
from napari_crbm.errors import CRBMError
from napari_crbm.io import load_model, load_profile
from tests.cli.test_cli import run


def command(folder, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "napari_crbm", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_commands_it_prints_work(tmp_path, monkeypatch, capsys):
    """The first in a process of its own, as a person sees it; those it offers within this one."""
    rng = np.random.default_rng(0)
    spikes = (rng.random((300, 12)) < 0.2).astype("u1")
    np.savez(tmp_path / "my fish.npz", activity_matrix=spikes, where=100 * rng.random((12, 3)))
    monkeypatch.chdir(tmp_path)
    wanted = ["train", "my fish.npz", "-o", "m.h5", "--updates", "20", "--chains", "10"]
    wanted += ["--n-hidden", "2"]
    failed = command(tmp_path, *wanted)
    assert failed.returncode == 1
    lines = [line.strip() for line in failed.stderr.splitlines()]
    offers = [line for line in lines if line.startswith("napari-crbm ")]
    assert len(offers) == 2

    def here(*words):
        monkeypatch.setattr(sys, "argv", ["napari-crbm", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code

    for line in offers:
        here(*shlex.split(line)[1:])
    assert load_model(tmp_path / "m.h5").n_neurons == 12
    profile = ["--profile", "my fish.profile.json"]
    capsys.readouterr()
    here("evaluate", "m.h5", "my fish.npz", "--samples", "50", *profile)
    said = capsys.readouterr().err
    assert "UserWarning" not in said and "Warning: " in said
    here("figure", "m.h5", "my fish.npz", "-o", "figures", "--assembly", "0", *profile)
    here("compare", "m.h5", "my fish.npz", "--methods", "pca", *profile)


def test_a_profile_that_exists_is_neither_overwritten_nor_offered(tmp_path, monkeypatch, capsys):
    values = np.random.default_rng(0).normal(size=(300, 12))
    np.savez(tmp_path / "fish.npz", measured=values)
    monkeypatch.chdir(tmp_path)
    mine = Path("fish.profile.json")
    mine.write_text("edited")
    offer_profile(Path("fish.npz"), ["train", "fish.npz"])
    said = capsys.readouterr().err
    assert "--save-profile fish.profile-2.json" in said and "--profile fish.profile-2.json" in said
    with pytest.raises(CRBMError, match="exists already"):
        run("info", "fish.npz", "--save-profile", mine)
    assert mine.read_text() == "edited"
    run("info", "fish.npz", "--save-profile", mine, "--force")
    assert load_profile(mine).activity == "measured"
    run("info", "fish.npz", "--force", code=2)
    # A profile would take the place of the recording.
    np.savez(tmp_path / "fish", measured=values)
    Path("fish.npz").rename("fish.json")
    with pytest.raises(CRBMError, match="is an input of this command"):
        run("info", "fish.json", "--save-profile", "fish.json", "--force")


def test_every_command_on_a_recording_takes_the_options_of_reading():
    import typer.main

    from napari_crbm.cli.app import app

    commands = typer.main.get_command(app).commands
    for name in ("info", "train", "sweep", "evaluate", "figure", "connectivity", "compare", "view"):
        options = {option for each in commands[name].params for option in each.opts}
        assert {"--profile", "--binarise", "--frame-rate-hz", "--bin-s"} <= options, name
