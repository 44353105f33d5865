"""The plugin in a real viewer: load, train, pause, resume, stop, click, close."""

import threading
import time
from dataclasses import replace

import h5py
import numpy as np
import pandas as pd
import pytest
from qtpy.QtCore import QItemSelectionModel, Qt

from napari_crbm.analysis import assemblies_of_neuron, membership
from napari_crbm.io import save_model, save_recording
from napari_crbm.model import Settings
from napari_crbm.model.start.initialise import assembly_start
from napari_crbm.viewer.docks.assemblies.table_model import (
    AssemblyFilter,
    AssemblyTableModel,
)
from napari_crbm.viewer.docks.assemblies.widget import AssembliesWidget
from napari_crbm.viewer.docks.open import EVERYTHING, WIDGETS, dock_everything
from napari_crbm.viewer.docks.recording.widget import RecordingWidget
from napari_crbm.viewer.docks.train.widget import TrainWidget
from napari_crbm.viewer.home import home_of
from napari_crbm.viewer.layers.names import ASSEMBLY, NEURONS
from napari_crbm.viewer.reader import get_reader
from tests.io.formats.test_suite2p import write_plane
from tests.viewer.conftest import FAST, strongest_neuron, until

LONG = Settings(**{**FAST.as_dict(), "n_updates": 100_000})


def training_threads() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name == "napari-crbm training"]


def test_all_widgets_dock_and_share_one_home(viewer):
    dock_everything(viewer)
    titles = [dock.windowTitle() for dock in viewer.window._qt_window.findChildren(_dock())]
    for name in WIDGETS:
        assert titles.count("Start" if name == EVERYTHING else name) == 1
    assert home_of(viewer) is home_of(viewer)


def _dock():
    from qtpy.QtWidgets import QDockWidget

    return QDockWidget


def test_recording_widget_tells_what_to_do_then_what_is_there(viewer, home, recording, qtbot):
    widget = RecordingWidget(viewer)
    qtbot.addWidget(widget)
    assert "No recording yet" in widget.message.text()
    home.show(recording)
    texts = [
        widget.summary.itemAt(row, widget.summary.ItemRole.FieldRole).widget().text()
        for row in range(widget.summary.rowCount())
    ]
    assert "400" in texts and "1,000" in texts
    assert not widget.details.isHidden()


@pytest.mark.filterwarnings("ignore:Suite2p does not store:UserWarning")
def test_a_suite2p_folder_can_be_dropped(viewer, home, tmp_path, qtbot):
    write_plane(tmp_path / "suite2p" / "plane0")
    viewer.open(str(tmp_path / "suite2p"), plugin="napari-crbm")
    until(qtbot, lambda: home.workspace.recording is not None)
    assert home.workspace.recording.n_neurons == 9
    assert get_reader(str(tmp_path)) is not None


def test_a_wrong_file_given_to_our_reader_is_said_in_a_sentence(
    viewer, home, tmp_path, monkeypatch
):
    """By *File > Open* with our reader chosen, or by ``viewer.open(..., plugin=...)``."""
    said = []
    monkeypatch.setattr("napari.utils.notifications.show_error", said.append)
    paths = [tmp_path / name for name in ("noise.h5", "empty.h5", "text.mat", "none.npz")]
    paths[0].write_bytes(b"x" * 900)
    paths[1].touch()
    paths[2].write_text("no data")
    np.savez(paths[3], x=np.zeros(3))
    (tmp_path / "folder").mkdir()
    for path in [*paths, tmp_path / "folder"]:
        assert viewer.open(str(path), plugin="napari-crbm") == []
        assert len(said) == 1 and path.name in said[0] and "\n" not in said.pop(), path.name
    viewer.open(str(tmp_path / "folder"), plugin="napari-crbm")
    assert "open the file in it" in said.pop() and not said
    assert viewer.open([str(path) for path in paths[:2]], plugin="napari-crbm", stack=True) == []
    assert said == ["Open one recording at a time; it may be a file or a folder."]
    assert home.workspace.recording is None and len(viewer.layers) == 0


