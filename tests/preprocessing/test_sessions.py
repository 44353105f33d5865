"""Sessions of the same neurons, joined to one recording and split again."""

from dataclasses import replace

import numpy as np
import pytest

from napari_crbm.analysis import recording_health
from napari_crbm.errors import RecordingError
from napari_crbm.io import open_recording, save_recording
from napari_crbm.io.reading.traces import Held
from napari_crbm.io.writing.script import Script, open_again
from napari_crbm.preprocessing import Steps, join_sessions, preprocess, split_sessions
from napari_crbm.recording import Recording, Step
from napari_crbm.regions import Regions
from napari_crbm.spikes import Spikes

N = 11


def session(n_frames: int, seed: int, start_s: float = 0.0, **changes) -> Recording:
    generator = np.random.default_rng(seed)
    fields = {
        "coordinates": np.random.default_rng(0).uniform(0, 100, (N, 3)),
        "spikes": Spikes.from_dense(generator.random((n_frames, N)) < 0.3),
        "times": start_s + np.arange(n_frames) / 4,
        "name": f"day {seed}",
        "regions": Regions.from_labels([k % 3 for k in range(N)], ["A", "B", "C"]),
        "fluorescence": Held(generator.normal(size=(n_frames, N)).astype(np.float32)),
        "traces": {"tail": generator.normal(size=n_frames)},
        "metadata": {"fish": 3, "age_dpf": 5 + seed},
        "provenance": [Step("open", {"file": f"day{seed}.h5"}), Step("binarise", {"sd": 2.0})],
    }
    return Recording(**{**fields, **changes})


def require_equal(one: Recording, other: Recording) -> None:
    assert one.spikes == other.spikes and one.name == other.name
    np.testing.assert_array_equal(one.positions, other.positions)
    np.testing.assert_allclose(one.times, other.times, rtol=0, atol=1e-9)
    assert one.boundaries == other.boundaries
    assert dict(one.metadata) == dict(other.metadata)
    assert (one.regions.membership != other.regions.membership).nnz == 0
    assert list(one.traces) == list(other.traces)
    for name, trace in one.traces.items():
        np.testing.assert_array_equal(trace, other.traces[name])
    for neuron in (0, N - 1):
        np.testing.assert_array_equal(
            one.fluorescence.trace(neuron), other.fluorescence.trace(neuron)
        )


def test_sessions_come_back_as_they_were(tmp_path):
    sessions = [session(30, 1), session(45, 2, boundaries=(20,)), session(25, 3, start_s=1.5)]
    joined = join_sessions(sessions)
    assert joined.segments == ((0, 30), (30, 50), (50, 75), (75, 100))
    assert joined.name == "day 1 + day 2 + day 3"
    np.testing.assert_allclose(np.diff(joined.times), 0.25)
    assert joined.metadata["fish"] == 3 and joined.metadata["day 2: age_dpf"] == 7
    np.testing.assert_array_equal(
        joined.fluorescence.frames(25, 80),
        np.concatenate([each.fluorescence.frames(0, 99) for each in sessions])[25:80],
    )
    # Through a file, too.
    for whole in (joined, open_recording(save_recording(joined, tmp_path / "joined.h5"))):
        parts = split_sessions(whole)
        assert len(parts) == 3
        for part, own in zip(parts, sessions, strict=True):
            require_equal(part, own)
            *steps, last = part.provenance
            assert last.name == "split sessions"
            assert sorted(map(repr, own.provenance)) == sorted(
                repr(step) for step in steps if step.parameters.get("format") != "napari-crbm"
            )


def test_times_of_one_clock_are_kept():
    joined = join_sessions([session(20, 1), session(20, 2, start_s=3600.0)])
    assert joined.times[20] == 3600.0
    assert joined.provenance[-1].parameters["shifts_s"] == [0.0, 0.0]
    assert "segments" in [each.kind for each in recording_health(joined).findings]


