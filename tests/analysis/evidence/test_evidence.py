"""Evidence for assemblies: none where there are none, and planted ones are kept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from napari_crbm.analysis.evidence.assessment import FEWEST_FRAMES, Evidence, assembly_evidence
from napari_crbm.analysis.evidence.coincidence import coincidence
from napari_crbm.analysis.evidence.crosstalk import close_pairs, crosstalk_distance_um
from napari_crbm.analysis.evidence.outlier_frames import outlier_frames
from napari_crbm.analysis.evidence.windows import Windows
from napari_crbm.autocorrelation import autocorrelation_frames
from napari_crbm.model import CRBM, DReLU
from napari_crbm.model.training.split import split_blocks
from napari_crbm.simulation import simulate, simulate_without_assemblies
from napari_crbm.spikes import Spikes


def model_of(signs: np.ndarray, spikes: Spikes, n_test: int = 3) -> CRBM:
    """A model whose assemblies have the given members, with held-out frames."""
    n_units = signs.shape[1]
    ones, zeros = np.ones(n_units), np.zeros(n_units)
    split = split_blocks(spikes, n_test)
    return CRBM.from_parameters(
        signs.astype(np.float32),
        np.zeros(len(signs), dtype=np.float32),
        DReLU(ones, ones, zeros, zeros),
        split=split.frames(),
    )


def most_alike(spikes: Spikes, frames: np.ndarray, n_groups: int, size: int) -> np.ndarray:
    """Groups of neurons that coincide most in some frames: assemblies chosen for it."""
    activity = spikes.dense(frames).astype(float)
    spread = activity.std(axis=0)
    matrix = np.corrcoef(activity[:, spread > 0].T)
    np.fill_diagonal(matrix, -1)
    known = np.flatnonzero(spread > 0)
    signs = np.zeros((spikes.n_neurons, n_groups), dtype=np.int8)
    seeds = np.argsort(-matrix.max(axis=1))[: 4 * n_groups : 4]
    for group, seed in enumerate(seeds):
        signs[known[np.argsort(-matrix[seed])[: size - 1]], group] = 1
        signs[known[seed], group] = 1
    return signs


@pytest.mark.parametrize(
    "kind", ["independent", "autocorrelated", "gain", "drift", "crosstalk", "motion"]
)
def test_groups_chosen_for_their_coincidence_are_not_certain_without_assemblies(kind):
    """Ten groups a recording, chosen in the training frames to look like assemblies."""
    certain = []
    for seed in range(4):
        recording = simulate_without_assemblies(kind, 300, 1500, seed=seed)
        train = split_blocks(recording.spikes).train
        signs = most_alike(recording.spikes, train, 10, 25)
        evidence = assembly_evidence(model_of(signs, recording.spikes), recording)
        assert not evidence.reason
        certain.append(evidence.n_certain)
    assert np.median(certain) == 0
    assert max(certain) <= 2


def test_planted_assemblies_are_certain_and_random_groups_are_not():
    simulation = simulate(n_neurons=500, n_frames=2000, n_assemblies=10, seed=2)
    spikes = simulation.recording.spikes
    planted = (simulation.truth.weights > 0).astype(np.int8)
    generator = np.random.default_rng(0)
    chance = np.zeros_like(planted)
    for unit in range(10):
        chance[generator.choice(500, 40, replace=False), unit] = 1
    model = model_of(np.hstack([planted, chance]), spikes)
    evidence = assembly_evidence(model, simulation.recording)
    assert evidence.table["certain"][:10].sum() >= 9
    assert evidence.table["certain"][10:].sum() <= 1
    assert f"{evidence.n_certain} of 20 tested assemblies are certain" in str(evidence)


def test_opposed_members_count_with_their_sign():
    generator = np.random.default_rng(1)
    on = np.repeat(generator.random(200) < 0.3, 5)
    chance = np.full((1000, 60), 0.2)
    chance[on, :20], chance[on, 20:30] = 0.5, 0.02
    spikes = Spikes.from_dense(generator.random(chance.shape) < chance)
    windows = Windows.of(spikes, np.arange(1000), 100)
    signs = np.zeros((60, 2), dtype=np.int8)
    signs[:20, :], signs[20:30] = 1, [-1, 1]
    found = coincidence(windows, signs)
    assert found.p[0] < 0.001
    assert found.excess[0] > found.excess[1]


def test_a_group_of_one_neuron_and_one_of_silent_neurons_are_no_evidence():
    generator = np.random.default_rng(0)
    activity = generator.random((400, 50)) < 0.1
    activity[:, :5] = False
    windows = Windows.of(Spikes.from_dense(activity), np.arange(400), 100)
    signs = np.zeros((50, 2), dtype=np.int8)
    signs[10, 0] = 1
    signs[:5, 1] = 1
    assert coincidence(windows, signs).p[0] == 1
    assert coincidence(windows, signs).p[1] > 0.3


def test_pair_covariances_are_those_of_detrended_activity():
    generator = np.random.default_rng(0)
    spikes = Spikes.from_dense(generator.random((300, 20)) < 0.2)
    windows = Windows.of(spikes, np.arange(300), 75)
    pairs = np.array([[0, 1], [3, 7], [5, 5]])
    activity = windows.detrended(spikes.dense().astype(float))
    expected = (activity[:, pairs[:, 0]] * activity[:, pairs[:, 1]]).mean(axis=0)
    np.testing.assert_allclose(windows.pair_covariances(pairs), expected, atol=1e-12)
    np.testing.assert_allclose(windows.variances(), (activity**2).mean(axis=0), atol=1e-12)


def test_windows_end_at_gaps_and_are_of_nearly_equal_length():
    spikes = Spikes.from_dense(np.zeros((1000, 3), dtype=bool))
    frames = np.concatenate([np.arange(100, 205), np.arange(600, 640)])
    windows = Windows.of(spikes, frames, 60)
    assert windows.edges.tolist() == [0, 52, 105, 145]


def test_crosstalk_is_found_at_the_distance_where_it_ends_and_only_where_it_is():
    distances = {}
    for kind in ("crosstalk", "autocorrelated"):
        recording = simulate_without_assemblies(kind, 1500, 1500, seed=1)
        windows = Windows.of(recording.spikes, np.arange(1500), 150)
        distances[kind] = crosstalk_distance_um(windows, recording.coordinates)
    assert 15 <= distances["crosstalk"] <= 30
    assert distances["autocorrelated"] == 0


def test_close_pairs_are_all_pairs_within_a_distance():
    places = np.array([[0, 0, 0], [0, 0, 5], [0, 0, 11]], dtype=np.float32)
    assert close_pairs(places, 0).shape == (0, 2)
    assert sorted(map(tuple, close_pairs(places, 6).tolist())) == [(0, 1), (1, 2)]
    places[1] = np.nan
    assert close_pairs(places, 6).tolist() == []
    assert close_pairs(places, 12).tolist() == [[0, 2]]


def test_autocorrelation_ends_where_activity_is_forgotten():
    lasting = simulate_without_assemblies("autocorrelated", 200, 3000, seed=0)
    independent = simulate_without_assemblies("independent", 200, 3000, seed=0)
    # (1 - 1/8)^k < 0.1 from k = 18 on.
    assert 14 <= autocorrelation_frames(lasting.spikes) <= 22
    assert autocorrelation_frames(independent.spikes) == 1


def test_outlier_frames_are_those_of_motion():
    counts = np.array([30, 35, 28, 31, 200, 33])
    assert outlier_frames(counts).tolist() == [False, False, False, False, True, False]
    assert not outlier_frames(np.array([0, 0, 1, 8])).any()


def test_what_cannot_be_tested_says_why():
    simulation = simulate(n_neurons=100, n_frames=300, n_assemblies=3, seed=0)
    signs = (simulation.truth.weights > 0).astype(np.int8)
    whole = model_of(signs, simulation.recording.spikes, n_test=0)
    evidence = assembly_evidence(whole, simulation.recording)
    assert "trained on all frames" in str(evidence)
    assert evidence.table["p"].isna().all()
    assert evidence.n_certain == 0

    short = simulate(n_neurons=100, n_frames=120, n_assemblies=3, seed=0).recording
    evidence = assembly_evidence(model_of(signs, short.spikes), short)
    assert f"{FEWEST_FRAMES} are needed" in evidence.reason


def test_recordings_with_missing_positions_or_none_are_tested():
    simulation = simulate(n_neurons=300, n_frames=1500, n_assemblies=5, seed=1)
    recording = simulation.recording
    signs = (simulation.truth.weights > 0).astype(np.int8)
    some = recording.coordinates.copy()
    some[::7] = np.nan
    for coordinates in (some, None):
        partly = replace(recording, coordinates=coordinates)
        evidence = assembly_evidence(model_of(signs, partly.spikes), partly)
        assert evidence.n_certain >= 4


def test_a_model_of_another_recording_gets_no_evidence():
    simulation = simulate(n_neurons=100, n_frames=600, n_assemblies=3, seed=0)
    other = simulate(n_neurons=100, n_frames=600, n_assemblies=3, seed=1).recording
    signs = (simulation.truth.weights > 0).astype(np.int8)
    model = model_of(signs, simulation.recording.spikes)
    model.recording_fingerprint_ = simulation.recording.spikes.fingerprint
    assert "another recording" in assembly_evidence(model, other).reason


@pytest.mark.parametrize(
    ("certain", "begins"),
    [
        (0, "None of 3 tested assemblies is certain: their members are not active"),
        (1, "1 of 3 tested assemblies is certain: its members are active"),
        (2, "2 of 3 tested assemblies are certain: their members are active"),
    ],
)
def test_the_sentence_counts_certain_assemblies(certain, begins):
    q = np.where(np.arange(3) < certain, 0.001, 0.5)
    table = pd.DataFrame({"coincidence": 1.0, "p": q, "q": q, "certain": q < 0.05})
    assert str(Evidence(table, 400, 1, 0, 0.0)).startswith(begins)
