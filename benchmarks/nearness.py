"""Agreement of region maps that comes from nearness alone, and how often it is called more.

    python benchmarks/nearness.py                 # about 10 minutes on one core
    python benchmarks/nearness.py --sets 4 --trained-sets 0

Sets of three animals, with compact assemblies in the parametric fish brain, half of them
bilateral. They lie at places of their own in each animal ("nearness alone"), or at the same places
up to 10 um ("shared", half as many sets). Maps follow from the planted members ("planted"), or from
models that were trained on simulated recordings ("trained"). Compared are the animals of a set with
each other, and their mean with a structural matrix that falls off with distance, or that connects
the regions which the shared assemblies join. Rows go to ``benchmarks/results/nearness_rows.csv``,
their summary to ``nearness.csv`` beside it.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_crbm import CRBM
from napari_crbm.anatomy import larval_fish
from napari_crbm.connectome import (
    Animal,
    RegionMap,
    Study,
    compare_animals,
    coupling_factors,
    hidden_response,
    region_centroids,
    region_map,
    relocated_maps,
)
from napari_crbm.recording import Recording
from napari_crbm.spikes import Spikes

RESULTS = Path(__file__).parent / "results"
N_ANIMALS, N_NEURONS, N_ASSEMBLIES, RADIUS_UM, JITTER_UM = 3, 700, 15, 60.0, 10.0
N_FRAMES, N_UPDATES = 1500, 300
# Relocations; the commands make 99.
N_DRAWS = 39
# Activity: share of time an assembly is on, frames it lasts, firing of members and of others.
DUTY, LASTS, FIRES, BACKGROUND = 0.06, 5.0, 0.4, 0.02
# Distance over which the structural matrix of distances falls by exp(-1), and noise of its
# logarithm, of which each value has twice the variance.
FALL_UM, NOISE = 150.0, 0.4


def places(seed: int) -> NDArray[np.float64]:
    """Draw the centres of the assemblies of an animal, (K, 3)."""
    return larval_fish().sample(N_ASSEMBLIES, np.random.default_rng([seed, 1]))[0].astype(float)


def animal(seed: int, centres: NDArray[np.float64], trained: bool) -> tuple[str, RegionMap]:
    """Return the name and the map of an animal with compact assemblies at given places."""
    fish, rng = larval_fish(), np.random.default_rng([seed, 0])
    coordinates, regions = fish.sample(N_NEURONS, rng)
    members = np.zeros((N_NEURONS, N_ASSEMBLIES), dtype=np.float32)
    for unit, centre in enumerate(centres + rng.normal(0, JITTER_UM, centres.shape)):
        mirrored = centre * (1, 1, -1) + (0, 0, 2 * fish.midline_um)
        for place in (centre, mirrored)[: 1 + unit % 2]:
            inside = np.linalg.norm(coordinates - place, axis=1) < RADIUS_UM
            members[inside, unit] = rng.uniform(0.3, 1, inside.sum())
    spikes = _activity(members > 0, rng)
    recording = Recording(
        coordinates=coordinates,
        spikes=spikes,
        times=np.arange(N_FRAMES) / 4.0,
        name=f"animal {seed}",
        regions=regions,
    )
    factors = members
    if trained:
        model = CRBM(n_updates=N_UPDATES, n_threads=1, random_state=seed).fit(recording)
        factors = coupling_factors(model.weights_, hidden_response(model, spikes))
    found = region_map(factors, regions)
    options = {"n_draws": N_DRAWS, "seed": seed}
    return recording.name, replace(
        found,
        centres_um=region_centroids(coordinates, regions, found.names),
        relocated=relocated_maps(recording, regions, factors, found.names, **options),
    )


def _activity(members: NDArray[np.bool_], rng: np.random.Generator) -> Spikes:
    """Draw assemblies that switch on and off, and members that follow them (noisy OR)."""
    off = 1 / LASTS
    state = rng.random(N_ASSEMBLIES) < DUTY
    silent = np.empty((N_FRAMES, N_NEURONS))
    for frame in range(N_FRAMES):
        chance = rng.random(N_ASSEMBLIES)
        state = np.where(state, chance >= off, chance < off * DUTY / (1 - DUTY))
        silent[frame] = (1 - BACKGROUND) * (1 - FIRES) ** (members @ state)
    return Spikes.from_dense(rng.random(silent.shape) >= silent)


def structural(mean: RegionMap, centres: NDArray[np.float64] | None, seed: int) -> RegionMap:
    """Return a matrix of distances alone, or of the regions that assemblies at places join."""
    if centres is None:
        assert mean.centres_um is not None
        apart = np.linalg.norm(mean.centres_um[:, None] - mean.centres_um[None], axis=-1)
        noise = np.random.default_rng([seed, 2]).normal(0, NOISE, apart.shape)
        values = np.exp(-apart / FALL_UM + noise + noise.T)
    else:
        # Of many neurons, so that it does not share the sample of an animal.
        fish = larval_fish()
        coordinates, regions = fish.sample(6000, np.random.default_rng([7, 7]))
        members = np.zeros((len(coordinates), N_ASSEMBLIES), dtype=np.float32)
        for unit, centre in enumerate(centres):
            mirrored = centre * (1, 1, -1) + (0, 0, 2 * fish.midline_um)
            for place in (centre, mirrored)[: 1 + unit % 2]:
                members[np.linalg.norm(coordinates - place, axis=1) < RADIUS_UM, unit] = 1
        full = region_map(members, regions)
        some = full.among(mean.names)
        return replace(some, measure="structural", rule="matrix")
    return RegionMap(mean.names, values, np.zeros(len(values), np.int64), "structural", "matrix")


def measure(number: int, shared: bool, trained: bool) -> dict[str, object]:
    """Compare the animals of one set with each other and with both structural matrices."""
    common = places(1000 + number)
    animals = {}
    for k in range(N_ANIMALS):
        seed = 10 * number + k
        name, found = animal(seed, common if shared else places(seed), trained)
        animals[name] = Animal(name, N_FRAMES, name, {"model": found})
    study = compare_animals(animals, n_permutations=1)
    matrix = structural(study.mean, common if shared else None, number)
    against: Study = compare_animals(animals, matrix, n_permutations=1)
    assert study.shared is not None and against.agreement is not None
    row: dict[str, object] = {
        "maps": "trained" if trained else "planted",
        "assemblies": "shared" if shared else "nearness alone",
        "set": number,
        "spearman": study.shared.spearman,
        "relocated": study.shared.relocated,
        "given nearness": study.shared.given_nearness,
        "p": study.shared.p,
        "pairs beyond": float((study.similarity["given_nearness_p"] <= 0.05).mean()),
        "pairs beyond, plain": float((study.similarity["spearman_p"] <= 0.05).mean()),
    }
    agreement = against.agreement
    return row | {
        "structural spearman": agreement.spearman,
        "structural relocated": agreement.relocated,
        "structural given nearness": agreement.given_nearness,
        "structural p": agreement.given_nearness_p,
        "structural p, plain": agreement.spearman_p,
    }


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Return how often agreement is called beyond nearness, by kind of maps and animals."""
    out = []
    for (maps, assemblies), part in rows.groupby(["maps", "assemblies"], sort=False):
        out.append(
            {
                "maps": maps,
                "animals share": "assemblies" if assemblies == "shared" else assemblies,
                "sets": len(part),
                "similarity (relocated)": _means(part, ""),
                "sets beyond nearness": _share(part["p"] <= 0.05),
                "pairs beyond nearness": f"{100 * part['pairs beyond'].mean():.0f} %",
                "structural (relocated)": _means(part, "structural "),
                "structural beyond nearness": _share(part["structural p"] <= 0.05),
            }
        )
    return pd.DataFrame(out)


def _means(part: pd.DataFrame, prefix: str) -> str:
    return f"{part[f'{prefix}spearman'].mean():.2f} ({part[f'{prefix}relocated'].mean():.2f})"


def _share(found: pd.Series) -> str:
    return f"{int(found.sum())} of {len(found)}"


def main() -> None:
    """Measure all kinds of sets and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sets", type=int, default=20)
    parser.add_argument("--trained-sets", type=int, default=20)
    asked = parser.parse_args()
    rows = []
    for shared, trained in product((False, True), (True, False)):
        n_sets = asked.trained_sets if trained else asked.sets
        for number in range(n_sets // 2 if shared else n_sets):
            rows.append(measure(number, shared, trained))
            print(rows[-1], flush=True)
    table = pd.DataFrame(rows)
    RESULTS.mkdir(parents=True, exist_ok=True)
    table.to_csv(RESULTS / "nearness_rows.csv", index=False, float_format="%.4g")
    found = summary(table)
    found.to_csv(RESULTS / "nearness.csv", index=False)
    print(found.to_string(index=False))


if __name__ == "__main__":
    main()
