from __future__ import annotations

from dataclasses import replace

import h5py
import numpy as np
import pytest

from napari_crbm.errors import FormatError, RecordingError
from napari_crbm.io import RecordingWriter, open_recording, save_recording
from napari_crbm.recording import Source
from tests.io.files import small_recording


class InMemoryFluorescence:
    def __init__(self, values):
        self.values = values

    @property
    def shape(self):
        return self.values.shape

    def trace(self, neuron):
        return self.values[:, neuron]

    def frames(self, start, stop):
        return self.values[start:stop]


@pytest.fixture
def recording():
    return small_recording()


@pytest.fixture
def saved(recording, tmp_path):
    return save_recording(recording, tmp_path / "fish.h5")


def test_round_trip_of_everything(recording, saved):
    opened = open_recording(saved)
    assert opened.spikes == recording.spikes
    assert opened.fingerprint == recording.fingerprint
    np.testing.assert_array_equal(opened.coordinates, recording.coordinates)
    np.testing.assert_array_equal(opened.times, recording.times)
    assert opened.name == "larva 3"
    assert opened.regions.names == recording.regions.names
    assert (opened.regions.membership != recording.regions.membership).nnz == 0
    np.testing.assert_array_equal(opened.traces["tail/angle"], recording.traces["tail/angle"])
    assert opened.metadata == recording.metadata
    assert opened.source == Source(saved, {}, len(opened.provenance))
    assert opened.provenance[0] == recording.provenance[0]
    assert opened.provenance[1].name == "open"
    assert opened.provenance[1].parameters["file"] == "fish.h5"
    assert opened.fluorescence is None


def test_layout_on_disk(saved):
    with h5py.File(saved) as file:
        assert dict(file.attrs).items() >= {"format": "napari-crbm", "kind": "recording"}.items()
        assert file.attrs["version"] == 1
        assert file["spikes"].shape == (70, 3)
        assert file["coordinates"].attrs["axes"] == "z,y,x"
        assert file["coordinates"].attrs["unit"] == "micrometre"


def test_where_a_file_lay_is_not_saved(recording, tmp_path):
    first = save_recording(recording, tmp_path / "a.h5")
    second = save_recording(open_recording(first), tmp_path / "b.h5")
    assert str(tmp_path).encode() not in second.read_bytes()


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_fluorescence_is_read_lazily_and_exactly(tmp_path, dtype, recording):
    values = np.random.default_rng(3).normal(size=recording.spikes.shape).astype(dtype)
    path = tmp_path / "fish.h5"
    with RecordingWriter(
        path,
        recording.n_frames,
        recording.n_neurons,
        coordinates=recording.coordinates,
        times=recording.times,
        with_fluorescence=True,
        fluorescence_dtype=dtype,
    ) as writer:
        for start in range(0, recording.n_frames, 16):
            stop = min(start + 16, recording.n_frames)
            writer.write_frames(recording.spikes.dense(slice(start, stop)), values[start:stop])
    copy = save_recording(open_recording(path), tmp_path / "copy.h5")
    for opened in (open_recording(path), open_recording(copy)):
        assert opened.spikes == recording.spikes
        assert opened.fluorescence.shape == recording.spikes.shape
        assert opened.fluorescence.dtype == dtype
        assert opened.fluorescence.trace(-1).dtype == np.float32
        np.testing.assert_array_equal(opened.fluorescence.trace(-1), values[:, -1])
        np.testing.assert_array_equal(opened.fluorescence.frames(5, 60), values[5:60])
        blocks = np.hstack(list(opened.fluorescence.neuron_blocks()))
        np.testing.assert_array_equal(blocks, values)
    with pytest.raises(IndexError):
        opened.fluorescence.trace(recording.n_neurons)
    # Nothing holds the file open, so another can take its place while the recording is in use.
    with pytest.raises(FormatError, match="never overwritten"):
        save_recording(open_recording(path), path)
    save_recording(open_recording(copy), path)
    np.testing.assert_array_equal(open_recording(path).fluorescence.trace(0), values[:, 0])
    copy.unlink()
    with pytest.raises(FormatError, match="no file"):
        opened.fluorescence.trace(0)
    save_recording(recording, copy)
    with pytest.raises(FormatError, match="has changed since it was opened"):
        opened.fluorescence.trace(0)


def test_fluorescence_of_other_kinds_is_saved_too(recording, tmp_path):
    values = np.random.default_rng(3).normal(size=recording.spikes.shape).astype(np.float32)
    with_fluorescence = replace(recording, fluorescence=InMemoryFluorescence(values))
    opened = open_recording(save_recording(with_fluorescence, tmp_path / "fish.h5"))
    np.testing.assert_array_equal(opened.fluorescence.frames(0, 70), values)


def test_neurons_outside_regions_can_be_left_out(recording, tmp_path):
    values = np.random.default_rng(3).normal(size=recording.spikes.shape).astype(np.float32)
    path = save_recording(
        replace(recording, fluorescence=InMemoryFluorescence(values)), tmp_path / "fish.h5"
    )
    kept = np.flatnonzero(recording.regions.labelled)
    assert 0 < len(kept) < recording.n_neurons
    opened = open_recording(path, keep_unlabelled=False)
    np.testing.assert_array_equal(opened.coordinates, recording.coordinates[kept])
    assert opened.spikes == recording.spikes.select_neurons(kept)
    np.testing.assert_array_equal(opened.fluorescence.frames(0, 70), values[:, kept])
    np.testing.assert_array_equal(opened.fluorescence.trace(2), values[:, kept[2]])
    bare = save_recording(replace(recording, regions=None), tmp_path / "bare.h5")
    with pytest.raises(RecordingError, match="has no regions"):
        open_recording(bare, keep_unlabelled=False)


