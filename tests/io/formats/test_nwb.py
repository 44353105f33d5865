"""NWB files written with pynwb, as the schema and as other programs have them."""

from __future__ import annotations

import sys
import warnings
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import h5py
import numpy as np
import pytest

from napari_crbm.errors import CRBMError, FormatError, RecordingError
from napari_crbm.io import open_recording, read_kind, save_nwb, save_recording
from napari_crbm.io.reading.traces import Combined
from napari_crbm.simulation import simulate
from tests.conftest import random_model
from tests.io.files import planted_traces, small_recording

pynwb = pytest.importorskip("pynwb")

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*does not store sizes:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*:UserWarning:hdmf.*"),
    pytest.mark.filterwarnings("ignore:.*:UserWarning:pynwb.*"),
]

N, T = 12, 250
RATE = 3.9


class Writer:
    """One NWB file under way."""

    def __init__(self, description="an experiment"):
        self.file = pynwb.NWBFile(description, str(uuid4()), datetime(2020, 1, 1, tzinfo=UTC))
        self.device = self.file.create_device(name="Microscope")
        self.ophys = self.file.create_processing_module("ophys", "processed")
        self.segmentation = pynwb.ophys.ImageSegmentation()
        self.ophys.add(self.segmentation)

    def plane(self, name="PlaneSegmentation", description="cells", number=0, **geometry):
        channel = pynwb.ophys.OpticalChannel(
            name="OpticalChannel", description="-", emission_lambda=500.0
        )
        imaging_plane = self.file.create_imaging_plane(
            name=f"ImagingPlane{number}",
            optical_channel=channel,
            description="-",
            device=self.device,
            excitation_lambda=600.0,
            indicator="GCaMP",
            location="brain",
            **geometry,
        )
        return self.segmentation.create_plane_segmentation(
            name=name, description=description, imaging_plane=imaging_plane
        )

    def series(self, table, data, rows=None, name="RoiResponseSeries", **clock):
        rows = list(range(len(table.id))) if rows is None else rows
        region = table.create_roi_table_region(region=rows, description="rois")
        clock = clock or {"rate": RATE}
        return pynwb.ophys.RoiResponseSeries(
            name=name, data=data, rois=region, unit="lumens", **clock
        )

    def hold(self, *series, name="Fluorescence", kind=None):
        kind = kind or pynwb.ophys.Fluorescence
        self.ophys.add(kind(name=name, roi_response_series=list(series)))

    def write(self, path):
        with pynwb.NWBHDF5IO(str(path), "w") as writer:
            writer.write(self.file)
        return path


def random_pixels(generator, n_axes=2):
    """A few pixels about a centre with weights that are symmetric about it."""
    centre = generator.integers(5, 55, n_axes)
    steps = np.concatenate([np.zeros((1, n_axes), int), np.eye(n_axes, dtype=int)])
    return centre, np.concatenate([centre + steps, centre - steps[1:]])


def fill(table, kind, seed=0, n_cells=N):
    """Add cells to a table; returns their centres as x, y(, z)."""
    generator = np.random.default_rng(seed)
    centres = []
    for _ in range(n_cells):
        centre, pixels = random_pixels(generator, 3 if kind == "voxel_mask" else 2)
        centres.append(centre)
        if kind == "image_mask":
            mask = np.zeros((60, 70), dtype=np.float32)
            mask[tuple(pixels.T)] = 1
        else:
            mask = [(*pixel, 0.5) for pixel in pixels]
        table.add_roi(**{kind: mask})
    return np.array(centres, dtype=float)


def raw_traces(n_cells=N, seed=0):
    spikes, clean, noise = planted_traces(n_cells, T, seed)
    return spikes, (200 + clean + noise).astype(np.float32)


