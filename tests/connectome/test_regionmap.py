"""Region maps against explicit N x N matrices, and their intervals against resampling."""

import numpy as np
import pytest

from napari_crbm.connectome import activity_factors, activity_map, region_map, strongest
from napari_crbm.connectome.significance import _tail
from napari_crbm.errors import ModelError, RecordingError
from napari_crbm.regions import Regions
from napari_crbm.spikes import Spikes

N = 60
NAMES = ("A L", "A R", "B", "tiny")


def make_regions(overlapping: bool) -> Regions:
    rng = np.random.default_rng(3)
    dense = np.zeros((N, 4), dtype=bool)
    dense[np.arange(N - 3), rng.integers(0, 3, N - 3)] = True
    dense[N - 3 :, 3] = True
    if overlapping:
        dense[rng.random(N) < 0.3, 1] = True
    return Regions.from_dense(dense, NAMES)


@pytest.fixture(scope="module")
def factors() -> np.ndarray:
    rng = np.random.default_rng(0)
    return (rng.normal(0, 1, (N, 5)) * (rng.random((N, 5)) < 0.5)).astype(np.float32)


def brute_force(matrix, regions, names, rule):
    transform = {"mean_abs": np.abs, "rms": np.square, "mean": lambda x: x}[rule]
    result = np.zeros((len(names), len(names)))
    for a, first in enumerate(names):
        for b, second in enumerate(names):
            pairs = [
                transform(matrix[i, j])
                for i in regions.members(first)
                for j in regions.members(second)
                if i != j
            ]
            result[a, b] = np.mean(pairs)
    return np.sqrt(result) if rule == "rms" else result


@pytest.mark.parametrize("overlapping", [False, True])
@pytest.mark.parametrize("rule", ["mean_abs", "rms", "mean"])
def test_maps_equal_explicit_matrices(factors, rule, overlapping):
    regions = make_regions(overlapping)
    found = region_map(factors, regions, rule=rule)
    matrix = factors.astype(np.float64) @ factors.T
    assert found.names == NAMES[:3] and found.left_out == ("tiny",)
    np.testing.assert_allclose(
        found.values, brute_force(matrix, regions, found.names, rule), rtol=1e-5, atol=1e-6
    )
    np.testing.assert_array_equal(found.n_neurons, regions.counts[:3])


def test_blocks_of_rows_make_no_difference(factors, monkeypatch):
    whole = region_map(factors, make_regions(True))
    monkeypatch.setattr("napari_crbm.connectome.regionmap._ROWS_AT_ONCE", 7)
    np.testing.assert_allclose(region_map(factors, make_regions(True)).values, whole.values, 1e-6)


@pytest.mark.parametrize("measure", ["covariance", "correlation"])
def test_activity_maps_equal_numpys_matrices(measure):
    rng = np.random.default_rng(5)
    raster = rng.random((300, N)) < rng.uniform(0.05, 0.4, N)
    raster[:, 10] = False
    spikes = Spikes.from_dense(raster)
    regions = make_regions(False)
    found = activity_map(spikes, regions, measure, rule="mean")
    matrix = np.cov(raster.T, bias=True)
    if measure == "correlation":
        spread = np.sqrt(np.diag(matrix))
        spread[10] = np.inf
        matrix = matrix / np.outer(spread, spread)
    np.testing.assert_allclose(
        found.values, brute_force(matrix, regions, found.names, "mean"), atol=1e-7
    )
    assert found.measure == measure
    factors = activity_factors(spikes, np.array([4, 2]), standardise=measure == "correlation")
    np.testing.assert_allclose(factors @ factors.T, matrix[np.ix_([4, 2], [4, 2])], atol=1e-5)


def test_large_regions_are_sampled_without_bias():
    rng = np.random.default_rng(6)
    common = rng.random((400, 1)) < 0.2
    spikes = Spikes.from_dense((rng.random((400, N)) < 0.1) | common)
    regions = Regions.from_labels(np.arange(N) % 2, ("A", "B"))
    whole = activity_map(spikes, regions, "covariance", rule="mean").values
    parts = [
        activity_map(spikes, regions, "covariance", rule="mean", max_per_region=10, seed=s).values
        for s in range(40)
    ]
    error = np.std(parts, axis=0) / np.sqrt(len(parts))
    assert np.all(np.abs(np.mean(parts, axis=0) - whole) < 4 * error)


