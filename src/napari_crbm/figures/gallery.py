"""Draw many assemblies side by side, each in its own small brain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from numpy.typing import NDArray

from napari_crbm.analysis import members_of
from napari_crbm.figures.brain import BrainView, brain_view, scale_bar_um
from napari_crbm.figures.style import (
    DOUBLE_COLUMN_IN,
    Theme,
    drawing,
    new_figure,
    symmetric_norm,
    theme_named,
)
from napari_crbm.recording import Recording

if TYPE_CHECKING:
    from napari_crbm.model import CRBM

# Margin around each thumbnail, and above it for its number, as fractions of the brain.
_SIDE_ROOM, _TOP_ROOM = 0.12, 0.20

# Room below the brains for the colour bar with its letters, and the height of the bar.
_FOOT_IN, _BAR_IN = 0.52, 0.06


def gallery(
    model: CRBM,
    recording: Recording,
    assemblies: Sequence[int] | NDArray[np.integer] | None = None,
    *,
    view: BrainView | None = None,
    height_in: float = 6.0,
    theme: str = "light",
) -> Figure:
    """Draw dorsal views of many assemblies, numbered, in the order given.

    Each thumbnail has its own colour scale, from minus to plus the assembly's largest
    ``|w|``. By default all assemblies are drawn in the order of their numbers.
    """
    colours = theme_named(theme)
    chosen = np.arange(model.n_assemblies) if assemblies is None else np.asarray(assemblies)
    view = brain_view(recording, model) if view is None else view
    with drawing(colours):
        figure = new_figure(DOUBLE_COLUMN_IN, height_in)
        foot, bar = _FOOT_IN / height_in, _BAR_IN / height_in
        ax = figure.add_axes((0.02, foot, 0.96, 0.98 - foot))
        draw_gallery(ax, view, model, chosen, colours)
        bar_ax = figure.add_axes((0.39, 0.64 * foot, 0.22, bar))
        draw_gallery_scales(ax, bar_ax, view, colours)
    return figure


def draw_gallery_scales(ax: Axes, bar_ax: Axes, view: BrainView, theme: Theme) -> None:
    """Draw the colour bar of a gallery, and below the first brain its scale bar.

    Every brain has its own largest weight, so the bar is given in shares of it.
    """
    bar = bar_ax.figure.colorbar(
        ScalarMappable(symmetric_norm(1.0), theme.weight_map), cax=bar_ax, orientation="horizontal"
    )
    bar.outline.set_visible(False)
    bar.set_ticks([-1.0, 0.0, 1.0], labels=["− largest", "0", "+ largest"])
    bar_ax.tick_params(labelsize=6)
    bar_ax.set_xlabel("weight, of each assembly's largest", fontsize=6.5)
    length = scale_bar_um(view)
    if length:
        low, _ = ax.get_ylim()
        x, y = ax.get_xlim()[0] + 0.01 * np.ptp(ax.get_xlim()), low
        ax.plot(
            [x, x + length], [y, y], color=theme.text, lw=1.6, solid_capstyle="butt", clip_on=False
        )
        ax.annotate(
            f"{length} µm",
            (x + length / 2, y),
            xytext=(0, -2),
            textcoords="offset points",
            ha="center",
            va="top",
            fontsize=6.5,
            annotation_clip=False,
        )


def draw_gallery(
    ax: Axes,
    view: BrainView,
    model: CRBM,
    assemblies: NDArray[np.integer],
    theme: Theme,
) -> None:
    """Draw the thumbnails into one pair of axes, which is much faster than one pair each."""
    weights, members = model.weights_, members_of(model)
    _, height, width = view.extent_um
    cell_width, cell_height = (1 + _SIDE_ROOM) * width, (1 + _TOP_ROOM) * height
    box = ax.get_position()
    page_width, page_height = ax.get_figure(root=True).get_size_inches()  # type: ignore[union-attr]
    room = (box.width * page_width, box.height * page_height)
    n_columns, um_per_inch = _best_columns(len(assemblies), cell_width, cell_height, room)
    # Where the height limits the size, the columns are spread over the whole width.
    cell_width = room[0] * um_per_inch / n_columns
    outline = [_simplified(polygon, um_per_inch / 72) for polygon in view.outlines["dorsal"]]
    outlines, points, colours = [], [], []
    for place, assembly in enumerate(assemblies):
        row, column = divmod(place, n_columns)
        corner = np.array(
            [
                column * cell_width + (cell_width - width) / 2,
                row * cell_height + _TOP_ROOM * height,
            ]
        )
        shift = corner - view.low_um[[2, 1]]
        outlines += [polygon + shift for polygon in outline]
        neurons = members.of(assembly)
        neurons = neurons[np.argsort(np.abs(weights[neurons, assembly]))]
        points.append(view.coordinates_um[neurons][:, [2, 1]] + shift)
        strength = weights[neurons, assembly]
        limit = float(np.abs(strength).max(initial=0.0)) or 1.0
        colours.append(theme.weight_map(symmetric_norm(limit)(strength)))
        ax.text(
            corner[0] + width / 2,
            corner[1] - 0.02 * height,
            f"{assembly}",
            ha="center",
            va="bottom",
            fontsize=float(np.clip(16 * height / um_per_inch / 2, 3.5, 7.0)),
            color=theme.muted,
        )
    ax.add_collection(
        PolyCollection(
            outlines, facecolor=theme.brain, edgecolor=theme.outline, linewidth=0.35, zorder=0
        ),
        autolim=False,
    )
    diameter = float(np.clip(2.2 * view.spacing_points(um_per_inch), 0.8, 3.0))
    all_points = np.concatenate(points)
    ax.scatter(
        all_points[:, 0],
        all_points[:, 1],
        s=diameter**2,
        c=np.concatenate(colours),
        linewidths=0,
        rasterized=True,
        zorder=2,
        gid="members",
    )
    n_rows = -(-len(assemblies) // n_columns)
    ax.set_xlim(0, n_columns * cell_width)
    ax.set_ylim(n_rows * cell_height, 0)
    ax.set_aspect("equal", anchor="N")
    ax.set_axis_off()


def _best_columns(
    n: int, cell_width: float, cell_height: float, room_in: tuple[float, float]
) -> tuple[int, float]:
    """Return the number of columns that makes cells largest, and their scale in um per inch."""
    scales = {
        columns: max(columns * cell_width / room_in[0], -(-n // columns) * cell_height / room_in[1])
        for columns in range(1, n + 1)
    }
    best = min(scales, key=lambda columns: scales[columns])
    return best, scales[best]


def _simplified(polygon: NDArray[np.float64], step_um: float) -> NDArray[np.float64]:
    """Resample a polygon with points about ``step_um`` apart, the resolution of a thumbnail."""
    lengths = np.linalg.norm(np.diff(polygon, axis=0), axis=1)
    along = np.concatenate([[0.0], np.cumsum(lengths)])
    n_points = max(8, int(along[-1] / step_um))
    places = np.linspace(0.0, along[-1], n_points)
    return np.stack([np.interp(places, along, axis) for axis in polygon.T], axis=1)
