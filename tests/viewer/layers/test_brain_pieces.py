"""Neurons of ticked regions are drawn in pieces, which a new choice may interrupt."""

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_crbm.viewer.layers.brain import BrainLayers
from napari_crbm.viewer.layers.names import NEURONS
from napari_crbm.viewer.state.workspace import Workspace


@pytest.mark.parametrize("n_pieces", [1, 2, 3])
def test_the_last_choice_holds_when_the_one_before_was_interrupted(recording, n_pieces):
    begun = {}
    viewer, workspace = ViewerModel(), Workspace()
    layers = BrainLayers(viewer, workspace, later=lambda name, work: begun.update({name: work}))
    workspace.open(recording)
    view = workspace.region_view
    view.tick([int(recording.regions.counts.argmax())])
    view.restrict(True)
    for _ in range(n_pieces):
        next(begun[NEURONS])
    begun[NEURONS].close()
    view.restrict(False)
    for _ in begun[NEURONS]:
        pass
    shown = viewer.layers[NEURONS]
    np.testing.assert_array_equal(shown.data, recording.coordinates)
    np.testing.assert_array_equal(shown.features["neuron"], np.arange(recording.n_neurons))
    assert len(shown.face_color) == len(shown.data) and not layers.drawing
