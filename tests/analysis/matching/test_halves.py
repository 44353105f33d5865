"""Reproducibility between two halves: planted assemblies come back, chance does not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_crbm.analysis import compare_halves, half_frames, reproducibility
from napari_crbm.analysis.matching.halves import chance_level
from napari_crbm.autocorrelation import autocorrelation_frames
from napari_crbm.errors import ModelError, TrainingStopped
from napari_crbm.model import CRBM, Control, DReLU, Settings
from napari_crbm.recording import Recording
from napari_crbm.simulation import simulate, simulate_without_assemblies
from napari_crbm.spikes import Spikes

FAST = Settings(n_updates=120, n_chains=50, n_threads=1)


@pytest.fixture(scope="module")
def planted():
    return simulate(n_neurons=200, n_frames=2000, n_assemblies=4, seed=1)


@pytest.fixture(scope="module")
def found(planted):
    return reproducibility(planted.recording, replace(FAST, n_hidden=6))


def with_weights(weights: np.ndarray) -> CRBM:
    n_units = weights.shape[1]
    ones, zeros = np.ones(n_units), np.zeros(n_units)
    return CRBM.from_parameters(
        weights.astype(np.float32), np.zeros(len(weights)), DReLU(ones, ones, zeros, zeros)
    )


def halves_of(recording: Recording, first: np.ndarray, second: np.ndarray) -> tuple[CRBM, CRBM]:
    """Models of the two halves with the given weights."""
    frames = half_frames(recording)
    models = (with_weights(first), with_weights(second))
    for number, model in enumerate(models):
        model.split_ = {"train": frames[number], "test": frames[1 - number]}
    return models


def test_halves_are_disjoint_blocks_in_turn_with_gaps():
    recording = simulate_without_assemblies("autocorrelated", 100, 1500, seed=0)
    gap = autocorrelation_frames(recording.spikes)
    first, second = half_frames(recording)
    assert np.abs(first[:, None] - second).min() > gap > 10
    assert len(first) + len(second) == 1500 - 9 * gap
    assert np.unique(first * 10 // 1500).tolist() == [0, 2, 4, 6, 8]
    parted = replace(recording, boundaries=(1000,))
    first, second = half_frames(parted)
    # Three blocks of 500 / 3 frames after the border, seven before it.
    assert (first < 1000).sum() > (second < 1000).sum()
    with pytest.raises(ModelError, match="too few for two halves"):
        half_frames(Recording(None, recording.spikes.select_frames(slice(100)), np.arange(100.0)))


def test_planted_assemblies_are_found_in_both_halves(planted, found):
    assert found.n_found >= 3
    assert not found.reason
    rows = found.table[found.table["found"]]
    assert (rows["similarity"] > rows["chance"]).all() and (rows["q"] < 0.05).all()
    truth = planted.truth.membership
    for unit in rows.index:
        weights = np.maximum(found.halves[0].weights_[:, unit], 0)
        best = max(truth[:, k] @ weights / np.sqrt(truth[:, k].sum()) for k in range(4))
        assert best / np.linalg.norm(weights) > 0.6
    assert f"{found.n_found} of" in str(found) and "found in both halves" in str(found)


@pytest.mark.parametrize("kind", ["autocorrelated", "gain", "drift"])
def test_nothing_comes_back_without_assemblies(kind):
    recording = simulate_without_assemblies(kind, 150, 1000, seed=3)
    result = reproducibility(recording, replace(FAST, n_hidden=6, n_updates=60))
    assert result.n_found == 0
    assert "None of" in str(result) or result.reason


def test_assemblies_of_a_model_are_looked_for_in_both_halves(planted, found):
    first, second = found.halves
    strangers = np.random.default_rng(0).normal(size=(200, 2))
    model = with_weights(np.column_stack([strangers, first.weights_[:, ::-1], np.zeros(200)]))
    frames = half_frames(planted.recording)
    result = compare_halves(planted.recording, (first, second), model, frames)
    table = result.table
    assert len(table) == model.n_assemblies
    assert not table["found"][:2].any() and not table["found"].iloc[-1]
    assert table["first"][2:-1].tolist()[::-1] == [
        unit if unit in set(table["first"]) else -1 for unit in range(first.n_assemblies)
    ]
    assert result.n_found == found.n_found
    assert np.isnan(table["similarity"].iloc[-1]), "a unit without weights is no assembly"
    assert result.n_compared == np.any(model.weights_, axis=0).sum()


def test_alike_weights_do_not_count_without_coincidence():
    """Two halves that agree on a group of neurons which are not active together."""
    recording = simulate_without_assemblies("autocorrelated", 200, 1200, seed=0)
    weights = np.zeros((200, 3))
    for unit in range(3):
        weights[unit * 20 : unit * 20 + 20, unit] = 1
    frames = half_frames(recording)
    halves = halves_of(recording, weights, weights)
    result = compare_halves(recording, halves, None, frames)
    assert (result.table["similarity"] > result.table["chance"]).all()
    assert result.n_found == 0


def test_chance_is_that_of_neurons_with_the_same_mean_activity():
    """Weights that follow mean activity are alike without any assembly."""
    generator = np.random.default_rng(0)
    rates = np.linspace(0.01, 0.2, 300)
    first, second = (rates[:, None] * generator.uniform(0.8, 1.2, (300, 4)) for _ in range(2))
    alike = chance_level(first, second, rates, 39, np.random.default_rng(1))
    blind = chance_level(first, second, generator.permutation(rates), 39, generator)
    assert alike > 0.97 and blind < 0.85


def test_a_half_without_assemblies_and_a_stop_are_told():
    generator = np.random.default_rng(0)
    spikes = Spikes.from_dense(generator.random((600, 80)) < 0.05)
    recording = Recording(None, spikes, np.arange(600.0))
    result = reproducibility(recording, replace(FAST, n_hidden=3, l1=5.0, n_updates=400))
    assert result.n_found == 0 and "ended with no weights" in str(result)
    control = Control()
    control.stop()
    with pytest.raises(TrainingStopped, match="stopped"):
        reproducibility(recording, FAST, control=control)


def test_progress_counts_both_trainings(planted):
    seen = []
    settings = replace(FAST, n_hidden=2, n_updates=10)
    reproducibility(planted.recording, settings, report=lambda *values: seen.append(values))
    assert seen[0][0] == 0 and seen[-1] == (20, 20)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    with pytest.raises(ModelError, match="at least 19 shuffles"):
        reproducibility(planted.recording, FAST, n_shuffles=5)
