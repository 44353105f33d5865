"""Recordings without positions, with some, or along one axis only."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from napari_crbm import figures
from napari_crbm.analysis import assembly_table, export_tables, locality, member_table, midline_x
from napari_crbm.anatomy.atlas import fish_atlas
from napari_crbm.errors import ModelError, RecordingError
from napari_crbm.io import open_recording, save_nwb, save_recording
from napari_crbm.preprocessing import Steps, preprocess
from napari_crbm.recording import Recording
from napari_crbm.schematic import place_neurons
from napari_crbm.spikes import Spikes
from tests.conftest import random_model

N, T = 60, 200


def spikes():
    return Spikes.from_dense(np.random.default_rng(0).random((T, N)) < 0.1)


def recording(kind):
    rng = np.random.default_rng(1)
    whole = rng.random((N, 3)) * (100, 400, 300)
    coordinates = {
        "all": whole,
        "none": None,
        "all nan": np.full((N, 3), np.nan),
        "some": np.where((np.arange(N) % 20 == 0)[:, None], np.nan, whole),
        "partly nan": np.where(np.arange(3 * N).reshape(N, 3) % 60 == 1, np.nan, whole),
        "depth": np.linspace(0, 700, N),
        "one column": np.linspace(0, 700, N)[:, None],
        "one place": np.zeros((N, 3)),
    }[kind]
    return Recording(coordinates, spikes(), np.arange(T) / 4.0, name=kind)


KINDS = ("none", "all nan", "some", "partly nan", "depth", "one column", "one place")


def test_what_is_known_is_told():
    assert recording("all").located.all() and recording("all").known_axes == ("z", "y", "x")
    none = recording("none")
    assert none.coordinates is None and not none.located.any() and none.known_axes == ()
    assert none.positions.shape == (N, 3) and np.isnan(none.positions).all()
    assert recording("all nan").coordinates is None
    some = recording("some")
    assert list(np.flatnonzero(~some.located)) == [0, 20, 40]
    assert "3 of 60 neurons have no position" in repr(some)
    assert "positions are not known" in repr(none)
    partly = recording("partly nan")
    assert np.isnan(partly.positions[~partly.located]).all()
    depth = recording("depth")
    assert depth.known_axes == ("z",)
    np.testing.assert_array_equal(depth.positions, recording("one column").positions)
    assert none.fingerprint != recording("all").fingerprint
    assert none.select_neurons(np.arange(5), "test").coordinates is None
    with pytest.raises(RecordingError, match="describe 59 neurons"):
        Recording(np.zeros(59), spikes(), np.arange(T))
    with pytest.raises(RecordingError, match=r"found \(60, 4\)"):
        Recording(np.zeros((N, 4)), spikes(), np.arange(T))


@pytest.mark.parametrize("kind", KINDS)
def test_files_bring_it_back(kind, tmp_path):
    written = recording(kind)
    read = open_recording(save_recording(written, tmp_path / "fish.h5"))
    np.testing.assert_array_equal(read.positions, written.positions)
    assert read.fingerprint == written.fingerprint
    exported = open_recording(save_nwb(written, tmp_path / "fish.nwb"))
    np.testing.assert_allclose(exported.positions, written.positions, rtol=1e-6)
    assert exported.spikes == written.spikes


@pytest.mark.parametrize("kind", KINDS)
def test_neurons_are_drawn_somewhere(kind):
    placed = place_neurons(recording(kind))
    assert placed.points.shape == (N, 3) and np.isfinite(placed.points).all()
    assert len(np.unique(placed.points, axis=0)) == (1 if kind == "one place" else N)
    assert (
        place_neurons(recording("all")).note == "" and not place_neurons(recording("all")).schematic
    )
    if kind == "one place":
        return
    assert placed.schematic == (kind in ("none", "all nan", "depth", "one column"))
    assert placed.note.endswith((".",)) and "  " not in placed.note


def test_assemblies_are_neighbours_in_a_schematic_drawing():
    weights = np.zeros((N, 3), dtype=np.float32)
    strongest = np.random.default_rng(2).integers(3, size=N)
    weights[np.arange(N), strongest] = 1 + np.random.default_rng(3).random(N)
    none = recording("none")
    points = place_neurons(none, weights).points

    def apart(places):
        return np.mean(
            [
                np.linalg.norm(
                    places[strongest == k] - places[strongest == k].mean(0), axis=1
                ).mean()
                for k in range(3)
            ]
        )

    assert apart(points) < 0.8 * apart(place_neurons(none).points)
    known = place_neurons(recording("some")).points
    located = recording("some").located
    np.testing.assert_array_equal(known[located], recording("some").positions[located])
    assert known[~located, 2].min() > known[located, 2].max()


@pytest.mark.parametrize("kind", KINDS)
def test_tables_figures_and_preprocessing_work(kind, tmp_path):
    made, model = recording(kind), random_model(N, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = assembly_table(model, made)
        export_tables(model, made, tmp_path)
        member_table(model, made)
        found = locality(model, made)
        sheet = figures.assembly_sheet(model, made, 0)
        pages = [figures.summary_page(model, made), figures.gallery(model, made)]
        for number, page in enumerate([sheet, *pages]):
            figures.save_figure(page, tmp_path / f"{number}.png", dpi=40)
    assert len(table) == 4 and (table["size"] > 0).all()
    text = [each.get_text() for each in sheet.findobj(lambda each: hasattr(each, "get_text"))]
    if kind in ("none", "all nan"):
        for column in ("laterality", "compactness_um", "z_um", "y_um", "x_um"):
            assert table[column].isna().all()
        assert "positions are known" in found.verdict
    if kind in ("none", "all nan", "depth", "one column"):
        assert table["laterality"].isna().all()
        assert not {"A", "P", "L", "R"} & set(text)
        assert not any("µm" in each or "% of weight" in each for each in text) or kind in (
            "depth",
            "one column",
        )
        assert any("means nothing" in each or "mean nothing" in each for each in text)
    if kind in ("some", "partly nan"):
        assert {"A", "P", "L", "R"} <= set(text)
        assert any("have no position" in each for each in text)
        assert table[["laterality", "z_um", "compactness_um"]].notna().all(axis=None)
    kept = preprocess(made, Steps(method="keep", drop_frames=((0, 9),)))
    assert kept.n_frames == T - 10
    np.testing.assert_array_equal(kept.positions, made.positions)


def test_missing_positions_leave_the_others_as_they_are():
    whole, model = recording("all"), random_model(N, 4)
    lost = np.arange(N) % 20 == 0
    weights = model.weights_.copy()
    weights[lost] = 0
    some = replace(whole, coordinates=np.where(lost[:, None], np.nan, whole.coordinates))
    without = type(model).from_parameters(weights, model.fields_, model.hidden_)
    columns = ["z_um", "y_um", "x_um", "compactness_um"]
    pd.testing.assert_frame_equal(
        assembly_table(without, some)[columns], assembly_table(without, whole)[columns]
    )
    assert midline_x(some.positions) == pytest.approx(midline_x(whole.positions), abs=20)
    regions = fish_atlas().regions_of(some.positions)
    assert not regions.labelled[lost].any()


def test_animals_without_positions_cannot_be_matched_by_place():
    from napari_crbm.analysis import find_counterparts

    model = random_model(N, 4)
    one, other = recording("none"), recording("some")
    with pytest.raises(ModelError, match="have no position"):
        find_counterparts(model, one, model, other, by="places")
    found = find_counterparts(model, one, model, recording("none"))
    assert found.by == "neurons" and found.n_found == 4
