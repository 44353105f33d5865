"""Views of the brain from its sides, directions on the canvas, slabs."""

import os
import sys
from dataclasses import replace

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_crbm.schematic import place_neurons
from napari_crbm.viewer.docks.anatomy.widget import AnatomyWidget
from napari_crbm.viewer.layers.brain import BrainLayers
from napari_crbm.viewer.layers.marks import letters, orientation_is_known, region_names
from napari_crbm.viewer.layers.names import NEURONS
from napari_crbm.viewer.layers.neurons import neuron_size_um
from napari_crbm.viewer.layers.projection import on_screen
from napari_crbm.viewer.layers.views import VIEWS, hidden_axis, slab_bounds
from napari_crbm.viewer.state.marks import marks_of
from napari_crbm.viewer.state.workspace import Workspace

# What is up, down, left and right.
EXPECTED = {"dorsal": "APLR", "side": "DVAP", "frontal": "DVLR"}


@pytest.fixture
def scene(recording):
    return scene_of(recording)


def scene_of(recording):
    viewer, workspace = ViewerModel(), Workspace()
    layers = BrainLayers(viewer, workspace)
    workspace.open(recording)
    return viewer, workspace, layers


def sides(viewer, recording) -> str:
    """Letters at the top, bottom, left and right."""
    found = letters(viewer, recording)
    assert all(abs(letter.x) > 0.99 or abs(letter.y) > 0.99 for letter in found)
    up, down = (min(found, key=lambda each, s=sign: s * each.y) for sign in (1, -1))
    left, right = (min(found, key=lambda each, s=sign: s * each.x) for sign in (1, -1))
    return "".join(letter.text for letter in (up, down, left, right))


def shown(layer) -> np.ndarray:
    """Neurons that the present slice shows."""
    return layer._view_indices


