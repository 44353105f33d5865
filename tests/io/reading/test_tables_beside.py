"""Positions and region names in a table beside the file that holds the activity."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from napari_crbm.errors import RecordingError, UnknownLayout
from napari_crbm.io import Profile, open_recording
from napari_crbm.io.reading.sources import list_entries
from napari_crbm.io.unknown.guess import guess
from napari_crbm.io.unknown.profile_fit import problem
from tests.io.unknown.test_by_profile import CONTAINERS, content, write

pytestmark = pytest.mark.filterwarnings("ignore:The recording has no frame times:UserWarning")

SPIKES, XYZ = content(40, 9)
NAMES = np.array(["tectum", "", "tectum", "cerebellum", "", "", "habenula", "tectum", ""])


def table(**more) -> pd.DataFrame:
    return pd.DataFrame(dict(zip("xyz", XYZ.T, strict=True)) | more)


@pytest.mark.parametrize("container", CONTAINERS)
def test_cells_are_found_beside_the_activity(tmp_path, container):
    path = write(tmp_path, container, {"A": SPIKES.T.astype("u1")})
    separator, suffix = ("\t", "tsv") if container == "h5" else (";", "csv")
    table(region=NAMES).to_csv(
        tmp_path / f"{path.stem}_cells.{suffix}", sep=separator, index=container == "npz"
    )
    found = guess(path).profile
    assert problem(found, list_entries(path)) is None
    assert [name.rsplit("/", 1)[-1] for name in found.positions] == list("xyz")
    recording = open_recording(path, profile=found)
    np.testing.assert_array_equal(recording.spikes.dense(), SPIKES)
    np.testing.assert_allclose(recording.coordinates, XYZ[:, ::-1], rtol=1e-6)
    assert recording.regions.names == ("cerebellum", "habenula", "tectum")
    for name in recording.regions.names:
        assert recording.regions.members(name).tolist() == np.flatnonzero(name == NAMES).tolist()
    labelled = open_recording(path, profile=found, keep_unlabelled=False)
    np.testing.assert_array_equal(labelled.spikes.dense(), SPIKES[:, NAMES != ""])


def test_a_profile_takes_the_table_of_each_fish(tmp_path):
    for number in (1, 2):
        write(tmp_path, "h5", {"A": SPIKES.astype("u1")}).rename(tmp_path / f"fish{number}.h5")
        shifted = table().assign(x=XYZ[:, 0] + 100 * number)
        shifted.to_csv(tmp_path / f"fish{number}.csv", index=False)
    kept = guess(tmp_path / "fish1.h5").profile
    for number in (1, 2):
        recording = open_recording(tmp_path / f"fish{number}.h5", profile=kept)
        np.testing.assert_allclose(recording.coordinates[:, 2], XYZ[:, 0] + 100 * number, rtol=1e-6)


def test_numbers_without_header_are_positions(tmp_path):
    path = write(tmp_path, "h5", {"A": SPIKES.astype("u1")})
    np.savetxt(tmp_path / "where.csv", XYZ, delimiter=",")
    found = guess(path).profile
    assert found.positions == ("where.csv/positions",)
    np.testing.assert_allclose(
        open_recording(path, profile=found).coordinates, XYZ[:, ::-1], rtol=1e-6
    )


def test_numbered_regions_get_the_names_that_are_given(tmp_path):
    path = write(tmp_path, "h5", {"A": SPIKES.astype("u1")})
    table(label=[1, 2, 2, 0, 0, 1, 1, 1, 2]).to_csv(tmp_path / "cells.csv", index=False)
    found = guess(path).profile
    names = tmp_path / "names.txt"
    names.write_text("tectum\ncerebellum\n")
    for given in (["tectum", "cerebellum"], names):
        recording = open_recording(path, profile=found, region_names=given)
        assert recording.regions.names == ("tectum", "cerebellum")
        assert recording.regions.members("tectum").tolist() == [0, 5, 6, 7]
    assert open_recording(path, profile=found).regions.names == ("region 1", "region 2")
    with pytest.raises(RecordingError, match="1 region names, but a region has the number 2"):
        open_recording(path, profile=found, region_names=["tectum"])


def test_tables_that_do_not_fit_are_named_and_others_left_alone(tmp_path):
    path = write(tmp_path, "h5", {"A": SPIKES.astype("u1")})
    (tmp_path / "lab.csv").write_bytes(bytes(range(256)) * 9)
    with pytest.raises(UnknownLayout, match="Say which is which"):
        open_recording(path)
    table().iloc[:-1].to_csv(tmp_path / "lab.csv", index=False)
    profile = Profile(tuple(f"lab.csv/{axis}" for axis in "xyz"), "session/A")
    with pytest.raises(RecordingError, match="positions of 8 neurons, but activity of 9"):
        open_recording(path, profile=profile)
