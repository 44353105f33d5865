import numpy as np
import pytest
from napari.components import ViewerModel

from napari_crbm.analysis import members_of
from napari_crbm.viewer.layers.brain import BrainLayers
from napari_crbm.viewer.layers.colour_kinds import by_activity, by_region
from napari_crbm.viewer.layers.names import (
    ASSEMBLY,
    CHOSEN_NEURON,
    GROUP,
    NEURONS,
    REGIONS,
)
from napari_crbm.viewer.layers.points import set_colours
from napari_crbm.viewer.state.trained import Trained
from napari_crbm.viewer.state.workspace import Workspace
from tests.viewer.state.test_workspace import a_model


@pytest.fixture
def scene(recording):
    viewer, workspace = ViewerModel(), Workspace()
    layers = BrainLayers(viewer, workspace)
    workspace.open(recording)
    workspace.show_model(Trained.of(a_model(recording.n_neurons), recording))
    return viewer, workspace, layers


def test_a_recording_becomes_neurons_regions_and_outline(scene, recording):
    viewer, _, _ = scene
    neurons = viewer.layers[NEURONS]
    np.testing.assert_array_equal(neurons.data, recording.coordinates)
    assert [str(unit) for unit in neurons.units] == ["micrometer"] * 3
    assert viewer.canvas.overlays.scale_bar.visible
    assert REGIONS not in viewer.layers, "bodies of regions are shown when they are ticked"
    assert neurons.features["region"][3] in recording.regions.of_neuron(3)


def test_the_chosen_assembly_shows_its_members_by_weight(scene, recording):
    viewer, workspace, _ = scene
    workspace.choose_assembly(2)
    layer, weights = viewer.layers[ASSEMBLY], workspace.weights[:, 2]
    assert set(layer.features["neuron"]) == set(members_of(workspace.trained.model).of(2))
    np.testing.assert_array_equal(layer.features["weight"], weights[layer.features["neuron"]])
    np.testing.assert_array_equal(layer.data, recording.coordinates[layer.features["neuron"]])
    assert layer.metadata["assembly"] == 2
    assert np.all(np.diff(np.abs(layer.features["weight"])) >= 0), "strong members on top"


def test_flipping_reuses_the_layer(scene):
    viewer, workspace, _ = scene
    before = viewer.layers[ASSEMBLY]
    for assembly in (1, 2, 0):
        workspace.choose_assembly(assembly)
    assert viewer.layers[ASSEMBLY] is before
    assert len([name for name in viewer.layers if name.name.startswith(ASSEMBLY)]) == 1


def test_a_hidden_assembly_can_shrink(make_napari_viewer, recording):
    viewer, workspace = make_napari_viewer(), Workspace()
    layers = BrainLayers(viewer, workspace)  # held here: signals do not keep listeners alive
    workspace.open(recording)
    weights = np.zeros((recording.n_neurons, 2), dtype=np.float32)
    weights[:300, 0] = weights[:20, 1] = 1.0
    workspace.show_forming(weights)
    workspace.choose_assembly(0)
    assert len(viewer.layers[ASSEMBLY].data) == 300
    workspace.choose_assembly(None)
    assert not viewer.layers[ASSEMBLY].visible
    workspace.choose_assembly(1)
    assert len(viewer.layers[ASSEMBLY].data) == 20 and viewer.layers[ASSEMBLY].visible
    assert not layers.drawing


def test_the_chosen_neuron_is_ringed_and_can_be_let_go(scene, recording):
    viewer, workspace, _ = scene
    workspace.choose_neuron(17)
    np.testing.assert_array_equal(viewer.layers[CHOSEN_NEURON].data[0], recording.coordinates[17])
    workspace.choose_neuron(None)
    assert not viewer.layers[CHOSEN_NEURON].visible


def test_colours_follow_the_workspace(scene):
    viewer, workspace, _ = scene
    plain = viewer.layers[NEURONS].face_color.copy()
    workspace.show_colouring(by_activity(workspace))
    assert len(np.unique(viewer.layers[NEURONS].face_color, axis=0)) > 10
    assert viewer.layers[NEURONS].metadata["coloured_by"] == "Active frames (%)"
    workspace.show_colouring(None)
    np.testing.assert_allclose(viewer.layers[NEURONS].face_color, plain)


