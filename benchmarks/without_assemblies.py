"""False assemblies: how many are called certain in recordings that hold none.

    python benchmarks/without_assemblies.py --seeds 20      # about 30 minutes on one core
    python benchmarks/without_assemblies.py --table         # the table of the documents alone

Each recording has one disturbance that real recordings have (see
`napari_crbm.simulation.simulate_without_assemblies`). Planted assemblies are there to show what
is kept. Beside our model stand the components that PCA, ICA and NMF keep in the same recordings
(`other_methods.py`). Rows go to ``benchmarks/results/without_assemblies_rows.csv``, their summary
to ``without_assemblies.csv`` and ``without_assemblies_methods.csv`` beside it.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from other_methods import kept_components

from napari_crbm import CRBM, simulate
from napari_crbm.analysis import evaluate_held_out
from napari_crbm.analysis.matching.recovery import RECOVERED_AUROC, recovery
from napari_crbm.errors import TrainingCollapsed
from napari_crbm.recording import Recording
from napari_crbm.simulation import simulate_without_assemblies
from napari_crbm.simulation.without_assemblies import KINDS

RESULTS = Path(__file__).parent / "results"
ROWS = RESULTS / "without_assemblies_rows.csv"
N_NEURONS, N_FRAMES, N_PLANTED, N_UPDATES = 300, 1500, 8, 300
PLANTED = "planted"
LABELS = {
    "independent": "independent neurons",
    "autocorrelated": "activity that lasts",
    "gain": "common gain",
    "drift": "drift",
    "crosstalk": "optical crosstalk",
    "motion": "motion",
    PLANTED: f"{N_PLANTED} planted assemblies",
}


def measure(kind: str, seed: int) -> dict[str, object]:
    """Train on one recording, evaluate the model, and ask other methods."""
    recording, truth = _recording_of(kind, seed)
    row: dict[str, object] = {"kind": kind, "seed": seed}
    started = time.process_time()
    try:
        model = CRBM(n_updates=N_UPDATES, random_state=seed, n_threads=1).fit(recording)
    except TrainingCollapsed:
        row |= {"units": 0, "certain": 0, "outcome": "training ends without weights"}
    else:
        found = evaluate_held_out(model, recording, n_samples=500, n_chains=50)
        certain = found.evidence.table["certain"].to_numpy()
        row |= {
            "units": int(found.evidence.table["p"].notna().sum()),
            "certain": int(certain.sum()),
            "outcome": str(found.judgement.outcome),
        }
        if truth is not None:
            row |= _recovered(model, recording, truth, certain)
    row["seconds"] = time.process_time() - started
    return row | kept_components(recording.spikes, seed)


def _recording_of(kind: str, seed: int) -> tuple[Recording, NDArray[np.bool_] | None]:
    if kind == PLANTED:
        made = simulate(N_NEURONS, N_FRAMES, N_PLANTED, seed=seed)
        return made.recording, made.truth.membership
    return simulate_without_assemblies(kind, N_NEURONS, N_FRAMES, seed=seed), None


def _recovered(
    model: CRBM, recording: Recording, truth: NDArray[np.bool_], certain: NDArray[np.bool_]
) -> dict[str, int]:
    """Count planted assemblies that units recover, and those of which the unit is certain."""
    found = model.association(recording.spikes)
    table = recovery(found.correlation, truth, members=found.members)
    table = table[table["auroc"] > RECOVERED_AUROC]
    kept = certain[table["assembly"].to_numpy()]
    return {"recovered": len(table), "kept": int(kept.sum())}


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Return what the program says of each kind."""
    out = []
    for kind, part in _by_kind(rows):
        certain = part["certain"]
        outcomes = part["outcome"].value_counts()
        # Every certain assembly of a recording without assemblies is false.
        false = "-" if kind == PLANTED else f"{100 * (certain > 0).mean():.0f} %"
        out.append(
            {
                "recording": LABELS[kind],
                "recordings": len(part),
                "units with members, median (largest)": _spread(part["units"]),
                "certain, median (largest)": _spread(certain),
                "recordings with a false claim": false,
                "verdict (recordings)": "; ".join(f"{k} ({n})" for k, n in outcomes.items()),
            }
        )
    return pd.DataFrame(out)


def of_methods(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the components that other methods keep in each kind."""
    out = []
    for kind, part in _by_kind(rows):
        members = part["ICA members"].median()
        out.append(
            {
                "recording": LABELS[kind],
                "cRBM, certain": _spread(part["certain"]),
                "PCA, Marchenko-Pastur": _spread(part["PCA"]),
                "PCA, shifted": _spread(part["PCA, shifted"]),
                "ICA": _spread(part["ICA"]),
                "neurons of an independent component": "-"
                if np.isnan(members)
                else f"{members:.0f}",
                "NMF": _spread(part["NMF"]),
            }
        )
    return pd.DataFrame(out)


def _by_kind(rows: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    return [(kind, rows[rows["kind"] == kind]) for kind in LABELS if (rows["kind"] == kind).any()]


def _spread(values: pd.Series) -> str:
    return f"{values.median():g} ({values.max():g})"


def write_tables(rows: pd.DataFrame) -> None:
    """Write both summaries, and print them."""
    for name, table in (
        ("without_assemblies", summary(rows)),
        ("without_assemblies_methods", of_methods(rows)),
    ):
        table.to_csv(RESULTS / f"{name}.csv", index=False)
        print(table.to_string(index=False))
    planted = rows[rows["kind"] == PLANTED]
    if len(planted):
        kept, recovered = planted["kept"].sum(), planted["recovered"].sum()
        print(f"planted: {recovered:.0f} recovered, of {kept:.0f} of them the unit is certain")


def main() -> None:
    """Measure all kinds, or those asked for, and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--kinds", default=",".join([PLANTED, *KINDS]))
    parser.add_argument("--table", action="store_true", help="of the rows measured earlier")
    asked = parser.parse_args()
    if not asked.table:
        rows = []
        for kind in asked.kinds.split(","):
            for seed in range(asked.seeds):
                rows.append(measure(kind, seed))
                print(rows[-1], flush=True)
            RESULTS.mkdir(parents=True, exist_ok=True)
            table = pd.DataFrame(rows)
            if ROWS.exists():
                before = pd.read_csv(ROWS)
                table = pd.concat([before[~before["kind"].isin(table["kind"])], table])
            table.to_csv(ROWS, index=False, float_format="%.5g")
    write_tables(pd.read_csv(ROWS))


if __name__ == "__main__":
    main()
