"""Column widths, letters and page lengths of journals."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Preset:
    """What a journal asks of figures.

    Parameters
    ----------
    title : str
    widths_mm : tuple of (str, float)
        Name and width of each column format, narrow first.
    height_mm : float
        Height of a page that figure and caption share; the figure must be lower.
    capitals : bool
        Whether panels are lettered A, B, C instead of a, b, c.
    """

    title: str
    widths_mm: tuple[tuple[str, float], ...]
    height_mm: float
    capitals: bool

    def width_mm(self, columns: str) -> float | None:
        """Return the width of a column format; None if the journal has none of this name."""
        return dict(self.widths_mm).get(columns)


#: By the name on the command line. Journals change their instructions now and then.
PRESETS = {
    "nature": Preset("Nature", (("single", 89.0), ("double", 183.0)), 247.0, False),
    "science": Preset(
        "Science", (("single", 57.0), ("middle", 121.0), ("double", 184.0)), 230.0, True
    ),
    "cell": Preset(
        "Cell Press", (("single", 85.0), ("middle", 114.0), ("double", 174.0)), 225.0, True
    ),
    "jneurosci": Preset(
        "J Neurosci", (("single", 85.0), ("middle", 116.0), ("double", 176.0)), 220.0, True
    ),
}
