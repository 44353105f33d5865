import numpy as np
import pandas as pd

from napari_crbm.analysis import select
from napari_crbm.io import load_model
from tests.cli.test_cli import run


def test_sweep_writes_tables_figure_and_model(tmp_path):
    fish, folder = tmp_path / "fish.h5", tmp_path / "sweep"
    run("simulate", fish, "--neurons", 200, "--frames", 500, "--assemblies", 3)
    arguments = (
        "sweep", fish, "-o", folder, "--n-hidden", "2,4", "--folds", 2, "--recipe", "quick",
        "--updates", 100, "--workers", 1, "--threads", 1,
    )  # fmt: skip
    run(*arguments)
    results = pd.read_csv(folder / "results.csv")
    assert results["n_hidden"].tolist() == [2, 2, 4, 4]
    selection = select(results)
    written = pd.read_csv(folder / "selection.csv")
    assert written["selected"].tolist() == selection.table["selected"].tolist()
    model = load_model(folder / "selected.model.h5")
    assert model.n_assemblies == selection.configuration["n_hidden"]
    assert 140 <= len(model.split_["test"]) <= 150 and model.stability_ is not None
    assert (folder / "selection.png").stat().st_size > 10_000

    trained = [folder / name for name in results["model"]]
    before = [path.stat().st_mtime_ns for path in trained]
    run(*arguments)
    assert [path.stat().st_mtime_ns for path in trained] == before
    np.testing.assert_array_equal(
        pd.read_csv(folder / "results.csv")["held_out_pseudo_likelihood"],
        results["held_out_pseudo_likelihood"],
    )


def test_a_list_that_is_none(tmp_path):
    result = run("sweep", tmp_path / "x.h5", "-o", tmp_path, "--l1", "0.1;0.2", code=2)
    assert "separated by commas" in " ".join(result.output.split())
