"""HDF5 files with empty datasets, datasets for groups, and attributes of other shapes."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import h5py
import numpy as np
import pytest

from napari_crbm.errors import CRBMError, FormatError, UnknownLayout
from napari_crbm.io import (
    load_checkpoint,
    load_model,
    load_profile,
    open_recording,
    read_kind,
    save_model,
    save_recording,
)
from napari_crbm.io.reading.sources import container_of, list_entries
from napari_crbm.io.safety import guard
from napari_crbm.io.safety.replacing import same_file
from tests.conftest import random_model
from tests.io.files import small_recording
from tests.io.formats.test_suite2p import write_plane


@pytest.fixture
def path(tmp_path):
    return save_recording(small_recording(), tmp_path / "fish.h5")


def test_empty_datasets_are_passed_over(tmp_path):
    path = tmp_path / "fish.h5"
    with h5py.File(path, "w") as file:
        file["nothing"] = h5py.Empty("f4")
        file["signal"] = np.random.default_rng(0).normal(size=(50, 6))
        file["where"] = np.random.default_rng(1).random((6, 3))
    with pytest.raises(UnknownLayout, match="found signal, where"):
        open_recording(path)
    with h5py.File(path, "w") as file:
        file["spikes"] = h5py.Empty("u1")
        file["coords"] = np.random.default_rng(1).random((6, 3))
    with pytest.raises(FormatError):
        open_recording(path)


@pytest.mark.parametrize("name", ["spikes", "times_s", "coordinates", "regions/names"])
def test_empty_datasets_of_ours_are_named(path, name):
    with h5py.File(path, "r+") as file:
        del file[name]
        file[name] = h5py.Empty("f4")
    with pytest.raises(FormatError, match=f"Dataset '/{name}' of fish.h5"):
        open_recording(path)


@pytest.mark.parametrize("name", ["regions", "traces"])
def test_datasets_where_groups_are_needed(path, name):
    with h5py.File(path, "r+") as file:
        if name in file:
            del file[name]
        file[name] = np.zeros(3)
    with pytest.raises(FormatError, match=f"'/{name}' of fish.h5 is a dataset"):
        open_recording(path)


@pytest.mark.parametrize("name", ["history", "split"])
def test_models_with_datasets_for_groups(tmp_path, name):
    model = save_model(random_model(6, 2), tmp_path / "m.h5")
    with h5py.File(model, "r+") as file:
        if name in file:
            del file[name]
        file[name] = np.zeros(3)
    with pytest.raises(FormatError, match=f"'/{name}' of m.h5 is a dataset"):
        load_model(model)


def test_attributes_of_another_shape(path):
    with h5py.File(path, "r+") as file:
        for name in ("format", "kind"):
            file.attrs[name] = np.array([str(file.attrs[name])], dtype=h5py.string_dtype())
        file.attrs["version"] = np.array([1])
    open_recording(path)
    for name in ("format", "version", "kind"):
        for value in (np.arange(3), h5py.Empty("f4"), np.nan):
            with h5py.File(path, "r+") as file:
                before = file.attrs[name]
                file.attrs[name] = value
            with pytest.raises(CRBMError):
                open_recording(path)
            with h5py.File(path, "r+") as file:
                file.attrs[name] = before


@pytest.mark.parametrize("value", [np.nan, np.arange(3), "text", 2.5])
def test_the_number_of_neurons_is_a_number(path, value):
    with h5py.File(path, "r+") as file:
        file["spikes"].attrs["n_neurons"] = value
    with pytest.raises(FormatError, match="how many neurons"):
        open_recording(path)


def test_endless_numbers_in_a_profile(tmp_path):
    content = {"format": "napari-crbm profile", "version": 1, "activity": "a"}
    path = tmp_path / "lab.json"
    path.write_text(json.dumps(content)[:-1] + f', "um_per_pixel": {"9" * 4000}}}')
    with pytest.raises(FormatError, match="more than 300 digits"):
        load_profile(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
@pytest.mark.parametrize("name", ["fish.h5", "fish.csv", "fish.npz", "fish.data", "fish.json"])
def test_pipes_and_devices_are_refused_by_name(tmp_path, name):
    path = tmp_path / name
    os.mkfifo(path)
    for read in (
        open_recording,
        read_kind,
        list_entries,
        load_model,
        load_checkpoint,
        load_profile,
    ):
        with pytest.raises(FormatError, match=f"{name} is a pipe"):
            read(path)
    with pytest.raises(FormatError, match="null is a pipe, a socket or a device"):
        open_recording("/dev/null")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_pipes_among_the_files_of_a_folder_are_passed_over(tmp_path):
    folder = tmp_path / "fish"
    folder.mkdir()
    for name in ("pipe.npy", "pipe.csv", "pipe.json"):
        os.mkfifo(folder / name)
    assert container_of(folder) is None
    np.save(folder / "dff.npy", np.zeros((40, 9)))
    for path in (folder, folder / "dff.npy"):
        assert [entry.name for entry in list_entries(path)] == ["dff.npy"]
    plane = tmp_path / "plane0"
    write_plane(plane)
    for name in ("spks.npy", "iscell.npy", "ops.npy"):
        (plane / name).unlink()
        os.mkfifo(plane / name)
    with pytest.warns(UserWarning):
        assert open_recording(plane).n_neurons > 1


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_pipes_and_devices_are_never_replaced(tmp_path):
    path = tmp_path / "fish.h5"
    os.mkfifo(path)
    with pytest.raises(FormatError, match="choose another name for the output"):
        save_recording(small_recording(), path)
    assert path.is_fifo()


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_links_that_lead_nowhere_are_named(tmp_path):
    (tmp_path / "loop.h5").symlink_to("loop.h5")
    (tmp_path / "old.h5").symlink_to("moved.h5")
    for name, target in (("loop", "loop"), ("old", "moved")):
        with pytest.raises(FormatError, match=f"{name}.h5 is a link to {target}.h5"):
            open_recording(tmp_path / f"{name}.h5")
    assert same_file(tmp_path / "loop.h5", tmp_path / "loop.h5")
    assert not same_file(tmp_path / "loop.h5", tmp_path / "old.h5")


def test_a_file_put_in_the_place_of_one_that_was_looked_at_is_not_read(tmp_path, monkeypatch):
    path = save_recording(small_recording(), tmp_path / "fish.h5")
    other = save_recording(small_recording(), tmp_path / "other.h5")
    check = guard.check

    def swap(looked_at):
        check(looked_at)
        other.replace(looked_at)

    monkeypatch.setattr(guard, "check", swap)
    with pytest.raises(FormatError, match=r"has replaced fish\.h5 while it was being opened"):
        read_kind(path)
    monkeypatch.undo()
    assert open_recording(path).n_neurons == small_recording().n_neurons


HOLD = """
import h5py, sys
file = h5py.File(sys.argv[1], "r+" if sys.argv[2] == "locked" else "w", libver="latest")
if sys.argv[2] == "swmr":
    for name, shape in (("spikes", (40, 9)), ("coords", (9, 3))):
        rows = [[(k * 9 + j) % 11 < 2 for j in range(shape[1])] for k in range(shape[0])]
        places = [[1.5 * k + j for j in range(shape[1])] for k in range(shape[0])]
        file.create_dataset(name, data=rows if name == "spikes" else places)
    file.swmr_mode = True
