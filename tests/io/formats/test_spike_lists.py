"""Plain lists of spike times, in every form in which labs keep them."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.io import savemat

from napari_crbm.errors import CRBMError, SettingError
from napari_crbm.io import open_recording, read_kind

RNG = np.random.default_rng(4)
N, S = 7, 20.0
#: Spike times of each neuron in seconds; none lies at the edge of a bin.
LISTS = [np.sort(RNG.integers(0, 400, RNG.integers(8, 40)) * 0.05 + 0.013) for _ in range(N)]
TIMES = np.concatenate(LISTS)
UNIT = np.repeat(np.arange(N), [len(each) for each in LISTS])
ORDER = np.argsort(TIMES, kind="stable")
XYZ = RNG.uniform(0, 300, (N, 3))


def expected(width=0.05):
    """Zeros and ones of the bins from the first spike to the last."""
    place = np.floor(TIMES / width + 1e-9).astype(int)
    raster = np.zeros((place.max() + 1, N), dtype=np.uint8)
    raster[place, UNIT] = 1
    return raster[place.min() :]


def pairs_csv(folder):
    pd.DataFrame({"neuron": UNIT[ORDER], "time": TIMES[ORDER]}).to_csv(folder / "a.csv")
    return folder / "a.csv"


def pairs_text_without_header(folder):
    np.savetxt(folder / "a.txt", np.column_stack([UNIT, TIMES])[ORDER], fmt=["%d", "%.4f"])
    return folder / "a.txt"


def pairs_npy(folder):
    np.save(folder / "a.npy", np.column_stack([TIMES, UNIT])[ORDER])
    return folder / "a.npy"


def pairs_npz(folder):
    np.savez(folder / "a.npz", spike_times=TIMES, spike_clusters=UNIT, coords=XYZ)
    return folder / "a.npz"


def folder_of_npy(folder):
    np.save(folder / "spikes.times.npy", TIMES[ORDER])
    np.save(folder / "spikes.clusters.npy", UNIT[ORDER])
    return folder


def ragged_npz(folder):
    np.savez(folder / "a.npz", **{f"unit_{k}": each for k, each in enumerate(LISTS)})
    return folder / "a.npz"


def indexed_npz(folder):
    ends = np.cumsum([len(each) for each in LISTS])
    np.savez(folder / "a.npz", spike_times=TIMES, spike_times_index=ends)
    return folder / "a.npz"


def cell_array(folder):
    cells = np.empty(N, dtype=object)
    cells[:] = LISTS
    savemat(folder / "a.mat", {"spikes": cells})
    return folder / "a.mat"


FORMS = (
    *(pairs_csv, pairs_text_without_header, pairs_npy, pairs_npz),
    *(folder_of_npy, ragged_npz, indexed_npz, cell_array),
)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_opens_at_the_default_width_and_says_so(tmp_path, form):
    path = form(tmp_path)
    assert read_kind(path) == "spike-times-recording"
    with pytest.warns(UserWarning, match=r"binned at 50 ms.*--bin-s") as caught:
        recording = open_recording(path)
    assert len(caught) == 1
    np.testing.assert_array_equal(recording.spikes.dense(), expected())
    assert recording.frame_interval_s == pytest.approx(0.05)


def test_the_width_can_be_chosen(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        recording = open_recording(pairs_csv(tmp_path), bin_s=0.5)
    np.testing.assert_array_equal(recording.spikes.dense(), expected(0.5))
    assert recording.provenance[-1].parameters["bin_s"] == 0.5


def test_positions_are_those_of_the_neurons(tmp_path):
    recording = open_recording(pairs_npz(tmp_path), bin_s=0.05)
    np.testing.assert_allclose(recording.coordinates, XYZ[:, ::-1], rtol=1e-6)
    table = tmp_path / "b.csv"
    kept = UNIT != 3
    pd.DataFrame({"unit": UNIT[kept], "time": TIMES[kept]}).to_csv(table, index=False)
    pd.DataFrame(XYZ, columns=list("xyz")).to_csv(tmp_path / "b_cells.csv", index=False)
    found = open_recording(table, bin_s=0.05)
    rows = [0, 1, 2, 4, 5, 6]
    np.testing.assert_allclose(found.coordinates, XYZ[rows][:, ::-1], rtol=1e-6)


def test_whole_numbers_are_not_seconds_in_silence(tmp_path):
    np.save(tmp_path / "spike_times.npy", np.round(TIMES[ORDER] * 30_000).astype("u8"))
    np.save(tmp_path / "spike_clusters.npy", UNIT[ORDER].astype("i4"))
    with pytest.raises(SettingError, match=r"whole numbers.*time_unit='?ms"):
        open_recording(tmp_path)
    (tmp_path / "params.py").write_text("dat_path = 'x'\nsample_rate = 30000.\nexit()\n")
    recording = open_recording(tmp_path, bin_s=0.05)
    np.testing.assert_array_equal(recording.spikes.dense(), expected())


def test_milliseconds_by_option_and_in_doubt(tmp_path):
    path = tmp_path / "a.csv"
    pd.DataFrame({"neuron": UNIT, "time": 1000 * TIMES + 0.5}).to_csv(path, index=False)
    with pytest.warns(UserWarning, match="probably not in seconds.*--time-unit"):
        open_recording(path, bin_s=50.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        recording = open_recording(path, time_unit="ms", bin_s=0.05)
    assert recording.frame_interval_s == pytest.approx(0.05)
    np.testing.assert_array_equal(recording.spikes.dense(), expected())


@pytest.mark.parametrize(
    "table",
    [
        {"x": XYZ[:, 0], "y": XYZ[:, 1], "z": XYZ[:, 2]},
        {"time": np.arange(50) / 4, **{f"n{k}": RNG.random(50) for k in range(30)}},
        {"label": np.arange(50), "value": RNG.random(50)},
        {"neuron": np.arange(50), "time": RNG.random(50)},
    ],
)
def test_other_tables_are_no_lists(tmp_path, table):
    pd.DataFrame(table).to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(CRBMError, match="not a recording this program knows"):
        read_kind(tmp_path / "a.csv")
