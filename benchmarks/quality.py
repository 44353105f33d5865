"""Quality of the model over training time, on recordings with planted assemblies.

python benchmarks/quality.py --neurons 2000 --seeds 5 --table study.csv
python benchmarks/quality.py --neurons 12000 --set n_updates=1750 --set learning_rate=0.01
python benchmarks/quality.py --neurons 2000 --seeds 5 --table study.csv --reference PGM/source
python benchmarks/quality.py --summary study.csv

For each generator and seed, the table has one row per evaluation during training: processor
seconds of training so far; nRMSE of the covariances and of the means of neurons on the held-out
frames (0 as good as the training frames, 1 chance), from fresh chains that start from independent
neurons; and the share of planted assemblies found (AUROC above 0.95). The last evaluation also
has all nRMSE of longer runs, half of whose chains start from unions of frames as in `evaluate`
(these expose spurious modes that are absent from the data), and all nRMSE with samples drawn as
in the paper. Evaluation does not count as training time. Trainings that are in the table are not
repeated, so that a study can be made in parts.
"""

from __future__ import annotations

import argparse
import ast
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from peers.reference import Look
from peers.reference import train as reference

from napari_crbm.analysis import STATISTICS, evaluate, fraction_recovered, moments, recovery
from napari_crbm.model import CRBM, Settings, Training
from napari_crbm.model.training.compile_ahead import compile_ahead
from napari_crbm.model.training.split import split_blocks
from napari_crbm.nrmse import agreement
from napari_crbm.simulation import simulate
from napari_crbm.spikes import Spikes

LOOKS = (0.1, 0.25, 0.5, 0.75, 1.0)
PAIRS_AMONG = 2000
# Samples of the last evaluation; long runs use many chains, because large models mix slowly.
_AT_THE_END: dict[str, dict[str, Any]] = {
    "long": {"n_chains": 500},
    "published": {"as_published": True},
}


def quality(model: CRBM, train: Spikes, test: Spikes) -> dict[str, float]:
    """Compute the nRMSE of neurons' covariances and means, from samples of fresh chains."""
    generator = np.random.default_rng(0)
    n = min(PAIRS_AMONG, model.n_neurons)
    neurons = np.sort(generator.choice(model.n_neurons, n, replace=False))
    sample = model.sample(6000, n_chains=500, burn_in=300, thin=20)
    of = [moments(s, np.zeros((s.n_frames, 1)), neurons) for s in (sample, train, test)]
    cov = agreement(of[0].cov_vv, of[1].cov_vv, of[2].cov_vv)
    mean = agreement(of[0].mean_v, of[1].mean_v, of[2].mean_v)
    return {"cov_vv": cov.nrmse, "mean_v": mean.nrmse}


def at_the_end(model: CRBM, train: Spikes, test: Spikes) -> dict[str, float]:
    """Compute all nRMSE of long runs, and of samples drawn as in the paper."""
    found = {}
    for way, drawn in _AT_THE_END.items():
        table = evaluate(model, train, test, **drawn).table
        judged = [name for name, each in STATISTICS.items() if each.judged]
        found |= {f"{way} {name}": float(table.loc[name, "nrmse"]) for name in judged}
    return found


def ours(
    spikes: Spikes, seed: int, n_assemblies: int, arguments: argparse.Namespace
) -> Iterator[Look]:
    """Train with the options of the command line, and evaluate at intervals."""
    chosen = {"n_threads": 1, "random_state": seed, **changes(arguments)}
    settings = Settings.named(arguments.recipe, **chosen)
    training = Training(spikes, settings)
    looks = [int(np.ceil(share * settings.n_updates)) for share in arguments.looks]
    looked_s, started = 0.0, time.process_time()
    for progress in training:
        if looks and progress.phase != "preparing" and progress.update >= looks[0]:
            looks.pop(0)
            pause = time.process_time()
            yield Look(progress.update, pause - started - looked_s, training.model())
            looked_s += time.process_time() - pause


def theirs(
    spikes: Spikes, seed: int, n_assemblies: int, arguments: argparse.Namespace
) -> Iterator[Look]:
    """Train with the published code on the same training frames."""
    split = split_blocks(spikes)
    train, test = split.train, split.test
    seen = spikes.select_frames(train)
    for look in reference(
        arguments.reference, seen, n_assemblies, arguments.looks, seed, **changes(arguments)
    ):
        look.model.split_ = {"train": train, "test": test}
        yield look


