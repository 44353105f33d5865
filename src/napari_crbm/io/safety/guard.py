"""Test HDF5 files in a separate process, because damaged ones can crash the HDF5 library.

The HDF5 library can crash on a damaged file or never return, and neither can be caught.
So a separate process reads each file first and stays ready for the next one; if it dies,
the file is damaged. This takes a third of a second for the first file and milliseconds
for each further one.
"""

from __future__ import annotations

import atexit
import json
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from queue import Empty, Queue

from napari_crbm.errors import FormatError
from napari_crbm.io.safety.look import longer_s
from napari_crbm.io.safety.processor_time import processor_time

# Beyond the limit on its processor time; slow disks may take their time.
_LONGEST_S = 120.0
# For systems where the process cannot limit its own time (1 s, see look.py): that limit, and
# what its start takes.
_LONGEST_CPU_S = 4.0
_POLL_S = 0.5
_MOST_REMEMBERED = 1000


class _Looker:
    """The separate process, started when it is needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._answers: Queue[str] = Queue()
        self._known: dict[tuple[str, int, int, int], str | None] = {}

    def damage(self, path: Path) -> str | None:
        """Return why a file must not be opened, as the rest of a sentence, or None."""
        try:
            status = path.stat()
        except OSError:
            return None
        key = (str(path.resolve()), status.st_mtime_ns, status.st_size, status.st_ino)
        with self._lock:
            if key not in self._known:
                if len(self._known) >= _MOST_REMEMBERED:
                    self._known.clear()
                self._known[key] = self._asked(path)
            return self._known[key]

    def make_ready(self) -> None:
        """Start the separate process, if it does not run yet."""
        with self._lock:
            if self._process is None:
                self._start()

    def _asked(self, path: Path) -> str | None:
        for _ in range(2):
            if self._process is None and not self._start():
                return None
            line = self._answer_about(path)
            if line:
                answer = json.loads(line)
                if "refused" in answer:
                    return f"cannot be opened: {answer['refused']}."
                return _damaged(answer["damaged"]) if "damaged" in answer else None
            out_of_time = self._out_of_time()
            self.stop()
            # Something else may have ended the process, such as a lack of memory: a sound file
            # must not be called damaged, so a new process looks again.
            if out_of_time:
                break
        return _damaged("reading it does not come to an end, or crashes the program that reads it")

    def _out_of_time(self) -> bool:
        """Whether the process that gave no answer still works, or ended at its limit of time."""
        assert self._process is not None
        try:
            # Its pipe may close a moment before it ends.
            return self._process.wait(timeout=1.0) == -getattr(signal, "SIGPROF", 0)
        except subprocess.TimeoutExpired:
            return True

    def _answer_about(self, path: Path) -> str:
        """Return the answer of the process; an empty text if it ended or takes too long."""
        process = self._process
        assert process is not None and process.stdin is not None
        try:
            process.stdin.write(json.dumps(str(path.resolve())) + "\n")
            process.stdin.flush()
            return _answer(process, self._answers, longer_s(path.stat().st_size))
        except OSError:
            return ""

    def _start(self) -> bool:
        source = Path(__file__).with_name("look.py").read_text(encoding="utf-8")
        try:
            process = subprocess.Popen(
                [sys.executable, "-P", "-c", source],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                encoding="utf-8",
            )
        except (OSError, TypeError):
            # No Python to start here; files are opened without a look then.
            return False
        self._process, self._answers = process, Queue()
        threading.Thread(
            target=_listen, args=(process, self._answers), daemon=True, name="napari-crbm guard"
        ).start()
        return True

    def stop(self) -> None:
        """End the separate process."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        process.wait()


def _damaged(why: object) -> str:
    return f"is damaged: {why}. Copy it again from its source."


def _answer(process: subprocess.Popen[str], answers: Queue[str], extra_s: float) -> str:
    """Return the next answer of the process; an empty text if it takes too long.

    ``extra_s`` is what a large file may take longer.
    """
    begun = processor_time(process)
    deadline = time.monotonic() + _LONGEST_S + extra_s
    while time.monotonic() < deadline:
        with suppress(Empty):
            return answers.get(timeout=_POLL_S)
        used = processor_time(process)
        if begun is not None and used is not None and used - begun > _LONGEST_CPU_S + extra_s:
            break
    return ""


def _listen(process: subprocess.Popen[str], answers: Queue[str]) -> None:
    """Queue the answers of the process; an empty text when it has ended."""
    assert process.stdout is not None
    with suppress(OSError, ValueError):
        for line in process.stdout:
            # Libraries of filters may print, too.
            if line.startswith("{"):
                answers.put(line)
    answers.put("")


_looker = _Looker()
atexit.register(_looker.stop)


def require_ordinary(path: Path) -> None:
    """Raise an error for pipes, sockets and devices, which may never end.

    Raises
    ------
    FormatError
    """
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise FormatError(
            f"{path.name} is a pipe, a socket or a device, not a file: copy its content to a file "
            "and open that."
        )


def make_ready() -> None:
    """Start the separate process before the first file, which takes a third of a second."""
    _looker.make_ready()


def check(path: Path) -> None:
    """Raise an error if a file would crash or block this process.

    Raises
    ------
    FormatError
        If it would.
    """
    if why := _looker.damage(path):
        raise FormatError(f"{path.name} {why}")