def overlap(recording, spikes):
    found = recording.spikes.dense().T.astype(bool)
    return 2 * (found & spikes).sum() / (found.sum() + spikes.sum())


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("kind", ["pixel_mask", "image_mask", "voxel_mask"])
def test_masks_become_places(tmp_path, kind, transposed):
    writer = Writer()
    spacing = [2e-6, 3e-6, 5e-6][: 3 if kind == "voxel_mask" else 2]
    table = writer.plane(grid_spacing=spacing, grid_spacing_unit="meters")
    xyz = fill(table, kind)
    spikes, raw = raw_traces()
    times = 5.0 + np.arange(T) / 4.0
    writer.hold(writer.series(table, raw.T, timestamps=times))
    path = writer.write(tmp_path / "fish.nwb")
    if transposed:
        # pynwb itself refuses to write this; older versions did not.
        replaced(path, DATA, raw)
    recording = open_recording(path, binarise=5.0)
    assert read_kind(path) == "nwb-recording" and recording.name == "fish"
    wanted = np.zeros((N, 3))
    wanted[:, : xyz.shape[1]] = xyz
    np.testing.assert_allclose(recording.coordinates[:, ::-1], wanted * [2, 3, 5], rtol=1e-5)
    np.testing.assert_allclose(recording.times, times)
    assert overlap(recording, spikes) > 0.8
    median = np.median(raw, axis=1, keepdims=True)
    dff = (raw - median) / median
    np.testing.assert_allclose(recording.fluorescence.trace(3), dff[3], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(recording.fluorescence.frames(7, 9), dff.T[7:9], atol=1e-5)
    save_recording(recording, tmp_path / "ours.h5")
    assert open_recording(tmp_path / "ours.h5").fingerprint == recording.fingerprint
    sized = open_recording(path, um_per_pixel=1.0, plane_spacing_um=10.0, frame_rate_hz=2.0)
    np.testing.assert_allclose(sized.coordinates[:, ::-1], wanted * [1, 1, 10], rtol=1e-5)
    assert sized.frame_interval_s == pytest.approx(0.5)


@pytest.mark.parametrize("rows_first", [False, True])
def test_pictures_that_lie_across_the_images_are_turned(tmp_path, rows_first):
    writer = Writer()
    table = writer.plane()
    centres = fill(table, "image_mask")
    # The schema's order of sizes is x, y; pictures here are 60 x 70.
    size = [70, 60] if rows_first else [60, 70]
    writer.file.add_acquisition(
        pynwb.ophys.TwoPhotonSeries(
            name="TwoPhotonSeries",
            imaging_plane=table.imaging_plane,
            external_file=["movie.tif"],
            format="external",
            starting_frame=[0],
            dimension=size,
            timestamps=[0.0, 1.0 / RATE],
            unit="a.u.",
        )
    )
    writer.hold(writer.series(table, raw_traces()[1].T))
    recording = open_recording(writer.write(tmp_path / "a.nwb"), um_per_pixel=1.0)
    order = slice(None) if rows_first else slice(None, None, -1)
    np.testing.assert_allclose(recording.coordinates[:, 1:], centres[:, order], atol=1e-4)


def test_several_planes_are_joined_or_chosen(tmp_path):
    writer = Writer()
    parts = []
    for number, depth in enumerate((0.0, 25.0)):
        table = writer.plane(
            f"Plane{number}",
            number=number,
            grid_spacing=[0.5, 0.5],
            grid_spacing_unit="micrometers",
            origin_coords=[100.0, 0.0, depth],
            origin_coords_unit="micrometers",
        )
        xy = fill(table, "pixel_mask", seed=number)
        spikes, raw = raw_traces(seed=number)
        relative = (raw - 200) / 200
        parts.append((xy, spikes, relative[:, : T - number]))
        series = writer.series(table, relative.T[: T - number], name=f"plane{number}")
        writer.hold(series, name=f"DfOverF{number}", kind=pynwb.ophys.DfOverF)
    path = writer.write(tmp_path / "fish.nwb")
    recording = open_recording(path, binarise=5.0)
    assert recording.spikes.shape == (T - 1, 2 * N)
    wanted = np.concatenate([0.5 * xy + [100, 0] for xy, _, _ in parts])
    np.testing.assert_allclose(recording.coordinates[:, :0:-1], wanted, rtol=1e-6)
    np.testing.assert_allclose(recording.coordinates[:, 0], np.repeat([0.0, 25.0], N))
    for neuron, trace in ((2, parts[0][2][2]), (N + 5, parts[1][2][5]), (-1, parts[1][2][-1])):
        np.testing.assert_allclose(
            recording.fluorescence.trace(neuron), trace[: T - 1], rtol=1e-5, atol=1e-6
        )
    blocks = np.concatenate(list(recording.fluorescence.neuron_blocks()), axis=1)
    np.testing.assert_allclose(blocks, recording.fluorescence.frames(0, T), atol=1e-6)
    for group in ("Plane1", "plane1", "DfOverF1", "DfOverF1/plane1"):
        one = open_recording(path, group=group, binarise=5.0)
        assert one.n_neurons == N and overlap(one, parts[1][1][:, : T - 1]) > 0.8
    with pytest.raises(FormatError, match=r"no 'plane7'.*plane0.*plane1"):
        open_recording(path, group="plane7")


def test_suite2p_masks_are_swapped(tmp_path):
    """As in suite2p's ``save_nwb``: one table, a series a plane in three containers."""
    writer = Writer("suite2p_proc")
    table = writer.plane(
        description="suite2p output",
        grid_spacing=[2.0, 2.0, 30.0],
        grid_spacing_unit="microns",
    )
    generator = np.random.default_rng(3)
    yx = []
    for cell in range(2 * N):
        centre, pixels = random_pixels(generator)
        yx.append(centre)
        table.add_roi(voxel_mask=[(y, x, cell // N, 1.0) for y, x in pixels])
    iscell = np.column_stack([np.arange(2 * N) % 3 != 0, np.full(2 * N, 0.9)])
    table.add_column("iscell", "two columns - iscell & probcell", iscell)
    spikes, clean, noise = planted_traces(2 * N, T)
    around = generator.normal(20, 1, clean.shape)
    content = {
        "Fluorescence": 100 + clean + noise + 0.7 * around,
        "Neuropil": around,
        "Deconvolved": np.where(spikes, 30.0, 0.0),
    }
    for name, values in content.items():
        parts = [slice(0, N), slice(N, 2 * N)]
        series = [
            writer.series(
                table, values[part].T, list(range(part.start, part.stop)), f"plane{number}"
            )
            for number, part in enumerate(parts)
        ]
        writer.hold(*series, name=name)
    path = writer.write(tmp_path / "ophys.nwb")
    recording = open_recording(path, um_per_pixel=0.8, plane_spacing_um=15.0)
    kept = iscell[:, 0] == 1
    np.testing.assert_array_equal(recording.spikes.dense().T, spikes[kept])
    np.testing.assert_allclose(recording.coordinates[:, 1:], 0.8 * np.array(yx)[kept], rtol=1e-5)
    np.testing.assert_allclose(
        recording.coordinates[:, 0], 15.0 * np.repeat([0, 1], N)[kept], rtol=1e-6
    )
    np.testing.assert_allclose(np.diff(recording.times), 1 / RATE)
    assert recording.provenance[0].parameters["neuropil"] == "0.7 subtracted"
    corrected = (content["Fluorescence"] - 0.7 * around)[kept]
    wanted = corrected - np.median(corrected, axis=1, keepdims=True)
    wanted /= np.median(content["Fluorescence"][kept], axis=1, keepdims=True)
    np.testing.assert_allclose(recording.fluorescence.trace(4), wanted[4], atol=1e-4)
    with pytest.warns(UserWarning, match="Suite2p's NWB file does not store sizes"):
        open_recording(path)


def test_caiman_pictures_are_unfolded(tmp_path):
    """As in CaImAn's ``save_NWB``: pixels count down columns, laid out as rows."""
    writer = Writer()
    dims = (40, 50)
    table = writer.plane(description="CNMF_ROIs", grid_spacing=[1e-6, 1e-6])
    table.add_column("keep", "in idx_components")
    generator = np.random.default_rng(3)
    yx = []
    for cell in range(N + 1):
        centre = generator.integers(2, 38, 2)
        footprint = np.zeros(dims)
        footprint[centre[0] - 1 : centre[0] + 2, centre[1] - 1 : centre[1] + 2] = 1
        flat = footprint.ravel(order="F")
        table.add_roi(image_mask=flat.reshape(dims), keep=cell % 2 == 0 and cell < N)
        yx.append(centre)
    spikes, clean, noise = planted_traces(N, T)
    background = np.full((T, 1), 100.0)
    clock = {"timestamps": np.arange(T) / RATE}
    writer.hold(
        writer.series(table, clean.T, list(range(N)), **clock),
        writer.series(table, background, [N], "Background_Fluorescence_Response", **clock),
    )
    writer.ophys.add(
        pynwb.TimeSeries(name="residuals", data=noise.T, unit="NA", description="-", **clock)
    )
    path = writer.write(tmp_path / "fish.nwb")
    recording = open_recording(path, binarise=5.0)
    np.testing.assert_allclose(recording.coordinates[:, 1:], np.array(yx)[0:N:2], rtol=1e-5)
    assert overlap(recording, spikes[::2]) > 0.8
    assert isinstance(recording.fluorescence, Combined)
    np.testing.assert_allclose(recording.fluorescence.trace(1), (clean + noise)[2], rtol=1e-5)


def test_voluseg_placeholders_are_not_believed(tmp_path):
    writer = Writer("voluseg results")
    table = writer.plane(
        description="output from voluseg", grid_spacing=[0.01, 0.01], grid_spacing_unit="meters"
    )
    xyz = fill(table, "voxel_mask")
    _, raw = raw_traces()
    writer.hold(writer.series(table, raw.T, rate=1.0))
    path = writer.write(tmp_path / "cells0_clean.nwb")
    with pytest.warns(UserWarning, match="no frame rate"):
        recording = open_recording(path, um_per_pixel=0.4, plane_spacing_um=5.0)
    np.testing.assert_allclose(recording.coordinates[:, ::-1], xyz * [0.4, 0.4, 5.0], rtol=1e-5)


@pytest.fixture
def plain(tmp_path):
    writer = Writer()
    table = writer.plane(grid_spacing=[1e-6, 1e-6])
    fill(table, "pixel_mask")
    _, raw = raw_traces()
    writer.hold(writer.series(table, raw.T))
    return writer.write(tmp_path / "fish.nwb")


DATA = "processing/ophys/Fluorescence/RoiResponseSeries/data"
TABLE = "processing/ophys/ImageSegmentation/PlaneSegmentation"


def replaced(path, name, values, **more):
    with h5py.File(path, "a") as file:
        attributes = dict(file[name].attrs)
        del file[name]
        if values is not None:
            file.create_dataset(name, data=values, **more).attrs.update(attributes)


def test_stored_variants_read_the_same(plain, tmp_path):
    before = open_recording(plain)
    with h5py.File(plain) as file:
        data = file[DATA][()]
    replaced(plain, DATA, data.astype(">f8"), compression="gzip", chunks=(64, 5), shuffle=True)
    assert open_recording(plain).fingerprint == before.fingerprint
    replaced(plain, DATA, None)
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["numbers"] = data
        file["numbers"].attrs.update({"unit": "lumens", "conversion": 1.0, "resolution": -1.0})
    with h5py.File(plain, "a") as file:
        file[DATA] = h5py.ExternalLink("data.h5", "numbers")
    linked = open_recording(plain)
    assert linked.fingerprint == before.fingerprint
    np.testing.assert_array_equal(linked.fluorescence.trace(4), before.fluorescence.trace(4))
    (tmp_path / "data.h5").unlink()
    with pytest.raises(CRBMError, match=r"fish\.nwb"):
        open_recording(plain)


def test_what_is_wrong_is_named(plain):
    original = plain.read_bytes()
    with h5py.File(plain) as file:
        data, mask = file[DATA][()], file[f"{TABLE}/pixel_mask"][()]
        ends = file[f"{TABLE}/pixel_mask_index"][()]
    empty = mask.copy()
    empty["weight"][:5] = 0
    rois = "processing/ophys/Fluorescence/RoiResponseSeries/rois"
    cases = (
        (DATA, data[:, :-1], "'RoiResponseSeries' has shape"),
        (DATA, data[:, :0], "'RoiResponseSeries' has shape"),
        (f"{TABLE}/pixel_mask", empty, "mask of cell 0"),
        (f"{TABLE}/pixel_mask_index", ends[::-1], "contradicts itself"),
        (f"{TABLE}/pixel_mask", mask[:-7], "contradicts itself"),
        (rois, np.arange(N) + 5, "row 16"),
        (rois, np.arange(N) - 5, "row"),
    )
    for name, values, message in cases:
        replaced(plain, name, values)
        with pytest.raises(CRBMError, match=message):
            open_recording(plain)
        plain.write_bytes(original)
    with h5py.File(plain, "a") as file:
        del file["processing/ophys/Fluorescence"]
    with pytest.raises(FormatError, match="holds no activity of cells"):
        open_recording(plain)
    with h5py.File(plain, "w") as file:
        file["nwb_version"] = "NWB-1.0.6"
    with pytest.raises(FormatError, match="version 1"):
        open_recording(plain)


def test_without_pynwb_a_sentence_says_how_to_get_it(plain, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "pynwb", None)
    assert read_kind(plain) == "nwb-recording"
    with pytest.raises(FormatError, match="install the extra 'nwb'"):
        open_recording(plain)
    with pytest.raises(FormatError, match="install the extra 'nwb'"):
        save_nwb(small_recording(), tmp_path / "out.nwb")


# --- writing --------------------------------------------------------------------------------


def test_recordings_survive_the_way_through_nwb(tmp_path):
    recording = small_recording()
    path = save_nwb(recording, tmp_path / "fish.nwb")
    again = open_recording(path)
    assert again.fingerprint == recording.fingerprint
    np.testing.assert_allclose(again.times, recording.times, atol=1e-9)
    assert set(again.regions.names) == set(recording.regions.names)
    for name in recording.regions.names:
        np.testing.assert_array_equal(again.regions.members(name), recording.regions.members(name))
    np.testing.assert_array_equal(again.traces["tail-angle"], recording.traces["tail/angle"])
    assert again.fluorescence is None


def test_fluorescence_is_streamed_and_irregular_times_are_kept(plain, tmp_path):
    recording = open_recording(plain)
    times = np.cumsum(np.random.default_rng(0).uniform(0.2, 0.3, T))
    recording = replace(recording, times=times)
    again = open_recording(save_nwb(recording, tmp_path / "again.nwb"))
    assert again.fingerprint == recording.fingerprint
    np.testing.assert_array_equal(again.times, times)
    np.testing.assert_array_equal(again.fluorescence.trace(3), recording.fluorescence.trace(3))
    anew = open_recording(tmp_path / "again.nwb", binarise=28.0)
    assert anew.spikes.rate < 0.9 * again.spikes.rate


def test_results_of_a_model_have_their_types(tmp_path):
    recording = small_recording()
    model = random_model(recording.n_neurons, 4)
    members = [np.arange(k, 12, 2) for k in range(4)]
    path = save_nwb(
        recording,
        tmp_path / "fish.nwb",
        model=model,
        members=members,
        columns={"region": np.array(["A", "B/1", "", "Ç"], dtype=object)},
        session_start=datetime(2018, 9, 12, 10, tzinfo=UTC),
    )
    assert not pynwb.validate(path=str(path))
    with pynwb.NWBHDF5IO(str(path), "r") as reader:
        nwbfile = reader.read()
        assert nwbfile.session_start_time.year == 2018
        module = nwbfile.processing["assemblies"]
        table = module["Assemblies"]
        neurons = nwbfile.processing["ophys"]["ImageSegmentation"]["Neurons"]
        for unit, expected in enumerate(members):
            np.testing.assert_array_equal(table["neurons"].target.table.id[:], neurons.id[:])
            rows = table["neurons"][unit]
            np.testing.assert_array_equal(np.asarray(rows.index), expected)
            np.testing.assert_array_equal(table["weights"][unit], model.weights_[expected, unit])
        np.testing.assert_array_equal(table["gamma_plus"][:], model.hidden_.gamma_plus)
        assert list(table["region"][:]) == ["A", "B/1", "", "Ç"]
        activity = module["AssemblyActivity"]
        assert type(activity).__name__ == "TimeSeries" and activity.rate == pytest.approx(4.0)
        np.testing.assert_allclose(activity.data[:], model.transform(recording.spikes), rtol=1e-6)
        np.testing.assert_array_equal(neurons["crbm_weights"][:], model.weights_)
        np.testing.assert_array_equal(neurons["crbm_field"][:], model.fields_)
    assert open_recording(path).fingerprint == recording.fingerprint
    with pytest.raises(CRBMError, match="trained on another one"):
        save_nwb(recording, tmp_path / "b.nwb", model=random_model(5, 2))
    with pytest.raises(FormatError, match="no folder"):
        save_nwb(recording, tmp_path / "nowhere" / "b.nwb")
    assert not (tmp_path / "b.nwb").exists()
    with pytest.raises(RecordingError, match="neurons_first=True"):
        open_recording(path, neurons_first=True)
    with pytest.raises(RecordingError, match="leave out the threshold"):
        open_recording(path, binarise=2.0)


def test_writing_warns_of_nothing(tmp_path):
    recording = simulate(
        n_neurons=20, n_frames=40, n_assemblies=2, fluorescence=True, seed=0
    ).recording
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        save_nwb(recording, tmp_path / "fish.nwb", model=random_model(20, 2))
