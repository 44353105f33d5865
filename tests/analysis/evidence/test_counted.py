"""Which units count as assemblies: the same in every sentence."""

from dataclasses import replace

import numpy as np
import pytest

from napari_crbm.analysis import (
    assembly_evidence,
    brain_states,
    counted_assemblies,
    counted_in_words,
)
from napari_crbm.errors import ModelError
from napari_crbm.model import CRBM, DReLU
from napari_crbm.model.training.split import split_blocks
from napari_crbm.simulation import simulate


@pytest.fixture(scope="module")
def planted():
    """Six units of a recording of four assemblies: these, random neurons, a single neuron."""
    simulation = simulate(n_neurons=300, n_frames=1500, n_assemblies=4, seed=3)
    recording = simulation.recording
    weights = np.zeros((300, 6), dtype=np.float32)
    weights[:, :4] = simulation.truth.weights > 0
    weights[np.random.default_rng(0).choice(300, 20, replace=False), 4] = 1
    weights[0, 5] = 1
    ones, zeros = np.ones(6), np.zeros(6)
    units = DReLU(0.2 * ones, 0.2 * ones, zeros, zeros)
    model = CRBM.from_parameters(
        weights,
        np.full(300, -4, np.float32),
        units,
        split=split_blocks(recording.spikes).frames(),
    )
    return model, recording, assembly_evidence(model, recording)


def test_certain_assemblies_count_and_without_a_test_units_with_members(planted):
    model, _, evidence = planted
    tested = counted_assemblies(model, evidence)
    assert tested.tolist() == [True] * 4 + [False] * 2
    assert counted_assemblies(model).tolist() == [True] * 5 + [False]
    untested = replace(evidence, reason="too short")
    assert counted_assemblies(model, untested).tolist() == [True] * 5 + [False]
    assert counted_in_words(model, evidence) == (
        "4 certain assemblies found; 2 other hidden units are not certain."
    )
    assert "5 hidden units have several members; not tested" in counted_in_words(model, untested)


def test_combinations_and_their_sentences_count_the_same(planted):
    model, recording, evidence = planted
    states = brain_states(model, recording, evidence=evidence, n_shuffles=19)
    assert states.counted.tolist() == [0, 1, 2, 3]
    assert states.table.index.tolist() == states.locality.table.index.tolist() == [0, 1, 2, 3]
    assert "of 4)" in states.composition.verdict
    assert "of 4 assemblies" in states.summary and "of 4 assemblies" in states.locality.verdict
    assert not states.on[:, 4:].any() and states.on.shape[1] == 6
    together = " ".join(states.combinations["assemblies"]).split()
    assert set(together) <= {"0", "1", "2", "3"}


def test_a_model_without_certain_assemblies_has_no_combinations(planted):
    model, recording, evidence = planted
    none = replace(evidence, table=evidence.table.assign(certain=False))
    with pytest.raises(ModelError, match="No certain assembly in this model"):
        brain_states(model, recording, evidence=none)
    assert counted_in_words(model, none) == (
        "No certain assemblies found; 6 other hidden units are not certain."
    )
