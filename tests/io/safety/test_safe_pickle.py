"""Pickles are read as data: values come out, and nothing that a file names is ever called."""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import tempfile
import time
import tracemalloc
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest

from napari_crbm.errors import CRBMError, FormatError
from napari_crbm.io import load_model, open_recording
from napari_crbm.io.safety import safe_pickle
from tests.io.formats.test_suite2p import write_plane
from tests.io.safety.pickle_tricks import Calls, tricks


def load(data: bytes):
    return safe_pickle.load(io.BytesIO(data), "file")


@pytest.mark.parametrize("protocol", range(6))
def test_arrays_and_containers_come_back(protocol):
    generator = np.random.default_rng(0)
    content = {
        "f4": generator.random((3, 4), dtype=np.float32),
        "fortran": np.asfortranarray(generator.random((3, 4))),
        "big-endian": np.arange(5, dtype=">i4"),
        "bool": np.array([True, False]),
        "text": np.array(["ab", "c"]),
        "bytes": np.array([b"ab", b"c"]),
        "objects": np.array([1, "two", None], dtype=object),
        "scalar": np.float32(1.5),
        "empty": np.zeros((0, 3)),
        "plain": [1, 2.5, "x", b"y", (None, True), {3, 4}],
        "ordered": OrderedDict(a=1),
    }
    found = load(pickle.dumps(content, protocol=protocol))
    assert found.keys() == content.keys()
    for name, value in content.items():
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(found[name], value)
            assert found[name].dtype == value.dtype
        else:
            assert found[name] == value


def test_other_objects_become_their_name():
    found = load(pickle.dumps({"when": Path("a"), "n": 3}))
    assert found["n"] == 3
    assert isinstance(found["when"], safe_pickle.Opaque) and "pathlib" in found["when"].name


with tempfile.TemporaryDirectory() as folder:
    NAMES = list(tricks(Path(folder) / "canary"))


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_ever_executed(tmp_path, name):
    canary = tmp_path / "executed"
    trick = tricks(canary)[name]
    with pytest.raises(FormatError) as refusal:
        load(trick.data)
    message = str(refusal.value)
    assert trick.named in message and message.startswith("file ") and "\n" not in message
    assert not canary.exists()
    if trick.real and os.name == "posix":
        # The trick is real: plain unpickling falls for it.
        with contextlib.suppress(Exception):
            pickle.loads(trick.data)
        for _ in range(6000):
            if canary.exists():
                break
            time.sleep(0.01)
        assert canary.exists()


def test_nothing_is_executed_by_any_way_in(tmp_path):
    canary = tmp_path / "executed"
    evil = Calls(os.system, f"touch {canary}")
    folder = tmp_path / "plane0"
    write_plane(folder)
    for name, values in (("ops", {"fs": evil}), ("stat", [{"med": evil}] * 12)):
        kept = (folder / f"{name}.npy").read_bytes()
        np.save(folder / f"{name}.npy", np.array(values, dtype=object), allow_pickle=True)
        with pytest.raises(FormatError, match=rf"{name}\.npy asks Python to use '\w+\.system'"):
            open_recording(folder)
        (folder / f"{name}.npy").write_bytes(kept)
    np.savez(tmp_path / "a.npz", dff=np.array([evil], dtype=object), xyz=np.zeros((1, 3)))
    with pytest.raises(CRBMError, match=r"a\.npz"):
        open_recording(tmp_path / "a.npz")
    for suffix in ("data", "pkl"):
        path = tmp_path / f"model.{suffix}"
        path.write_bytes(pickle.dumps([evil]))
        with pytest.raises(FormatError, match="asks Python to use"):
            load_model(path)
    assert not canary.exists()


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x02\x8b\xff\xff\xff\x7f\x01.",
        b"\x80\x04\x8d" + (1 << 62).to_bytes(8, "little") + b"x.",
        b"\x80\x04\x8e" + (1 << 40).to_bytes(8, "little") + b"x.",
        b"\x80\x04\x95" + (1 << 45).to_bytes(8, "little") + b"N.",
        b"\x80\x02T\xff\xff\xff\x7fx.",
        b"I" + b"9" * 100_000 + b"\n.",
        b"\x80\x02r\xff\xff\xff\x7f.",
        b"]" + b"\x94" * 3 + b"(h\x00h\x00t\x94" * 2 + b".",
        b"N" + b"\x86".join([b"2"] * 60) + b".",
        b"}N" + b"2\x86" * 60 + b"NsN.",
        b"cbuiltins\nset\n](N" + b"2\x86" * 60 + b"tl\x85R.",
    ],
    ids=[
        *("long4", "unicode8", "bytes8", "frame", "string", "digits", "memo", "memo twice"),
        *("tuples", "key of tuples", "set of tuples"),
    ],
)
def test_bombs_cost_little(data):
    tracemalloc.start()
    begun = time.process_time()
    with contextlib.suppress(FormatError):
        load(data)
    assert time.process_time() - begun < 1.0
    assert tracemalloc.get_traced_memory()[1] < 50 << 20
    tracemalloc.stop()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"garbage",
        b"(lp0\ng0\na.",
        b"\x80\x02]q\x00h\x00a.",
        b"\x80\x05\x96" + (1 << 50).to_bytes(8, "little") + b"x.",
        b"\x80\x04B\xff\xff\xff\x7fx.",
        b"\x80\x02Pnowhere\n.",
        b"\x80\x02\x82\x01.",
        b"]" + b"(l" * 300 + b"a" * 300 + b".",
    ],
    ids=["empty", "text", "in itself", "in itself 2", "huge", "cut", "persistent", "ext", "deep"],
)
def test_damage_and_loops_are_refused(data):
    with pytest.raises(FormatError, match=r"cannot be read|damaged"):
        load(data)


def test_arrays_must_be_as_long_as_they_say():
    data = pickle.dumps(np.arange(4, dtype="<i8"), protocol=2)
    with pytest.raises(FormatError, match="number of bytes"):
        load(data.replace(b"K\x04\x85", b"K\x05\x85"))


def test_mutated_pickles_never_crash():
    generator = np.random.default_rng(1)
    content = {"a": np.arange(20.0), "b": np.array([{"med": (1, 2)}] * 3, dtype=object)}
    whole = [pickle.dumps(content, protocol=p) for p in range(6)]
    for _ in range(1500):
        data = bytearray(whole[generator.integers(6)])
        for _ in range(generator.integers(1, 4)):
            data[generator.integers(len(data))] = generator.integers(256)
        data = data[: generator.integers(1, len(data) + 1)] if generator.random() < 0.3 else data
        with contextlib.suppress(FormatError):
            load(bytes(data))
