"""Files of unknown layout: dropped, asked about, previewed, opened, remembered."""

import warnings

import h5py
import numpy as np
import pytest
from qtpy.QtCore import QMimeData, QPointF, Qt, QUrl
from qtpy.QtGui import QDropEvent
from scipy.io import savemat

from napari_crbm.errors import CRBMError
from napari_crbm.io import load_profile, save_recording
from napari_crbm.viewer.docks.recording.widget import RecordingWidget
from napari_crbm.viewer.opening.mapping_dialog import MappingDialog
from napari_crbm.viewer.reader import get_reader, read_recording
from tests.io.files import small_recording
from tests.viewer.conftest import until

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

N_FRAMES, N_NEURONS = 120, 30


@pytest.fixture(autouse=True)
def profiles(tmp_path, monkeypatch):
    folder = tmp_path / "remembered"
    monkeypatch.setenv("NAPARI_CRBM_PROFILES", str(folder))
    return folder


def arrays():
    generator = np.random.default_rng(0)
    traces = generator.normal(size=(N_FRAMES, N_NEURONS)).astype("f4")
    traces[60] += 40
    positions = generator.random((N_NEURONS, 3)) * [0.5, 1.0, 0.25]
    positions[:2] = [[0, 0, 0], [0.5, 1.0, 0.25]]
    return {"measured": traces.T, "where": positions, "tail": np.arange(N_FRAMES) / 9.0, "fs": 4.0}


def write(path):
    """Arrays under names that no reader knows, in the container the suffix says."""
    content = {name: np.asarray(values) for name, values in arrays().items()}
    if path.suffix == ".h5":
        with h5py.File(path, "w") as file:
            for name, values in content.items():
                file[f"lab/{name}"] = values
    elif path.suffix == ".npz":
        np.savez(path, **content)
    elif path.suffix == ".mat":
        savemat(path, {"lab": content})
    elif path.suffix == ".zarr":
        zarr = pytest.importorskip("zarr")
        group = zarr.open_group(path, mode="w")
        for name, values in content.items():
            group.create_array(f"lab/{name}", data=values)
    else:
        for name, values in content.items():
            np.save(path.with_name(f"{name}.npy"), values)
    return path


def dialog_of(viewer):
    return viewer.window._qt_window.findChild(MappingDialog)


def asked(viewer, qtbot) -> MappingDialog:
    until(qtbot, lambda: dialog_of(viewer) is not None)
    dialog = dialog_of(viewer)
    until(qtbot, lambda: dialog.ok.isEnabled())
    return dialog


def test_dropping_a_file_of_unknown_layout_asks_and_opens(viewer, home, qtbot, tmp_path):
    for suffix in (".h5", ".npz", ".mat", ".zarr"):
        before = home.workspace.recording
        path = write(tmp_path / f"larva{suffix}")
        assert get_reader(str(path)) is not None
        assert viewer.open(str(path), plugin="napari-crbm") == []
        dialog = asked(viewer, qtbot)
        assert "120 frames" in dialog.message.text() and "30 neurons" in dialog.message.text()
        dialog.accept()
        until(qtbot, lambda before=before: home.workspace.recording is not before)
        recording = home.workspace.recording
        assert recording.spikes.shape == (N_FRAMES, N_NEURONS)
        assert recording.spikes.dense()[60].all() and recording.frame_interval_s == 0.25
        np.testing.assert_allclose(recording.coordinates[1], [250, 1000, 500])
        np.testing.assert_array_equal(recording.fluorescence.trace(3), arrays()["measured"][3])
        until(qtbot, lambda: dialog_of(viewer) is None)
    (tmp_path / "data").mkdir()
    # A lone .npy file is opened with its neighbours; napari's own reader gets dropped ones.
    home.opening.open_file(write(tmp_path / "data" / "measured.npy"))
    dialog = asked(viewer, qtbot)
    assert dialog.profile.activity == "measured.npy"
    dialog.reject()


