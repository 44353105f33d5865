"""The Assemblies dock: choosing, several at once, threshold, links."""

import numpy as np
import pytest
from qtpy.QtCore import QItemSelectionModel, Qt

from napari_crbm.analysis import assemblies_of_neuron, membership
from napari_crbm.model import Members, Settings
from napari_crbm.viewer.docks.assemblies.widget import AssembliesWidget
from napari_crbm.viewer.layers.names import ASSEMBLY
from tests.viewer.conftest import FAST, strongest_neuron, until

LONG = Settings(**{**FAST.as_dict(), "n_updates": 100_000})


def test_choosing_a_row_shows_the_assembly_and_back(viewer, trained_home, qtbot):
    widget = AssembliesWidget(viewer)
    qtbot.addWidget(widget)
    workspace = trained_home.workspace
    assert widget.proxy.rowCount() == 8
    table = workspace.trained.table
    rows = [int(widget.proxy.index(row, 0).data()) for row in range(8)]
    ranks = [(bool(table["certain"][row]), int(table["size"][row])) for row in rows]
    assert ranks == sorted(ranks, reverse=True), "certain ones first, then by size"
    members = workspace.trained.members
    assert members.definition == "association"
    said = f"Members are {members.words}. {workspace.trained.evidence}"
    assert widget.evidence.text() == said
    assert f"of {(members.sizes > 1).sum()} tested assemblies" in said
    for column in range(widget.proxy.columnCount()):
        if widget.proxy.headerData(column, Qt.Orientation.Horizontal) != "Region":
            header = widget.table.horizontalHeader()
            needed = max(widget.table.sizeHintForColumn(column), header.sectionSizeHint(column))
            assert widget.table.isColumnHidden(column) or (
                widget.table.columnWidth(column) >= needed
            )
    widget.table.setCurrentIndex(widget.proxy.index(3, 0))
    chosen = int(widget.proxy.index(3, 0).data())
    assert workspace.assembly == chosen == viewer.layers[ASSEMBLY].metadata["assembly"]
    (line,) = widget.traces.lines.values()
    times, values = line.getOriginalDataset()
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
    place = headings.index("region")
    assert widths[place] == max(widths) >= 132
    assert sum(widths) == table.viewport().width(), "it does not scroll sideways"
    assert len(table.hidden) == widths.count(0) > 0
    assert widget.more_columns.text() == f"Widen for {len(table.hidden)} more columns"
    assert all(heading in widget.more_columns.toolTip() for heading in table.hidden)
    widget.resize(900, 800)
    qtbot.wait(50)
    widths = [table.columnWidth(column) for column in range(len(headings))]
    assert sum(widths) == table.viewport().width(), "nothing is cut off"
    assert not table.hidden and not widget.more_columns.text()
    text = table.model().index(0, place).data()
    assert text.endswith(" %") and table.fontMetrics().horizontalAdvance(text) < widths[place]


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
    inside = membership(workspace.trained.model)[:, list(workspace.assemblies)]
    neurons = layer.features["neuron"].to_numpy()
    assert set(neurons) == set(np.flatnonzero(inside.any(axis=1)))
    np.testing.assert_allclose(layer.face_color, workspace.palette.memberships(inside[neurons]))
    shared = inside[neurons].sum(axis=1) > 1
    assert (
        layer.face_color[shared] == 1
    ).all() and f"{shared.sum():,} neurons" in widget.title.text()
    widget.copy.click()
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


def test_only_neurons_of_ticked_regions_lists_their_assemblies(viewer, trained_home, qtbot):
    widget = AssembliesWidget(viewer)
    qtbot.addWidget(widget)
    workspace = trained_home.workspace
    regions, view = workspace.recording.regions, workspace.region_view
    belongs = membership(workspace.trained.model)
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


def test_another_definition_of_members_can_be_chosen(viewer, trained_home, qtbot):
    widget = AssembliesWidget(viewer)
    qtbot.addWidget(widget)
    workspace = trained_home.workspace
    chosen, before = workspace.assembly, workspace.trained.table["size"].tolist()
    assert widget.definition.currentText() == "association"
    widget.definition.setCurrentText("weight")
    widget.definition.activated.emit(widget.definition.currentIndex())
    until(qtbot, lambda: workspace.trained.members.definition == "weight")
    sizes = Members.by_weight(workspace.weights).sizes
    assert workspace.trained.table["size"].tolist() == sizes.tolist() != before
    assert workspace.assembly == chosen and "20 % of the largest" in widget.evidence.text()
    assert len(viewer.layers[ASSEMBLY].data) == sizes[chosen]
    widget.definition.setCurrentText("association")
    widget.definition.activated.emit(widget.definition.currentIndex())
    until(qtbot, lambda: workspace.trained.members.definition == "association")
    assert workspace.trained.table["size"].tolist() == before


