"""Directed couplings in simulated recordings: planted ones found, and false ones.

Ten recordings of each kind from the simulator with dynamics: 200 neurons, eight assemblies, 4,000
frames at 4 Hz. A model is trained on each, its assemblies are matched to the planted ones by the
correlation of their activity, and `couple` estimates the couplings. The same is done with the
planted states themselves, which shows what the model loses. Run
``python benchmarks/directions.py``. Rows go to ``benchmarks/results/directions.csv``; recordings
that are there already are kept.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from napari_crbm import CRBM
from napari_crbm.analysis.forecasts.directions import Directions, couple
from napari_crbm.analysis.matching.recovery import auroc
from napari_crbm.simulation import simulate
from napari_crbm.temporal.lags import lag_functions, n_lags

OUTPUT = Path(__file__).parent / "results" / "directions.csv"
KINDS = ("directed", "symmetric", "common", "drift", "none")
N_NEURONS, N_FRAMES, N_ASSEMBLIES, N_UPDATES = 400, 4000, 8, 150
LONGEST_S, N_FUNCTIONS = 4.0, 3


def measure(kind: str, seed: int) -> list[dict[str, object]]:
    """Simulate, train and compare with the truth: one row for each source of the courses."""
    made = simulate(
        n_neurons=N_NEURONS,
        n_frames=N_FRAMES,
        n_assemblies=N_ASSEMBLIES,
        mean_activity=0.05,
        generator="dynamics",
        couplings=kind,
        seed=seed,
    )
    recording, states = made.recording, np.asarray(made.truth.activity, dtype=np.float64)
    model = CRBM(n_hidden=N_ASSEMBLIES, n_updates=N_UPDATES, random_state=seed, n_threads=1)
    model.fit(recording)
    courses = model.rbm_.mean_h_from_v(recording.spikes).astype(np.float64)
    alike = np.corrcoef(states.T, courses.T)[:N_ASSEMBLIES, N_ASSEMBLIES:]
    own, match = linear_sum_assignment(-np.abs(alike))
    planted = np.asarray(made.truth.parameters["coupling"]) != 0
    interval = recording.frame_interval_s
    functions = lag_functions(n_lags(LONGEST_S, interval), N_FUNCTIONS)
    rows = []
    for source, values in (("model", courses[:, match]), ("planted states", states)):
        found = couple(values, recording.frame_numbers, functions, interval)
        rows.append(
            {
                "kind": kind,
                "seed": seed,
                "courses": source,
                "match": float(np.abs(alike[own, match]).mean()) if source == "model" else 1.0,
                **compare(found, planted),
            }
        )
    return rows


def compare(found: Directions, planted: NDArray[np.bool_]) -> dict[str, float]:
    """Count what was found of planted couplings and directions, and what was not planted."""
    off = ~np.eye(len(planted), dtype=bool)
    one_way = planted & ~planted.T
    return {
        "auroc": _auroc(found.strength[off], planted[off]),
        "planted": int(planted.sum()),
        "coupled": int((found.coupled & planted).sum()),
        "false_couplings": int((found.coupled & ~planted & off).sum()),
        "planted_directions": int(one_way.sum()),
        "directed": int((found.directed & one_way).sum()),
        "false_directions": int((found.directed & ~one_way).sum()),
        "pairs": len(planted) * (len(planted) - 1) // 2,
        "agreement": found.agreement,
        "own_share": float(np.median(found.own_share)),
    }


def _auroc(strength: NDArray[np.float64], planted: NDArray[np.bool_]) -> float:
    """Return how well strengths tell planted pairs from others; NaN if none is planted."""
    return float(auroc(strength[:, None], planted[:, None])[0, 0])


def main() -> None:
    """Measure all kinds, or those asked for, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=10)
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--output", type=Path, default=OUTPUT)
    asked = parser.parse_args()
    kept = pd.read_csv(asked.output) if asked.output.exists() else pd.DataFrame()
    done = set(zip(kept["kind"], kept["seed"], strict=True)) if len(kept) else set()
    asked.output.parent.mkdir(parents=True, exist_ok=True)
    for seed in range(asked.sets):
        for kind in asked.kinds.split(","):
            if (kind, seed) in done:
                continue
            rows = measure(kind, seed)
            kept = pd.concat([kept, pd.DataFrame(rows)], ignore_index=True)
            kept.to_csv(asked.output, index=False, float_format="%.4g")
            first = rows[0]
            print(
                f"{kind:10s} {seed}: AUROC {first['auroc']:.2f}, directed {first['directed']} of "
                f"{first['planted_directions']}, false {first['false_directions']}",
                flush=True,
            )


if __name__ == "__main__":
    main()
