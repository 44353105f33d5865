"""Expected co-activity on one page: in the brain, by region and assembly, beside the recording."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from numpy.typing import NDArray

from napari_crbm.figures.brain import DRAWN_AXES, brain_view, draw_brain, draw_orientation
from napari_crbm.figures.brain import draw_scale_bar as draw_bar
from napari_crbm.figures.style import (
    Theme,
    draw_heading,
    drawing,
    new_page,
    symmetric_norm,
    theme_named,
)
from napari_crbm.perturbation import Agreement, Coactivity
from napari_crbm.recording import Recording

_PANELS_IN, _CURVES_IN = 5.6, 3.2
_RANKED = 12
# Largest number of targets with a curve of their own.
_CURVES = 6
#: The colour scale ends at this quantile of the changes outside the group.
SCALE_QUANTILE = 0.99
_PERCENT = 100.0


def coactivity_figure(
    found: Sequence[Coactivity], recording: Recording, *, theme: str | Theme = "light"
) -> Figure:
    """Draw the answer to one question, or a dose curve of the same question at several levels.

    Parameters
    ----------
    found : sequence of Coactivity
    recording : Recording
    theme : {"light", "dark"} or Theme
    """
    colours = theme_named(theme) if isinstance(theme, str) else theme
    with drawing(colours):
        return _curve(found, colours) if len(found) > 1 else _page(found[0], recording, colours)


def scale_limit(neurons: pd.DataFrame) -> float:
    """Return the end of the colour scale of the neurons' changes, in percentage points."""
    outside = neurons.loc[~neurons["in_group"], "change"].abs()
    largest = float(np.quantile(outside, SCALE_QUANTILE)) if len(outside) else 0.0
    return max(_PERCENT * largest, 0.1)


def ranked(table: pd.DataFrame, n_rows: int) -> pd.DataFrame:
    """Return the rows with the largest changes, the largest increase first."""
    known = table.dropna(subset="change")
    largest = known["change"].abs().sort_values(ascending=False, kind="stable").index[:n_rows]
    return known.loc[largest].sort_values("change", ascending=False, kind="stable")


def _page(found: Coactivity, recording: Recording, theme: Theme) -> Figure:
    sentences = found.sentences
    figure, place = new_page(_PANELS_IN, sentences)

    limit = scale_limit(found.neurons)
    draw_changes(place(0.1, 2.95, 2.6, 2.4), found.neurons, recording, theme, limit)
    bar = place(0.5, 2.72, 1.8, 0.07)
    figure.colorbar(
        ScalarMappable(symmetric_norm(limit), theme.weight_map), cax=bar, orientation="horizontal"
    )
    bar.set_xlabel("expected change of activity, percentage points", fontsize=6.5, labelpad=1)
    bar.tick_params(labelsize=6)
    regions = place(4.55, 2.85, 2.45, 2.4)
    if len(found.regions.dropna(subset="change")):
        draw_ranked(regions, ranked(found.regions, _RANKED), theme, _PERCENT)
        regions.set_xlabel("mean change of the neurons, percentage points")
        regions.set_title("Regions", loc="left", pad=13)
    else:
        regions.set_axis_off()
        regions.text(0, 0.5, "The recording has no regions outside the group.", va="center")
    assemblies = place(0.75, 0.45, 2.3, 1.65)
    table = ranked(found.assemblies, _RANKED)
    draw_ranked(assemblies, table, theme, 1.0)
    assemblies.set_xlabel("change of activity, SD of the recording")
    assemblies.set_title("Assemblies", loc="left", pad=13)
    draw_recorded(place(4.55, 0.45, 1.9, 1.65), found.agreement, theme)
    draw_heading(figure, f"Given {found.perturbation.words}", *sentences)
    return figure


def draw_changes(
    ax: Axes, neurons: pd.DataFrame, recording: Recording, theme: Theme, limit: float
) -> None:
    """Draw the change of every neuron in the brain; rings mark the group.

    Parameters
    ----------
    ax : Axes
    neurons : pandas.DataFrame
        ``change`` and ``in_group``, one row for each neuron.
    recording : Recording
    theme : Theme
    limit : float
        End of the colour scale, percentage points.
    """
    view = brain_view(recording)
    ax.set_aspect("equal")
    _, tall, wide = view.extent_um
    um_per_inch = max(float(tall) / 2.5, float(wide) / 2.6)
    draw_brain(ax, view, "dorsal", theme, um_per_inch)
    right, down = DRAWN_AXES["dorsal"]
    change = _PERCENT * neurons["change"].to_numpy()
    group = neurons["in_group"].to_numpy()
    order = np.argsort(np.abs(change))
    for some, style in (
        (order[~group[order]], dict(c=change[order[~group[order]]], linewidths=0)),
        (np.flatnonzero(group), dict(facecolors="none", edgecolors=theme.text, linewidths=0.4)),
    ):
        points = view.coordinates_um[some]
        ax.scatter(
            points[:, right],
            points[:, down],
            s=4,
            cmap=theme.weight_map if "c" in style else None,
            norm=symmetric_norm(limit) if "c" in style else None,
            rasterized=True,
            zorder=3,
            gid="changes" if "c" in style else "group",
            **style,
        )
    draw_orientation(ax, view, "dorsal", theme)
    draw_bar(ax, view, theme)
    ax.text(1.0, 0.0, "rings: the group", transform=ax.transAxes, fontsize=6.5, va="bottom")


