"""Draw one assembly on one page: its neurons in the brain, its activity and its regions."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from numpy.typing import NDArray

from napari_crbm.analysis import (
    active_threshold,
    assembly_table,
    members_of,
    region_in_words,
    region_shares,
)
from napari_crbm.analysis.evidence.stretches import stretches
from napari_crbm.anatomy import region_colours
from napari_crbm.figures.brain import (
    DRAWN_AXES,
    BrainView,
    Plane,
    brain_view,
    draw_brain,
    draw_members,
    draw_orientation,
    draw_scale_bar,
)
from napari_crbm.figures.style import (
    DOUBLE_COLUMN_IN,
    Theme,
    drawing,
    new_figure,
    symmetric_norm,
    theme_named,
)
from napari_crbm.recording import Recording
from napari_crbm.regions import Regions

if TYPE_CHECKING:
    from napari_crbm.analysis import Evidence
    from napari_crbm.model import CRBM

# The page in inches, from its lower left corner: the trace, above it the views and beside
# them a column with the colour bar and the regions, above all the title.
_LEFT, _RIGHT, _BOTTOM = 0.75, 0.25, 0.45
_TRACE_HEIGHT = 0.85
_BRAIN_LEFT, _BRAIN_BOTTOM, _GAP = 0.3, 1.75, 0.3
_HIGHEST_BRAIN = 3.8
# Between the dorsal view and the frontal one below it.
_BELOW = 0.4
_TITLE_HEIGHT = 0.87
_COLUMN_GAP, _NARROW_COLUMN, _WIDE_COLUMN = 0.4, 1.5, 2.3
_BAR_STEP = 0.33

_N_REGIONS = 8
_LONGEST_NAME = 44
_SMALLEST_SHARE = 0.01


def assembly_sheet(
    model: CRBM,
    recording: Recording,
    assembly: int,
    activity: NDArray[np.floating] | None = None,
    *,
    view: BrainView | None = None,
    weight_limit: float | None = None,
    frontal: bool = False,
    theme: str = "light",
    evidence: Evidence | None = None,
) -> Figure:
    """Draw one assembly: dorsal and side view, frontal view if wanted, activity trace, regions.

    Parameters
    ----------
    model : CRBM
    recording : Recording
        The recording the model was trained on.
    assembly : int
        Column of the weights, from 0.
    activity : (T, M) float array, optional
        ``model.transform(recording.spikes)``; computed if not given, so give it when
        drawing many.
    view : BrainView, optional
        Outline of the brain; computed once per recording by default.
    weight_limit : float, optional
        End of the symmetric colour scale; the assembly's largest ``|w|`` by default.
    frontal : bool
        Whether to add the view from the front, below the one from above.
    theme : {"light", "dark"}
    evidence : Evidence, optional
        Result of `napari_crbm.analysis.assembly_evidence`, shown in the title.

    Returns
    -------
    matplotlib.figure.Figure
        183 mm wide. Neurons are rasterised, everything else is vector graphics. Save it with
        ``.savefig`` or `napari_crbm.figures.save_figure`.

    Raises
    ------
    ModelError
        If there is no such assembly, or model and recording do not belong together.

    Examples
    --------
    >>> from napari_crbm import CRBM, figures
    >>> model = CRBM(n_hidden=5, recipe="quick").fit(recording)
    >>> figures.assembly_sheet(model, recording, 0).savefig("assembly-0.pdf")
    """
    colours = theme_named(theme)
    if activity is None:
        activity = model.transform(recording.spikes)
    row = assembly_table(
        model,
        recording,
        activity,
        assemblies=[assembly],
        evidence=None if evidence is None else evidence.table,
    ).iloc[0]
    view = brain_view(recording, model) if view is None else view
    weights = model.weights_[:, assembly]
    neurons = members_of(model).of(assembly)
    limit = weight_limit or float(np.abs(weights).max()) or 1.0
    layout = _lay_out(view, recording.regions is not None, frontal)
    with drawing(colours):
        figure = new_figure(DOUBLE_COLUMN_IN, layout.top + _TITLE_HEIGHT)
        _draw_title(figure, f"Assembly {assembly}", _summary(row), view.note, colours)
        _draw_views(figure, layout, view, neurons, weights[neurons], limit, colours)
        _draw_colour_bar(
            figure,
            _axes(figure, layout.column, layout.top - 0.2, layout.column_width, 0.1),
            limit,
            colours,
        )
        if recording.regions is not None:
            share = _region_shares(len(weights), neurons, recording.regions)
            _draw_regions(figure, layout, share, recording.regions.names, colours)
        draw_trace(
            _axes(figure, _LEFT, _BOTTOM, DOUBLE_COLUMN_IN - _LEFT - _RIGHT, _TRACE_HEIGHT),
            model,
            recording,
            activity[:, assembly],
            colours,
        )
    return figure


class _Layout(NamedTuple):
    """Layout of the page in inches; its height follows from its content."""

    planes: tuple[Plane, ...]
    um_per_inch: float
    top: float
    column: float
    column_width: float


def _lay_out(view: BrainView, with_regions: bool, frontal: bool) -> _Layout:
    """Give the views one scale, as large as fits beside the column."""
    beside: tuple[Plane, ...] = ("dorsal",) if view.is_flat else ("dorsal", "side")
    planes = (*beside, "frontal") if frontal and not view.is_flat else beside
    width = sum(float(view.extent_um[DRAWN_AXES[plane][0]]) for plane in beside)
    height = float(view.extent_um[1])
    right = DOUBLE_COLUMN_IN - _RIGHT
    narrowest = _WIDE_COLUMN if with_regions else _NARROW_COLUMN
    gaps = _GAP * (len(beside) - 1)
    room = right - narrowest - _COLUMN_GAP - _BRAIN_LEFT - gaps
    um_per_inch = max(width / room, height / _HIGHEST_BRAIN)
    # The column stays at the right edge; beside a narrow brain some space stays empty.
    tall = height / um_per_inch
    if "frontal" in planes:
        tall += _BELOW + float(view.extent_um[0]) / um_per_inch
    block = max(tall, 0.75 + _BAR_STEP * _N_REGIONS if with_regions else 0.6)
    return _Layout(tuple(planes), um_per_inch, _BRAIN_BOTTOM + block, right - narrowest, narrowest)


def _draw_title(figure: Figure, title: str, summary: str, note: str, theme: Theme) -> None:
    left = _BRAIN_LEFT / DOUBLE_COLUMN_IN
    height = figure.get_size_inches()[1]
    figure.text(left, 1 - 0.22 / height, title, fontsize=11, fontweight="bold", va="center")
    figure.text(left, 1 - 0.36 / height, summary, color=theme.muted, va="top", linespacing=1.3)
    if note:
        figure.text(
            left,
            1 - 0.7 / height,
            note,
            color=theme.muted,
            va="center",
            fontsize=6,
            style="italic",
        )


def _axes(figure: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    """Add axes at a position given in inches."""
    page_width, page_height = figure.get_size_inches()
    return figure.add_axes(
        (left / page_width, bottom / page_height, width / page_width, height / page_height)
    )


def _summary(row: pd.Series) -> str:
    """Return the most important numbers of an assembly: activity, and below it places."""
    if not row["size"]:
        return "no members"
    parts = [
        f"{row['size']:,} neurons by {row['members_by']}",
        f"{100 * row['fraction_positive']:.0f} % more active with it",
        f"active {100 * row['mean_activity']:.0f} % of the time",
    ]
    if np.isfinite(row.get("q", np.nan)):
        parts.insert(0, f"{'certain' if row['certain'] else 'not certain'} (q = {row['q']:.2g})")
    places = []
    if row["region"]:
        places.append(region_in_words(row["region"], row["region_fraction"]))
    # Properties that need positions.
    if np.isfinite(row["laterality"]):
        places.append(_side(row["laterality"]))
    if np.isfinite(row["compactness_um"]):
        places.append(f"median distance to centre {row['compactness_um']:.0f} µm")
    return "\n".join("  ·  ".join(line) for line in (parts, places) if line)


def _side(laterality: float) -> str:
    """Describe the laterality: the side with more weight, and its share."""
    side = "right" if laterality > 0 else "left"
    return f"{50 + 50 * abs(laterality):.0f} % of weight {side}"


def _draw_views(
    figure: Figure,
    layout: _Layout,
    view: BrainView,
    neurons: NDArray[np.int64],
    weights: NDArray[np.float32],
    limit: float,
    theme: Theme,
) -> None:
    """Draw the views side by side at the same scale."""
    left, bottom = _BRAIN_LEFT, layout.top
    dorsal = None
    for plane in layout.planes:
        width, height = (
            float(view.extent_um[axis]) / layout.um_per_inch for axis in DRAWN_AXES[plane]
        )
        if plane == "frontal":
            ax = _axes(figure, _BRAIN_LEFT, bottom - _BELOW - height, width, height)
        else:
            bottom = layout.top - height
            ax = _axes(figure, left, bottom, width, height)
        ax.set_label(f"{plane} view")
        draw_brain(ax, view, plane, theme, layout.um_per_inch)
        draw_members(
            ax, view, plane, neurons, weights, theme, symmetric_norm(limit), layout.um_per_inch
        )
        draw_orientation(ax, view, plane, theme)
        if dorsal is None:
            dorsal = ax
            draw_scale_bar(ax, view, theme)
        elif plane == "side":
            ax.sharey(dorsal)
        left += width + _GAP


def _draw_colour_bar(figure: Figure, ax: Axes, limit: float, theme: Theme) -> None:
    bar = figure.colorbar(
        ScalarMappable(symmetric_norm(limit), theme.weight_map), cax=ax, orientation="horizontal"
    )
    bar.outline.set_visible(False)
    bar.set_ticks([-limit, 0.0, limit], labels=[f"−{limit:.2g}", "0", f"+{limit:.2g}"])
    ax.set_xlabel("weight")
    ax.xaxis.set_label_position("top")


def _region_shares(
    n_neurons: int, neurons: NDArray[np.int64], regions: Regions
) -> NDArray[np.float64]:
    """Return the share of the members that lie in each region, (R,)."""
    inside = np.zeros((n_neurons, 1), dtype=bool)
    inside[neurons] = True
    return region_shares(inside, regions)[:, 0]


def _draw_regions(
    figure: Figure,
    layout: _Layout,
    share: NDArray[np.float64],
    names: tuple[str, ...],
    theme: Theme,
) -> None:
    """Draw the shares of the strongest regions as bars, names above them."""
    strongest = np.argsort(-share, kind="stable")[:_N_REGIONS]
    strongest = strongest[share[strongest] >= _SMALLEST_SHARE]
    if not len(strongest):
        return
    height = _BAR_STEP * len(strongest)
    ax = _axes(figure, layout.column, layout.top - 0.75 - height, layout.column_width, height)
    ax.set_label("regions")
    shown = [names[region] for region in strongest]
    places = np.arange(len(shown), dtype=float)
    ax.barh(places, 100 * share[strongest], height=0.36, color=region_colours(shown))
    for place, name in zip(places, shown, strict=True):
        short = name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
        ax.text(0, place - 0.24, short, va="bottom", fontsize=7)
    ax.set_xlim(left=0)
    ax.set_ylim(len(shown) - 0.6, -0.6)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.set_xlabel("members in the region (%)")


def draw_trace(
    ax: Axes,
    model: CRBM,
    recording: Recording,
    trace: NDArray[np.floating],
    theme: Theme,
    *,
    notes_below: bool = True,
) -> None:
    """Draw expected activity over time; held-out frames are shaded.

    What dashed line and shade mean stands below the axes, or above them.
    """
    ax.set_label("activity")
    held_out = _held_out(model, recording)
    for start, stop in held_out:
        ax.axvspan(
            recording.times[start], recording.times[stop], color=theme.shade, linewidth=0, zorder=0
        )
    level = float(active_threshold(trace[:, None])[0])
    ax.plot(recording.times, trace, color=theme.accent, linewidth=0.55, zorder=2)
    notes = []
    if np.isfinite(level):
        ax.axhline(level, color=theme.positive[-2], linewidth=0.8, linestyle=(0, (4, 3)), zorder=3)
        notes.append("active above the dashed line")
    if held_out:
        notes.append("shaded: held out from training")
    ax.set_xlim(recording.times[0], recording.times[-1])
    ax.set_xlabel("time (s)")
    ax.set_ylabel("expected hidden\nactivity E[h | v]")
    ax.annotate(
        ("  ·  " if notes_below else "\n").join(notes),
        (1.0, 0.0 if notes_below else 1.0),
        xycoords="axes fraction",
        xytext=(0, -22 if notes_below else 2),
        textcoords="offset points",
        ha="right",
        va="center" if notes_below else "bottom",
        fontsize=6.5,
        color=theme.muted,
    )


def _held_out(model: CRBM, recording: Recording) -> list[tuple[int, int]]:
    """Return the first and last frame of each held-out block, if the model is of this recording."""
    if (
        model.split_ is None
        or not len(model.split_["test"])
        or model.recording_fingerprint_ != recording.spikes.fingerprint
    ):
        return []
    frames = np.sort(model.split_["test"])
    return [(int(frames[start]), int(frames[stop - 1])) for start, stop in stretches(frames)]