def test_ticked_regions_become_bodies(scene, recording):
    viewer, workspace, _ = scene
    view, sizes = workspace.region_view, recording.regions.counts
    large = [int(k) for k in np.argsort(-sizes)[:2]]
    view.tick(large)
    layer = viewer.layers[REGIONS]
    assert layer.metadata["regions"] == [recording.regions.names[k] for k in sorted(large)]
    first, n_both = view.colours[min(large)], len(layer.data[0])
    np.testing.assert_allclose(layer.vertex_colors[0, :3], first[:3])
    neurons = recording.coordinates[recording.regions.members(recording.regions.names[large[0]])]
    assert (layer.data[0].min(axis=0) < neurons.max(axis=0)).all()
    view.paint(large, (1.0, 0.0, 0.0))
    view.fade(large, 0.5)
    np.testing.assert_allclose(layer.vertex_colors[:, :3], np.tile([1, 0, 0], (n_both, 1)))
    opacity = layer.vertex_colors[:, 3]
    assert 0.2 <= opacity.min() < 0.3 and 0.4 < opacity.max() <= 0.5, "full at the rim"
    view.tick(large[1:], False)
    assert 0 < len(layer.data[0]) < n_both and layer.data[1].max() < len(layer.data[0])
    view.tick(large[:1], False)
    assert not layer.visible


def test_only_neurons_in_ticked_regions_are_drawn_and_can_be_clicked(scene, recording):
    viewer, workspace, _ = scene
    view = workspace.region_view
    region = int(recording.regions.counts.argmax())
    inside = recording.regions.members(recording.regions.names[region])
    view.tick([region])
    assert len(viewer.layers[NEURONS].data) == recording.n_neurons
    view.restrict(True)
    layer = viewer.layers[NEURONS]
    np.testing.assert_array_equal(np.sort(layer.features["neuron"]), np.sort(inside))
    np.testing.assert_array_equal(layer.data, recording.coordinates[layer.features["neuron"]])
    assert set(viewer.layers[ASSEMBLY].features["neuron"]) <= set(inside)
    workspace.show_colouring(by_region(workspace))
    assert len(layer.face_color) == len(inside)
    view.restrict(False)
    assert len(layer.data) == len(layer.features) == recording.n_neurons
    np.testing.assert_allclose(layer.face_color, workspace.colouring.colours)


def test_a_chosen_group_gets_halos(scene, recording):
    viewer, workspace, _ = scene
    workspace.choose_neurons([5, 3, 9])
    np.testing.assert_array_equal(viewer.layers[GROUP].features["neuron"], [3, 5, 9])
    workspace.choose_neurons([])
    assert not viewer.layers[GROUP].visible


def test_a_higher_threshold_shows_fewer_members(scene):
    viewer, workspace, _ = scene
    workspace.set_threshold(0.0)
    many = len(viewer.layers[ASSEMBLY].data)
    workspace.set_threshold(0.8)
    weights = np.abs(workspace.weights[:, workspace.assembly])
    assert set(viewer.layers[ASSEMBLY].features["neuron"]) == set(
        np.flatnonzero(weights > 0.8 * weights.max()).tolist()
    )
    assert 0 < len(viewer.layers[ASSEMBLY].data) < many


def test_flipping_slices_a_layer_once_for_its_points_and_does_not_show_it_again(scene, monkeypatch):
    """Each of napari's setters slices, and telling it what is visible goes through the scene."""
    viewer, workspace, _ = scene
    layer = viewer.layers[ASSEMBLY]
    sliced, shown = [], []
    slicing = type(layer).set_view_slice
    monkeypatch.setattr(
        type(layer),
        "set_view_slice",
        lambda self: (sliced.append(self.name), slicing(self))[1],
    )
    layer.events.visible.connect(shown.append)
    for assembly in (1, 2):
        sliced.clear()
        workspace.choose_assembly(assembly)
        assert sliced.count(ASSEMBLY) == 1
        np.testing.assert_array_equal(
            layer.data, workspace.recording.coordinates[layer.features["neuron"]]
        )
        assert len(layer.face_color) == len(layer.size) == len(layer.data)
    assert not shown


def test_neurons_are_drawn_once_for_new_colours(make_napari_viewer, recording, monkeypatch):
    """What draws them hears of colours twice; it takes longest of all that colouring does."""
    viewer = make_napari_viewer(ndisplay=3)
    layer = viewer.add_points(recording.coordinates)
    visual = viewer.window._qt_viewer.canvas.layer_to_visual[layer]
    markers = type(visual.node.points_markers)
    drawn, set_data = [], markers.set_data
    monkeypatch.setattr(
        markers,
        "set_data",
        lambda self, *args, **kw: (drawn.append(kw["face_color"]), set_data(self, *args, **kw))[1],
    )
    colours = np.random.default_rng(0).random((len(layer.data), 4)).astype(np.float32)
    set_colours(layer, colours)
    (neurons,) = (rgba for rgba in drawn if len(rgba) == len(layer.data))
    np.testing.assert_array_equal(neurons, colours)
    np.testing.assert_array_equal(layer.face_color, colours)
