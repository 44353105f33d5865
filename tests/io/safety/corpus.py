"""A corpus of damaged files: originals of every kind, damaged by seed, opened in a worker.

Run as ``python -m tests.io.safety.corpus FOLDER`` it reads lines "kind seed" and answers each
with one line of JSON, so that whoever asks survives what the reading does to it.
"""

from __future__ import annotations

import contextlib
import json
import pickle
import resource
import shutil
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

Original = tuple[Path, list[Path], Callable[[Path], object]]

#: How many damaged files of each kind there are; by default the test opens a share of them.
COUNTS = {
    "own": 230,
    "model": 160,
    "checkpoint": 100,
    "paper": 230,
    "caiman": 160,
    "voluseg": 120,
    "nwb": 40,
    "chen": 80,
    "romano": 80,
    "suite2p": 180,
    "npz": 200,
    "compressed": 60,
    "npy": 100,
    "zarr": 100,
    "generic": 160,
    "reference": 120,
    "profile": 60,
    "mat": 25,
    "netcdf3": 120,
    "netcdf4": 120,
    "anndata": 120,
    "cells": 120,
    "minian": 60,
}
MOST_MEMORY = 6 << 30


def read_all(path: Path) -> None:
    """Everything a viewer would do with a recording at once."""
    from napari_crbm.io import open_recording, read_kind
    from napari_crbm.io.reading.sources import list_entries

    read_kind(path)
    with contextlib.suppress(Exception):
        list_entries(path)
    try:
        recording = open_recording(path)
    except ValueError as error:
        if "binarise=2.0" not in str(error):
            raise
        recording = open_recording(path, binarise=2.0)
    if recording.fluorescence is not None:
        recording.fluorescence.trace(0)
        recording.fluorescence.frames(0, 2)


def read_model(path: Path) -> None:
    from napari_crbm.io import load_model

    load_model(path)


def read_checkpoint(path: Path) -> None:
    from napari_crbm.io import load_checkpoint

    load_checkpoint(path)


def read_mapped(path: Path) -> None:
    """As the mapping dialog does: list, guess, look, open."""
    from napari_crbm.io import open_recording
    from napari_crbm.io.reading.sources import list_entries
    from napari_crbm.io.unknown.guess import guess
    from napari_crbm.io.unknown.preview import preview
    from napari_crbm.io.unknown.profile_fit import problem

    entries = list_entries(path)
    profile = guess(path, entries).profile
    if problem(profile, entries) is None:
        preview(path, profile)
    recording = open_recording(path, profile=profile)
    if recording.fluorescence is not None:
        recording.fluorescence.trace(0)


def read_profile(path: Path) -> None:
    from napari_crbm.io import load_profile

    load_profile(path)


def arrays() -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    return {
        "dff": generator.normal(size=(40, 9)).astype("f4"),
        "xyz": generator.random((9, 3)) * 300,
        "fs": np.array([4.0]),
    }


