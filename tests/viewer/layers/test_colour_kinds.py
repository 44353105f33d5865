"""Colours of all neurons follow the background of the canvas."""

import numpy as np
import pytest

from napari_crbm.palette import DARK, LIGHT
from napari_crbm.viewer.layers.colour_kinds import by_activity, by_region, by_signed
from napari_crbm.viewer.state.workspace import Workspace


@pytest.fixture
def workspace(recording):
    made = Workspace()
    made.open(recording)
    return made


def test_values_are_coloured_again_on_another_background(workspace):
    workspace.show_colouring(by_activity(workspace))
    dark = workspace.colouring
    order = np.argsort(dark.values)
    heard = []
    workspace.colouring_changed.connect(lambda: heard.append(workspace.colouring))
    workspace.set_palette(LIGHT)
    (light,) = heard
    for colouring, sign in ((dark, 1), (light, -1)):
        brightness = colouring.colours[order, :3].mean(axis=1)
        assert sign * (brightness[-1] - brightness[0]) > 0.2, "the largest value contrasts most"
    np.testing.assert_array_equal(light.values, dark.values)
    assert (light.title, light.low, light.high) == (dark.title, dark.low, dark.high)
    workspace.set_palette(DARK)
    np.testing.assert_array_equal(workspace.colouring.colours, dark.colours)


def test_signed_values_have_the_colours_of_weights(workspace):
    values = np.linspace(-1, 1, workspace.recording.n_neurons)
    for palette in (DARK, LIGHT):
        made = by_signed("coupling", "Coupling (nats)", values, palette)
        np.testing.assert_array_equal(made.ramp[[0, -1]], palette.weight_scale[[0, -1]])
        np.testing.assert_array_equal(made.on(DARK).ramp[0], DARK.weight_scale[0])


def test_colours_of_regions_are_the_same_on_every_background(workspace):
    workspace.show_colouring(by_region(workspace))
    before = workspace.colouring
    workspace.set_palette(LIGHT)
    assert workspace.colouring is before
