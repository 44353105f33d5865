"""Exports: written as described, again by their own code, with their origin inside."""

import re
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from napari_crbm.analysis import evaluate_held_out
from napari_crbm.errors import CRBMError
from napari_crbm.figures import FIGURES, KINDS, Export
from napari_crbm.io import load_model, open_recording, save_model, save_recording
from napari_crbm.model import CRBM, DReLU
from napari_crbm.simulation import simulate
from napari_crbm.viewer.sample_data import sample_folder


@pytest.fixture(scope="module")
def pair():
    folder = sample_folder()
    return load_model(folder / "model.h5"), open_recording(folder / "recording.h5")


def test_size_resolution_and_origin(pair, tmp_path):
    model, recording = pair
    export = Export("sheet", tmp_path / "a.png", assembly=3, width_mm=100, dpi=127)
    (path,) = export.write(model, recording)
    with Image.open(path) as picture:
        assert picture.width == 500
        about = picture.info["Description"]
    assert recording.fingerprint in about and '"assembly": 3' in about and "n_hidden" in about
    (path,) = Export("gallery", tmp_path / "g.svg", theme="dark").write(model, recording)
    assert recording.fingerprint in path.read_text()


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Files of a small recording and of a model whose assemblies are the planted ones."""
    folder = tmp_path_factory.mktemp("small")
    simulation = simulate(n_neurons=300, n_frames=200, n_assemblies=3, seed=0)
    recording = simulation.recording
    membership = np.asarray(simulation.truth.membership)
    # Weak enough for chains to settle quickly.
    weights = np.random.default_rng(0).uniform(0.1, 0.3, membership.shape) * membership
    ones = np.ones(3)
    model = CRBM.from_parameters(
        weights.astype(np.float32),
        np.full(300, -3, np.float32),
        DReLU(ones, ones, 0 * ones, 0 * ones),
    )
    frames = np.arange(200)
    model.split_ = {"train": frames[:140], "test": frames[140:]}
    save_recording(recording, folder / "recording.h5")
    save_model(model, folder / "model.h5", recording)
    return folder / "recording.h5", folder / "model.h5"


@pytest.mark.parametrize("kind", KINDS)
def test_the_code_writes_the_same_again(small, tmp_path, kind, monkeypatch):
    """Every kind of export, written by what its own Python says."""
    # Fewer chains and samples, to be quick.
    few = partial(evaluate_held_out, n_samples=400, n_chains=20)
    monkeypatch.setattr("napari_crbm.analysis.evaluate_held_out", few)
    recording, model = open_recording(small[0]), load_model(small[1])
    ending = {"book": ".pdf", "tables": "", "nwb": ".nwb", "weights": ".h5"}.get(kind, ".png")
    written = {}
    for folder in (tmp_path / "first", tmp_path / "second"):
        folder.mkdir()
        path = folder / f"a{ending}"
        export = Export(
            kind,
            path,
            assembly=2 if kind == "sheet" else None,
            theme="dark",
            width_mm=120,
            dpi=80,
            table_format="parquet",
            frontal=True,
        )
        if folder.name == "first":
            paths = export.write(model, recording)
        else:
            exec(compile(export.code(recording, small[1]), "export", "exec"), {})
        written[folder.name] = sorted(path.iterdir() if path.is_dir() else folder.iterdir())
    assert sorted(paths) == written["first"] and paths
    for one, other in zip(written["first"], written["second"], strict=True):
        assert one.name == other.name
        if ending == ".png":
            with Image.open(one) as first, Image.open(other) as second:
                np.testing.assert_array_equal(np.asarray(first), np.asarray(second))
                assert first.width == pytest.approx(120 / 25.4 * 80, abs=1)
                assert recording.fingerprint in first.info["Description"]
        elif kind == "tables":
            pd.testing.assert_frame_equal(pd.read_parquet(one), pd.read_parquet(other))
        else:
            assert one.stat().st_size > 1000 and other.stat().st_size > 1000


@pytest.mark.parametrize("kind", [kind for kind in FIGURES if kind not in ("book", "statistics")])
def test_figures_are_vectors_with_editable_text(small, tmp_path, kind):
    recording, model = open_recording(small[0]), load_model(small[1])
    path = tmp_path / "a.svg"
    Export(kind, path, assembly=0).write(model, recording)
    text = path.read_text()
    assert "<text" in text and recording.fingerprint in text


def test_a_book_has_its_size_and_origin(small, tmp_path):
    recording, model = open_recording(small[0]), load_model(small[1])
    (path,) = Export("book", tmp_path / "b.pdf", width_mm=100).write(model, recording)
    content = path.read_bytes()
    assert content.count(b"/Type /Page ") == 3 and recording.fingerprint.encode() in content
    width = float(re.search(rb"/MediaBox \[ ?0 0 ([0-9.]+)", content).group(1))
    assert width == pytest.approx(100 / 25.4 * 72, abs=0.5)
    assert b"/Subtype /Type3" not in content, "fonts stay editable"


def test_tables_hold_all_weights(small, tmp_path):
    recording, model = open_recording(small[0]), load_model(small[1])
    paths = Export("tables", tmp_path).write(model, recording)
    assert [path.name for path in paths] == [
        f"{name}.csv" for name in ("assemblies", "members", "weights", "activity")
    ]
    table = pd.read_csv(tmp_path / "weights.csv")
    weights = np.zeros_like(model.weights_)
    weights[table["neuron"], table["assembly"]] = table["weight"]
    np.testing.assert_allclose(weights, model.weights_, rtol=1e-5)


def test_regions_are_needed_for_their_figures(small, tmp_path):
    recording, model = replace(open_recording(small[0]), regions=None), load_model(small[1])
    with pytest.raises(CRBMError, match="no brain regions"):
        Export("connectivity", tmp_path / "a.pdf").write(model, recording)


def test_choices_that_make_no_sense_are_said():
    for arguments, message in (
        (("poster", Path("a.pdf")), "Cannot export 'poster'"),
        (("book", Path("a.png")), "must end in .pdf"),
        (("sheet", Path("a.png")), "Choose an assembly"),
        (("gallery", Path("a.png"), None, "light", 3.0), "width must lie"),
        (("gallery", Path("a.png"), None, "light", None, 7), "resolution must lie"),
        (("tables", Path("a"), None, "light", None, 300, "xls"), "csv or parquet"),
    ):
        with pytest.raises(CRBMError, match=message):
            Export(*arguments)
