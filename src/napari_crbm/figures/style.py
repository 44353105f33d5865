"""Colours, type and lines shared by all figures, in a light and a dark theme."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure

from napari_crbm.errors import CRBMError

#: Width of a figure over two columns of a journal page (183 mm), in inches.
DOUBLE_COLUMN_IN = 7.2

#: Dots an inch of rasterised points and of PNG files.
DPI = 220

_MM_PER_INCH = 25.4
# Characters that fit beside each other under the title of a page.
_LINE = 140
_FORMATS = (".pdf", ".png", ".svg")


@dataclass(frozen=True)
class Theme:
    """Colours of one theme.

    ``zero``, ``negative`` and ``positive`` make the weight scale, from its middle outwards.
    Both were drawn in OKLab with equal steps of lightness and the same lightness on
    both sides; blue against red-orange stays apart without red-green vision, and the
    grey middle differs from the background and from the context neurons.
    """

    name: str
    background: str
    text: str
    muted: str
    outline: str
    brain: str
    neurons: str
    accent: str
    shade: str
    density_map: str
    zero: str
    negative: tuple[str, ...]
    positive: tuple[str, ...]

    @property
    def weight_map(self) -> LinearSegmentedColormap:
        """Diverging colour map of signed weights, grey at zero."""
        colours = [*reversed(self.negative), self.zero, *self.positive]
        return LinearSegmentedColormap.from_list(f"weight-{self.name}", colours, N=257)


LIGHT = Theme(
    name="light",
    background="#ffffff",
    text="#1a1a1a",
    muted="#6b6b6b",
    outline="#9a9a9a",
    brain="#f7f7f5",
    neurons="#d9d9d6",
    accent="#3a3a3a",
    shade="#f0ead8",
    density_map="Purples",
    zero="#c4c4c4",
    negative=("#97b0dd", "#759adf", "#5584dc", "#376dd7", "#1554cf"),
    positive=("#d6a098", "#d48176", "#cc6257", "#c14238", "#b31415"),
)
DARK = Theme(
    name="dark",
    background="#101214",
    text="#ececec",
    muted="#9b9b9b",
    outline="#6f6f6f",
    brain="#191c1f",
    neurons="#34383c",
    accent="#d8d8d8",
    shade="#2c2a20",
    density_map="magma",
    zero="#484848",
    negative=("#446172", "#487995", "#4d91b7", "#54aad9", "#5bc4fc"),
    positive=("#755347", "#99634e", "#bc7357", "#de8561", "#ff976d"),
)
THEMES = {"light": LIGHT, "dark": DARK}


def theme_named(name: str) -> Theme:
    """Look up a theme, ``"light"`` or ``"dark"``.

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
    """Draw with the theme's colours and our type; Matplotlib's settings are put back."""
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
    """Make an empty figure that no window knows; call within `drawing`."""
    return Figure(figsize=(width_in, height_in))


def draw_heading(figure: Figure, title: str, *sentences: str) -> None:
    """Write a page's title, and below it what it shows in sentences, each on lines of its own."""
    figure.text(0.03, 0.965, title, fontsize=10, fontweight="bold", va="center")
    lines = [line for one in sentences for line in textwrap.wrap(one, _LINE)]
    figure.text(0.03, 0.94, "\n".join(lines), va="top", fontsize=6.5, linespacing=1.35)


def set_width(figure: Figure, width_mm: float | None) -> None:
    """Give a figure its width on paper; text keeps its size. None leaves it as designed."""
    if width_mm is not None:
        width, height = figure.get_size_inches()
        factor = width_mm / _MM_PER_INCH / width
        figure.set_size_inches(factor * width, factor * height)


def symmetric_norm(limit: float) -> Normalize:
    """Map -limit..limit to 0..1, so that zero is the middle of the weight scale."""
    return Normalize(-limit, limit)


# Where each format keeps a description.
_ABOUT = {".pdf": "Subject", ".svg": "Description", ".png": "Description"}


def save_figure(figure: Figure, path: Path | str, dpi: int = DPI, about: str | None = None) -> Path:
    """Write a PDF, SVG or PNG; text stays text in the first two.

    ``about`` is kept in the file's metadata: what the figure was made from.

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
        figure.savefig(path, dpi=dpi, metadata=metadata)
    return path
