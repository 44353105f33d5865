import numpy as np
import pytest

from napari_crbm.analysis import agreement, moments
from napari_crbm.errors import ModelError
from napari_crbm.spikes import Spikes


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    raster = rng.random((2500, 13)) < 0.2  # more than one block of frames
    return raster, rng.normal(size=(2500, 3)).astype(np.float32)


def test_moments_equal_their_definitions(data):
    raster, activity = data
    got = moments(Spikes.from_dense(raster), activity)
    v, h = raster.astype(float), activity.astype(float)
    pairs_v, pairs_h = np.triu_indices(13, 1), np.triu_indices(3, 1)
    assert np.allclose(got.mean_v, v.mean(0), atol=0, rtol=1e-15)
    assert np.allclose(got.mean_h, h.mean(0))
    assert np.allclose(got.mean_vh, v.T @ h / 2500, atol=1e-7)
    assert np.allclose(got.cov_vv, np.cov(v.T, bias=True)[pairs_v], atol=1e-7)
    assert np.allclose(got.cov_hh, np.cov(h.T, bias=True)[pairs_h])


def test_pairs_of_chosen_neurons(data):
    raster, activity = data
    chosen = np.array([1, 4, 9])
    got = moments(Spikes.from_dense(raster), activity, chosen)
    expected = np.cov(raster[:, chosen].astype(float).T, bias=True)[np.triu_indices(3, 1)]
    assert np.allclose(got.cov_vv, expected, atol=1e-7)
    assert got.mean_v.shape == (13,)


def test_moments_refuse_other_frames(data):
    with pytest.raises(ModelError, match="2499"):
        moments(Spikes.from_dense(data[0]), data[1][1:])


def test_nrmse_identities():
    rng = np.random.default_rng(1)
    test = rng.normal(size=20_000)
    train = test + 0.3 * rng.normal(size=20_000)
    assert agreement(train, train, test).nrmse == pytest.approx(0.0, abs=1e-12)
    assert agreement(test, train, test).nrmse < 0
    shuffled = rng.permutation(train)
    assert agreement(shuffled, train, test).nrmse == pytest.approx(1.0, abs=0.02)
    halfway = agreement(test + 0.6 * rng.normal(size=20_000), train, test)
    assert 0 < halfway.nrmse < 1


def test_shuffled_rmse_is_the_mean_over_permutations():
    rng = np.random.default_rng(2)
    model, test = rng.gamma(1.0, size=50), rng.gamma(2.0, size=50)
    squares = [np.mean((rng.permutation(model) - test) ** 2) for _ in range(20_000)]
    exact = agreement(model, test + 1, test).rmse_shuffled
    assert exact == pytest.approx(np.sqrt(np.mean(squares)), rel=5e-3)


def test_slope_and_correlation():
    test = np.arange(10.0)
    row = agreement(0.5 * test + 3, test + 1, test)
    assert row.slope == pytest.approx(0.5) and row.pearson_r == pytest.approx(1.0)
    assert row.train_r == pytest.approx(1.0)
    assert row.rmse_train == pytest.approx(1.0) and row.n == 10
    assert agreement(test[:0], test[:0], test[:0]).n == 0
    two = agreement(test[:2], test[1:3], test[2:4])
    assert two.n == 2 and np.isnan(two.nrmse) and np.isnan(two.pearson_r)


def test_more_noise_than_signal_has_no_scale():
    rng = np.random.default_rng(3)
    model = rng.normal(size=20_000)
    train, test = (model + 4 * rng.normal(size=20_000) for _ in range(2))
    row = agreement(model, train, test)
    assert row.rmse_train > row.rmse_shuffled and np.isnan(row.nrmse)
    assert row.pearson_r == pytest.approx(1 / np.sqrt(17), abs=0.02)
    assert row.train_r == pytest.approx(1 / 17, abs=0.02)
