"""Names of regions beside the rows of a matrix, as many as can be read."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pyqtgraph as pg
from qtpy.QtGui import QFont

# Of a name: height of its row, width of the axis, and of plots that have room for it, in pixels.
_ROW_PX, _AXIS_PX, _LEAST_PX = 10, 112, 260
_LETTER_POINTS = 7.5
_LONGEST = 19


def short_name(name: str, longest: int) -> str:
    """Return a name of at most so many letters, with its side."""
    if len(name) <= longest:
        return name
    side = name[-2:] if name.endswith((" L", " R")) else ""
    return f"{name[: longest - 1 - len(side)].rstrip()}…{side}"


class RegionAxis:
    """Left axis of a matrix with the names of its rows.

    Where rows are too low for all names, those of marked rows remain, and then names at equal
    distances. Plots that are too narrow have none.

    Parameters
    ----------
    plot : pyqtgraph.PlotWidget
        Row k lies between k and k + 1.
    """

    def __init__(self, plot: pg.PlotWidget) -> None:
        self._plot = plot
        self._names: tuple[str, ...] = ()
        self._marked: frozenset[int] = frozenset()
        self._axis = plot.getAxis("left")
        font = QFont()
        font.setPointSizeF(_LETTER_POINTS)
        self._axis.setStyle(tickFont=font, tickLength=0, showValues=True)
        view = plot.getPlotItem().getViewBox()
        view.sigRangeChanged.connect(lambda *_: self._write())
        view.sigResized.connect(lambda *_: self._write())

    def show(self, names: Sequence[str], marked: Collection[int] = ()) -> None:
        """Write the names of rows; those of ``marked`` rows come first."""
        self._names, self._marked = tuple(names), frozenset(marked)
        self._write()

    @property
    def shown(self) -> list[str]:
        """The names that are written, from top to bottom."""
        ticks = self._axis._tickLevels or [[]]
        return [name for _, name in ticks[0]]

    def _write(self) -> None:
        wide = self._plot.width() >= _LEAST_PX
        if self._axis.isVisible() != wide:
            self._plot.getPlotItem().showAxis("left", wide)
            self._axis.setWidth(_AXIS_PX if wide else None)
        low, high = self._plot.getPlotItem().getViewBox().viewRange()[1]
        row_px = self._plot.getPlotItem().getViewBox().height() / max(high - low, 1e-9)
        apart = max(1, -int(-_ROW_PX // max(row_px, 1e-9)))
        written = sorted(self._marked)
        for row in range(0, len(self._names), apart):
            if all(abs(row - other) >= apart for other in self._marked):
                written.append(row)
        self._axis.setTicks(
            [[(row + 0.5, short_name(self._names[row], _LONGEST)) for row in sorted(written)], []]
        )
