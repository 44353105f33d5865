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


def test_data_that_cannot_be_there_are_refused(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("spikes", (1 << 40, 8), "u1", chunks=(1024, 8))
        file["small"] = np.zeros(3)
    assert "announces 8,192.0 GB" in look.look(str(tmp_path / "a.h5"))["damaged"]
    with pytest.raises(FormatError, match="announces"):
        read_kind(tmp_path / "a.h5")


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
