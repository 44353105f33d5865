"""The guess doubts itself, and is offered where a reader does not fit."""

from __future__ import annotations

import numpy as np
import pytest

from napari_crbm.errors import FieldNotFound, UnknownLayout
from napari_crbm.io import open_recording
from napari_crbm.io.unknown.guess import guess
from napari_crbm.io.unknown.offer import described, offered

N, T = 58, 700


@pytest.fixture
def traces():
    """dF/F (T, N) that decays over several frames."""
    rng = np.random.default_rng(0)
    decay = np.exp(-np.arange(30) / 6)
    events = rng.random((T, N)) < 0.02
    return np.apply_along_axis(np.convolve, 0, events, decay)[:T] + rng.normal(0, 0.05, (T, N))


def profile(path, **arrays):
    np.savez(path, **arrays)
    return guess(path).profile


@pytest.mark.parametrize(
    "name", ["shifts", "rigid_shift", "motion", "iscell", "drift", "corrXY", "eye", "stim", "bad"]
)
def test_names_that_are_no_positions(tmp_path, traces, name):
    rng = np.random.default_rng(1)
    for count in (N, T):
        found = profile(tmp_path / "a.npz", C=traces.T, **{name: 300 * rng.random((count, 2))})
        assert found.positions == () and found.activity == "C" and found.neurons_first


def test_values_that_are_no_positions(tmp_path, traces):
    rng = np.random.default_rng(1)
    for values in (
        np.column_stack([np.ones(N), np.zeros(N)]),
        (rng.random((N, 2)) < 0.5).astype(float),
        np.tile([3.0, 4.0, 5.0], (N, 1)),
        np.full((N, 3), np.nan),
    ):
        for name in ("where", "coordinates"):
            assert profile(tmp_path / "a.npz", dff=traces, **{name: values}).positions == ()


def test_an_array_without_a_name_must_not_count_frames(tmp_path, traces):
    rng = np.random.default_rng(1)
    path = tmp_path / "a.npz"
    assert profile(path, C=traces.T, q=rng.random((T, 2))).positions == ()
    assert profile(path, C=traces, q=rng.random((T, 3))).positions == ()
    found = profile(path, C=traces, q=300 * rng.random((N, 3)))
    assert found.positions == ("q",) and not found.neurons_first
    spikes = (traces > 0.5).astype("u1")
    assert profile(path, a=spikes, q=rng.random((T, 2))).positions == ()
    # The right one is found behind a wrong one.
    found = profile(path, a=spikes, flags=np.ones((N, 2)), q=300 * rng.random((N, 2)))
    assert found.positions == ("q",)


@pytest.mark.parametrize(
    "name", ["neural", "neuron_data", "cell_traces", "roi", "dFF", "C", "S", "spks", "F"]
)
def test_names_in_common_use(tmp_path, traces, name):
    rng = np.random.default_rng(1)
    others = {
        "stimulus_movie": rng.random((T, 90)),
        "sound": rng.random((T, 200)),
        "video_mask": rng.random((T, 400)),
    }
    assert profile(tmp_path / "a.npz", **others, **{name: traces}).activity == name


def test_a_reader_that_goes_by_names_leaves_the_rest_to_the_guess(tmp_path, traces):
    path, rng = tmp_path / "a.npz", np.random.default_rng(1)
    np.savez(path, activity_matrix=traces.T, cell_coordinates=300 * rng.random((N, 2)))
    with pytest.raises(FieldNotFound, match=r"a\.npz: The file holds no activity") as caught:
        open_recording(path)
    assert isinstance(caught.value, UnknownLayout) and caught.value.path == path
    found = offered(path)
    assert found is not None
    assert described(path, found) == (
        "Its arrays seem to be: activity 'activity_matrix' (dF/F, 58 neurons in 700 frames), "
        "positions 'cell_coordinates' (micrometres, axes x, y)."
    )
    opened = open_recording(path, profile=found)
    assert opened.spikes.shape == (T, N) and opened.located.all()
    np.savez(path, a=np.arange(3))
    assert offered(path) is None
