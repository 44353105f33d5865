"""Speed of kernels on a loaded machine, by OpenMP wait policy and Numba threading layer.

python benchmarks/threads.py

An update ends when its slowest thread does. On a loaded machine threads that spin while they
wait take processor time from that thread. Each combination runs in its own process, beside
processes that only keep a core busy. Prints milliseconds per update, on the clock and of
processor time, for one thread and for all.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import subprocess
import sys
import time

# Threading layer, wait policy, and number of spins before threads sleep: the project's choice,
# and OpenMP's default with an active policy.
CHOICES = (
    ("omp", "PASSIVE", "1000"),
    ("omp", "ACTIVE", "30000000000"),
    ("workqueue", "PASSIVE", "1000"),
)
CASES = {"2,000 x 40": (2000, 40, 60), "44,055 x 200": (44_055, 200, 3)}
DENSITY = 0.1


def spin() -> None:
    """Keep a core busy."""
    while True:
        pass


def measure(n_busy: int) -> None:
    """Time updates beside ``n_busy`` processes, with the options of this process."""
    # Imported here because the options are read from the environment at the first import.
    from training import ours, raster

    from napari_crbm.model.compute.threads import available_threads

    sides = {
        name: (ours(raster(n_neurons, 400), n_hidden, DENSITY, 100, 15), n_updates)
        for name, (n_neurons, n_hidden, n_updates) in CASES.items()
    }
    for updates, _ in sides.values():
        updates(available_threads(), 1)
    busy = [multiprocessing.Process(target=spin, daemon=True) for _ in range(n_busy)]
    for process in busy:
        process.start()
    for name, (updates, n) in sides.items():
        for n_threads in sorted({1, available_threads()}):
            rounds = []
            for _ in range(5):
                start, spent = time.perf_counter(), time.process_time()
                updates(n_threads, n)
                rounds.append((time.perf_counter() - start, time.process_time() - spent))
            clock, processor = (1e3 * sorted(part)[2] / n for part in zip(*rounds, strict=True))
            print(
                f"  {name:>12}  {n_threads} thread{'s' if n_threads > 1 else ' '}  "
                f"{clock:7.1f} ms  processor {processor:7.1f} ms",
                flush=True,
            )
    for process in busy:
        process.kill()


def main() -> None:
    """Run each combination in its own process."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--busy", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--loads", type=int, nargs="*", default=[0, 1, 2])
    arguments = parser.parse_args()
    if arguments.busy is not None:
        measure(arguments.busy)
        return
    for n_busy in arguments.loads:
        for layer, policy, rounds in CHOICES:
            print(f"{n_busy} busy processes, layer {layer}, waiting {policy.lower()}", flush=True)
            environment = {
                **os.environ,
                "NUMBA_THREADING_LAYER": layer,
                "OMP_WAIT_POLICY": policy,
                "GOMP_SPINCOUNT": rounds,
            }
            command = [sys.executable, __file__, "--busy", str(n_busy)]
            subprocess.run(command, env=environment, check=True)


if __name__ == "__main__":
    main()
