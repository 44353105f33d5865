"""What a person does in napari's list of layers: removing, renaming, opening another recording."""

import numpy as np
import pytest

from napari_crbm.io import save_recording
from napari_crbm.simulation import simulate
from napari_crbm.viewer.layers.names import ASSEMBLY, NEURONS, SHELL
from tests.viewer.conftest import until
from tests.viewer.layers.test_clicks import Click


@pytest.fixture(scope="module")
def other():
    return simulate(n_neurons=150, n_frames=200, n_assemblies=2, seed=5).recording


def names(viewer) -> list[str]:
    return [layer.name for layer in viewer.layers]


def click(viewer, position) -> None:
    event = Click(position)
    for callback in viewer.mouse_drag_callbacks:
        steps = callback(viewer, event)
        if steps is not None:
            next(steps, None)
            event.type = "mouse_release"
            next(steps, None)


def test_a_second_recording_through_napari_replaces_the_first(
    viewer, home, recording, other, tmp_path, qtbot
):
    for place, each in enumerate((recording, other)):
        path = tmp_path / f"fish-{place}.h5"
        save_recording(each, path)
        viewer.open(path, plugin="napari-crbm")
        until(qtbot, lambda: not home.busy)
    assert [name for name in names(viewer) if name.startswith(NEURONS)] == [NEURONS]
    assert len(viewer.layers[NEURONS].data) == other.n_neurons


def test_removed_neurons_come_back_with_the_next_choice(viewer, shown_home, qtbot):
    workspace = shown_home.workspace
    viewer.layers.remove(NEURONS)
    workspace.step_assembly(1)
    shown = names(viewer)
    assert shown.index(SHELL) < shown.index(NEURONS) < shown.index(ASSEMBLY)
    viewer.layers.remove(NEURONS)
    view = workspace.region_view
    view.tick([0], True)
    view.restrict(True)
    until(qtbot, lambda: not shown_home.busy)
    assert len(viewer.layers[NEURONS].data) == view.shown_neurons.sum()


def test_hidden_neurons_stay_hidden_while_regions_are_chosen(viewer, shown_home, qtbot):
    view = shown_home.workspace.region_view
    viewer.layers[NEURONS].visible = False
    view.tick([0], True)
    for only in (True, False):
        view.restrict(only)
        until(qtbot, lambda: not shown_home.busy)
    assert not viewer.layers[NEURONS].visible
    viewer.layers[NEURONS].visible = True
    assert len(viewer.layers[NEURONS].data) == shown_home.workspace.recording.n_neurons


def test_neurons_of_another_name_can_be_clicked_and_coloured(viewer, shown_home):
    from napari_crbm.viewer.layers.colour_kinds import by_activity

    workspace = shown_home.workspace
    workspace.choose_assembly(None)
    viewer.layers[NEURONS].name = "My fish"
    place = workspace.recording.coordinates[7]
    click(viewer, place)
    found = workspace.recording.coordinates[workspace.neuron]
    assert np.linalg.norm(found[1:] - place[1:]) < 12
    workspace.show_colouring(by_activity(workspace))
    assert np.ptp(viewer.layers["My fish"].face_color[:, 0]) > 0.1
    assert NEURONS not in viewer.layers


def test_what_was_kept_of_a_brain_does_not_lie_over_the_next_one(viewer, shown_home, other):
    kept = shown_home.layers.selection.copy_assembly()
    viewer.layers[ASSEMBLY].name = "Mine"
    assert viewer.layers[kept].visible and viewer.layers["Mine"].visible
    shown_home.show(other)
    assert not viewer.layers[kept].visible and not viewer.layers["Mine"].visible