def test_without_a_viewer_other_readers_are_asked(tmp_path):
    (tmp_path / "noise.h5").write_bytes(b"x" * 900)
    assert get_reader(str(tmp_path / "noise.h5")) is None


def test_opening_a_file_happens_in_the_background(viewer, home, recording, tmp_path, qtbot):
    path = tmp_path / "fish.h5"
    save_recording(recording, path)
    home.opening.open_file(path)
    until(qtbot, lambda: home.workspace.recording is not None)
    assert home.workspace.recording.fingerprint == recording.fingerprint
    assert NEURONS in viewer.layers


def test_dropped_files_reach_the_workspace(viewer, home, recording, tmp_path):
    path = tmp_path / "fish.h5"
    save_recording(recording, path)
    viewer.open(path, plugin="napari-crbm")
    assert home.workspace.recording.fingerprint == recording.fingerprint
    assert [layer.name for layer in viewer.layers].count(NEURONS) == 1


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


def test_training_runs_and_ends_with_assemblies(viewer, home, recording, qtbot):
    widget = TrainWidget(viewer)
    qtbot.addWidget(widget)
    assert not widget.start_button.isEnabled()
    home.show(recording)
    assert widget.start_button.isEnabled() and not widget.stop_button.isEnabled()
    widget.form.n_updates.setValue(200)
    widget.form.n_hidden.setText("8")
    qtbot.mouseClick(widget.start_button, Qt.MouseButton.LeftButton)
    assert home.runs.training and not widget.start_button.isEnabled()
    until(qtbot, lambda: home.workspace.trained is not None, 180_000)
    until(qtbot, lambda: widget.files.save_button.isEnabled())
    assert widget.bar.value() == 200
    assert home.workspace.trained.model.n_assemblies == 8
    assert len(widget.curve.lines["test_pseudo_likelihood"].getOriginalDataset()[0]) > 1
    later = TrainWidget(viewer)
    qtbot.addWidget(later)
    later.curve.draw(home.runs.session.training.history)
    np.testing.assert_array_equal(
        later.curve.lines["pseudo_likelihood"].getOriginalDataset()[1],
        home.runs.session.training.history["pseudo_likelihood"],
    )
    assert viewer.layers[ASSEMBLY].visible


def test_patience_ends_a_training_early_and_says_so(viewer, home, recording, qtbot):
    widget = TrainWidget(viewer)
    qtbot.addWidget(widget)
    home.show(recording)
    assert widget.settings().patience == 0 and widget.form.patience.text() == "off"
    widget.form.patience.setValue(1)
    settings = replace(FAST, n_updates=3000, patience=widget.settings().patience)
    home.runs.start_training(replace(settings, learning_rate=3e-5, decay_after=0.99))
    until(qtbot, lambda: home.workspace.trained is not None)
    reached = home.runs.session.training.update
    assert reached < 2000 and f"Ended at update {reached:,}" in widget.status.text()


def test_senseless_input_is_explained(viewer, home, recording, errors, qtbot):
    widget = TrainWidget(viewer)
    qtbot.addWidget(widget)
    home.show(recording)
    widget.form.n_hidden.setText("many")
    qtbot.mouseClick(widget.start_button, Qt.MouseButton.LeftButton)
    assert errors == ["Assemblies: 'many' is neither a number nor 'auto'."]
    widget.form.n_hidden.setText("401")
    qtbot.mouseClick(widget.start_button, Qt.MouseButton.LeftButton)
    assert "401 hidden units for 400 neurons" in errors[1]
    widget.form.n_hidden.setText("auto")
    widget.form.l1.setText("-1")
    qtbot.mouseClick(widget.start_button, Qt.MouseButton.LeftButton)
    assert errors[2] == "Penalty (l1): -1 is too little; write 0 or more, or 'auto'."
    assert not home.runs.training


def test_collapse_is_explained(home, recording, errors, qtbot):
    home.show(recording)
    home.runs.start_training(Settings(**{**LONG.as_dict(), "l1": 5.0, "l1_ramp": 0.0}))
    until(qtbot, lambda: errors)
    assert "All weights have gone to zero" in errors[0]
    assert not home.runs.training


