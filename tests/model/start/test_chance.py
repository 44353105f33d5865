"""Components beyond chance: none without assemblies, nearly all planted ones."""

from __future__ import annotations

import numpy as np
import pytest

from napari_crbm.model.start import chance
from napari_crbm.model.start.chance import (
    lasting,
    n_beyond_chance,
    slow_courses,
    tied_by_crosstalk,
)
from napari_crbm.model.start.components import largest_by_chance, principal_components
from napari_crbm.model.start.effective_frames import effective_frames
from napari_crbm.simulation import simulate, simulate_without_assemblies, without_assemblies
from napari_crbm.spikes import Spikes


def above_the_edge(spikes: Spikes) -> int:
    variances = principal_components(spikes, 60, 0).variances
    return int((variances > largest_by_chance(np.ones(1), spikes)).sum())


@pytest.mark.parametrize(
    ("kind", "frames", "edge"),
    [
        ("autocorrelated", 3.0, 20),
        ("autocorrelated", 20.0, 20),
        ("gain", 8.0, 4),
        ("drift", 8.0, 2),
        ("motion", 8.0, 5),
    ],
)
def test_independent_neurons_have_no_component_beyond_chance(kind, frames, edge, monkeypatch):
    monkeypatch.setattr(without_assemblies, "LASTING_FRAMES", frames)
    recordings = [simulate_without_assemblies(kind, 300, 1500, seed=seed) for seed in range(2)]
    found = [n_beyond_chance(each.spikes, 60, 0, each.coordinates) for each in recordings]
    assert min(found) == 0 and max(found) <= 1
    # The edge of noise that is independent in time is exceeded in all of them.
    assert min(above_the_edge(each.spikes) for each in recordings) >= edge


def test_crosstalk_between_neighbours_is_no_evidence():
    recording = simulate_without_assemblies("crosstalk", 1000, 1500, seed=0)
    assert n_beyond_chance(recording.spikes, 60, 0) >= 2
    assert n_beyond_chance(recording.spikes, 60, 0, recording.coordinates) <= 1


@pytest.mark.parametrize("options", [{}, {"gain": 0.25}, {"mean_activity": 0.016}])
def test_planted_assemblies_are_beyond_chance(options):
    recording = simulate(300, 1500, 10, seed=1, **options).recording
    found = n_beyond_chance(recording.spikes, 60, 0, recording.coordinates)
    assert 9 <= found <= 12
    assert n_beyond_chance(recording.spikes, 4, 0, recording.coordinates) == 4
    assert n_beyond_chance(recording.spikes, 60, 0, recording.coordinates) == found


def sessions(n_neurons: int, n_sessions: int, seed: int) -> tuple[Spikes, list[int]]:
    """Independent neurons whose rates jump from session to session, and where sessions begin."""
    rng = np.random.default_rng(seed)
    rates = np.minimum(0.035 * np.exp(rng.normal(-1.1, 1.5, (n_sessions, n_neurons))), 0.5)
    parts = [rng.random((400, n_neurons)) < each for each in rates]
    return Spikes.from_dense(np.vstack(parts)), [400 * k for k in range(1, n_sessions)]


@pytest.mark.parametrize("seed", [0, 1])
def test_rates_that_jump_between_segments_are_not_beyond_chance(seed):
    spikes, borders = sessions(1000, 4, seed)
    assert n_beyond_chance(spikes, 60, 0) >= 1
    assert n_beyond_chance(spikes, 60, 0, borders=borders) == 0


def test_shifts_stay_within_segments():
    courses = np.random.default_rng(0).normal(size=(300, 4)).astype(np.float32)
    courses[:100] += 50
    moved = chance._shifted(courses, np.arange(4), [0, 100, 300], np.random.default_rng(1))
    assert not np.array_equal(moved, courses)
    for part in (slice(0, 100), slice(100, 300)):
        np.testing.assert_array_equal(np.sort(moved[part], axis=0), np.sort(courses[part], axis=0))


def test_planted_assemblies_in_several_segments_are_beyond_chance():
    recording = simulate(300, 1500, 10, seed=1).recording
    assert 8 <= n_beyond_chance(recording.spikes, 60, 0, borders=[300, 600, 900]) <= 12


def test_drift_is_described_within_segments_and_short_ones_are_joined():
    courses = slow_courses(1000, [30, 400, 950])
    assert (courses[:400, courses[500] != 0] == 0).all()
    inside = courses[:, courses[100] != 0]
    assert (inside[:400, 0] == 1).all() and (inside[400:] == 0).all()


def test_recordings_of_hardly_any_activity_have_nothing_beyond_chance():
    for raster in (np.zeros((40, 5)), np.eye(3), np.ones((30, 4)), np.eye(60)[:, :2]):
        assert n_beyond_chance(Spikes.from_dense(raster.astype(np.uint8)), 10, 0) == 0


def test_close_neighbours_are_tied_and_long_chains_are_cut():
    places = np.array([[0, 0, 0], [10, 0, 0], [25, 0, 0], [60, 0, 0], [np.nan, 0, 0], [70, 0, 0]])
    labels = tied_by_crosstalk(places)
    assert labels[0] == labels[1] == labels[2]
    assert labels[3] == labels[5] != labels[0]
    assert (labels == labels[4]).sum() == 1
    line = np.column_stack([np.arange(0, 3000, 10.0), np.zeros(300), np.zeros(300)])
    counts = np.unique(tied_by_crosstalk(line), return_counts=True)[1]
    assert len(counts) > 50 and counts.max() <= 5


def test_lasting_activity_enlarges_the_components_of_chance(monkeypatch):
    nothing = np.zeros((1000, 0), dtype=np.float32)
    independent = simulate_without_assemblies("independent", 200, 1000, seed=0).spikes
    assert lasting(independent, nothing, 0) == pytest.approx(1, abs=0.08)
    several = simulate_without_assemblies("autocorrelated", 200, 1000, seed=0).spikes
    assert lasting(several, nothing, 0) > 1.5


@pytest.mark.parametrize("frames", [3.0, 8.0])
def test_effective_frames_predict_the_spread_of_covariances(frames, monkeypatch):
    monkeypatch.setattr(without_assemblies, "LASTING_FRAMES", frames)
    spikes = simulate_without_assemblies("autocorrelated", 150, 3000, seed=2).spikes
    matrix = np.corrcoef(spikes.dense()[:, spikes.neuron_counts > 100].T.astype(float))
    spread = matrix[np.triu_indices(len(matrix), 1)].std()
    assert effective_frames(spikes) == pytest.approx(1 / spread**2, rel=0.15)


def test_independent_frames_count_fully():
    spikes = simulate_without_assemblies("independent", 200, 2000, seed=0).spikes
    assert effective_frames(spikes) == pytest.approx(2000, rel=0.01)
    assert effective_frames(Spikes.from_dense(np.zeros((50, 3), dtype=np.uint8))) == 50
