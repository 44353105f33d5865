"""What a file does not say, or says otherwise than usual, is never read without a word."""

from __future__ import annotations

import warnings

import h5py
import numpy as np
import pandas as pd
import pytest

from napari_crbm.errors import FieldNotFound, FormatError, UnknownLayout
from napari_crbm.io import open_recording
from napari_crbm.io.reading.sources import container_of, list_entries, opened
from napari_crbm.io.unknown.offer import offered

T, N = 90, 24
RNG = np.random.default_rng(3)
SPIKES = RNG.random((T, N)) < 0.2
XYZ = RNG.uniform(0, 1, (N, 3)) * [400, 900, 240]


def saved(folder, suffix=".npz", **arrays):
    path = folder / f"fish{suffix}"
    content = {"spikes": SPIKES.astype("u1"), "coords": XYZ, "fs": np.array(4.0)} | arrays
    content = {name: values for name, values in content.items() if values is not None}
    if suffix == ".npz":
        np.savez(path, **content)
        return path
    with h5py.File(path, "w") as file:
        for name, values in content.items():
            file[name] = values
    return path


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
def test_numbers_of_frames_are_not_taken_for_seconds_in_silence(tmp_path, suffix):
    path = saved(tmp_path, suffix, times=np.arange(1, T + 1))
    with pytest.warns(UserWarning, match="consecutive whole numbers.*frame_rate_hz"):
        open_recording(path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert open_recording(path, frame_rate_hz=1).frame_interval_s == 1
        assert open_recording(saved(tmp_path, suffix, times=np.arange(T) / 4)).n_frames == T


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
def test_whole_numbers_are_probably_pixels(tmp_path, suffix):
    path = saved(tmp_path, suffix, coords=np.round(XYZ))
    with pytest.warns(UserWarning, match="probably pixels.*um_per_pixel"):
        open_recording(path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        open_recording(path, unit="um")
        scaled = open_recording(path, um_per_pixel=0.5, plane_spacing_um=8, flip_z=False)
    np.testing.assert_allclose(scaled.coordinates, np.round(XYZ)[:, ::-1] * [8, 0.5, 0.5])
    assert offered(path).unit == "pixel"


def test_units_that_the_file_names_are_used(tmp_path):
    path = saved(tmp_path, ".h5", coords=XYZ / 1000, times=250.0 * np.arange(T), fs=None)
    with h5py.File(path, "a") as file:
        file["coords"].attrs["unit"] = "pixels"
        file["times"].attrs["units"] = "ms"
    with pytest.warns(UserWarning, match="positions are in pixels: one pixel is taken"):
        recording = open_recording(path, flip_z=False)
    assert recording.frame_interval_s == pytest.approx(0.25)
    np.testing.assert_allclose(recording.coordinates, XYZ[:, ::-1] / 1000, rtol=1e-5)
    # An option counts more than what the file says.
    with pytest.warns(UserWarning, match="frames a second"):
        assert open_recording(path, unit="mm", time_unit="s").frame_interval_s == 250


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
def test_counts_are_offered_as_rates(tmp_path, suffix):
    counts = SPIKES * RNG.integers(1, 4, SPIKES.shape)
    path = saved(tmp_path, suffix, spikes=counts)
    with pytest.raises(FieldNotFound):
        open_recording(path)
    profile = offered(path)
    assert profile.holds == "rates"
    np.testing.assert_array_equal(open_recording(path, profile=profile).spikes.dense(), SPIKES)


def test_zeros_and_one_other_number_are_spikes(tmp_path):
    recording = open_recording(saved(tmp_path, spikes=255 * SPIKES.astype("u1")))
    np.testing.assert_array_equal(recording.spikes.dense(), SPIKES)


def test_activity_is_not_taken_from_an_unrelated_neighbour(tmp_path):
    pd.DataFrame(RNG.random((T, N))).to_csv(tmp_path / "other.csv", index=False)
    path = tmp_path / "fish_atlas.npz"
    np.savez(path, labels=np.zeros((4, 5, 6)))
    assert offered(path) is None
    with pytest.raises(FormatError) as caught:
        open_recording(path)
    assert "other.csv" not in str(caught.value)
    (tmp_path / "other.csv").rename(tmp_path / "fish_traces.csv")
    assert offered(path).activity == "fish_traces.csv/values"
    np.testing.assert_array_equal(list_entries(tmp_path / "fish_traces.csv")[0].shape, (T, N))


def test_a_square_matrix_alone_is_no_activity(tmp_path):
    matrix = RNG.random((N, N))
    np.savetxt(tmp_path / "connectivity.csv", matrix + matrix.T, delimiter=",")
    assert offered(tmp_path / "connectivity.csv") is None


def test_a_table_of_numbers_is_known_by_its_content(tmp_path):
    path = tmp_path / "fish.ca2"
    np.savetxt(path, RNG.random((N, T)))
    (tmp_path / "mesh.obj").write_text("v 1 2 3\nv 4 5 6\n")
    assert container_of(path) == "table" and container_of(tmp_path / "mesh.obj") is None
    (entry,) = list_entries(path)
    assert entry.shape == (N, T)


@pytest.mark.parametrize("kind", ["npy", "csv"])
def test_a_folder_of_arrays_is_offered(tmp_path, kind):
    if kind == "npy":
        np.save(tmp_path / "spikes.npy", SPIKES)
        np.save(tmp_path / "coords.npy", XYZ)
    else:
        cells = pd.DataFrame(XYZ, columns=list("xyz"))
        cells.to_csv(tmp_path / "cells.csv", index=False)
        pd.DataFrame(SPIKES.astype(int)).to_csv(tmp_path / "traces.csv", index=False)
    with pytest.raises(UnknownLayout):
        open_recording(tmp_path)
    with pytest.warns(UserWarning, match="1 Hz is assumed"):
        recording = open_recording(tmp_path, profile=offered(tmp_path))
    np.testing.assert_array_equal(recording.spikes.dense(), SPIKES)
    extents = (np.sort(np.ptp(each, axis=0)) for each in (recording.coordinates, XYZ))
    np.testing.assert_allclose(*extents, rtol=1e-5)


def test_sheets_of_excel_are_arrays(tmp_path):
    pytest.importorskip("openpyxl")
    path = tmp_path / "fish.xlsx"
    with pd.ExcelWriter(path) as writer:
        pd.DataFrame(SPIKES.astype(int)).to_excel(writer, sheet_name="raster", index=False)
        pd.DataFrame(XYZ, columns=list("xyz")).to_excel(writer, sheet_name="cells", index=False)
        pd.DataFrame().to_excel(writer, sheet_name="empty", index=False)
    with opened(path) as arrays:
        assert set(arrays) == {"raster/values", "cells/x", "cells/y", "cells/z"}
    with pytest.warns(UserWarning, match="1 Hz is assumed"):
        recording = open_recording(path, profile=offered(path))
    np.testing.assert_array_equal(recording.spikes.dense(), SPIKES)
    np.testing.assert_allclose(recording.coordinates, XYZ[:, ::-1], rtol=1e-6)


@pytest.mark.parametrize("index", [False, True])
@pytest.mark.parametrize("first", [0, 1])
def test_numbered_columns_are_a_header(tmp_path, index, first):
    path = tmp_path / "fish.csv"
    table = pd.DataFrame(SPIKES.astype(int), columns=np.arange(N) + first)
    table.to_csv(path, index=index)
    assert [entry.shape for entry in list_entries(path)] == [(T, N)]


def test_a_name_counts_more_than_size_and_unfit_positions_hide_no_activity(tmp_path):
    np.save(tmp_path / "timeseries.npy", np.cumsum(RNG.normal(size=(N, T)), axis=1))
    np.save(tmp_path / "larger.npy", RNG.normal(size=(5 * N, 5 * T)))
    np.save(tmp_path / "centroids.npy", RNG.uniform(0, 500, (2 * N, 3)))
    profile = offered(tmp_path)
    assert profile.activity == "timeseries.npy" and not profile.positions
    assert profile.neurons_first
