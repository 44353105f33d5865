"""Ctrl-C, and SIGTERM, which batch systems send, end a command at any time with a sentence."""

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
        os.kill(os.getpid(), number)
    finally:
        unfinished.unlink()

app.app.command("write")(write)
number = int(sys.argv[1])
sys.argv[1] = "write"
main()
"""

# The signal comes while the command line is still being imported.
_STARTS = """
import os, sys
from napari_crbm.cli import main

class Kill:
    def find_spec(self, name, path, target=None):
        if name == sys.argv[2]:
            os.kill(os.getpid(), int(sys.argv[1]))

sys.meta_path.insert(0, Kill())
main()
"""


def ended(code, number, *arguments):
    """What a process has printed that sends itself a signal."""
    done = subprocess.run(
        [sys.executable, "-c", code, str(int(number)), *arguments], capture_output=True, text=True
    )
    assert done.returncode == 128 + number, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


# The signal comes inside a compiler, which then complains of something else.
_LOSES = """
import os, sys
from napari_crbm.cli import app, main

def lose() -> None:
    try:
        os.kill(os.getpid(), number)
    except BaseException:
        pass
    raise RuntimeError("no compiled object yet")

app.app.command("lose")(lose)
number = int(sys.argv[1])
sys.argv[1:] = ["lose"]
main()
"""


@pytest.mark.parametrize(
    ("number", "name"), [(signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "SIGTERM")]
)
def test_a_signal_leaves_a_sentence_and_no_unfinished_file(tmp_path, number, name):
    sentence = f"Stopped by {name}; no unfinished file is left.\n"
    assert ended(_WRITES, number, tmp_path / "file") == sentence
    assert not list(tmp_path.iterdir())
    assert ended(_LOSES, number) == sentence
    for module in ("napari_crbm.cli.app", "numpy"):
        assert ended(_STARTS, number, module) == sentence
