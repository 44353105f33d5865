"""Mouse clicks on the canvas."""

import numpy as np

from tests.viewer.conftest import strongest_neuron


class Click:
    """What napari hands to a drag callback, for a press and release at one place."""

    button, modifiers, type = 1, (), "mouse_press"
    dims_displayed = (0, 1, 2)

    def __init__(self, position):
        self.position, self.pos = np.array(position), np.array([5.0, 5.0])
        self.view_direction = np.array([1.0, 0.0, 0.0])


def test_clicking_a_neuron_in_the_canvas_chooses_it(viewer, trained_home):
    workspace = trained_home.workspace
    neuron = strongest_neuron(trained_home)
    event = Click(workspace.recording.coordinates[neuron])
    for callback in viewer.mouse_drag_callbacks:
        steps = callback(viewer, event)
        if steps is None:
            continue
        next(steps, None)
        event.type = "mouse_release"
        next(steps, None)
    # Another neuron may lie in front of it along the line of sight, so near is right.
    found = workspace.recording.coordinates[workspace.neuron]
    assert np.linalg.norm(found[1:] - event.position[1:]) < 12
