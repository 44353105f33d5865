import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from napari_crbm.analysis import (
    active_threshold,
    assemblies_of_neuron,
    assembly_table,
    export_tables,
    member_table,
    members_of,
    midline_x,
    region_occupancy,
    sort_by_similarity,
)
from napari_crbm.errors import ModelError
from napari_crbm.model import CRBM, DReLU, Members
from napari_crbm.recording import Recording
from napari_crbm.regions import Regions
from napari_crbm.spikes import Spikes


def gaussian_units(m):
    return DReLU(np.ones(m), np.ones(m), np.zeros(m), np.zeros(m))


@pytest.fixture
def recording():
    """Twenty neurons on a line, ten a side of x = 0; left ones in A, right ones in B."""
    x = np.concatenate([-np.arange(1, 11), np.arange(1, 11)]) * 10.0
    coordinates = np.stack([np.zeros(20), np.zeros(20), x], axis=1)
    spikes = Spikes.from_dense(np.random.default_rng(0).random((40, 20)) < 0.3)
    regions = Regions.from_labels((x > 0).astype(int), ("A", "B"))
    return Recording(coordinates, spikes, np.arange(40) / 4.0, regions=regions)


@pytest.fixture
def model():
    weights = np.zeros((20, 3), dtype=np.float32)
    weights[:4, 0] = [1.0, 1.0, -1.0, 1.0]  # left only
    weights[4, 0] = 0.1  # below the fraction
    weights[[0, 10], 1] = [0.5, 1.5]  # both sides, right heavier
    return CRBM.from_parameters(weights, np.full(20, -1.0), gaussian_units(3))


def test_table_of_hand_made_assemblies(model, recording):
    table = assembly_table(model, recording)
    assert list(table.index) == [0, 1, 2] and table.index.name == "assembly"
    left, both, empty = (table.loc[k] for k in range(3))
    assert left["size"] == 4
    assert left["fraction_positive"] == 0.75
    assert left["laterality"] == -1.0
    assert (left["region"], left["region_fraction"], left["n_regions"]) == ("A", 1.0, 1.0)
    assert left["x_um"] == pytest.approx(-25.0)
    assert left["compactness_um"] == pytest.approx(10.0)  # distances 15, 5, 5, 15
    assert both["laterality"] == pytest.approx((1.5 - 0.5) / 2)
    assert both["x_um"] == pytest.approx((-10 * 0.5 + 10 * 1.5) / 2)
    assert (both["region"], both["region_fraction"]) == ("A", 0.5)
    assert both["regions"] == "A 50 %; B 50 %"
    assert "enriched_region" not in table
    assert both["mean_abs_weight"] == pytest.approx(1.0)
    assert both["max_abs_weight"] == pytest.approx(1.5)
    assert empty["size"] == 0 and empty["region"] == "" and np.isnan(empty["laterality"])
    assert empty["mean_activity"] == 0.0


def test_table_of_chosen_assemblies_has_the_same_rows(model, recording):
    pd.testing.assert_frame_equal(
        assembly_table(model, recording, assemblies=[1]), assembly_table(model, recording).loc[[1]]
    )
    with pytest.raises(ModelError, match="no assembly 3"):
        assembly_table(model, recording, assemblies=[3])


def test_table_refuses_another_recording(model, recording):
    with pytest.raises(ModelError, match="20 neurons"):
        assembly_table(model, recording.select_neurons(np.arange(5), "test"))


def test_table_without_regions(model, recording):
    bare = Recording(recording.coordinates, recording.spikes, recording.times)
    table = assembly_table(model, bare)
    assert (table["region"] == "").all() and table["region_fraction"].isna().all()


def test_the_table_follows_the_members_that_the_model_carries(model, recording):
    assert (assembly_table(model, recording)["members_by"] == "weight").all()
    assert member_table(model, recording)["association"].isna().all()
    strength = np.zeros((20, 3), dtype=np.float32)
    strength[[4, 12], 0] = [-0.2, 0.4]
    members = Members(sparse.csc_array(strength), "association")
    known = CRBM.from_parameters(model.weights_, model.fields_, model.hidden_, members=members)
    table = assembly_table(known, recording)
    assert table["size"].tolist() == [2, 0, 0] and (table["members_by"] == "association").all()
    assert table.loc[0, "fraction_positive"] == 0.5, "by the sign of the association"
    pairs = member_table(known, recording)
    assert pairs["neuron"].tolist() == [12, 4], "the strongest association first"
    np.testing.assert_allclose(pairs["association"], [0.4, -0.2])
    np.testing.assert_allclose(pairs["weight"], [0.0, 0.1])
    assert assemblies_of_neuron(known, 12)["is_member"].tolist() == [True], "without a weight"
    assert assemblies_of_neuron(known, 0)["is_member"].tolist() == [False, False]


