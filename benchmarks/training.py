"""Seconds of one parameter update, against other implementations in the same run.

python benchmarks/training.py            paper scale, peers where they are installed
python benchmarks/training.py --smoke    a small case, for continuous integration

Peers are plain PyTorch (the same mathematics, dense products, on the CPU) and
scikit-learn's BernoulliRBM (binary hidden units, one Gibbs step). All implementations are timed
in turn in each round; medians and the ratio of medians are reported.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable

import numpy as np

from napari_crbm.model import Settings
from napari_crbm.model.backends.numba_backend import NUMBA
from napari_crbm.model.compute.active_weights import ActiveSet
from napari_crbm.model.compute.threads import available_threads, kernel_threads
from napari_crbm.model.training.learner import Learner
from napari_crbm.spikes import Spikes

RATE = 0.035
BATCH = 100
# Seconds of pause between two implementations.
_REST_S = 0.3
#: Seconds per update of the reference implementation on such a machine, measured separately.
REFERENCE_S = 1.46
#: Function that runs updates: takes the number of threads and the number of updates.
Updates = Callable[[int, int], None]


def raster(n_neurons: int, n_frames: int) -> Spikes:
    """Draw independent neurons of one rate."""
    generator = np.random.default_rng(1)
    n_blocks = n_frames // 100
    blocks = (generator.random((100, n_neurons), dtype=np.float32) < RATE for _ in range(n_blocks))
    return Spikes.from_chunks(blocks, 100 * n_blocks, n_neurons)


def ours(spikes: Spikes, n_hidden: int, density: float, n_chains: int, n_steps: int) -> Updates:
    """Return a function that runs updates, see `Updates`."""
    settings = Settings.named(
        "paper", n_hidden=n_hidden, l1=1e-3, n_chains=n_chains, gibbs_steps=n_steps
    )
    with kernel_threads():
        learner = Learner.started(spikes, settings, NUMBA)
    generator = np.random.default_rng(2)
    weights = generator.normal(0, 0.02, (spikes.n_neurons, n_hidden)).astype(np.float32)
    chosen = generator.random(weights.shape) < density
    weights[~chosen] = 0
    learner.active = ActiveSet(weights, np.zeros_like(weights), chosen.astype(np.uint8))
    with kernel_threads():
        learner.active.form.project_bits(learner.activity, learner.inputs)

    def updates(n_threads: int, n: int) -> None:
        with kernel_threads(n_threads):
            for _ in range(n):
                # The set of active weights is revised at multiples of 100 only.
                learner.step(1, settings.learning_rate)

    return updates


def torch_peer(spikes: Spikes, n_hidden: int, n_chains: int, n_steps: int) -> Updates | None:
    """Return the same update in plain PyTorch, unstandardised; None if not installed."""
    try:
        import torch
    except ImportError:
        return None
    torch.manual_seed(0)
    n = spikes.n_neurons
    data = torch.from_numpy(spikes.dense(slice(0, BATCH)).astype(np.float32))
    weights = 0.02 * torch.randn(n, n_hidden)
    fields = torch.full((n,), float(np.log(RATE / (1 - RATE))))
    second = torch.zeros_like(weights)
    gp, gm = torch.ones(n_hidden), torch.ones(n_hidden)
    tp, tm = torch.zeros(n_hidden), torch.zeros(n_hidden)
    state = {"v": (torch.rand(n_chains, n) < RATE).float()}
    log_ndtr, ndtri = torch.special.log_ndtr, torch.special.ndtri

    def sides(inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        xp, xm = (tp - inputs) / gp.sqrt(), (tm + inputs) / gm.sqrt()
        plus = log_ndtr(-xp) + 0.5 * xp**2 - 0.5 * gp.log()
        minus = log_ndtr(-xm) + 0.5 * xm**2 - 0.5 * gm.log()
        return xp, xm, torch.sigmoid(plus - minus)

    def draw(inputs: torch.Tensor) -> torch.Tensor:
        xp, xm, p = sides(inputs)
        plus = torch.rand_like(p) < p
        x = torch.where(plus, xp, xm)
        z = -ndtri(torch.rand_like(x) * log_ndtr(-x).exp()) - x
        return torch.where(plus, z / gp.sqrt(), -z / gm.sqrt())

    def mean(inputs: torch.Tensor) -> torch.Tensor:
        xp, xm, p = sides(inputs)

        def tail_mean(x: torch.Tensor) -> torch.Tensor:
            return torch.exp(-0.5 * x**2 - 0.918938533 - log_ndtr(-x)) - x

        return p * tail_mean(xp) / gp.sqrt() - (1 - p) * tail_mean(xm) / gm.sqrt()

    def update() -> None:
        v = state["v"]
        for _ in range(n_steps):
            h = draw(v @ weights)
            v = torch.bernoulli(torch.sigmoid(h @ weights.T + fields))
        state["v"] = v
        gradient = data.T @ mean(data @ weights) / BATCH - v.T @ mean(v @ weights) / n_chains
        gradient -= 1e-3 * weights.sign()
        second.mul_(0.99).addcmul_(gradient, gradient, value=0.01)
        weights.addcdiv_(gradient, second.sqrt().add_(1e-3), value=1e-4)
        fields.add_(data.mean(0) - v.mean(0), alpha=1e-4)

    def updates(n_threads: int, n: int) -> None:
        torch.set_num_threads(n_threads)
        for _ in range(n):
            update()

    return updates


def sklearn_peer(spikes: Spikes, n_hidden: int) -> Updates | None:
    """Return an update of scikit-learn's BernoulliRBM; None if not installed."""
    try:
        from sklearn.neural_network import BernoulliRBM
    except ImportError:
        return None
    from threadpoolctl import threadpool_limits

    machine = BernoulliRBM(n_hidden, learning_rate=1e-4, batch_size=BATCH, random_state=0)
    data = spikes.dense(slice(0, BATCH)).astype(np.float32)

    def updates(n_threads: int, n: int) -> None:
        with threadpool_limits(n_threads):
            for _ in range(n):
                machine.partial_fit(data)

    return updates


