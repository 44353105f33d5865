"""The same content stored otherwise: compressed, big-endian, linked from elsewhere, newer HDF5."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from napari_crbm.errors import CRBMError
from napari_crbm.io import load_model, open_recording, save_model, save_recording, save_weights
from napari_crbm.recording import Recording
from tests.conftest import random_model
from tests.io.files import PaperContent, small_recording
from tests.io.formats.test_caiman import write as caiman
from tests.io.formats.test_programs import chen, romano, voluseg

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def made(folder: Path, kind: str) -> Path:
    """A file or folder of a format, as its program or we write it; what to open."""
    path = folder / "a.h5"
    if kind == "own":
        return save_recording(small_recording(), path)
    if kind == "paper":
        return PaperContent().write(path)
    if kind == "caiman":
        caiman(path)
    elif kind == "voluseg":
        voluseg(path)
    elif kind == "chen":
        chen(folder, new=True)
        return folder
    elif kind == "romano":
        romano(folder, new=True)
        return folder / "fish_RASTER.mat"
    elif kind == "model":
        return save_model(random_model(20, 4), path)
    else:
        return save_weights(random_model(20, 4), path)
    return path


KINDS = ("own", "paper", "caiman", "voluseg", "chen", "romano", "model", "weights")


@pytest.fixture(scope="module")
def originals(tmp_path_factory) -> dict[str, Path]:
    return {kind: made(tmp_path_factory.mktemp(kind), kind) for kind in KINDS}


def compressed(file: h5py.File, name: str, values: np.ndarray) -> None:
    file.create_dataset(name, data=values, compression="gzip", shuffle=True, fletcher32=True)


def big_endian(file: h5py.File, name: str, values: np.ndarray) -> None:
    file.create_dataset(name, data=values.astype(values.dtype.newbyteorder(">")))


def linked(file: h5py.File, name: str, values: np.ndarray) -> None:
    other = Path(file.filename).with_suffix(".other")
    with h5py.File(other, "a") as holder:
        holder[name] = values
    file[name] = h5py.ExternalLink(other.name, name)


def tiny_chunks(file: h5py.File, name: str, values: np.ndarray) -> None:
    file.create_dataset(name, data=values, chunks=tuple(min(3, n) for n in values.shape))


WAYS: tuple[Callable[[h5py.File, str, np.ndarray], None], ...] = (
    compressed,
    big_endian,
    linked,
    tiny_chunks,
)


def stored(path: Path, way: Callable[[h5py.File, str, np.ndarray], None]) -> None:
    """Store all arrays of numbers of a file in another way."""
    names: list[str] = []
    with h5py.File(path, "r+", libver="latest") as file:
        file.visititems(
            lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None
        )
        for name in names:
            values, attributes = file[name][()], dict(file[name].attrs)
            plain = isinstance(values, np.ndarray) and values.size and values.dtype.kind in "biuf"
            # What others point to has to stay where it is.
            if not plain or name.startswith(("#refs#", "_i_table")):
                continue
            del file[name]
            way(file, name, values)
            for key, value in attributes.items():
                file[name].attrs[key] = value


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("kind", KINDS)
def test_other_ways_to_store_read_the_same(originals, tmp_path, kind, way):
    first = originals[kind]
    source = first if first.is_dir() else first.parent
    shutil.copytree(source, tmp_path / "copy")
    for each in sorted((tmp_path / "copy").iterdir()):
        if h5py.is_hdf5(each):
            stored(each, way)
    again = tmp_path / "copy" if first.is_dir() else tmp_path / "copy" / first.name
    if way is linked and kind in ("paper", "chen", "romano"):
        # Which arrays there are is asked of the file itself.
        with pytest.raises(CRBMError, match=r"' lies in another file, '\w+\.other', and not"):
            open_recording(again)
        return
    if kind in ("model", "weights"):
        one, other = load_model(first), load_model(again)
        np.testing.assert_array_equal(one.weights_, other.weights_)
        np.testing.assert_array_equal(one.fields_, other.fields_)
        return
    one, other = open_recording(first), open_recording(again)
    assert one.fingerprint == other.fingerprint
    np.testing.assert_array_equal(one.times, other.times)
    for name, values in one.traces.items():
        np.testing.assert_array_equal(values, other.traces[name])
    same_fluorescence(one, other)


def every_array(folder: Path) -> list[tuple[Path, str]]:
    """All arrays of numbers in the HDF5 files of a folder, but those others point to."""
    found: list[tuple[Path, str]] = []

    def visit(name: str, item: h5py.HLObject) -> None:
        plain = isinstance(item, h5py.Dataset) and item.ndim and item.dtype.kind in "biuf"
        if plain and not name.startswith("#refs#"):
            found.append((Path(item.file.filename), name))

    for each in sorted(folder.iterdir()):
        if h5py.is_hdf5(each):
            with h5py.File(each) as file:
                file.visititems(visit)
    return found


@pytest.mark.parametrize("fault", ["missing", "empty", "transposed", "text"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_in_any_array_is_one_of_our_sentences_or_does_no_harm(
    originals, tmp_path, kind, fault
):
    first = originals[kind]
    source = first if first.is_dir() else first.parent
    read = load_model if kind in ("model", "weights") else open_recording
    refused = 0
    for number, (path, name) in enumerate(every_array(source)):
        copy = tmp_path / str(number)
        shutil.copytree(source, copy)
        with h5py.File(copy / path.name, "r+") as file:
            values, attributes = file[name][()], dict(file[name].attrs)
            del file[name]
            if fault == "empty":
                file[name] = values[:0]
            elif fault == "transposed":
                file[name] = np.ascontiguousarray(values.T)
            elif fault == "text":
                file[name] = np.array([b"text"] * len(values))
            if fault != "missing":
                for key, value in attributes.items():
                    file[name].attrs[key] = value
        try:
            found = read(copy if first.is_dir() else copy / first.name)
            if fault == "transposed" and isinstance(found, Recording):
                assert found.n_neurons == open_recording(first).n_neurons, name
        except CRBMError as error:
            refused += 1
            assert len(str(error)) > 20 and "Error" not in str(error), (name, str(error))
    # Where positions tell neurons from frames, arrays may lie either way.
    assert refused > 0 or fault == "transposed"


def same_fluorescence(one: Recording, other: Recording) -> None:
    assert (one.fluorescence is None) is (other.fluorescence is None)
    if one.fluorescence is not None and other.fluorescence is not None:
        np.testing.assert_array_equal(one.fluorescence.trace(3), other.fluorescence.trace(3))
        np.testing.assert_array_equal(
            one.fluorescence.frames(2, 9), other.fluorescence.frames(2, 9)
        )
