"""A family of random recordings, on which a training must converge without being tuned for one.

python benchmarks/family.py --recordings 50-69 --table benchmarks/results/family.csv
python benchmarks/family.py --apart 0-4 --table benchmarks/results/family.csv
python benchmarks/family.py --summary benchmarks/results/family.csv

Every recording draws its own number of neurons, frames and assemblies, their sizes, overlap,
strengths, durations and signs, the base rates, a common gain and drifts. Recordings 0 to 49 are to
work on, 50 to 99 to judge with. ``--apart`` trains with several seeds on one recording of 3,000
neurons, ``--low`` on one with 1.6 % active neurons. A training passes if the nRMSE of the
covariances of neurons and of assemblies are at most 0.15 and its chains settle. Rows that are in
the table are not made again. The generators are written here, apart from
`napari_crbm.simulation`, so that no choice of the package enters.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.special import expit, ndtr, ndtri

from napari_crbm.analysis import evaluate
from napari_crbm.model import CRBM, Settings
from napari_crbm.model.training.compile_ahead import compile_ahead
from napari_crbm.spikes import Spikes

#: Largest nRMSE of a training that passes.
PASSES = 0.15

Generator = Literal["noisy-or", "crbm", "gaussian"]


@dataclass(frozen=True)
class Recipe:
    """What a recording is drawn from.

    ``activity`` is the share of active neurons in a mean frame, ``baseline`` the part of it that
    assemblies do not cause, ``strength`` the range of the members' probabilities, ``size`` the
    range of the assemblies' sizes in neurons, ``duration`` the range of their episodes in frames,
    ``gain`` the standard deviation of the common gain, ``drift`` that of each neuron's own slow
    log-rate, ``negative`` the share of the members that an assembly suppresses.
    """

    n_neurons: int = 3000
    n_frames: int = 4000
    n_assemblies: int = 30
    activity: float = 0.035
    baseline: float = 0.012
    strength: tuple[float, float] = (0.12, 0.5)
    size: tuple[int, int] = (50, 150)
    duration: tuple[float, float] = (4.0, 20.0)
    gain: float = 0.25
    drift: float = 0.0
    negative: float = 0.0
    generator: Generator = "noisy-or"


@dataclass(frozen=True)
class Drawn:
    """A recording and its truth: members (N, K) with sign, courses (T, K)."""

    recipe: Recipe
    spikes: Spikes
    members: NDArray[np.int8]
    courses: NDArray[np.float32]


def apart(low: bool = False) -> Recipe:
    """Recipe of the recordings kept apart: 3.5 % active, or 1.6 % with weaker members."""
    usual = Recipe()
    if not low:
        return usual
    return replace(usual, activity=0.016, baseline=0.0035, strength=(0.08, 0.3))


def recipe(number: int) -> Recipe:
    """Draw the recipe of one recording of the family."""
    rng = np.random.default_rng([2026, number])

    def between(low: float, high: float) -> float:
        return float(np.exp(rng.uniform(np.log(low), np.log(high))))

    n_neurons = int(between(300, 10_000))
    n_frames = int(between(1500, 10_000))
    activity = between(0.005, 0.06)
    weakest = between(0.05, 0.2)
    smallest = between(0.02, 0.06) * n_neurons
    shortest = between(2, 8)
    kinds: list[Generator] = ["noisy-or", "noisy-or", "crbm", "gaussian"]
    return Recipe(
        n_neurons,
        n_frames,
        int(min(between(5, 60), n_neurons / 25)),
        activity,
        activity * rng.uniform(0.2, 0.6),
        (weakest, weakest * rng.uniform(2, 4)),
        (max(int(smallest), 12), max(int(smallest * rng.uniform(1.5, 5)), 20)),
        (shortest, shortest * rng.uniform(2, 6)),
        rng.choice([0.0, rng.uniform(0, 0.4)]),
        rng.choice([0.0, rng.uniform(0, 0.5)]),
        rng.choice([0.0, rng.uniform(0, 0.2)]),
        str(rng.choice(kinds)),  # type: ignore[arg-type]
    )


def draw(of: Recipe, seed: int) -> Drawn:
    """Draw a recording."""
    rng = np.random.default_rng([seed, 7])
    members = _members(of, rng)
    n_neurons, n_frames = of.n_neurons, of.n_frames
    base = rng.lognormal(0, 0.8, n_neurons)
    base *= of.baseline / base.mean()
    sizes = (members > 0).sum(axis=0)
    strengths = rng.uniform(*of.strength, members.shape) * (members != 0)
    # Every assembly causes the same share of the activity.
    caused = (of.activity - of.baseline) * n_neurons / of.n_assemblies
    duty = np.clip(caused / (sizes * np.mean(of.strength)), 0.01, 0.3)
    courses = _courses(of, duty, rng)
    gain = np.exp(of.gain * _slow(n_frames, 1, n_frames / 15, rng)[:, 0])
    raster = np.zeros((n_frames, n_neurons), dtype=np.uint8)
    drift = _slow(n_frames, 8, n_frames / 4, rng)
    mixing = rng.standard_normal((8, n_neurons)) / np.sqrt(8)
    level = _level(of, base, members, strengths, courses) if of.generator != "noisy-or" else 0.0
    for start in range(0, n_frames, 500):
        part = slice(start, start + 500)
        z = courses[part]
        if of.generator == "noisy-or":
            silent = np.exp(z @ np.log1p(-strengths * (members > 0)).T)
            chance = 1 - (1 - base) * silent
            chance *= np.exp(z @ np.log1p(-0.8 * (members < 0)).T)
        else:
            chance = _odds(of, z, members, strengths, base, level)
        chance *= gain[part, None] * np.exp(of.drift * (drift[part] @ mixing))
        raster[part] = rng.random(chance.shape) < np.minimum(chance, 0.95)
    return Drawn(of, Spikes.from_dense(raster), members, courses)


def _members(of: Recipe, rng: np.random.Generator) -> NDArray[np.int8]:
    members = np.zeros((of.n_neurons, of.n_assemblies), dtype=np.int8)
    most = of.n_neurons // 2
    for assembly in range(of.n_assemblies):
        low, high = (min(bound, most) for bound in of.size)
        chosen = rng.choice(of.n_neurons, int(rng.integers(low, high + 1)), replace=False)
        members[chosen, assembly] = np.where(rng.random(len(chosen)) < of.negative, -1, 1)
    return members


def _courses(
    of: Recipe, duty: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Draw courses that are on (1) and off (0); of the Gaussian generator, their envelope."""
    courses = np.zeros((of.n_frames, of.n_assemblies), dtype=np.float32)
    for assembly, share in enumerate(duty):
        length = rng.uniform(*of.duration)
        n_episodes = max(round(share * of.n_frames / length), 8)
        for start in rng.integers(0, of.n_frames, n_episodes):
            courses[start : start + max(int(rng.poisson(length)), 1), assembly] = 1
    if of.generator == "gaussian":
        courses *= rng.gamma(2, 0.5, courses.shape)
    return courses