def test_pause_resume_and_stop(viewer, home, recording, qtbot):
    widget = TrainWidget(viewer)
    qtbot.addWidget(widget)
    home.show(recording)
    home.runs.start_training(LONG)
    until(qtbot, lambda: home.runs.session.training.update > 5)
    qtbot.mouseClick(widget.pause_button, Qt.MouseButton.LeftButton)
    until(qtbot, lambda: "Paused" in widget.status.text())
    assert widget.pause_button.text() == "Resume" and widget.files.checkpoint_button.isEnabled()
    at = home.runs.session.training.update
    qtbot.wait(300)
    assert home.runs.session.training.update == at
    qtbot.mouseClick(widget.pause_button, Qt.MouseButton.LeftButton)
    until(qtbot, lambda: home.runs.session.training.update > at)
    qtbot.mouseClick(widget.stop_button, Qt.MouseButton.LeftButton)
    until(qtbot, lambda: home.workspace.trained is not None)
    until(qtbot, lambda: widget.start_button.isEnabled())
    assert home.runs.session.training.update < LONG.n_updates


def test_what_a_start_has_found_is_told_and_stop_ends_it(
    viewer, home, recording, qtbot, monkeypatch
):
    go_on = threading.Event()

    def slow(*arguments):
        yield 142
        go_on.wait(10)
        return (yield from assembly_start(*arguments))

    monkeypatch.setattr("napari_crbm.model.training.learner.assembly_start", slow)
    widget = TrainWidget(viewer)
    qtbot.addWidget(widget)
    home.show(recording)
    home.runs.start_training(LONG)
    until(qtbot, lambda: "142 assemblies found so far" in widget.status.text())
    qtbot.mouseClick(widget.stop_button, Qt.MouseButton.LeftButton)
    go_on.set()
    until(qtbot, lambda: "nothing was trained" in widget.status.text())
    assert home.workspace.trained is None


def test_a_checkpoint_continues_in_the_viewer(viewer, home, recording, tmp_path, qtbot):
    widget = TrainWidget(viewer)
    qtbot.addWidget(widget)
    home.show(recording)
    home.runs.start_training(LONG)
    until(qtbot, lambda: home.runs.session.training.update > 5)
    home.runs.session.control.stop()
    until(qtbot, lambda: home.workspace.trained is not None)
    stopped_at = home.runs.session.training.update
    path = tmp_path / "training.checkpoint.h5"
    widget.files.save_checkpoint(path)
    until(qtbot, path.exists)
    until(qtbot, lambda: not home.busy)
    widget.files.resume_from(path)
    until(qtbot, lambda: home.runs.training and home.runs.session.training.update > stopped_at)
    home.close()


def test_assemblies_show_while_they_form(viewer, home, recording, qtbot):
    home.show(recording)
    home.runs.start_training(LONG)
    until(qtbot, lambda: ASSEMBLY in viewer.layers and viewer.layers[ASSEMBLY].visible)
    assert home.runs.training and home.workspace.trained is None
    home.close()


def test_the_dock_can_be_closed_while_training(viewer, home, recording, qtbot):
    dock_everything(viewer)
    home.show(recording)
    home.runs.start_training(FAST)
    viewer.window.remove_dock_widget("all")
    until(qtbot, lambda: home.workspace.trained is not None, 120_000)


def test_closing_the_viewer_ends_the_training(make_napari_viewer, recording, qtbot):
    viewer = make_napari_viewer()
    dock_everything(viewer)
    home = home_of(viewer)
    home.show(recording)
    home.runs.start_training(LONG)
    until(qtbot, lambda: home.runs.session.training.update > 5)
    viewer.close()
    deadline = time.monotonic() + 10
    while training_threads() and time.monotonic() < deadline:
        qtbot.wait(50)
    assert not training_threads()


