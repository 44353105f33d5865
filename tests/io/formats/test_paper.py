from __future__ import annotations

import tracemalloc

import h5py
import numpy as np
import pytest

from napari_crbm.errors import CRBMError, FormatError, RecordingError, SeveralRecordings
from napari_crbm.io import open_recording
from tests.io.files import N_FRAMES, N_NEURONS, PaperContent


@pytest.fixture
def content():
    return PaperContent()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "rbm_fish.h5"


SPIKES = "Data/Brain/Analysis/ThresholdedSpikes"
DFF = "Data/Brain/Analysis/DFF"
ZBRAIN = "Data/Brain/ZBrainCoordinates"
NATIVE = "Data/Brain/Coordinates"


def test_published_layout(content, path):
    recording = open_recording(content.write(path))
    np.testing.assert_array_equal(recording.spikes.dense(), content.raster)
    np.testing.assert_array_equal(recording.times, content.times)
    x, y, z = 1000 * content.xyz_mm.T
    np.testing.assert_allclose(recording.coordinates, np.stack([276 - z, y, x], 1), rtol=1e-5)
    assert recording.regions.names == ("ZBrain region 5", "ZBrain region 200")
    for name, column in zip(recording.regions.names, (5, 200), strict=True):
        np.testing.assert_array_equal(
            recording.regions.members(name), np.flatnonzero(content.labels[column])
        )
    np.testing.assert_array_equal(recording.fluorescence.trace(7), content.dff[:, 7])
    np.testing.assert_array_equal(recording.fluorescence.frames(3, 9), content.dff[3:9])
    assert recording.name == "rbm_fish"
    assert recording.source.path == path
    (step,) = recording.provenance
    assert step.name == "open"
    assert step.parameters["file"] == "rbm_fish.h5"
    assert step.parameters["space"] == "zbrain"
    assert step.parameters["unit"].startswith("mm")
    assert step.parameters["flip_z"] is True
    assert step.parameters["activity"] == "/" + SPIKES


