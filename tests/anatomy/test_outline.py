import contourpy
import numpy as np
import pytest
from matplotlib.path import Path

from napari_crbm.anatomy import brain_outline, larval_fish
from napari_crbm.anatomy.outline import widest_plane
from napari_crbm.errors import RecordingError


def inside(polygons, points):
    return np.any([Path(polygon).contains_points(points) for polygon in polygons], axis=0)


@pytest.fixture
def grids(monkeypatch):
    """The grids of which contours are drawn."""
    draw, drawn = contourpy.contour_generator, []

    def drawing(z):
        drawn.append(z)
        return draw(z=z)

    monkeypatch.setattr(contourpy, "contour_generator", drawing)
    return drawn


@pytest.mark.parametrize("n_neurons", [100, 3000, 100_000])
@pytest.mark.parametrize(("plane", "axes"), [("dorsal", [1, 2]), ("side", [0, 1])])
def test_outline_holds_the_neurons_and_little_else(n_neurons, plane, axes, grids):
    coordinates, _ = larval_fish().sample(n_neurons, np.random.default_rng(0))
    polygons = brain_outline(coordinates, plane)
    # All that takes long works on the grid, which does not grow with the neurons.
    assert len(grids) == 1 and grids[0].size < 300_000
    assert all(np.array_equal(polygon[0], polygon[-1]) for polygon in polygons)
    assert inside(polygons, coordinates[:, axes]).mean() > 0.95
    box = np.prod(np.ptp(coordinates[:, axes], axis=0))
    a, b = polygons[0][:-1].T
    c, d = polygons[0][1:].T
    area = 0.5 * abs((a * d - b * c).sum())
    assert 0.4 * box < area < (1.4 if n_neurons == 100 else 0.85) * box


def test_two_separate_discs_give_two_outlines_and_strays_none():
    rng = np.random.default_rng(0)
    angle, radius = rng.uniform(0, 2 * np.pi, 4000), 100 * np.sqrt(rng.uniform(0, 1, 4000))
    y, x = radius * np.cos(angle), radius * np.sin(angle)
    x[:2000] += 400
    coordinates = np.stack([np.zeros(4000), y, x], axis=1)
    coordinates[0] = [0, 900, 0]
    polygons = brain_outline(coordinates, "dorsal")
    assert len(polygons) == 2
    for polygon in polygons:
        centre = polygon[:-1].mean(axis=0)
        reach = np.hypot(*(polygon - centre).T)
        assert reach.min() > 85
        assert reach.max() < 120


def test_holes_are_filled():
    rng = np.random.default_rng(0)
    angle, radius = rng.uniform(0, 2 * np.pi, 5000), rng.uniform(100, 200, 5000)
    ring = np.stack([np.zeros(5000), radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    polygons = brain_outline(ring, "dorsal")
    assert len(polygons) == 1
    assert inside(polygons, np.array([[0.0, 0.0]]))[0]


def test_too_few_or_collinear_neurons_have_no_outline():
    assert brain_outline(np.zeros((5, 3)), "dorsal") == []
    line = np.zeros((100, 3))
    line[:, 1] = np.arange(100)
    assert brain_outline(line, "dorsal") == []


def test_bad_arguments_are_explained():
    with pytest.raises(RecordingError, match="plane 'oblique'"):
        brain_outline(np.zeros((20, 3)), "oblique")
    with pytest.raises(RecordingError, match=r"\(20, 2\)"):
        brain_outline(np.zeros((20, 2)), "dorsal")


@pytest.mark.parametrize(
    ("extent", "plane"),
    [
        ((230, 840, 360), "dorsal"),
        # A probe: deep, narrow, without width.
        ((460, 48, 0), "side"),
        ((3800, 0, 60), "frontal"),
        # Not clearly wider.
        ((110, 200, 100), "dorsal"),
        ((0, 0, 0), "dorsal"),
    ],
)
def test_neurons_are_seen_from_where_they_do_not_hide_each_other(extent, plane):
    places = np.random.default_rng(0).random((50, 3))
    places[:2] = [[0, 0, 0], [1, 1, 1]]
    assert widest_plane(places * extent) == plane
