"""Plots as pictures and as numbers."""

import numpy as np
import pandas as pd
import pyqtgraph as pg
import pytest
from qtpy.QtCore import QRectF, Qt

from napari_crbm.errors import CRBMError
from napari_crbm.viewer.parts.plot_export import plot_values, save_plot
from napari_crbm.viewer.parts.style import plot


@pytest.fixture
def drawn(viewer, qtbot):
    widget = plot(viewer, "Time", "Activity", "s")
    qtbot.addWidget(widget)
    widget.plot([0, 1, 2], [3.0, 4.0, 5.0], name="means")
    points = pg.ScatterPlotItem(x=[7.0], y=[8.0])
    picture = pg.ImageItem(np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), axisOrder="row-major")
    picture.setRect(QRectF(10, 20, 30, 2))
    hidden = pg.PlotDataItem([0], [0])
    hidden.hide()
    for item in (points, picture, hidden):
        widget.addItem(item)
    return widget


def test_numbers_are_those_drawn(drawn, tmp_path):
    save_plot(drawn, tmp_path / "plot.csv")
    table = pd.read_csv(tmp_path / "plot.csv")
    pd.testing.assert_frame_equal(table, plot_values(drawn), check_dtype=False)
    assert table[table["series"] == "means"]["y"].tolist() == [3, 4, 5]
    assert table[table["series"] == "series 1"][["x", "y"]].to_numpy().tolist() == [[7, 8]]
    pixels = table[table["series"] == "picture"]
    assert pixels["value"].tolist() == [1, 2, 3, 4, 5, 6]
    assert pixels["x"].tolist()[:3] == [15, 25, 35] and pixels["y"].tolist()[::3] == [20.5, 21.5]
    assert len(table) == 3 + 1 + 6


def test_pictures_are_written(drawn, tmp_path):
    for name, start in (("plot.png", b"\x89PNG"), ("plot.svg", b"<?xml")):
        save_plot(drawn, tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(start)
    with pytest.raises(CRBMError, match=r"\.png, \.svg or \.csv"):
        save_plot(drawn, tmp_path / "plot.xlsx")


def test_every_plot_offers_it(drawn):
    assert drawn.contextMenuPolicy() == Qt.ContextMenuPolicy.CustomContextMenu
