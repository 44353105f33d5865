"""Colours, fonts and lines shared by all figures, in a light and a dark theme."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure

from napari_crbm import palette
from napari_crbm.errors import CRBMError
from napari_crbm.io.safety.replacing import replacing
from napari_crbm.palette import Palette, rgb_to_hex

#: Width of a figure over two columns of a journal page (183 mm), in inches.
DOUBLE_COLUMN_IN = 7.2

#: Dots per inch of rasterised points and of PNG files.
DPI = 220

_MM_PER_INCH = 25.4
# Characters that fit on one line under the title of a page.
_LINE = 140
# Height of the title of a page and of a line below it.
_TITLE_IN, _LINE_IN = 0.35, 0.125
_FORMATS = (".pdf", ".png", ".svg")


@dataclass(frozen=True)
class Theme:
    """Colours of one theme of figures; colours of data come from its palette."""

    palette: Palette
    background: str
    text: str
    muted: str
    accent: str
    shade: str
    density_map: str

    @property
    def name(self) -> str:
        """``"light"`` or ``"dark"``."""
        return self.palette.name

    @property
    def neurons(self) -> str:
        """Neurons drawn for context."""
        return self.palette.neurons

    @property
    def outline(self) -> str:
        """Outline of the brain."""
        return self.palette.outline

    @property
    def brain(self) -> str:
        """Area of the brain."""
        return self.palette.brain

    @property
    def negative(self) -> tuple[str, ...]:
        """Five steps of negative weights, from weak to strong."""
        return _steps(-1, self.palette)

    @property
    def positive(self) -> tuple[str, ...]:
        """Five steps of positive weights, from weak to strong."""
        return _steps(1, self.palette)

    @property
    def weight_map(self) -> ListedColormap:
        """Diverging colour map of signed weights, grey at zero."""
        return ListedColormap(self.palette.weight_scale, name=f"weight-{self.name}")


def _steps(sign: int, colours: Palette) -> tuple[str, ...]:
    steps = colours.weights(sign * np.linspace(0.2, 1, 5), 1.0)
    return tuple(rgb_to_hex(step) for step in steps)


LIGHT = Theme(
    palette=palette.LIGHT,
    background="#ffffff",
    text="#1a1a1a",
    muted="#6b6b6b",
    accent="#3a3a3a",
    shade="#f0ead8",
    density_map="Purples",
)
DARK = Theme(
    palette=palette.DARK,
    background="#101214",
    text="#ececec",
    muted="#9b9b9b",
    accent="#d8d8d8",
    shade="#2c2a20",
    density_map="magma",
)
THEMES = {"light": LIGHT, "dark": DARK}


def theme_named(name: str) -> Theme:
    """Return a theme, ``"light"`` or ``"dark"``.

    Raises
    ------
    CRBMError
        If there is no such theme.
    """
    if name not in THEMES:
        raise CRBMError(f"No theme '{name}'; there are {' and '.join(THEMES)}.")
    return THEMES[name]


@contextmanager
def drawing(theme: Theme) -> Iterator[None]:
    """Draw with the theme's colours and fonts; restore Matplotlib's settings afterwards."""
    settings: dict[Any, Any] = {
        "axes.edgecolor": theme.muted,
        "axes.facecolor": "none",
        "axes.labelcolor": theme.text,
        "axes.labelsize": 7.5,
        "axes.linewidth": 0.6,
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.titlesize": 8,
        "figure.dpi": DPI,
        "figure.facecolor": theme.background,
        "font.family": "sans-serif",
        "font.sans-serif": ["Helvetica", "Arial", "DejaVu Sans"],
        "font.size": 7.5,
        "mathtext.fontset": "dejavusans",
        "text.color": theme.text,
        "xtick.color": theme.muted,
        "xtick.labelcolor": theme.text,
        "xtick.labelsize": 7,
        "xtick.major.size": 2.5,
        "xtick.major.width": 0.6,
        "ytick.color": theme.muted,
        "ytick.labelcolor": theme.text,
        "ytick.labelsize": 7,
        "ytick.major.size": 2.5,
        "ytick.major.width": 0.6,
    }
    with matplotlib.rc_context(settings):
        yield


def new_figure(width_in: float, height_in: float) -> Figure:
    """Make an empty figure without a window; call it within `drawing`."""
    return Figure(figsize=(width_in, height_in))


def new_page(
    panels_in: float, sentences: Sequence[str]
) -> tuple[Figure, Callable[[float, float, float, float], Axes]]:
    """Make a page of two columns' width with room for panels, and for sentences above them.

    Call it within `drawing`.

    Returns
    -------
    figure : Figure
    place : callable
        Adds axes: left, bottom, width and height in inches.
    """
    n_lines = sum(len(textwrap.wrap(each, _LINE)) for each in sentences)
    height = panels_in + _TITLE_IN + _LINE_IN * n_lines
    figure = new_figure(DOUBLE_COLUMN_IN, height)

    def place(left: float, bottom: float, wide: float, tall: float) -> Axes:
        across, up = DOUBLE_COLUMN_IN, height
        return figure.add_axes((left / across, bottom / up, wide / across, tall / up))

    return figure, place


def draw_heading(figure: Figure, title: str, *sentences: str) -> None:
    """Write the title of a page and below it sentences, each on lines of its own."""
    figure.text(0.03, 0.965, title, fontsize=10, fontweight="bold", va="center")
    lines = [line for one in sentences for line in textwrap.wrap(one, _LINE)]
    figure.text(0.03, 0.94, "\n".join(lines), va="top", fontsize=6.5, linespacing=1.35)


def set_width(figure: Figure, width_mm: float | None) -> None:
    """Set the width of a figure on paper; text keeps its size. None changes nothing."""
    if width_mm is not None:
        width, height = figure.get_size_inches()
        factor = width_mm / _MM_PER_INCH / width
        figure.set_size_inches(factor * width, factor * height)


def symmetric_norm(limit: float) -> Normalize:
    """Map -limit..limit to 0..1, so that zero is the middle of the weight scale."""
    return Normalize(-limit, limit)


# Metadata field of each format that holds the description.
_ABOUT = {".pdf": "Subject", ".svg": "Description", ".png": "Description"}


def save_figure(figure: Figure, path: Path | str, dpi: int = DPI, about: str | None = None) -> Path:
    """Write a PDF, SVG or PNG; text stays text in the first two.

    ``about`` is stored in the file's metadata, for example the model and the recording.

    Raises
    ------
    CRBMError
        If the ending of the file name is none of these.
    """
    path = Path(path)
    if path.suffix.lower() not in _FORMATS:
        raise CRBMError(
            f"Cannot write the figure '{path.name}': use a name that ends in {', '.join(_FORMATS)}."
        )
    with matplotlib.rc_context({"pdf.fonttype": 42, "svg.fonttype": "none"}):
        metadata = None if about is None else {_ABOUT[path.suffix.lower()]: about}
        with replacing(path) as temporary:
            figure.savefig(temporary, dpi=dpi, metadata=metadata)
    return path