def _odds(
    of: Recipe,
    z: NDArray[np.float32],
    members: NDArray[np.int8],
    strengths: NDArray[np.float64],
    base: NDArray[np.float64],
    level: float,
) -> NDArray[np.float64]:
    """Chances (t, N) of a logistic ('crbm') or probit ('gaussian') response to the courses."""
    if of.generator == "crbm":
        shifts = np.log(1 + strengths / base.mean()) * np.sign(members)
        return expit(np.log(base)[None, :] + level + z @ shifts.T)
    shifts = (ndtri(strengths.clip(1e-6, 0.9) + base.mean()) - ndtri(base.mean())) * members
    shifts[members == 0] = 0
    return np.asarray(ndtr(ndtri(base.clip(1e-5, 0.9))[None, :] + level + z @ shifts.T))


def _level(
    of: Recipe,
    base: NDArray[np.float64],
    members: NDArray[np.int8],
    strengths: NDArray[np.float64],
    courses: NDArray[np.float32],
) -> float:
    """Find the shift of all neurons with which the mean activity is as asked."""
    some = courses[:: max(1, len(courses) // 200)]
    low, high = -6.0, 3.0
    for _ in range(25):
        middle = (low + high) / 2
        mean = _odds(of, some, members, strengths, base, middle).mean()
        low, high = (middle, high) if mean < of.activity else (low, middle)
    return (low + high) / 2


def _slow(n_frames: int, n: int, scale: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw smooth noise of unit variance, (T, n), with correlation over ``scale`` frames."""
    noise = rng.standard_normal((n_frames, n))
    frequency = np.fft.rfftfreq(n_frames)[:, None]
    smooth = np.fft.irfft(
        np.fft.rfft(noise, axis=0) * np.exp(-((frequency * scale) ** 2) * 2), n_frames, axis=0
    )
    smooth -= smooth.mean(axis=0)
    return np.asarray(smooth / smooth.std(axis=0))


def judged(drawn: Drawn, seed: int) -> dict[str, object]:
    """Train with the defaults, evaluate, and compare with the truth."""
    started = time.process_time()
    model = CRBM(**{**Settings().as_dict(), "random_state": seed, "n_threads": 1})
    model.fit(drawn.spikes)
    trained = time.process_time()
    assert model.split_ is not None
    train, test = (drawn.spikes.select_frames(model.split_[part]) for part in ("train", "test"))
    found = evaluate(model, train, test)
    table = found.table
    assert found.samples is not None
    covariances, of_assemblies = (float(table.loc[n, "nrmse"]) for n in ("cov_vv", "cov_hh"))
    correlations = _correlations(drawn.courses, model.transform(drawn.spikes))
    return {
        "n_neurons": drawn.spikes.n_neurons,
        "n_frames": drawn.spikes.n_frames,
        "activity": drawn.spikes.rate,
        "n_assemblies": drawn.courses.shape[1],
        "n_hidden": model.n_assemblies,
        "cov_vv": covariances,
        "cov_hh": of_assemblies,
        "mean_v": float(table.loc["mean_v", "nrmse"]),
        "mean_vh": float(table.loc["mean_vh", "nrmse"]),
        "explained": float(table.loc["cov_vv", "explained"]),
        "settled": found.samples.settled,
        "outcome": str(found.judgement.outcome),
        "courses_found": int((correlations > 0.8).sum()),
        "passes": max(covariances, of_assemblies) <= PASSES and found.samples.settled,
        "training_s": trained - started,
        "evaluation_s": time.process_time() - trained,
    }


def _correlations(
    courses: NDArray[np.float32], activity: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Match units to planted courses one to one; return the correlation of each pair."""
    planted, units = (
        (each - each.mean(axis=0)) / np.maximum(each.std(axis=0), 1e-9)
        for each in (courses.astype(np.float64), activity.astype(np.float64))
    )
    between = planted.T @ units / len(planted)
    rows, columns = linear_sum_assignment(-between)
    return np.asarray(between[rows, columns])


def summary(table: pd.DataFrame) -> str:
    """Say how many trainings pass, and what fails in the others."""
    bad = {
        "covariances of neurons": table["cov_vv"] > PASSES,
        "covariances of assemblies": ~(table["cov_hh"] <= PASSES),
        "chains": ~table["settled"].astype(bool),
    }
    failed = ", ".join(f"{name} {int(each.sum())}" for name, each in bad.items())
    found = table["courses_found"].sum() / table["n_assemblies"].sum()
    return (
        f"{int(table['passes'].sum())} of {len(table)} trainings pass; above the limit: {failed}. "
        f"Median nRMSE of covariances {table['cov_vv'].median():.2f}, of assemblies "
        f"{table['cov_hh'].median():.2f}. {100 * found:.0f} % of the planted courses found."
    )


def _numbers(text: str) -> list[int]:
    first, _, last = text.partition("-")
    return list(range(int(first), int(last or first) + 1))


def main() -> None:
    """Train on the recordings that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--recordings", type=_numbers, default=[], help="for example 50-69")
    parser.add_argument("--apart", type=_numbers, default=[], help="seeds")
    parser.add_argument("--low", type=_numbers, default=[], help="seeds")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--most-neurons", type=int, default=10_000)
    parser.add_argument("--table", type=Path, default=Path("family.csv"))
    parser.add_argument("--summary", type=Path)
    arguments = parser.parse_args()
    if arguments.summary is not None:
        table = pd.read_csv(arguments.summary)
        for name, part in table.groupby("set"):
            print(f"{name}: {summary(part)}")
        return
    compile_ahead()
    jobs = [("family", number, arguments.seed) for number in arguments.recordings]
    jobs += [("apart", 100, seed) for seed in arguments.apart]
    jobs += [("low", 100, seed) for seed in arguments.low]
    for name, number, seed in jobs:
        known = pd.read_csv(arguments.table) if arguments.table.exists() else pd.DataFrame()
        key = {"set": name, "recording": number, "seed": seed}
        if len(known) and (known[list(key)] == pd.Series(key)).all(axis=1).any():
            continue
        of = recipe(number) if name == "family" else apart(name == "low")
        if of.n_neurons > arguments.most_neurons:
            continue
        row = {**key, "generator": of.generator, **judged(draw(of, number), seed)}
        print(row, flush=True)
        known = pd.read_csv(arguments.table) if arguments.table.exists() else pd.DataFrame()
        pd.concat([known, pd.DataFrame([row])]).to_csv(arguments.table, index=False)


if __name__ == "__main__":
    main()
