"""Files of other programs in the viewer: dropped, opened, read again, exported."""

from __future__ import annotations

import threading

import h5py
import numpy as np
import pandas as pd
import pytest
from qtpy.QtWidgets import QInputDialog

from napari_crbm.io import load_model, open_recording, save_model, save_weights
from napari_crbm.viewer.docks.export.widget import ExportWidget
from napari_crbm.viewer.docks.recording.widget import RecordingWidget
from napari_crbm.viewer.sample_data import sample_folder
from tests.io.files import PaperContent
from tests.io.formats.test_caiman import write as write_caiman
from tests.viewer.conftest import until

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def several_fish(path):
    """Two fish in one file, as example sets of BrainRBMjulia keep them."""
    fish = [PaperContent(50 + k, 20 + k, seed=k) for k in range(2)]
    with h5py.File(path, "w") as file:
        for number, content in enumerate(fish, start=1):
            file[f"Fish{number}/spikes"] = content.raster.astype(np.uint8)
            file[f"Fish{number}/coords"] = content.xyz_mm
    return fish


def test_one_of_several_recordings_is_chosen(viewer, home, qtbot, tmp_path):
    fish = several_fish(tmp_path / "set.h5")
    assert viewer.open(str(tmp_path / "set.h5"), plugin="napari-crbm") == []
    window = viewer.window._qt_window
    until(qtbot, lambda: window.findChild(QInputDialog) is not None)
    dialog = window.findChild(QInputDialog)
    assert dialog.comboBoxItems() == ["/Fish1", "/Fish2"]
    dialog.setTextValue("/Fish2")
    dialog.accept()
    until(qtbot, lambda: home.workspace.recording is not None)
    np.testing.assert_array_equal(home.workspace.recording.spikes.dense(), fish[1].raster)


def test_what_the_file_leaves_open_can_be_set(viewer, home, qtbot, tmp_path):
    dock = RecordingWidget(viewer)
    qtbot.addWidget(dock)
    _, centres, _ = write_caiman(tmp_path / "fish.hdf5")
    home.opening.open_file(tmp_path / "fish.hdf5", **dock.options())
    until(qtbot, lambda: home.workspace.recording is not None)
    first = home.workspace.recording
    assert dock.again_button.isHidden(), "folded away until it is wanted"
    dock.reading.toggle.setChecked(True)
    assert not dock.again_button.isHidden() and not dock.reading.body.isHidden()
    dock.reading.um_per_pixel.setValue(2.0)
    dock.reading.frame_rate_hz.setValue(8.0)
    assert dock.options() == {"keep_unlabelled": True, "um_per_pixel": 2.0, "frame_rate_hz": 8.0}
    dock.again_button.click()
    until(qtbot, lambda: home.workspace.recording is not first)
    again = home.workspace.recording
    np.testing.assert_allclose(again.coordinates[:, 1:], 2.0 * centres, rtol=1e-5)
    assert again.frame_interval_s == 0.125
    several_fish(tmp_path / "set.h5")
    dock.reading.group.setText("Fish1")
    dock.reading.um_per_pixel.setValue(0.0)
    home.opening.open_file(tmp_path / "set.h5", **dock.options())
    until(qtbot, lambda: home.workspace.recording is not again)
    assert home.workspace.recording.n_neurons == 20


def test_only_opening_keeps_other_files_from_being_opened(viewer, home, qtbot):
    dock = RecordingWidget(viewer)
    qtbot.addWidget(dock)
    done = threading.Event()
    home.run("Finding an outline", lambda _: done.wait(30), lambda _: None)
    assert dock.message.text() == "Finding an outline ..." and dock.open_button.isEnabled()
    assert dock.cancel_button.isHidden()
    home.opening.open_file(sample_folder() / "recording.h5")
    assert not dock.open_button.isEnabled() and not dock.cancel_button.isHidden()
    until(qtbot, lambda: home.workspace.recording is not None)
    assert dock.open_button.isEnabled() and dock.cancel_button.isHidden()
    done.set()
    until(qtbot, lambda: not home.busy)
    assert dock.message.isHidden()


def is_new(trained, before) -> bool:
    """Whether a model has come; the one before is put away at once."""
    return trained is not None and trained is not before


def test_models_can_be_dropped_and_exported(
    viewer, home, qtbot, tmp_path, recording, planted_model
):
    home.show(recording)
    path = save_weights(planted_model, tmp_path / "weights.h5")
    for each in (path, save_model(planted_model, tmp_path / "model.h5")):
        before = home.workspace.trained
        assert viewer.open(str(each), plugin="napari-crbm") == []
        until(qtbot, lambda before=before: is_new(home.workspace.trained, before))
    np.testing.assert_array_equal(home.workspace.trained.model.weights_, planted_model.weights_)
    dock = ExportWidget(viewer)
    qtbot.addWidget(dock)
    for kind, name in (("weights", "out.h5"), ("nwb", "out.nwb")):
        dock.choose(kind)
        assert dock.form["theme"].native.isHidden() and dock.hint.text() != ""
        dock.write(tmp_path / name)
        until(qtbot, lambda name=name: (tmp_path / name).exists() and not home.busy)
    np.testing.assert_array_equal(load_model(tmp_path / "out.h5").weights_, planted_model.weights_)
    assert pd.read_hdf(tmp_path / "out.h5").shape == planted_model.weights_.shape
    assert open_recording(tmp_path / "out.nwb").fingerprint == recording.fingerprint
