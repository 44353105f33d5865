from itertools import permutations

import numpy as np
import pytest

from napari_crbm.analysis import assembly_table, match_units, stability, weight_cosines
from napari_crbm.errors import ModelError
from tests.conftest import random_model
from tests.io.files import small_recording


@pytest.fixture
def weights():
    """Sparse weights of five assemblies."""
    rng = np.random.default_rng(0)
    return np.where(rng.random((400, 5)) < 0.1, rng.normal(1, 0.3, (400, 5)), 0)


def test_cosines_are_those_of_the_definition(weights):
    other = np.random.default_rng(1).normal(size=(400, 3))
    cosines = weight_cosines(weights, other)
    for m in range(5):
        for k in range(3):
            a, b = weights[:, m], other[:, k]
            assert cosines[m, k] == pytest.approx(a @ b / np.sqrt((a @ a) * (b @ b)), abs=1e-6)


def test_permuted_mirrored_and_rescaled_units_are_the_same(weights):
    order, sign, scale = [3, 0, 4, 1, 2], np.array([1, -1, 1, 1, -1]), [1, 2, 0.1, 5, 1]
    match, cosine = match_units(weights, weights[:, order] * sign * scale)
    assert match.tolist() == [1, 3, 4, 0, 2]
    np.testing.assert_allclose(cosine, sign[match], atol=1e-6)


def test_the_assignment_is_the_best_of_all():
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(6, 4)), rng.normal(size=(6, 4))
    similarity = np.abs(weight_cosines(a, b)).astype(float)
    best = max(sum(similarity[m, p[m]] for m in range(4)) for p in permutations(range(4)))
    assert np.abs(match_units(a, b)[1]).sum() == pytest.approx(best, abs=1e-9)


def test_fewer_units_leave_some_without_partner(weights):
    match, cosine = match_units(weights, weights[:, [4, 1]])
    assert match.tolist() == [-1, 1, -1, -1, 0]
    assert cosine[[0, 2, 3]].tolist() == [0, 0, 0]
    more = match_units(weights[:, [4, 1]], weights)[0]
    assert more.tolist() == [4, 1]


def test_a_unit_without_weights_resembles_nothing(weights):
    dead = np.column_stack([weights[:, :2], np.zeros(400)])
    assert weight_cosines(dead, weights)[2].tolist() == [0] * 5


def test_stable_assemblies_are_told_from_others(weights):
    """Three of five come back, with noise; the other two are new in every model."""
    rng = np.random.default_rng(3)
    others = []
    for _ in range(3):
        other = weights + rng.normal(0, 0.05, weights.shape)
        other[:, 3:] = weights[rng.permutation(400)][:, 3:]
        others.append(other[:, rng.permutation(5)])
    result = stability([weights, *others], random_state=1)
    assert (result.table["fraction_found"][:3] == 1).all()
    assert (result.values[:3] > 0.9).all()
    assert (result.values[3:] < 0.4).all()
    assert (result.table["chance"] < 0.5).all()
    assert len(result.pairs) == 15
    for row in result.pairs.itertuples():
        cosine = result.cosines[row.model - 1][row.assembly, row.match]
        assert row.similarity * row.orientation == pytest.approx(cosine)


def test_noise_is_found_as_often_as_chance_allows():
    rng = np.random.default_rng(4)
    models = [rng.normal(size=(300, 20)) for _ in range(11)]
    found = stability(models, n_shuffles=40).pairs["found"]
    # 200 decisions at a level of 5 %: three standard deviations are 4.6 %.
    assert found.mean() == pytest.approx(0.05, abs=0.046)


def test_the_same_seed_gives_the_same_table(weights):
    models = [weights, np.random.default_rng(5).normal(size=weights.shape)]
    one, two = (stability(models, random_state=3).pairs for _ in range(2))
    assert one.equals(two)


def test_what_cannot_be_compared_is_refused(weights):
    with pytest.raises(ModelError, match="at least two models"):
        stability([weights])
    with pytest.raises(ModelError, match="400 and of 399 neurons"):
        stability([weights, weights[1:]])
    with pytest.raises(ModelError, match="at least 19 shuffles"):
        stability([weights, weights], n_shuffles=0)


def test_column_in_the_table_of_assemblies():
    recording = small_recording()
    model = random_model(recording.n_neurons, 4)
    assert "stability" not in assembly_table(model, recording)
    model.stability_ = np.array([0.1, 0.2, 0.3, 0.4])
    table = assembly_table(model, recording, assemblies=[2, 0])
    assert table["stability"].tolist() == [0.3, 0.1]


def test_a_copy_of_the_model_is_told():
    weights = np.random.default_rng(0).normal(size=(200, 6)).astype(np.float32)
    weights[:, 5] = 0  # an idle unit has no direction
    other = np.random.default_rng(1).normal(size=(200, 6)).astype(np.float32)
    mirrored = -weights[:, ::-1] * 2
    assert stability([weights, other]).warning is None
    assert stability([weights, weights[:, :4]]).warning is None
    for copy in (weights.copy(), mirrored):
        found = stability([weights, other, copy])
        assert found.warning is not None and "Model 3 has the same weights" in found.warning
