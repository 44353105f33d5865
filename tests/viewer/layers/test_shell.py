"""The brain around the neurons: a shell in 3-D, the outline of the slab in 2-D."""

from dataclasses import replace

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_crbm.palette import DARK, LIGHT, hex_to_rgb
from napari_crbm.viewer.layers.brain import BrainLayers
from napari_crbm.viewer.layers.names import NEURONS, OUTLINE_NAME, REGIONS, SHELL
from napari_crbm.viewer.layers.shell import glass, shell_of
from napari_crbm.viewer.state.workspace import Workspace


@pytest.fixture
def scene(recording):
    viewer, workspace = ViewerModel(), Workspace()
    layers = BrainLayers(viewer, workspace)
    workspace.open(recording)
    return viewer, workspace, layers


def outline_span(viewer, column: int) -> float:
    return float(np.ptp(viewer.layers[OUTLINE_NAME].data[:, 0, column]))


def test_the_shell_is_behind_the_neurons_and_around_them(scene, recording):
    viewer, _, _ = scene
    names = [layer.name for layer in viewer.layers]
    assert names.index(SHELL) < names.index(NEURONS) and OUTLINE_NAME not in names
    vertices = viewer.layers[SHELL].data[0]
    assert (vertices.min(axis=0) < recording.positions.min(axis=0) + 10).all()
    assert (vertices.max(axis=0) > recording.positions.max(axis=0) - 10).all()


def test_a_plane_shows_the_outline_instead(scene):
    viewer, _, _ = scene
    viewer.dims.ndisplay = 2
    assert not viewer.layers[SHELL].visible and viewer.layers[OUTLINE_NAME].visible
    viewer.dims.ndisplay = 3
    assert viewer.layers[SHELL].visible and not viewer.layers[OUTLINE_NAME].visible
    viewer.layers[SHELL].visible = False
    viewer.dims.ndisplay = 2
    assert not viewer.layers[OUTLINE_NAME].visible, "what the person hid stays hidden"


def test_the_outline_is_that_of_the_slab_and_lies_in_it(scene):
    viewer, _, layers = scene
    viewer.dims.ndisplay = 2
    whole = outline_span(viewer, 1)
    layers.view.set_slab(20.0)
    viewer.dims.set_point(0, viewer.layers[NEURONS].data[:, 0].max())
    assert outline_span(viewer, 1) < 0.95 * whole
    low, high = (f(viewer.layers[OUTLINE_NAME].data[:, 0, 0]) for f in (np.min, np.max))
    assert viewer.dims.point[0] - 10 <= low <= high <= viewer.dims.point[0] + 10
    layers.view.set_slab(None)
    assert outline_span(viewer, 1) == pytest.approx(whole)
    layers.view.look("frontal")
    assert outline_span(viewer, 1) == 0, "the plane of the frontal view"


def test_a_flat_recording_has_its_outline_in_space(recording):
    flat = replace(recording, coordinates=recording.positions * np.float32([0, 1, 1]))
    viewer, workspace = ViewerModel(), Workspace()
    layers = BrainLayers(viewer, workspace)
    workspace.open(flat)
    assert layers is not None and SHELL not in viewer.layers
    assert viewer.layers[OUTLINE_NAME].visible
    viewer.dims.ndisplay = 2
    assert viewer.layers[OUTLINE_NAME].visible


def test_bodies_of_regions_stay_inside(scene, recording):
    viewer, workspace, _ = scene
    workspace.region_view.tick(list(range(len(recording.regions.names))))
    vertices = viewer.layers[REGIONS].data[0]
    assert shell_of(recording, None).depth_at(vertices).min() > -1
    names = [layer.name for layer in viewer.layers]
    assert names.index(SHELL) < names.index(REGIONS) < names.index(NEURONS)


def test_the_rim_turns_with_the_camera_and_the_colour_with_the_theme(scene):
    viewer, _, _ = scene
    layer = viewer.layers[SHELL]
    before = np.array(layer.vertex_colors)
    viewer.scene.camera.angles = (0, 1, 0)
    np.testing.assert_array_equal(layer.vertex_colors, before, "too little to see")
    viewer.scene.camera.angles = (0, 60, 0)
    after = np.array(layer.vertex_colors)
    assert np.abs(after[:, 3] - before[:, 3]).max() > 0.1
    np.testing.assert_array_equal(after[:, :3], before[:, :3])
    viewer.theme = "light"
    np.testing.assert_allclose(layer.vertex_colors[0, :3], hex_to_rgb([LIGHT.shell])[0], atol=1e-6)
    viewer.theme = "dark"
    np.testing.assert_allclose(layer.vertex_colors[0, :3], hex_to_rgb([DARK.shell])[0], atol=1e-6)


def test_glass_is_clear_where_it_faces_the_reader():
    normals = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0]], dtype=np.float32)
    colours = np.tile(np.float32([1, 0, 0, 0.5]), (3, 1))
    painted = glass(normals, (1.0, 0.0, 0.0), colours, 0.2)
    np.testing.assert_allclose(painted[:, 3], [0.1, 0.1, 0.5], atol=1e-6)
    np.testing.assert_array_equal(painted[:, :3], colours[:, :3])


def test_another_recording_replaces_the_shell(scene, recording):
    viewer, workspace, _ = scene
    workspace.open(replace(recording, coordinates=recording.positions + np.float32(1000)))
    assert [layer.name for layer in viewer.layers].count(SHELL) == 1
    assert viewer.layers[SHELL].data[0].min(axis=0)[0] > 500