def draw_ranked(ax: Axes, table: pd.DataFrame, theme: Theme, factor: float) -> None:
    """Draw changes with three ranges: random groups, chains of one model, several models."""
    rows = np.arange(len(table))
    scaled: dict[str, NDArray[np.float64]] = {
        name: factor * table[name].to_numpy(dtype=np.float64)
        for name in (*_SPANS, "change", "model_median")
    }
    null_low, null_high = scaled["null_low"], scaled["null_high"]
    if np.isfinite(null_low).any():
        ax.barh(
            rows,
            null_high - null_low,
            left=null_low,
            height=0.85,
            color=theme.shade,
            label="random groups, 95 %",
        )
    if np.isfinite(scaled["model_low"]).any():
        ax.hlines(
            rows + 0.22,
            scaled["model_low"],
            scaled["model_high"],
            color=theme.muted,
            linewidth=1.0,
            label="between models",
        )
    ax.hlines(
        rows,
        scaled["chain_low"],
        scaled["chain_high"],
        color=theme.accent,
        linewidth=2.2,
        label="chains, 95 %",
    )
    colours = [
        theme.positive[-1] if value > 0 else theme.negative[-1] for value in scaled["change"]
    ]
    ax.scatter(scaled["change"], rows, s=12, c=colours, zorder=3, linewidths=0, gid="ranked")
    ax.axvline(0, color=theme.muted, linewidth=0.5)
    ax.set_yticks(
        rows, [textwrap.shorten(str(name), 34, placeholder="...") for name in table.index]
    )
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.legend(frameon=False, fontsize=5.5, loc="lower right", bbox_to_anchor=(1.02, 0.99), ncols=3)


_SPANS = ("chain_low", "chain_high", "model_low", "model_high", "null_low", "null_high")


def draw_recorded(ax: Axes, seen: Agreement, theme: Theme) -> None:
    """Draw the recorded against the expected probability of each neuron, given the event."""
    frames = "held-out frames" if seen.held_out else "frames trained on"
    ax.set_xlabel("expected P(active | event)")
    ax.set_ylabel(f"recorded, {frames}")
    ax.set_title("Expected against recorded", loc="left")
    if seen.problem:
        ax.text(0.5, 0.5, "too few frames", transform=ax.transAxes, ha="center", va="center")
        return
    top = 1.05 * float(max(seen.expected.max(), seen.recorded.max(), 1e-3))
    ax.plot([0, top], [0, top], color=theme.muted, linewidth=0.6)
    ax.scatter(
        seen.expected,
        seen.recorded,
        s=3,
        color=theme.positive[-1],
        linewidths=0,
        rasterized=True,
        gid="recorded",
    )
    ax.set(xlim=(0, top), ylim=(0, top))


def _short(name: object, length: int) -> str:
    text = str(name)
    return text if len(text) <= length else text[: length - 3] + "..."


def _curve(found: Sequence[Coactivity], theme: Theme) -> Figure:
    """Draw the changes of the most changed regions and assemblies over the levels."""
    asked = found[-1].perturbation
    held = asked.kind == "hold"
    levels = np.array(
        [float(p.state if held else p.level or 1) for p in (each.perturbation for each in found)]
    )
    sentences = list(dict.fromkeys(s for each in found for s in each.sentences[:-1]))
    figure, place = new_page(_CURVES_IN, sentences)
    label = (
        "value at which it is held" if held else "neurons of the group that are active, at least"
    )
    for left, part, factor, unit in (
        (0.58, "regions", _PERCENT, "mean change, percentage points"),
        (4.18, "assemblies", 1.0, "change, SD of the recording"),
    ):
        ax = place(left, 0.5, 1.94, 2.4)
        tables = [getattr(each, part) for each in found]
        names = ranked(tables[-1], _CURVES).index if len(tables[-1]) else []
        for name, colour in zip(names, theme.palette.assemblies, strict=False):
            rows = pd.DataFrame([table.loc[name] for table in tables])
            ax.fill_between(
                levels,
                factor * rows["chain_low"].astype(float),
                factor * rows["chain_high"].astype(float),
                color=colour,
                alpha=0.25,
                linewidth=0,
            )
            ax.plot(
                levels, factor * rows["change"].astype(float), color=colour, label=_short(name, 26)
            )
        ax.axhline(0, color=theme.muted, linewidth=0.5)
        ax.set(xlabel=label, ylabel=unit)
        ax.set_title(part.capitalize(), loc="left")
        if len(names):
            ax.legend(frameon=False, fontsize=5.5, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    title = f"{asked.name}: dose curve; bands are 95 % intervals of the chains"
    draw_heading(figure, title, *sentences)
    return figure
