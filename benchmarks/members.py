"""Members and recovery of planted assemblies, beside varimax and ICA on the same frames.

python benchmarks/members.py --folder models
python benchmarks/members.py --folder models --only 500

Default trainings of simulated recordings (4,000 frames) of both generators. One row for each
recording and method: AUROC and best F1 (over all thresholds) of the ranking, F1 and share of false
members (FDP) of the members that the method names, means over planted assemblies. Neurons are
ranked, and named, by association with the activity, by |weight|, or by |loading|; by weight and
loading, members exceed a fifth of the largest. Finished trainings in the folder are not repeated.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_crbm import CRBM
from napari_crbm.analysis import recovery
from napari_crbm.analysis.methods.comparison import _FIT, METHODS, _Data
from napari_crbm.io import load_model, save_model
from napari_crbm.model import Members
from napari_crbm.simulation import simulate

#: Neurons, planted assemblies and seeds.
RECORDINGS = ((500, 8, (0, 1)), (2000, 20, (0, 1)), (3000, 30, (0,)))
OTHERS = ("PCA varimax", "ICA")
assert set(OTHERS) <= set(METHODS)


def best_f1(score: NDArray[np.floating], truth: NDArray[np.bool_]) -> float:
    """Return the F1 of the best threshold on the scores of one assembly."""
    found = np.cumsum(truth[np.argsort(-np.abs(score), kind="stable")])
    return float((2 * found / (np.arange(1, len(score) + 1) + truth.sum())).max())


def row(
    scores: NDArray[np.floating], members: NDArray[np.bool_], truth: NDArray[np.bool_]
) -> dict[str, Any]:
    """Summarise the recovery of all planted assemblies."""
    table = recovery(scores, truth, members=members)
    matched = table[table["assembly"] >= 0]
    best = [best_f1(scores[:, m], truth[:, k]) for k, m in matched["assembly"].items()]
    return {
        "recovered": float((table["auroc"] > 0.95).mean()),
        "auroc": float(table["auroc"].mean()),
        "best_f1": float(np.sum(best) / len(table)),
        "f1": float(table["f1"].fillna(0).mean()),
        "fdp": float((1 - table["precision"]).mean()),
        "components": scores.shape[1],
    }


def trained(neurons: int, assemblies: int, generator: str, seed: int, folder: Path) -> Any:
    """Return a simulation and a model trained on it with default settings."""
    simulation = simulate(neurons, 4000, assemblies, generator, seed=seed)
    path = folder / f"{generator}-{neurons}-{seed}.model.h5"
    if not path.exists():
        model = CRBM(n_threads=1, random_state=seed).fit(simulation.recording)
        save_model(model, path, simulation.recording)
    return simulation, load_model(path)


def compared(simulation: Any, model: CRBM) -> pd.DataFrame:
    """Return one row for each way to find members."""
    spikes, truth = simulation.recording.spikes, simulation.truth.membership
    found = model.association(spikes)
    rows = {
        "association": row(found.correlation, found.members, truth),
        "weight": row(model.weights_, Members.by_weight(model.weights_).inside, truth),
    }
    assert model.split_ is not None
    data = _Data(spikes.select_frames(np.sort(model.split_["train"])), model.n_assemblies, 0)
    for name in OTHERS:
        loadings = _FIT[name](data).loadings
        rows[name.removeprefix("PCA ")] = row(loadings, Members.by_weight(loadings).inside, truth)
    return pd.DataFrame(rows).T.rename_axis("members by").reset_index()


def main() -> None:
    """Read the command line and compare on all recordings."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--folder", type=Path, required=True, help="trained models")
    parser.add_argument("--only", type=int, help="recordings of this many neurons alone")
    parser.add_argument("--table", type=Path, metavar="CSV", help="write the results here")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    tables = []
    for neurons, assemblies, seeds in RECORDINGS:
        for generator in ("noisy-or", "crbm"):
            for seed in seeds:
                if arguments.only not in (None, neurons):
                    continue
                case = {"neurons": neurons, "generator": generator, "seed": seed}
                table = compared(*trained(neurons, assemblies, generator, seed, arguments.folder))
                tables.append(table.assign(**case)[[*case, *table.columns]])
                print(tables[-1].to_string(index=False, float_format="%.3f"), flush=True)
    if arguments.table is not None:
        pd.concat(tables).to_csv(arguments.table, index=False, float_format="%.4g")


if __name__ == "__main__":
    main()
