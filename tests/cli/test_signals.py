"""SIGTERM, which batch systems send, ends a command as well as Ctrl-C does."""

import os
import signal
import subprocess
import sys

import pytest

from napari_crbm.cli.signals import signals_stop
from napari_crbm.model import Control

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals differ on Windows")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_stops_the_work_and_handlers_come_back(number):
    before = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]
    control = Control()
    with signals_stop(control):
        assert not control.stopped
        os.kill(os.getpid(), number)
        assert control.stopped
        # A second signal does what it did before.
        assert [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)] == before
    assert [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)] == before


_WRITES = """
import os, signal, sys
from pathlib import Path
from napari_crbm.cli import app, main

def write(path: str) -> None:
    unfinished = Path(path)
    try:
        unfinished.write_text("half")
        os.kill(os.getpid(), signal.SIGTERM)
    finally:
        unfinished.unlink()

app.app.command("write")(write)
main()
"""


def test_sigterm_leaves_no_unfinished_file(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", _WRITES, "write", tmp_path / "file"], capture_output=True, text=True
    )
    assert done.returncode == 143, done.stderr
    assert not list(tmp_path.iterdir()) and "Traceback" not in done.stderr
