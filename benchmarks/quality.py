"""How fast training reaches a quality, on recordings with planted assemblies.

python benchmarks/quality.py --neurons 2000 --seeds 5
python benchmarks/quality.py --neurons 12000 --set n_updates=1750 --set learning_rate=0.01

For every generator and seed, at a few moments of the training: seconds of training so
far, nRMSE of the covariances of neurons and of their means on the held-out frames (0 as
good as the training frames, 1 chance), both from fresh chains that start from independent
neurons, and the share of planted assemblies found (AUROC above 0.95). Looking does not
count as training time.
"""

from __future__ import annotations

import argparse
import ast
import time

import numpy as np

from napari_crbm.analysis import fraction_recovered, moments, recovery
from napari_crbm.analysis.moments import agreement
from napari_crbm.model import CRBM, Settings, Training
from napari_crbm.simulation import simulate
from napari_crbm.spikes import Spikes

LOOKS = (0.1, 0.25, 0.5, 0.75, 1.0)
PAIRS_AMONG = 2000


def quality(model: CRBM, train: Spikes, test: Spikes) -> tuple[float, float]:
    """The nRMSE of neurons' covariances and means, of samples from fresh chains."""
    generator = np.random.default_rng(0)
    n = min(PAIRS_AMONG, model.n_neurons)
    neurons = np.sort(generator.choice(model.n_neurons, n, replace=False))
    sample = model.sample(6000, n_chains=500, burn_in=300, thin=20)
    of = [moments(s, np.zeros((s.n_frames, 1)), neurons) for s in (sample, train, test)]
    cov = agreement(of[0].cov_vv, of[1].cov_vv, of[2].cov_vv)
    mean = agreement(of[0].mean_v, of[1].mean_v, of[2].mean_v)
    return cov.nrmse, mean.nrmse


def run(generator: str, seed: int, arguments: argparse.Namespace, settings: Settings) -> None:
    """Simulate, train, and look from time to time."""
    n_assemblies = arguments.assemblies or max(5, arguments.neurons // 200)
    simulation = simulate(
        arguments.neurons,
        arguments.frames,
        n_assemblies,
        generator,
        mean_activity=arguments.activity,
        seed=seed,
    )
    spikes = simulation.recording.spikes
    training = Training(spikes, settings)
    looks = [int(np.ceil(share * settings.n_updates)) for share in LOOKS]
    head = f"{generator:>8} N {arguments.neurons} seed {seed}"
    started = time.perf_counter()
    for progress in training:
        if not looks or progress.phase == "preparing" or progress.update < looks[0]:
            continue
        looks.pop(0)
        model = training.model()
        assert model.split_ is not None
        train, test = (spikes.select_frames(model.split_[part]) for part in ("train", "test"))
        cov, mean = quality(model, train, test)
        found = fraction_recovered(recovery(model.weights_, simulation.truth.membership))
        print(
            f"{head} | update {progress.update:>5} {progress.elapsed_s:7.1f} s | "
            f"cov {cov:6.3f} mean {mean:6.3f} | recovered {found:.2f} of {n_assemblies} | "
            f"M {model.n_assemblies} density {np.mean(model.weights_ != 0):.3f} "
            f"PL {progress.statistics['test_pseudo_likelihood']:.5f}",
            flush=True,
        )
    print(f"{head} | {time.perf_counter() - started:.0f} s with looking", flush=True)


def main() -> None:
    """Read the command line and run all combinations."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--neurons", type=int, default=2000)
    parser.add_argument("--frames", type=int, default=4000)
    parser.add_argument("--assemblies", type=int)
    parser.add_argument("--activity", type=float, default=0.035)
    parser.add_argument("--generator", choices=["noisy-or", "crbm"])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--recipe", default="default")
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE")
    arguments = parser.parse_args()
    changes = dict(text.split("=", 1) for text in arguments.set)
    settings = {name: ast.literal_eval(value) for name, value in changes.items()}
    print(arguments)
    for generator in [arguments.generator] if arguments.generator else ["noisy-or", "crbm"]:
        for seed in range(arguments.seeds):
            chosen = Settings.named(arguments.recipe, random_state=seed, **settings)
            run(generator, seed, arguments, chosen)


if __name__ == "__main__":
    main()