def test_steps_of_all_sessions_are_kept_and_say_whose_they_are():
    joined = join_sessions([session(20, 1), session(20, 2)], names=["night", "day"])
    steps = [(step.name, step.parameters.get("session")) for step in joined.provenance]
    assert steps == [
        ("binarise", None),
        ("open", "night"),
        ("open", "day"),
        ("join sessions", None),
    ]
    assert joined.provenance[-1].parameters["frames"] == [20, 20]
    script = Script()
    open_again(script, joined)
    assert "open_recording" in str(script)


def test_frames_left_out_after_joining_stay_left_out():
    joined = join_sessions([session(40, 1), session(40, 2)])
    kept = preprocess(joined, Steps(method="keep", drop_frames=((35, 44),)))
    parts = split_sessions(kept)
    assert [part.n_frames for part in parts] == [35, 35]
    assert parts[1].times[0] == pytest.approx(5 / 4)


def test_a_recording_with_a_gap_splits_into_its_segments():
    times = np.arange(40) / 4
    times[25:] += 60.0
    first, second = split_sessions(session(40, 1, times=times))
    assert (first.n_frames, second.n_frames) == (25, 15)
    assert second.times[0] == times[25]
    assert (first.name, second.name) == ("day 1 1", "day 1 2")


def test_a_session_without_positions_takes_those_of_the_others():
    joined = join_sessions([session(20, 1, coordinates=None, regions=None), session(20, 2)])
    np.testing.assert_array_equal(joined.positions, session(20, 2).positions)
    assert joined.regions.names == ("A", "B", "C")
    neither = [session(20, seed, coordinates=None) for seed in (1, 2)]
    assert join_sessions(neither).coordinates is None


def test_what_only_some_have_is_left_out_with_a_warning():
    with pytest.warns(UserWarning, match=r"fluorescence, the trace 'tail'"):
        joined = join_sessions([session(20, 1), session(20, 2, fluorescence=None, traces={})])
    assert joined.fluorescence is None and not joined.traces


MOVED = session(1, 0).positions + np.float32(5)


@pytest.mark.parametrize(
    ("other", "says"),
    [
        (lambda: session(20, 2).select_neurons(np.arange(N - 1), "x"), r"11 neurons.*10"),
        (lambda: session(20, 2, coordinates=MOVED), r"11 of 11 neurons differ by more than 1 um"),
        (
            lambda: session(20, 2, coordinates=session(1, 0).positions[::-1]),
            "in another order: sort",
        ),
        (
            lambda: session(20, 2, regions=Regions.from_labels([0] * N, ["A", "B", "D"])),
            "different regions",
        ),
        (
            lambda: session(20, 2, regions=Regions.from_labels([0] * N, ["A", "B", "C"])),
            "7 of 11 neurons lie in other regions",
        ),
        (lambda: session(20, 2, times=np.arange(20) / 8.0), "4 Hz, 'day 2' 8 Hz"),
        (lambda: session(20, 1, name="copy"), "same activity"),
    ],
)
def test_what_differs_is_said(other, says):
    with pytest.raises(RecordingError, match=says):
        join_sessions([session(20, 1), other()])


def test_one_session_is_nothing_to_join_or_split():
    with pytest.raises(RecordingError, match="two sessions or more"):
        join_sessions([session(20, 1)])
    with pytest.raises(RecordingError, match="nothing to split"):
        split_sessions(session(20, 1))
    with pytest.raises(RecordingError, match="2 sessions, but 1 names"):
        join_sessions([session(20, 1), session(20, 2)], names=["a"])


def test_a_larger_distance_can_be_allowed_and_names_become_different():
    moved = replace(session(20, 2, coordinates=MOVED), name="day 1")
    joined = join_sessions([session(20, 1), moved], within_um=10.0)
    np.testing.assert_array_equal(joined.positions, session(20, 1).positions)
    assert joined.provenance[-1].parameters["sessions"] == ["day 1", "day 1 (2)"]


def test_a_joined_recording_joins_again():
    both = join_sessions([session(20, 1), session(20, 2)])
    more = join_sessions([both, session(20, 3)])
    assert more.segments == ((0, 20), (20, 40), (40, 60))
    again, last = split_sessions(more)
    assert [part.name for part in split_sessions(again)] == ["day 1", "day 2"]
    require_equal(last, session(20, 3))