def original(kind: str, folder: Path) -> Original:
    """What to open, which of its files to damage, and how it is read."""
    from napari_crbm.io import Profile, save_checkpoint, save_model, save_profile, save_recording
    from tests.conftest import random_model
    from tests.io import files

    folder.mkdir(parents=True)
    path = folder / "a.h5"
    if kind == "own":
        save_recording(files.small_recording(), path)
    elif kind == "model":
        return save_model(random_model(20, 4), path), [path], read_model
    elif kind == "checkpoint":
        state = {"a": np.arange(50.0), "b": [1, "two", None], "c": {"d": np.zeros((5, 6))}}
        return save_checkpoint(state, path), [path], read_checkpoint
    elif kind == "paper":
        files.PaperContent().write(path, DFF=(16, 8))
    elif kind == "caiman":
        from tests.io.formats.test_caiman import write as caiman

        caiman(path)
    elif kind == "voluseg":
        from tests.io.formats.test_programs import voluseg

        voluseg(path)
    elif kind == "nwb":
        from tests.io.formats.test_nwb import Writer, fill, raw_traces

        path = path.with_suffix(".nwb")
        writer = Writer()
        table = writer.plane()
        fill(table, "pixel_mask")
        writer.hold(writer.series(table, raw_traces()[1].T))
        writer.write(path)
    elif kind == "chen":
        from tests.io.formats.test_programs import chen

        chen(folder, new=True)
        return folder, sorted(folder.iterdir()), read_all
    elif kind == "romano":
        from tests.io.formats.test_programs import romano

        romano(folder, new=True)
        return folder / "fish_RASTER.mat", sorted(folder.iterdir()), read_all
    elif kind == "suite2p":
        from tests.io.formats.test_suite2p import write_plane

        write_plane(folder / "plane0")
        return folder, sorted((folder / "plane0").iterdir()), read_all
    elif kind in ("npz", "compressed"):
        path = folder / "a.npz"
        (np.savez if kind == "npz" else np.savez_compressed)(path, **arrays())
        return path, [path], read_mapped
    elif kind == "npy":
        for name, values in arrays().items():
            np.save(folder / f"{name}.npy", values)
        return folder / "dff.npy", sorted(folder.iterdir()), read_mapped
    elif kind == "zarr":
        import zarr

        group = zarr.open_group(folder / "a.zarr", mode="w")
        for name, values in arrays().items():
            group.create_array(f"lab/{name}", data=values)
        inside = sorted(each for each in (folder / "a.zarr").rglob("*") if each.is_file())
        return folder / "a.zarr", inside, read_mapped
    elif kind == "generic":
        with h5py.File(path, "w") as file:
            for name, values in arrays().items():
                file.create_dataset(f"lab/my_{name}", data=values, compression="gzip", shuffle=True)
            file["lab/names"] = ["a", "bc"]
        return path, [path], read_mapped
    elif kind == "reference":
        path = folder / "rbm.data"
        path.write_bytes(pickle.dumps({"weights": np.ones((4, 6)), "n": [1, "a", (2.5, None)]}))
        return path, [path], read_model
    elif kind == "profile":
        path = folder / "lab.json"
        return save_profile(Profile(("p",), "a", name="ä"), path), [path], read_profile
    elif kind == "mat":
        from scipy.io import savemat

        path = folder / "a.mat"
        savemat(path, {"lab": arrays()})
        return path, [path], read_mapped
    elif kind == "netcdf3":
        from scipy.io import netcdf_file

        with netcdf_file(path, "w", version=2) as file:
            for axis, length in (("time", 40), ("neuron", 9), ("space", 3)):
                file.createDimension(axis, length)
            file.createVariable("dff", "f4", ("time", "neuron"))[:] = arrays()["dff"]
            file.createVariable("position", "f8", ("neuron", "space"))[:] = arrays()["xyz"]
            file.createVariable("time", "f8", ("time",))[:] = np.arange(40) / 4
            file.variables["time"].units = b"s"
    elif kind == "netcdf4":
        with h5py.File(path, "w") as file:
            places = {"time": np.arange(40) / 4, "neuron": np.arange(9), "space": np.arange(3)}
            for name, values in places.items():
                file[name] = values
                file[name].make_scale(name)
            for name, key, axes in (
                ("dff", "dff", ("time", "neuron")),
                ("position", "xyz", ("neuron", "space")),
            ):
                stored = file.create_dataset(name, data=arrays()[key], compression="gzip")
                for axis, scale in enumerate(axes):
                    stored.dims[axis].attach_scale(file[scale])
            file["dff"].attrs["scale_factor"] = 1.0
    elif kind == "anndata":
        from tests.io.formats.test_named_axes import anndata

        anndata(path)
    elif kind == "cells":
        from tests.io.reading.test_matlab_cells import struct_array

        path = folder / "a.mat"
        struct_array(path)
    elif kind == "minian":
        import zarr

        inside = folder / "minian"
        for name, axes, values in (
            ("C", ["unit_id", "frame"], arrays()["dff"].T),
            ("A", ["unit_id", "height", "width"], np.ones((9, 4, 5))),
        ):
            group = zarr.open_group(inside / f"{name}.zarr", mode="w", zarr_format=2)
            array = group.create_array(name, data=np.ascontiguousarray(values))
            array.attrs["_ARRAY_DIMENSIONS"] = axes
        return inside, sorted(each for each in inside.rglob("*") if each.is_file()), read_all
    return path, [path], read_all


