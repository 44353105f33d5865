"""Time and memory of the statistics of a whole brain.

python benchmarks/statistics.py             # 44,055 neurons
python benchmarks/statistics.py --smoke     # seconds, to check that it runs

Measures the comparison of the covariances of all pairs of neurons in three sets of frames;
numpy.cov on the same frames, with as many neurons as fit in memory; and the share of a training
that is spent on its statistics.
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np

from napari_crbm.analysis import compare_pairs
from napari_crbm.model import Settings, Training
from napari_crbm.model.training.monitor import Monitor
from napari_crbm.spikes import Spikes


def random_spikes(n_frames: int, n_neurons: int, seed: int) -> Spikes:
    """Draw independent neurons of 3 % activity."""
    generator = np.random.default_rng(seed)
    blocks = (
        generator.random((min(64, n_frames - start), n_neurons), dtype=np.float32) < 0.03
        for start in range(0, n_frames, 64)
    )
    return Spikes.from_chunks(blocks, n_frames, n_neurons)


def peak_mb() -> float:
    """Return the largest resident memory of the process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def pairs(n_neurons: int, n_numpy: int) -> None:
    """Compare all pairs, and compute the same values with NumPy on fewer neurons."""
    parts = [random_spikes(n, n_neurons, k) for k, n in enumerate((5500, 3850, 1650))]
    compare_pairs(*(part.select_neurons(np.arange(200)) for part in parts))
    before = peak_mb()
    started = time.perf_counter()
    compare_pairs(*parts)
    seconds = time.perf_counter() - started
    print(
        f"{n_neurons:,} neurons, {n_neurons * (n_neurons - 1) // 2:,} pairs: {seconds:.1f} s, "
        f"{peak_mb() - before:.0f} MB more than the frames"
    )
    few = [part.select_neurons(np.arange(n_numpy)) for part in parts]
    for _ in range(3):
        started = time.perf_counter()
        compare_pairs(*few)
        ours = time.perf_counter() - started
        started = time.perf_counter()
        upper = np.triu_indices(n_numpy, 1)
        covariances = [np.cov(p.dense().T, bias=True, dtype=np.float32)[upper] for p in few]
        errors = [np.sqrt(np.mean((covariances[2] - c) ** 2)) for c in covariances[:2]]
        peer = time.perf_counter() - started
        print(
            f"  {n_numpy:,} neurons: ours {ours:.2f} s, numpy.cov and two errors {peer:.2f} s, "
            f"ratio {peer / ours:.1f} ({errors[0]:.4f})"
        )


def watching(n_neurons: int, n_hidden: int) -> None:
    """Measure the share of a training's time that is spent on its statistics."""
    spikes = random_spikes(2000, n_neurons, 0)
    spent = {"look": 0.0, "evaluate": 0.0}
    look, evaluate = Monitor.record, Training._evaluate

    def timed(name, function):
        def run(*arguments):
            started = time.perf_counter()
            function(*arguments)
            spent[name] += time.perf_counter() - started

        return run

    Monitor.record, Training._evaluate = timed("look", look), timed("evaluate", evaluate)
    settings = Settings(n_hidden=n_hidden, n_updates=600, l1=1e-4, initialisation="random")
    training = Training(spikes, settings)
    for _ in training:
        pass
    Monitor.record, Training._evaluate = look, evaluate
    # Sixty evaluations belong to a training of 3,500 updates, not of 600.
    share = (spent["look"] + spent["evaluate"] * 600 / 3500) / training.elapsed_s
    print(
        f"{n_neurons:,} x {n_hidden}: {100 * share:.1f} % of a training of 3,500 updates is "
        f"spent on its statistics ({1e3 * training.elapsed_s / 600:.1f} ms per update)"
    )


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--neurons", type=int, default=44_055)
    parser.add_argument("--smoke", action="store_true")
    arguments = parser.parse_args()
    pairs(1000 if arguments.smoke else arguments.neurons, 500 if arguments.smoke else 6000)
    for n_neurons, n_hidden in ((300, 5), (2000, 25), (10_000, 60))[: 1 if arguments.smoke else 3]:
        watching(n_neurons, n_hidden)


if __name__ == "__main__":
    main()
