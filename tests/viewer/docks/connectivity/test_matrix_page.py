"""The matrix of regions: order, names that can be read, search."""

import numpy as np
import pytest
from qtpy.QtCore import QPointF

from napari_crbm.connectome import RegionMap
from napari_crbm.viewer.docks.connectivity.matrix_page import MatrixPage
from napari_crbm.viewer.docks.connectivity.region_axis import short_name

NAMES = ("Tectum R", "Pineal gland", "Tectum L", "Habenula L", "Cerebellum R")
SIMILAR = np.array([4, 0, 2, 3, 1])


@pytest.fixture
def region_map():
    values = np.arange(25, dtype=np.float64).reshape(5, 5) + 1
    counts = np.full(5, 10)
    return RegionMap(NAMES, (values + values.T) / 2, counts)


@pytest.fixture
def page(home, region_map, qtbot):
    widget = MatrixPage(home.viewer)
    qtbot.addWidget(widget)
    widget.resize(500, 600)
    with qtbot.waitExposed(widget):
        widget.show()
    centres = np.column_stack([np.zeros(5), [300.0, 100, 310, 200, 400], np.zeros(5)])
    widget.show_map(region_map, SIMILAR, centres)
    return widget


def rows(page):
    return [NAMES[k] for k in page.view.order]


def choose(page, key):
    page.order.setCurrentIndex(page.order.findData(key))


def test_rows_are_ordered_as_chosen_and_the_axis_says_how(page):
    assert rows(page) == [NAMES[k] for k in SIMILAR]
    choose(page, "names")
    assert rows(page) == sorted(NAMES)
    assert "by name" in page.view.plot.getAxis("bottom").labelText
    choose(page, "groups")
    assert rows(page) == ["Habenula L", "Tectum L", "Pineal gland", "Tectum R", "Cerebellum R"]
    assert "5 regions, by side" in page.view.plot.getAxis("bottom").labelText


def test_the_image_follows_the_order(page, region_map):
    choose(page, "names")
    order = np.argsort(NAMES)
    expected = np.log10(region_map.values[np.ix_(order, order)])
    np.testing.assert_allclose(page.view.image.image, expected, rtol=1e-5)


def test_lines_separate_the_groups(page):
    assert page.view.borders.getData()[0] is None
    choose(page, "groups")
    x, y = page.view.borders.getData()
    assert {(a, b) for a, b in zip(x, y, strict=True)} >= {(2, 0), (2, 5), (0, 3), (5, 3)}


def test_names_stand_beside_their_rows(page):
    assert page.view.axis.shown == rows(page)
    choose(page, "names")
    assert page.view.axis.shown == sorted(NAMES)


def test_a_narrow_matrix_has_no_names(page, qtbot):
    page.resize(150, 400)
    qtbot.waitUntil(lambda: not page.view.plot.getAxis("left").isVisible())


def test_a_search_frames_the_regions_and_enter_chooses_the_first(page, qtbot):
    found = []
    page.found.connect(found.append)
    page.search.setText("TECT")
    assert page.view.find("tect") == ["Tectum R", "Tectum L"]
    x, _ = page.view.bands.getData()
    assert set(x) >= {1, 2, 3}
    page.search.returnPressed.emit()
    page.search.setText("tectum l")
    page.search.returnPressed.emit()
    assert found == ["Tectum R", "Tectum L"]
    page.search.setText("nowhere")
    page.search.returnPressed.emit()
    assert len(found) == 2 and page.view.bands.getData()[0] is None


def test_a_search_stays_when_the_order_changes(page):
    page.search.setText("pineal")
    choose(page, "names")
    x, _ = page.view.bands.getData()
    assert {2, 3} <= set(x)


def test_a_click_means_the_row_that_is_seen(page):
    choose(page, "names")
    position = page.view.plot.getPlotItem().vb.mapViewToScene(QPointF(0.5, 1.5))
    found = []
    page.view.clicked.connect(lambda *pair: found.append(pair))
    page.view.on_click(type("Click", (), {"scenePos": lambda self: position})())
    assert found == [("Habenula L", "Cerebellum R")]


def test_all_rows_are_seen_whatever_the_size(page, qtbot):
    for size in ((150, 300), (600, 500), (320, 700)):
        page.resize(*size)
        view = page.view.plot.getPlotItem().vb

        def complete(view=view):
            (left, right), (low, high) = view.viewRange()
            return left <= 0 and right >= 5 and low <= 0 and high >= 5

        qtbot.waitUntil(complete)


def test_long_names_keep_their_side():
    assert short_name("Superior Ventral Medulla Oblongata R", 16) == "Superior Vent… R"
    assert short_name("Habenula L", 16) == "Habenula L"
