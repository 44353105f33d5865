"""A recording without assemblies is trained on, and the training says that it shows none."""

from __future__ import annotations

import pytest

from napari_crbm.io import load_checkpoint, save_checkpoint
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


def test_a_resumed_training_still_says_it_beside_its_other_warnings(tmp_path):
    recording = simulate_without_assemblies("autocorrelated", 100, 1000, seed=0)
    settings = Settings(n_hidden=5, n_updates=4, n_threads=1)
    first = Training(recording.spikes, settings, coordinates=recording.coordinates)
    first.make_updates(3)
    state = load_checkpoint(save_checkpoint(first.checkpoint(), tmp_path / "training.h5"))
    second = Training(recording.spikes, resume=state, coordinates=recording.coordinates)
    second.make_updates(1)
    # As if the chains had run away: another warning stands beside it, and neither hides the other.
    second._history[-1]["model_activity"] = 100 * second._history[-1]["data_activity"]
    said = second._warnings()
    assert said[0] == NO_ASSEMBLIES
    assert len(said) == 2 and "much more active" in said[1]


def test_a_checkpoint_that_does_not_say_it_goes_on():
    recording = simulate_without_assemblies("autocorrelated", 100, 1000, seed=0)
    first = Training(recording.spikes, Settings(n_hidden=5, n_updates=2, n_threads=1))
    first.make_updates(1)
    state = first.checkpoint()
    del state["by_chance"]
    latest = list(Training(recording.spikes, resume=state))[-1]
    assert latest.phase == "finished" and NO_ASSEMBLIES not in latest.messages


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
