"""Recovery of a region-level connectome that simulated animals share.

    python benchmarks/shared_connectome.py                 # 4 animals, a few minutes

Maps are correlated with the planted connectome, with each other, and with the planted
connectome after shuffling which neuron lies in which region.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from napari_crbm.connectome import (
    RegionMap,
    activity_map,
    compare_maps,
    coupling_factors,
    hidden_response,
    region_map,
    similarity,
)
from napari_crbm.model import CRBM
from napari_crbm.regions import Regions
from napari_crbm.simulation.animals import plant_connectome, simulate_animal


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--animals", type=int, default=4)
    parser.add_argument("--neurons", type=int, default=1500)
    parser.add_argument("--frames", type=int, default=3000)
    parser.add_argument("--regions", type=int, default=16)
    parser.add_argument("--assemblies", type=int, default=24)
    parser.add_argument("--updates", type=int, default=1500)
    parser.add_argument("--threads", type=int, default=None)
    args = parser.parse_args()
    planted = plant_connectome(args.regions, args.assemblies)
    counts = np.zeros(args.regions, dtype=np.int64)
    truth = RegionMap(planted.names, planted.matrix, counts, "planted", "matrix")
    maps = {}
    print(f"{'':<10}{'measure':<14}{'Spearman':>10}{'p':>8}{'Pearson':>10}{'neurons shuffled':>18}")
    for seed in range(1, args.animals + 1):
        start = time.perf_counter()
        recording = simulate_animal(planted, args.neurons, args.frames, seed)
        model = CRBM(
            args.assemblies + 6,
            n_updates=args.updates,
            n_threads=args.threads,
            random_state=seed,
        ).fit(recording.spikes)
        factors = coupling_factors(model.weights_, hidden_response(model, recording.spikes))
        rng = np.random.default_rng(seed)
        order = rng.permutation(recording.n_neurons)
        for measure in ("coupling", "covariance", "correlation"):
            both = []
            for regions in (recording.regions, recording.regions.select_neurons(order)):
                assert isinstance(regions, Regions)
                if measure == "coupling":
                    both.append(region_map(factors, regions))
                else:
                    both.append(activity_map(recording.spikes, regions, measure))
            found, shuffled = (compare_maps(each, truth) for each in both)
            if measure == "coupling":
                maps[recording.name] = both[0]
            print(
                f"animal {seed:<3}{measure:<14}{found.spearman:>10.2f}{found.spearman_p:>8.3f}"
                f"{found.pearson:>10.2f}{shuffled.spearman:>18.2f}",
                flush=True,
            )
        print(f"          {recording!r}".splitlines()[0], f"{time.perf_counter() - start:.0f} s")
    print(similarity(maps).to_string(float_format="{:.3f}".format))


if __name__ == "__main__":
    main()
