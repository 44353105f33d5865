"""Cost of training, against the same arithmetic in plain NumPy, in one run.

python benchmarks/training.py            paper scale: 44,055 neurons x 200 hidden units
python benchmarks/training.py --smoke    a small case, for continuous integration
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time

import numpy as np

from napari_crbm.model import Settings, Training, drelu, kernels
from napari_crbm.model.drelu import DReLU
from napari_crbm.model.randomness import stream
from napari_crbm.model.threads import available_threads, kernel_threads
from napari_crbm.spikes import Spikes

RATE = 0.035


def numpy_step(weights, fields, units, v, generator):
    """One Gibbs step with dense products; hidden units are drawn as ours are."""
    hidden = drelu.sample(v @ weights, units, stream(int(generator.integers(2**31))))
    drive = hidden @ weights.T + fields
    draws = generator.random(drive.shape, dtype=np.float32)
    return (draws * (1 + np.exp(-drive)) < 1).astype(np.float32)


def timed(function, repeats: int) -> float:
    """Median seconds of a call."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def gibbs_case(n_neurons: int, n_hidden: int, n_chains: int, repeats: int) -> None:
    """Time one Gibbs step of ours and of NumPy, alternately, on the same weights."""
    generator = np.random.default_rng(0)
    weights = generator.normal(0, 0.02, (n_neurons, n_hidden)).astype(np.float32)
    fields = np.full(n_neurons, np.log(RATE / (1 - RATE)), dtype=np.float32)
    ones, zeros = np.ones(n_hidden), np.zeros(n_hidden)
    units = DReLU(ones, ones, zeros, zeros)
    lanes = kernels.lane_bounds(n_neurons)
    inputs = np.zeros((n_chains, n_hidden), dtype=np.float32)
    bits = np.zeros((n_neurons, (n_chains + 63) // 64), dtype=np.uint64)
    v = (generator.random((n_chains, n_neurons)) < RATE).astype(np.float32)
    stacked = units.stacked()

    def ours() -> None:
        with kernel_threads():
            kernels.gibbs(weights, fields, stacked, inputs, bits, lanes, stream(1), 5)

    def peer() -> None:
        numpy_step(weights, fields, units, v, generator)

    ours()
    peer()
    ratios, mine, theirs = [], [], []
    for _ in range(repeats):
        a, b = timed(ours, 1) / 5, timed(peer, 1)
        mine.append(a)
        theirs.append(b)
        ratios.append(b / a)
    print(
        f"Gibbs step  {n_neurons:>6,} x {n_hidden:>3} x {n_chains:>3} chains: "
        f"{1e3 * statistics.median(mine):7.2f} ms, "
        f"NumPy {1e3 * statistics.median(theirs):7.1f} ms, "
        f"ratio {statistics.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})"
    )


def update_case(n_neurons: int, n_frames: int, n_hidden: int, n_updates: int) -> None:
    """Time whole updates with the default and the published settings."""
    generator = np.random.default_rng(1)
    spikes = Spikes.from_chunks(
        (generator.random((100, n_neurons)) < RATE for _ in range(n_frames // 100)),
        n_frames // 100 * 100,
        n_neurons,
    )
    for recipe in ("default", "paper"):
        settings = Settings.named(recipe, n_hidden=n_hidden, n_updates=1000, l1=0.0)
        training = Training(spikes, settings)
        start = time.perf_counter()
        with kernel_threads():
            training._prepare()
        prepared = time.perf_counter() - start
        training._step()

        def updates(training: Training = training) -> None:
            with kernel_threads():
                for _ in range(n_updates):
                    training._step()

        seconds = timed(updates, 3) / n_updates
        print(
            f"Update      {n_neurons:>6,} x {n_hidden:>3}, recipe {recipe:>7} "
            f"({settings.n_chains} chains x {settings.gibbs_steps} steps): "
            f"{seconds:.3f} s; preparing took {prepared:.1f} s"
        )


def main() -> None:
    """Run all cases and report peak memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="small sizes only")
    smoke = parser.parse_args().smoke
    print(f"{available_threads()} threads")
    gibbs_case(2000, 40, 100, 3 if smoke else 9)
    if smoke:
        update_case(1000, 500, 10, 5)
    else:
        gibbs_case(44_055, 200, 100, 9)
        gibbs_case(44_055, 200, 300, 5)
        update_case(3000, 4000, 35, 50)
        update_case(44_055, 5500, 200, 3)
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
