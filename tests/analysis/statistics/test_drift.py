"""Drift between training and test blocks shows, and lasting activity is not taken for drift."""

from __future__ import annotations

import numpy as np
import pytest

from napari_crbm.analysis import evaluate_held_out, held_out_drift
from napari_crbm.autocorrelation import autocorrelation_frames, integrated_autocorrelation
from napari_crbm.model import CRBM, split_blocks
from napari_crbm.simulation import simulate_without_assemblies
from napari_crbm.spikes import Spikes


@pytest.mark.parametrize("kind", ["independent", "autocorrelated"])
def test_stationary_recordings_do_not_drift(kind):
    differences = []
    for seed in range(3):
        spikes = simulate_without_assemblies(kind, 300, 1500, seed=seed).spikes
        split = split_blocks(spikes)
        found = held_out_drift(spikes, split.frames())
        assert not found.drifts
        assert found.gap_frames == autocorrelation_frames(spikes)
        differences += found.table["difference"].tolist()
    assert len(differences) == 9
    assert np.mean(differences) == pytest.approx(1, abs=0.1)


def test_drift_is_reported_with_the_change_of_activity():
    generator = np.random.default_rng(0)
    chance = 0.06 * np.linspace(1.5, 0.5, 1500)[:, None] * np.ones(200)
    spikes = Spikes.from_dense(generator.random(chance.shape) < chance)
    found = held_out_drift(spikes, split_blocks(spikes).frames())
    assert found.drifts
    assert found.table["activity_ratio"].iloc[-1] == pytest.approx(0.55 / 1.11, rel=0.1)
    assert "The recording drifts" in str(found) and "0.5" in str(found)


def test_lasting_activity_counts_as_fewer_frames():
    """Two-state chains that stay for 8 frames: (1 + a) / (1 - a) with a = 1 - 1 / 8 - p."""
    spikes = simulate_without_assemblies("autocorrelated", 300, 3000, seed=0).spikes
    assert integrated_autocorrelation(spikes) == pytest.approx(14, rel=0.2)
    independent = simulate_without_assemblies("independent", 300, 3000, seed=0).spikes
    assert integrated_autocorrelation(independent) == pytest.approx(1, abs=0.05)


def test_an_evaluation_says_how_different_the_test_blocks_are():
    recording = simulate_without_assemblies("drift", 60, 600, seed=0)
    model = CRBM(n_hidden=2, n_updates=5, n_chains=10).fit(recording)
    found = evaluate_held_out(model, recording, n_samples=20, n_chains=10)
    assert str(found.drift) in str(found)
    assert found.drift.drifts
