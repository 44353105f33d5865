"""Correlations across time against their definition, and against processes that are known."""

import numpy as np
import pytest

from napari_crbm.analysis import compare_lagged, lagged_correlations
from napari_crbm.errors import ModelError

MIXING = np.random.default_rng(5).normal(size=(8, 8))


def slow(n_frames, seed, memory=0.8):
    """Eight units that are correlated and all forget at the same pace."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(n_frames, 8)) @ MIXING * np.sqrt(1 - memory**2)
    out = np.empty_like(noise)
    out[0] = rng.normal(size=8) @ MIXING
    for t in range(1, n_frames):
        out[t] = memory * out[t - 1] + noise[t]
    return out


def test_a_delayed_copy_is_found_at_its_lag():
    rng = np.random.default_rng(0)
    source = rng.normal(size=503)
    activity = np.column_stack([source[3:], source[:-3], np.full(500, 2.0)])
    got = lagged_correlations(activity, np.array([0, 3, 5]))
    assert got.shape == (3, 3, 3)
    assert got[1, 0, 1] == pytest.approx(1.0)  # unit 1 repeats unit 0 three frames later
    assert abs(got[[0, 2], 0, 1]).max() < 0.2 and not got[:, 2].any()
    expected = np.corrcoef(activity[:-3, 0], activity[3:, 0])[0, 1]
    assert got[1, 0, 0] == pytest.approx(expected)


def test_lags_must_fit():
    with pytest.raises(ModelError, match="lag of 9 frames"):
        lagged_correlations(np.zeros((10, 2)), np.array([9]))


def test_pairs_that_span_a_gap_are_left_out():
    activity = np.random.default_rng(0).normal(size=(60, 3))
    frames = np.concatenate([np.arange(30), np.arange(100, 130)])
    got = lagged_correlations(activity, np.array([2]), frames)[0]
    first = np.concatenate([activity[:28], activity[30:58]])
    then = np.concatenate([activity[2:30], activity[32:60]])
    expected = np.corrcoef(first, then, rowvar=False)[:3, 3:]
    np.testing.assert_allclose(got, expected, atol=1e-12)


def test_what_fades_evenly_is_explained():
    model, train, test = (slow(n, seed) for seed, n in enumerate((20_000, 6000, 6000)))
    table = compare_lagged(model, train, test, frame_interval_s=0.25).table
    assert table["lag_s"].tolist() == [0.25, 0.5, 1, 2, 4, 8]
    np.testing.assert_allclose(table["itself"][:3], 0.8 ** np.array([1, 2, 4]), atol=0.03)
    assert (table["nrmse"][:4].abs() < 0.5).all() and (table["model_r"][:3] > 0.95).all()
    assert table["directed_p"].min() > 0.01
    wrong = compare_lagged(np.random.default_rng(9).normal(size=(20_000, 8)), train, test).table
    assert wrong["nrmse"][0] == pytest.approx(1, abs=0.1) and abs(wrong["model_r"][0]) < 0.5


def test_correlations_that_are_only_noise_are_told_as_correlations():
    model, train, test = (np.random.default_rng(seed).normal(size=(40, 8)) for seed in range(3))
    found = compare_lagged(model, train, test)
    assert np.isnan(found.table["nrmse"][0]) and "nan" not in found.verdict
    row = found.table.iloc[0]
    assert f"with the predicted ones by {row['model_r']:.2f}" in found.verdict
    assert f"those of the training frames by {row['train_r']:.2f}" in found.verdict


def test_an_order_that_comes_back_is_seen_and_not_explained():
    def wave(seed):
        source = np.random.default_rng(seed).normal(size=3009)
        return np.column_stack([source[8 - k : 3008 - k] for k in range(8)])

    found = compare_lagged(wave(0), wave(1), wave(2))
    assert found.table["directed_r"][0] > 0.95 and found.table["directed_p"][0] <= 0.01
    assert found.table["nrmse"][0] > 0.8
    assert "Assemblies follow each other in an order that repeats" in found.verdict


def test_lags_end_where_blocks_do():
    activity = np.random.default_rng(0).normal(size=(60, 3))
    frames = np.arange(60) // 5 * 20 + np.arange(60) % 5  # blocks of five frames
    table = compare_lagged(activity, activity, activity, frames=(frames, frames)).table
    assert table["lag_frames"].tolist() == [1, 2]
    nothing = compare_lagged(activity[:2], activity[:2], activity[:2])
    assert not len(nothing.table) and nothing.verdict == ""


@pytest.mark.parametrize("n_units", [1, 2, 3])
def test_few_assemblies_have_no_correlations_over_pairs(n_units):
    """Over one or three pairs any correlation is near 1 or -1, whatever the model."""
    rng = np.random.default_rng(0)
    parts = [rng.normal(size=(300, n_units)) for _ in range(3)]
    found = compare_lagged(*parts)
    columns = ["nrmse", "model_r", "train_r", "directed_r", "directed_p"]
    assert len(found.table) and found.table[columns].isna().all(axis=None)
    assert f"{n_units} assemblies are too few" in found.verdict and "nan" not in found.verdict


def test_constant_assemblies_are_told_in_words():
    rng = np.random.default_rng(0)
    train = rng.normal(size=(300, 5))
    found = compare_lagged(np.ones((300, 5)), train, np.ones((300, 5)))
    assert "nan" not in found.verdict