def products(n_neurons: int, n_hidden: int, n_chains: int, n: int) -> Updates:
    """Return the dense products from hidden to visible units alone, computed by BLAS."""
    from threadpoolctl import threadpool_limits

    generator = np.random.default_rng(3)
    weights = generator.normal(size=(n_neurons, n_hidden)).astype(np.float32)
    values = generator.normal(size=(n_hidden, n_chains)).astype(np.float32)

    def multiply(n_threads: int, n_updates: int) -> None:
        with threadpool_limits(n_threads):
            for _ in range(n * n_updates):
                weights @ values

    return multiply


def compare(sides: dict[str, Updates], rounds: int, n_threads: int, n: int = 1) -> None:
    """Time all implementations in turn, ``n`` updates each, and print the results.

    Prints medians, ratios to the first, and the smallest processor time of one update, which
    is the most reliable measure on a shared machine. After an implementation has finished, its
    threads may still spin; a pause lets them sleep. Untimed updates then let the next one
    compile and start its threads.
    """
    times: dict[str, list[float]] = {name: [] for name in sides}
    busy: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, update in sides.items():
            time.sleep(_REST_S)
            update(n_threads, n)
            start, spent = time.perf_counter(), time.process_time()
            update(n_threads, n)
            times[name].append((time.perf_counter() - start) / n)
            busy[name].append((time.process_time() - spent) / n)
    first = float(np.median(next(iter(times.values()))))
    least = min(next(iter(busy.values())))
    for name, values in times.items():
        median = float(np.median(values))
        print(
            f"  {n_threads} thread{'s' if n_threads > 1 else ' '}  {name:<44} "
            f"{1e3 * median:8.1f} ms  (fastest {1e3 * min(values):.1f})  x {median / first:.2f}  "
            f"processor {1e3 * min(busy[name]):.1f} ms  x {min(busy[name]) / least:.2f}",
            flush=True,
        )


def case(n_neurons: int, n_hidden: int, rounds: int, n: int) -> None:
    """Time an update of the published recipe (100 chains, 15 Gibbs steps) and of the default."""
    print(f"{n_neurons:,} neurons x {n_hidden} hidden units, batch {BATCH}")
    spikes = raster(n_neurons, 1000)
    sides = {
        f"ours, {100 * density:.0f} % of weights, 100 chains x 15": ours(
            spikes, n_hidden, density, 100, 15
        )
        for density in (1.0, 0.1, 0.02)
    }
    sides["ours, 10 % of weights, 500 chains x 5"] = ours(spikes, n_hidden, 0.1, 500, 5)
    sides["15 dense products (BLAS)"] = products(n_neurons, n_hidden, 100, 15)
    for name, peer in (
        ("PyTorch, dense, 100 chains x 15", torch_peer(spikes, n_hidden, 100, 15)),
        ("scikit-learn BernoulliRBM, 1 step", sklearn_peer(spikes, n_hidden)),
    ):
        if peer is not None:
            sides[name] = peer
    for n_threads in sorted({1, available_threads()}, reverse=True):
        compare(sides, rounds, n_threads, n)


def memory() -> None:
    """Measure the peak memory of a training at paper scale with all frames loaded."""
    with kernel_threads():
        learner = Learner.started(raster(44_055, 5500), Settings(n_hidden=200), NUMBA)
        for update in range(1, 103):
            learner.step(update, learner.settings.learning_rate)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory, 44,055 x 5,500 x 200, default recipe: {peak:.0f} MB")


def main() -> None:
    """Run the cases."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--smoke", action="store_true", help="a small case only")
    parser.add_argument("--memory", action="store_true", help="peak memory at paper scale only")
    parser.add_argument("--scaling", action="store_true", help="cost for growing N only")
    arguments = parser.parse_args()
    if arguments.memory:
        memory()
    elif arguments.scaling:
        for n_neurons in (25_000, 50_000, 100_000, 200_000):
            update = ours(raster(n_neurons, 200), 200, 0.1, 100, 15)
            print(f"{n_neurons:,} neurons")
            compare({"ours, 10 % of weights": update}, 5, available_threads())
    elif arguments.smoke:
        case(1000, 10, 3, 3)
    else:
        case(2000, 40, 9, 10)
        case(44_055, 200, 7, 1)
        print(f"reference implementation, paper scale, measured separately: {REFERENCE_S} s")


if __name__ == "__main__":
    main()
