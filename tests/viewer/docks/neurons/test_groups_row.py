"""Named groups of neurons in the Neurons dock."""

import numpy as np
from qtpy.QtWidgets import QTabWidget

from napari_crbm.analysis import group_course
from napari_crbm.viewer.docks.neurons.group_activity import GroupActivityPlot, activity_of
from napari_crbm.viewer.docks.neurons.groups_row import ComparisonDialog, GroupsRow
from napari_crbm.viewer.layers.colour_kinds import by_values
from tests.viewer.conftest import until


def test_groups_are_kept_chosen_compared_and_removed(viewer, shown_home, qtbot):
    row = GroupsRow(shown_home)
    qtbot.addWidget(row)
    workspace = shown_home.workspace
    assert not row.keep.isEnabled() and not row.compare.isEnabled() and not row.top.isEnabled()
    workspace.choose_neurons(range(20))
    row.keep_as("front")
    assert row.groups.currentText() == "front" and row.remove.isEnabled()
    assert workspace.trained.model.labels_.groups["front"].neurons.tolist() == list(range(20))
    workspace.choose_neurons(range(100, 160))
    assert row.groups.currentText() == "the chosen neurons"
    assert row.compare.isEnabled() and row.other.currentText() == "front"
    row.compare.click()
    until(qtbot, lambda: row.window().findChildren(ComparisonDialog))
    (dialog,) = row.window().findChildren(ComparisonDialog)
    assert "A has 60 neurons, B 20, none in both." in dialog.text.text()
    assert dialog.findChild(QTabWidget).count() == 2
    dialog.close()
    row.groups.setCurrentText("front")
    row.groups.activated.emit(row.groups.findText("front"))
    assert workspace.neurons.tolist() == list(range(20))
    row.remove.click()
    assert not workspace.labels.labels.groups


def test_the_top_of_the_colouring_is_chosen(viewer, shown_home, qtbot):
    row = GroupsRow(shown_home)
    qtbot.addWidget(row)
    values = np.arange(shown_home.workspace.recording.n_neurons, dtype=float)
    shown_home.workspace.show_colouring(by_values("own", "Own", values))
    row.n_top.setValue(3)
    row.top.click()
    assert shown_home.workspace.neurons.tolist() == (len(values) - 3 + np.arange(3)).tolist()


def test_the_activity_of_a_group_is_drawn(viewer, shown_home, qtbot, recording):
    shown = GroupActivityPlot(shown_home)
    qtbot.addWidget(shown)
    neurons = np.arange(5, 400)
    found = activity_of(recording, neurons)
    assert len(found.raster) == 300 and found.raster.max() <= 1
    sums = found.raster.sum(axis=1)
    assert (np.diff(sums) <= 1e-6).all(), "the most active first"
    shown_home.workspace.choose_neurons(neurons)
    until(qtbot, lambda: shown.image.image is not None)
    np.testing.assert_allclose(shown.line.getOriginalDataset()[1], group_course(recording, neurons))
    shown_home.workspace.choose_neurons([])
    assert shown.image.image is None
