"""Whether each verdict is reached by the models made to deserve it, and by no other.

    python benchmarks/verdicts.py                  # ten recordings of each kind, about 20 minutes
    python benchmarks/verdicts.py --table          # the table of the documents alone

Recordings of 300 neurons, with 8 planted assemblies or with none. Models are trained on them; those
of some kinds are changed afterwards. Rows go to ``benchmarks/results/verdicts_rows.csv``, their
summary to ``verdicts.csv`` beside it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from napari_crbm import CRBM, simulate
from napari_crbm.analysis import Evaluation, Outcome, evaluate_held_out
from napari_crbm.errors import TrainingCollapsed
from napari_crbm.model import DReLU
from napari_crbm.model.training.split import split_blocks
from napari_crbm.recording import Recording
from napari_crbm.simulation import Simulation, simulate_without_assemblies
from napari_crbm.spikes import Spikes

RESULTS = Path(__file__).parent / "results"
ROWS = RESULTS / "verdicts_rows.csv"
N_NEURONS, N_FRAMES, N_PLANTED, N_UPDATES = 300, 2500, 8, 1000
COLLAPSED = "training ends without weights"


def planted(seed: int, n_frames: int = N_FRAMES) -> Simulation:
    """Simulate planted assemblies."""
    return simulate(N_NEURONS, n_frames, N_PLANTED, seed=seed)


def trained(recording: Recording, seed: int, **settings: Any) -> CRBM:
    """Train a model."""
    settings = {"n_updates": N_UPDATES} | settings
    return CRBM(random_state=seed, n_threads=1, **settings).fit(recording)


@lru_cache(maxsize=1)
def good(seed: int) -> tuple[CRBM, Recording]:
    """Return a model with as many units as needed, enough updates and frames."""
    recording = planted(seed).recording
    return trained(recording, seed), recording


def judged(model: CRBM, recording: Recording) -> Evaluation:
    """Evaluate a model on held-out frames."""
    return evaluate_held_out(model, recording, n_samples=1500, n_chains=150)


def too_few_units(seed: int) -> Evaluation:
    """Train half as many units as there are assemblies."""
    recording = good(seed)[1]
    return judged(trained(recording, seed, n_hidden=N_PLANTED // 2), recording)


def overfitted(seed: int) -> Evaluation:
    """Train five times as many units as there are assemblies on few frames, without penalty."""
    recording = planted(seed, 700).recording
    settings = {"n_hidden": 5 * N_PLANTED, "l1": 0.0, "initialisation": "random"}
    settings |= {"n_updates": 500, "learning_rate": 0.01, "n_test_blocks": 5}
    return judged(trained(recording, seed, **settings), recording)


def weaker(seed: int) -> Evaluation:
    """Multiply the weights of a good model by 0.7."""
    model, recording = good(seed)
    changed = CRBM.from_parameters(
        np.float32(0.7) * model.weights_, model.fields_, model.hidden_, split=model.split_
    )
    return judged(changed, recording)


def few_frames(seed: int) -> Evaluation:
    """Record 180 frames, of which 54 are held out."""
    recording = planted(seed, 180).recording
    return judged(trained(recording, seed, n_updates=200), recording)


def irregular(seed: int) -> Evaluation:
    """Exchange the activity of 70 % of the neurons among these in the held-out frames."""
    model, recording = good(seed)
    assert model.split_ is not None
    raster, rng = recording.spikes.dense(), np.random.default_rng([seed, 4])
    moved, test = np.flatnonzero(rng.random(N_NEURONS) < 0.7), model.split_["test"]
    raster[np.ix_(test, moved)] = raster[np.ix_(test, rng.permutation(moved))]
    changed = replace(recording, spikes=Spikes.from_dense(raster))
    same = CRBM.from_parameters(model.weights_, model.fields_, model.hidden_, split=model.split_)
    return judged(same, changed)


def unsettled(seed: int) -> Evaluation:
    """Give each planted assembly six units, which keep each other on: none switches alone."""
    made = planted(seed)
    weights = np.repeat(0.4 * made.truth.membership, 6, axis=1).astype(np.float32)
    ones = np.ones(weights.shape[1])
    model = CRBM.from_parameters(
        weights,
        np.full(N_NEURONS, -9.0, np.float32),
        DReLU(ones, ones, -0.3 * ones, -0.3 * ones),
        split=split_blocks(made.recording.spikes).frames(),
    )
    return judged(model, made.recording)


def without(kind: str, seed: int) -> Evaluation:
    """Train on a recording without assemblies."""
    recording = simulate_without_assemblies(kind, N_NEURONS, 1500, seed=seed)
    return judged(trained(recording, seed, n_updates=300), recording)


class Kind(NamedTuple):
    """Models of one kind: what they are, the outcome that they deserve, and how they are made."""

    label: str
    deserved: Outcome
    judge: Callable[[int], Evaluation]


KINDS = {
    "good": Kind("8 units or more, 1,000 updates", Outcome.REPRODUCES, lambda k: judged(*good(k))),
    "weaker": Kind("weights of 70 %", Outcome.DOES_NOT_REPRODUCE, weaker),
    "too few units": Kind("4 units", Outcome.TOO_FEW_UNITS, too_few_units),
    "overfitted": Kind("40 units, no penalty, 350 training frames", Outcome.OVERFITTED, overfitted),
    "irregular": Kind(
        "held-out frames in which 70 % of the neurons change places", Outcome.IRREGULAR, irregular
    ),
    "unsettled": Kind("six equal units for each assembly", Outcome.NOT_SETTLED, unsettled),
    "few frames": Kind("180 frames", Outcome.TOO_SHORT, few_frames),
    "gain": Kind("common gain, no assemblies", Outcome.NO_EVIDENCE, partial(without, "gain")),
    "drift": Kind("drift, no assemblies", Outcome.NO_EVIDENCE, partial(without, "drift")),
}


def measure(kind: str, seed: int) -> dict[str, object]:
    """Make and judge one model."""
    row: dict[str, object] = {"kind": kind, "seed": seed}
    try:
        found = KINDS[kind].judge(seed)
    except TrainingCollapsed:
        return row | {"outcome": COLLAPSED}
    every = found.findings
    share = every.explained["cov_vv"]
    return row | {
        "outcome": str(found.judgement.outcome),
        "certain": every.n_certain,
        "tested": every.n_tested,
        "blocks": every.n_blocks,
        "left over": every.n_left_over,
        "gain": every.gain.value,
        "gain in training": every.train_gain.value,
        "share": share.share,
        "share error": share.error,
        "share of training": share.train_share,
        "share of training error": share.train_error,
        "signal": share.signal,
        "nrmse cov_vv": every.nrmse["cov_vv"].value,
        "nrmse cov_vv error": every.nrmse["cov_vv"].error,
        "sentence": found.judgement.sentence,
    }


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Return how often each kind of model reaches the outcome that it deserves."""
    out = []
    for name, kind in KINDS.items():
        part = rows[rows["kind"] == name]
        if not len(part):
            continue
        others = part.loc[part["outcome"] != kind.deserved, "outcome"].value_counts()
        out.append(
            {
                "model": kind.label,
                "deserved verdict": str(kind.deserved),
                "reached": f"{len(part) - int(others.sum())} of {len(part)}",
                "other verdicts": "; ".join(f"{k} ({n})" for k, n in others.items()) or "-",
            }
        )
    return pd.DataFrame(out)


def main() -> None:
    """Judge models of all kinds, or those asked for, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--recordings", type=int, default=10)
    parser.add_argument("--first", type=int, default=0, help="seed of the first recording")
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--table", action="store_true", help="of the rows measured earlier")
    parser.add_argument("--rows", type=Path, default=ROWS)
    asked = parser.parse_args()
    if not asked.table:
        for seed in range(asked.first, asked.first + asked.recordings):
            rows = []
            for kind in asked.kinds.split(","):
                rows.append(measure(kind, seed))
                print(rows[-1], flush=True)
            table = pd.DataFrame(rows)
            if asked.rows.exists():
                before = pd.read_csv(asked.rows)
                same = before["kind"].isin(table["kind"]) & (before["seed"] == seed)
                table = pd.concat([before[~same], table])
            asked.rows.parent.mkdir(parents=True, exist_ok=True)
            table.to_csv(asked.rows, index=False, float_format="%.4g")
    found = summary(pd.read_csv(asked.rows))
    found.to_csv(asked.rows.with_name("verdicts.csv"), index=False)
    print(found.to_string(index=False))


if __name__ == "__main__":
    main()
