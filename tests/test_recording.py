from __future__ import annotations

import numpy as np
import pytest

from napari_crbm.errors import RecordingError
from napari_crbm.recording import Recording, Step
from napari_crbm.regions import Regions
from napari_crbm.spikes import Spikes

T, N = 12, 5


class Fluorescence:
    shape = (T, N)


def make(**changes):
    generator = np.random.default_rng(0)
    fields = {
        "coordinates": np.arange(3.0 * N).reshape(N, 3),
        "spikes": Spikes.from_dense(generator.random((T, N)) < 0.4),
        "times": np.arange(T) / 4,
        "regions": Regions.from_labels([0, 0, 1, -1, 1], ["A", "B"]),
        "traces": {"tail": np.arange(T)},
        "metadata": {"age_dpf": 6},
        "provenance": [Step("open", {"file": "fish.h5"})],
    }
    return Recording(**{**fields, **changes})


def test_sizes_and_times():
    recording = make(times=10 + np.arange(T) / 4)
    assert (recording.n_frames, recording.n_neurons) == (T, N)
    assert recording.frame_interval_s == 0.25
    assert recording.duration_s == pytest.approx(T / 4)
    assert recording.coordinates.dtype == np.float32
    assert recording.times.dtype == np.float64


def test_a_single_frame_has_no_interval():
    recording = Recording(np.zeros((2, 3)), Spikes.from_dense([[0, 1]]), np.array([3.0]))
    assert recording.frame_interval_s == 0
    assert recording.duration_s == 0
    assert "0.00 Hz" in repr(recording)


def test_nothing_can_be_changed():
    coordinates, times, trace = np.zeros((N, 3)), np.arange(T) / 4, np.zeros(T)
    recording = make(coordinates=coordinates, times=times, traces={"tail": trace})
    for own in (recording.coordinates, recording.times, recording.traces["tail"]):
        with pytest.raises(ValueError, match="read-only"):
            own[0] = 1
    with pytest.raises(TypeError):
        recording.metadata["age_dpf"] = 7
    with pytest.raises(AttributeError):
        recording.name = "other"
    # The caller's arrays stay the caller's.
    coordinates[0] = times[0] = trace[0] = -1
    assert recording.coordinates[0, 0] == recording.times[0] == recording.traces["tail"][0] == 0


def test_selecting_neurons_keeps_everything_together():
    recording = make(fluorescence=Fluorescence())
    chosen = recording.select_neurons(np.array([4, 0]), "for a test")
    np.testing.assert_array_equal(chosen.coordinates, recording.coordinates[[4, 0]])
    np.testing.assert_array_equal(chosen.spikes.dense(), recording.spikes.dense()[:, [4, 0]])
    assert chosen.regions.of_neuron(0) == ["B"]
    assert chosen.fluorescence is None
    np.testing.assert_array_equal(chosen.times, recording.times)
    assert chosen.provenance[-1] == Step(
        "select neurons", {"why": "for a test", "kept": 2, "of": N}
    )
    mask = np.array([True, False, False, False, False])
    assert make(regions=None).select_neurons(mask, "one").n_neurons == 1


def test_provenance_grows():
    recording = make().with_step("binarise", threshold_sd=2.0)
    assert [step.name for step in recording.provenance] == ["open", "binarise"]
    assert recording.provenance[1].parameters == {"threshold_sd": 2.0}


def test_fingerprint_tells_recordings_apart():
    recording = make()
    assert recording.fingerprint == make(name="other").fingerprint
    assert recording.fingerprint != make(coordinates=np.ones((N, 3))).fingerprint
    assert recording.fingerprint != make(spikes=Spikes.from_dense(np.ones((T, N)))).fingerprint


def test_repr_says_what_matters():
    text = repr(make(name="larva"))
    parts = ("'larva'", "5 neurons x 12 frames", "3.0 s at 4.00 Hz", "tail")
    for part in (*parts, "2, with 4 of 5 neurons"):
        assert part in text


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"coordinates": np.zeros((3, N))}, r"shape \(neurons, 3\).*found \(3, 5\)"),
        ({"coordinates": np.zeros((N, 2))}, r"found \(5, 2\)"),
        ({"coordinates": np.zeros((N + 1, 3))}, "6 neurons, the activity has 5"),
        ({"coordinates": np.zeros((T, 3))}, "look swapped"),
        ({"coordinates": np.array([[0, 0, 0]] * 4 + [[0, np.inf, 0]])}, "1 of 5.*neuron 4"),
        ({"times": np.arange(T + 1)}, "one for each of 12 frames"),
        ({"times": np.full(T, np.nan)}, "not finite"),
        ({"times": np.r_[0, 0 : T - 1]}, "after frame 0"),
        ({"regions": Regions.from_labels([0], ["A"])}, "Regions describe 1 neurons"),
        ({"traces": {"tail": np.zeros(T - 1)}}, "Trace 'tail'"),
    ],
)
def test_contradictions_are_named(changes, message):
    with pytest.raises(RecordingError, match=message):
        make(**changes)


def test_fluorescence_must_fit():
    class Longer:
        shape = (T + 1, N)

    assert make(fluorescence=Fluorescence()).fluorescence is not None
    with pytest.raises(RecordingError, match=r"Fluorescence has shape \(13, 5\)"):
        make(fluorescence=Longer())