def test_choosing_a_row_shows_the_assembly_and_back(viewer, trained_home, qtbot):
    widget = AssembliesWidget(viewer)
    qtbot.addWidget(widget)
    workspace = trained_home.workspace
    assert widget.proxy.rowCount() == 8
    sizes = [int(widget.proxy.index(row, 1).data().replace(",", "")) for row in range(8)]
    assert sizes == sorted(sizes, reverse=True)
    widget.table.setCurrentIndex(widget.proxy.index(3, 0))
    chosen = int(widget.proxy.index(3, 0).data())
    assert workspace.assembly == chosen == viewer.layers[ASSEMBLY].metadata["assembly"]
    times, values = widget._line.getOriginalDataset()
    np.testing.assert_array_equal(times, workspace.recording.times)
    np.testing.assert_allclose(values, workspace.trained.activity[:, chosen])
    other = (chosen + 1) % 8
    workspace.choose_assembly(other)
    assert int(widget.proxy.index(widget.table.currentIndex().row(), 0).data()) == other


def test_regions_have_the_room_that_numbers_leave(viewer, trained_home, qtbot):
    widget = AssembliesWidget(viewer)
    qtbot.addWidget(widget)
    widget.resize(400, 800)
    widget.show()
    qtbot.wait(50)
    table, headings = widget.table, [name for name, *_ in widget.model._columns]
    widths = [table.columnWidth(column) for column in range(len(headings))]
    assert widths[headings.index("region")] == max(widths) > 100
    assert sum(widths) == table.viewport().width(), "nothing is cut off"


def test_several_assemblies_are_shown_together_and_kept(viewer, trained_home, qtbot):
    widget = AssembliesWidget(viewer)
    qtbot.addWidget(widget)
    workspace = trained_home.workspace
    numbers = [
        widget.model.assembly(widget.proxy.mapToSource(widget.proxy.index(row, 0)).row())
        for row in range(3)
    ]
    widget.table.selectRow(0)
    for row in (1, 2):
        flags = QItemSelectionModel.SelectionFlag
        widget.table.selectionModel().setCurrentIndex(
            widget.proxy.index(row, 0), flags.Select | flags.Rows
        )
    assert workspace.assemblies[-1] == workspace.assembly
    assert sorted(workspace.assemblies) == sorted(numbers)
    layer = viewer.layers[ASSEMBLY]
    inside = membership(workspace.weights[:, list(workspace.assemblies)])
    neurons = layer.features["neuron"].to_numpy()
    assert set(neurons) == set(np.flatnonzero(inside.any(axis=1)))
    np.testing.assert_allclose(layer.face_color, workspace.palette.memberships(inside[neurons]))
    shared = inside[neurons].sum(axis=1) > 1
    assert (
        layer.face_color[shared] == 1
    ).all() and f"{shared.sum():,} neurons" in widget.title.text()
    widget.keep.click()
    name = "Assembly " + " + ".join(map(str, workspace.assemblies))
    workspace.choose_assembly(numbers[1])
    assert len(viewer.layers[name].data) == len(neurons)
    assert widget.title.text().startswith(f"<b>Assembly {numbers[1]}</b>")
    rows = widget.table.selectionModel().selectedRows()
    assert len(rows) == 1


def test_arrow_keys_flip_through(viewer, trained_home, qtbot):
    widget = AssembliesWidget(viewer)
    qtbot.addWidget(widget)
    widget.table.setCurrentIndex(widget.proxy.index(0, 0))
    qtbot.keyClick(widget.table, Qt.Key.Key_Down)
    assert trained_home.workspace.assembly == int(widget.proxy.index(1, 0).data())


def test_filtering_by_region(viewer, trained_home, qtbot):
    widget = AssembliesWidget(viewer)
    qtbot.addWidget(widget)
    region = trained_home.workspace.trained.table["region"].iloc[0]
    widget.filter.setText(region)
    expected = trained_home.workspace.trained.table["region"].str.contains(region, regex=False)
    assert widget.proxy.rowCount() == expected.sum()