def test_writer_leaves_nothing_behind_when_it_fails(recording, tmp_path):
    path = tmp_path / "fish.h5"

    def writer():
        return RecordingWriter(path, 10, 3, coordinates=np.zeros((3, 3)), times=np.arange(10.0))

    with pytest.raises(RecordingError, match="ends after 4 of 10 frames"), writer() as open_file:
        open_file.write_frames(np.ones((4, 3)))
    with pytest.raises(ZeroDivisionError), writer() as open_file:
        open_file.write_frames(np.ones((10, 3)))
        raise ZeroDivisionError
    with pytest.raises(RecordingError, match="does not fit"), writer() as open_file:
        open_file.write_frames(np.ones((11, 3)))
    with pytest.raises(RecordingError, match="binary"), writer() as open_file:
        open_file.write_frames(np.full((10, 3), 0.5))
    with pytest.raises(RecordingError, match="with_fluorescence"), writer() as open_file:
        open_file.write_frames(np.ones((10, 3)), np.ones((10, 3)))
    with (
        pytest.raises(RecordingError, match="Trace 'tail'"),
        RecordingWriter(
            path, 10, 3, coordinates=np.zeros((3, 3)), times=np.arange(10.0), traces={"tail": [1]}
        ),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_keeps_the_old_file(saved, recording):
    before = saved.read_bytes()
    with (
        pytest.raises(RecordingError),
        RecordingWriter(
            saved, 10, 3, coordinates=np.zeros((3, 3)), times=np.arange(10.0)
        ) as writer,
    ):
        writer.write_frames(np.ones((3, 3)))
    assert saved.read_bytes() == before


def test_fluorescence_too_large_for_half_precision_is_refused(tmp_path):
    with (
        pytest.raises(RecordingError, match="fluorescence_dtype='float32'"),
        RecordingWriter(
            tmp_path / "fish.h5",
            2,
            3,
            coordinates=np.zeros((3, 3)),
            times=[0, 1],
            with_fluorescence=True,
        ) as writer,
    ):
        writer.write_frames(np.ones((2, 3)), np.full((2, 3), 1e5))


@pytest.mark.parametrize(
    ("coordinates", "times", "message"),
    [
        (np.zeros((3, 10)), np.arange(10.0), "shape"),
        (np.full((3, 3), np.inf), np.arange(10.0), "infinite"),
        (np.zeros((3, 3)), np.zeros(10), "increase"),
        (np.zeros((3, 3)), np.arange(9.0), "one for each"),
    ],
)
def test_writer_refuses_a_contradiction_at_once(tmp_path, coordinates, times, message):
    with pytest.raises(RecordingError, match=message):
        RecordingWriter(tmp_path / "fish.h5", 10, 3, coordinates=coordinates, times=times)


def _without(name):
    def edit(file):
        del file[name]

    return edit


def _with(name, values):
    def edit(file):
        attributes = dict(file[name].attrs) if name in file else {}
        if name in file:
            del file[name]
        file[name] = values
        file[name].attrs.update(attributes)

    return edit


def _attribute(name, value, item="/"):
    def edit(file):
        file[item].attrs[name] = value

    return edit


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (_without("spikes"), "lacks the dataset '/spikes'"),
        (_without("regions/names"), "lacks the dataset '/regions/names'"),
        (_with("coordinates", np.zeros((3, 21))), r"shape .*found \(3, 21\)"),
        (_with("coordinates", np.zeros((70, 3))), "look swapped"),
        (_with("coordinates", np.full((21, 3), np.inf)), "infinite"),
        (_attribute("axes", "x,y,z", "coordinates"), "axes 'z,y,x'"),
        (_attribute("unit", "mm", "coordinates"), "'micrometre'"),
        (_with("times_s", np.arange(69.0)), "one for each of 70 frames"),
        (_with("times_s", np.zeros(70)), "must increase"),
        (_with("spikes", np.zeros((70, 21))), "packed bits"),
        (_with("spikes", np.zeros((70, 21), np.uint8)), "21 neurons need 3"),
        (_with("spikes", np.full((70, 3), 255, np.uint8)), "bits set beyond neuron 20"),
        (_with("spikes", np.zeros((0, 3), np.uint8)), "no frames"),
        (_attribute("n_neurons", 0, "spikes"), "no neurons"),
        (_with("regions/indices", np.array([99])), "contradict"),
        (_with("traces/values", np.zeros((2, 70))), "names 1 traces but holds 2"),
        (_attribute("metadata", "{"), "not valid JSON"),
        (_attribute("metadata", "[1]"), "must be a dict; found a list"),
        (_attribute("provenance", "[1]"), "must hold steps"),
        (_attribute("version", 2), "version 2 .* reads version 1"),
        (_attribute("kind", "atlas"), "unknown kind 'atlas'"),
    ],
)
def test_bad_content_is_named_in_one_sentence(saved, edit, message):
    with h5py.File(saved, "r+") as file:
        edit(file)
    with pytest.raises((FormatError, RecordingError), match=message) as caught:
        open_recording(saved)
    assert "fish.h5" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_options_of_other_formats_are_refused(saved):
    with pytest.raises(RecordingError, match="'flip_z' is for recordings of other programs"):
        open_recording(saved, flip_z=False)
