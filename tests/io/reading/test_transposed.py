"""Files that keep whole frames, read trace by trace: one pass through a temporary file."""

from __future__ import annotations

from dataclasses import replace

import h5py
import numpy as np
import pytest

from napari_crbm.io import Profile, open_recording
from napari_crbm.io.reading import layout, transposed
from napari_crbm.io.reading.stored_fluorescence import StoredFluorescence
from napari_crbm.io.reading.traces import Chosen, Combined, Joined, Relative
from napari_crbm.preprocessing import (
    PreprocessingStopped,
    Steps,
    Waiting,
    binarise,
    events,
    preprocess,
)

T, N = 60, 37
LAYOUTS = {
    "frame after frame": {},
    "frame by frame": {"chunks": (1, N)},
    "slabs, compressed": {"chunks": (7, N), "compression": "gzip"},
    "half precision": {"dtype": "f2"},
    "big-endian": {"dtype": ">f8"},
    "neurons first": {"chunks": (N, 4)},
}


@pytest.fixture
def small_blocks(monkeypatch, tmp_path):
    """Sizes at which the recordings below are large; the folder of temporary files."""
    monkeypatch.setattr(layout, "_LARGEST_BLOCK_VALUES", 5 * T)
    monkeypatch.setattr(layout, "_TILE_VALUES", 2 * T)
    monkeypatch.setattr(transposed, "_SLAB_VALUES", 8 * T)
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(transposed.tempfile, "tempdir", None)
    yield folder
    assert not list(folder.iterdir()), "nothing is left behind"


def values(seed: int = 0) -> np.ndarray:
    found = np.random.default_rng(seed).normal(3, 1, size=(T, N))
    found[20::20] += 9
    return np.round(found, 2).astype("f2").astype("f4")


def write(path, kind: str, seed: int = 0) -> StoredFluorescence:
    first = kind == "neurons first"
    stored = values(seed).T if first else values(seed)
    with h5py.File(path, "w") as file:
        file["xyz"] = np.random.default_rng(9).random((N, 3)) * 300
        return StoredFluorescence.of(
            file.create_dataset("traces", data=stored, **LAYOUTS[kind]), first
        )


def arrays(blocks) -> np.ndarray:
    return np.hstack([block for block in blocks if not isinstance(block, Waiting)])


@pytest.mark.parametrize("kind", LAYOUTS)
def test_traces_come_whole_after_one_pass(small_blocks, tmp_path, monkeypatch, kind):
    fluorescence = write(tmp_path / "a.h5", kind)
    read = []
    original = StoredFluorescence._read

    def counted(self, frames, neurons):
        read.append(frames)
        return original(self, frames, neurons)

    monkeypatch.setattr(StoredFluorescence, "_read", counted)
    assert fluorescence.scattered
    np.testing.assert_array_equal(arrays(fluorescence.neuron_blocks()), values())
    assert np.concatenate([range(T)[part] for part in read]).tolist() == list(range(T))


def test_whatever_is_computed_from_them_is_the_same(small_blocks, tmp_path):
    one, other = (write(tmp_path / f"{k}.h5", "frame after frame", k) for k in range(2))
    some = np.array([0, 3, 4, 20, 36])
    a, b = values(0), values(1)
    relative = (a - np.median(a, axis=0)) / np.median(b, axis=0)
    for traces, expected in (
        (Combined((one, other), np.subtract), a - b),
        (Joined((one, other)), np.hstack([a, b])),
        (Joined((one, Chosen(other, some))), np.hstack([a, b[:, some]])),
        (Chosen(one, some), a[:, some]),
        (Chosen(one, some[::-1]), a[:, some[::-1]]),
        (Relative(one, other), relative),
        (Chosen(Relative(one, other), some), relative[:, some]),
    ):
        assert traces.scattered
        blocks = list(traces.neuron_blocks())
        assert any(isinstance(block, Waiting) for block in blocks)
        np.testing.assert_allclose(arrays(blocks), expected, rtol=1e-5)


def test_without_room_they_are_read_where_they_are(small_blocks, tmp_path, monkeypatch):
    fluorescence = write(tmp_path / "a.h5", "slabs, compressed")
    monkeypatch.setattr(transposed, "_SPARE_BYTES", 1 << 60)
    blocks = list(fluorescence.neuron_blocks())
    assert not any(isinstance(block, Waiting) for block in blocks) and len(blocks) > 5
    np.testing.assert_array_equal(arrays(blocks), values())


def test_part_of_a_range_can_be_had(small_blocks, tmp_path):
    copying = transposed.transposed(write(tmp_path / "a.h5", "frame by frame"))
    while True:
        try:
            next(copying)
        except StopIteration as end:
            found = end.value
            break
    for start, stop in ((0, 1), (3, 20), (0, N), (N - 1, N)):
        np.testing.assert_array_equal(found.block(start, stop), values()[:, start:stop])


def test_progress_goes_forward_and_can_be_stopped(small_blocks, tmp_path):
    fluorescence = write(tmp_path / "a.h5", "frame by frame")
    profile = Profile(
        positions=("xyz",), activity="traces", holds="fluorescence", frame_rate_hz=2.0
    )
    told: list[tuple[int, int]] = []
    recording = open_recording(
        tmp_path / "a.h5", profile=profile, progress=lambda *each: told.append(each)
    )
    np.testing.assert_array_equal(recording.spikes.dense(), events(values()))
    done = [each for each, _ in told]
    assert done == sorted(done) and {total for _, total in told} == {N} and done[-1] == N
    assert 0 < sum(each <= N / 2 for each in done) < len(done), "copying is half of the way"
    again = preprocess(recording, Steps(burn_in_s=5.0, method="events"))
    np.testing.assert_array_equal(again.spikes.dense(), events(values()[10:]))
    thinned = preprocess(replace(again, name="b"), Steps(method="events"))
    np.testing.assert_array_equal(thinned.spikes.dense(), again.spikes.dense())

    class Stop:
        asked = 0

        @property
        def stopped(self):
            self.asked += 1
            return self.asked > 3

    with pytest.raises(PreprocessingStopped):
        binarise(fluorescence.neuron_blocks(), T, N, control=Stop())
