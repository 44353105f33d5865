"""Averages around events: exact values, bands, and events that stay in their segment."""

import numpy as np
import pytest

from napari_crbm.analysis.courses.events import onsets, triggered_average
from napari_crbm.errors import RecordingError
from tests.analysis.courses.test_shifts import N_FRAMES, drifting, lasting


def average(activity, events, segments=((0, N_FRAMES),), n_shuffles=199, seed=0):
    return triggered_average(
        activity, events, 10, 20, segments, 150, n_shuffles=n_shuffles, random_state=seed
    )


def test_the_average_is_that_of_the_frames_around_events():
    rng = np.random.default_rng(0)
    activity, events = lasting(rng, 3), np.array([100, 300, 301, 900])
    found = average(activity, events)
    expected = np.mean([activity[each - 10 : each + 21] for each in events], axis=0)
    np.testing.assert_allclose(found.mean, expected)
    np.testing.assert_allclose(found.baseline, expected[:10].mean(axis=0))
    change = expected[10:] - found.baseline
    np.testing.assert_allclose(np.abs(found.peak), np.abs(change).max(axis=0))
    np.testing.assert_array_equal(found.peak_offset, np.abs(change).argmax(axis=0))


def test_events_near_a_border_are_left_out():
    events = np.array([5, 100, 305, 295, 400, 500, N_FRAMES - 5])
    found = average(np.zeros((N_FRAMES, 1)), events, ((0, 300), (300, N_FRAMES)))
    np.testing.assert_array_equal(found.events, [100, 400, 500])
    with pytest.raises(RecordingError, match="needs 3 events; 2 of 3"):
        average(np.zeros((N_FRAMES, 1)), np.array([100, 200, 295]), ((0, 300), (300, N_FRAMES)))


def test_responses_are_found_and_the_band_holds_the_others():
    rng = np.random.default_rng(1)
    activity = lasting(rng, 40) / 2
    events = np.sort(rng.choice(np.arange(20, N_FRAMES - 30), 30, replace=False))
    for event in events:
        activity[event + 4 : event + 8, 7] += 2
    found = average(activity, events, n_shuffles=1999)
    assert found.p[7] < 0.001 and 4 <= found.peak_offset[7] < 8 and found.peak[7] > 1
    others = np.delete(np.arange(40), 7)
    outside = (found.mean < found.low) | (found.mean > found.high)
    assert outside[:, others].mean() < 0.1
    assert outside[14:18, 7].all()


def test_independent_events_rarely_have_responses():
    found = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        events = np.cumsum(rng.integers(10, 70, 40))
        found.append(average(drifting(rng, 60), events[events < N_FRAMES], seed=seed).p < 0.05)
    assert np.mean(found) < 0.08


def test_shifted_events_stay_in_their_segment():
    # Activity differs between the segments: shifts across the border would widen the band.
    activity = np.zeros((N_FRAMES, 1))
    activity[700:] = 10
    events = np.array([100, 200, 300, 1000, 1100, 1200])
    found = average(activity, events, ((0, 700), (700, N_FRAMES)))
    np.testing.assert_allclose(found.low, 5)
    np.testing.assert_allclose(found.high, 5)
    assert np.isnan(found.p).all()


def test_onsets_are_rises_within_a_segment():
    course = np.array([1, 0, 1, 1, 0, 1, 0, np.nan, 1, 0, 1.0])
    np.testing.assert_array_equal(onsets(course, 0.5, [(0, 5), (5, 11)]), [2, 10])