def test_z_is_turned_around_unless_told_otherwise(content, path):
    content.write(path)
    z_um = 1000 * content.xyz_mm[:, 2]
    as_stored = open_recording(path, flip_z=False)
    np.testing.assert_allclose(as_stored.coordinates[:, 0], z_um, rtol=1e-5)
    assert as_stored.provenance[0].parameters["flip_z"] is False
    native = open_recording(path, space="native")
    np.testing.assert_allclose(native.coordinates[:, 0], z_um.max() - z_um, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(
        native.coordinates[:, 2], 1000 * content.xyz_mm[:, 0] + 50, rtol=1e-5
    )
    assert native.metadata["space"] == "native"
    del content.datasets[ZBRAIN]
    content.write(path)
    np.testing.assert_array_equal(open_recording(path).coordinates, native.coordinates)
    with pytest.raises(RecordingError, match="positions in zbrain space"):
        open_recording(path, space="zbrain")


def test_unit_is_told_from_the_extent(content, path):
    expected = open_recording(content.write(path)).coordinates
    content.datasets[ZBRAIN] = 1000 * content.datasets[ZBRAIN]
    recording = open_recording(content.write(path))
    np.testing.assert_allclose(recording.coordinates, expected, rtol=1e-5)
    assert recording.provenance[0].parameters["unit"].startswith("um")
    content.datasets[ZBRAIN] = content.datasets[ZBRAIN] / 1000
    forced = open_recording(content.write(path), unit="um", flip_z=False)
    np.testing.assert_allclose(forced.coordinates[:, ::-1], content.xyz_mm, rtol=1e-5)


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize(
    ("coords", "spikes", "df"),
    [
        ("coords", "spikes", "df"),
        ("Coordinates_Raw", "SPIKE_DATA", "Calcium_Data"),
        ("coordinates", "Spike", "values"),
        ("ZBrain_Coords", "thresholdedspikes", "df_aligned"),
    ],
)
def test_fishualizer_names_and_orientations(content, path, transposed, coords, spikes, df):
    arrays = {
        coords: content.xyz_mm.T,
        spikes: content.raster.astype(np.float32),
        df: content.dff,
        "Region_Labels": content.labels,
    }
    content.datasets = {
        f"Data/{name}": values.T if transposed else values for name, values in arrays.items()
    }
    recording = open_recording(content.write(path), frame_rate_hz=4.0)
    np.testing.assert_array_equal(recording.spikes.dense(), content.raster)
    np.testing.assert_allclose(recording.coordinates[:, 1], 1000 * content.xyz_mm[:, 1], rtol=1e-5)
    np.testing.assert_array_equal(recording.fluorescence.trace(7), content.dff[:, 7])
    np.testing.assert_array_equal(recording.fluorescence.frames(3, 9), content.dff[3:9])
    np.testing.assert_array_equal(
        recording.regions.membership.toarray().T, content.labels[[5, 200]]
    )
    assert recording.frame_interval_s == 0.25


def test_aligned_fluorescence_and_thresholded_spikes_are_preferred(content, path):
    content.datasets["Data/Brain/Analysis/DFF_align"] = content.dff + 1
    content.datasets["Data/Brain/Analysis/Spikes"] = content.dff
    content.datasets["Data/Brain/Analysis/baseline"] = content.dff
    recording = open_recording(content.write(path))
    np.testing.assert_array_equal(recording.fluorescence.trace(0), content.dff[:, 0] + 1)
    np.testing.assert_array_equal(recording.spikes.dense(), content.raster)
    assert "/Data/Brain/Analysis/baseline" in recording.provenance[0].parameters["ignored"]


@pytest.mark.parametrize("neurons_first", [False, True])
@pytest.mark.parametrize("chunks", [None, (7, 5), (61, 3), (1, 43)])
@pytest.mark.parametrize("keep_unlabelled", [True, False])
def test_chunks_and_unlabelled_neurons(content, path, neurons_first, chunks, keep_unlabelled):
    content.datasets[ZBRAIN] = content.datasets[ZBRAIN].T
    del content.datasets[NATIVE]
    if neurons_first:
        for name in (SPIKES, DFF):
            content.datasets[name] = content.datasets[name].T
        chunks = chunks and chunks[::-1]
    content.write(path, ThresholdedSpikes=chunks, DFF=chunks)
    recording = open_recording(path, keep_unlabelled=keep_unlabelled)
    labelled = np.flatnonzero(content.labels.any(axis=0))
    kept = np.arange(N_NEURONS) if keep_unlabelled else labelled
    np.testing.assert_array_equal(recording.spikes.dense(), content.raster[:, kept])
    np.testing.assert_array_equal(recording.fluorescence.trace(-1), content.dff[:, kept[-1]])
    np.testing.assert_array_equal(recording.fluorescence.frames(0, 3), content.dff[:3, kept])
    np.testing.assert_array_equal(
        np.hstack(list(recording.fluorescence.neuron_blocks())), content.dff[:, kept]
    )
    np.testing.assert_allclose(
        recording.coordinates[:, 2], 1000 * content.xyz_mm[kept, 0], rtol=1e-5
    )
    assert recording.regions.labelled.sum() == len(labelled)
    if not keep_unlabelled:
        step = recording.provenance[1]
        assert (step.name, step.parameters["kept"]) == ("select neurons", len(labelled))


def test_as_many_frames_as_neurons(path):
    content = PaperContent(n_frames=N_NEURONS)
    np.testing.assert_array_equal(
        open_recording(content.write(path)).spikes.dense(), content.raster
    )
    np.testing.assert_array_equal(
        open_recording(path, neurons_first=True).spikes.dense(), content.raster.T
    )
    content.datasets = {"coords": content.xyz_mm, "spikes": content.raster}
    content.write(path)
    with pytest.raises(RecordingError, match="set neurons_first=True or neurons_first=False"):
        open_recording(path)
    recording = open_recording(path, neurons_first=True, frame_rate_hz=1)
    np.testing.assert_array_equal(recording.spikes.dense(), content.raster.T)


def test_region_names(content, path, tmp_path):
    content.write(path)
    names = [f"Mask {index}" for index in range(294)]
    listed = tmp_path / "names.txt"
    listed.write_text("\n".join(names) + "\n", encoding="utf-8")
    for given in (names, listed, str(listed)):
        assert open_recording(path, region_names=given).regions.names == ("Mask 5", "Mask 200")
    with pytest.raises(RecordingError, match="2 region names were given for the 294 regions"):
        open_recording(path, region_names=["a", "b"])
    with pytest.raises(RecordingError, match="cannot be read from"):
        open_recording(path, region_names=tmp_path / "missing.txt")
    with h5py.File(path, "r+") as file:
        file.create_dataset("Data/Brain/region_names", data=names, dtype=h5py.string_dtype())
    assert open_recording(path).regions.names == ("Mask 5", "Mask 200")


def test_times_come_from_option_file_or_sampling_rate(content, path):
    content.write(path)
    assert open_recording(path, frame_rate_hz=2).frame_interval_s == 0.5
    del content.datasets["Data/Brain/Times"]
    content.write(path)
    with pytest.warns(UserWarning, match="1 Hz is assumed"):
        recording = open_recording(path)
    assert recording.frame_interval_s == 1
    assert "assumed" in recording.provenance[0].parameters["times"]
    content.datasets["Data/Brain/Sampling_Rate"] = np.array([[4.0]])
    recording = open_recording(content.write(path))
    assert recording.frame_interval_s == 0.25
    assert recording.provenance[0].parameters["times"] == "4 Hz (/Data/Brain/Sampling_Rate)"
    with pytest.raises(RecordingError, match="must be a positive number"):
        open_recording(path, frame_rate_hz=0)


def test_behaviour_and_stimulus_become_traces(content, path):
    tail = np.sin(np.arange(N_FRAMES))
    content.datasets |= {
        "Data/Brain/behavior": tail[:, None],
        "Data/Stimulus": np.arange(N_FRAMES),
        "Data/tiltAngle": np.arange(5 * N_FRAMES),
    }
    recording = open_recording(content.write(path))
    assert set(recording.traces) == {"behavior", "Stimulus"}
    np.testing.assert_array_equal(recording.traces["behavior"], tail)
    assert "/Data/tiltAngle" in recording.provenance[0].parameters["ignored"]


def test_two_datasets_for_one_field(path):
    content = PaperContent()
    with h5py.File(path, "w") as file:
        file["Data/coords"] = content.xyz_mm
        for run in ("a", "b"):
            file[f"Data/{run}/spikes"] = content.raster
    with pytest.raises(FormatError, match=r"both '/Data/a/spikes' and '/Data/b/spikes'.*group"):
        open_recording(path)


def _transients(n_frames=400, n_neurons=30):
    generator = np.random.default_rng(5)
    spikes = generator.random((n_frames, n_neurons)) < 0.03
    traces = np.zeros((n_frames, n_neurons))
    for t in range(n_frames):
        traces[t] = 0.9 * traces[t - 1] + 8 * spikes[t] if t else 8 * spikes[t]
    return spikes, (traces + generator.normal(size=traces.shape)).astype(np.float32)


@pytest.mark.parametrize("neurons_first", [False, True])
def test_fluorescence_without_spikes_is_binarised_on_request(path, neurons_first):
    spikes, dff = _transients()
    with h5py.File(path, "w") as file:
        file["Data/coords"] = np.random.default_rng(0).random((30, 3))
        file["Data/df"] = dff.T if neurons_first else dff
    with pytest.raises(RecordingError, match=r"only fluorescence: open it with binarise=2\.0"):
        open_recording(path)
    recording = open_recording(path, binarise=3.0, frame_rate_hz=4)
    found = recording.spikes.dense().astype(bool)
    assert (found & spikes).sum() > 0.8 * spikes.sum()
    assert (found & spikes).sum() > 0.8 * found.sum()
    assert recording.provenance[1].name == "binarise"
    assert recording.provenance[1].parameters == {"threshold_sd": 3.0}
    with pytest.warns(UserWarning, match="lower the threshold"):
        open_recording(path, binarise=50.0, frame_rate_hz=4)


def test_binarise_replaces_stored_spikes_and_needs_fluorescence(content, path):
    assert open_recording(content.write(path), binarise=2.0).spikes.shape == content.dff.shape
    del content.datasets[DFF]
    with pytest.raises(RecordingError, match="no fluorescence to binarise"):
        open_recording(content.write(path), binarise=2.0)


BAD = {
    "no activity": ({SPIKES: None, DFF: None}, "no activity: .* is needed; found"),
    "coordinates of rank 1": ({ZBRAIN: np.zeros(43)}, r"'/Data/Brain/ZBrainCoordinates' must"),
    "plane coordinates": ({ZBRAIN: np.zeros((43, 2))}, r"found float64 of shape \(43, 2\)"),
    "other neurons": ({ZBRAIN: np.zeros((3, 40)), "Data/Brain/Labels": None}, "does not match 40"),
    "zero neurons": ({ZBRAIN: np.zeros((3, 0))}, "holds no neurons"),
    "zero frames": ({SPIKES: np.zeros((0, 43)), DFF: None}, "no frames"),
    "activity of rank 3": ({SPIKES: np.zeros((61, 43, 1))}, "must hold numbers of shape"),
    "text as activity": ({SPIKES: np.full((61, 43), b"a")}, r"must hold numbers"),
    "non-binary": ({SPIKES: np.full((61, 43), 2)}, r"must be binary.*found 2 at frame 0, neuron 0"),
    "NaN activity": ({SPIKES: np.full((61, 43), np.nan)}, "must be binary.*found nan"),
    "infinite": ({ZBRAIN: np.full((3, 43), np.inf)}, "43 of 43 neurons are infinite"),
    "times too short": ({"Data/Brain/Times": np.arange(60)}, "there are 61 frames"),
    "times back": ({"Data/Brain/Times": np.zeros(61)}, "Times must increase"),
    "labels": ({"Data/Brain/Labels": np.zeros((294, 41))}, r"found float64 of shape \(294, 41\)"),
    "other fluorescence": ({DFF: np.zeros((61, 42))}, "does not match 43"),
    "shorter fluorescence": ({DFF: np.zeros((60, 43))}, "Fluorescence has shape"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_content_is_named_in_one_sentence(content, path, case):
    changes, message = BAD[case]
    content.datasets |= changes
    content.datasets = {k: v for k, v in content.datasets.items() if v is not None}
    with pytest.raises(CRBMError, match=message) as caught:
        open_recording(content.write(path))
    assert str(caught.value).startswith("rbm_fish.h5: ")
    assert "\n" not in str(caught.value)


def test_no_labels_means_nothing_to_leave_out(content, path):
    content.datasets["Data/Brain/Labels"] = np.zeros((294, 43))
    with pytest.raises(RecordingError, match="keep the unlabelled"):
        open_recording(content.write(path), keep_unlabelled=False)


@pytest.mark.parametrize("neurons_first", [False, True])
def test_activity_is_never_held_unpacked(tmp_path, neurons_first):
    """Peak memory stays at the packed size and a few tiles, whatever the file's size."""
    n_frames, n_neurons = 4000, 16000
    path = tmp_path / "large.h5"
    shape = (n_neurons, n_frames) if neurons_first else (n_frames, n_neurons)
    with h5py.File(path, "w") as file:
        # Chunks never written read as zeros, so a large file costs nothing.
        file.create_dataset("spikes", shape, np.uint8, chunks=(256, 256))
        file["coords"] = np.random.default_rng(0).random((n_neurons, 3))
    tracemalloc.start()
    recording = open_recording(path, frame_rate_hz=4)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    packed = recording.spikes.packed.nbytes
    assert packed == n_frames * n_neurons / 8
    assert peak < 2 * packed


def test_a_set_of_fish_in_one_file(path):
    """As in BrainRBMjulia's sets: a group a fish, axes in any order."""
    fish = [PaperContent(50 + k, 20 + k, seed=k) for k in range(3)]
    with h5py.File(path, "w") as file:
        for number, content in enumerate(fish, start=1):
            # Julia's own order, and the one in which its example writes positions.
            stored = content.raster if number % 2 else content.raster.T
            file[f"Fish{number}/spikes"] = stored.astype(np.uint8)
            file[f"Fish{number}/coords"] = content.xyz_mm if number < 3 else content.xyz_mm.T
        file["Fish1/name"] = "larva 1"
    with pytest.raises(SeveralRecordings, match=r"3 recordings: /Fish1, /Fish2, /Fish3") as caught:
        open_recording(path)
    assert caught.value.groups == ("/Fish1", "/Fish2", "/Fish3")
    for group, content in zip(caught.value.groups, fish, strict=True):
        recording = open_recording(path, group=group, frame_rate_hz=4.0)
        np.testing.assert_array_equal(recording.spikes.dense(), content.raster)
        np.testing.assert_allclose(
            recording.coordinates[:, 2], 1000 * content.xyz_mm[:, 0], rtol=1e-5
        )
        assert recording.name == f"rbm_fish {group[1:]}"
    with pytest.raises(FormatError, match="no group 'Fish9'"):
        open_recording(path, group="Fish9")


def test_one_recording_of_julia(path):
    """``DATA_*.h5``: column-major arrays of one fish in ``/Data``."""
    content = PaperContent(50, 20)
    with h5py.File(path, "w") as file:
        file["Data/name"] = "fish"
        file["Data/spikes"] = content.raster.astype(np.uint8)
        file["Data/coords"] = content.xyz_mm.T
    recording = open_recording(path, frame_rate_hz=4.0)
    np.testing.assert_array_equal(recording.spikes.dense(), content.raster)


@pytest.mark.parametrize("neurons_first", [False, True])
def test_positions_are_optional(tmp_path, neurons_first):
    spikes = np.random.default_rng(0).random((N_FRAMES, N_NEURONS)) < 0.2
    path = tmp_path / "fish.h5"
    with h5py.File(path, "w") as file:
        file["spikes"] = spikes.T if neurons_first else spikes
        file["times"] = np.arange(N_FRAMES) / 4.0
    with pytest.warns(UserWarning, match="43 neurons in 61 frames"):
        opened = open_recording(path)
    assert opened.coordinates is None
    np.testing.assert_array_equal(opened.spikes.dense(), spikes)
    with h5py.File(path, "r+") as file:
        file["where"] = np.zeros((N_NEURONS, 3))
    with pytest.raises(RecordingError, match="'/where' may hold them"):
        open_recording(path)
