"""Letters of the directions and names of regions, where the canvas shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QPointF, QRectF
from qtpy.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen

from napari_crbm.io.writing.script import ASSIGN_REGIONS
from napari_crbm.palette import rgb_to_hex
from napari_crbm.recording import AXES, Recording
from napari_crbm.schematic import place_neurons
from napari_crbm.viewer.layers.legend import outlined_text
from napari_crbm.viewer.layers.projection import on_screen, screen_axes
from napari_crbm.viewer.layers.views import hidden_axis, slab_bounds
from napari_crbm.viewer.state.workspace import Workspace

#: Letters at the low and the high end of every axis.
LETTERS = {"z": ("D", "V"), "y": ("A", "P"), "x": ("L", "R")}
#: Side of the square of the letters, and its distance from the corner, in pixels of the screen.
COMPASS_PX, COMPASS_MARGIN_PX = 108, 8
_ARM_PX, _LETTER_PX, _CAPTION_PX, _NAME_PX = 26.0, 13, 11, 12
# Directions shorter than this share on the screen point at the reader: their letters would lie
# on each other.
_SHORTEST = 0.25
_AWAY_ALPHA = 120
_MOST_NAMES = 12
_NAME_LINE_PX = 15.0


@dataclass(frozen=True)
class Letter:
    """A letter of a direction, such as "A" for anterior.

    Parameters
    ----------
    text : str
    x, y : float
        Direction on the screen, right and down; 1 if it lies in the plane of the screen.
    away : bool
        Whether it points away from the reader.
    """

    text: str
    x: float
    y: float
    away: bool


@dataclass(frozen=True)
class Name:
    """Name of a region, its colour, and its centre on the canvas in pixels of the screen."""

    text: str
    colour: str
    x: float
    y: float


def orientation_is_known(recording: Recording, placed: object | None = None) -> bool:
    """Return whether something confirms the directions of the axes.

    Positions that were placed in an atlas and simulated brains have known directions. Other
    recordings are drawn as if their axes ran from dorsal to ventral, anterior to posterior and
    left to right.
    """
    steps = {step.name for step in recording.provenance}
    return placed is not None or bool(steps & {"simulate", ASSIGN_REGIONS})


def letters(viewer: Any, recording: Recording | None) -> list[Letter]:
    """Return the letters of the directions in the present view; none for schematic drawings."""
    if recording is None or place_neurons(recording).schematic:
        return []
    axes = screen_axes(viewer)
    found = []
    for axis, name in enumerate(AXES):
        right, down, away = (float(part) for part in axes[:, axis])
        if name not in recording.known_axes or np.hypot(right, down) < _SHORTEST:
            continue
        low, high = LETTERS[name]
        found.append(Letter(low, -right, -down, -away > 0.1))
        found.append(Letter(high, right, down, away > 0.1))
    return sorted(found, key=lambda letter: not letter.away)


def region_names(
    viewer: Any, workspace: Workspace, size: tuple[float, float] | None = None
) -> list[Name]:
    """Return the names of ticked regions, at most 12, at the centre of their shown neurons.

    ``size`` is height and width of the canvas in pixels of the screen, by default those of the
    window.
    """
    recording, view = workspace.recording, workspace.region_view
    if recording is None or view.regions is None or not view.ticked.any():
        return []
    points = place_neurons(recording).points
    ticked = np.flatnonzero(view.ticked)
    ticked = ticked[np.argsort(-view.regions.counts[ticked], kind="stable")][:_MOST_NAMES]
    axis = hidden_axis(viewer.dims)
    centres, named = [], []
    for region in ticked.tolist():
        inside = points[view.regions.members(view.regions.names[region])]
        if axis is not None:
            low, high = slab_bounds(viewer.dims, axis)
            inside = inside[(inside[:, axis] >= low) & (inside[:, axis] <= high)]
        if len(inside):
            centres.append(inside.mean(axis=0))
            named.append(region)
    if not named:
        return []
    places = on_screen(viewer, np.array(centres), size)
    places = _apart(places, [view.regions.names[k] for k in named])
    return [
        Name(view.regions.names[region], rgb_to_hex(view.colours[region]), float(x), float(y))
        for region, (x, y) in zip(named, places, strict=True)
    ]


def _apart(places: NDArray[np.float64], texts: Sequence[str]) -> NDArray[np.float64]:
    """Return the places with names moved down that would lie on another name."""
    metrics = QFontMetricsF(_font(_NAME_PX))
    widths = np.array([metrics.horizontalAdvance(text) for text in texts])
    moved = places.copy()
    for k in np.argsort(places[:, 1], kind="stable"):
        for other in np.argsort(moved[:, 1], kind="stable"):
            near = abs(moved[k, 0] - moved[other, 0]) < (widths[k] + widths[other]) / 2
            above = moved[other, 1] <= moved[k, 1] or places[other, 1] < places[k, 1]
            if other != k and near and above and moved[k, 1] - moved[other, 1] < _NAME_LINE_PX:
                moved[k, 1] = moved[other, 1] + _NAME_LINE_PX
    return moved


def _font(size_px: int, *, bold: bool = False) -> QFont:
    font = QFont()
    font.setPixelSize(size_px)
    font.setBold(bold)
    return font


def paint_letters(painter: QPainter, found: Sequence[Letter], ink: str, *, known: bool) -> None:
    """Draw the letters around the middle of a square of `COMPASS_PX`."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    middle = COMPASS_PX / 2 - (0 if known else 6)
    for letter in found:
        colour = QColor(ink)
        colour.setAlpha(_AWAY_ALPHA if letter.away else 255)
        painter.setPen(QPen(colour, 1.4))
        centre = QPointF(COMPASS_PX / 2, middle)
        end = centre + QPointF(letter.x, letter.y) * _ARM_PX
        painter.drawLine(centre, end)
        length = max(float(np.hypot(letter.x, letter.y)), 1e-6)
        place = end + QPointF(letter.x, letter.y) * (9 / length)
        _centred(painter, place, letter.text, colour, _font(_LETTER_PX, bold=True))
    if found and not known:
        place = QPointF(COMPASS_PX / 2, COMPASS_PX - 8)
        _centred(painter, place, "assumed", QColor(ink), _font(_CAPTION_PX))


def paint_names(painter: QPainter, names: Sequence[Name], ink: str) -> None:
    """Draw names of regions at their places, in the colour of the text on the canvas."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for name in names:
        _centred(painter, QPointF(name.x, name.y), name.text, QColor(ink), _font(_NAME_PX))


def names_box(names: Sequence[Name]) -> QRectF:
    """Return the rectangle around all names on the canvas, in pixels of the screen."""
    metrics, box = QFontMetricsF(_font(_NAME_PX)), QRectF()
    for name in names:
        width = metrics.horizontalAdvance(name.text) + 8
        box = box.united(QRectF(name.x - width / 2, name.y - 10, width, 20))
    return box


def _centred(painter: QPainter, centre: QPointF, text: str, colour: QColor, font: QFont) -> None:
    """Write a text around a point."""
    metrics = QFontMetricsF(font)
    left = centre.x() - metrics.horizontalAdvance(text) / 2
    outlined_text(painter, QPointF(left, centre.y() + metrics.capHeight() / 2), text, colour, font)
