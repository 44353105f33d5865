"""The command that trains on two halves of a recording."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from napari_crbm.io import load_model
from tests.cli.test_cli import run

FAST = ("--updates", 40, "--chains", 20, "--threads", 1)


def test_reproducibility_of_a_recording_and_of_a_model(tmp_path):
    fish, model, csv = (tmp_path / name for name in ("fish.h5", "model.h5", "halves.csv"))
    run("simulate", fish, "--neurons", 150, "--frames", 600, "--assemblies", 3)
    printed = run("reproducibility", fish, "--n-hidden", 4, *FAST, "-o", csv, "--json")
    result = json.loads(printed.stdout)
    table = pd.read_csv(csv)
    assert list(table) == ["assembly", "first", "second", "similarity", "chance", "q", "found"]
    assert len(table) == 4 and table["found"].sum() == result["found"]
    assert result["verdict"] and len(result["assemblies"]) == 4

    run("train", fish, "-o", model, "--n-hidden", 3, *FAST)
    text = run("reproducibility", fish, "--model", model, "--store", *FAST)
    assert "both halves" in " ".join(text.output.split())
    kept = load_model(model).halves_
    assert set(kept) == {"similarity", "chance", "q", "found"} and len(kept["found"]) == 3
    assert "both_halves" in run("assemblies", model, fish).stdout
    tables = tmp_path / "tables"
    run("assemblies", model, fish, "-o", tables)
    exported = pd.read_csv(tables / "assemblies.csv")
    np.testing.assert_array_equal(exported["both_halves"], kept["found"] > 0)


def test_what_has_no_effect_is_refused(tmp_path):
    result = run("reproducibility", tmp_path / "x.h5", "--store", code=2)
    assert "--model" in " ".join(result.output.split())
