"""Pickles are read as data: values come out, and nothing that a file names is ever called."""

from __future__ import annotations

import contextlib
import io
import os
import pickle
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest

from napari_crbm.errors import FormatError
from napari_crbm.io import safe_pickle


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


class Evil:
    def __init__(self, call):
        self.call = call

    def __reduce__(self):
        return self.call


def tricks(sentinel: Path) -> dict[str, bytes]:
    """Pickles that would create a file if anything in them were executed."""
    command = f"touch {sentinel}"
    code = f"open({str(sentinel)!r}, 'w').close()"
    os_name = os.name.encode()
    return {
        "reduce system": pickle.dumps(Evil((os.system, (command,)))),
        "reduce exec": pickle.dumps(Evil((exec, (code,)))),
        "nested": pickle.dumps(Evil((pickle.loads, (pickle.dumps(Evil((exec, (code,)))),)))),
        "in a list": pickle.dumps([1, Evil((eval, (code,)))], protocol=2),
        "old global": b"c" + os_name + b"\nsystem\n(V" + command.encode() + b"\ntR.",
        "inst": b"(V" + command.encode() + b"\ni" + os_name + b"\nsystem\n.",
        "obj": b"(c" + os_name + b"\nsystem\nV" + command.encode() + b"\no.",
        "newobj": b"\x80\x02cposix\nsystem\n(V" + command.encode() + b"\nt\x81.",
        "stack global": b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c"
        + bytes([len(command)])
        + command.encode()
        + b"\x85R.",
        "build on a global": b"cbuiltins\nobject\n(}V__reduce__\ncos\nsystem\nstb.",
        "array of calls": pickle.dumps(np.array([Evil((exec, (code,)))], dtype=object)),
    }


def test_nothing_is_ever_executed(tmp_path):
    sentinel = tmp_path / "executed"
    for name, data in tricks(sentinel).items():
        with contextlib.suppress(FormatError):
            load(data)
        assert not sentinel.exists(), name
    # The tricks are real: plain unpickling falls for them.
    pickle.loads(tricks(sentinel)["reduce exec"])
    assert sentinel.exists()


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
