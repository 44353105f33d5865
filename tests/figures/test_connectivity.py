"""Figures of connectivity show the numbers they are given."""

from itertools import pairwise

import numpy as np
import pytest
from matplotlib.collections import LineCollection

from napari_crbm.connectome import (
    assembly_region_matrix,
    circuit,
    cluster_order,
    compare_maps,
    coupling_factors,
    mean_over_animals,
    region_centroids,
    region_map,
    similarity,
)
from napari_crbm.figures.connectivity import (
    comparison_figure,
    composition_figure,
    connectivity_figure,
    label_regions,
)
from napari_crbm.figures.style import new_figure
from napari_crbm.simulation.animals import plant_connectome, simulate_animal
from tests.conftest import random_model


@pytest.fixture(scope="module")
def recording():
    return simulate_animal(plant_connectome(6, 5), 150, 30, 1)


@pytest.fixture(scope="module")
def model():
    return random_model(150, 5)


@pytest.fixture(scope="module")
def found(recording, model):
    return region_map(coupling_factors(model.weights_, np.ones(5)), recording.regions)


def test_the_matrix_is_the_map_in_clustered_order(found, recording):
    figure = connectivity_figure(found, recording)
    order = cluster_order(found)
    image = figure.axes[0].images[0].get_array()
    np.testing.assert_allclose(image, np.log10(found.values[np.ix_(order, order)]))
    labels = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert labels == [found.names[k] for k in order]


@pytest.mark.parametrize("n_regions", [6, 55, 294])
def test_names_of_regions_are_large_enough_and_do_not_touch(n_regions, stays_on_page):
    figure = new_figure(7.2, 5.1)
    ax = figure.add_axes((0.25, 0.35, 0.6, 0.6))
    ax.imshow(np.zeros((n_regions, n_regions)))
    names = [
        f"Nucleus {k} of the medial longitudinal fasciculus and what surrounds it R"
        for k in range(n_regions)
    ]
    for axis in ("x", "y"):
        assert label_regions(ax, names, axis) == -(-n_regions // len(ax.get_xticks()))
    assert stays_on_page(figure)
    for labels, across in ((ax.get_xticklabels(), "x"), (ax.get_yticklabels(), "y")):
        assert all(label.get_fontsize() >= 5 for label in labels)
        boxes = [label.get_window_extent() for label in labels]
        ends = sorted((getattr(b, f"{across}0"), getattr(b, f"{across}1")) for b in boxes)
        assert all(one[1] < other[0] + 1 for one, other in pairwise(ends))
        first = labels[0].get_text()
        assert first.startswith("Nucleus 0") and "…" in first and first.endswith(" R")


def test_lines_join_the_centres_of_regions(found, recording):
    figure = connectivity_figure(found, recording, n_edges=4, theme="dark")
    centres = region_centroids(recording.coordinates, recording.regions, found.names)
    edges = circuit(found, 4)
    # After the matrix and its colour bar comes the view from above.
    (lines,) = [c for c in figure.axes[2].collections if isinstance(c, LineCollection)]
    assert len(lines.get_segments()) == 4
    strongest = lines.get_segments()[-1]
    a, b = (found.names.index(edges[column].iloc[0]) for column in ("region_a", "region_b"))
    np.testing.assert_allclose(strongest, centres[[a, b]][:, [2, 1]])
    widths = lines.get_linewidths()
    assert np.all(np.diff(widths) >= 0)


def test_signed_maps_have_a_symmetric_scale(recording, model):
    factors = coupling_factors(model.weights_, np.ones(5))
    signed = region_map(factors, recording.regions, rule="mean")
    image = connectivity_figure(signed, recording).axes[0].images[0]
    low, high = image.get_clim()
    assert low == -high < 0


def test_composition_shows_the_fractions(recording, model):
    figure = composition_figure(model, recording.regions)
    expected = assembly_region_matrix(model, recording.regions).to_numpy()
    shown = np.asarray(figure.axes[0].images[0].get_array())
    np.testing.assert_allclose(np.sort(shown, axis=None), np.sort(expected, axis=None))


def test_comparison_draws_every_pair(found, recording, model):
    other = region_map(
        coupling_factors(random_model(150, 5, 3).weights_, np.ones(5)), recording.regions
    )
    maps = {"one": found, "two": other}
    table = similarity(maps, n_permutations=10)
    mean = mean_over_animals(list(maps.values()), [10, 10])
    agreement = compare_maps(mean, found, n_permutations=10)
    figure = comparison_figure(maps, mean, table, found, agreement)
    titles = " ".join(ax.get_title("left") for ax in figure.axes)
    assert f"{agreement.n_pairs} pairs" in titles
    scatter = next(ax for ax in figure.axes if "pairs" in ax.get_title("left"))
    assert len(scatter.lines[0].get_xdata()) == agreement.n_pairs