def test_the_filter_reads_the_table_once(qtbot, monkeypatch):
    """Qt would ask for every cell, in Python, at every letter."""
    model = AssemblyTableModel()
    proxy = AssemblyFilter(model)
    table = pd.DataFrame(
        {"size": [30, 1200, 45], "region": ["Tectum L", "Pallium R", ""]},
        index=pd.Index([0, 1, 12], name="assembly"),
    )
    model.show(table)
    asked = []
    monkeypatch.setattr(AssemblyTableModel, "data", lambda *_: asked.append(1))
    for text, rows in (("tectum", [0]), ("PALL", [1]), ("12", [2]), ("1,200", [1]), ("?", [])):
        proxy.search(text)
        found = [proxy.mapToSource(proxy.index(k, 0)).row() for k in range(proxy.rowCount())]
        assert found == rows, text
    assert not asked
    proxy.search("")
    proxy.list_only(np.arange(13) == 12)
    assert proxy.rowCount() == 1
    proxy.list_only(None)
    assert proxy.rowCount() == 3
    model.show(table.iloc[:1])
    assert proxy.rowCount() == 1


def test_only_neurons_of_ticked_regions_lists_their_assemblies(viewer, trained_home, qtbot):
    widget = AssembliesWidget(viewer)
    qtbot.addWidget(widget)
    workspace = trained_home.workspace
    regions, view = workspace.recording.regions, workspace.region_view
    weights = np.abs(workspace.trained.model.weights_)
    belongs = weights > 0.2 * weights.max(axis=0)
    region = int(np.argmax(regions.membership.sum(axis=0)))
    inside = np.asarray(regions.membership[:, [region]].todense()).ravel() > 0
    share = belongs[inside].sum(axis=0) / np.maximum(belongs.sum(axis=0), 1)
    view.tick([region])
    assert widget.proxy.rowCount() == len(share)
    view.restrict(True)
    listed = {
        widget.model.assembly(widget.proxy.mapToSource(widget.proxy.index(row, 0)).row())
        for row in range(widget.proxy.rowCount())
    }
    assert listed == set(np.flatnonzero(share >= 0.1).tolist()) and 0 < len(listed) < len(share)
    view.restrict(False)
    assert widget.proxy.rowCount() == len(share)


def test_a_chosen_neuron_lists_its_assemblies(viewer, trained_home, qtbot):
    widget = AssembliesWidget(viewer)
    qtbot.addWidget(widget)
    assert "Click a neuron" in widget.neuron_text.text()
    workspace = trained_home.workspace
    neuron = strongest_neuron(trained_home)
    workspace.choose_neuron(neuron)
    held = assemblies_of_neuron(workspace.trained.model, neuron)
    text = widget.neuron_text.text()
    assert f"Neuron {neuron}" in text
    for assembly in held["assembly"][held["is_member"]]:
        assert f'<a href="{assembly}"' in text
    workspace.choose_assembly((workspace.assembly + 1) % 8)
    widget.neuron_text.linkActivated.emit(str(held["assembly"].iloc[0]))
    assert workspace.assembly == held["assembly"].iloc[0]


def test_the_gallery_shows_and_chooses_the_rows_of_the_table(viewer, trained_home, qtbot):
    widget = AssembliesWidget(viewer)
    qtbot.addWidget(widget)
    workspace, gallery = trained_home.workspace, widget.gallery
    assert gallery.model().rowCount() == 8
    gallery.setCurrentIndex(gallery.model().index(4, 0))
    chosen = workspace.assembly
    assert chosen == int(widget.proxy.index(4, 0).data())
    assert [row.row() for row in widget.table.selectionModel().selectedRows()] == [4]
    qtbot.keyClick(gallery, Qt.Key.Key_Right)
    assert workspace.assembly != chosen
    workspace.choose_assembly(chosen)
    assert gallery.currentIndex().row() == 4
    picture = gallery.thumbnails.picture(chosen)
    strong = workspace.trained.model.weights_[:, chosen].argmax()
    colours = picture[..., :3].reshape(-1, 3)
    assert (colours[:, 0] - colours[:, 2] > 0.3).any(), "members are orange"
    y, x = gallery.thumbnails._place[strong]
    assert picture[y, x, 0] > picture[y, x, 2], "at their place"
    pixmap = gallery.thumbnails.pixmap(chosen)
    assert (pixmap.width(), pixmap.height()) == gallery.thumbnails.shape[::-1]