def damage(path: Path, generator: np.random.Generator) -> str:
    """Damage a file in one of the ways that happen, or that a tester thinks of."""
    content = bytearray(path.read_bytes())
    way = generator.choice(
        ["cut", "flip", "overwrite", "zero", "inside"], p=[0.13, 0.27, 0.15, 0.08, 0.37]
    )
    if way == "inside" and h5py.is_hdf5(path):
        change = (retyped, attributed, emptied, filtered)[
            int(generator.choice(4, p=[0.4, 0.3, 0.1, 0.2]))
        ]
        return change(path, generator)
    if not content or way in ("cut", "inside"):
        del content[generator.integers(len(content) + 1) :]
    elif way == "flip":
        for _ in range(generator.integers(1, 9)):
            content[generator.integers(len(content))] ^= 1 << generator.integers(8)
    else:
        # What describes the content of a file mostly lies at its start or end.
        where = int(generator.integers(min(len(content), 4096)))
        where = where if generator.random() < 0.6 else int(generator.integers(len(content)))
        length = min(int(generator.integers(1, 17 if way == "overwrite" else 513)), len(content))
        part = generator.bytes(length) if way == "overwrite" else bytes(length)
        content[where : where + length] = part
    path.write_bytes(content)
    return str(way)


def retyped(path: Path, generator: np.random.Generator) -> str:
    """A sound HDF5 file in which one dataset is not what it should be."""
    with h5py.File(path, "r+") as file:
        name = _any_dataset(file, generator)
        values, attributes = file[name][()], dict(file[name].attrs)
        del file[name]
        way = int(generator.integers(10))
        values = np.asarray(values)
        number = values if values.dtype.kind in "biuf" else np.zeros(values.shape)
        changed = [
            None,
            np.array([b"text"] * 3),
            number.astype("c16"),
            number.T if number.ndim > 1 else number[..., None],
            number.ravel(),
            number[None],
            number.reshape(-1)[:-1],
            np.full(number.shape, np.nan),
            np.full(number.shape, np.inf, dtype="f4"),
            number.astype("i1"),
        ][way]
        if way == 0 and generator.random() < 0.5:
            file.create_group(name)
        elif changed is not None:
            file[name] = changed
            for key, value in attributes.items():
                if generator.random() < 0.8:
                    with contextlib.suppress(Exception):
                        file[name].attrs[key] = value
    return f"type {way} of {name}"


def attributed(path: Path, generator: np.random.Generator) -> str:
    """A sound HDF5 file in which an attribute is not what it should be, or is gone."""
    with h5py.File(path, "r+") as file:
        items = [file]
        file.visititems(lambda _, item: items.append(item))
        known = [(item, name) for item in items for name in item.attrs]
        item = items[int(generator.integers(len(items)))]
        name = str(
            generator.choice(
                ["format", "version", "kind", "MATLAB_class", "units", "shape", "CLASS"]
            )
        )
        if known and generator.random() < 0.8:
            item, name = known[int(generator.integers(len(known)))]
        values = [
            None,
            h5py.Empty("f4"),
            h5py.Empty(h5py.string_dtype()),
            np.arange(5.0),
            np.full((2, 3), -1),
            "\x1b[31mtext[/bold]\n" * 3,
            np.bytes_(b"\xff\xfe"),
            np.nan,
            2**63 - 1,
            -1,
            file.ref,
            np.array([file.ref, file.ref], h5py.ref_dtype),
            np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
            ["a", "bc"],
        ]
        which = int(generator.integers(len(values)))
        with contextlib.suppress(Exception):
            del item.attrs[name]
        if values[which] is not None:
            item.attrs[name] = values[which]
    return f"attribute {name} of {item!r} {which}"


