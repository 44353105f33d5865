"""Python that opens a recording again, with the options and the steps it was made with."""

from dataclasses import fields, replace

import numpy as np
import pytest

from napari_crbm.anatomy.atlas import LARVAL_FISH, open_atlas
from napari_crbm.anatomy.hierarchy import at_level
from napari_crbm.anatomy.placement import Placement
from napari_crbm.io import open_recording, save_recording
from napari_crbm.io.unknown.profile import Profile
from napari_crbm.io.writing.script import ASSIGN_REGIONS, Script, open_again
from napari_crbm.preprocessing import Steps, preprocess
from napari_crbm.recording import Recording
from napari_crbm.regions import Regions
from napari_crbm.simulation import simulate


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    recording = simulate(n_neurons=200, n_frames=120, n_assemblies=2, seed=1).recording
    some = slice(0, len(recording.regions.names) // 2)
    regions = Regions(recording.regions.membership[:, some], recording.regions.names[some])
    recording = replace(recording, regions=regions)
    return save_recording(recording, tmp_path_factory.mktemp("script") / "fish.h5")


def run(recording: Recording) -> tuple[Recording, str]:
    script = Script()
    open_again(script, recording)
    names: dict[str, object] = {}
    exec(compile(str(script), "script", "exec"), names)
    return names["recording"], str(script)


def assert_same(made: Recording, recording: Recording) -> None:
    assert made.fingerprint == recording.fingerprint
    assert made.regions.names == recording.regions.names
    assert (made.regions.membership != recording.regions.membership).nnz == 0


def test_a_plain_file_is_one_line(path):
    made, text = run(open_recording(path))
    assert text == (
        f"from napari_crbm.io import open_recording\n\nrecording = open_recording({str(path)!r})\n"
    )
    assert made.source == open_recording(path).source


def test_options_come_back(path, tmp_path):
    recording = open_recording(path, keep_unlabelled=False)
    assert recording.n_neurons < open_recording(path).n_neurons
    made, text = run(recording)
    assert_same(made, recording)
    assert "keep_unlabelled=False" in text
    arrays = tmp_path / "arrays.npz"
    where = np.random.default_rng(0).uniform(0, 300, (30, 3))
    raster = np.random.default_rng(0).random((50, 30)) < 0.1
    np.savez(arrays, where=where, raster=raster)
    profile = Profile(positions=("where",), activity="raster", axes="yxz", frame_rate_hz=4.0)
    recording = open_recording(arrays, profile=profile)
    made, _ = run(recording)
    assert made.fingerprint == recording.fingerprint
    assert made.source.options == {"profile": profile}


def test_steps_after_opening_are_repeated(path):
    recording = preprocess(
        open_recording(path), Steps(method="keep", burn_in_s=4.0, min_activity=0.01)
    )
    made, text = run(recording)
    assert_same(made, recording)
    assert made.n_frames < 120 and "burn_in_s=4.0" in text
    # What was saved with its history is not done twice.
    again = save_recording(recording, path.with_name("preprocessed.h5"))
    assert "preprocess(" not in run(open_recording(again))[1]
    _, text = run(recording.with_step("painted by hand", colour="red"))
    assert "# Then, by hand: painted by hand {'colour': 'red'}" in text


def test_regions_of_an_atlas_are_assigned_again(path):
    opened = open_recording(path)
    atlas = open_atlas(LARVAL_FISH)
    placement = Placement.onto(atlas, turn_deg=(5.0, 0.0, 0.0), shift_um=(0.0, 10.0, 0.0))
    regions = atlas.regions_of(placement.apply(opened.coordinates), level=0, sides=False)
    given = {field.name: getattr(placement, field.name) for field in fields(placement)}
    placed = replace(opened, regions=regions).with_step(
        ASSIGN_REGIONS,
        regions=len(regions.names),
        atlas={"source": LARVAL_FISH, "names": None},
        placement=given,
        level=0,
        sides=False,
    )
    made, _ = run(placed)
    assert_same(made, placed)
    # The recording's own, which replace those of the atlas.
    own = replace(placed, regions=at_level(opened.regions, 0)).with_step(
        ASSIGN_REGIONS, regions=3, names=None, level=0
    )
    made, text = run(own)
    assert_same(made, own)
    assert "atlas" not in text


def test_without_a_file_a_name_stands_in_its_place():
    recording = simulate(n_neurons=50, n_frames=30, n_assemblies=2, seed=1).recording
    script = Script()
    open_again(script, recording, "first")
    assert "first = open_recording('recording.h5')" in str(script)
