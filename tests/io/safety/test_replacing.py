"""Writes that fail at any moment lose nothing and give one sentence."""

from __future__ import annotations

import errno
import io
import os
import time

import h5py
import numpy as np
import pytest

from napari_crbm.errors import CRBMError, FormatError
from napari_crbm.io import (
    Profile,
    RecordingWriter,
    load_checkpoint,
    load_model,
    open_recording,
    save_checkpoint,
    save_model,
    save_nwb,
    save_profile,
    save_recording,
    save_weights,
)
from napari_crbm.io.models.autosave import Autosave, checkpoint_beside, free_name, write_or_rescue
from napari_crbm.io.safety import replacing
from tests.conftest import random_model
from tests.io.files import small_recording


class Disk:
    """The n-th system call on files that are written fails."""

    def __init__(self, monkeypatch):
        self.left = 0
        self.failed = False
        disk = self

        class Raw(io.FileIO):
            def write(self, data):
                disk.spend()
                # A partial write first, as real disks do.
                return super().write(bytes(data)[: max(1, len(data) // 2)])

        monkeypatch.setattr(replacing, "_raw_file", lambda path: Raw(path, "x+"))
        fsync, rename = os.fsync, replacing._rename
        monkeypatch.setattr(replacing.os, "fsync", lambda number: (disk.spend(), fsync(number)))
        monkeypatch.setattr(replacing, "_rename", lambda a, b: (disk.spend(), rename(a, b)))

    def spend(self):
        self.left -= 1
        if self.left < 0:
            self.failed = True
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


STATE = {"weights": np.arange(3000.0).reshape(30, 100), "update": 7, "names": ["a", "b"]}


def fluorescent():
    from dataclasses import replace

    from napari_crbm.io.reading.traces import Held

    recording = small_recording()
    traces = np.random.default_rng(0).normal(size=recording.spikes.shape).astype(np.float32)
    return replace(recording, fluorescence=Held(traces))


WRITERS = {
    "recording.h5": lambda path: save_recording(fluorescent(), path),
    "model.h5": lambda path: save_model(random_model(40, 6), path),
    "checkpoint.h5": lambda path: save_checkpoint(STATE, path),
    "weights.h5": lambda path: save_weights(random_model(40, 6), path),
    "fish.nwb": lambda path: save_nwb(small_recording(), path),
    "lab.json": lambda path: save_profile(Profile(("xyz",), "spikes"), path),
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_failing_write_leaves_the_old_file_and_one_sentence(name, tmp_path, monkeypatch):
    path = tmp_path / name
    disk = Disk(monkeypatch)
    disk.left = 1 << 30
    WRITERS[name](path)
    before = path.read_bytes()
    n_calls = 0
    # NWB files take thousands of calls and a tenth of a second: not each of them fails there.
    n_all = 8 if path.suffix == ".nwb" else 10_000
    while True:
        disk.left, disk.failed = n_calls, False
        try:
            WRITERS[name](path)
        except FormatError as error:
            assert "No space left on device" in str(error)
            assert str(error).count(name) == 1 and "\n" not in str(error)
            assert path.read_bytes() == before
            assert [each.name for each in tmp_path.iterdir()] == [name]
        else:
            assert not disk.failed
            break
        n_calls += 1 if n_calls < n_all else n_calls // 2
    assert n_calls >= 3


def test_a_recording_that_cannot_be_written_on_ends_at_the_next_block(tmp_path, monkeypatch):
    disk = Disk(monkeypatch)
    disk.left = 6
    rng = np.random.default_rng(0)
    with (
        pytest.raises(FormatError, match="No space left"),
        RecordingWriter(
            tmp_path / "fish.h5", 4000, 500, coordinates=rng.random((500, 3)), times=np.arange(4000)
        ) as writer,
    ):
        for _ in range(4000):
            writer.write_frames(rng.random((1, 500)) < 0.5)
    assert writer.frames_written < 4000
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_another_program_holds_is_tried_again(tmp_path, monkeypatch):
    calls = []
    rename = type(tmp_path).replace

    def held(self, target):
        calls.append(target)
        if len(calls) < 3:
            raise PermissionError(errno.EACCES, "held")
        return rename(self, target)

    monkeypatch.setattr(type(tmp_path), "replace", held)
    monkeypatch.setattr(time, "sleep", lambda _: None)
    replacing.write_text(tmp_path / "a.txt", "text")
    assert len(calls) == 3 and (tmp_path / "a.txt").read_text() == "text"


def test_files_of_other_kinds_are_not_replaced(tmp_path):
    recording = save_recording(small_recording(), tmp_path / "fish.h5")
    with h5py.File(tmp_path / "theirs.h5", "w") as file:
        file["data"] = np.arange(9)
    for path, said in ((recording, "holds a recording"), (tmp_path / "theirs.h5", "another prog")):
        before = path.read_bytes()
        for write in (
            lambda path: save_model(random_model(5, 2), path),
            lambda path: save_checkpoint(STATE, path),
            lambda path: save_weights(random_model(5, 2), path),
        ):
            with pytest.raises(FormatError, match=said):
                write(path)
        assert path.read_bytes() == before
    save_recording(small_recording(), recording)


def test_a_recording_is_never_written_over_its_own_file(tmp_path):
    path = save_recording(small_recording(), tmp_path / "fish.h5")
    link = tmp_path / "link.h5"
    link.symlink_to(path)
    opened = open_recording(path)
    for target in (path, link, tmp_path / "." / "fish.h5"):
        with pytest.raises(FormatError, match="never overwritten"):
            save_recording(opened, target)
    with pytest.raises(FormatError, match="never overwritten"):
        save_nwb(opened, path)


def test_an_autosave_that_fails_is_told_and_tried_again(tmp_path, monkeypatch):
    autosave = Autosave(tmp_path / "a.checkpoint.h5", 0.0)
    disk = Disk(monkeypatch)
    disk.left = 1 << 30
    autosave.offer(lambda: STATE)
    assert autosave.problem is None
    disk.left = 2
    autosave.offer(lambda: STATE | {"update": 8})
    assert "No space left" in autosave.problem and "goes on" in autosave.problem
    assert load_checkpoint(autosave.path)["update"] == 7
    disk.left = 1 << 30
    autosave.offer(lambda: STATE | {"update": 9})
    assert autosave.problem is None and load_checkpoint(autosave.path)["update"] == 9
    autosave.discard()
    assert not autosave.path.exists()


def test_every_model_has_a_checkpoint_of_its_own(tmp_path):
    names = ["run.a", "run.b", "run.h5", "run.model.h5", "run"]
    assert len({checkpoint_beside(tmp_path / name) for name in names}) == len(names)


def test_a_model_that_cannot_be_written_is_rescued(tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    (elsewhere / "m.h5").write_text("something else")
    model = random_model(5, 2)
    path, problem = write_or_rescue(
        lambda target: save_model(model, target), tmp_path / "gone" / "m.h5"
    )
    assert path == elsewhere / "m-2.h5" and "no folder" in problem
    assert load_model(path).n_neurons == 5
    assert free_name(elsewhere / "m.h5") == elsewhere / "m-3.h5"


def test_folders_are_tried(tmp_path, monkeypatch):
    replacing.try_writing(tmp_path)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(CRBMError, match="does not exist"):
        replacing.try_writing(tmp_path / "nowhere")
    Disk(monkeypatch)
    with pytest.raises(CRBMError, match="Nothing can be written"):
        replacing.try_writing(tmp_path)
    assert list(tmp_path.iterdir()) == []
