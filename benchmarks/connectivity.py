"""Time and memory of the region-to-region map at paper scale.

python benchmarks/connectivity.py                      # 44,055 neurons, 200 units, 72 regions
python benchmarks/connectivity.py --neurons 4000       # quick
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np

from napari_crbm.connectome import activity_map, region_map
from napari_crbm.regions import Regions
from napari_crbm.spikes import Spikes


def timed(what: str, work):
    start = time.perf_counter()
    result = work()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{what:<44}{time.perf_counter() - start:8.1f} s   peak {peak:,.0f} MB", flush=True)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--neurons", type=int, default=44_055)
    parser.add_argument("--units", type=int, default=200)
    parser.add_argument("--regions", type=int, default=72)
    parser.add_argument("--frames", type=int, default=5_500)
    parser.add_argument("--shuffles", type=int, default=200)
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    factors = rng.normal(0, 0.1, (args.neurons, args.units)).astype(np.float32)
    labels = rng.integers(0, args.regions, args.neurons)
    regions = Regions.from_labels(labels, [f"region {k}" for k in range(args.regions)])
    print(f"{args.neurons:,} neurons, {args.units} units, {args.regions} regions")
    for rule in ("mean_abs", "rms", "mean"):
        timed(f"couplings, {rule}", lambda rule=rule: region_map(factors, regions, rule=rule))
    timed(
        f"couplings, mean_abs, {args.shuffles} shuffles",
        lambda: region_map(factors, regions, n_shuffles=args.shuffles),
    )
    chunks = (rng.random((500, args.neurons)) < 0.03 for _ in range(args.frames // 500))
    spikes = Spikes.from_chunks(chunks, args.frames // 500 * 500, args.neurons)
    timed("covariances, mean_abs", lambda: activity_map(spikes, regions, "covariance"))


if __name__ == "__main__":
    main()