def test_both_sides_must_be_large_enough(factors):
    labels = np.repeat([0, 1, 2], [30, 3, 27])
    regions = Regions.from_labels(labels, ("A L", "A R", "B"))
    assert region_map(factors, regions).names == ("A L", "B")
    assert region_map(factors, regions, both_sides=True).names == ("B",)


def test_intervals_cover_the_truth_as_often_as_they_say():
    """Neurons drawn from two populations; the mean over pairs of populations is known."""
    rng = np.random.default_rng(0)
    covered = []
    truth = np.array([[1.0, 0.5], [0.5, 0.25]])  # products of the populations' means
    regions = Regions.from_labels(np.repeat([0, 1], 40), ("A", "B"))
    for _ in range(200):
        x = np.concatenate([rng.normal(1.0, 0.4, 40), rng.normal(0.5, 0.4, 40)])
        found = region_map(x[:, None].astype(np.float32), regions, rule="mean")
        covered.append((found.low <= truth) & (truth <= found.high))
    share = np.mean(covered, axis=0)
    assert np.all((share > 0.9) & (share < 0.99))


def test_shuffles_find_the_planted_pair_only():
    rng = np.random.default_rng(2)
    label = np.repeat(np.arange(8), 25)
    x = rng.normal(0, 0.3, (200, 12)).astype(np.float32)
    x[label <= 1, 0] += 1.0
    names = tuple("ABCDEFGH")
    found = region_map(x, Regions.from_labels(label, names), n_shuffles=400)
    strong = found.q_value < 0.05
    assert strong[:2, :2].all() and strong.sum() <= 5
    random = region_map(
        rng.normal(0, 1, (200, 12)).astype(np.float32),
        Regions.from_labels(label, names),
        n_shuffles=400,
    )
    upper = np.triu_indices(8)
    assert np.mean(random.p_value[upper] < 0.05) < 0.15
    assert np.nanmin(found.expected) > 0


def linked_regions(n_links: int):
    """Weights of 60 regions, 22 pairs of which share an assembly, among background weights."""
    rng = np.random.default_rng(0)
    label = np.repeat(np.arange(60), rng.integers(8, 60, 60))
    weights = np.zeros((len(label), 60), np.float32)
    for unit in range(60):
        background = rng.random(len(label)) < 0.05
        weights[background, unit] = rng.uniform(0.2, 1, background.sum())
        if unit < n_links:
            for region in rng.choice(60, 2, replace=False):
                inside = (label == region) & (rng.random(len(label)) < 0.4)
                weights[inside, unit] = rng.uniform(0.3, 1, inside.sum())
    return weights, Regions.from_labels(label, [f"region {k}" for k in range(60)])


def test_real_connections_survive_the_correction_for_many_pairs():
    """P-values of 1 / (1 + shuffles) never could: 1,830 pairs, 500 shuffles."""
    weights, regions = linked_regions(22)
    q = region_map(weights, regions, n_shuffles=500).q_value
    between = ~np.eye(60, dtype=bool)
    rng = np.random.default_rng(1)
    shuffled = weights[rng.permutation(len(weights))]
    by_chance = region_map(shuffled, regions, n_shuffles=500).q_value
    assert (q[between] < 0.05).sum() / 2 >= 8
    assert (by_chance[between] < 0.05).sum() / 2 <= 1


def test_tail_probabilities_are_those_of_many_shuffles():
    rng = np.random.default_rng(3)
    rows = rng.exponential(1, (300, 1))
    count = np.array([12.0])
    drawn = np.array([rng.choice(rows[:, 0], 12, replace=False).mean() for _ in range(100_000)])
    for share in (0.01, 0.001):
        value = np.array([[np.quantile(drawn, 1 - share)]])
        assert _tail(rows, count, value, False)[0, 0] == pytest.approx(share, rel=0.35)


def test_table_lists_each_pair_once(factors):
    found = region_map(factors, make_regions(False), n_shuffles=20)
    table = found.table()
    assert len(table) == 6 and table["value"].is_monotonic_decreasing
    assert {"ci_low", "ci_high", "expected", "p_value", "q_value"} <= set(table)
    top = strongest(found, 2)
    assert len(top) == 2 and (top["region_a"] != top["region_b"]).all()


def test_what_does_not_fit_is_refused(factors):
    regions = make_regions(False)
    with pytest.raises(ModelError, match="Unknown rule"):
        region_map(factors, regions, rule="median")
    with pytest.raises(RecordingError, match="No region has 1000"):
        region_map(factors, regions, min_neurons=1000)
    with pytest.raises(ModelError, match="describes 10 neurons"):
        region_map(factors[:10], regions)
