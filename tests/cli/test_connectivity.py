"""``connectivity`` and ``compare-fish`` as a person meets them."""

import json

import numpy as np
import pandas as pd
import pytest

from napari_crbm.connectome import coupling_factors, hidden_response, load_project, region_map
from napari_crbm.errors import FormatError, RecordingError
from napari_crbm.io import save_model, save_recording
from napari_crbm.recording import Recording
from napari_crbm.simulation.animals import plant_connectome, simulate_animal
from tests.cli.test_cli import run
from tests.conftest import random_model


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Three animals with models, their maps in one project, and a structural matrix."""
    folder = tmp_path_factory.mktemp("study")
    planted = plant_connectome(6, 5)
    for seed in (1, 2, 3):
        recording = simulate_animal(planted, 150, 60, seed)
        model = random_model(150, 5, seed)
        save_recording(recording, folder / f"fish{seed}.h5")
        save_model(model, folder / f"model{seed}.h5")
        run(
            *("connectivity", folder / f"model{seed}.h5", folder / f"fish{seed}.h5"),
            *("--project", folder / "study.h5", "--shuffles", 20),
        )
    names = [name.replace(" L", "_LEFT").replace(" R", "_RIGHT") for name in planted.names]
    frame = pd.DataFrame(planted.matrix, names, names)
    frame.iloc[0, 1] = frame.iloc[1, 0] = 0
    frame.to_csv(folder / "matrix.csv")
    return folder


def test_connectivity_writes_tables_and_figures(study):
    out = study / "out"
    text = run(
        *("connectivity", study / "model1.h5", study / "fish1.h5", "-o", out, "--shuffles", 20),
        *("--structural", study / "matrix.csv", "--neuron", 4),
    ).stdout
    assert "Spearman" in text and "unconnected left out" in text
    assert "relocated in the brain reach Spearman" in text and "than nearness" in text
    expected = {"connections.csv", "matrix.csv", "composition.csv", "assemblies_by_region.csv"}
    expected |= {"couplings-neuron-4.csv", "connectivity.pdf", "composition.png"}
    assert expected <= {path.name for path in out.iterdir()}
    couplings = pd.read_csv(out / "couplings-neuron-4.csv")
    assert len(couplings) == 150 and couplings["coupling"][4] == 0


def test_axes_and_scale_of_the_coordinates_are_options(study, tmp_path):
    from dataclasses import replace

    from napari_crbm.io import open_recording

    fish = open_recording(study / "fish1.h5")
    pixels = (fish.positions[:, ::-1] / 0.4).astype(np.float32)
    save_recording(replace(fish, coordinates=pixels, regions=None), tmp_path / "pixels.h5")
    arguments = ("connectivity", study / "model1.h5", tmp_path / "pixels.h5", "--shuffles", 0)
    arguments += ("--atlas", "larval-fish", "--min-neurons", 1, "--columns", "xyz")

    def said(*more):
        return " ".join(run(*arguments, *more).stderr.split())

    assert "Only" in said()
    right = said("--scale-um", 0.4)
    assert "No axis flipped, axes read as xyz, scaled by 0.4" in right
    assert "100.0 % of the neurons" in right and "Only " not in right
    assert "shifted by" in said("--scale-um", 0.4, "--centre")
    for wrong, hint in (("zyy", "--columns"), ("1,2", "--scale-um")):
        assert f"Invalid value for {hint}" in run(*arguments, hint, wrong, code=2).output


def test_json_is_the_librarys_map(study):
    from napari_crbm.io import load_model, open_recording

    command = ("connectivity", study / "model1.h5", study / "fish1.h5", "--json", "--rule", "rms")
    found = json.loads(run(*command).stdout)
    model, recording = load_model(study / "model1.h5"), open_recording(study / "fish1.h5")
    factors = coupling_factors(model.weights_, hidden_response(model, recording.spikes))
    expected = region_map(factors, recording.regions, rule="rms").table()
    values = [row["value"] for row in found["connections"]]
    np.testing.assert_allclose(values, expected["value"], rtol=1e-5)


def test_levels_filters_and_affine_maps(study, tmp_path):
    pair = (study / "model1.h5", study / "fish1.h5", "--shuffles", 0, "--min-neurons", 1, "--json")
    (tmp_path / "map.txt").write_text("1 0 0 0\n0 1 0 0\n0 0 1 0\n")
    placed = ("--atlas", "larval-fish", "--affine", tmp_path / "map.txt")
    result = run("connectivity", *pair, *placed, "--only", "pallium", "--only", "tectum")
    assert "mapped by an affine matrix" in result.stderr
    names = json.loads(result.stdout)["regions"]
    assert names and all("allium" in name or "ectum" in name for name in names)
    everything = json.loads(run("connectivity", *pair, *placed, "--level", 1).stdout)["regions"]
    assert set(names) < set(everything)
    with pytest.raises(RecordingError, match="None of the regions"):
        run("connectivity", *pair, "--only", "cortex")


def test_covariances_and_other_atlases(study):
    pair = (study / "model1.h5", study / "fish1.h5")
    run("connectivity", *pair, "--measure", "correlation", "--shuffles", 0)
    result = run("connectivity", *pair, "--atlas", "larval-fish", "--shuffles", 0)
    assert "lie in larval-fish" in result.output
    run("connectivity", *pair, "--measure", "nonsense", code=2)


def test_a_recording_without_regions_is_told_about_atlases(study, tmp_path):
    recording = simulate_animal(plant_connectome(6, 5), 150, 60, 1)
    plain = Recording(recording.coordinates, recording.spikes, recording.times)
    save_recording(plain, tmp_path / "plain.h5")
    with pytest.raises(RecordingError, match="--atlas"):
        run("connectivity", study / "model1.h5", tmp_path / "plain.h5")


def test_compare_fish_compares_all_pairs(study):
    out = study / "comparison"
    text = run("compare-fish", study / "study.h5", "--permutations", 50, "-o", out).stdout
    assert "Mean over 3 pairs" in text
    assert len(pd.read_csv(out / "similarity.csv")) == 3
    assert (out / "comparison.pdf").exists()
    found = json.loads(
        run(
            *("compare-fish", study / "study.h5", "--structural", study / "matrix.csv"),
            *("--permutations", 50, "--json"),
        ).stdout
    )
    assert set(found["animals"]) == {f"simulated animal {seed}" for seed in (1, 2, 3)}
    assert found["structural"]["n_zero"] >= 1
    assert len(load_project(study / "study.h5")) == 3


def test_compare_fish_refuses_other_files(study):
    with pytest.raises(FormatError, match="project"):
        run("compare-fish", study / "fish1.h5")