def test_the_threshold_changes_what_is_shown(viewer, trained_home, qtbot):
    widget = AssembliesWidget(viewer)
    qtbot.addWidget(widget)
    workspace = trained_home.workspace
    assert widget.threshold.value() == 20
    widget.threshold.setValue(60)
    weights = np.abs(workspace.weights[:, workspace.assembly])
    n = int((weights > 0.6 * weights.max()).sum())
    assert len(viewer.layers[ASSEMBLY].data) == n
    assert f"{n:,} neurons" in widget.title.text() and "60 %" in widget.threshold_text.text()


class Click:
    """What napari hands to a drag callback, for a press and release at one place."""

    button, modifiers, type = 1, (), "mouse_press"
    dims_displayed = (0, 1, 2)

    def __init__(self, position):
        self.position, self.pos = np.array(position), np.array([5.0, 5.0])
        self.view_direction = np.array([1.0, 0.0, 0.0])


def test_clicking_a_neuron_in_the_canvas_chooses_it(viewer, trained_home):
    workspace = trained_home.workspace
    neuron = strongest_neuron(trained_home)
    event = Click(workspace.recording.coordinates[neuron])
    for callback in viewer.mouse_drag_callbacks:
        steps = callback(viewer, event)
        if steps is None:
            continue
        next(steps, None)
        event.type = "mouse_release"
        next(steps, None)
    # Another neuron may lie in front of it along the line of sight, so near is right.
    found = workspace.recording.coordinates[workspace.neuron]
    assert np.linalg.norm(found[1:] - event.position[1:]) < 12


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


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_plots_follow_the_theme(viewer, home, recording, qtbot, theme):
    from napari.utils.theme import get_theme

    widget = RecordingWidget(viewer)
    qtbot.addWidget(widget)
    home.show(recording)
    viewer.theme = theme
    background = widget.histogram.backgroundBrush().color()
    assert background.name() == get_theme(theme).background.as_hex(format="long")


def test_the_sample_opens_with_its_model(viewer, home, qtbot):
    viewer.open_sample("napari-crbm", "small")
    until(qtbot, lambda: home.workspace.trained is not None)
    assert home.workspace.recording.n_neurons == 2000
    assert ASSEMBLY in viewer.layers


def test_the_sample_button_opens_a_recording_to_train_on(viewer, home, qtbot):
    widget = RecordingWidget(viewer)
    qtbot.addWidget(widget)
    qtbot.mouseClick(widget.sample_button, Qt.MouseButton.LeftButton)
    until(qtbot, lambda: home.workspace.recording is not None)
    assert home.workspace.trained is None


def test_reading_options_follow_the_boxes(viewer, qtbot):
    widget = RecordingWidget(viewer)
    qtbot.addWidget(widget)
    assert widget.options() == {"keep_unlabelled": True}
    widget.drop_unlabelled.setChecked(True)
    widget.detect_events.setChecked(True)
    widget.threshold.setValue(3.0)
    assert widget.options() == {"keep_unlabelled": False, "binarise": 3.0}


def test_the_paper_scale_sample_is_simulated_once_and_kept(monkeypatch, tmp_path):
    from napari_crbm.viewer import sample_data

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    small = {"n_neurons": 300, "n_frames": 300, "n_assemblies": 3, "seed": 1}
    monkeypatch.setattr(sample_data, "_PAPER_SCALE", small)
    reports = []
    path = sample_data.paper_scale_recording(lambda done, total: reports.append((done, total)))
    assert reports[-1] == (300, 300)
    before = path.stat().st_mtime_ns
    assert sample_data.paper_scale_recording(lambda *_: None).stat().st_mtime_ns == before


def test_a_model_is_not_mixed_into_a_running_training(
    viewer, home, recording, planted_model, errors, qtbot
):
    home.show(recording)
    home.runs.start_training(Settings.named("quick", n_hidden=4, n_updates=100_000))
    home.show(None, planted_model)
    assert errors == ["Stop the training before you open another model."]
    home.runs.session.control.stop()
    until(qtbot, lambda: not home.runs.training and not home.busy)
    assert home.workspace.n_assemblies in (0, 4)
