"""One palette for viewer and figures: readable on both backgrounds, by everybody."""

import matplotlib
import numpy as np
import pytest

from napari_crbm.figures.style import THEMES
from napari_crbm.palette import (
    BLUE,
    DARK,
    GREEN,
    GREY,
    LIGHT,
    ORANGE,
    PALETTES,
    hex_to_rgb,
    rgb_to_hex,
    srgb_to_oklab,
)

CANVAS = {"dark": "#000000", "light": "#ffffff"}
# Docks, darkest and lightest.
WINDOWS = ("#23242b", "#f0f1f2")
# Simulation of colour blindness in linear sRGB (Machado, Oliveira and Fernandes 2009).
BLIND = {
    "none": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
}


def linear(rgb):
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def contrast(rgb, background):
    """Contrast ratio of colours (n, 3) with a background, as WCAG 2 defines it."""
    one, other = (linear(c) @ [0.2126, 0.7152, 0.0722] for c in (rgb, hex_to_rgb([background])))
    return (np.maximum(one, other) + 0.05) / (np.minimum(one, other) + 0.05)


def seen_by(rgb, matrix):
    """OKLab of colours as a colour-blind person sees them."""
    mixed = np.clip(linear(rgb) @ np.transpose(matrix), 0, 1)
    shown = np.where(mixed <= 0.0031308, 12.92 * mixed, 1.055 * mixed ** (1 / 2.4) - 0.055)
    return srgb_to_oklab(shown)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=lambda p: p.name)
def test_contrast_grows_with_the_absolute_weight(palette):
    strength = np.linspace(0, 1, 33)
    for sign in (-1, 1):
        ratio = contrast(palette.weights(sign * strength, 1.0)[:, :3], CANVAS[palette.name])
        assert (np.diff(ratio) >= 0).all() and ratio[-1] > 2 * ratio[0]
        assert ratio[-1] > 4.5


@pytest.mark.parametrize("name", ["light", "dark"])
def test_viewer_and_figures_draw_weights_in_the_same_colours(name):
    place = np.linspace(-1, 1, 257)
    figure = THEMES[name].weight_map((place + 1) / 2)
    np.testing.assert_allclose(figure, PALETTES[name].weights(place, 1.0), atol=1 / 255)
    ends = matplotlib.colors.to_hex(figure[0]), matplotlib.colors.to_hex(figure[-1])
    assert ends == (PALETTES[name].negative, PALETTES[name].positive)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=lambda p: p.name)
def test_weights_are_signed_symmetric_and_limited(palette):
    colours = palette.weights(np.array([-1.0, -0.5, 0.0, 0.5, 1.0, 5.0]), limit=1.0)
    assert colours[0, 2] > colours[0, 0], "negative is blue"
    assert colours[4, 0] > colours[4, 2], "positive is orange"
    np.testing.assert_array_equal(colours[4], colours[5])
    assert rgb_to_hex(colours[2]) == palette.zero
    lightness = srgb_to_oklab(colours[:, :3])[:, 0]
    np.testing.assert_allclose(lightness[[0, 1]], lightness[[4, 3]], atol=0.01)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=lambda p: p.name)
@pytest.mark.parametrize("blindness", BLIND)
def test_assemblies_and_signs_differ_for_colour_blind_readers(palette, blindness):
    several = [*palette.assemblies, palette.shared]
    for colours in (several, [palette.negative, palette.zero, palette.positive]):
        lab = seen_by(hex_to_rgb(colours), BLIND[blindness])
        distance = np.linalg.norm(lab[:, None] - lab[None], axis=-1)
        assert distance[np.triu_indices(len(colours), 1)].min() > 0.1


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=lambda p: p.name)
def test_marks_and_assemblies_stand_out_from_the_canvas(palette):
    colours = [*palette.assemblies, palette.shared, palette.mark, palette.active]
    assert contrast(hex_to_rgb(colours), CANVAS[palette.name]).min() > 3


def test_lines_of_plots_can_be_seen_in_both_themes():
    for window in WINDOWS:
        assert contrast(hex_to_rgb([BLUE, ORANGE, GREEN, GREY]), window).min() > 3


def test_neurons_in_several_assemblies_have_a_colour_of_their_own():
    inside = np.array([[True, False], [False, True], [True, True]])
    shown = [rgb_to_hex(colour) for colour in DARK.memberships(inside)]
    assert shown == [DARK.assembly(0), DARK.assembly(1), DARK.shared]