def emptied(path: Path, generator: np.random.Generator) -> str:
    """A sound HDF5 file in which a dataset has no values: a null space, or an axis of length 0."""
    with h5py.File(path, "r+") as file:
        name = _any_dataset(file, generator)
        dtype, ndim = file[name].dtype, file[name].ndim
        del file[name]
        way = int(generator.integers(3))
        if way == 0:
            file[name] = h5py.Empty(dtype)
        else:
            shape = [0] * ndim if way == 1 else [int(n) for n in generator.integers(0, 2, ndim)]
            file.create_dataset(name, shape=shape, dtype=dtype)
    return f"empty {way} {name}"


def filtered(path: Path, generator: np.random.Generator) -> str:
    """An HDF5 file in which a dataset goes through another filter, and one chunk is damaged."""
    import hdf5plugin

    with h5py.File(path, "r+") as file:
        name = _any_dataset(file, generator)
        values = np.asarray(file[name][()])
        if not values.ndim or values.dtype.kind not in "iuf" or not values.size:
            return "unfiltered"
        whole = values.dtype.kind in "iu"
        filters = [
            {"compression": "gzip", "shuffle": True},
            {"compression": "lzf"},
            {"fletcher32": True},
            {"scaleoffset": 0 if whole else 3},
            dict(hdf5plugin.Bitshuffle()),
            dict(hdf5plugin.Blosc()),
            dict(hdf5plugin.Zstd()),
            dict(hdf5plugin.LZ4()),
        ]
        which = int(generator.integers(len(filters)))
        attributes = dict(file[name].attrs)
        del file[name]
        try:
            stored = file.create_dataset(name, data=values, chunks=True, **filters[which])
        except Exception:
            return "not filtered"
        for key, value in attributes.items():
            with contextlib.suppress(Exception):
                stored.attrs[key] = value
        file.flush()
        chunk = stored.id.get_chunk_info(int(generator.integers(stored.id.get_num_chunks())))
    if generator.random() < 0.7 and chunk.size:
        content = bytearray(path.read_bytes())
        for _ in range(int(generator.integers(1, 12))):
            content[chunk.byte_offset + int(generator.integers(chunk.size))] ^= int(
                generator.integers(1, 256)
            )
        path.write_bytes(content)
    return f"filter {which} of {name}"


def _any_dataset(file: h5py.File, generator: np.random.Generator) -> str:
    names: list[str] = []
    file.visititems(lambda n, item: names.append(n) if isinstance(item, h5py.Dataset) else None)
    return str(generator.choice(names))


def main() -> None:
    """Answer "kind seed" lines."""
    from napari_crbm.errors import CRBMError

    base, originals = Path(sys.argv[1]), {}
    with contextlib.suppress(Exception):
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        kind, seed = line.split()
        if kind not in originals:
            originals[kind] = original(kind, base / kind)
        opened, targets, read = originals[kind]
        folder = base / f"{kind} damaged"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(base / kind, folder)
        generator = np.random.default_rng([int(seed), *kind.encode()])
        target = targets[generator.integers(len(targets))]
        way = damage(folder / target.relative_to(base / kind), generator)
        # How much memory was ever used is never forgotten, so its growth is what counts.
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        start = time.process_time()
        print(json.dumps({"begun": way}), flush=True)
        answer = {"outcome": "fine"}
        try:
            read(folder / opened.relative_to(base / kind))
        except CRBMError as error:
            answer = {"outcome": "refused", "text": str(error)}
        except BaseException:
            answer = {"outcome": "bug", "text": traceback.format_exc()}
        answer["seconds"] = time.process_time() - start
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        answer["grown_mb"] = grown / (2**20 if sys.platform == "darwin" else 2**10)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
