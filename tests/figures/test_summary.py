from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from napari_crbm.analysis import (
    STATISTICS,
    assembly_evidence,
    assembly_table,
    evaluate,
    members_of,
    recovery,
    sort_by_similarity,
)
from napari_crbm.figures import assembly_sheet, gallery, save_figure, summary_page
from napari_crbm.figures.summary import places_in_words
from napari_crbm.model import CRBM


@pytest.fixture(scope="module")
def evaluation(model, recording):
    train, test = (recording.spikes.select_frames(model.split_[k]) for k in ("train", "test"))
    return evaluate(model, train, test, samples=test)


def labels(figure):
    return {ax.get_label() for ax in figure.axes}


def test_summary_shows_everything_it_is_given(model, recording, evaluation, tmp_path):
    table = recovery(model.weights_, model.weights_ != 0)
    page = summary_page(model, recording, evaluation=evaluation, recovery=table)
    judged = {name for name, each in STATISTICS.items() if each.judged}
    assert judged | {"training", "sizes", "recovery"} <= labels(page)
    (panel,) = (ax for ax in page.axes if ax.get_label() == "cov_vv")
    assert f"{evaluation.table['nrmse']['cov_vv']:.2f}".replace("-", "−") in panel.get_title()
    (panel,) = (ax for ax in page.axes if ax.get_label() == "recovery")
    assert "5 of 6 found" in panel.get_title("left")
    save_figure(page, tmp_path / "page.pdf")


def test_nothing_leaves_the_page(model, recording, evaluation, stays_on_page):
    evidence = assembly_evidence(model, recording)
    page = summary_page(model, recording, evaluation=evaluation, evidence=evidence)
    assert stays_on_page(page)
    titles = [ax.title.get_window_extent() for ax in page.axes if ax.get_label() in STATISTICS]
    titles.sort(key=lambda box: box.x0)
    assert len(titles) > 3
    assert all(one.x1 < other.x0 for one, other in pairwise(titles))
    for assembly in range(model.n_assemblies):
        sheet = assembly_sheet(model, recording, assembly, frontal=True, evidence=evidence)
        assert stays_on_page(sheet)


def test_the_header_counts_assemblies_by_region(model, recording):
    table = assembly_table(model, recording)
    page = summary_page(model, recording)
    (line,) = (t.get_text() for t in page.texts if "region of most members" in t.get_text())
    counts = table.loc[table["region"] != "", "region"].value_counts()
    most, count = counts.index[0], counts.iloc[0]
    assert f"{most} ({count})" in line
    many = pd.DataFrame({"region": [f"Nucleus of the long name {k}" for k in range(40)]})
    assert places_in_words(many).endswith("38 more regions")
    assert places_in_words(many.assign(region="")) == ""


def test_a_statistic_without_a_scale_shows_correlations(model, recording, evaluation):
    table = evaluation.table.copy()
    table.loc["cov_vv", ["nrmse", "pearson_r", "train_r"]] = np.nan, 0.5, -0.25
    page = summary_page(model, recording, evaluation=replace(evaluation, table=table))
    (panel,) = (ax for ax in page.axes if ax.get_label() == "cov_vv")
    assert "r 0.50, training −0.25" in panel.get_title()


def test_summary_leaves_out_what_is_not_known(model, recording):
    bare = CRBM.from_parameters(model.weights_, model.fields_, model.hidden_)
    page = summary_page(bare, recording, theme="dark")
    assert not {*STATISTICS, "training", "recovery"} & labels(page)
    assert "sizes" in labels(page)


def numbers(ax):
    """Return the numbers of the assemblies that a gallery names."""
    return [int(text.get_text()) for text in ax.texts if text.get_text().isdigit()]


def test_gallery_draws_all_members_once_in_separate_cells(model, recording):
    figure = gallery(model, recording)
    ax, _colour_bar = figure.axes
    (points,) = (artist for artist in ax.collections if artist.get_gid() == "members")
    assert len(points.get_offsets()) == members_of(model).sizes.sum()
    assert numbers(ax) == list(range(6))
    x, y = np.asarray(points.get_offsets()).T
    low_x, high_x = sorted(ax.get_xlim())
    low_y, high_y = sorted(ax.get_ylim())
    assert low_x < x.min() and x.max() < high_x and low_y < y.min() and y.max() < high_y


def test_gallery_follows_the_order_given(model, recording):
    order = sort_by_similarity(model.transform(recording.spikes))
    ax, _colour_bar = gallery(model, recording, order[:4]).axes
    assert numbers(ax) == order[:4].tolist()
