"""Enrichment against enumeration, tables against loops, carriers against single units."""

from itertools import combinations

import numpy as np
import pytest

from napari_crbm.analysis import membership
from napari_crbm.connectome import (
    assembly_region_matrix,
    carriers,
    composition_table,
    enrichment_p,
    false_discovery_rate,
    region_map,
)
from napari_crbm.regions import Regions
from tests.conftest import random_model


def test_enrichment_is_the_share_of_all_possible_assemblies():
    n, region, size = 9, {0, 1, 2, 3}, 3
    overlap = [len(region & set(chosen)) for chosen in combinations(range(n), size)]
    for count in range(4):
        expected = np.mean([value >= count for value in overlap])
        found = enrichment_p(np.array([[count]]), np.array([size]), np.array([4]), n)
        assert found[0, 0] == pytest.approx(expected)


def test_composition_counts_members():
    model = random_model(50, 4, seed=1)
    regions = Regions.from_labels(np.arange(50) % 3 - 1, ("A", "B"))
    table = composition_table(model, regions)
    inside = membership(model)
    for row in table.itertuples():
        members = set(np.flatnonzero(inside[:, row.assembly]))
        both = members & set(regions.members(row.region))
        assert row.members == len(both) and row.fraction == len(both) / len(members)
        expected = len(members) * len(regions.members(row.region)) / 50
        assert row.enrichment == pytest.approx(len(both) / expected)
        assert row.q_value >= row.p_value
    matrix = assembly_region_matrix(model, regions)
    first = table.iloc[0]
    assert matrix.loc[first["assembly"], first["region"]] == first["fraction"]


def test_planted_regions_are_enriched():
    model = random_model(200, 3, seed=1)
    model.weights_[:] = 0
    model.weights_[:30, 0] = 1
    model.weights_[::7, 1] = 1
    model.weights_[5:9, 2] = 1
    regions = Regions.from_labels(np.arange(200) // 40, tuple("ABCDE"))
    table = composition_table(model, regions)
    significant = table[table["q_value"] < 0.05]
    assert list(zip(significant["assembly"], significant["region"], strict=True)) == [
        (0, "A"),
        (2, "A"),
    ]


def test_q_values_are_benjamini_and_hochbergs():
    p = np.array([0.01, np.nan, 0.04, 0.03, 0.5])
    # p_(k) n / k from the largest down, running minimum.
    expected = [0.04, np.nan, 0.04 * 4 / 3, 0.04 * 4 / 3, 0.5]
    np.testing.assert_allclose(false_discovery_rate(p), expected)


def test_carriers_are_maps_of_single_units():
    rng = np.random.default_rng(0)
    factors = (rng.normal(0, 1, (40, 3)) * (rng.random((40, 3)) < 0.6)).astype(np.float32)
    regions = Regions.from_labels(np.arange(40) // 20, ("A", "B"))
    for first, second in (("A", "B"), ("A", "A")):
        found = carriers(factors, regions, first, second).set_index("assembly")["part"]
        for unit in range(3):
            alone = region_map(factors[:, [unit]], regions).frame()
            assert found[unit] == pytest.approx(alone.loc[first, second], rel=1e-5)
        whole = region_map(factors, regions).frame().loc[first, second]
        assert found.sum() >= whole
