"""False orders: how often courses without an order are said to follow each other.

Courses of ten assemblies of each kind, 1,500 frames, three tenths held out. Courses with an
order are there to show what is found. Run ``python benchmarks/temporal_order.py --sets 100``. Rows
go to ``benchmarks/results/temporal_order.csv``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.signal import lfilter

from napari_crbm.analysis.statistics.lagged import LAGS, ORDERED, SIGNIFICANT
from napari_crbm.analysis.statistics.order import temporal_order

OUTPUT = Path(__file__).parent / "results" / "temporal_order.csv"
N_FRAMES, N_COURSES = 1500, 10
# Frames between training and held-out frames.
GAP = 10

Courses = NDArray[np.float64]
Make = Callable[[np.random.Generator], Courses]


def noise(rng: np.random.Generator) -> Courses:
    """Draw white noise, (T, M)."""
    return rng.normal(size=(N_FRAMES, N_COURSES))


def lasting(rng: np.random.Generator, memory: float) -> Courses:
    """Draw autoregressive courses of unit variance."""
    return np.asarray(lfilter([np.sqrt(1 - memory**2)], [1, -memory], noise(rng), axis=0))


def drift(rng: np.random.Generator, share: float) -> Courses:
    """Draw courses smooth over a share of the recording (standard deviation of the kernel)."""
    width = share * N_FRAMES
    margin = int(4 * width) + 1
    wide = rng.normal(size=(N_FRAMES + 2 * margin, N_COURSES))
    smooth = gaussian_filter1d(wide, width, axis=0)[margin:-margin]
    return np.asarray(smooth / smooth.std(axis=0))


def two_state(rng: np.random.Generator) -> Courses:
    """Draw courses that are on for eight frames at a time."""
    state, out = rng.random(N_COURSES) < 0.1, np.empty((N_FRAMES, N_COURSES))
    for frame in range(N_FRAMES):
        out[frame] = state
        state = state ^ (rng.random(N_COURSES) < np.where(state, 1 / 8, 0.02))
    return out + 0.1 * noise(rng)


def bleaching(rng: np.random.Generator) -> Courses:
    """Draw courses that decay, each at its own pace."""
    time = np.arange(N_FRAMES)[:, None]
    return 3 * np.exp(-time / (N_FRAMES * rng.uniform(0.05, 0.5, N_COURSES))) + noise(rng)


def common(rng: np.random.Generator) -> Courses:
    """Draw courses that share one course without an order."""
    return lasting(rng, 0.9) + 2 * lasting(rng, 0.9)[:, :1] * rng.uniform(0.2, 2, N_COURSES)


def chain(rng: np.random.Generator, strength: float) -> Courses:
    """Draw courses each of which follows the one before two frames later."""
    out = lasting(rng, 0.7)
    for course in range(1, N_COURSES):
        out[2:, course] += strength * out[:-2, course - 1]
    return out


KINDS: dict[str, Make] = {
    "white": noise,
    "lasting 10 frames": lambda rng: lasting(rng, 0.9),
    "lasting 50 frames": lambda rng: lasting(rng, 0.98),
    "two-state": two_state,
    "random walk": lambda rng: np.cumsum(noise(rng), axis=0),
    "drift 1/40": lambda rng: drift(rng, 1 / 40) + 0.05 * noise(rng),
    "drift 1/20": lambda rng: drift(rng, 1 / 20) + 0.05 * noise(rng),
    "drift 1/8": lambda rng: drift(rng, 1 / 8) + 0.05 * noise(rng),
    "drift 1/8 and noise": lambda rng: 2 * drift(rng, 1 / 8) + noise(rng),
    "linear trends": lambda rng: (
        3 * np.linspace(-1, 1, N_FRAMES)[:, None] * rng.normal(size=N_COURSES) + noise(rng)
    ),
    "bleaching": bleaching,
    "mixed": lambda rng: lasting(rng, 0.8) @ rng.normal(size=(N_COURSES, N_COURSES)),
    "common course": common,
    "order 0.3": lambda rng: chain(rng, 0.3),
    "order 0.6": lambda rng: chain(rng, 0.6),
    "order 0.6 and drift": lambda rng: chain(rng, 0.6) + 2 * drift(rng, 1 / 8),
}


def parts() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return training and held-out frames, as trainings divide them."""
    frames = np.arange(N_FRAMES)
    held_out = np.isin(frames * 10 // N_FRAMES, (3, 6, 9))
    test = frames[held_out]
    train = frames[~held_out]
    return train[np.abs(train[:, None] - test).min(axis=1) > GAP], test


def measure(make: Make, seed: int) -> dict[str, object]:
    """Draw courses and test their order."""
    courses = make(np.random.default_rng(seed))
    train, test = parts()
    found = temporal_order(courses[train], courses[test], np.array(LAGS), (train, test))
    best = int(np.argmax(found.r))
    r, p = float(found.r[best]), float(found.p[best])
    return {"r": r, "p": p, "claimed": r > ORDERED and p <= SIGNIFICANT}


def main() -> None:
    """Measure all kinds, or those asked for, and print how often an order is claimed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=100)
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--output", type=Path, default=OUTPUT)
    asked = parser.parse_args()
    rows = []
    for kind in asked.kinds.split(","):
        make = KINDS[kind]
        rows += [{"kind": kind, "seed": seed, **measure(make, seed)} for seed in range(asked.sets)]
        claimed = sum(bool(row["claimed"]) for row in rows[-asked.sets :])
        print(f"{kind:20s} {claimed} of {asked.sets} claimed", flush=True)
    asked.output.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(asked.output, index=False, float_format="%.4g")


if __name__ == "__main__":
    main()
