"""Saving plots: a right-click on any plot of a dock writes a picture or its numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyqtgraph as pg
import pyqtgraph.exporters
from qtpy.QtCore import Qt
from qtpy.QtGui import QPainter
from qtpy.QtSvg import QSvgGenerator
from qtpy.QtWidgets import QFileDialog, QMenu

from napari_crbm.errors import CRBMError
from napari_crbm.io.safety.replacing import replacing
from napari_crbm.viewer.parts.notices import show_error, show_info

_FILTER = "Picture (*.png);;Vector drawing (*.svg);;Numbers (*.csv)"
_PICTURE_WIDTH_PX = 1600


def offer_export(widget: pg.PlotWidget) -> None:
    """Add *Save this plot* to the context menu of a plot."""

    def ask() -> None:
        path, chosen = QFileDialog.getSaveFileName(widget, "Save plot", "plot.png", _FILTER)
        if not path:
            return
        ending = chosen[chosen.find("*.") + 1 : -1] if "*." in chosen else ".png"
        try:
            saved = save_plot(widget, path if Path(path).suffix else f"{path}{ending}")
        except (CRBMError, OSError) as error:
            show_error(str(error))
        else:
            show_info(f"Wrote {saved}.")

    def show_menu(position: Any) -> None:
        menu = QMenu(widget)
        menu.addAction("Save this plot ...", ask)
        menu.exec(widget.mapToGlobal(position))

    widget.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
    widget.customContextMenuRequested.connect(show_menu)


def save_plot(widget: pg.PlotWidget, path: Path | str) -> Path:
    """Write a plot as PNG or SVG, or its numbers as CSV.

    Raises
    ------
    CRBMError
        If the name ends in none of these.
    """
    path = Path(path)
    item = widget.getPlotItem()
    kind = path.suffix.lower()
    if kind not in (".png", ".svg", ".csv"):
        raise CRBMError(f"Cannot save the plot as '{path.name}': use .png, .svg or .csv.")
    with replacing(path) as temporary:
        if kind == ".png":
            exporter = pg.exporters.ImageExporter(item)
            exporter.parameters()["width"] = _PICTURE_WIDTH_PX
            exporter.export(str(temporary))
        elif kind == ".svg":
            _draw_svg(widget, temporary)
        else:
            plot_values(widget).to_csv(temporary, index=False)
    return path


def _draw_svg(widget: pg.PlotWidget, path: Path) -> None:
    # pyqtgraph's SVG exporter fails on some symbols.
    drawing = QSvgGenerator()
    drawing.setFileName(str(path))
    drawing.setSize(widget.size())
    drawing.setViewBox(widget.rect())
    painter = QPainter(drawing)
    widget.render(painter)
    painter.end()


def plot_values(widget: pg.PlotWidget) -> pd.DataFrame:
    """Return the numbers of a plot, one row per point: ``series, x, y``, for images ``value``.

    Pixels are given by their centres.
    """
    parts = []
    for number, item in enumerate(widget.getPlotItem().items):
        if not item.isVisible():
            continue
        if isinstance(item, pg.PlotDataItem):
            x, y = item.getOriginalDataset()
            name = item.name()
            if x is not None and len(x) == len(y) + 1:
                # Steps have one edge more than values.
                x = (x[:-1] + x[1:]) / 2
        elif isinstance(item, pg.ScatterPlotItem):
            x, y = item.getData()
            name = None
        elif isinstance(item, pg.ImageItem) and item.image is not None and item.image.ndim == 2:
            parts.append(_pixels(item))
            continue
        else:
            continue
        if x is not None and len(x):
            parts.append(pd.DataFrame({"series": name or f"series {number}", "x": x, "y": y}))
    if not parts:
        return pd.DataFrame(columns=["series", "x", "y"])
    return pd.concat(parts, ignore_index=True)


def _pixels(item: pg.ImageItem) -> pd.DataFrame:
    values = np.asarray(item.image)
    n_rows, n_columns = values.shape
    place = item.mapRectToParent(item.boundingRect())
    x = place.left() + (np.arange(n_columns) + 0.5) * place.width() / n_columns
    y = place.top() + (np.arange(n_rows) + 0.5) * place.height() / n_rows
    return pd.DataFrame(
        {
            "series": "picture",
            "x": np.tile(x, n_rows),
            "y": np.repeat(y, n_columns),
            "value": values.ravel(),
        }
    )
