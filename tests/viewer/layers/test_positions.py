"""Recordings without positions, or with some, in the viewer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from napari.components import ViewerModel
from scipy.spatial import cKDTree

from napari_crbm.schematic import arrange_neurons, place_neurons
from napari_crbm.viewer.docks.neurons.widget import neuron_summary
from napari_crbm.viewer.docks.recording.widget import summary_of
from napari_crbm.viewer.layers.brain import BrainLayers
from napari_crbm.viewer.layers.names import ASSEMBLY, NEURONS, SHELL
from napari_crbm.viewer.layers.neurons import neuron_size_um
from napari_crbm.viewer.state.trained import Trained
from napari_crbm.viewer.state.workspace import Workspace
from tests.viewer.state.test_workspace import a_model


@pytest.mark.parametrize("kind", ["none", "some", "depth"])
def test_every_neuron_is_drawn_and_the_dock_says_what_it_means(recording, kind):
    n = recording.n_neurons
    lost = np.arange(n) % 7 == 0
    coordinates = {
        "none": None,
        "some": np.where(lost[:, None], np.nan, recording.positions),
        "depth": np.linspace(0, 900, n),
    }[kind]
    made = replace(recording, coordinates=coordinates)
    viewer, workspace = ViewerModel(), Workspace()
    # Kept alive, as a viewer keeps it.
    layers = BrainLayers(viewer, workspace)
    workspace.open(made)
    workspace.show_model(Trained.of(a_model(n), made))
    workspace.choose_assembly(1)
    assert layers is not None
    points = viewer.layers[NEURONS].data
    weights = workspace.trained.model.weights_
    np.testing.assert_array_equal(points, place_neurons(made, weights).points)
    np.testing.assert_array_equal(points, place_neurons(made).points)
    assert np.isfinite(viewer.layers[ASSEMBLY].data).all() and len(viewer.layers[ASSEMBLY].data)
    assert viewer.canvas.overlays.scale_bar.visible == (kind == "some")
    assert (SHELL in viewer.layers) == (kind == "some")
    said = summary_of(made)
    assert {
        "none": "arranged by their strongest assembly, and distances and directions mean nothing",
        "some": "have no position and are drawn to the right of the others, by their strongest",
        "depth": "Only the depth of neurons is known",
    }[kind] in said["Positions"]
    unknown = kind == "none" or kind == "some"
    assert ("its position is not known" in neuron_summary(made, 0)) == unknown


def test_points_of_a_schematic_drawing_leave_each_other_free(recording):
    made = replace(recording, coordinates=None)
    apart = cKDTree(place_neurons(made).points).query(place_neurons(made).points, 2)[0][:, 1]
    # Chosen ones are drawn 1.4 times as large.
    assert 1.4 * neuron_size_um(made) < apart.min()


def test_members_are_neighbours_once_there_is_a_model(recording):
    made = replace(recording, coordinates=None)
    n = made.n_neurons
    viewer, workspace = ViewerModel(), Workspace()
    layers = BrainLayers(viewer, workspace)
    workspace.open(made)
    before = viewer.layers[NEURONS].data.copy()
    assert "in the order of the file" in place_neurons(made).note
    workspace.choose_neuron(3)
    workspace.show_model(Trained.of(a_model(n), made))
    assert layers is not None
    points = viewer.layers[NEURONS].data
    assert not np.array_equal(points, before)
    strongest = np.abs(workspace.trained.model.weights_).argmax(axis=1)

    def spread(places):
        """Mean distance of the neurons of an assembly from their centre."""
        groups = [places[strongest == k] for k in np.unique(strongest)]
        return np.mean([np.linalg.norm(each - each.mean(0), axis=1).mean() for each in groups])

    assert spread(points) < 0.8 * spread(before)
    workspace.choose_assembly(1)
    members = viewer.layers[ASSEMBLY].data
    assert {tuple(place) for place in members} <= {tuple(place) for place in points}
    # Other regions of the same neurons change nothing.
    if made.regions is not None:
        workspace.assign_regions(made.regions)
        np.testing.assert_array_equal(
            place_neurons(workspace.recording).points, viewer.layers[NEURONS].data
        )
    # Opened again, without its model, they are in the order of the file.
    workspace.open(made)
    np.testing.assert_array_equal(place_neurons(made).points, before)


def test_positions_that_are_known_never_move(recording):
    assert arrange_neurons(recording, a_model(recording.n_neurons).weights_).points is (
        place_neurons(recording).points
    )