def test_the_threshold_changes_what_is_shown(viewer, trained_home, qtbot):
    widget = AssembliesWidget(viewer)
    qtbot.addWidget(widget)
    workspace = trained_home.workspace
    assert widget.threshold.value() == 0
    widget.threshold.setValue(60)
    weights = np.abs(workspace.weights[:, workspace.assembly])
    inside = membership(workspace.trained.model)[:, workspace.assembly]
    n = int((inside & (weights > 0.6 * weights.max())).sum())
    assert len(viewer.layers[ASSEMBLY].data) == n
    assert f"{n:,} neurons" in widget.title.text() and "60 %" in widget.threshold_text.text()


def test_each_chosen_assembly_has_a_trace_in_its_colour_of_the_canvas(viewer, trained_home, qtbot):
    widget = AssembliesWidget(viewer)
    qtbot.addWidget(widget)
    workspace = trained_home.workspace
    for theme in ("light", "dark"):
        viewer.theme = theme
        workspace.choose_assemblies((2, 3, 1))
        assert list(widget.traces.lines) == [2, 3, 1]
        for place, (assembly, line) in enumerate(widget.traces.lines.items()):
            assert line.opts["pen"].color().name() == workspace.palette.assembly(place)
            drawn = line.getOriginalDataset()[1]
            row = 2 - place
            assert drawn.min() == pytest.approx(row) and row < drawn.max() < row + 1, "stacked"
            activity = workspace.trained.activity[:, assembly]
            assert np.corrcoef(drawn, activity)[0, 1] > 0.999
    workspace.choose_assembly(None)
    assert not widget.traces.lines


def test_the_trace_has_the_cursor_of_time(viewer, trained_home, qtbot):
    widget = AssembliesWidget(viewer)
    qtbot.addWidget(widget)
    workspace, cursor = trained_home.workspace, widget.traces.cursor
    assert not cursor.line.isVisible()
    workspace.choose_frame(30)
    assert cursor.line.isVisible()
    assert cursor.line.value() == pytest.approx(workspace.recording.times[30])
    cursor.go_to(float(workspace.recording.times[77]) + 0.01)
    assert workspace.frame == 77
    workspace.choose_frame(None)
    assert not cursor.line.isVisible()


def test_several_assemblies_show_the_sign_of_weights(viewer, shown_home):
    """Members with negative weights are rings; members of several assemblies count as positive
    if one weight is."""
    workspace = shown_home.workspace
    weights = np.zeros_like(workspace.weights)
    weights[:40, 0] = 1.0
    weights[40:50, 0] = -1.0
    weights[45:90, 1] = 1.0
    workspace.show_forming(weights)
    workspace.choose_assemblies((0, 1))
    layer = viewer.layers[ASSEMBLY]
    symbols = dict(zip(layer.features["neuron"], map(str, layer.symbol), strict=True))
    assert {n for n, symbol in symbols.items() if symbol == "ring"} == set(range(40, 45))
    workspace.choose_assembly(0)
    assert {str(symbol) for symbol in viewer.layers[ASSEMBLY].symbol} == {"disc"}


def test_a_first_training_is_said_to_form_assemblies(viewer, home, recording, qtbot):
    widget = AssembliesWidget(viewer)
    qtbot.addWidget(widget)
    home.show(recording)
    assert "No assemblies yet" in widget.message.text()
    home.runs.start_training(LONG)
    until(qtbot, lambda: ASSEMBLY in viewer.layers and viewer.layers[ASSEMBLY].visible)
    shown = viewer.layers[ASSEMBLY].metadata["assembly"]
    assert f"shows assembly {shown} as it forms" in widget.message.text()
    assert widget.message.isVisibleTo(widget)
    home.close()


def test_an_assembly_without_members_is_called_empty(viewer, shown_home, qtbot):
    widget = AssembliesWidget(viewer)
    qtbot.addWidget(widget)
    shown_home.workspace.trained.model.weights_[:, 3] = 0
    shown_home.workspace.choose_assembly(3)
    assert "Assembly 3</b> is empty" in widget.title.text() and widget.scale.isHidden()
