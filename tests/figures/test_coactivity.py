from dataclasses import replace

import numpy as np
import pytest

from napari_crbm.figures import coactivity_figure, save_figure
from napari_crbm.figures.coactivity import ranked, scale_limit
from napari_crbm.perturbation import Recorded, coactivity, dose_curve, drive


@pytest.fixture(scope="module")
def found(model, recording):
    asked = drive(np.flatnonzero(model.weights_[:, 0] > 0), name="assembly 0")
    levels = dose_curve(asked, Recorded(model, recording.spikes))
    return coactivity(model, recording, levels, n_states=400, n_chains=100)


def texts(figure):
    own = [part.get_text() for part in figure.texts]
    own += [part.get_text() for axes in figure.axes for part in axes.texts]
    return " ".join(own).replace("\n", " ")


def test_the_page_shows_values_and_says_what_they_mean(found, recording, tmp_path):
    page = coactivity_figure(found[:1], recording, theme="dark")
    said = texts(page)
    assert found[0].perturbation.words in said and "says nothing about causes" in said
    for sentence in found[0].cautions:
        assert sentence[:60] in said
    drawn = {each.get_gid(): each for axes in page.axes for each in axes.collections}
    changes = drawn["changes"]
    outside = ~found[0].neurons["in_group"]
    np.testing.assert_allclose(
        np.sort(changes.get_array()), np.sort(100 * found[0].neurons.loc[outside, "change"])
    )
    limit = scale_limit(found[0].neurons)
    assert changes.get_clim() == (-limit, limit)
    assert len(drawn["group"].get_offsets()) == (~outside).sum()
    save_figure(page, tmp_path / "page.pdf")


def test_rows_are_ranked_by_size_and_ordered_by_value(found):
    rows = ranked(found[0].regions, 5)
    assert rows["change"].is_monotonic_decreasing and len(rows) == 5
    rest = found[0].regions.drop(rows.index)["change"].abs().max()
    assert rest <= rows["change"].abs().min()


def test_several_levels_make_a_curve(found, recording):
    figure = coactivity_figure(found, recording)
    lines = figure.axes[0].get_legend_handles_labels()[0]
    levels = [each.perturbation.level for each in found]
    assert lines[0].get_xdata().tolist() == levels
    assert "dose curve" in texts(figure)


def test_too_few_frames_are_said(found, recording):
    seen = replace(found[0].agreement, problem="The event occurs in 2 frames.")
    page = coactivity_figure([replace(found[0], agreement=seen)], recording)
    assert "too few frames" in texts(page) and "occurs in 2 frames" in texts(page)
