"""Nothing that is computed across frames crosses the border of a segment.

Each recording here is two sessions that were recorded on different days. Whatever was computed
over the two joined must be that of the two apart.
"""

from __future__ import annotations

import numpy as np
import pytest

from napari_crbm import CRBM, Recording, Settings, Spikes
from napari_crbm.analysis import peaks
from napari_crbm.analysis.evidence.windows import Windows
from napari_crbm.analysis.states.combinations import combinations, state_table
from napari_crbm.analysis.statistics.lagged import lagged_correlations
from napari_crbm.model import Training

FIRST, T = 120, 300
SEGMENTS = ((0, FIRST), (FIRST, T))


def joined(how):
    times = np.arange(T) / 4.0
    boundaries = ()
    if how == "gap":
        times[FIRST:] += 86_400
    else:
        boundaries = (FIRST,)
    raster = np.random.default_rng(0).random((T, 30)) < 0.2
    spikes = Spikes.from_dense(raster)
    return Recording(coordinates=None, spikes=spikes, times=times, boundaries=boundaries)


@pytest.mark.parametrize("how", ["gap", "boundary"])
def test_numbers_of_frames_are_consecutive_within_segments_only(how):
    recording = joined(how)
    assert recording.segments == SEGMENTS
    numbers = recording.frame_numbers
    steps = np.diff(numbers)
    assert (np.delete(steps, FIRST - 1) == 1).all() and steps[FIRST - 1] > T
    assert (
        Recording(coordinates=None, spikes=recording.spikes, times=np.arange(T)).frame_numbers
        == np.arange(T)
    ).all()


@pytest.mark.parametrize("lag", [1, 5, 200])
def test_lagged_correlations_leave_out_pairs_across(lag):
    # One unit switches on at the end of the first session, the other at the start of the second:
    # across the border the second follows the first.
    activity = np.random.default_rng(1).normal(size=(T, 2))
    activity[FIRST - 5 : FIRST, 0] += 100
    activity[FIRST : FIRST + 5, 1] += 100
    numbers = joined("gap").frame_numbers
    if lag >= T - FIRST:
        with pytest.raises(Exception, match="does not fit"):
            lagged_correlations(activity, np.array([lag]), numbers)
        return
    across = lagged_correlations(activity, np.array([lag]))[0, 0, 1]
    within = lagged_correlations(activity, np.array([lag]), numbers)[0, 0, 1]
    assert across > 0.15 and abs(within) < 0.1


@pytest.mark.parametrize(
    ("intervals", "column", "within", "across"),
    [
        ([(20, 30), (FIRST - 20, FIRST + 30)], "on_s", 10, 30),
        ([(20, 30), (FIRST + 20, FIRST + 30)], "off_s", np.nan, 110),
        ([(20, 30), (FIRST + 20, FIRST + 30)], "period_s", np.nan, 120),
    ],
)
def test_durations_end_with_their_segment(intervals, column, within, across):
    on = np.zeros(T)
    for start, stop in intervals:
        on[start:stop] = 1
    activity = np.column_stack([on, 1 - on]) + 1e-3 * np.random.default_rng(0).random((T, 2))
    found = state_table(activity, 1.0, segments=SEGMENTS).loc[0, column]
    np.testing.assert_equal(found, within)
    assert state_table(activity, 1.0).loc[0, column] == across


def test_episodes_begin_anew_in_a_segment():
    on = np.zeros((T, 1), dtype=bool)
    on[FIRST - 5 : FIRST + 5] = True
    table = combinations(on, np.arange(T), SEGMENTS)
    assert table.loc[table["n_assemblies"] == 1, "n_episodes"].item() == 2
    assert combinations(on, np.arange(T))["n_episodes"].tolist() == [2, 1]
    activity = on[:, 0] * np.linspace(1, 2, T)
    np.testing.assert_array_equal(peaks(activity, SEGMENTS), [FIRST - 1, FIRST + 4])
    np.testing.assert_array_equal(peaks(activity), [FIRST + 4])


def test_windows_of_evidence_and_so_its_shifts_stay_within_a_segment():
    recording = joined("gap")
    frames = np.arange(T)
    windows = Windows.of(recording.spikes, frames, 90, recording.frame_numbers)
    assert FIRST in windows.edges
    assert FIRST not in Windows.of(recording.spikes, frames, 90).edges


def test_evaluation_and_evidence_use_the_segments(monkeypatch):
    from napari_crbm import analysis
    from napari_crbm.analysis.evidence import assessment
    from napari_crbm.analysis.statistics import evaluation

    recording = joined("boundary")
    settings = Settings.named("quick", n_updates=2, n_hidden=2)
    model = CRBM(**settings.as_dict()).fit(recording)
    seen = []
    real = assessment.Windows.of.__func__

    def of(cls, spikes, frames, longest, numbers=None):
        seen.append(np.asarray(numbers))
        return real(cls, spikes, frames, longest, numbers)

    monkeypatch.setattr(assessment.Windows, "of", classmethod(of))
    monkeypatch.setattr(assessment, "FEWEST_FRAMES", 2)
    analysis.assembly_evidence(model, recording)
    compared = evaluation.compare_lagged

    def lagged(*activity, frames, **options):
        seen.extend(frames)
        return compared(*activity, frames=frames, **options)

    monkeypatch.setattr(evaluation, "compare_lagged", lagged)
    analysis.evaluate_held_out(model, recording, n_samples=20, n_chains=5)
    assert len(seen) >= 3
    jump = recording.frame_numbers[FIRST] - recording.frame_numbers[FIRST - 1]
    assert all(numbers.max() >= jump for numbers in seen)


def test_a_training_tells_where_segments_begin_among_its_frames():
    recording = joined("boundary")
    training = Training(
        recording.spikes,
        Settings(n_hidden=2, n_updates=1, n_threads=1),
        segments=recording.segments,
    )
    training.make_updates(1)
    train = training.model().split_["train"]
    (border,) = training._borders()
    assert train[border - 1] < FIRST <= train[border]
