"""Enrichment of a group of neurons, against scipy's exact test and planted truth."""

import numpy as np
import pytest
from scipy.stats import fisher_exact, hypergeom

from napari_crbm.connectome import enriched_assemblies, enriched_regions, enrichment
from napari_crbm.errors import ModelError
from napari_crbm.regions import Regions
from tests.conftest import random_model


@pytest.mark.parametrize("limited", [False, True])
def test_p_values_are_those_of_fishers_exact_test(limited):
    rng = np.random.default_rng(3)
    sets = rng.random((60, 7)) < 0.3
    sets[:, 0] = False
    group = rng.choice(60, 15, replace=False)
    population = np.arange(10, 60) if limited else None
    pool = np.arange(60) if population is None else population
    table = enrichment(sets, group, population)
    assert 0 not in table.index
    inside = np.isin(pool, group)
    for column, row in table.iterrows():
        member = sets[pool, column]
        counts = [
            [(inside & member).sum(), (inside & ~member).sum()],
            [(~inside & member).sum(), (~inside & ~member).sum()],
        ]
        assert row["found"] == counts[0][0]
        assert row["p_value"] == pytest.approx(fisher_exact(counts, "greater").pvalue, rel=1e-9)
        expected = inside.sum() * member.sum() / len(pool)
        assert row["enrichment"] == pytest.approx(row["found"] / expected)
    # Benjamini-Hochberg over all seven sets, also the one without a neuron of the group.
    p = np.array([table["p_value"].get(k, 1.0) for k in range(7)])
    rank = np.argsort(np.argsort(p)) + 1
    by_hand = [min((p[p >= p[k]] * 7 / rank[p >= p[k]]).min(), 1.0) for k in table.index]
    np.testing.assert_allclose(table["q_value"], by_hand)
    assert table["p_value"].is_monotonic_increasing


def test_random_groups_are_rarely_called_enriched():
    rng = np.random.default_rng(0)
    sets = rng.random((400, 30)) < 0.1
    false = [
        (enrichment(sets, rng.choice(400, 40, replace=False))["q_value"] < 0.05).any()
        for _ in range(200)
    ]
    # A discrete test is conservative, so at most about one group in twenty.
    assert np.mean(false) < 0.09


def test_a_planted_assembly_and_region_come_first():
    model = random_model(200, 6)
    model.weights_[:] *= 0.01
    model.weights_[20:50, 4] = 1.0
    label = np.full(200, 1)
    label[15:60] = 0
    regions = Regions.from_labels(label, ["inside", "outside"])
    group = np.arange(25, 45)
    found = enriched_assemblies(model, group)
    assert found.index[0] == 4 and found.index.name == "assembly"
    first = found.iloc[0]
    assert (first["found"], first["size"]) == (20, 30)
    assert first["p_value"] == pytest.approx(hypergeom.sf(19, 200, 30, 20))
    assert first["weight"] == pytest.approx(1.0)
    where = enriched_regions(regions, group)
    assert list(where.index) == ["inside"] and where["q_value"].iloc[0] < 1e-9


def test_neurons_that_do_not_exist_are_named():
    with pytest.raises(ModelError, match="no neuron 9"):
        enrichment(np.ones((5, 2), bool), [0, 9])
