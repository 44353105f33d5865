import json

import numpy as np
import pandas as pd
import pytest

from napari_crbm.analysis import stability
from napari_crbm.errors import ModelError
from napari_crbm.io import load_model, save_model, save_recording
from tests.cli.test_cli import run
from tests.conftest import random_model
from tests.io.files import small_recording


@pytest.fixture
def models(tmp_path):
    save_recording(small_recording(), tmp_path / "fish.h5")
    n_neurons = small_recording().n_neurons
    return [
        save_model(random_model(n_neurons, 4, seed), tmp_path / f"model{seed}.h5")
        for seed in range(3)
    ]


def test_table_figure_and_column(models, tmp_path):
    expected = stability([load_model(path).weights_ for path in models])
    csv, figure = tmp_path / "pairs.csv", tmp_path / "pairs.png"
    printed = run("stability", *models, "-o", csv, "--figure", figure, "--store", "--json")
    rows = json.loads(printed.stdout)
    assert [row["stability"] for row in rows] == pytest.approx(expected.values.tolist())
    table = pd.read_csv(csv)
    assert table["model"].unique().tolist() == ["model1.h5", "model2.h5"]
    np.testing.assert_allclose(table["similarity"], expected.pairs["similarity"], rtol=1e-5)
    assert figure.stat().st_size > 10_000
    np.testing.assert_array_equal(load_model(models[0]).stability_, expected.values)

    assert "stability" in run("assemblies", models[0], tmp_path / "fish.h5").stdout
    assert "stability" not in run("assemblies", models[1], tmp_path / "fish.h5").stdout
    run("assemblies", models[0], tmp_path / "fish.h5", "-o", tmp_path / "tables")
    exported = pd.read_csv(tmp_path / "tables" / "assemblies.csv")
    np.testing.assert_allclose(exported["stability"], expected.values, rtol=1e-5)


def test_one_model_is_not_enough(models):
    with pytest.raises(ModelError, match="at least two models"):
        run("stability", models[0])
