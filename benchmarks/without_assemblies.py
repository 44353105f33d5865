"""False assemblies: how many are called certain in recordings that hold none.

Each recording has one disturbance that real recordings have (see
`napari_crbm.simulation.simulate_without_assemblies`). Planted assemblies are there to show
what is kept. Run ``python benchmarks/without_assemblies.py --seeds 20``. Rows go to
``benchmarks/results/without_assemblies.csv``.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd

from napari_crbm import CRBM, simulate
from napari_crbm.analysis import assembly_evidence
from napari_crbm.analysis.statistics.prediction import predictions
from napari_crbm.errors import CRBMError
from napari_crbm.recording import Recording
from napari_crbm.simulation import simulate_without_assemblies
from napari_crbm.simulation.without_assemblies import KINDS

OUTPUT = Path(__file__).parent / "results" / "without_assemblies.csv"
N_NEURONS, N_FRAMES, N_PLANTED, N_UPDATES = 300, 1500, 8, 300


def recording_of(kind: str, seed: int) -> Recording:
    """Simulate a recording of a kind, or one with planted assemblies."""
    if kind == "planted":
        return simulate(N_NEURONS, N_FRAMES, N_PLANTED, seed=seed).recording
    return simulate_without_assemblies(kind, N_NEURONS, N_FRAMES, seed=seed)


def measure(kind: str, seed: int) -> dict[str, object]:
    """Train on one recording and test its assemblies."""
    recording = recording_of(kind, seed)
    row: dict[str, object] = {"kind": kind, "seed": seed}
    try:
        model = CRBM(n_updates=N_UPDATES, random_state=seed, n_threads=1).fit(recording)
    except CRBMError as error:
        return row | {"units": 0, "certain": 0, "refused": type(error).__name__}
    started = time.process_time()
    evidence = assembly_evidence(model, recording)
    assert model.split_ is not None
    train, test = (recording.spikes.select_frames(model.split_[k]) for k in ("train", "test"))
    held_out = predictions(model, train, test)[1]
    return row | {
        "units": int(evidence.table["p"].notna().sum()),
        "certain": evidence.n_certain,
        "exclusion_um": evidence.exclusion_um,
        "gap_frames": evidence.gap_frames,
        "likelihood_gain": float((held_out.model - held_out.independent).mean()),
        "evidence_s": time.process_time() - started,
    }


def main() -> None:
    """Measure all kinds, or those asked for, and print a summary."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--kinds", default=",".join([*KINDS, "planted"]))
    parser.add_argument("--output", type=Path, default=OUTPUT)
    asked = parser.parse_args()
    rows = []
    for kind in asked.kinds.split(","):
        rows += [measure(kind, seed) for seed in range(asked.seeds)]
        of_kind = pd.DataFrame(rows[-asked.seeds :])
        certain = of_kind["certain"].to_numpy()
        print(
            f"{kind:15s} units {of_kind['units'].median():.0f}, certain median "
            f"{np.median(certain):.0f}, most {certain.max()}",
            flush=True,
        )
    asked.output.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(asked.output, index=False, float_format="%.5g")


if __name__ == "__main__":
    main()
