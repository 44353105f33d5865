import numpy as np
import pytest

from napari_crbm.analysis import (
    population_count,
    random_triplets,
    triplet_moments,
)
from napari_crbm.spikes import Spikes


def test_triplet_moments_equal_their_definition():
    rng = np.random.default_rng(0)
    shared = rng.random((900, 1)) < 0.3
    raster = (rng.random((900, 20)) < 0.2) | (shared & (rng.random((900, 20)) < 0.5))
    triplets = random_triplets(np.ones((20, 1), bool), 300)
    centred = raster - raster.mean(0)
    expected = [np.mean(centred[:, i] * centred[:, j] * centred[:, k]) for i, j, k in triplets]
    got = triplet_moments(Spikes.from_dense(raster), triplets)
    np.testing.assert_allclose(got, expected, atol=1e-14)


def test_triplets_are_of_different_neurons_and_half_from_assemblies():
    membership = np.zeros((1000, 2), bool)
    membership[:10, 0] = membership[10:12, 1] = True  # two neurons are no triplet
    triplets = random_triplets(membership, 4000, random_state=1)
    assert (np.diff(triplets, axis=1) > 0).all() and triplets.max() < 1000
    inside = (triplets < 10).all(axis=1)
    assert 0.35 < inside.mean() < 0.5  # less than half: repeated neurons are left out
    assert len(random_triplets(np.zeros((1000, 1), bool), 100)) > 40


def test_population_counts_of_independent_neurons_are_at_chance():
    rng = np.random.default_rng(0)
    shared = np.repeat(rng.random((600, 1)) < 0.3, 5, axis=0)
    raster = rng.random((3000, 200)) < np.where(shared, 0.2, 0.02)
    train, test = (Spikes.from_dense(half) for half in (raster[:1500], raster[1500:]))
    rate = test.mean_activity
    independent = Spikes.from_dense(rng.random((3000, 200)) < rate)
    assert population_count(independent, train, test).nrmse == pytest.approx(1.0, abs=0.05)
    assert population_count(train, train, test).nrmse == 0.0
    found = population_count(test, train, test)
    assert found.model == 0.0 and found.nrmse < 0
    counts = test.frame_counts
    for k, (low, high) in enumerate(zip(found.edges, found.edges[1:], strict=False)):
        assert found.shares["held-out"][k] == np.mean((counts > low) & (counts < high))
    for name, share in found.shares.items():
        assert share.sum() == pytest.approx(1), name
