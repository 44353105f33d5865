import numpy as np
import pytest

from napari_crbm.figures import brain_view
from napari_crbm.figures.brain import BrainView, draw_scale_bar
from napari_crbm.figures.style import LIGHT, drawing, new_figure


def test_outlines_surround_the_neurons_as_drawn(recording):
    view = brain_view(recording)
    dorsal, side = view.outlines["dorsal"][0], view.outlines["side"][0]
    for polygon, axes in ((dorsal, [2, 1]), (side, [0, 1])):
        inner = np.quantile(recording.coordinates[:, axes], [0.1, 0.9], axis=0)
        assert (polygon.min(axis=0) < inner[0]).all() and (polygon.max(axis=0) > inner[1]).all()
    assert (view.low_um <= np.quantile(recording.coordinates, 0.001, axis=0)).all()


def test_views_are_made_once_a_recording(recording):
    assert brain_view(recording) is brain_view(recording)


@pytest.mark.parametrize("size_um", [60, 250, 900, 9000])
def test_scale_bars_have_a_round_length_that_fits(size_um):
    corners = np.random.default_rng(0).random((200, 3)).astype(np.float32) * size_um
    view = BrainView.from_coordinates(corners)
    with drawing(LIGHT):
        ax = new_figure(2, 2).add_subplot()
        length = draw_scale_bar(ax, view, LIGHT)
    assert str(length).rstrip("0") in {"1", "2", "5"}
    assert 0.05 < length / size_um < 0.3
    assert np.ptp(ax.lines[0].get_xdata()) == pytest.approx(length)
    assert ax.texts[0].get_text() == f"{length} µm"


def test_a_handful_of_neurons_is_drawn_without_outline():
    view = BrainView.from_coordinates(np.eye(3, dtype=np.float32)[:2] * 50)
    assert view.outlines == {"dorsal": [], "side": [], "frontal": []}
    assert (view.extent_um > 0).all()


def test_imaging_planes_do_not_make_the_outline_a_comb():
    """Twenty planes, 30 um apart, of one box: its side is one simple outline."""
    rng = np.random.default_rng(0)
    points = rng.random((30_000, 3)) * [20, 900, 400]
    points[:, 0] = np.floor(points[:, 0]) * 30
    view = BrainView.from_coordinates(points.astype(np.float32))
    (outline,) = view.outlines["side"]
    length = np.linalg.norm(np.diff(outline, axis=0), axis=1).sum()
    assert length < 1.15 * 2 * (600 + 900)
    assert np.array_equal(view.coordinates_um[:, 0], points[:, 0].astype(np.float32))
