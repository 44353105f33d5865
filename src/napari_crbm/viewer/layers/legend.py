"""Legend of the canvas: what is shown, what its colours and symbols mean.

The lines are the same on the canvas, in pictures and in movies.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QPointF, QRectF, QSizeF, Qt
from qtpy.QtGui import QColor, QFont, QFontMetricsF, QImage, QPainter, QPainterPath, QPen

from napari_crbm.analysis import region_in_words
from napari_crbm.anatomy.colours import without_side
from napari_crbm.palette import Palette, rgb_to_hex, weight_limit
from napari_crbm.viewer.layers.names import ACTIVE, ASSEMBLY, CHOSEN_NEURON, GROUP
from napari_crbm.viewer.state.colouring import Colouring
from napari_crbm.viewer.state.workspace import Workspace

#: Distance from the corner of the canvas, in pixels of the screen.
MARGIN_PX = 16
_LINE_PX, _BAR_PX, _FONT_PX, _INDENT_PX, _GAP_PX = 20, 120, 13, 18, 8
# Width of the edge around letters, and its opacity of 255.
_EDGE_PX, _EDGE_ALPHA = 3.0, 200
_MOST_NAMED = 8
_RAMP = 64


@dataclass(frozen=True, eq=False)
class Line:
    """One line of the legend.

    Parameters
    ----------
    text : str
    symbol : {"", "title", "disc", "ring", "bar"}
        What stands before the text; a title is bold.
    colour : str, optional
        Of the symbol; that of the text by default.
    ramp : (K, 4) float array, optional
        Colours of a bar.
    low, high : str
        Values at the ends of a bar.
    """

    text: str
    symbol: Literal["", "title", "disc", "ring", "bar"] = ""
    colour: str | None = None
    ramp: NDArray[np.floating] | None = None
    low: str = ""
    high: str = ""


def legend_lines(
    workspace: Workspace, visible: Callable[[str], bool] = lambda _: True
) -> list[Line]:
    """Return the lines that explain what the canvas shows; none without a recording.

    Parameters
    ----------
    workspace : Workspace
    visible : callable
        Whether the layer of a name is visible: what is hidden is not explained.
    """
    recording, palette = workspace.recording, workspace.palette
    if recording is None:
        return []
    lines = _of_assemblies(workspace) if visible(ASSEMBLY) else []
    if workspace.colouring is not None:
        lines += _of_colouring(workspace.colouring, workspace)
    if not lines:
        lines.append(Line(f"{recording.name}: {recording.n_neurons:,} neurons", "title"))
    lines += _of_surfaces(workspace)
    if workspace.neuron is not None and visible(CHOSEN_NEURON):
        lines.append(Line(f"neuron {workspace.neuron}", "ring", palette.mark))
    if len(workspace.neurons) and visible(GROUP):
        lines.append(Line(f"{len(workspace.neurons):,} chosen neurons", "disc", palette.mark))
    if workspace.frame is not None:
        now = f"{recording.times[workspace.frame] - recording.times[0]:.1f} s"
        shown = visible(ACTIVE)
        lines.append(Line(f"active at {now}", "disc", palette.active) if shown else Line(now))
    return lines


def _of_assemblies(workspace: Workspace) -> list[Line]:
    """Return the title and the colours of the chosen assemblies."""
    weights, several, palette = workspace.weights, workspace.assemblies, workspace.palette
    if weights is None or not several or max(several) >= weights.shape[1]:
        return []
    members = [workspace.shown_members(unit) for unit in several]
    if len(several) == 1:
        (unit,), (inside,) = several, members
        limit = weight_limit(weights[inside, unit])
        title = f"Assembly {unit}: {len(inside):,} neuron{'s' if len(inside) != 1 else ''}"
        lines = [Line(f"{title}, forming" if workspace.forming else title, "title")]
        if region := _region(workspace, unit):
            lines.append(Line(region))
        ramp = palette.weights(np.linspace(-1, 1, _RAMP), 1.0)
        if len(inside):
            lines.append(
                Line("weight", "bar", ramp=ramp, low=f"−{limit:.2g}", high=f"+{limit:.2g}")
            )
        return lines
    lines = [Line(f"{len(several)} assemblies", "title")]
    for place, unit in enumerate(several[:_MOST_NAMED]):
        region = _region(workspace, unit)
        text = f"Assembly {unit}: {region}" if region else f"Assembly {unit}"
        lines.append(Line(text, "disc", palette.assembly(place)))
    if len(several) > _MOST_NAMED:
        lines.append(Line(f"and {len(several) - _MOST_NAMED} more"))
    _, times = np.unique(np.concatenate(members), return_counts=True)
    if (times > 1).any():
        lines.append(Line(f"{(times > 1).sum():,} neurons in several", "disc", palette.shared))
    if any(
        (weights[inside, unit] < 0).any() for inside, unit in zip(members, several, strict=True)
    ):
        lines.append(Line("negative weight", "ring"))
    return lines


def _region(workspace: Workspace, assembly: int) -> str:
    """Return the region of an assembly with the share of its members, if it is known."""
    trained = workspace.trained
    if trained is None or workspace.forming or assembly not in trained.table.index:
        return ""
    row = trained.table.loc[assembly]
    return region_in_words(row["region"], row["region_fraction"])


def _of_colouring(colouring: Colouring, workspace: Workspace) -> list[Line]:
    """Return the title and the colour bar of the colours of all neurons, or their regions."""
    lines = [Line(colouring.title, "title")]
    if colouring.ramp is not None:
        lines.append(Line("", "bar", ramp=colouring.ramp, low=colouring.low, high=colouring.high))
    elif colouring.kind == "region" and workspace.region_view.regions is not None:
        regions = workspace.region_view.regions
        lines += _named(np.argsort(-regions.counts, kind="stable"), workspace)
    return lines


def _of_surfaces(workspace: Workspace) -> list[Line]:
    """Return the names of the regions whose surfaces are shown."""
    colouring = workspace.colouring
    if colouring is not None and colouring.kind == "region":
        return []
    return _named(np.flatnonzero(workspace.region_view.ticked), workspace)


def _named(chosen: NDArray[np.integer], workspace: Workspace) -> list[Line]:
    """Return lines with the colours of regions; both sides of a structure share one."""
    view = workspace.region_view
    if view.regions is None:
        return []
    sides: dict[str, list[int]] = {}
    for region in chosen.tolist():
        sides.setdefault(without_side(view.regions.names[region]), []).append(region)
    lines = [
        Line(
            name if len(both) > 1 else view.regions.names[both[0]],
            "disc",
            rgb_to_hex(view.colours[both[0]]),
        )
        for name, both in sides.items()
    ]
    more = len(lines) - _MOST_NAMED
    return [*lines[:_MOST_NAMED], Line(f"and {more} more regions")] if more > 0 else lines


def _font(line: Line) -> QFont:
    font = QFont()
    font.setPixelSize(_FONT_PX)
    font.setBold(line.symbol == "title")
    return font


def legend_size(lines: Sequence[Line]) -> QSizeF:
    """Return width and height of the legend with its margin, in pixels of the screen."""
    widths = [_width(line) for line in lines]
    return QSizeF(2 * MARGIN_PX + max(widths, default=0.0), 2 * MARGIN_PX + _LINE_PX * len(lines))


def _width(line: Line) -> float:
    metrics = QFontMetricsF(_font(line))
    texts = [text for text in (line.text, line.low, line.high) if text]
    width = sum(metrics.horizontalAdvance(text) for text in texts)
    if line.symbol == "bar":
        return width + _BAR_PX + _GAP_PX * len(texts)
    return width + (_INDENT_PX if line.symbol in ("disc", "ring") else 0)


def paint_legend(painter: QPainter, lines: Sequence[Line], ink: str) -> None:
    """Draw the lines from the upper left corner of a painter, with text in colour ``ink``."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for place, line in enumerate(lines):
        painter.setFont(_font(line))
        painter.setPen(QColor(ink))
        top = float(MARGIN_PX + place * _LINE_PX)
        if line.symbol == "bar":
            _paint_bar(painter, line, top)
            continue
        indent = 0
        if line.symbol in ("disc", "ring"):
            _paint_symbol(painter, line, top, ink)
            indent = _INDENT_PX
        _text(painter, MARGIN_PX + indent, top, line.text)


