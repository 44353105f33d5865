import matplotlib
import numpy as np
import pytest

from napari_crbm.figures.style import DARK, LIGHT, drawing, new_figure


def lightness(colours):
    """Oklab lightness of sRGB colours, (n, 3)."""
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    to_lms = np.array(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ]
    )
    return np.cbrt(linear @ to_lms.T) @ [0.2104542553, 0.7936177850, -0.0040720468]


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_weight_colours_are_even_and_symmetric_in_lightness(theme):
    scale = lightness(theme.weight_map(np.linspace(0, 1, 257))[:, :3])
    left, right = scale[:129][::-1], scale[128:]
    assert np.abs(left - right).max() < 0.03
    for side in (left, right):
        steps = np.diff(side) * (1 if theme is DARK else -1)
        assert (steps > -2e-3).all()  # away from zero, away from the background
        assert np.ptp(side) > 0.25


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_signs_differ_without_red_green_vision(theme):
    """Blue minus the mean of red and green tells the signs apart for every clear weight."""
    colours = theme.weight_map(np.array([0.0, 0.2, 0.4, 0.6, 0.8, 1.0]))[:, :3]
    blueness = colours[:, 2] - colours[:, :2].mean(axis=1)
    assert blueness[:3].min() > blueness[3:].max() + 0.1


def test_drawing_leaves_matplotlib_as_it_was():
    before = dict(matplotlib.rcParams)
    with drawing(DARK):
        figure = new_figure(2, 1)
    assert dict(matplotlib.rcParams) == before
    assert matplotlib.colors.to_hex(figure.get_facecolor()) == DARK.background
