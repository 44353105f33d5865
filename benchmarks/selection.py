"""Does a sweep select as many hidden units as assemblies were planted?

python benchmarks/selection.py --folder sweeps

Five recordings of each generator with 6 to 15 planted assemblies, each swept over the same
numbers of hidden units; the selected model is trained again and compared with held-out frames.
Finished trainings in the folder are not repeated.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from napari_crbm.analysis import (
    Sweep,
    conclude_sweep,
    evaluate_held_out,
    fraction_recovered,
    recovery,
    run_sweep,
)
from napari_crbm.io import load_model
from napari_crbm.model import Settings
from napari_crbm.simulation import simulate

TRIED = (4, 6, 8, 10, 12, 15, 20)
PLANTED = (6, 8, 10, 12, 15)


def swept(generator: str, n_assemblies: int, folder: Path, n_updates: int) -> dict[str, object]:
    """Sweep one recording; report the selected configuration and the quality of its model."""
    simulation = simulate(600, 2000, n_assemblies, generator, seed=n_assemblies)
    recording = simulation.recording
    plan = Sweep(n_hidden=TRIED, settings=Settings(n_updates=n_updates))
    for progress in run_sweep(recording, plan, folder, n_workers=1, n_threads=1):
        table = progress.table
    selection = conclude_sweep(recording, plan, table, folder, n_threads=1)
    model = load_model(folder / "selected.model.h5")
    nrmse = evaluate_held_out(model, recording, n_samples=3000, n_chains=100).table["nrmse"]
    found = recovery(model.weights_, simulation.truth.membership)
    return {
        "generator": generator,
        "planted": n_assemblies,
        "selected": model.n_assemblies,
        "recovered": fraction_recovered(found),
        "back": float(selection.chosen["reproduced"]),
        **nrmse.round(2).to_dict(),
    }


def main() -> None:
    """Read the command line and sweep all recordings."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--updates", type=int, default=400)
    parser.add_argument("--generators", nargs="+", default=["noisy-or", "crbm"])
    parser.add_argument("--planted", nargs="+", type=int, default=PLANTED)
    arguments = parser.parse_args()
    rows = []
    for generator in arguments.generators:
        for planted in arguments.planted:
            folder = arguments.folder / f"{generator}-{planted}"
            rows.append(swept(generator, planted, folder, arguments.updates))
            print(pd.DataFrame(rows[-1:]).to_string(index=False, header=len(rows) == 1), flush=True)


if __name__ == "__main__":
    main()