def test_neurons_on_a_probe_are_first_seen_from_the_side(recording):
    n = recording.n_neurons
    places = np.column_stack([10.0 * (np.arange(n) // 4), 16.0 * (np.arange(n) % 4), np.zeros(n)])
    made = replace(recording, coordinates=places.astype(np.float32))
    viewer, workspace, _layers = scene_of(made)
    seen = viewer.scene.camera.view_direction
    np.testing.assert_allclose(seen, VIEWS["side"].direction, atol=1e-6)
    # Neighbours do not overlap much.
    assert neuron_size_um(made) < 1.7 * 10
    workspace.open(recording)
    seen = viewer.scene.camera.view_direction
    np.testing.assert_allclose(seen, VIEWS["dorsal"].direction, atol=1e-6)


@pytest.mark.parametrize("ndisplay", [2, 3])
@pytest.mark.parametrize("name", VIEWS)
def test_every_view_shows_its_sides(scene, recording, name, ndisplay):
    viewer, _, layers = scene
    viewer.dims.ndisplay = ndisplay
    layers.view.look(name)
    assert sides(viewer, recording) == EXPECTED[name]
    assert layers.view.name == (name if ndisplay == 2 else "dorsal")
    # The brain fills the canvas and is not cut.
    places, (height, width) = on_screen(viewer, recording.positions), viewer.canvas.size
    assert (places > 0).all() and (places < (width, height)).all()
    span = np.ptp(places, axis=0) / (width, height)
    assert span.max() > 0.7


@pytest.mark.parametrize("name", VIEWS)
def test_the_brain_is_not_drawn_as_its_mirror_image(scene, recording, name):
    """Right, up and towards the reader are a right-handed system, as in the animal."""
    viewer, _, layers = scene
    layers.view.look(name)
    camera = viewer.scene.camera
    toward = -np.asarray(camera.view_direction)
    # In the animal: right x anterior = dorsal. Axes are z (ventral), y (posterior), x (right).
    animal = np.array([[0, 0, 1], [0, -1, 0], [-1, 0, 0]], dtype=float)
    zero = on_screen(viewer, np.zeros((1, 3)))
    shown = []
    for direction in animal:
        x, y = (on_screen(viewer, direction[None]) - zero)[0] / camera.zoom
        shown.append([x, -y, direction @ toward])
    assert np.linalg.det(np.array(shown)) == pytest.approx(1.0)


def test_the_view_stays_between_two_and_three_dimensions(scene, recording):
    viewer, _, layers = scene
    viewer.dims.ndisplay = 2
    layers.view.look("side")
    viewer.dims.ndisplay = 3
    assert tuple(viewer.dims.order) == (0, 1, 2) and sides(viewer, recording) == EXPECTED["side"]


def test_two_dimensions_show_the_whole_brain_then_a_slab(scene, recording):
    viewer, _, layers = scene
    viewer.dims.ndisplay = 2
    layer = viewer.layers[NEURONS]
    assert layers.view.slab_um is None and len(shown(layer)) == recording.n_neurons
    layers.view.set_slab(30.0)
    low, high = slab_bounds(viewer.dims, 0)
    inside = (recording.positions[:, 0] >= low) & (recording.positions[:, 0] <= high)
    assert high - low == pytest.approx(30.0)
    assert set(shown(layer)) == set(np.flatnonzero(inside))
    layers.view.reset()
    assert layers.view.slab_um is None and len(shown(layer)) == recording.n_neurons


def test_moving_the_slider_shows_a_slab(scene):
    viewer, _, layers = scene
    viewer.dims.ndisplay = 2
    assert hidden_axis(viewer.dims) == 0
    viewer.dims.set_point(0, viewer.dims.point[0] + 0.3)
    assert layers.view.slab_um is None, "rounding to a step is no browsing"
    viewer.dims.set_point(0, viewer.dims.point[0] + 40)
    assert layers.view.slab_um is not None and layers.view.slab_um % 5 == 0


def test_directions_are_letters_only_where_they_mean_something(scene, recording):
    viewer, workspace, _ = scene
    viewer.scene.camera.angles = (20, 40, 60)
    assert {letter.text for letter in letters(viewer, recording)} == set("APLRDV")
    assert orientation_is_known(recording), "it was simulated"
    measured = replace(recording, provenance=())
    assert not orientation_is_known(measured) and orientation_is_known(measured, object())
    flat = replace(recording, coordinates=recording.positions * np.float32([0, 1, 1]))
    workspace.open(flat)
    viewer.scene.camera.angles = (20, 40, 60)
    assert {letter.text for letter in letters(viewer, flat)} == set("APLR")
    schematic = replace(recording, coordinates=None)
    assert letters(viewer, schematic) == [] and letters(viewer, None) == []


def test_names_of_ticked_regions_are_where_their_neurons_are(scene, recording, qapp):
    viewer, workspace, layers = scene
    assert region_names(viewer, workspace) == []
    ticked = [int(k) for k in np.argsort(-recording.regions.counts)[:4]]
    workspace.region_view.tick(ticked)
    names = region_names(viewer, workspace)
    assert {name.text for name in names} == {recording.regions.names[k] for k in ticked}
    first = names[0]
    centre = recording.positions[recording.regions.members(first.text)].mean(axis=0)
    assert abs(on_screen(viewer, centre[None])[0, 0] - first.x) < 1e-3
    for name in names:
        for other in names:
            assert name is other or np.hypot(name.x - other.x, name.y - other.y) > 10
    viewer.dims.ndisplay = 2
    layers.view.set_slab(5.0)
    viewer.dims.set_point(0, place_neurons(recording).points[:, 0].max() + 100)
    assert region_names(viewer, workspace) == [], "none of their neurons is shown"


def test_the_dock_has_buttons_and_a_slab(viewer, shown_home, qtbot):
    dock = AnatomyWidget(viewer)
    qtbot.addWidget(dock)
    recording = shown_home.workspace.recording
    dock.look.buttons["side"].click()
    assert sides(viewer, recording) == EXPECTED["side"]
    assert not dock.look.slab.isEnabled()
    dock.look.reset.click()
    assert sides(viewer, recording) == EXPECTED["dorsal"]
    viewer.dims.ndisplay = 2
    assert dock.look.slab.isEnabled() and dock.look.slab.text() == "whole brain"
    dock.look.slab.setValue(25)
    assert shown_home.view.slab_um == 25.0
    shown_home.view.set_slab(None)
    assert dock.look.slab.value() == 0
    marks = marks_of(shown_home.workspace)
    dock.canvas.orientation.setChecked(False)
    assert not marks.orientation and marks.region_names
    marks.switch(orientation=True, region_names=False)
    assert dock.canvas.orientation.isChecked() and not dock.canvas.region_names.isChecked()


@pytest.mark.opengl
@pytest.mark.skipif(
    sys.platform == "linux" and not os.environ.get("DISPLAY"),
    reason="needs a display, real or virtual (xvfb-run)",
)
@pytest.mark.parametrize("perspective", [0.0, 35.0])
def test_names_are_where_the_canvas_draws(make_napari_viewer, recording, qtbot, perspective):
    """The place of a point as napari's own transform has it."""
    viewer = make_napari_viewer(show=True)
    workspace = Workspace()
    layers = BrainLayers(viewer, workspace)
    workspace.open(recording)
    points = recording.positions[::50]
    canvas = viewer.window._qt_viewer.canvas
    for ndisplay in (3, 2):
        viewer.dims.ndisplay = ndisplay
        for name in VIEWS:
            layers.view.look(name)
            if ndisplay == 3:
                viewer.scene.camera.angles = (20, 40, 60)
                viewer.scene.camera.perspective = perspective
            qtbot.wait(50)
            node = canvas.layer_to_visual[viewer.layers[NEURONS]].node
            drawn = np.zeros((len(points), 4))
            drawn[:, :ndisplay] = points[:, list(viewer.dims.displayed)][:, ::-1]
            drawn[:, 3] = 1
            mapped = node.get_transform("visual", "canvas").map(drawn)
            expected = mapped[:, :2] / mapped[:, 3:]
            np.testing.assert_allclose(on_screen(viewer, points), expected, atol=0.01)
