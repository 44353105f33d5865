"""Recordings without assemblies: what they share, and that they share nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from napari_crbm.errors import RecordingError
from napari_crbm.simulation import simulate_without_assemblies
from napari_crbm.simulation.without_assemblies import KINDS


def raster(kind: str, **options: object) -> np.ndarray:
    recording = simulate_without_assemblies(kind, 200, 2000, seed=3, **options)
    return recording.spikes.dense().astype(float)


def mean_correlation(activity: np.ndarray) -> float:
    active = activity[:, activity.std(axis=0) > 0]
    matrix = np.corrcoef(active.T)
    return float(matrix[np.triu_indices(len(matrix), 1)].mean())


@pytest.mark.parametrize("kind", KINDS)
def test_same_seed_gives_the_same_recording_of_the_asked_activity(kind):
    one, two = raster(kind), raster(kind)
    assert np.array_equal(one, two)
    if kind not in ("crosstalk", "motion"):
        assert one.mean() == pytest.approx(0.035, rel=0.15)


def test_lasting_activity_is_alike_from_frame_to_frame_but_not_between_neurons():
    activity = raster("autocorrelated")
    centred = activity - activity.mean(axis=0)
    lag_one = (centred[1:] * centred[:-1]).sum() / (centred**2).sum()
    assert lag_one == pytest.approx(1 - 1 / 8, abs=0.05)
    assert abs(mean_correlation(activity)) < 0.01


def test_gain_and_motion_are_shared_by_all_neurons_and_drift_by_none():
    assert mean_correlation(raster("gain")) > 0.005
    assert mean_correlation(raster("motion")) > 0.02
    assert abs(mean_correlation(raster("drift"))) < 0.005


def test_crosstalk_ties_close_neighbours_only():
    recording = simulate_without_assemblies("crosstalk", 1500, 1500, seed=1)
    activity = recording.spikes.dense().astype(float)
    matrix = np.corrcoef(activity.T)
    places = recording.coordinates
    distance = np.linalg.norm(places[:, None] - places[None], axis=2)
    other = ~np.eye(len(places), dtype=bool)
    assert np.nanmean(matrix[other & (distance < 10)]) > 0.05
    assert abs(np.nanmean(matrix[distance > 100])) < 0.002


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "chaos"}, "kind 'chaos'.*autocorrelated"),
        ({"kind": "gain", "n_neurons": 3}, "at least 10 neurons"),
        ({"kind": "gain", "mean_activity": 0.7}, "between 0 and 0.5"),
        ({"kind": "gain", "frame_rate_hz": 0.0}, "frame rate"),
        ({"kind": "gain", "seed": -1}, "seed"),
    ],
)
def test_arguments_out_of_range_are_refused_by_name(arguments, message):
    with pytest.raises(RecordingError, match=message):
        simulate_without_assemblies(**arguments)
