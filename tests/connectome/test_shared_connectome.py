"""Simulated animals with a common connectome: couplings of trained models find it again."""

import numpy as np
import pytest

from napari_crbm.connectome import (
    RegionMap,
    compare_maps,
    coupling_factors,
    hidden_response,
    region_map,
    similarity,
)
from napari_crbm.model import CRBM
from napari_crbm.simulation.animals import plant_connectome, simulate_animal


@pytest.fixture(scope="module")
def planted():
    return plant_connectome(10, 8, seed=3)


@pytest.fixture(scope="module")
def animals(planted):
    """Recording and coupling factors of two animals."""
    found = []
    for seed in (1, 2):
        recording = simulate_animal(planted, 400, 1500, seed)
        model = CRBM(10, n_updates=400, n_chains=50, n_threads=1).fit(recording.spikes)
        response = hidden_response(model, recording.spikes)
        found.append((recording, coupling_factors(model.weights_, response)))
    return found


def test_animals_share_regions_but_no_neurons(planted, animals):
    (first, _), (second, _) = animals
    assert first.regions.names == planted.names == second.regions.names
    assert first.n_neurons == 400 and not np.array_equal(first.coordinates, second.coordinates)
    assert 0.02 < first.spikes.rate < 0.12


def test_maps_agree_with_the_connectome_and_with_each_other_not_with_shuffles(planted, animals):
    zeros = np.zeros(len(planted.names), dtype=np.int64)
    truth = RegionMap(planted.names, planted.matrix, zeros)
    maps = {recording.name: region_map(x, recording.regions) for recording, x in animals}
    for each in maps.values():
        found = compare_maps(each, truth, n_permutations=200)
        assert found.spearman > 0.5 and found.spearman_p < 0.02
    between = similarity(maps, n_permutations=200).iloc[0]
    assert between["spearman"] > 0.5 and between["pearson"] > 0.5
    assert between["spearman_p"] < 0.02
    rng = np.random.default_rng(0)
    shuffled = []
    for recording, x in animals:
        for _ in range(10):
            order = rng.permutation(recording.n_neurons)
            map_of_nothing = region_map(x, recording.regions.select_neurons(order))
            shuffled.append(compare_maps(map_of_nothing, truth, n_permutations=1).spearman)
    assert abs(np.mean(shuffled)) < 0.25
