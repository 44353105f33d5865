"""Only some regions: every view follows, and the whole brain comes back."""

from dataclasses import replace

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_crbm.analysis import membership
from napari_crbm.regions import Regions
from napari_crbm.viewer.assemblies_widget import AssembliesWidget
from napari_crbm.viewer.layers import ASSEMBLY, NEURONS, REGIONS, BrainLayers
from napari_crbm.viewer.workspace import Trained, Workspace
from tests.conftest import random_model


@pytest.fixture
def scene(recording):
    viewer, workspace = ViewerModel(), Workspace()
    layers = BrainLayers(viewer, workspace)
    workspace.open(recording)
    workspace.show_model(Trained.of(random_model(recording.n_neurons, 5), recording))
    return viewer, workspace, layers


def test_only_regions_that_exist_are_looked_at(scene, recording):
    _, workspace, _ = scene
    heard = []
    workspace.only_changed.connect(lambda: heard.append(workspace.only))
    first, second = recording.regions.names[:2]
    workspace.show_only([second, "nowhere", first])
    workspace.show_only([first, second])
    assert heard == [(first, second)]
    inside = np.zeros(recording.n_neurons, dtype=bool)
    inside[recording.regions.members(first)] = inside[recording.regions.members(second)] = True
    np.testing.assert_array_equal(workspace.looked_at, inside)
    workspace.show_only()
    assert workspace.looked_at is None and workspace.assemblies_looked_at is None


def test_neurons_elsewhere_step_back_whatever_their_colour(scene, recording):
    viewer, workspace, layers = scene
    plain = viewer.layers[NEURONS].face_color.copy()
    workspace.show_only(recording.regions.names[:1])
    inside = workspace.looked_at
    faded = viewer.layers[NEURONS].face_color
    assert faded[~inside, 3].max() < 0.3 * faded[inside, 3].min()
    layers.colour_neurons("activity")
    coloured = viewer.layers[NEURONS].face_color.copy()
    assert coloured[~inside, 3].max() < 0.3 * coloured[inside, 3].min()
    workspace.show_only()
    assert np.ptp(viewer.layers[NEURONS].face_color[:, 3]) < 1e-6
    layers.colour_neurons("nothing")
    np.testing.assert_allclose(viewer.layers[NEURONS].face_color, plain)


def test_assemblies_show_their_members_there_in_the_same_colours(scene, recording):
    viewer, workspace, _ = scene
    workspace.choose_assembly(1)
    layer = viewer.layers[ASSEMBLY]
    before = dict(zip(layer.features["neuron"], layer.face_color.tolist(), strict=True))
    workspace.show_only(recording.regions.names[:6])
    shown = layer.features["neuron"].to_numpy()
    assert 0 < len(shown) < len(before) and workspace.looked_at[shown].all()
    for neuron, colour in zip(shown, layer.face_color.tolist(), strict=True):
        np.testing.assert_allclose(colour, before[neuron], atol=1e-6)


def test_the_table_lists_assemblies_of_the_regions(home, recording, qtbot):
    model = random_model(recording.n_neurons, 5)
    inside = np.zeros(recording.n_neurons, dtype=bool)
    name = recording.regions.names[int(recording.regions.counts.argmax())]
    inside[recording.regions.members(name)] = True
    model.weights_[inside, :3] = 0
    home.workspace.open(recording)
    home.workspace.show_model(Trained.of(model, recording))
    widget = AssembliesWidget(home.viewer)
    qtbot.addWidget(widget)
    member = membership(model.weights_)
    expected = member[inside].sum(axis=0) >= 0.1 * member.sum(axis=0)
    assert 0 < expected.sum() < 5, "the planted case tells something"
    home.workspace.show_only([name])
    assert widget.proxy.rowCount() == expected.sum()
    assert f"{expected.sum()} of 5 assemblies" in widget.message.text()
    home.workspace.show_only()
    assert widget.proxy.rowCount() == 5 and widget.message.isHidden()


def test_assigned_regions_keep_the_model_and_reach_every_view(scene, recording):
    viewer, workspace, _ = scene
    half = (recording.coordinates[:, 1] > np.median(recording.coordinates[:, 1])).astype(int)
    regions = Regions.from_labels(half, ("front", "back"))
    workspace.show_only(recording.regions.names[:1])
    weights = workspace.weights
    workspace.assign_regions(regions)
    assert workspace.recording.regions is regions and workspace.weights is weights
    assert workspace.only == ()
    assert set(workspace.trained.table["region"]) <= {"front", "back"}
    assert set(viewer.layers[REGIONS].features["region"]) == {"front", "back"}
    neurons = viewer.layers[NEURONS]
    assert neurons.features["region"].iloc[0] == ("front", "back")[half[0]]
    assert len(neurons.data) == recording.n_neurons
    expected = Trained.of(workspace.trained.model, replace(recording, regions=regions)).table
    assert workspace.trained.table.equals(expected)
