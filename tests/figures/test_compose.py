"""Composed figures: nothing off the page, letters of 5 to 7 points, bars, editable text."""

from dataclasses import replace
from itertools import combinations

import matplotlib
import numpy as np
import pytest
from matplotlib.text import Text

from napari_crbm.analysis import evaluate, event_responses
from napari_crbm.errors import CRBMError
from napari_crbm.figures import gallery, save_figure
from napari_crbm.figures.compose import Composition, Panel, beyond_the_page_mm, compose
from napari_crbm.figures.panels import KINDS_OF_PANELS
from napari_crbm.figures.presets import PRESETS
from napari_crbm.figures.sources import source_for

ONE_EACH = tuple(
    Panel(name, {"assembly": "1", "statistic": "cov_vv"}.get(kind.of, ""))
    for name, kind in KINDS_OF_PANELS.items()
)
WIDTHS = [(name, columns) for name, each in PRESETS.items() for columns, _ in each.widths_mm]


@pytest.fixture(scope="module")
def source(recording, model):
    activity = model.transform(recording.spikes)
    events = np.arange(30, 150, 20)
    around = {"before_s": 2, "after_s": 4, "n_shuffles": 19}
    responses = event_responses(recording, activity, events, **around)
    page = Composition((Panel("triggered", "1"), Panel("matrix")))
    made = source_for(page, model, recording, activity, responses=responses)
    train, test = (recording.spikes.select_frames(model.split_[k]) for k in ("train", "test"))
    return replace(made, evaluation=evaluate(model, train, test, samples=test))


def texts(figure):
    return [t for t in figure.findobj(Text) if isinstance(t, Text) and t.get_text().strip()]


@pytest.mark.parametrize("number", range(len(WIDTHS)))
def test_nothing_is_off_the_page_at_any_width(source, number):
    """Two panels at every width of every journal; together all kinds of panels."""
    journal, columns = WIDTHS[number]
    chosen = tuple(ONE_EACH[k % len(ONE_EACH)] for k in (number, number + 4))
    figure = compose(Composition(chosen, journal, columns), source)
    assert beyond_the_page_mm(figure) == 0
    width_mm = 25.4 * figure.get_size_inches()[0]
    assert width_mm == pytest.approx(PRESETS[journal].width_mm(columns))
    inside = [t for t in texts(figure) if t.get_gid() != "letter"]
    assert all(5 <= t.get_fontsize() <= 6 for t in inside)


def test_a_text_beyond_the_edge_is_measured(source):
    figure = compose(Composition((Panel("raster"),)), source)
    figure.text(0.99, 0.5, "a long text that leaves the page")
    assert beyond_the_page_mm(figure) > 10


def test_panels_do_not_lie_over_each_other(source):
    panels = (Panel("brain", "0"), Panel("trace", "0"), Panel("regions", "0"), Panel("raster"))
    figure = compose(Composition(panels), source)
    boxes = {ax: ax.get_tightbbox() for ax in figure.axes}
    by_panel = [
        [ax for ax in figure.axes if ax.get_label() == "activity"],
        [ax for ax in figure.axes if ax.get_xlabel() == "members in the region (%)"],
        [ax for ax in figure.axes if ax.get_ylabel() == "6 assemblies"],
        [ax for ax in figure.axes if ax.get_xlabel() == "weight"],
    ]
    assert all(len(axes) == 1 for axes in by_panel)
    for (one,), (other,) in combinations(by_panel, 2):
        assert not boxes[one].overlaps(boxes[other])


def test_panels_are_lettered_as_the_journal_does(source):
    panels = (Panel("brain", "0"), Panel("raster"))
    for journal, letters in (("nature", ["a", "b"]), ("science", ["A", "B"])):
        figure = compose(Composition(panels, journal), source)
        assert [t.get_text() for t in figure.texts if t.get_gid() == "letter"] == letters
    plain = compose(Composition(panels, letters=False), source)
    assert not [t for t in plain.texts if t.get_gid() == "letter"]


def test_text_can_be_edited_and_scales_are_there(source, tmp_path):
    panels = (Panel("brain", "0"), Panel("gallery"))
    path = save_figure(compose(Composition(panels), source), tmp_path / "figure.svg")
    svg = path.read_text()
    assert svg.count("µm") >= 2, "a scale bar in each"
    assert ">weight<" in svg and "of each assembly" in svg, "a colour bar in each"
    pdf = save_figure(compose(Composition(panels), source), tmp_path / "figure.pdf").read_bytes()
    assert b"/Type3" not in pdf and b"/TrueType" in pdf.replace(b"CIDFontType2", b"TrueType")


def test_the_gallery_alone_has_its_scales_inside_the_page(source):
    figure = gallery(source.model, source.recording)
    said = " ".join(t.get_text() for t in texts(figure))
    assert "µm" in said and "largest" in said
    assert beyond_the_page_mm(figure) == 0


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Panel("photo"), "no panel 'photo'"),
        (lambda: Panel("brain"), "needs an assembly, such as 'brain:3'"),
        (lambda: Panel("raster", "2"), "write 'raster' alone"),
        (lambda: Composition(()), "at least one panel"),
        (lambda: Composition((Panel("raster"),), "vogue"), "No journal 'vogue'"),
        (lambda: Composition((Panel("raster"),), "nature", "middle"), "there are single, double"),
        (lambda: Composition((Panel("raster"),), font_points=9), "5 to 7 points"),
    ],
)
def test_what_is_impossible_is_said(make, says):
    with pytest.raises(CRBMError, match=says):
        make()


def test_too_much_for_a_page_and_missing_parts_are_said(source):
    with pytest.raises(CRBMError, match="a page of Nature has 247 mm"):
        compose(Composition((Panel("gallery"),) * 4), source)
    with pytest.raises(CRBMError, match="assemblies 0 to 5"):
        compose(Composition((Panel("brain", "9"),)), source)
    with pytest.raises(CRBMError, match="no statistic 'x'"):
        compose(Composition((Panel("statistic", "x"),)), source)
    with pytest.raises(CRBMError, match="needs events"):
        source_for(Composition((Panel("triggered", "0"),)), source.model, source.recording)


def test_panels_are_written_as_they_are_read():
    assert [str(Panel.parse(text)) for text in ("brain:3", " raster ")] == ["brain:3", "raster"]


def test_settings_of_matplotlib_stay_as_they_were(source):
    before = dict(matplotlib.rcParams)
    compose(Composition((Panel("raster"),)), source)
    assert dict(matplotlib.rcParams) == before
