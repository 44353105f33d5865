"""Default settings find what was planted and reproduce the statistics, whatever the seed.

Each generator has a test file of its own, so that two processes can share the minutes they take.
"""

import numpy as np

from napari_crbm.analysis import evaluate, fraction_recovered, model_recovery
from napari_crbm.model import Settings, Training
from napari_crbm.simulation import simulate

# Neurons, frames and assemblies.
SMALL, LARGE = (300, 1500, 6), (400, 1500, 6)


def check_recovery_and_statistics(
    generator: str, n_seeds: int, size: tuple[int, int, int], first_seed: int = 1
) -> None:
    """Train on one recording a seed; all must reproduce, and on average recover nine in ten.

    `benchmarks/study.csv` has more seeds and sizes.
    """
    recovered = []
    n_neurons, n_frames, n_assemblies = size
    for seed in range(first_seed, first_seed + n_seeds):
        simulation = simulate(
            n_neurons=n_neurons,
            n_frames=n_frames,
            n_assemblies=n_assemblies,
            generator=generator,
            seed=seed,
        )
        spikes = simulation.recording.spikes
        training = Training(spikes, Settings(random_state=seed))
        for _ in training:
            pass
        model = training.model()
        found = model_recovery(model, simulation.recording, simulation.truth.membership)
        recovered.append(fraction_recovered(found))
        train, test = (spikes.select_frames(model.split_[part]) for part in ("train", "test"))
        result = evaluate(model, train, test)
        nrmse = result.table["nrmse"]
        print(f"{generator} {seed}: {recovered[-1]:.2f} recovered, {nrmse.to_dict()}")
        assert nrmse["cov_vv"] < 0.1
        assert recovered[-1] > 0.7
    assert np.mean(recovered) >= 0.9
