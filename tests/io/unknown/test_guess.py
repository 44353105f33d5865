"""The guess doubts itself, and is offered where a reader does not fit."""

from __future__ import annotations

import numpy as np
import pytest

from napari_crbm.errors import FieldNotFound, UnknownLayout
from napari_crbm.io import open_recording
from napari_crbm.io.unknown.guess import guess
from napari_crbm.io.unknown.offer import described, doubted, offered

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


def test_a_picture_is_no_activity(tmp_path, traces):
    rng = np.random.default_rng(1)
    rows, columns = np.mgrid[:120, :200]
    picture = 60 + 30 * np.sin(rows / 20) * np.cos(columns / 30) + rng.normal(0, 1, (120, 200))
    np.save(tmp_path / "brain.npy", picture.astype("u1"))
    np.save(tmp_path / "centroids.npy", 90 * rng.random((40, 3)))
    np.save(tmp_path / "labels.npy", np.zeros(40))
    found = guess(tmp_path / "brain.npy")
    assert (found.profile.activity, found.profile.positions) == ("", ())
    assert offered(tmp_path / "brain.npy") is None
    assert doubted(tmp_path / "brain.npy") == (
        "'brain.npy' changes slowly along both axes, as a picture does, so it is not taken for "
        "activity."
    )
    # Beside a picture, activity is found; positions of as many neurons speak for any array.
    assert profile(tmp_path / "a.npz", projection=picture, q=traces).activity == "q"
    positions = 300 * rng.random((200, 3))
    assert profile(tmp_path / "a.npz", q=picture, xyz=positions).activity == "q"
    # Neurons sorted by what they do are alike, but less than pixels.
    courses = traces[:200, :3].repeat(20, axis=1)
    np.save(tmp_path / "sorted.npy", courses + rng.normal(0, 0.05, courses.shape))
    assert guess(tmp_path / "sorted.npy").profile.activity == "sorted.npy"


def test_names_that_are_no_activity(tmp_path, traces):
    path = tmp_path / "a.npz"
    assert profile(path, stimulus=traces, sound=traces[:, :9]).activity == ""
    assert str(doubted(path)).startswith("'stimulus' has the name of something else")
    assert profile(path, stimulus_response_of_cells=traces).activity != ""
    # The name of a file of one array tells of the experiment.
    np.save(tmp_path / "stimulus_day.npy", traces)
    assert guess(tmp_path / "stimulus_day.npy").profile.activity == "stimulus_day.npy"


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