def test_member_table_is_sorted_and_complete(model, recording):
    table = member_table(model, recording)
    assert table["assembly"].tolist() == [0, 0, 0, 0, 1, 1]
    assert table["neuron"].tolist() == [0, 1, 2, 3, 10, 0]
    assert table["regions"].tolist() == ["A"] * 4 + ["B", "A"]
    assert table["x_um"].tolist()[-2:] == [10.0, -10.0]
    assert member_table(model, recording, [1])["assembly"].unique().tolist() == [1]


def test_overlapping_regions_are_joined(model, recording):
    names = ("A", "whole brain")
    dense = np.stack([recording.coordinates[:, 2] < 0, np.ones(20, bool)], axis=1)
    both = Recording(
        recording.coordinates,
        recording.spikes,
        recording.times,
        regions=Regions.from_dense(dense, names),
    )
    assert member_table(model, both)["regions"][0] == "A; whole brain"


def test_assemblies_of_neuron_are_ranked(model):
    table = assemblies_of_neuron(model, 0)
    assert table["assembly"].tolist() == [0, 1]
    assert table["is_member"].tolist() == [True, True]
    assert assemblies_of_neuron(model, 4)["is_member"].tolist() == [False]
    assert assemblies_of_neuron(model, 19).empty
    with pytest.raises(ModelError, match="no neuron 20"):
        assemblies_of_neuron(model, 20)


def test_members_known_already_say_the_same(model):
    known = members_of(model)
    for neuron in range(model.n_neurons):
        pd.testing.assert_frame_equal(
            assemblies_of_neuron(model, neuron, known), assemblies_of_neuron(model, neuron)
        )


def test_midline_does_not_follow_uneven_sampling():
    rng = np.random.default_rng(1)
    n = 4000
    side = np.where(rng.random(n) < 0.75, -1, 1)
    x = 300 + side * np.abs(rng.normal(80, 25, n))
    coordinates = np.stack([rng.random(n) * 100, rng.random(n) * 600, x], axis=1)
    assert abs(np.median(x) - 300) > 40
    assert midline_x(coordinates) == pytest.approx(300, abs=4)


def test_occupancy_is_corrected_for_region_size():
    weights = np.ones((30, 1))
    weights[20:] = 0
    regions = Regions.from_labels(np.repeat([0, 1, 2], [5, 23, 2]), ("small", "large", "tiny"))
    share = region_occupancy(weights, regions)[:, 0]
    assert share.sum() == pytest.approx(1)
    assert share[0] == pytest.approx(1 / (1 + 15 / 23))
    assert share[2] == 0


def test_active_threshold_lies_between_two_modes():
    rng = np.random.default_rng(2)
    on = rng.random(1000) < 0.1
    activity = np.stack([np.where(on, 5.0, -1.0) + 0.1 * rng.normal(size=1000), np.ones(1000)], 1)
    threshold = active_threshold(activity)
    assert threshold[0] == pytest.approx(2.0, abs=0.05)
    assert ((activity[:, 0] > threshold[0]) == on).all()
    assert threshold[1] == np.inf


def test_active_threshold_is_the_best_split():
    values = np.random.default_rng(3).gamma(1.0, size=60)
    ordered = np.sort(values)

    def within(k):
        return ordered[:k].var() * k + ordered[k:].var() * (60 - k)

    best = min(range(1, 60), key=within)
    expected = (ordered[:best].mean() + ordered[best:].mean()) / 2
    assert active_threshold(values[:, None])[0] == pytest.approx(expected)


def test_similar_assemblies_become_neighbours():
    rng = np.random.default_rng(4)
    base = rng.normal(size=(500, 3))
    activity = np.repeat(base, 2, axis=1) + 0.1 * rng.normal(size=(500, 6))
    activity = np.column_stack([activity[:, [0, 2, 4, 1, 3, 5]], np.zeros(500)])
    order = sort_by_similarity(activity)
    assert sorted(order) == list(range(7)) and order[-1] == 6
    assert {frozenset(pair) for pair in order[:6].reshape(3, 2).tolist()} == {
        frozenset({0, 3}),
        frozenset({1, 4}),
        frozenset({2, 5}),
    }


def test_export_can_be_read_back(model, recording, tmp_path):
    paths = export_tables(model, recording, tmp_path / "out")
    assert [path.name for path in paths] == [
        "assemblies.csv",
        "members.csv",
        "weights.csv",
        "activity.csv",
    ]
    table = pd.read_csv(paths[0], index_col="assembly")
    assert table["size"].tolist() == [4, 2, 0]
    assert {"enriched_region", "enrichment_p"} <= set(table)
    pd.testing.assert_series_equal(
        pd.read_csv(paths[1])["weight"],
        member_table(model, recording)["weight"],
        check_dtype=False,
        rtol=1e-5,
    )
    activity = pd.read_csv(paths[3])
    assert np.allclose(activity["time_s"], recording.times)
    assert np.allclose(activity["assembly_1"], model.transform(recording.spikes)[:, 1], rtol=1e-4)
