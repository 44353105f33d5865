"""Plain arrays in NumPy archives and MATLAB files."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.io import savemat

from napari_crbm.errors import CRBMError, FormatError, RecordingError, SettingError
from napari_crbm.io import open_recording, read_kind

pytestmark = pytest.mark.filterwarnings("ignore:The recording has no frame times:UserWarning")


def content(n_frames=50, n_neurons=9, seed=0):
    generator = np.random.default_rng(seed)
    return generator.random((n_frames, n_neurons)) < 0.2, generator.random((n_neurons, 3)) * 300


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    n_frames=st.integers(2, 40),
    n_neurons=st.integers(4, 30),
    transposed=st.booleans(),
    positions_transposed=st.booleans(),
    dtype=st.sampled_from(["?", "u1", "<f4", ">i4", ">f8"]),
)
def test_every_orientation_and_type(
    tmp_path, n_frames, n_neurons, transposed, positions_transposed, dtype
):
    comes_back(tmp_path, n_frames, n_neurons, transposed, positions_transposed, dtype)


# Each of MATLAB's files takes a process of its own, and so half a second.
@pytest.mark.parametrize(
    ("transposed", "positions_transposed", "dtype"),
    [
        (False, False, "?"),
        (True, False, "u1"),
        (False, True, "<f4"),
        (True, True, ">i4"),
        (True, False, ">f8"),
    ],
)
def test_orientations_and_types_of_matlab(tmp_path, transposed, positions_transposed, dtype):
    comes_back(tmp_path, 31, 12, transposed, positions_transposed, dtype, ".mat")


def comes_back(folder, n_frames, n_neurons, transposed, positions_transposed, dtype, suffix=".npz"):
    spikes, xyz = content(n_frames, n_neurons)
    arrays = {
        "spks": (spikes.T if transposed else spikes).astype(dtype),
        "xyz": xyz.T if positions_transposed else xyz,
        "fs": np.array([[4.0]]),
    }
    path = folder / f"recording{suffix}"
    np.savez(path, **arrays) if suffix == ".npz" else savemat(path, arrays)
    said = {"neurons_first": transposed} if n_frames == n_neurons else {}
    if said:
        with pytest.raises(SettingError, match="as many frames as neurons"):
            open_recording(path, unit="um")
    recording = open_recording(path, unit="um", **said)
    assert read_kind(path) == "array-recording"
    np.testing.assert_array_equal(recording.spikes.dense(), spikes)
    np.testing.assert_allclose(recording.coordinates, xyz[:, ::-1], rtol=1e-6)
    np.testing.assert_allclose(recording.times, np.arange(n_frames) / 4)


def test_rastermap_names_and_planar_positions(tmp_path):
    spikes, xyz = content()
    np.savez(tmp_path / "a.npz", X=spikes.T, xpos=xyz[:, 0], ypos=xyz[:, 1])
    recording = open_recording(tmp_path / "a.npz")
    np.testing.assert_allclose(recording.coordinates[:, 0], 0)
    np.testing.assert_allclose(recording.coordinates[:, 2], xyz[:, 0], rtol=1e-6)


def test_fluorescence_asks_for_a_threshold(tmp_path):
    generator = np.random.default_rng(0)
    _, xyz = content()
    traces = generator.normal(size=(200, 9))
    traces[100] += 20
    np.savez(tmp_path / "a.npz", dff=traces, xyz=xyz)
    with pytest.raises(RecordingError, match=r"binarise=2\.0"):
        open_recording(tmp_path / "a.npz")
    recording = open_recording(tmp_path / "a.npz", binarise=6.0)
    assert recording.spikes.dense()[100].all()
    np.testing.assert_allclose(recording.fluorescence.trace(2), traces[:, 2], rtol=1e-6)


def test_what_is_missing_is_named(tmp_path):
    spikes, xyz = content()
    cases = (
        ({"spks": spikes, "where": xyz}, "no neuron positions .*'where' may hold them"),
        ({"xyz": xyz}, "no activity"),
        ({"spks": spikes[:, :-1], "xyz": xyz}, "9 neurons that have positions"),
        ({"spks": spikes, "xyz": xyz.ravel()}, "positions of shape"),
        ({"spks": spikes, "xyz": np.array(["a", "b"])}, "must hold numbers"),
    )
    for arrays, message in cases:
        np.savez(tmp_path / "a.npz", **arrays)
        with pytest.raises(RecordingError, match=message):
            open_recording(tmp_path / "a.npz")
    np.savez(tmp_path / "a.npz", spks=np.array([object()]), xyz=xyz)
    with pytest.raises(FormatError, match="cannot be read"):
        open_recording(tmp_path / "a.npz")


def test_mutated_files_end_in_our_errors(tmp_path):
    # MATLAB's are in the corpus of damaged files; each takes a process of its own.
    spikes, xyz = content(20, 6)
    path = tmp_path / "a.npz"
    np.savez(path, spks=spikes.astype("u1"), xyz=xyz)
    original = path.read_bytes()
    generator = np.random.default_rng(4)
    for _ in range(400):
        data = bytearray(original)
        for _ in range(generator.integers(1, 5)):
            data[generator.integers(len(data))] = generator.integers(256)
        cut = generator.integers(1, len(data)) if generator.random() < 0.3 else len(data)
        path.write_bytes(data[:cut])
        with contextlib.suppress(CRBMError):
            open_recording(path)


def test_positions_are_optional(tmp_path):
    """Orientation comes from the option, the times, smooth traces or the longer axis."""
    rng = np.random.default_rng(0)
    spikes = (rng.random((80, 9)) < 0.2).astype("u1")
    # Neurons of an assembly side by side must not look like time.
    spikes[::5] = 1
    traces = np.cumsum(rng.normal(size=(40, 90)), axis=0)
    for arrays, options, shape in (
        ({"spikes": spikes}, {}, (80, 9)),
        ({"spikes": spikes.T}, {}, (80, 9)),
        ({"spikes": spikes}, {"neurons_first": True}, (9, 80)),
        ({"spikes": spikes, "times": np.arange(9.0)}, {}, (9, 80)),
        ({"dff": traces}, {"binarise": 2.0}, (40, 90)),
        ({"dff": traces.T}, {"binarise": 2.0}, (40, 90)),
    ):
        np.savez(tmp_path / "a.npz", **arrays)
        with pytest.warns(UserWarning, match="no neuron positions: .* neurons_first"):
            opened = open_recording(tmp_path / "a.npz", **options)
        assert opened.spikes.shape == shape and opened.coordinates is None


def test_some_positions_are_enough(tmp_path):
    spikes, xyz = content()
    xyz = xyz.astype(float)
    xyz[[1, 4]] = np.nan
    np.savez(tmp_path / "a.npz", spks=spikes, xyz=xyz)
    with pytest.warns(UserWarning, match="2 of 9 neurons have no position"):
        opened = open_recording(tmp_path / "a.npz", flip_z=True)
    assert list(np.flatnonzero(~opened.located)) == [1, 4]
    assert opened.provenance[-1].parameters == {"count": 2, "of": 9}
