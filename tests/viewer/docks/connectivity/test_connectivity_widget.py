"""The Connectivity dock: map, chosen pair, edges in space, couplings, atlas."""

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_crbm.connectome import (
    coupling_factors,
    effective_couplings,
    hidden_response,
    region_map,
)
from napari_crbm.recording import Recording
from napari_crbm.viewer.docks.anatomy.widget import AnatomyWidget
from napari_crbm.viewer.docks.connectivity.widget import ConnectivityWidget
from napari_crbm.viewer.layers.connectivity import CENTRES, CONNECTIONS, PAIR, PLACED
from tests.conftest import random_model
from tests.viewer.conftest import until


@pytest.fixture
def dock(home, recording, qtbot):
    widget = ConnectivityWidget(home.viewer)
    qtbot.addWidget(widget)
    return widget


@pytest.fixture
def model(recording):
    return random_model(recording.n_neurons, 5, scale=0.3)


@pytest.fixture
def mapped(dock, home, recording, model, qtbot):
    home.show(recording, model)
    until(qtbot, lambda: home.workspace.trained is not None)
    dock.start.click()
    until(qtbot, lambda: dock.mapped is not None)
    return dock


def test_it_says_what_is_missing(dock, home, recording, model, qtbot):
    assert "No recording" in dock.message.text() and not dock.start.isEnabled()
    home.show(recording)
    assert "No model" in dock.message.text() and not dock.start.isEnabled()
    home.show(None, model)
    until(qtbot, lambda: home.workspace.trained is not None)
    assert "Compute" in dock.message.text() and dock.start.isEnabled()


def test_without_regions_it_points_to_the_atlas(dock, home, recording, model, qtbot):
    plain = Recording(recording.coordinates, recording.spikes, recording.times)
    home.show(plain, model)
    until(qtbot, lambda: home.workspace.trained is not None)
    assert "Atlas tab" in dock.message.text() and not dock.start.isEnabled()


def test_the_map_is_the_librarys(mapped, recording, model):
    factors = coupling_factors(model.weights_, hidden_response(model, recording.spikes))
    expected = region_map(factors, recording.regions)
    order = mapped.mapped.order
    np.testing.assert_allclose(
        mapped.matrix.image.image, np.log10(expected.values[np.ix_(order, order)]), rtol=1e-5
    )
    first, second = mapped.pair
    assert mapped.circuit.item(0, 0).text() == first
    assert f"{expected.frame().loc[first, second]:.3g}" in mapped.pair_text.text()


def test_a_chosen_pair_lights_up_and_names_its_assemblies(mapped, home, recording):
    names = mapped.mapped.region_map.names
    mapped.choose_pair(names[1], names[0])
    layer = home.viewer.layers[PAIR]
    assert set(layer.features["region"]) == {names[0], names[1]}
    members = recording.regions.members(names[0])
    chosen = layer.features["neuron"][layer.features["region"] == names[0]]
    assert set(chosen) == set(members)
    mapped.carriers.cellClicked.emit(0, 0)
    assert home.workspace.assembly == int(mapped.carriers.item(0, 0).text())


def test_a_click_in_the_matrix_chooses_its_cell(mapped, qtbot):
    mapped.resize(420, 800)
    mapped.show()
    qtbot.wait(50)
    from qtpy.QtCore import QPointF

    names, order = mapped.mapped.region_map.names, mapped.mapped.order
    position = mapped.matrix.plot.getPlotItem().vb.mapViewToScene(QPointF(2.5, 1.5))
    event = type("Click", (), {"scenePos": lambda self: position})()
    mapped.matrix.on_click(event)
    assert mapped.pair == (names[order[1]], names[order[2]])


def test_the_slider_sets_how_many_edges_are_drawn(mapped, home):
    mapped.edges.setValue(7)
    layer = home.viewer.layers[CONNECTIONS]
    edges = layer.metadata["connections"]
    vertices, faces, values = layer.data
    assert len(edges) == 7 and len(vertices) == 7 * 12 and faces.max() == len(vertices) - 1
    ends = vertices.reshape(7, 2, 6, 3)
    middle = ends.mean(axis=2)
    radius = np.linalg.norm(ends - middle[:, :, None], axis=-1)
    strength = edges["strength"].to_numpy()
    np.testing.assert_allclose(values.reshape(7, 12), np.tile(strength[:, None], 12), rtol=1e-6)
    assert np.all(np.diff(strength) >= 0) and np.all(np.diff(radius[:, 0, 0]) >= 0)
    assert radius[-1, 0, 0] > radius[0, 0, 0] > 0
    centres = home.viewer.layers[CENTRES]
    index = list(centres.features["region"]).index(edges["region_a"].iloc[0])
    np.testing.assert_allclose(middle[0, 0], centres.data[index], atol=1e-3)
    mapped.edges.setValue(0)
    assert CONNECTIONS not in home.viewer.layers and CENTRES not in home.viewer.layers
    mapped.edges.setValue(5)
    mapped.only_chosen.setChecked(True)
    edges = home.viewer.layers[CONNECTIONS].metadata["connections"]
    assert all(
        {a, b} & set(mapped.pair) for a, b in zip(edges["region_a"], edges["region_b"], strict=True)
    )


