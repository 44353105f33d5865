"""Files of voluseg, of Chen et al. 2018 and of the toolbox of Romano et al. 2017."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from napari_crbm.errors import CRBMError
from napari_crbm.io import open_recording, read_kind, save_recording
from tests.io.files import planted_traces

pytestmark = pytest.mark.filterwarnings("ignore:.*does not store sizes:UserWarning")

N, T = 13, 260


def overlap(recording, spikes):
    found = recording.spikes.dense().T.astype(bool)
    return 2 * (found & spikes).sum() / (found.sum() + spikes.sum())


def write_hdf5(path, content, **stored):
    with h5py.File(path, "w") as file:
        for name, values in content.items():
            file.create_dataset(name, data=values, **(stored if np.ndim(values) == 2 else {}))
    return path


def saves_alike(recording, folder):
    path = save_recording(recording, folder / "ours.h5")
    return open_recording(path).fingerprint == recording.fingerprint


# --- voluseg --------------------------------------------------------------------------------


def voluseg(path, change=lambda content: None, **stored):
    generator = np.random.default_rng(2)
    spikes, clean, noise = planted_traces(N, T)
    centres = generator.integers(3, 40, (N, 3))
    most = 7
    voxels = np.full((3, N, most), -1)
    weights = np.full((N, most), np.nan, dtype=np.float32)
    for cell, centre in enumerate(centres):
        used = 7 if cell % 2 else 5
        steps = np.concatenate([np.zeros((1, 3), int), np.eye(3, dtype=int), -np.eye(3, dtype=int)])
        steps = steps if used == 7 else steps[[0, 1, 4, 2, 5]]
        voxels[:, cell, :used] = (centre + steps).T
        weights[cell, :used] = 0.5
    baseline = np.full((N, T), 150.0) + np.linspace(0, 20, T)
    content = {
        "n": N,
        "t": T,
        "cell_x": voxels[0],
        "cell_y": voxels[1],
        "cell_z": voxels[2],
        "cell_weights": weights,
        "cell_timeseries": (baseline + clean + noise).astype(np.float32),
        "cell_timeseries_raw": (baseline + clean + noise).astype(np.float32),
        "cell_baseline": baseline.astype(np.float32),
        "background": 50.0,
    }
    change(content)
    write_hdf5(path, content, **stored)
    return spikes, centres, content


def test_voluseg_cells(tmp_path):
    path = tmp_path / "cells0_clean.hdf5"
    spikes, centres, content = voluseg(path)
    recording = open_recording(
        path, um_per_pixel=0.4, plane_spacing_um=5, frame_rate_hz=2, binarise=5
    )
    assert read_kind(path) == "voluseg-recording"
    np.testing.assert_allclose(recording.coordinates[:, ::-1], centres * [0.4, 0.4, 5], rtol=1e-5)
    assert overlap(recording, spikes) > 0.8
    baseline = content["cell_baseline"]
    dff = (content["cell_timeseries"] - baseline) / (baseline - 50.0)
    np.testing.assert_allclose(recording.fluorescence.trace(3), dff[3], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(recording.fluorescence.frames(2, 6), dff[:, 2:6].T, atol=1e-5)
    assert saves_alike(recording, tmp_path)
    parameters = {"res_x": 0.5, "res_y": 0.5, "res_z": 6.0, "ds": 2, "f_volume": 2.5, "n": "x"}
    (tmp_path / "parameters.json").write_text(json.dumps(parameters))
    told = open_recording(path)
    np.testing.assert_allclose(told.coordinates[:, ::-1], centres * [1, 1, 6.0], rtol=1e-5)
    assert told.frame_interval_s == pytest.approx(0.4)
    (tmp_path / "parameters.json").write_text("[1")
    with pytest.warns(UserWarning, match="no frame rate"):
        open_recording(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.update({n: c[n].T for n in ("cell_timeseries", "cell_baseline")}), None),
        (lambda c: c.update(cell_timeseries=c["cell_timeseries"].astype(">f4")), None),
        (lambda c: c.pop("cell_baseline"), None),
        (lambda c: c.pop("cell_weights"), None),
        (lambda c: c.pop("cell_y"), "lacks the dataset '/cell_y'"),
        (lambda c: c.update(cell_z=c["cell_z"][:, :-1]), "must hold numbers of shape"),
        (lambda c: c["cell_x"].__setitem__(2, -1), "Cell 2 has no voxels"),
        (lambda c: c.update(cell_timeseries=c["cell_timeseries"][:-1]), "has shape"),
        (lambda c: c.update(cell_baseline=c["cell_baseline"][:, :-1]), "different runs"),
        (lambda c: c.update(cell_timeseries=np.empty((0, 0))), "has shape"),
    ],
)
def test_voluseg_variants(tmp_path, change, message):
    path = tmp_path / "cells0_clean.hdf5"
    spikes, *_ = voluseg(path, change, compression="gzip", chunks=True)
    if message is None:
        assert overlap(open_recording(path, frame_rate_hz=2, binarise=5), spikes) > 0.8
    else:
        with pytest.raises(CRBMError, match=message):
            open_recording(path, frame_rate_hz=2)


# --- Chen et al. 2018 -----------------------------------------------------------------------


def chen(folder, new=False, change=lambda series, data: None, **stored):
    """One fish; returns the valid cells' spikes and their places as row, column, plane."""
    folder.mkdir(exist_ok=True)
    generator = np.random.default_rng(4)
    spikes, clean, noise = planted_traces(N, T)
    n_full = 30
    rows = np.sort(generator.choice(n_full, N, replace=False))
    norm = generator.uniform(1, [1406, 621, 138], (n_full, 3))
    series = {
        "CellResp": ((clean + noise) / 50).astype(np.float32).T,
        "CellRespZ": (clean + noise).astype(np.float32).T,
        "absIX": (rows + 1.0)[None, :],
    }
    data = {
        "CellXYZ": generator.integers(1, 500, (n_full, 3)).astype(float),
        "CellXYZ_norm": norm,
        "IX_inval_anat": np.array([[float(np.setdiff1d(np.arange(n_full), rows)[0] + 1)]]),
        "fpsec": 1.97,
        "stim_full": np.tile([1.0, 2.0], T // 2)[None, :],
        "Behavior_full": generator.normal(size=(3, T)),
        "periods": np.array([[80.0]]),
    }
    change(series, data)
    write_hdf5(folder / "TimeSeries.h5", series, **stored)
    if new:
        with h5py.File(folder / "data_full.mat", "w", userblock_size=512) as file:
            for name, values in data.items():
                file[f"data/{name}"] = np.atleast_2d(values).T
            file["#refs#/a"] = [1]
    else:
        savemat(folder / "data_full.mat", {"data": data})
    return spikes, rows, data, series


@pytest.mark.parametrize("new", [False, True])
def test_chen_folders(tmp_path, new):
    folder = tmp_path / "subject_7"
    spikes, rows, data, series = chen(folder, new)
    for path in (folder, folder / "TimeSeries.h5", folder / "data_full.mat"):
        assert read_kind(path) == "chen2018-recording"
        recording = open_recording(path, binarise=5)
        assert recording.name == "subject_7"
        row, column, plane = data["CellXYZ_norm"][rows].T
        wanted = np.stack([276 - 2 * plane, 0.798 * row, 0.798 * column], axis=1)
        np.testing.assert_allclose(recording.coordinates, wanted, rtol=1e-4, atol=1e-3)
        assert overlap(recording, spikes) > 0.8
    np.testing.assert_allclose(np.diff(recording.times), 1 / 1.97)
    np.testing.assert_array_equal(recording.fluorescence.trace(2), series["CellResp"][:, 2])
    assert list(recording.traces) == ["stimulus", "behaviour 1", "behaviour 2", "behaviour 3"]
    np.testing.assert_array_equal(recording.traces["behaviour 2"], data["Behavior_full"][1])
    assert saves_alike(recording, tmp_path)
    native = open_recording(folder, space="native", um_per_pixel=0.4, plane_spacing_um=8)
    row, column, plane = data["CellXYZ"][rows].T
    np.testing.assert_allclose(
        native.coordinates, np.stack([8 * plane, 0.4 * row, 0.4 * column], axis=1), rtol=1e-5
    )
    z_scored = open_recording(folder, group="CellRespZ", flip_z=False)
    np.testing.assert_array_equal(z_scored.fluorescence.trace(2), series["CellRespZ"][:, 2])


def test_chen_invalid_cells_are_left_out(tmp_path):
    def spoil(series, data):
        rows = series["absIX"].ravel().astype(int) - 1
        data["CellXYZ_norm"][rows[2]] = [700, 900, 50]
        data["IX_inval_anat"] = np.array([[rows[5] + 1.0]])

    spikes, *_ = chen(tmp_path / "f", True, spoil)
    recording = open_recording(tmp_path / "f", binarise=5)
    kept = np.delete(np.arange(N), [2, 5])
    assert recording.n_neurons == N - 2 and overlap(recording, spikes[kept]) > 0.8
    assert recording.provenance[0].parameters["left out"].startswith("2 cells")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s, d: s.update(CellResp=s["CellResp"].T), None),
        (lambda s, d: s.update(CellResp=s["CellResp"].astype(">f4")), None),
        (lambda s, d: d.pop("IX_inval_anat"), None),
        (lambda s, d: d.pop("CellXYZ_norm"), None),
        (lambda s, d: d.update(stim_full=np.empty((0, 0))), None),
        (lambda s, d: s.pop("absIX"), "lacks 'absIX'"),
        (lambda s, d: s.update(absIX=s["absIX"] + 100), "has positions of 30"),
        (lambda s, d: s.update(absIX=s["absIX"][:, :0]), "has positions of 30"),
        (lambda s, d: s.update(CellResp=s["CellResp"][:, 1:]), "'CellResp' has shape"),
        (lambda s, d: (d.pop("CellXYZ_norm"), d.pop("CellXYZ")), "positions of 0"),
        (lambda s, d: d.update(CellXYZ_norm=np.zeros((30, 5))), r"shape \(cells, 3\)"),
        (lambda s, d: d.update(CellXYZ_norm=np.full((30, 3), np.nan)), "No cell has a valid"),
    ],
)
def test_chen_variants(tmp_path, change, message):
    spikes, *_ = chen(tmp_path / "f", True, change, compression="gzip", chunks=True)
    if message is None:
        assert overlap(open_recording(tmp_path / "f", binarise=5), spikes) > 0.8
    else:
        with pytest.raises(CRBMError, match=message):
            open_recording(tmp_path / "f")


