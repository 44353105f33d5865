from __future__ import annotations

import h5py
import numpy as np
import pytest

from napari_crbm.errors import FormatError
from napari_crbm.io import (
    load_checkpoint,
    load_model,
    open_recording,
    read_kind,
    save_checkpoint,
    save_model,
    save_recording,
)
from napari_crbm.io.reading import hdf5
from tests.conftest import random_model
from tests.io.files import PaperContent, small_recording

READERS = [open_recording, load_model, load_checkpoint, read_kind]


@pytest.fixture
def recording_path(tmp_path):
    return save_recording(small_recording(), tmp_path / "fish.h5")


@pytest.mark.parametrize("reader", READERS)
def test_unreadable_files(reader, tmp_path, recording_path):
    missing = tmp_path / "missing.h5"
    empty = tmp_path / "empty.h5"
    empty.touch()
    text = tmp_path / "notes.h5"
    text.write_text("z,y,x\n" * 200)
    cut = tmp_path / "cut.h5"
    cut.write_bytes(recording_path.read_bytes()[:-700])
    for path, message in (
        (missing, "There is no file"),
        (tmp_path, "is a folder"),
        (empty, "empty.h5 is empty"),
        (text, "notes.h5 is named like an HDF5 file, but its content is not HDF5"),
        (cut, "cut.h5 is cut short"),
    ):
        with pytest.raises(FormatError, match=message) as caught:
            reader(path)
        assert "\n" not in str(caught.value)


def test_damage_within_a_file(recording_path):
    with h5py.File(recording_path) as file:
        info = file["spikes"].id.get_chunk_info(0)
    content = bytearray(recording_path.read_bytes())
    content[info.byte_offset : info.byte_offset + info.size] = b"\xff" * info.size
    recording_path.write_bytes(content)
    with pytest.raises(FormatError, match=r"fish.h5 is (damaged|compressed)"):
        open_recording(recording_path)


def test_kinds(tmp_path, recording_path):
    model = save_model(random_model(6, 2), tmp_path / "model.h5")
    checkpoint = save_checkpoint({"version": 1}, tmp_path / "checkpoint.h5")
    paper = PaperContent().write(tmp_path / "paper.h5")
    assert read_kind(recording_path) == "recording"
    assert read_kind(model) == "model"
    assert read_kind(checkpoint) == "checkpoint"
    assert read_kind(paper) == "paper-recording"
    foreign = tmp_path / "foreign.h5"
    with h5py.File(foreign, "w") as file:
        file["images"] = np.zeros(3)
    with pytest.raises(FormatError, match=r"not a recording this program knows.*found images"):
        read_kind(foreign)
    with pytest.raises(FormatError, match=r"holds a trained model, but a recording is needed"):
        open_recording(model)
    with pytest.raises(FormatError, match=r"holds a training checkpoint, but a recording"):
        open_recording(checkpoint)
    with pytest.raises(FormatError, match=r"holds a recording, but a trained model is needed"):
        load_model(recording_path)
    with pytest.raises(FormatError, match=r"holds another HDF5 file, but a trained model"):
        load_model(paper)
    with pytest.raises(FormatError, match=r"holds a trained model, but a training checkpoint"):
        load_checkpoint(model)


def test_newer_versions_are_refused_by_every_reader(tmp_path, recording_path):
    with h5py.File(recording_path, "r+") as file:
        file.attrs["version"] = 2
    for reader in READERS:
        with pytest.raises(FormatError, match=r"version 2 .*Update napari-crbm"):
            reader(recording_path)


def test_reading_leaves_files_alone(recording_path, tmp_path):
    recording_path.chmod(0o444)
    before = recording_path.stat()
    open_recording(recording_path)
    after = recording_path.stat()
    assert (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, after.st_size)


def test_writing_needs_a_folder(tmp_path):
    with pytest.raises(FormatError, match="there is no folder"):
        save_recording(small_recording(), tmp_path / "nowhere" / "fish.h5")


def test_writing_removes_its_temporary_file(tmp_path):
    path = tmp_path / "fish.h5"
    with pytest.raises(KeyError), hdf5.writing(path, "recording"):
        assert len(list(tmp_path.iterdir())) == 1
        assert not path.exists()
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_same_content_gives_the_same_file(tmp_path):
    first = save_recording(small_recording(), tmp_path / "a.h5").read_bytes()
    assert save_recording(small_recording(), tmp_path / "b.h5").read_bytes() == first