def test_without_positions_no_empty_axes_are_shown(viewer, home, qtbot, tmp_path):
    path = tmp_path / "slice.npz"
    np.savez(path, measured=arrays()["measured"])
    home.opening.map_file(path)
    dialog = asked(viewer, qtbot)
    assert dialog.preview.places.isHidden()
    assert "Reasons for the guess: " in dialog.message.text()
    assert "press Open" in dialog.why.text()
    dialog.reject()


def test_files_can_be_dropped_on_the_dock(viewer, home, qtbot, tmp_path):
    dock = RecordingWidget(viewer)
    qtbot.addWidget(dock)
    save_recording(small_recording(), tmp_path / "own.h5")
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "own.h5"))])
    event = QDropEvent(
        QPointF(5, 5),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    dock.dropEvent(event)
    until(qtbot, lambda: home.workspace.recording is not None)
    assert home.workspace.recording.name == "larva 3"


def test_bad_choices_are_explained_and_cannot_be_opened(viewer, home, qtbot, tmp_path):
    home.opening.map_file(write(tmp_path / "larva.h5"))
    dialog = asked(viewer, qtbot)
    fields = dialog.fields
    fields.orientation.setCurrentIndex(1 - fields.orientation.currentIndex())
    assert "positions of 30 neurons, but activity of 120" in dialog.message.text()
    assert not dialog.ok.isEnabled()
    fields.orientation.setCurrentIndex(1 - fields.orientation.currentIndex())
    until(qtbot, dialog.ok.isEnabled)
    fields.holds.setCurrentIndex(fields.holds.findData("spikes"))
    until(qtbot, lambda: "other values than zeros and ones" in dialog.message.text())
    assert not dialog.ok.isEnabled()
    dialog.use("lab/tail", "positions")
    assert "shape (neurons, 2 or 3)" in dialog.message.text() and not dialog.ok.isEnabled()
    # Another array brings its orientation along.
    dialog.start_from(dialog.guessed.profile)
    fields.threshold.setValue(0)
    assert "threshold must be positive" in dialog.message.text() and not dialog.ok.isEnabled()
    dialog.reject()
    assert home.workspace.recording is None


def test_the_preview_shows_what_will_be_opened(viewer, home, qtbot, tmp_path):
    home.opening.map_file(write(tmp_path / "larva.npz"))
    dialog = asked(viewer, qtbot)
    content = arrays()
    above, side = dialog.preview._dots
    np.testing.assert_allclose(above.getData()[0], content["where"][:, 0] * 1000, rtol=1e-5)
    np.testing.assert_allclose(side.getData()[0], content["where"][:, 2] * 1000, rtol=1e-5)
    dialog.fields.flips["z"].setChecked(True)
    until(qtbot, dialog.ok.isEnabled)
    np.testing.assert_allclose(
        side.getData()[0], 250 - content["where"][:, 2] * 1000, rtol=1e-4, atol=1e-3
    )
    assert "500 x 1,000 x 250 µm" in dialog.preview.caption.text()


def test_profiles_are_remembered_saved_and_loaded(viewer, home, qtbot, tmp_path, profiles):
    home.opening.map_file(write(tmp_path / "one.h5"))
    dialog = asked(viewer, qtbot)
    dialog.fields.flips["x"].setChecked(True)
    dialog.fields.threshold.setValue(5)
    until(qtbot, dialog.ok.isEnabled)
    dialog.save_to(tmp_path / "lab.json")
    assert load_profile(tmp_path / "lab.json").threshold == 5
    dialog.accept()
    until(qtbot, lambda: home.workspace.recording is not None)
    assert [path.name for path in profiles.iterdir()] == ["one.json"]
    until(qtbot, lambda: dialog_of(viewer) is None)

    home.opening.open_file(write(tmp_path / "two.h5"))
    dialog = asked(viewer, qtbot)
    assert "one" in dialog.profiles.currentText()
    assert (dialog.profile.flip, dialog.profile.threshold) == ("x", 5)
    dialog.start_from(dialog.guessed.profile)
    assert dialog.profile.flip == ""
    dialog.load_from(tmp_path / "lab.json")
    assert dialog.profile.flip == "x"
    (tmp_path / "lab.json").write_text("nonsense")
    dialog.load_from(tmp_path / "lab.json")
    assert "not valid JSON" in dialog.message.text() and not dialog.ok.isEnabled()


def test_a_known_layout_that_cannot_be_read_is_asked_about(viewer, home, qtbot, tmp_path, errors):
    content = arrays()
    path = tmp_path / "paper.h5"
    with h5py.File(path, "w") as file:
        file["Data/coords"], file["Data/df"] = content["where"], content["measured"]
    home.opening.open_file(path)
    dialog = asked(viewer, qtbot)
    assert "no binarised spikes" in dialog.why.text() and dialog.profile.holds == "fluorescence"
    dialog.accept()
    until(qtbot, lambda: home.workspace.recording is not None)
    assert not errors


def test_files_with_nothing_to_ask_about_are_errors(viewer, home, qtbot, tmp_path, errors):
    np.savez(tmp_path / "a.npz", x=np.zeros(3))
    home.opening.map_file(tmp_path / "a.npz")
    until(qtbot, lambda: len(errors) == 1)
    (tmp_path / "b.h5").write_bytes(b"x" * 900)
    home.opening.open_file(tmp_path / "b.h5")
    until(qtbot, lambda: len(errors) == 2)
    assert "no table of numbers" in errors[0] and "its content is not HDF5" in errors[1]
    with pytest.raises(CRBMError), warnings.catch_warnings():
        read_recording(str(tmp_path / "a.npz"))


def test_separate_arrays_for_the_axes(viewer, home, qtbot, tmp_path):
    content = arrays()
    where = dict(zip("xyz", content["where"].T, strict=True))
    np.savez(tmp_path / "a.npz", signal=content["measured"], **where)
    home.opening.map_file(tmp_path / "a.npz")
    dialog = asked(viewer, qtbot)
    assert dialog.profile.positions == ("x", "y", "z")
    dialog.accept()
    until(qtbot, lambda: home.workspace.recording is not None)
    np.testing.assert_allclose(
        home.workspace.recording.coordinates, content["where"][:, ::-1] * 1000, rtol=1e-5
    )


def test_opening_can_be_cancelled(viewer, home, qtbot, tmp_path, monkeypatch):
    from napari_crbm import io
    from napari_crbm.preprocessing import PreprocessingStopped

    dock = RecordingWidget(viewer)
    qtbot.addWidget(dock)

    def slow(path, *, progress, control, **options):
        progress(1, 2)
        while not control.stopped:
            pass
        raise PreprocessingStopped("stopped")

    monkeypatch.setattr(io, "open_recording", slow)
    home.opening.open_file(save_recording(small_recording(), tmp_path / "own.h5"))
    until(qtbot, lambda: "50 %" in dock.message.text())
    assert not dock.cancel_button.isHidden()
    dock.cancel_button.click()
    until(qtbot, lambda: not home.busy)
    assert home.workspace.recording is None and dock.cancel_button.isHidden()


def test_what_the_dialog_does_itself_is_not_asked_for(viewer, home, qtbot, tmp_path):
    np.savez(tmp_path / "fish.npz", dff=arrays()["measured"].T)
    home.opening.open_file(tmp_path / "fish.npz")
    dialog = asked(viewer, qtbot)
    assert "holds fluorescence" in dialog.why.text() and "binarise" not in dialog.why.text()
    until(qtbot, lambda: dialog.preview.caption.text() != "")
    assert dialog.preview.caption.text().startswith("No positions; neurons are active")
    dialog.reject()
