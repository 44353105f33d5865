import numpy as np
import pytest

from napari_crbm.analysis import auroc, fraction_recovered, recovery
from napari_crbm.errors import ModelError


def test_auroc_equals_counting_pairs_with_ties():
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 5, size=(40, 3)).astype(float)
    truth = rng.random((40, 2)) < 0.3
    area = auroc(scores, truth)
    for k in range(2):
        for m in range(3):
            inside, outside = scores[truth[:, k], m], scores[~truth[:, k], m]
            difference = inside[:, None] - outside[None, :]
            expected = np.mean((difference > 0) + 0.5 * (difference == 0))
            assert area[k, m] == pytest.approx(expected, abs=1e-12)


def test_auroc_without_members_is_unknown():
    assert np.isnan(auroc(np.ones((4, 1)), np.zeros((4, 1), bool))).all()
    assert auroc(np.ones((4, 1)), np.array([[1], [0], [1], [0]], bool))[0, 0] == 0.5


@pytest.fixture
def planted():
    rng = np.random.default_rng(1)
    return rng.random((300, 4)) < 0.1


def test_permuted_and_flipped_weights_are_recovered(planted):
    weights = 1.0 * planted[:, [2, 0, 3, 1]] * [1, -1, 1, -1]
    table = recovery(weights, planted)
    assert table["assembly"].tolist() == [1, 3, 0, 2]
    for column in ("auroc", "cosine", "precision", "recall"):
        assert np.allclose(table[column], 1.0)
    assert fraction_recovered(table) == 1.0


def test_noise_is_not_recovered(planted):
    table = recovery(np.random.default_rng(2).normal(size=(300, 4)), planted)
    assert fraction_recovered(table) == 0.0


def test_a_unit_is_credited_once(planted):
    """One unit that mixes two assemblies counts for one; a missing unit is shown."""
    table = recovery(planted[:, :2].any(axis=1, keepdims=True).astype(float), planted[:, :2])
    assert sorted(table["assembly"]) == [-1, 0]
    assert table["auroc"].isna().sum() == 1
    assert fraction_recovered(table) <= 0.5


def test_activity_correlation(planted):
    truth_activity = np.random.default_rng(3).random((50, 4))
    table = recovery(
        1.0 * planted[:, ::-1],
        planted,
        activity=2 * truth_activity[:, ::-1] + 1,
        truth_activity=truth_activity,
    )
    assert np.allclose(table["activity_correlation"], 1.0)


def test_other_neurons_are_refused(planted):
    with pytest.raises(ModelError, match="299"):
        recovery(np.ones((299, 2)), planted)