def test_chen_needs_both_files(tmp_path):
    chen(tmp_path / "f")
    (tmp_path / "f" / "data_full.mat").write_bytes(b"MATLAB 5.0 and then nonsense")
    with pytest.raises(CRBMError, match=r"data_full\.mat cannot be read"):
        open_recording(tmp_path / "f")
    (tmp_path / "f" / "data_full.mat").unlink()
    with pytest.raises(CRBMError, match=r"no data_full\.mat beside"):
        open_recording(tmp_path / "f")


# --- Romano et al. 2017 ---------------------------------------------------------------------


def ragged(parts):
    cells = np.empty((len(parts), 1), dtype=object)
    for index, part in enumerate(parts):
        cells[index, 0] = part
    return cells


def romano(folder, *, planes=3, new=False, change=lambda raster, cells: None):
    generator = np.random.default_rng(5)
    spikes, clean, noise = planted_traces(N, T)
    shape = (50, 70)
    centres = np.column_stack([generator.integers(2, s - 2, N) for s in shape])
    plane = generator.integers(1, planes + 1, N)
    parts = []
    for row, column in centres:
        rows, columns = np.array([0, 1, -1, 0, 0]) + row, np.array([0, 0, 0, 1, -1]) + column
        parts.append((np.ravel_multi_index((rows, columns), shape, order="F") + 1)[None, :])
    raster = {
        "raster": spikes.T.astype(np.uint8),
        "deltaFoF": ((clean + noise) / 100).T,
        "movements": (np.arange(T) < 5).astype(np.uint8)[:, None],
        "params": {"fps": 15.0, "tauDecay": 1.5},
    }
    pixels = [part.astype(np.uint16) for part in parts]
    cells = {"cells": pixels, "fromPlane": plane[:, None], "avg": np.zeros((*shape, planes))}
    change(raster, cells)
    if new:
        with h5py.File(folder / "fish_RASTER.mat", "w") as file:
            for name in set(raster) - {"params"}:
                file[name] = raster[name].T
            file["params/fps"] = np.array([[15.0]])
        with h5py.File(folder / "fish_ALL_CELLS.mat", "w") as file:
            for index, part in enumerate(cells.pop("cells", ())):
                links = file.require_dataset("cells", (1, N), h5py.ref_dtype)
                file[f"#refs#/{index}"] = part.T
                links[0, index] = file[f"#refs#/{index}"].ref
            for name, values in cells.items():
                file[name] = values.T
    else:
        savemat(folder / "fish_RASTER.mat", raster)
        if "cells" in cells:
            cells["cells"] = ragged(cells["cells"])
        savemat(folder / "fish_ALL_CELLS.mat", cells)
    return spikes, centres, plane, raster


