"""NWB files with spike times of sorted units."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from napari_crbm.errors import RecordingError, SettingError
from napari_crbm.io import open_recording, read_kind
from napari_crbm.io.formats.nwb.units import binned

pynwb = pytest.importorskip("pynwb")

N = 6


def write(path, *, x=True, area=True, electrodes=True):
    rng = np.random.default_rng(0)
    nwbfile = pynwb.NWBFile("d", "i", datetime(2020, 1, 1, tzinfo=UTC))
    device = nwbfile.create_device(name="probe")
    group = nwbfile.create_electrode_group("g", "d", "brain", device)
    for k in range(N):
        place = (
            {"x": 10.0 * k, "y": 20.0 * k, "z": 5.0 * k} if x else {"rel_x": 0.0, "rel_y": 20.0 * k}
        )
        nwbfile.add_electrode(
            group=group, location=("CA1", "unknown")[k % 2] if area else "unknown", **place
        )
    times = [np.sort(rng.uniform(5, 65, 40)) for _ in range(N)]
    for k in range(N):
        extra = {"electrodes": [k]} if electrodes else {}
        nwbfile.add_unit(spike_times=times[k], **extra)
    with pynwb.NWBHDF5IO(str(path), "w") as io:
        io.write(nwbfile)
    return times


def test_units_are_binned(tmp_path):
    path = tmp_path / "mouse.nwb"
    times = write(path)
    assert read_kind(path) == "nwb-recording"
    with pytest.warns(UserWarning, match="binned at 50 ms: set the option bin_s"):
        assert open_recording(path).frame_interval_s == pytest.approx(0.05)
    opened = open_recording(path, bin_s=0.5)
    raster = opened.spikes.dense().astype(bool)
    for unit, own in enumerate(times):
        wanted = np.zeros(len(raster), bool)
        start = np.floor(min(map(np.min, times)) / 0.5) * 0.5
        wanted[((own - start) / 0.5).astype(int)] = True
        np.testing.assert_array_equal(raster[:, unit], wanted)
        # Every spike lies within half a bin of an active frame.
        near = np.abs(opened.times[raster[:, unit]][:, None] - own).min(axis=0)
        assert near.max() <= 0.25 + 1e-9
    np.testing.assert_allclose(opened.coordinates, np.arange(N)[:, None] * [20, 10, 5])
    assert opened.regions.names == ("CA1",)
    assert list(opened.regions.labelled) == [True, False] * 3
    assert opened.provenance[1].parameters == {"bin_s": 0.5}


@pytest.mark.parametrize("kind", ["probe", "nothing"])
def test_positions_are_what_the_electrodes_have(tmp_path, kind):
    path = tmp_path / "mouse.nwb"
    write(path, x=False, area=False, electrodes=kind == "probe")
    opened = open_recording(path, bin_s=1.0)
    assert opened.regions is None
    if kind == "probe":
        assert opened.known_axes == ("z",)
        np.testing.assert_allclose(opened.coordinates[:, 0], 20.0 * np.arange(N))
    else:
        assert opened.coordinates is None


def test_bins_are_checked(tmp_path):
    with pytest.raises(RecordingError, match="Check that the times are in seconds"):
        binned(np.array([0.0, 1e12]), np.array([0, 1]), 2)
    spikes, start, width, several = binned(np.array([0.01, 0.02, 0.3]), np.array([0, 0, 1]), 2)
    assert (start, width, several) == (0.0, 0.05, 1) and spikes.shape == (7, 2)
    write(tmp_path / "a.nwb")
    with pytest.raises(SettingError):
        open_recording(tmp_path / "a.nwb", bin_s=0.0)
