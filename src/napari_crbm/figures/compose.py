"""Compose several panels into one figure for a journal: lettered, and with nothing off the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

from napari_crbm.errors import CRBMError
from napari_crbm.figures.panels import KINDS_OF_PANELS, MM_PER_INCH, Source
from napari_crbm.figures.presets import PRESETS
from napari_crbm.figures.style import drawing, new_figure, theme_named

#: Smallest letters that journals print, in points.
LEAST_POINTS = 5.0
_LETTER_POINTS = 8.0
_DOUBLE_MM = 183.0
_MARGIN_MM, _GAP_MM, _LETTER_MM = 1.5, 4.0, 4.0
# Axes shrink until their labels fit; labels keep their size, so this takes a few rounds.
_ROUNDS = 6
_LEAST_SHARE = 0.15
# Beside a higher panel one grows by this factor at most.
_TALLEST = 1.4


@dataclass(frozen=True)
class Panel:
    """One panel of a composed figure.

    Parameters
    ----------
    kind : str
        A key of `napari_crbm.figures.panels.KINDS_OF_PANELS`.
    of : str
        Number of the assembly, or name of the statistic; empty for panels of everything.
    share : float, optional
        Width as a share of the figure; that of the kind by default.

    Raises
    ------
    CRBMError
        If there is no such kind, or ``of`` is missing or not wanted.
    """

    kind: str
    of: str = ""
    share: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS_OF_PANELS:
            raise CRBMError(
                f"There is no panel '{self.kind}'; there are {', '.join(KINDS_OF_PANELS)}."
            )
        wanted = KINDS_OF_PANELS[self.kind].of
        if bool(wanted) != bool(self.of):
            raise CRBMError(
                f"A panel '{self.kind}' needs {'an' if wanted == 'assembly' else 'a'} {wanted}, "
                f"such as '{self.kind}:{'3' if wanted == 'assembly' else 'cov_vv'}'."
                if wanted
                else f"A panel '{self.kind}' shows everything: write '{self.kind}' alone."
            )

    @classmethod
    def parse(cls, text: str) -> Panel:
        """Read a panel as written on the command line: ``raster``, ``brain:3``."""
        kind, _, of = text.strip().partition(":")
        return cls(kind.strip(), of.strip())

    def __str__(self) -> str:
        return f"{self.kind}:{self.of}" if self.of else self.kind


@dataclass(frozen=True)
class Composition:
    """Panels in reading order, and the page they are for.

    Parameters
    ----------
    panels : tuple of Panel
    journal : str
        A key of `napari_crbm.figures.presets.PRESETS`.
    columns : str
        "single", "middle" (not in Nature) or "double".
    font_points : float
        Largest letters, 5 to 7 points; none is smaller than 5.
    letters : bool
        Whether panels are lettered.
    theme : {"light", "dark"}

    Raises
    ------
    CRBMError
        If there is no panel, no such journal or width, or letters of that size.
    """

    panels: tuple[Panel, ...]
    journal: str = "nature"
    columns: str = "double"
    font_points: float = 6.0
    letters: bool = True
    theme: str = "light"

    def __post_init__(self) -> None:
        if not self.panels:
            raise CRBMError("Name at least one panel.")
        if self.journal not in PRESETS:
            raise CRBMError(f"No journal '{self.journal}'; there are {', '.join(PRESETS)}.")
        preset = PRESETS[self.journal]
        if preset.width_mm(self.columns) is None:
            known = ", ".join(name for name, _ in preset.widths_mm)
            raise CRBMError(f"{preset.title} has no width '{self.columns}'; there are {known}.")
        if not LEAST_POINTS <= self.font_points <= 7:
            raise CRBMError(f"Letters have 5 to 7 points; found {self.font_points:g}.")
        theme_named(self.theme)

    @property
    def width_mm(self) -> float:
        """Width on paper."""
        return float(PRESETS[self.journal].width_mm(self.columns) or 0)

    @property
    def needs(self) -> set[str]:
        """What must be computed for the panels: fields of `Source`."""
        return {KINDS_OF_PANELS[each.kind].needs for each in self.panels} - {""}


class _Place(NamedTuple):
    """A panel with its box on the page in mm, from the upper left corner."""

    panel: Panel
    left: float
    top: float
    width: float
    height: float


def compose(composition: Composition, source: Source) -> Figure:
    """Draw the panels of a figure, in rows from left to right.

    Labels are measured, and the axes of each panel shrink until everything lies inside its box.
    Text stays text in PDF and SVG (`napari_crbm.figures.save_figure`).

    Parameters
    ----------
    composition : Composition
    source : Source
        With what ``composition.needs``.

    Raises
    ------
    CRBMError
        If the figure is higher than a page of the journal, or something is missing for a panel.
    """
    theme = theme_named(composition.theme)
    places, height_mm = _lay_out(composition)
    preset = PRESETS[composition.journal]
    if height_mm > preset.height_mm:
        raise CRBMError(
            f"The figure is {height_mm:.0f} mm high, a page of {preset.title} has "
            f"{preset.height_mm:.0f} mm: leave out panels, or choose wider columns."
        )
    with drawing(theme):
        figure = new_figure(composition.width_mm / MM_PER_INCH, height_mm / MM_PER_INCH)
        for number, place in enumerate(places):
            _draw(figure, place, source, composition, height_mm)
            if composition.letters:
                letter = chr(ord("A" if preset.capitals else "a") + number)
                figure.text(
                    place.left / composition.width_mm,
                    1 - place.top / height_mm,
                    letter,
                    fontsize=_LETTER_POINTS,
                    fontweight="bold",
                    va="top",
                    gid="letter",
                )
    return figure


def _lay_out(composition: Composition) -> tuple[list[_Place], float]:
    """Fill rows from left to right; return the boxes and the height of the figure in mm."""
    room = composition.width_mm - 2 * _MARGIN_MM
    factor = _DOUBLE_MM / composition.width_mm
    rows: list[list[tuple[Panel, float]]] = []
    used = 2.0
    for panel in composition.panels:
        share = panel.share or min(1.0, KINDS_OF_PANELS[panel.kind].share * factor)
        if used + share > 1.001:
            rows.append([])
            used = 0.0
        rows[-1].append((panel, share))
        used += share
    places: list[_Place] = []
    top = _MARGIN_MM
    for row in rows:
        free = room - _GAP_MM * (len(row) - 1)
        total = sum(share for _, share in row)
        # A row that is nearly full is filled.
        scale = 1 / total if total > 0.8 else 1.0
        height = max(KINDS_OF_PANELS[panel.kind].height_mm for panel, _ in row)
        left = _MARGIN_MM
        for panel, share in row:
            width = free * share * scale
            own = min(height, _TALLEST * KINDS_OF_PANELS[panel.kind].height_mm)
            places.append(_Place(panel, left, top, width, own))
            left += width + _GAP_MM
        top += height + _GAP_MM
    return places, top - _GAP_MM + _MARGIN_MM


def _draw(
    figure: Figure, place: _Place, source: Source, composition: Composition, height_mm: float
) -> None:
    """Draw a panel into its box, below and beside its letter."""
    gap = _LETTER_MM if composition.letters else 0.0
    width_mm = composition.width_mm
    box = Bbox.from_bounds(
        place.left / width_mm,
        1 - (place.top + place.height) / height_mm,
        place.width / width_mm,
        (place.height - gap) / height_mm,
    )
    drawn: list[tuple[Axes, NDArray[np.float64]]]

    def add(left: float, bottom: float, width: float, height: float) -> Axes:
        return figure.add_axes(_within(np.array([left, bottom, width, height]), box))

    before = set(figure.axes)
    kind = KINDS_OF_PANELS[place.panel.kind]
    kind.draw(source, place.panel.of, add, theme_named(composition.theme), place.width)
    # Colour bars that Matplotlib has placed beside axes, which have become narrower.
    drawn = []
    for ax in figure.axes:
        if ax not in before:
            at = ax.get_position(original=True)
            corner = [(at.x0 - box.x0) / box.width, (at.y0 - box.y0) / box.height]
            drawn.append((ax, np.array([*corner, at.width / box.width, at.height / box.height])))
            ax.set_axes_locator(lambda of, _renderer: of.get_position(original=True))
    for ax, _ in drawn:
        for text in ax.findobj(Text):
            assert isinstance(text, Text)
            text.set_fontsize(np.clip(text.get_fontsize(), LEAST_POINTS, composition.font_points))
        for axis in (ax.xaxis, ax.yaxis):
            # Ticks that Matplotlib makes later have this size too.
            sizes = [label.get_fontsize() for label in axis.get_ticklabels()]
            if sizes:
                axis.set_tick_params(labelsize=max(sizes))
    _fit(figure, drawn, box)


def _within(bounds: NDArray[np.float64], inside: Bbox) -> tuple[float, float, float, float]:
    """Return bounds given as shares of a box as shares of the page."""
    left, bottom, width, height = bounds
    return (
        float(inside.x0 + left * inside.width),
        float(inside.y0 + bottom * inside.height),
        float(width * inside.width),
        float(height * inside.height),
    )


def _fit(figure: Figure, drawn: Sequence[tuple[Axes, NDArray[np.float64]]], box: Bbox) -> None:
    """Shrink the axes of a panel until they lie in its box with all of their labels."""
    to_page = figure.transFigure.inverted()
    inside = Bbox.from_extents(*box.extents)
    for _ in range(_ROUNDS):
        taken = [ax.get_tightbbox() for ax, _ in drawn]
        extent = Bbox.union([each for each in taken if each is not None]).transformed(to_page)
        over = np.array(
            [box.x0 - extent.x0, box.y0 - extent.y0, extent.x1 - box.x1, extent.y1 - box.y1]
        )
        over = np.where(over > 1e-5, over, 0.0)
        if not over.any():
            return
        least = _LEAST_SHARE * np.array([box.width, box.height])
        low = np.minimum([inside.x0 + over[0], inside.y0 + over[1]], box.max - least)
        high = np.maximum([inside.x1 - over[2], inside.y1 - over[3]], low + least)
        inside = Bbox.from_extents(*low, *high)
        for ax, bounds in drawn:
            ax.set_position(_within(bounds, inside))


def beyond_the_page_mm(figure: Figure) -> float:
    """Return how far text or lines of a figure reach beyond its edges, in mm; 0 if nowhere."""
    figure.draw_without_rendering()
    taken = figure.get_tightbbox()
    width, height = figure.get_size_inches()
    beyond = max(-taken.x0, -taken.y0, taken.x1 - width, taken.y1 - height, 0.0)
    return float(MM_PER_INCH * beyond)
