"""Recordings without positions, or with some, in the viewer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_crbm.schematic import place_neurons
from napari_crbm.viewer.docks.neurons.widget import neuron_summary
from napari_crbm.viewer.docks.recording.widget import summary_of
from napari_crbm.viewer.layers.brain import OUTLINE_NAME, BrainLayers
from napari_crbm.viewer.layers.names import ASSEMBLY, NEURONS
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
    np.testing.assert_array_equal(points, place_neurons(made).points)
    assert np.isfinite(viewer.layers[ASSEMBLY].data).all() and len(viewer.layers[ASSEMBLY].data)
    assert viewer.canvas.overlays.scale_bar.visible == (kind == "some")
    assert (OUTLINE_NAME in viewer.layers) == (kind == "some")
    said = summary_of(made)
    assert {
        "none": "distances and directions mean nothing",
        "some": "have no position and are drawn to the right",
        "depth": "Only the depth of neurons is known",
    }[kind] in said["Positions"]
    unknown = kind == "none" or kind == "some"
    assert ("its position is not known" in neuron_summary(made, 0)) == unknown