def test_neurons_are_coloured_by_coupling_with_the_chosen_one(mapped, home):
    mapped.couplings.wanted.setChecked(True)
    home.workspace.choose_neuron(12)
    expected = effective_couplings(mapped.mapped.factors, 12)
    layer = home.viewer.layers["Neurons"]
    # Summed in another order, in single precision.
    np.testing.assert_allclose(layer.metadata["values"], expected, atol=1e-6)
    red = layer.face_color[:, 0] - layer.face_color[:, 2]
    assert red[expected.argmax()] > 0.3 and red[expected.argmin()] < -0.3
    mapped.couplings.wanted.setChecked(False)
    assert np.ptp(layer.face_color, axis=0).max() == 0


def test_groups_of_neurons_colour_the_brain_too(mapped, home, recording):
    from napari_crbm.analysis import members_of
    from napari_crbm.connectome import group_couplings

    factors, workspace = mapped.mapped.factors, home.workspace
    mapped.couplings.wanted.setChecked(True)

    def shown(partner: str) -> np.ndarray:
        mapped.couplings.partner.setCurrentIndex(mapped.couplings.partner.findData(partner))
        mapped.couplings.partner.activated.emit(mapped.couplings.partner.currentIndex())
        return workspace.colouring.values

    workspace.choose_neurons([3, 5, 8])
    np.testing.assert_allclose(shown("neurons"), group_couplings(factors, [3, 5, 8]))
    workspace.choose_assembly(2)
    inside = members_of(workspace.trained.model).of(2)
    np.testing.assert_allclose(shown("assembly"), group_couplings(factors, inside))
    inside = recording.regions.members(mapped.pair[0])
    np.testing.assert_allclose(shown("region"), group_couplings(factors, inside))


def test_the_circuit_shows_the_edges_and_one_regions_when_clicked(mapped, home):
    mapped.edges.setValue(12)
    assert len(mapped.ring.edges) == 12
    edges = home.viewer.layers[CONNECTIONS].metadata["connections"]
    nodes = [str(point.data()) for point in mapped.ring.nodes.points()]
    assert set(nodes) == {*edges["region_a"], *edges["region_b"]}
    first = nodes[0]
    mapped.ring.clicked.emit(first)
    edges = home.viewer.layers[CONNECTIONS].metadata["connections"]
    assert all(first in pair for pair in zip(edges["region_a"], edges["region_b"], strict=True))
    assert len(mapped.ring.edges) == len(edges) > 0
    mapped.ring.clicked.emit(first)
    assert len(home.viewer.layers[CONNECTIONS].metadata["connections"]) == 12


def test_only_regions_to_look_at_are_mapped(mapped, home):
    view, names = home.workspace.region_view, mapped.mapped.region_map.names
    chosen = names[:4]
    view.tick([view.regions.names.index(name) for name in chosen])
    assert len(mapped.matrix.order) == len(names), "ticks alone change nothing"
    view.restrict(True)
    assert set(mapped.matrix.region_map.names) == set(chosen)
    assert len(mapped.matrix.order) == 4
    edges = home.viewer.layers[CONNECTIONS].metadata["connections"]
    assert {*edges["region_a"], *edges["region_b"]} <= set(chosen)
    assert mapped.circuit.rowCount() == 6
    view.tick([view.regions.names.index(name) for name in chosen[1:]], False)
    assert len(mapped.matrix.order) == len(names)
    assert all(
        chosen[0] in (mapped.circuit.item(k, 0).text(), mapped.circuit.item(k, 1).text())
        for k in range(mapped.circuit.rowCount())
    )
    view.restrict(False)
    assert len(mapped.matrix.order) == len(names) and mapped.circuit.rowCount() > 6


def test_bodies_of_the_chosen_regions(mapped, home):
    pytest.importorskip("skimage")
    view, names = home.workspace.region_view, mapped.mapped.region_map.names
    mapped.surfaces.setChecked(True)
    mapped.choose_pair(names[0], names[2])
    ticked = {view.regions.names[k] for k in np.flatnonzero(view.ticked)}
    assert ticked == {names[0], names[2]}


