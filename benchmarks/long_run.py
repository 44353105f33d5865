"""Memory of a very long training: the updates of one day at paper scale, on a tiny recording.

python benchmarks/long_run.py                  864,000 updates (24 h of 0.1 s), some minutes
python benchmarks/long_run.py --updates 20000  a shorter run

Prints the resident memory during the run and fails if it grows by more than 5 MB after the first
tenth.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np

from napari_crbm.model import Settings, Training
from napari_crbm.spikes import Spikes

ALLOWED_MB = 5.0


def resident_mb() -> float:
    """Return the resident memory (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20


def main() -> None:
    """Run the training with regular checkpoints, as in normal use."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--updates", type=int, default=864_000)
    n_updates = parser.parse_args().updates
    raster = np.random.default_rng(0).random((400, 60)) < 0.1
    raster[::7, :20] |= np.random.default_rng(1).random((58, 20)) < 0.6
    settings = Settings(
        n_hidden=3, n_updates=n_updates, n_chains=10, batch_size=20, gibbs_steps=1, n_threads=1
    )
    training = Training(Spikes.from_dense(raster), settings)
    started, marks, shown = time.process_time(), [], 0
    for progress in training:
        if progress.phase == "training" and progress.update >= shown * n_updates / 20:
            training.checkpoint()
            marks.append((progress.update, resident_mb()))
            print(f"update {progress.update:>8,}  {marks[-1][1]:7.1f} MB", flush=True)
            shown += 1
    settled = [mb for update, mb in marks if update > n_updates / 10]
    growth = max(settled) - settled[0]
    spent = time.process_time() - started
    print(f"{training.update:,} updates, {spent:.0f} s of processor, growth {growth:.1f} MB")
    sys.exit(growth > ALLOWED_MB)


if __name__ == "__main__":
    main()
