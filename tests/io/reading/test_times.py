"""Time is a quantity: its unit, its number, and the segments that it falls into."""

from __future__ import annotations

import warnings
from dataclasses import replace

import h5py
import numpy as np
import pytest

from napari_crbm.errors import RecordingError
from napari_crbm.io import open_recording, save_recording
from napari_crbm.preprocessing import Steps, events, preprocess, stages
from napari_crbm.recording import Recording
from napari_crbm.spikes import Spikes
from tests.io.files import small_recording

N, T = 12, 60


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    return {"spikes": (rng.random((T, N)) < 0.2).astype("u1"), "coords": 500 * rng.random((N, 3))}


def write(path, arrays, times):
    with h5py.File(path, "w") as file:
        for name, values in (arrays | {"times": times}).items():
            file[name] = values
    return path


@pytest.mark.parametrize(
    ("interval", "unit", "said"),
    [
        (400.0, "ms", "probably in milliseconds, which would be 2.5 Hz"),
        (33_333.0, "us", "probably in microseconds, which would be 30 Hz"),
        (5e5, "us", "probably in microseconds, which would be 2 Hz"),
        (2e8, "ns", "probably in nanoseconds, which would be 5 Hz"),
        (1e-5, None, "check them, or set"),
    ],
)
def test_another_unit_is_told_and_can_be_set(arrays, tmp_path, interval, unit, said):
    path = write(tmp_path / "fish.h5", arrays, np.arange(T) * interval)
    with pytest.warns(UserWarning, match="outside 0.1 to 1,000 Hz") as caught:
        opened = open_recording(path)
    assert said in str(caught[0].message)
    assert opened.times[1] == interval, "nothing is changed without being asked to"
    if unit is None:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        opened = open_recording(path, time_unit=unit)
    seconds = {"ms": 1e-3, "us": 1e-6, "ns": 1e-9}[unit]
    np.testing.assert_allclose(opened.times, np.arange(T) * interval * seconds)
    assert opened.provenance[-1].parameters == {"unit": unit}
    assert opened.source.options == {"time_unit": unit}


@pytest.mark.parametrize("rate", [0.1, 0.5, 3.9, 30.0, 1000.0])
def test_usual_rates_are_no_reason_to_warn(arrays, tmp_path, rate):
    path = write(tmp_path / "fish.h5", arrays, np.arange(T) / rate)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        open_recording(path)


@pytest.mark.parametrize("wrong", [T + 1, T - 1])
@pytest.mark.parametrize("ending", ["h5", "npz"])
def test_as_many_times_as_frames(arrays, tmp_path, ending, wrong):
    path = tmp_path / f"fish.{ending}"
    if ending == "h5":
        write(path, arrays, np.arange(wrong))
    else:
        np.savez(path, **arrays, times=np.arange(wrong))
    with pytest.raises(RecordingError, match=f"{wrong} times, but there are {T} frames"):
        open_recording(path)
    assert open_recording(path, frame_rate_hz=4.0).frame_interval_s == 0.25


def test_segments(tmp_path):
    whole = small_recording()
    n = whole.n_frames
    assert whole.segments == ((0, n),)
    times = np.arange(n) / 4.0
    times[30:] += 600
    times[50:] += 0.5
    gap = replace(whole, times=times)
    assert gap.segments == ((0, 30), (30, n)), "two dropped frames are no gap"
    assert "in 2 segments" in repr(gap)
    joined = replace(gap, boundaries=(10, 10, 30))
    assert joined.segments == ((0, 10), (10, 30), (30, n)) and joined.boundaries == (10, 30)
    read = open_recording(save_recording(joined, tmp_path / "fish.h5"))
    assert read.segments == joined.segments and read.boundaries == (10, 30)
    with pytest.raises(RecordingError, match="Boundaries are frames from 1 to 69"):
        replace(whole, boundaries=(0,))
    kept = preprocess(joined, Steps(method="keep", drop_frames=((0, 4), (20, 29))))
    assert kept.segments == ((0, 5), (5, 15), (15, n - 15))


def two_sessions():
    """Noise at two levels, the second session far brighter."""
    rng = np.random.default_rng(1)
    traces = rng.normal(0, 0.01, size=(200, 3)).astype(np.float32)
    traces[100:] += 50
    return traces


def test_no_event_between_segments():
    traces = two_sessions()
    assert events(traces, 3.0)[100].all(), "read as one, the second session begins with an event"
    steps = Steps(method="events", threshold=3.0)
    assert not stages(traces, 4.0, steps, (0, 100)).active[100].any()


@pytest.mark.parametrize("method", ["events", "level"])
def test_baselines_stay_within_a_segment(method):
    traces = two_sessions()
    steps = Steps(method=method, threshold=4.0, baseline_s=10.0)
    apart = stages(traces, 4.0, steps, (0, 100))
    assert np.abs(apart.dff).max() < 0.1 and not apart.active.any()
    assert np.abs(stages(traces, 4.0, steps).dff).max() > 10
    for part in (slice(0, 100), slice(100, 200)):
        alone = stages(traces[part], 4.0, steps)
        np.testing.assert_array_equal(apart.dff[part], alone.dff)


def test_preprocessing_finds_the_segments():
    class Held:
        shape = (200, 3)

        def trace(self, neuron):
            return two_sessions()[:, neuron]

        def frames(self, start, stop):
            return two_sessions()[start:stop]

    times = np.arange(200) / 4.0
    spikes = Spikes.from_dense(np.zeros((200, 3), bool))
    steps = Steps(method="events", threshold=3.0, baseline_s=10.0, burn_in_s=5.0)
    found = []
    for gap in (0.0, 600.0):
        times[100:] += gap
        made = Recording(np.eye(3), spikes, times.copy(), fluorescence=Held())
        found.append(preprocess(made, steps).spikes.dense()[80])
    assert found[0].all() and not found[1].any()