def test_covariances_are_mapped_too(mapped, qtbot):
    mapped.measure.setCurrentIndex(mapped.measure.findData("covariance"))
    mapped.rule.setCurrentIndex(mapped.rule.findData("mean"))
    before = mapped.mapped
    mapped.start.click()
    until(qtbot, lambda: mapped.mapped is not before)
    assert mapped.mapped.region_map.measure == "covariance"


def test_computing_can_be_cancelled(mapped, qtbot, monkeypatch):
    import threading

    begun, go = threading.Event(), threading.Event()

    def slow(*arguments):
        begun.set()
        go.wait(10)
        arguments[-1](1, 2)
        raise AssertionError("not cancelled")

    monkeypatch.setattr("napari_crbm.viewer.docks.connectivity.widget.compute", slow)
    before = mapped.mapped
    mapped.start.click()
    assert begun.wait(10) and mapped.start.text() == "Cancel"
    mapped.start.click()
    go.set()
    until(qtbot, lambda: mapped.start.text() == "Compute")
    assert mapped.mapped is before


def test_another_recording_clears_the_view(mapped, home, recording):
    from dataclasses import replace

    home.workspace.open(replace(recording, name="other"))
    assert mapped.mapped is None and CONNECTIONS not in home.viewer.layers
    assert "No model" in mapped.message.text()


def test_an_atlas_finds_flips_and_assigns_regions(dock, home, recording, model, qtbot):
    from dataclasses import replace

    from napari_crbm.anatomy.atlas import fish_atlas
    from napari_crbm.anatomy.placement import Placement

    upside_down = Placement.onto(fish_atlas(), flips=(True, False, False)).apply(
        recording.coordinates
    )
    wrong = replace(recording, coordinates=upside_down.astype(np.float32), regions=None)
    home.show(wrong, model)
    until(qtbot, lambda: home.workspace.trained is not None)
    anatomy = AnatomyWidget(home.viewer)
    qtbot.addWidget(anatomy)
    panel = anatomy.atlas
    panel.source.setEditText("larval-fish")
    panel.open.click()
    until(qtbot, lambda: panel.atlas is not None)
    assert [box.isChecked() for box in panel.flips] == [True, False, False]
    assert home.viewer.layers[PLACED].features["inside"].mean() > 0.98
    panel.flips[0].setChecked(False)
    assert home.viewer.layers[PLACED].features["inside"].mean() < 0.9
    panel.order.setCurrentText("xyz")
    assert home.viewer.layers[PLACED].features["inside"].mean() < 0.7
    panel.order.setCurrentText("zyx")
    panel.best.click()
    assert not home.viewer.layers["Neurons"].visible
    panel.assign.click()
    until(qtbot, lambda: PLACED not in home.viewer.layers)
    assert home.viewer.layers["Neurons"].visible
    until(qtbot, lambda: not home.busy)
    assert home.workspace.trained.table["region"].isin(dock.regions.names).all()
    dock.start.click()
    until(qtbot, lambda: dock.mapped is not None)
    assert PLACED not in home.viewer.layers
    shared = set(dock.regions.names) & set(recording.regions.names)
    assert len(shared) > 30
    for name in shared:
        assert len(set(dock.regions.members(name)) ^ set(recording.regions.members(name))) <= 1


def test_a_missing_atlas_is_said_so(dock, home, recording, errors, qtbot, tmp_path):
    home.show(recording)
    anatomy = AnatomyWidget(home.viewer)
    qtbot.addWidget(anatomy)
    anatomy.atlas.source.setEditText(str(tmp_path / "none.tif"))
    anatomy.atlas.open.click()
    until(qtbot, lambda: errors)
    assert "no file" in errors[0]


def test_it_says_in_words_which_connections_are_drawn(mapped, home):
    mapped.edges.setValue(7)
    edges = home.viewer.layers[CONNECTIONS].metadata["connections"]
    assert f"Drawn: the 7 strongest connections, above {edges['value'].abs().min():.2g}" in (
        mapped.edges_text.text()
    )
    mapped.edges.setValue(0)
    assert mapped.edges_text.text() == "No connection is drawn."
    mapped.edges.setValue(7)
    mapped.only_chosen.setChecked(True)
    assert f"connections of {' and '.join(mapped.pair)}" in mapped.edges_text.text()


def test_a_region_that_is_searched_for_is_chosen(mapped):
    name = mapped.mapped.region_map.names[-1]
    mapped.matrix_page.search.setText(name)
    mapped.matrix_page.search.returnPressed.emit()
    assert name in mapped.pair


def test_names_of_regions_are_not_interpreted(mapped):
    assert mapped.edges_text.textFormat() == Qt.TextFormat.PlainText
