"""Which assemblies follow a course: false positives, and tuned assemblies that are found.

``--sets 40`` draws courses and activity that are independent of each other, and counts how often
p is below 0.05 and 0.01: 40 courses with 60 units each, 1,500 frames, without lags and with the
largest correlation over lags up to 20 frames. ``--recordings 20`` simulates recordings of 800
neurons and 4,000 frames in which three of 30 assemblies respond to a stimulus, trains a model of
each, and counts whether all three are found at q < 0.05 and no other. Rows go to
``benchmarks/results/tuning_false.csv`` and ``tuning_found.csv``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.signal import lfilter

from napari_crbm.analysis import follow_course, stored_course
from napari_crbm.analysis.courses.shifts import Places, shifted_correlation
from napari_crbm.autocorrelation import lasting_frames
from napari_crbm.model import CRBM
from napari_crbm.model.members.windows import longest_window
from napari_crbm.simulation import Simulation, simulate
from napari_crbm.simulation.common_gain import smooth_noise

RESULTS = Path(__file__).parent / "results"
N_FRAMES, N_UNITS, REACH = 1500, 60, 20
N_NEURONS, N_ASSEMBLIES, N_TUNED = 800, 30, 3

Courses = NDArray[np.float64]
Make = Callable[[np.random.Generator, int], Courses]


def lasting(rng: np.random.Generator, n: int, frames: float = 8.0) -> Courses:
    memory = np.exp(-1 / frames)
    noise = rng.normal(size=(N_FRAMES + int(10 * frames), n))
    return np.asarray(lfilter([1], [1, -memory], noise, axis=0)[-N_FRAMES:])


def switching(rng: np.random.Generator, n: int) -> Courses:
    """Draw courses that are on for 12 frames at a time, 6 % of all frames."""
    state, out = rng.random(n) < 0.06, np.empty((N_FRAMES, n))
    for frame in range(N_FRAMES):
        out[frame] = state
        state = state ^ (rng.random(n) < np.where(state, 1 / 12, 0.06 / 0.94 / 12))
    return out


def walk(rng: np.random.Generator, n: int) -> Courses:
    return np.cumsum(rng.normal(size=(N_FRAMES, n)), axis=0)


def drift(rng: np.random.Generator, n: int, noise: float = 1 / 3) -> Courses:
    """Draw a drift over an eighth of the recording, with lasting noise."""
    return smooth_noise((N_FRAMES, n), N_FRAMES / 8, rng) + noise * lasting(rng, n)


def periodic(rng: np.random.Generator, n: int) -> Courses:
    """Draw a stimulus of 20 frames every 200 frames."""
    phase = rng.integers(200, size=n)
    return ((np.arange(N_FRAMES)[:, None] + phase) % 200 < 20).astype(np.float64)


def fading(rng: np.random.Generator, n: int) -> Courses:
    """Draw episodes that become weaker, as when an indicator bleaches."""
    time = np.arange(N_FRAMES)[:, None] / N_FRAMES
    faded = switching(rng, n) * np.exp(-time * rng.uniform(0.5, 3, n))
    return faded + 0.1 * rng.normal(size=faded.shape)


#: Course, activity.
PAIRS: dict[str, tuple[Make, Make]] = {
    "both last 8 frames": (lasting, lasting),
    "both last 30 frames": (
        lambda rng, n: lasting(rng, n, 30.0),
        lambda rng, n: lasting(rng, n, 30.0),
    ),
    "both switch": (switching, switching),
    "periodic stimulus, switching activity": (periodic, switching),
    "both fade": (fading, fading),
    "random walk, switching activity": (walk, switching),
    "both random walks": (walk, walk),
    "both drift with noise": (drift, drift),
    "smooth drift, drift with noise": (lambda rng, n: drift(rng, n, 0.0), drift),
    "both drift without noise": (
        lambda rng, n: drift(rng, n, 0.0),
        lambda rng, n: drift(rng, n, 0.0),
    ),
}


def false_rates(n_sets: int) -> pd.DataFrame:
    """Count how often independent activity seems to follow a course."""
    rows = []
    for name, (course, activity) in PAIRS.items():
        for reach in (0, REACH):
            lags = np.arange(-reach, reach + 1, 2)
            p, plain = [], []
            for seed in range(n_sets):
                rng = np.random.default_rng(seed)
                one, many = course(rng, 1)[:, 0], activity(rng, N_UNITS)
                gap = max(lasting_frames(one), 1)
                places = Places.of([(0, N_FRAMES)], longest_window(N_FRAMES), reach, gap)
                found = shifted_correlation(
                    many, one, places, lags, n_shuffles=499, random_state=seed
                )
                p.append(found.p[np.isfinite(found.p)])
                plain.append(_circular(one, many, rng))
            joined = np.concatenate(p)
            rows.append(
                {
                    "courses": name,
                    "reach_frames": reach,
                    "sets": n_sets,
                    "below_0.05": (joined < 0.05).mean(),
                    "below_0.01": (joined < 0.01).mean(),
                    "circular_below_0.05": (np.concatenate(plain) < 0.05).mean(),
                }
            )
            print(rows[-1], flush=True)
    return pd.DataFrame(rows)


def _circular(course: Courses, activity: Courses, rng: np.random.Generator) -> Courses:
    """Compute p of plain circular shifts without windows, for comparison."""
    varies = activity[:, activity.std(axis=0) > 0]
    z = (varies - varies.mean(axis=0)) / varies.std(axis=0)
    shifts = [0, *rng.integers(1, N_FRAMES, 499)]
    r = np.abs([np.roll(course, by) @ z for by in shifts])
    return np.asarray((1 + (r[1:] >= r[0]).sum(axis=0)) / 500)


def simulated(seed: int) -> Simulation:
    return simulate(
        n_neurons=N_NEURONS, n_frames=4000, n_assemblies=N_ASSEMBLIES, n_tuned=N_TUNED, seed=seed
    )


def row(simulation: Simulation, model: CRBM, seed: int) -> dict[str, object]:
    """Compare what follows the stimulus with the planted assemblies.

    A unit stands for the planted assembly with whose activity its own correlates most.
    """
    recording, truth = simulation.recording, simulation.truth
    activity = model.transform(recording.spikes)
    table = follow_course(model, recording, stored_course(recording, "stimulus"), activity).table
    n_units = activity.shape[1]
    alike = np.abs(np.corrcoef(activity.T, truth.activity.T)[:n_units, n_units:])
    stands_for, tuned = alike.argmax(axis=1), truth.parameters["tuned"]
    follows = table["follows"].to_numpy()
    return {
        "seed": seed,
        "units": n_units,
        "tuned_with_a_unit": len(np.intersect1d(stands_for, tuned)),
        "found": len(np.intersect1d(stands_for[follows], tuned)),
        "others": int((follows & ~np.isin(stands_for, tuned)).sum()),
    }


def found_rates(n_recordings: int) -> pd.DataFrame:
    rows = []
    for seed in range(n_recordings):
        simulation = simulated(seed)
        model = CRBM("auto", recipe="quick").fit(simulation.recording)
        rows.append(row(simulation, model, seed))
        print(rows[-1], flush=True)
    return pd.DataFrame(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=0)
    parser.add_argument("--recordings", type=int, default=0)
    given = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    if given.sets:
        false_rates(given.sets).to_csv(RESULTS / "tuning_false.csv", index=False)
    if given.recordings:
        found_rates(given.recordings).to_csv(RESULTS / "tuning_found.csv", index=False)


if __name__ == "__main__":
    main()
