"""The figure of directed couplings."""

import numpy as np
import pytest

from napari_crbm.analysis import assembly_centres
from napari_crbm.analysis.forecasts.directions import couple
from napari_crbm.figures import directions_figure, save_figure
from napari_crbm.figures.directions import shown_lags
from napari_crbm.temporal.lags import lag_functions


@pytest.fixture(scope="module")
def found(model):
    """Courses of as many assemblies as the model has; the first leads the second."""
    rng = np.random.default_rng(0)
    out = np.zeros((2000, model.n_assemblies))
    for frame in range(3, len(out)):
        out[frame] = 0.6 * out[frame - 1] + rng.normal(size=out.shape[1])
        out[frame, 1] += 0.4 * out[frame - 2, 0]
    return couple(out, np.arange(len(out)), lag_functions(8, 3), 0.25)


def test_the_figure_shows_the_direction_and_says_what_it_means(found, model, recording, tmp_path):
    assert found.directed.sum() == 1 and found.directed[1, 0]
    figure = directions_figure(found, model, recording, theme="dark")
    said = " ".join(each.get_text() for each in figure.texts).replace("\n", " ")
    assert "1 in one direction" in said and "looks like a direction" in said
    arrows = [p for axes in figure.axes for p in axes.patches if p.get_gid() == "direction"]
    assert len(arrows) == 1
    dots = [c for axes in figure.axes for c in axes.collections if c.get_gid() == "directed"]
    assert len(dots) == len(shown_lags(found)) == 4
    assert all(each.get_offsets().tolist() == [[0, 1]] for each in dots)
    save_figure(figure, tmp_path / "directions.png")


def test_the_centre_of_an_assembly_is_that_of_its_strong_neurons():
    weights = np.array([[2.0, 0.0], [0.0, 0.0], [0.0, 0.0], [1.0, 0.0]])
    places = np.array([[0.0, 0, 0], [9, 9, 9], [np.nan] * 3, [5, 0, 10]])
    centres = assembly_centres(weights, places)
    assert centres[0].tolist() == [1.0, 0.0, 2.0]
    assert np.isnan(centres[1]).all()
