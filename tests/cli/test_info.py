"""``napari-crbm info`` summarises every kind of file of this program."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.test_cli import run
from tests.cli.test_inputs_kept import refused

# Files of all kinds that an earlier version wrote.
EARLIER = Path(__file__).parents[1] / "io" / "earlier"


@pytest.mark.parametrize(
    ("name", "shown", "key", "value"),
    [
        ("recording", "60", "neurons", 60),
        ("model", "n_hidden 2", "assemblies", 2),
        ("checkpoint", "version", "version", 9),
        ("project", "one", "animals", 1),
    ],
)
def test_every_kind_of_file_is_summarised(name, shown, key, value):
    path = EARLIER / f"{name}.h5"
    text = run("info", path).stdout
    assert f"({name})" in text.replace("\n", "") and shown in text
    data = json.loads(run("info", path, "--json").stdout)
    assert data["kind"] == name and data[key] == value


def test_options_of_recordings_are_refused_for_other_files():
    result = run("info", EARLIER / "project.h5", "--frame-rate-hz", "2", code=2)
    assert "project.h5 holds a" in result.output


@pytest.mark.parametrize("command", ["figure", "assemblies", "states", "evaluate", "connectivity"])
def test_a_file_is_not_a_folder_for_results(command, tmp_path):
    taken = tmp_path / "notes.txt"
    taken.write_text("mine")
    line = [command, EARLIER / "model.h5", EARLIER / "recording.h5", "-o"]
    assert "notes.txt is a file, but a folder is needed" in refused(*line, taken)
    assert "notes.txt is a file, but a folder is needed" in refused(*line, taken / "inside")
    assert taken.read_text() == "mine" and list(tmp_path.iterdir()) == [taken]
