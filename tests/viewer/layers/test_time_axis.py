"""napari's own slider of time and the cursor move together."""

from dataclasses import replace

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_crbm.viewer.layers.brain import BrainLayers
from napari_crbm.viewer.layers.names import ACTIVE, NEURONS
from napari_crbm.viewer.layers.time_axis import TIME, TimeAxis
from napari_crbm.viewer.state.workspace import Workspace


@pytest.fixture
def linked(recording):
    viewer, workspace = ViewerModel(), Workspace()
    layers = BrainLayers(viewer, workspace)
    axis = TimeAxis(viewer, workspace)
    workspace.open(recording)
    return viewer, workspace, (layers, axis)


def test_the_slider_moves_the_cursor_and_back(linked, recording):
    viewer, workspace, _ = linked
    assert viewer.dims.axis_labels[0] == "time" and viewer.dims.nsteps[0] == recording.n_frames
    assert workspace.frame is None and viewer.dims.current_step[0] == 0
    viewer.dims.set_current_step(0, 120)
    assert workspace.frame == 120 and viewer.layers[ACTIVE].metadata["frame"] == 120
    assert viewer.dims.point[0] == pytest.approx(120 * recording.frame_interval_s)
    workspace.choose_frame(7)
    assert viewer.dims.current_step[0] == 7
    workspace.choose_frame(None)
    assert viewer.dims.current_step[0] == 7


def test_depth_and_time_are_apart_in_2d(linked):
    viewer, workspace, _ = linked
    viewer.dims.ndisplay = 2
    viewer.dims.set_current_step(1, 40)
    assert workspace.frame is None
    viewer.dims.set_current_step(0, 3)
    assert workspace.frame == 3 and viewer.dims.current_step[1] == 40


def test_neurons_are_still_found_under_the_pointer(linked, recording):
    viewer, *_ = linked
    layer = viewer.layers[NEURONS]
    position = np.concatenate([[0.0], recording.coordinates[5]])
    viewer.dims.ndisplay = 2
    viewer.dims.set_point(1, position[1])
    value = layer.get_value(position, dims_displayed=[2, 3], world=True)
    assert value == 5


def test_another_recording_and_a_removed_layer(linked, recording):
    viewer, workspace, _ = linked
    shorter = replace(
        recording, spikes=recording.spikes.select_frames(np.arange(50)), times=recording.times[:50]
    )
    workspace.choose_frame(300)
    workspace.open(shorter)
    assert viewer.dims.nsteps[0] == 50 and workspace.frame is None
    viewer.layers.remove(viewer.layers[TIME])
    workspace.choose_frame(4)
    assert viewer.dims.ndim == 3 and workspace.frame == 4
