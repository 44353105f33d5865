"""Damaged files through every reader: refused or opened, in bounded time.

The 2,700 files are opened with ``NAPARI_CRBM_CORPUS=1``, and a fifth of them by default.

The files are opened in worker processes with limits, because what damaged files can do
to a process cannot be caught inside it. A worker that dies or falls silent is a failure.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Empty, Queue
from threading import Thread

import pytest

from tests.io.safety.corpus import COUNTS

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="limits of processes are those of POSIX"
)

LONGEST_S = 5.0
# On a busy machine a process waits for its turn.
LONGEST_WAIT_S = 120.0
MOST_GROWN_MB = 700
N_WORKERS = 2


class Worker:
    """One process that opens damaged files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.n_started = 0
        self.process: subprocess.Popen | None = None

    def _start(self) -> None:
        self.n_started += 1
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.io.safety.corpus",
                str(self.folder / str(self.n_started)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=Path(__file__).parents[3],
            env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )
        self.answers: Queue[str] = Queue()
        Thread(target=self._listen, args=(self.process, self.answers), daemon=True).start()

    @staticmethod
    def _listen(process: subprocess.Popen, answers: Queue) -> None:
        for line in process.stdout:
            answers.put(line)
        answers.put("")

    def open(self, kind: str, seed: int) -> dict:
        """What became of one damaged file."""
        if self.process is None:
            self._start()
        self.process.stdin.write(f"{kind} {seed}\n")
        self.process.stdin.flush()
        begun = ""
        try:
            begun = self.answers.get(timeout=4 * LONGEST_WAIT_S)
            line = begun and self.answers.get(timeout=LONGEST_WAIT_S)
            outcome = "" if line else "crashed"
        except Empty:
            line, outcome = "", "never ended"
        if not line:
            self.stop()
            return {"outcome": outcome, "text": begun, "seconds": 0.0, "grown_mb": 0.0}
        return json.loads(line) | json.loads(begun)

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.stdin.close()
            self.process.wait()
            self.process = None


def opened(folder: Path, files: list[tuple[str, int]]) -> list[tuple[str, int, dict]]:
    """All files through one worker."""
    worker = Worker(folder)
    try:
        return [(kind, seed, worker.open(kind, seed)) for kind, seed in files]
    finally:
        worker.stop()


def test_damaged_files_are_opened_or_refused(tmp_path):
    pytest.importorskip("pynwb")
    pytest.importorskip("zarr")
    share = float(os.environ.get("NAPARI_CRBM_CORPUS", "0.2"))
    files = [(kind, seed) for kind, count in COUNTS.items() for seed in range(int(share * count))]
    assert len(files) >= 500
    with ThreadPoolExecutor(N_WORKERS) as pool:
        parts = pool.map(lambda k: opened(tmp_path / str(k), files[k::N_WORKERS]), range(N_WORKERS))
        results = [result for part in parts for result in part]
    outcomes = Counter((kind, found["outcome"]) for kind, _, found in results)
    print("\n", dict(Counter(found["outcome"] for *_, found in results)))
    bad = [result for result in results if result[2]["outcome"] not in ("fine", "refused")]
    assert not bad, f"{len(bad)}, such as {bad[:3]}; {outcomes}"
    slow = [result for result in results if result[2]["seconds"] > LONGEST_S]
    assert not slow, slow[:3]
    fat = [result for result in results if result[2]["grown_mb"] > MOST_GROWN_MB]
    assert not fat, fat[:3]
    texts = [found["text"] for *_, found in results if found["outcome"] == "refused"]
    assert not [text for text in texts if "\n" in text or "Traceback" in text]
    # The corpus damages what matters: each kind has files that are refused.
    assert {kind for kind, outcome in outcomes if outcome == "refused"} == set(COUNTS)
