"""The Anatomy dock: tree of regions, colours of neurons."""

from dataclasses import replace

import numpy as np
import pytest
from qtpy.QtCore import QItemSelectionModel, Qt

from napari_crbm.analysis import membership, reconstruction_nllh
from napari_crbm.recording import Recording
from napari_crbm.regions import Regions
from napari_crbm.viewer.docks.anatomy.widget import AnatomyWidget
from napari_crbm.viewer.layers.colour_kinds import KINDS, peak_times
from napari_crbm.viewer.layers.names import NEURONS, REGIONS
from tests.conftest import random_model
from tests.viewer.conftest import until


@pytest.fixture
def dock(viewer, home, recording, qtbot):
    widget = AnatomyWidget(viewer)
    qtbot.addWidget(widget)
    home.show(recording)
    return widget


def test_it_says_what_is_missing(viewer, home, recording, qtbot):
    widget = AnatomyWidget(viewer)
    qtbot.addWidget(widget)
    assert "No recording" in widget.message.text() and widget.body.isHidden()
    home.show(Recording(recording.coordinates, recording.spikes, recording.times))
    assert "Atlas tab" in widget.about.text()
    assert not widget.tree.isEnabled() and not widget.untick.isEnabled()
    entries = widget.colour_by.model()
    enabled = {
        widget.colour_by.itemData(row): entries.item(row).isEnabled()
        for row in range(widget.colour_by.count())
    }
    assert enabled["activity"] and not enabled["region"] and not enabled["memberships"]


def test_ticking_a_heading_ticks_both_sides(dock, home, recording, qtbot):
    names = recording.regions.names
    item = next(i for i in dock.model.items() if i.text() == "Optic tectum")
    dock.model.ticks(item, True)
    until(qtbot, lambda: REGIONS in home.viewer.layers)
    sides = ["Optic tectum L", "Optic tectum R"]
    assert home.viewer.layers[REGIONS].metadata["regions"] == sides
    assert item.child(0).checkState() == Qt.CheckState.Checked
    dock.model.ticks(item.child(0), False)
    assert item.checkState() == Qt.CheckState.PartiallyChecked
    assert [names[k] for k in np.flatnonzero(dock.view.ticked)] == ["Optic tectum R"]
    dock.untick.click()
    assert item.checkState() == Qt.CheckState.Unchecked and not dock.untick.isEnabled()
    home.workspace.undo()
    assert item.checkState() == Qt.CheckState.PartiallyChecked


def test_searching_finds_children_and_their_parents(dock):
    dock.search.setText("tect")
    shown = [dock.proxy.index(row, 0).data() for row in range(dock.proxy.rowCount())]
    assert "Optic tectum" in shown and "Pretectum" in shown and "Cerebellum" not in shown
    dock.search.setText("")
    assert dock.proxy.rowCount() == dock.model.rowCount()


def highlight(dock, name):
    index = dock.proxy.mapFromSource(dock.model.find(name).index())
    flags = QItemSelectionModel.SelectionFlag
    dock.tree.selectionModel().select(index, flags.ClearAndSelect | flags.Rows)


@pytest.mark.canvas
def test_a_highlighted_region_is_described_faded_painted_and_chosen(dock, home, recording):
    regions = recording.regions
    highlight(dock, "Cerebellum")
    both = [regions.names.index(f"Cerebellum {side}") for side in "LR"]
    n = sum(len(regions.members(regions.names[k])) for k in both)
    assert f"<b>Cerebellum</b>: {n:,} neurons" in dock.about.text()
    dock.opacity.setValue(70)
    np.testing.assert_allclose(dock.view.colours[both, 3], 0.7)
    assert (np.delete(dock.view.colours[:, 3], both) < 0.5).all()
    dock.paint(both, (0.0, 0.5, 1.0))
    np.testing.assert_allclose(dock.view.colours[both, :3], [[0, 0.5, 1]] * 2)
    dock.choose.click()
    assert len(home.workspace.neurons) == n
    home.workspace.undo()
    home.workspace.undo()
    assert not np.allclose(dock.view.colours[both, :3], [[0, 0.5, 1]] * 2)


def test_only_neurons_in_ticked_regions(dock, home, recording, qtbot):
    assert not dock.only.isEnabled()
    dock.model.ticks(dock.model.find("Cerebellum L"), True)
    until(qtbot, lambda: not home.busy)
    dock.only.setChecked(True)
    assert home.busy, "neurons, assembly and frame take a turn of the event loop each"
    until(qtbot, lambda: not home.busy)
    assert len(home.viewer.layers[NEURONS].data) == len(recording.regions.members("Cerebellum L"))
    home.workspace.undo()
    assert not dock.only.isChecked()
    until(qtbot, lambda: not home.busy)
    assert len(home.viewer.layers[NEURONS].data) == recording.n_neurons


def colour_by(dock, home, kind, qtbot):
    dock.choose_colouring(kind)
    until(qtbot, lambda: home.workspace.colouring is not None and not home.busy)
    assert home.workspace.colouring.kind == kind
    return home.workspace.colouring


def test_neurons_are_coloured_by_everything_on_the_list(dock, home, recording, qtbot):
    model = random_model(recording.n_neurons, 5, scale=0.3)
    home.show(None, model)
    until(qtbot, lambda: home.workspace.trained is not None)
    expected = {
        "activity": 100 * recording.spikes.mean_activity,
        "memberships": membership(model).sum(axis=1),
        "reconstruction": reconstruction_nllh(model, recording.spikes),
        "time": peak_times(recording) - recording.times[0],
    }
    for kind in KINDS:
        home.workspace.show_colouring(None)
        colouring = colour_by(dock, home, kind, qtbot)
        assert colouring.title in dock.bar.text() and not dock.bar.isHidden()
        np.testing.assert_allclose(home.viewer.layers[NEURONS].face_color, colouring.colours)
        if kind in expected:
            shown = np.nan_to_num(colouring.values)
            np.testing.assert_allclose(shown, np.nan_to_num(expected[kind]))
    dock.choose_colouring("")
    assert home.workspace.colouring is None and dock.bar.isHidden()


def test_repainting_a_region_repaints_its_neurons(dock, home, recording, qtbot):
    colour_by(dock, home, "region", qtbot)
    region = int(recording.regions.counts.argmax())
    inside = recording.regions.members(recording.regions.names[region])
    dock.paint([region], (1.0, 0.0, 1.0))
    np.testing.assert_allclose(
        home.viewer.layers[NEURONS].face_color[inside, :3], [[1, 0, 1]] * len(inside)
    )


def test_the_peak_of_a_burst_is_found():
    from napari_crbm.spikes import Spikes

    raster = np.zeros((1000, 3), dtype=bool)
    raster[600:640, 0] = raster[100, 0] = raster[250:260, 1] = True
    recording = Recording(np.zeros((3, 3)), Spikes.from_dense(raster), np.arange(1000) / 2 + 7)
    first, second, never = peak_times(recording)
    assert first == pytest.approx(317, abs=5) and second == pytest.approx(134.5, abs=5)
    assert np.isnan(never)


def test_a_recording_with_fewer_regions_may_follow(dock, home, recording):
    home.show(recording)
    few = Regions(recording.regions.membership[:, :3], recording.regions.names[:3])
    home.show(replace(recording, regions=few))
    assert len(dock.model.items()) >= 3
    home.show(replace(recording, regions=None))
    assert not dock.model.items() and home.workspace.recording.regions is None
