"""Courses and events from tables: resampling within segments, and clear refusals."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from napari_crbm.errors import FormatError
from napari_crbm.io import course_columns, read_course, read_events
from napari_crbm.io.reading.course_tables import split_place
from napari_crbm.recording import Recording
from napari_crbm.spikes import Spikes


@pytest.fixture
def recording():
    """Two segments of 40 and 60 frames at 2 Hz, 20 s apart."""
    times = np.arange(100) / 2
    times[40:] += 20
    spikes = Spikes.from_dense(np.random.default_rng(0).random((100, 5)) < 0.2)
    return Recording(None, spikes, times)


def write(tmp_path, file="course.csv", **columns):
    path = tmp_path / file
    pd.DataFrame(columns).to_csv(path, index=False)
    return path


def test_one_row_per_frame(recording, tmp_path):
    values = np.arange(100.0)
    path = write(tmp_path, frame=np.arange(100), tail=values, eye=-values)
    np.testing.assert_array_equal(read_course(path, "tail", recording), values)
    assert course_columns(path) == ["tail", "eye"]
    only = write(tmp_path, "one.csv", tail=values)
    np.testing.assert_array_equal(read_course(only, "", recording), values)


def test_slow_samples_are_interpolated_within_segments(recording, tmp_path):
    times = np.arange(0, 75, 1.6)
    path = write(tmp_path, time_s=times, speed=3 * times)
    found = read_course(path, "speed", recording)
    known = np.isfinite(found)
    np.testing.assert_allclose(found[known], 3 * recording.times[known])
    # Segments last from 0 to 19.5 s and from 40 to 69.5 s. Frames before the first and after the
    # last sample in their segment have no value.
    assert np.flatnonzero(~known).tolist() == [39, 98, 99]


def test_fast_samples_are_averaged_over_each_frame(recording, tmp_path):
    times = np.arange(0, 75, 0.05)
    values = (np.round(times / 0.5) % 2 == 0).astype(float)
    found = read_course(write(tmp_path, t=times, beats=values), "beats", recording)
    assert np.isfinite(found).all()
    assert set(np.round(found[1:39:2], 2)) <= {0.0, 0.1} and found[2:39:2].min() >= 0.9


def test_gaps_of_the_table_have_no_value(recording, tmp_path):
    times = np.concatenate([np.arange(0, 6, 0.5), np.arange(12, 20, 0.5)])
    found = read_course(write(tmp_path, time=times, x=times), "x", recording)
    assert np.isfinite(found[:12]).all() and np.isnan(found[12:24]).all()
    assert np.isfinite(found[24:40]).all() and np.isnan(found[40:]).all()


@pytest.mark.parametrize(
    ("columns", "column", "words"),
    [
        ({"a": [1.0, 2.0]}, "a", "has 2 rows, the recording 100 frames"),
        ({"a": np.ones(100), "b": np.ones(100)}, "", "name one of 'a', 'b'"),
        ({"a": np.ones(100)}, "c", "no column of numbers 'c': it has 'a'"),
        ({"name": ["x"] * 100}, "", "no column of numbers"),
        ({"time_s": [1.0, 1.0], "a": [1, 2]}, "a", "times that increase"),
        ({"time_s": [500.0, 501.0], "a": [1, 2]}, "a", "do not overlap"),
    ],
)
def test_tables_that_do_not_fit_are_refused(recording, tmp_path, columns, column, words):
    with pytest.raises(FormatError, match=words):
        read_course(write(tmp_path, **columns), column, recording)


def test_files_that_are_no_tables_are_refused(recording, tmp_path):
    with pytest.raises(FormatError, match=r"must end in \.csv"):
        read_course(tmp_path / "tail.npy", "a", recording)
    with pytest.raises(FormatError, match="There is no file"):
        read_course(tmp_path / "tail.csv", "a", recording)
    twice = tmp_path / "twice.csv"
    twice.write_text("a, a\n" + "1,2\n" * 100)
    with pytest.raises(FormatError, match="two columns 'a'"):
        read_course(twice, "a", recording)


def test_events_in_frames_and_seconds(recording, tmp_path):
    frames = write(tmp_path, frame=[7, 3, 50])
    np.testing.assert_array_equal(read_events(frames, "", recording), [3, 7, 50])
    seconds = write(tmp_path, "s.csv", onset_s=[1.5, 1.6, 40.0], kind=["a", "b", "c"])
    np.testing.assert_array_equal(read_events(seconds, "", recording), [3, 4, 40])
    odd = write(tmp_path, "odd.csv", flashes=[2, 4])
    np.testing.assert_array_equal(read_events(odd, "flashes", recording, "seconds"), [4, 8])
    with pytest.raises(FormatError, match="does not say whether it holds frames or seconds"):
        read_events(odd, "flashes", recording)
    with pytest.raises(FormatError, match=r"1 of 2 onsets .* lie outside"):
        read_events(write(tmp_path, onset_s=[1.0, 99.0]), "", recording)
    with pytest.raises(FormatError, match="frames are 0 to 99"):
        read_events(write(tmp_path, frame=[1, 1000]), "", recording)
    with pytest.raises(FormatError, match="not whole"):
        read_events(write(tmp_path, frame=[1.5, 2]), "", recording)


def test_file_and_column_are_told_apart():
    assert split_place("a/tail.csv:angle") == (Path("a/tail.csv"), "angle")
    assert split_place("C:/x/tail.csv") == (Path("C:/x/tail.csv"), "")
    assert split_place("C:/x/tail.csv:a") == (Path("C:/x/tail.csv"), "a")
    assert split_place("stimulus") == (Path("stimulus"), "")


def test_segments_of_the_recording_bound_interpolation(recording, tmp_path):
    # One sample in each segment: nothing lies between them.
    joined = replace(recording, boundaries=(40,))
    path = write(tmp_path, time_s=[10.0, 55.0], a=[0.0, 1.0])
    found = read_course(path, "a", joined)
    assert np.isfinite(found).sum() == 2