def run(generator: str, seed: int, arguments: argparse.Namespace) -> Iterator[dict[str, object]]:
    """Simulate a recording, train, and evaluate the model during training."""
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
    side = theirs if arguments.reference else ours
    last = arguments.looks[-1]
    for share, look in zip(
        arguments.looks, side(spikes, seed, n_assemblies, arguments), strict=True
    ):
        model = look.model
        assert model.split_ is not None
        train, test = (spikes.select_frames(model.split_[part]) for part in ("train", "test"))
        yield {
            "neurons": arguments.neurons,
            "frames": arguments.frames,
            "generator": generator,
            "change": change(arguments),
            "seed": seed,
            "update": look.update,
            "seconds": round(look.seconds, 1),
            **quality(model, train, test),
            "recovered": fraction_recovered(recovery(model.weights_, simulation.truth.membership)),
            "planted": n_assemblies,
            "units": model.n_assemblies,
            "density": float(np.mean(model.weights_ != 0)),
            "pseudo_likelihood": model.pseudo_likelihood(test),
            **(at_the_end(model, train, test) if share == last else {}),
        }


def changes(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the settings that differ from the defaults."""
    pairs = (text.split("=", 1) for text in arguments.set)
    return {name: ast.literal_eval(value) for name, value in pairs}


def change(arguments: argparse.Namespace) -> str:
    """Return the differences from the defaults as text for the table."""
    code = ["reference"] if arguments.reference else []
    return " ".join(code + arguments.set) or "none"


def _is_in(path: Path | None, key: tuple[object, ...]) -> bool:
    if path is None or not path.exists():
        return False
    found = pd.read_csv(path)[["neurons", "frames", "generator", "change", "seed"]]
    return key in set(found.itertuples(index=False, name=None))


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Summarise convergence, its time and the final quality, one row per data set and change."""
    rows = []
    keys = ["neurons", "frames", "generator", "change"]
    for key, runs in table.groupby(keys, sort=False):
        ends = runs[runs["update"] == runs.groupby("seed")["update"].transform("max")]
        rows.append(
            {
                **dict(zip(keys, key, strict=True)),
                "seeds": ends["seed"].nunique(),
                **{f"seconds to {bar}": _time_to(runs, bar) for bar in (0.2, 0.1)},
                "seconds": _range(ends["seconds"], 0),
                "cov_vv": _range(ends["cov_vv"]),
                "mean_v": _range(ends["mean_v"]),
                "long cov_vv": _range(ends["long cov_vv"]),
                "long mean_v": _range(ends["long mean_v"]),
                "recovered": _range(ends["recovered"]),
            }
        )
    return pd.DataFrame(rows)


def _time_to(runs: pd.DataFrame, bar: float) -> str:
    """Return the median time until covariances stay within the limit, and how many do."""
    seconds = []
    for _, one in runs.groupby("seed"):
        # Covariances without an nRMSE do not count as within the limit.
        beyond = np.flatnonzero(~(one["cov_vv"].to_numpy() <= bar))
        first = beyond[-1] + 1 if len(beyond) else 0
        if first < len(one):
            seconds.append(float(one["seconds"].iloc[first]))
    n_seeds = runs["seed"].nunique()
    return f"{np.median(seconds):.0f} ({len(seconds)} of {n_seeds})" if seconds else "never"


def _range(values: pd.Series, digits: int = 2) -> str:
    low, middle, high = values.min(), values.median(), values.max()
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def main() -> None:
    """Read the command line and run all combinations."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--neurons", type=int, default=2000)
    parser.add_argument("--frames", type=int, default=4000)
    parser.add_argument("--assemblies", type=int)
    parser.add_argument("--activity", type=float, default=0.035)
    parser.add_argument("--generator", choices=["noisy-or", "crbm"])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--looks", type=float, nargs="+", default=LOOKS, metavar="SHARE")
    parser.add_argument("--recipe", default="default")
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE")
    parser.add_argument("--reference", type=Path, metavar="FOLDER", help="train with this code")
    parser.add_argument("--table", type=Path, metavar="CSV", help="add what it lacks to this table")
    parser.add_argument("--summary", type=Path, metavar="CSV", help="summarise a table and end")
    arguments = parser.parse_args()
    arguments.looks = sorted(arguments.looks)
    pd.set_option("display.width", 250, "display.max_columns", 30)
    if arguments.summary:
        print(summary(pd.read_csv(arguments.summary)).to_string(index=False))
        return
    compile_ahead()
    rows: list[dict[str, object]] = []
    for generator in [arguments.generator] if arguments.generator else ["noisy-or", "crbm"]:
        for seed in range(arguments.seeds):
            key = (arguments.neurons, arguments.frames, generator, change(arguments), seed)
            if _is_in(arguments.table, key):
                continue
            looks = []
            for row in run(generator, seed, arguments):
                looks.append(row)
                print(" ".join(f"{name} {value}" for name, value in row.items()), flush=True)
            rows.extend(looks)
            if arguments.table:
                new = not arguments.table.exists()
                pd.DataFrame(looks).to_csv(arguments.table, mode="a", header=new, index=False)
    if rows:
        print(summary(pd.DataFrame(rows)).to_string(index=False))


if __name__ == "__main__":
    main()
