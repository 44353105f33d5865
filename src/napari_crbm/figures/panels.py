"""Single panels of composed figures: each draws into axes of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from numpy.typing import NDArray

from napari_crbm.analysis import STATISTICS, assembly_raster, members_of, region_shares
from napari_crbm.anatomy import region_colours
from napari_crbm.connectome import cluster_order
from napari_crbm.errors import CRBMError
from napari_crbm.figures.agreement import draw_agreement, draw_population
from napari_crbm.figures.assembly import draw_trace
from napari_crbm.figures.brain import (
    brain_view,
    draw_brain,
    draw_members,
    draw_orientation,
    draw_scale_bar,
)
from napari_crbm.figures.connectivity import draw_matrix
from napari_crbm.figures.gallery import draw_gallery, draw_gallery_scales
from napari_crbm.figures.style import Theme, symmetric_norm
from napari_crbm.recording import Recording

if TYPE_CHECKING:
    from napari_crbm.analysis import Evaluation, Responses
    from napari_crbm.connectome import RegionMap
    from napari_crbm.model import CRBM

MM_PER_INCH = 25.4
_MOST_REGIONS, _LEAST_SHARE = 6, 0.01

#: Adds axes in a place given as shares of the panel: left, bottom, width, height.
AddAxes = Callable[[float, float, float, float], Axes]


@dataclass(frozen=True, eq=False)
class Source:
    """What panels are drawn from.

    Parameters
    ----------
    model : CRBM
    recording : Recording
    activity : (T, M) float array
    evaluation : Evaluation, optional
        For panels of statistics.
    region_map : RegionMap, optional
        For the matrix.
    responses : Responses, optional
        For triggered averages.
    """

    model: CRBM
    recording: Recording
    activity: NDArray[np.floating]
    evaluation: Evaluation | None = field(default=None)
    region_map: RegionMap | None = field(default=None)
    responses: Responses | None = field(default=None)


class Kind(NamedTuple):
    """A kind of panel.

    ``share`` of the width of a double column, and ``height_mm``, unless its content decides.
    ``of`` says what the panel is of: an assembly, a statistic, or nothing.
    """

    title: str
    draw: Callable[[Source, str, AddAxes, Theme, float], None]
    share: float
    height_mm: float
    of: str = ""
    needs: str = ""


def draw_panel_brain(source: Source, of: str, axes: AddAxes, theme: Theme, width_mm: float) -> None:
    """Draw the members of an assembly from above, with colour bar and scale bar."""
    assembly = _assembly(source, of)
    view = brain_view(source.recording, source.model)
    weights = source.model.weights_[:, assembly]
    neurons = members_of(source.model).of(assembly)
    limit = float(np.abs(weights[neurons]).max(initial=0.0)) or 1.0
    ax = axes(0, 0.16, 1, 0.84)
    um_per_inch = float(view.extent_um[2]) * MM_PER_INCH / width_mm
    draw_brain(ax, view, "dorsal", theme, um_per_inch)
    norm = symmetric_norm(limit)
    draw_members(ax, view, "dorsal", neurons, weights[neurons], theme, norm, um_per_inch)
    draw_orientation(ax, view, "dorsal", theme)
    draw_scale_bar(ax, view, theme)
    ax.set_aspect("equal")
    bar_ax = axes(0.2, 0.04, 0.6, 0.025)
    bar = bar_ax.figure.colorbar(
        ScalarMappable(norm, theme.weight_map), cax=bar_ax, orientation="horizontal"
    )
    bar.outline.set_visible(False)
    bar.set_ticks([-limit, 0.0, limit], labels=[f"−{limit:.2g}", "0", f"+{limit:.2g}"])
    bar_ax.set_xlabel("weight")


def draw_panel_trace(source: Source, of: str, axes: AddAxes, theme: Theme, _width: float) -> None:
    """Draw the activity of an assembly over time."""
    assembly = _assembly(source, of)
    trace = source.activity[:, assembly]
    ax = axes(0, 0, 1, 1)
    draw_trace(ax, source.model, source.recording, trace, theme, notes_below=False)


def draw_panel_regions(source: Source, of: str, axes: AddAxes, theme: Theme, _width: float) -> None:
    """Draw the share of the members of an assembly in each region."""
    assembly, regions = _assembly(source, of), source.recording.regions
    ax = axes(0, 0, 1, 1)
    if regions is None:
        raise CRBMError(
            f"'{source.recording.name}' has no regions: leave out the panel of regions, or assign "
            "regions first (Anatomy dock)."
        )
    share = region_shares(members_of(source.model).inside[:, [assembly]], regions)[:, 0]
    strongest = np.argsort(-share, kind="stable")[:_MOST_REGIONS]
    strongest = strongest[share[strongest] >= _LEAST_SHARE]
    names = [regions.names[region] for region in strongest]
    ax.barh(np.arange(len(names)), 100 * share[strongest], 0.6, color=region_colours(names))
    ax.set_yticks(np.arange(len(names)), names)
    ax.set_ylim(max(len(names), 1) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel("members in the region (%)")


def draw_panel_raster(source: Source, _of: str, axes: AddAxes, theme: Theme, _width: float) -> None:
    """Draw the activity of all assemblies, sorted by similarity."""
    found = assembly_raster(source.activity)
    times = source.recording.times
    ax = axes(0, 0, 0.93, 1)
    image = ax.imshow(
        found.image,
        aspect="auto",
        cmap=theme.density_map,
        vmin=0,
        vmax=1,
        interpolation="none",
        extent=(float(times[0]), float(times[-1]), len(found.rows), 0),
        rasterized=True,
    )
    ax.set_xlabel("time (s)")
    ax.set_ylabel(f"{len(found.rows)} assemblies")
    ax.set_yticks([])
    bar = ax.figure.colorbar(image, cax=axes(0.95, 0, 0.02, 1))
    bar.outline.set_visible(False)
    bar.set_ticks([0, 1], labels=["rest", "high"])
    bar.set_label("activity")


def draw_panel_gallery(source: Source, _of: str, axes: AddAxes, theme: Theme, _w: float) -> None:
    """Draw all assemblies from above, with colour bar and scale bar."""
    ax = axes(0, 0.14, 1, 0.86)
    view = brain_view(source.recording, source.model)
    numbers = np.flatnonzero(members_of(source.model).sizes > 0)
    if not len(numbers):
        numbers = np.arange(source.model.n_assemblies)
    draw_gallery(ax, view, source.model, numbers, theme)
    draw_gallery_scales(ax, axes(0.35, 0.04, 0.3, 0.03), view, theme)


def draw_panel_matrix(source: Source, _of: str, axes: AddAxes, theme: Theme, _width: float) -> None:
    """Draw the map of connections between regions, similar regions side by side."""
    found = source.region_map
    if found is None:
        raise CRBMError("The matrix needs a map of regions: the recording has none.")
    draw_matrix(axes(0.2, 0.2, 0.8, 0.8), found, cluster_order(found), theme)


def draw_panel_statistic(source: Source, of: str, axes: AddAxes, theme: Theme, _w: float) -> None:
    """Draw model against held-out frames for one statistic."""
    if of not in STATISTICS:
        raise CRBMError(f"There is no statistic '{of}'; there are {', '.join(STATISTICS)}.")
    if source.evaluation is None:
        raise CRBMError("A panel of statistics needs an evaluation of the model.")
    ax = axes(0, 0, 1, 1)
    draw_agreement(ax, source.evaluation, of, theme)
    ax.set_ylabel("model")


def draw_panel_population(source: Source, _of: str, axes: AddAxes, theme: Theme, _w: float) -> None:
    """Draw the distribution of the number of active neurons."""
    if source.evaluation is None:
        raise CRBMError("A panel of statistics needs an evaluation of the model.")
    draw_population(axes(0, 0, 1, 1), source.evaluation, theme)


def draw_panel_triggered(source: Source, of: str, axes: AddAxes, theme: Theme, _w: float) -> None:
    """Draw the average activity of an assembly around events, with the band by chance."""
    assembly, responses = _assembly(source, of), source.responses
    if responses is None:
        raise CRBMError("A triggered average needs events (Tuning dock, or --events).")
    found, times = responses.assemblies, responses.times_s
    ax = axes(0, 0, 1, 1)
    low, high = found.low[:, assembly], found.high[:, assembly]
    ax.fill_between(times, low, high, color=theme.shade, lw=0)
    ax.plot(times, found.mean[:, assembly], color=theme.accent, lw=0.9)
    ax.axvline(0, color=theme.muted, lw=0.6, linestyle=(0, (4, 3)))
    ax.set_xlim(times[0], times[-1])
    ax.set_xlabel("time from event (s)")
    ax.set_ylabel("activity (sd)")
    title = f"assembly {assembly}, {len(found.events):,} events\nshaded: 95 % by chance"
    ax.set_title(title, loc="left")


def _assembly(source: Source, of: str) -> int:
    """Return the number of an assembly that a panel names."""
    known = source.model.n_assemblies
    if not of.isdecimal() or int(of) >= known:
        raise CRBMError(f"There is no assembly '{of}': the model has assemblies 0 to {known - 1}.")
    return int(of)


#: Kinds of panels by their names on the command line.
KINDS_OF_PANELS = {
    "brain": Kind("Assembly in the brain", draw_panel_brain, 0.3, 62.0, "assembly"),
    "trace": Kind("Activity of an assembly", draw_panel_trace, 0.7, 24.0, "assembly"),
    "regions": Kind("Regions of an assembly", draw_panel_regions, 0.4, 30.0, "assembly"),
    "triggered": Kind(
        "Average around events", draw_panel_triggered, 0.34, 32.0, "assembly", "responses"
    ),
    "raster": Kind("Raster of all assemblies", draw_panel_raster, 0.7, 42.0),
    "gallery": Kind("Gallery of all assemblies", draw_panel_gallery, 1.0, 75.0),
    "matrix": Kind("Connections between regions", draw_panel_matrix, 0.5, 78.0, "", "region_map"),
    "statistic": Kind(
        "Model against held-out frames", draw_panel_statistic, 0.34, 42.0, "statistic", "evaluation"
    ),
    "population": Kind(
        "Active neurons per frame", draw_panel_population, 0.34, 36.0, "", "evaluation"
    ),
}
