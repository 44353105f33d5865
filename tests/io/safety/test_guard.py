"""Files that would crash or occupy the program are met by another process first."""

import subprocess
import sys

import h5py
import numpy as np
import pytest

from napari_crbm.errors import FormatError
from napari_crbm.io import read_kind
from napari_crbm.io.safety import guard, look

DIES = """
import os, sys
for line in sys.stdin:
    if 'bad' in line:
        os.kill(os.getpid(), 11)
    print('{}', flush=True)
"""
SPINS = """
import signal, sys
for line in sys.stdin:
    signal.setitimer(signal.ITIMER_PROF, 0.2)
    while 'bad' in line: pass
    signal.setitimer(signal.ITIMER_PROF, 0)
    print('{}', flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals are those of POSIX")
@pytest.mark.parametrize("source", [DIES, SPINS], ids=["crash", "no end"])
def test_what_kills_the_other_process_is_refused_here(tmp_path, monkeypatch, source):
    (tmp_path / "look.py").write_text(source)
    monkeypatch.setattr(guard, "__file__", str(tmp_path / "guard.py"))
    looker = guard._Looker()
    monkeypatch.setattr(guard, "_looker", looker)
    for name in ("good.h5", "bad.h5", "later.h5"):
        with h5py.File(tmp_path / name, "w") as file:
            file.attrs["format"] = "napari-crbm"
            file.attrs.update(version=1, kind="recording")
    try:
        assert read_kind(tmp_path / "good.h5") == "recording"
        with pytest.raises(FormatError, match=r"bad\.h5 is damaged: .*crashes the program"):
            read_kind(tmp_path / "bad.h5")
        assert read_kind(tmp_path / "later.h5") == "recording"
    finally:
        looker.stop()


@pytest.mark.skipif(sys.platform == "win32", reason="asks for the time of other processes")
def test_a_small_file_that_never_ends_takes_two_seconds_at_most(tmp_path):
    """A heap whose free space has the size 0: the HDF5 library reads it for ever."""
    import resource

    def used():
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        return children.ru_utime + children.ru_stime

    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.attrs["format"] = "napari-crbm"
    content = bytearray(path.read_bytes())
    heap = content.index(b"GCOL")
    # The text has 11 bytes, padded to 16, behind a head of 16 bytes; free space follows.
    free = heap + 16 + 16 + 16
    assert content[heap + 32 : heap + 43] == b"napari-crbm"
    assert int.from_bytes(content[free + 8 : free + 16], "little") > 16
    content[free + 8 : free + 16] = bytes(8)
    path.write_bytes(content)
    looker, begun = guard._Looker(), used()
    try:
        assert "does not come to an end" in looker.damage(path)
    finally:
        looker.stop()
    # Its start takes some of this.
    assert used() - begun < 2.5


def test_a_sound_file_is_opened_after_the_process_was_ended_from_outside(tmp_path, monkeypatch):
    looker = guard._Looker()
    monkeypatch.setattr(guard, "_looker", looker)
    path = tmp_path / "sound.h5"
    with h5py.File(path, "w") as file:
        file["a"] = np.arange(3)
    looker.make_ready()
    first = looker._process
    first.kill()
    first.wait()
    guard.check(path)
    assert looker._process is not first
    looker.stop()


def test_data_that_cannot_be_there_are_refused(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("spikes", (1 << 40, 8), "u1", chunks=(1024, 8))
        file["small"] = np.zeros(3)
    assert "announces 8,192.0 GB" in look.look(str(tmp_path / "a.h5"))["refused"]
    with pytest.raises(FormatError, match="announces"):
        read_kind(tmp_path / "a.h5")


def test_a_gzip_bomb_is_refused_and_a_sparse_raster_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr(look, "_LARGE_BYTES", 1 << 20)
    with h5py.File(tmp_path / "bomb.h5", "w") as file:
        options = {"chunks": (1 << 22,), "compression": "gzip", "compression_opts": 9}
        file.create_dataset("spikes", data=np.zeros(1 << 23, "u1"), **options)
    assert "alike" in look.look(str(tmp_path / "bomb.h5"))["refused"]
    active = np.random.default_rng(0).random((2000, 1000)) < 0.001
    with h5py.File(tmp_path / "sparse.h5", "w") as file:
        file.create_dataset("spikes", data=active.astype("f8"), compression="gzip", shuffle=True)
    assert look.look(str(tmp_path / "sparse.h5")) == {}


def test_a_process_that_cannot_limit_its_own_time_is_ended(tmp_path, monkeypatch):
    """As on Windows: the time that it has used is asked from outside."""
    psutil = pytest.importorskip("psutil")

    def used(process):
        times = psutil.Process(process.pid).cpu_times()
        return times.user + times.system

    endless = "import sys\nfor line in sys.stdin:\n    while True:\n        pass\n"
    started = []

    def start(*_, **options):
        started.append(popen([sys.executable, "-c", endless], **options))
        return started[-1]

    popen = subprocess.Popen
    monkeypatch.setattr(guard.subprocess, "Popen", start)
    monkeypatch.setattr(guard, "processor_time", used)
    monkeypatch.setattr(guard, "_LONGEST_CPU_S", 0.5)
    # No other limit ends it.
    monkeypatch.setattr(guard, "_LONGEST_S", 1e6)
    (tmp_path / "file.h5").touch()
    assert "does not come to an end" in guard._Looker().damage(tmp_path / "file.h5")
    assert started[0].poll() is not None


def with_filter(path, kind):
    values = np.random.default_rng(0).integers(0, 9, (64, 4000))
    with h5py.File(path, "w") as file:
        if kind == "bitshuffle":
            hdf5plugin = pytest.importorskip("hdf5plugin")
            options = {**hdf5plugin.Bitshuffle()}
        else:
            options = {"scaleoffset": 4} if kind == "scaleoffset" else {"compression": kind}
        stored = file.create_dataset("dff", data=values, chunks=(32, 1000), **options)
        last = stored.id.get_chunk_info(stored.id.get_num_chunks() - 1)
    return last.byte_offset, last.size


@pytest.mark.parametrize("kind", ["bitshuffle", "scaleoffset"])
def test_every_chunk_of_a_filter_that_may_crash_is_decoded_first(tmp_path, monkeypatch, kind):
    path = tmp_path / "a.h5"
    start, size = with_filter(path, kind)
    assert look.look(str(path)) == {}
    # Beyond what a quick look reads.
    monkeypatch.setattr(look, "_SMALL_BYTES", 0)
    monkeypatch.setattr(look, "_MOST_READ", 0)
    decoded = []
    real = h5py.Dataset.__getitem__
    monkeypatch.setattr(
        h5py.Dataset, "__getitem__", lambda self, key: decoded.append(key) or real(self, key)
    )
    assert look.look(str(path)) == {} and len(decoded) == 8
    if kind == "bitshuffle":
        with path.open("r+b") as file:
            file.seek(start)
            file.write(b"\xff" * size)
        assert "part of 'dff' cannot be decoded" in look.look(str(path))["damaged"]
        with pytest.raises(FormatError, match="is damaged"):
            read_kind(path)


def test_harmless_filters_are_only_looked_at(tmp_path, monkeypatch):
    path = tmp_path / "a.h5"
    with_filter(path, "gzip")
    monkeypatch.setattr(look, "_SMALL_BYTES", 0)
    monkeypatch.setattr(look, "_MOST_READ", 0)
    monkeypatch.setattr(h5py.Dataset, "__getitem__", None)
    assert look.look(str(path)) == {}
