"""Assemblies in combination, on activity whose states are known."""

import numpy as np
import pytest

from napari_crbm.analysis import (
    coactivation,
    combinations,
    composition,
    levels,
    occurrences,
    on_threshold,
    state_table,
)
from napari_crbm.analysis.states.gaussian_mixture import two_states
from napari_crbm.errors import ModelError


def switching(on, noise=0.05, seed=0):
    """Activity at 0 and 2 with a little noise, for a (T, M) pattern of on and off."""
    return 2.0 * on + noise * np.random.default_rng(seed).normal(size=on.shape)


def test_levels_are_those_planted():
    on = np.random.default_rng(0).random((2000, 6)) < 0.3
    low, high = levels(switching(on) + np.arange(6))
    np.testing.assert_allclose(low, np.arange(6), atol=0.02)
    np.testing.assert_allclose(high, np.arange(6) + 2, atol=0.02)


def test_the_effective_number_counts_equal_assemblies():
    on = np.zeros((300, 40), bool)
    rng = np.random.default_rng(1)
    for frame in on:
        frame[rng.choice(40, 8, replace=False)] = True
    found = composition(switching(on, noise=0.01))
    assert np.median(found.counts) == pytest.approx(8, abs=0.2)
    assert found.phase == "compositional" and "a few assemblies" in found.verdict


def test_one_assembly_at_a_time_and_mere_noise_are_told_apart():
    on = np.eye(100, dtype=bool)[np.random.default_rng(0).integers(100, size=3000)]
    assert composition(switching(on, noise=0.01)).phase == "ferromagnetic"
    # Flatter than Gaussian: all assemblies take part alike in every frame.
    even = np.random.default_rng(2).choice([0.0, 1.0], size=(2000, 50), p=[0.2, 0.8])
    assert composition(even).phase == "spin-glass"


def test_durations_of_complete_intervals():
    pattern = np.repeat([1, 0, 1, 0, 1, 0], [3, 7, 4, 9, 4, 2]).astype(bool)
    table = state_table(switching(pattern[:, None]), 0.5)
    row = table.loc[0]
    assert row["on_s"] == 4 * 0.5  # 4 and 4; the first 3 began before the recording
    assert row["off_s"] == 8 * 0.5  # 7 and 9
    assert row["period_s"] == 13 * 0.5  # onsets at frames 10 and 23
    assert row["fraction_on"] == pytest.approx(11 / 29)


def test_two_states_are_told_from_one():
    rng = np.random.default_rng(0)
    two, one = switching(rng.random((5000, 1)) < 0.4, 0.3), rng.normal(size=(5000, 1))
    constant = np.ones((5000, 1))
    table = state_table(np.hstack([two, one, constant]), 1.0)
    assert table["bimodal"].tolist() == [True, False, False]
    assert np.isnan(table.loc[2, "bimodality"]) and np.isnan(table.loc[2, "on_s"])


def test_combinations_are_counted_and_found_again_in_time():
    on = np.array([[1, 1, 0], [1, 1, 0], [0, 0, 0], [1, 1, 0], [0, 0, 1]], bool)
    table = combinations(on, np.arange(5) / 2)
    assert table["assemblies"].tolist() == ["0 1", "", "2"]
    assert table["n_frames"].tolist() == [3, 1, 1]
    assert table["n_episodes"].tolist() == [2, 1, 1]
    assert table.loc[0, ["first_s", "last_s"]].tolist() == [0.0, 1.5]
    assert table["fraction"].sum() == pytest.approx(1)
    when = occurrences(on, ["2", "0 1", ""])
    assert when.T.tolist() == [
        [False, False, False, False, True],
        [True, True, False, True, False],
        [False, False, True, False, False],
    ]
    assert occurrences(on, []).shape == (5, 0)


def test_coactivation_against_chance():
    rng = np.random.default_rng(0)
    first, other, half = (rng.random(20_000) < share for share in (0.25, 0.25, 0.5))
    on = np.column_stack([first, first, other, ~first & half])
    got = coactivation(on)
    assert got[0, 1] == pytest.approx(2, abs=0.1)  # four times as often as by chance
    assert got[0, 2] == pytest.approx(0, abs=0.1)
    assert got[0, 3] == -np.inf


def test_two_gaussians_have_the_planted_parameters():
    rng = np.random.default_rng(0)
    on = rng.random((5_000, 2)) < [0.1, 0.4]
    h = np.where(on, rng.normal(3, 0.8, on.shape), rng.normal(-1, 0.3, on.shape))
    h = np.column_stack([h, rng.normal(size=len(h)), np.ones(len(h))])
    found = two_states(h)
    for unit in range(2):
        parts = h[~on[:, unit], unit], h[on[:, unit], unit]
        np.testing.assert_allclose(found.mean[:, unit], [x.mean() for x in parts], atol=0.01)
        np.testing.assert_allclose(found.sd[:, unit], [x.std() for x in parts], atol=0.01)
        assert found.share[1, unit] == pytest.approx(on[:, unit].mean(), abs=0.005)
    assert (found.gain[:2] > 0.5).all() and found.gain[2] < 0.01 and np.isnan(found.gain[3])
    threshold = on_threshold(h, "gaussians")
    np.testing.assert_allclose(threshold[:2], 1, atol=0.05)
    assert threshold[3] == np.inf
    np.testing.assert_allclose(levels(h, "gaussians")[0][:2], -1, atol=0.03)
    assert composition(h, definition="gaussians").n_assemblies == 4


def test_too_little_is_refused():
    with pytest.raises(ModelError, match="Two frames"):
        composition(np.zeros((1, 5)))
    with pytest.raises(ModelError, match="No definition"):
        state_table(np.zeros((9, 2)), 1.0, "quantiles")
