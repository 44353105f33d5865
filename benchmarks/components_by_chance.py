"""Components beyond chance: how many are counted in recordings with and without assemblies.

Recordings without assemblies have one disturbance of real ones (see
`napari_crbm.simulation.simulate_without_assemblies`); activity lasts 3, 8 or 20 frames. Beside the
count stands that of components above the Marchenko-Pastur edge. Run
``python benchmarks/components_by_chance.py --seeds 20``. Rows go to
``benchmarks/results/components_by_chance.csv``.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd

from napari_crbm import simulate
from napari_crbm.model.start.chance import n_beyond_chance
from napari_crbm.model.start.components import largest_by_chance, principal_components
from napari_crbm.recording import Recording
from napari_crbm.simulation import simulate_without_assemblies, without_assemblies

OUTPUT = Path(__file__).parent / "results" / "components_by_chance.csv"
MOST = 100
#: Recordings with assemblies by name, and how they are simulated.
PLANTED = {
    "planted": {},
    "planted, gain of 25 %": {"gain": 0.25},
    "planted, true cRBM": {"generator": "crbm"},
    "planted, 1.6 % active": {"mean_activity": 0.016},
    "planted, 1.6 % active, weak members": {"mean_activity": 0.016, "member_firing": 0.6},
}
#: Recordings without assemblies by name: kind, and how long activity lasts.
FALSE = {
    "independent": ("independent", 8.0),
    "lasting 3 frames": ("autocorrelated", 3.0),
    "lasting 8 frames": ("autocorrelated", 8.0),
    "lasting 20 frames": ("autocorrelated", 20.0),
    "gain": ("gain", 8.0),
    "drift": ("drift", 8.0),
    "crosstalk": ("crosstalk", 8.0),
    "motion": ("motion", 8.0),
}


def recording_of(name: str, n_neurons: int, n_frames: int, planted: int, seed: int) -> Recording:
    """Simulate a recording."""
    if name in PLANTED:
        return simulate(n_neurons, n_frames, planted, seed=seed, **PLANTED[name]).recording
    kind, lasting = FALSE[name]
    usual = without_assemblies.LASTING_FRAMES
    without_assemblies.LASTING_FRAMES = lasting
    try:
        return simulate_without_assemblies(kind, n_neurons, n_frames, seed=seed)
    finally:
        without_assemblies.LASTING_FRAMES = usual


def measure(name: str, n_neurons: int, n_frames: int, planted: int, seed: int) -> dict[str, object]:
    """Count components in one recording."""
    recording = recording_of(name, n_neurons, n_frames, planted, seed)
    spikes = recording.spikes
    started = time.process_time()
    found = n_beyond_chance(spikes, MOST, seed, recording.coordinates)
    seconds = time.process_time() - started
    variances = principal_components(spikes, min(MOST, n_neurons - 1), seed).variances
    return {
        "recording": name,
        "neurons": n_neurons,
        "frames": n_frames,
        "planted": planted if name in PLANTED else 0,
        "seed": seed,
        "beyond_chance": found,
        "marchenko_pastur": int((variances > largest_by_chance(np.ones(1), spikes)).sum()),
        "processor_s": seconds,
    }


def main() -> None:
    """Measure, and print a summary."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--neurons", type=int, default=300)
    parser.add_argument("--frames", type=int, default=1500)
    parser.add_argument("--planted", type=int, default=10)
    parser.add_argument("--recordings", nargs="*", default=[*FALSE, *PLANTED])
    parser.add_argument("--output", type=Path, default=OUTPUT)
    asked = parser.parse_args()
    rows = []
    for name in asked.recordings:
        rows += [
            measure(name, asked.neurons, asked.frames, asked.planted, seed)
            for seed in range(asked.seeds)
        ]
        table = pd.DataFrame(rows[-asked.seeds :])
        found, before = table["beyond_chance"], table["marchenko_pastur"]
        print(
            f"{name:36s} beyond chance: median {found.median():g}, {found.min()} to "
            f"{found.max()}; Marchenko-Pastur: {before.median():g}, {before.min()} to "
            f"{before.max()}; {table['processor_s'].mean():.2f} s",
            flush=True,
        )
    asked.output.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(asked.output, index=False, float_format="%.3g")


if __name__ == "__main__":
    main()
