"""Draw a brain in two or three views: outline, neurons, members of an assembly, scale bar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, Self
from weakref import WeakKeyDictionary

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection, PolyCollection
from matplotlib.colors import Normalize
from numpy.typing import NDArray

from napari_crbm.anatomy import brain_outline
from napari_crbm.figures.style import Theme
from napari_crbm.recording import Recording
from napari_crbm.schematic import Placed, place_neurons

if TYPE_CHECKING:
    from napari_crbm.model import CRBM

Plane = Literal["dorsal", "side", "frontal"]

#: Columns of (z, y, x) drawn to the right and downwards. Anterior is up from above and from
#: the side, which has the brain's dorsal surface on the left; from the front dorsal is up.
DRAWN_AXES: dict[Plane, tuple[int, int]] = {"dorsal": (2, 1), "side": (0, 1), "frontal": (2, 0)}

# Labels at the top, bottom, left and right of a view.
_DIRECTIONS: dict[Plane, tuple[str, str, str, str]] = {
    "dorsal": ("A", "P", "L", "R"),
    "side": ("A", "P", "D", "V"),
    "frontal": ("D", "V", "L", "R"),
}

_POINTS_PER_INCH = 72.0
_SCALE_BARS_UM = (10, 20, 50, 100, 200, 500, 1000, 2000)
_MARGIN = 0.015
# With more distinct depths than this the recording is not made of imaging planes.
_MAX_PLANES = 200
_GOLDEN_RATIO = (1 + 5**0.5) / 2
# Margin around the outermost neurons of a schematic drawing.
_HALF_LATTICE = 5.0


@dataclass(frozen=True, eq=False)
class BrainView:
    """Outline and projection of a brain, computed once for all assemblies.

    Parameters
    ----------
    coordinates_um : (N, 3) float32
        Axes z, y, x; NaN for neurons that are not drawn.
    outlines : mapping of plane to list of (P, 2)
        Closed polygons as drawn, micrometres: right, down.
    low_um, high_um : (3,) float64
        The part of space to show; stray neurons may lie outside.
    schematic : bool
        Whether distances and directions have no meaning; then there is no scale bar and no
        A, P, L, R.
    note : str
        Remark on missing positions; empty if all are known.
    """

    coordinates_um: NDArray[np.float32]
    outlines: Mapping[Plane, list[NDArray[np.float64]]]
    low_um: NDArray[np.float64]
    high_um: NDArray[np.float64]
    schematic: bool = False
    note: str = ""

    @classmethod
    def from_coordinates(cls, coordinates_um: NDArray[np.float32]) -> Self:
        """Trace the outlines of a brain from its neurons, (N, 3) um, axes z, y, x.

        Rows that are not finite are neurons without position.
        """
        known = coordinates_um[np.isfinite(coordinates_um).all(axis=1)]
        low, high = np.quantile(known, [0.001, 0.999], axis=0)
        solid = _spread_planes(known)
        outlines: dict[Plane, list[NDArray[np.float64]]] = {}
        for plane, (right, down) in DRAWN_AXES.items():
            polygons = brain_outline(solid, plane)
            # Outlines are (y, x), (z, y) and (z, x); x and z are drawn to the right.
            outlines[plane] = [p if plane == "side" else p[:, ::-1] for p in polygons]
            for polygon in outlines[plane]:
                low[[right, down]] = np.minimum(low[[right, down]], polygon.min(axis=0))
                high[[right, down]] = np.maximum(high[[right, down]], polygon.max(axis=0))
        margin = _MARGIN * max(float((high - low).max()), 1.0)
        return cls(coordinates_um, outlines, low - margin, high + margin)

    @classmethod
    def of_drawing(cls, drawn: Placed) -> Self:
        """Make a view without outlines of neurons that are drawn schematically."""
        low, high = drawn.points.min(axis=0), drawn.points.max(axis=0)
        margin = _MARGIN * max(float((high - low).max()), 1.0) + _HALF_LATTICE
        outlines: dict[Plane, list[NDArray[np.float64]]] = {plane: [] for plane in DRAWN_AXES}
        return cls(
            drawn.points,
            outlines,
            low.astype(np.float64) - margin,
            high.astype(np.float64) + margin,
            schematic=True,
            note=drawn.note,
        )

    @property
    def extent_um(self) -> NDArray[np.float64]:
        """Size of the part shown along z, y, x, (3,)."""
        return self.high_um - self.low_um

    @property
    def is_flat(self) -> bool:
        """Whether all neurons lie in one plane, so that there is no side view."""
        depth = self.coordinates_um[:, 0]
        return float(np.nanmax(depth) - np.nanmin(depth)) == 0.0

    def spacing_points(self, um_per_inch: float) -> float:
        """Typical distance between neurons as drawn from above, in points."""
        _, height, width = self.extent_um
        spacing_um = float(np.sqrt(height * width / len(self.coordinates_um)))
        return _POINTS_PER_INCH * spacing_um / um_per_inch


def _spread_planes(coordinates_um: NDArray[np.float32]) -> NDArray[np.float64]:
    """Spread the neurons of every imaged plane over the gap to its neighbours.

    A light-sheet recording has a few dozen planes; from the side they are stripes, and an
    outline would follow each of them. Offsets fill the gap evenly (golden ratio steps), so
    that the outline is deterministic.
    """
    spread = coordinates_um.astype(np.float64)
    depths = np.unique(spread[:, 0])
    if 1 < len(depths) <= _MAX_PLANES:
        gap = float(np.median(np.diff(depths)))
        steps = np.arange(len(spread)) * _GOLDEN_RATIO
        spread[:, 0] += gap * (steps % 1.0 - 0.5)
    return spread


_views: WeakKeyDictionary[Recording, BrainView] = WeakKeyDictionary()


def brain_view(recording: Recording, model: CRBM | None = None) -> BrainView:
    """Return outlines and extent of a recording's brain, computed once per recording.

    Without positions, or with depths alone, the drawing is schematic; given a ``model``, it
    shows the neurons of an assembly side by side.
    """
    if not recording.located.any() or len(recording.known_axes) < 2:
        weights = None if model is None else model.weights_
        return BrainView.of_drawing(place_neurons(recording, weights))
    if recording not in _views:
        view = BrainView.from_coordinates(recording.positions)
        lost = int((~recording.located).sum())
        if lost:
            note = (
                f"{lost:,} of {recording.n_neurons:,} neurons have no position and are not drawn."
            )
            view = replace(view, note=note)
        _views[recording] = view
    return _views[recording]


def draw_brain(ax: Axes, view: BrainView, plane: Plane, theme: Theme, um_per_inch: float) -> None:
    """Draw outline and context neurons into equal axes in micrometres, without frame."""
    right, down = DRAWN_AXES[plane]
    ax.set_xlim(view.low_um[right], view.high_um[right])
    ax.set_ylim(view.high_um[down], view.low_um[down])
    ax.set_axis_off()
    ax.add_collection(
        PolyCollection(
            view.outlines[plane],
            facecolor=theme.brain,
            edgecolor=theme.outline,
            linewidth=0.6,
            zorder=0,
        ),
        autolim=False,
    )
    points = view.coordinates_um
    ax.plot(
        points[:, right],
        points[:, down],
        linestyle="none",
        marker="o",
        markersize=np.clip(view.spacing_points(um_per_inch), 0.6, 2.4),
        markeredgewidth=0,
        color=theme.neurons,
        alpha=0.55,
        rasterized=True,
        zorder=1,
        gid="neurons",
    )


def draw_members(
    ax: Axes,
    view: BrainView,
    plane: Plane,
    neurons: NDArray[np.integer],
    weights: NDArray[np.floating],
    theme: Theme,
    norm: Normalize,
    um_per_inch: float,
) -> list[PathCollection]:
    """Draw members coloured by weight, strong ones on top: discs positive, diamonds negative."""
    right, down = DRAWN_AXES[plane]
    diameter = float(np.clip(2.6 * view.spacing_points(um_per_inch), 2.0, 4.7))
    area = diameter**2
    order = np.argsort(np.abs(weights))
    drawn = []
    # A diamond covers more than a disc of the same nominal size.
    for marker, size, of_sign in (
        ("o", area, weights[order] >= 0),
        ("D", 0.75 * area, weights[order] < 0),
    ):
        chosen = order[of_sign]
        points = view.coordinates_um[neurons[chosen]]
        drawn.append(
            ax.scatter(
                points[:, right],
                points[:, down],
                s=size,
                c=weights[chosen],
                cmap=theme.weight_map,
                norm=norm,
                marker=marker,
                linewidths=0.05 * diameter,
                edgecolors=theme.background,
                rasterized=True,
                zorder=2,
                gid="members",
            )
        )
    return drawn


def draw_orientation(ax: Axes, view: BrainView, plane: Plane, theme: Theme) -> None:
    """Label the four sides of a view: anterior, posterior, left, ..."""
    if view.schematic:
        return
    top, bottom, left, right = _DIRECTIONS[plane]
    places = {
        top: (0.5, 1.0, "center", "bottom"),
        bottom: (0.5, 0.0, "center", "top"),
        left: (0.0, 0.5, "right", "center"),
        right: (1.0, 0.5, "left", "center"),
    }
    for letter, (x, y, horizontal, vertical) in places.items():
        ax.text(
            x,
            y,
            letter,
            transform=ax.transAxes,
            ha=horizontal,
            va=vertical,
            color=theme.muted,
            fontsize=7,
        )


def scale_bar_um(view: BrainView) -> int:
    """Return a round length for the scale bar of a view; 0 for a schematic drawing."""
    if view.schematic:
        return 0
    wanted = float(max(view.extent_um[1:])) / 8
    return min(_SCALE_BARS_UM, key=lambda bar: abs(np.log(bar / wanted)))


def draw_scale_bar(ax: Axes, view: BrainView, theme: Theme) -> int:
    """Draw a scale bar at the lower left of a view and return its length in um.

    The length is 100 um for a whole larval brain and another round number for much smaller or
    larger ones. A schematic drawing gets no bar, and 0 is returned.
    """
    length = scale_bar_um(view)
    if not length:
        return 0
    _, height, width = view.extent_um
    x = float(view.low_um[2]) + 0.02 * width
    y = float(view.high_um[1]) - 0.015 * height
    ax.plot([x, x + length], [y, y], color=theme.text, linewidth=1.6, solid_capstyle="butt")
    ax.text(x + length / 2, y - 0.012 * height, f"{length} µm", ha="center", va="bottom")
    return length