@pytest.mark.parametrize("new", [False, True])
def test_romano_files(tmp_path, new):
    spikes, centres, plane, raster = romano(tmp_path, new=new)
    # Older files are read in another process, which takes a second each time.
    for name in ("fish_RASTER.mat", "fish_ALL_CELLS.mat")[: 2 if new else 1]:
        assert read_kind(tmp_path / name) == "romano-recording"
        recording = open_recording(tmp_path / name, um_per_pixel=0.5, plane_spacing_um=10)
        np.testing.assert_array_equal(recording.spikes.dense().T, spikes)
        wanted = np.column_stack([10 * (plane - 1), 0.5 * centres])
        np.testing.assert_allclose(recording.coordinates, wanted, rtol=1e-6)
    assert recording.name == "fish" and recording.frame_interval_s == pytest.approx(1 / 15)
    np.testing.assert_allclose(recording.fluorescence.trace(4), raster["deltaFoF"][:, 4], rtol=1e-6)
    np.testing.assert_array_equal(recording.traces["movements"], raster["movements"].ravel())
    assert saves_alike(recording, tmp_path)
    if new:
        anew = open_recording(tmp_path / "fish_RASTER.mat", binarise=5)
        assert overlap(anew, spikes) > 0.8


def test_romano_single_plane_and_what_is_wrong(tmp_path):
    def single(_raster, cells):
        content = {"cell": ragged(cells.pop("cells")), "avg": cells.pop("avg")[..., 0]}
        cells.pop("fromPlane")
        cells["dataAllCells"] = content

    spikes, centres, *_ = romano(tmp_path, planes=1, change=single)
    recording = open_recording(tmp_path / "fish_RASTER.mat")
    np.testing.assert_array_equal(recording.spikes.dense().T, spikes)
    np.testing.assert_allclose(recording.coordinates[:, 1:], centres)
    cases = (
        (lambda r, c: r.update(raster=r["raster"].T), None),
        (lambda r, c: (r.pop("raster"), r.pop("deltaFoF")), "holds no activity"),
        (lambda r, c: r.update(raster=r["raster"][:, 1:]), "'raster' has shape"),
        (lambda r, c: r.update(deltaFoF=r["deltaFoF"][1:]), "different runs"),
        (lambda r, c: c.pop("cells"), "holds no cells"),
        (lambda r, c: c.pop("avg"), "lacks the average image"),
        (lambda r, c: c["cells"].__setitem__(1, c["cells"][1] + 9999), "has pixel"),
        (lambda r, c: c["cells"].__setitem__(1, np.empty((0, 0))), "Cell 2 .* no pixels"),
    )
    for change, message in cases:
        romano(tmp_path, new=True, change=change)
        if message is None:
            again = open_recording(tmp_path / "fish_RASTER.mat")
            np.testing.assert_array_equal(again.spikes.dense().T, spikes)
            continue
        with pytest.raises(CRBMError, match=message):
            open_recording(tmp_path / "fish_RASTER.mat")
    (tmp_path / "fish_ALL_CELLS.mat").unlink()
    with pytest.raises(CRBMError, match=r"no fish_ALL_CELLS\.mat beside"):
        open_recording(tmp_path / "fish_RASTER.mat")
