"""Folders of Zarr stores with a table of cells, and sparse matrices of MATLAB 7.3."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pytest
from scipy import sparse

from napari_crbm.errors import CRBMError
from napari_crbm.io import open_recording
from napari_crbm.io.reading.sources import container_of, opened
from napari_crbm.io.unknown.offer import offered

T, N = 90, 14


@pytest.mark.parametrize("with_positions", [False, True])
@pytest.mark.filterwarnings("ignore::Warning:zarr.*")
def test_a_folder_of_stores_with_a_table_of_cells(tmp_path, with_positions):
    zarr = pytest.importorskip("zarr")
    rng = np.random.default_rng(0)
    traces = np.cumsum(rng.normal(size=(T, N)), axis=0).astype("f4")
    xyz = 500 * rng.random((N, 3))
    stored = zarr.create_array(
        tmp_path / "traces", shape=(T, N), chunks=(10, 7), shards=(30, 14), dtype="f4"
    )
    stored[:] = traces
    other = zarr.create_array(
        tmp_path / "features", shape=(N, 40), chunks=(7, 40), dtype="f4", zarr_format=2
    )
    other[:] = rng.random((N, 40))
    table = {"label": {str(k): k + 1 for k in range(N)}}
    table |= {
        f"centroid_{axis}": {str(k): float(xyz[k, column]) for k in range(N)}
        for column, axis in enumerate("xyz")
    }
    (tmp_path / "cells.json").write_text(json.dumps(table))
    (tmp_path / "notes.json").write_text("[1, 2")
    if with_positions:
        np.save(tmp_path / "positions.npy", xyz)
    assert container_of(tmp_path) == "folder"
    profile = offered(tmp_path)
    assert profile is not None and profile.activity == "traces" and profile.labels is None
    opened_recording = open_recording(tmp_path, profile=profile, frame_rate_hz=1.0)
    assert opened_recording.spikes.shape == (T, N)
    np.testing.assert_allclose(
        np.sort(np.ptp(opened_recording.coordinates, 0)), np.sort(np.ptp(xyz, 0)), rtol=1e-4
    )
    np.testing.assert_array_equal(opened_recording.fluorescence.trace(3), traces[:, 3])


def sparse_file(path, matrix, **changed):
    held = sparse.csc_array(matrix)
    with h5py.File(path, "w") as file:
        group = file.create_group("spikes")
        group.attrs["MATLAB_sparse"] = np.uint64(matrix.shape[0])
        for name, values in (("data", held.data), ("ir", held.indices), ("jc", held.indptr)):
            group[name] = changed.get(name, values.astype("f8" if name == "data" else "u8"))
        file["coords"] = 500 * np.random.default_rng(1).random((3, N))
        file["fs"] = np.array([[2.5]])


def test_sparse_matrices_are_read(tmp_path):
    raster = np.random.default_rng(0).random((T, N)) < 0.1
    path = tmp_path / "fish.mat"
    sparse_file(path, raster)
    recording = open_recording(path)
    np.testing.assert_array_equal(recording.spikes.dense(), raster)
    assert recording.frame_interval_s == pytest.approx(0.4)
    with opened(path) as arrays:
        assert set(arrays) == {"spikes", "coords", "fs"} and arrays["spikes"].shape == (N, T)


@pytest.mark.parametrize("changed", [{"ir": [9999]}, {"jc": [0, 3]}, {"jc": [5, 1]}])
def test_damaged_sparse_matrices_are_a_sentence(tmp_path, changed):
    path = tmp_path / "fish.mat"
    raster = np.random.default_rng(0).random((T, N)) < 0.1
    held = sparse.csc_array(raster)
    if "ir" in changed:
        changed = {"ir": np.full(held.nnz, 9999)}
    sparse_file(path, raster, **{k: np.array(v) for k, v in changed.items()})
    with pytest.raises(CRBMError):
        open_recording(path)