file.flush()
print("held", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("how", ["locked", "swmr"])
def test_files_that_another_program_holds_are_read(tmp_path, how):
    path = tmp_path / "fish.h5"
    with h5py.File(path, "w") as file:
        file["spikes"] = (np.arange(360).reshape(40, 9) % 11 < 2).astype("u1")
        file["coords"] = np.arange(27.0).reshape(9, 3)
    command = [sys.executable, "-c", HOLD, str(path), how]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        recording = open_recording(path, frame_rate_hz=4.0)
        holder.stdin.close()
    assert recording.spikes.shape == (40, 9)


def test_values_in_other_files_are_refused_by_name(tmp_path):
    path, other = tmp_path / "fish.h5", tmp_path / "secret.bin"
    other.write_bytes(bytes(1440))
    with h5py.File(path, "w") as file:
        file.create_dataset("dff", (40, 9), "f4", external=[(str(other), 0, 1440)])
        file["xyz"] = np.arange(27.0).reshape(9, 3)
    with pytest.raises(FormatError, match=r"fish\.h5 cannot be opened: 'dff' keeps .*secret\.bin"):
        open_recording(path, binarise=2.0)


def test_links_that_lead_back_are_named(tmp_path):
    pytest.importorskip("zarr")
    folder = tmp_path / "fish.zarr"
    folder.mkdir()
    (folder / ".zgroup").write_text('{"zarr_format": 2}')
    (folder / "inside").symlink_to(folder)
    with pytest.raises(FormatError, match=r"fish\.zarr contains a link that leads back to itself"):
        open_recording(folder)
