"""Recordings and models opened from files, in the background."""

import h5py
import numpy as np
import pytest

from napari_crbm.io import save_model, save_recording
from napari_crbm.viewer.layers.names import NEURONS
from tests.viewer.conftest import until


def test_opening_a_file_happens_in_the_background(viewer, home, recording, tmp_path, qtbot):
    path = tmp_path / "fish.h5"
    save_recording(recording, path)
    home.opening.open_file(path)
    until(qtbot, lambda: home.workspace.recording is not None)
    assert home.workspace.recording.fingerprint == recording.fingerprint
    assert NEURONS in viewer.layers


@pytest.mark.parametrize("kind", ["not hdf5", "empty", "foreign"])
def test_files_that_cannot_be_used_are_explained(kind, home, errors, tmp_path, qtbot):
    path = tmp_path / "bad.h5"
    if kind == "foreign":
        with h5py.File(path, "w") as file:
            file["unrelated"] = np.zeros(3)
    else:
        path.write_bytes(b"" if kind == "empty" else b"not an HDF5 file" * 100)
    home.opening.open_file(path)
    until(qtbot, lambda: errors)
    assert "bad.h5" in errors[0] and "Traceback" not in errors[0]
    assert home.workspace.recording is None and not home.busy


def test_a_saved_model_can_be_shown_again(viewer, trained_home, tmp_path, qtbot):
    workspace = trained_home.workspace
    model = workspace.trained.model
    path = tmp_path / "model.h5"
    save_model(model, path, workspace.recording)
    workspace.open(workspace.recording)
    trained_home.opening.open_file(path)
    until(qtbot, lambda: workspace.trained is not None)
    np.testing.assert_array_equal(workspace.trained.model.weights_, model.weights_)


def test_a_model_without_its_recording_is_explained(trained_home, errors, tmp_path, viewer, qtbot):
    path = tmp_path / "model.h5"
    save_model(trained_home.workspace.trained.model, path, trained_home.workspace.recording)
    trained_home.workspace._recording = None
    trained_home.opening.open_file(path)
    until(qtbot, lambda: errors)
    assert "Open the recording it was trained on first" in errors[0]