def _text(painter: QPainter, left: float, top: float, text: str) -> float:
    """Write a text and return its right end."""
    metrics = QFontMetricsF(painter.font())
    base = top + (_LINE_PX + metrics.capHeight()) / 2
    outlined_text(painter, QPointF(left, base), text, painter.pen().color(), painter.font())
    return left + metrics.horizontalAdvance(text)


def outlined_text(
    painter: QPainter, start: QPointF, text: str, colour: QColor, font: QFont
) -> None:
    """Write a text from the left end of its base line, with an edge: legible on neurons."""
    path = QPainterPath()
    path.addText(start, font, text)
    edge = QColor("black" if colour.lightness() > 127 else "white")
    edge.setAlpha(min(colour.alpha(), _EDGE_ALPHA))
    line = QPen(edge, _EDGE_PX)
    line.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    painter.strokePath(path, line)
    painter.fillPath(path, colour)


def _paint_symbol(painter: QPainter, line: Line, top: float, ink: str) -> None:
    colour, centre = QColor(line.colour or ink), QPointF(MARGIN_PX + 6, top + _LINE_PX / 2)
    if line.symbol == "ring":
        painter.setPen(QPen(colour, 2.0))
        painter.setBrush(Qt.BrushStyle.NoBrush)
    else:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
    painter.drawEllipse(centre, 4.5, 4.5)
    painter.setPen(QColor(ink))
    painter.setBrush(Qt.BrushStyle.NoBrush)


def _paint_bar(painter: QPainter, line: Line, top: float) -> None:
    """Draw text, lowest value, colour bar and highest value from left to right."""
    assert line.ramp is not None
    right = float(MARGIN_PX)
    for text in (line.text, line.low):
        if text:
            right = _text(painter, right, top, text) + _GAP_PX
    ramp = np.array(line.ramp, dtype=np.float64)
    # Colours of neurons are translucent where they are weak; those of the bar are not.
    ramp[:, 3] = 1.0
    pixels = np.ascontiguousarray((255 * ramp).round().astype(np.uint8)[None])
    bar = QImage(pixels.data, len(ramp), 1, 4 * len(ramp), QImage.Format.Format_RGBA8888)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.drawImage(QRectF(right, top + _LINE_PX / 2 - 4.5, _BAR_PX, 9), bar)
    if line.high:
        _text(painter, right + _BAR_PX + _GAP_PX, top, line.high)


def ink_on(palette: Palette) -> str:
    """Return the colour of text on the canvas of a palette."""
    return "#000000" if palette.name == "light" else "#ffffff"
