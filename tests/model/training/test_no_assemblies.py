"""A recording without assemblies is trained on, and the training says that it shows none."""

from __future__ import annotations

import pytest

from napari_crbm.model import Settings, Training
from napari_crbm.model.training.health import NO_ASSEMBLIES
from napari_crbm.simulation import simulate, simulate_without_assemblies


@pytest.mark.parametrize("initialisation", ["assemblies", "random"])
def test_a_training_says_that_nothing_is_beyond_chance(initialisation):
    recording = simulate_without_assemblies("autocorrelated", 100, 1000, seed=0)
    settings = Settings(n_updates=2, n_threads=1, initialisation=initialisation)
    training = Training(recording.spikes, settings, coordinates=recording.coordinates)
    latest = list(training)[-1]
    assert NO_ASSEMBLIES in (latest.message or "")
    assert training.model().n_assemblies == 5


def test_crosstalk_counts_unless_positions_are_given():
    recording = simulate_without_assemblies("crosstalk", 1000, 1500, seed=0)
    settings = Settings(n_updates=1, n_threads=1, n_test_blocks=0)
    without = list(Training(recording.spikes, settings))[-1]
    assert NO_ASSEMBLIES not in (without.message or "")
    known = list(Training(recording.spikes, settings, coordinates=recording.coordinates))[-1]
    assert NO_ASSEMBLIES in (known.message or "")


def test_nothing_is_said_of_planted_assemblies():
    recording = simulate(150, 600, 4, seed=0).recording
    settings = Settings(n_updates=2, n_threads=1)
    latest = list(Training(recording.spikes, settings))[-1]
    assert NO_ASSEMBLIES not in (latest.message or "")
