"""Predicted response on one page: courses of assemblies and regions, and change in the brain."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure

from napari_crbm.figures.coactivity import draw_changes, scale_limit
from napari_crbm.figures.style import (
    Theme,
    draw_heading,
    drawing,
    new_page,
    symmetric_norm,
    theme_named,
)
from napari_crbm.perturbation import PredictedResponse
from napari_crbm.recording import Recording

_PANELS_IN = 5.9
# Largest number of assemblies or regions with a course of their own.
COURSES = 5
_PERCENT = 100.0


def response_figure(
    found: PredictedResponse, recording: Recording, *, theme: str | Theme = "light"
) -> Figure:
    """Draw the courses with the largest changes, and the mean change of every neuron.

    Parameters
    ----------
    found : PredictedResponse
    recording : Recording
    theme : {"light", "dark"} or Theme
    """
    colours = theme_named(theme) if isinstance(theme, str) else theme
    with drawing(colours):
        figure, place = new_page(_PANELS_IN, found.sentences)
        limit = scale_limit(found.neurons)
        draw_changes(place(0.1, 3.15, 2.6, 2.4), found.neurons, recording, colours, limit)
        bar = place(0.5, 2.92, 1.8, 0.07)
        figure.colorbar(
            ScalarMappable(symmetric_norm(limit), colours.weight_map),
            cax=bar,
            orientation="horizontal",
        )
        bar.set_xlabel("predicted change of activity, percentage points", fontsize=6.5, labelpad=1)
        bar.tick_params(labelsize=6)
        courses = place(3.6, 3.3, 2.4, 2.2)
        draw_courses(courses, found.assemblies, "assembly", 1.0, colours)
        courses.set(ylabel="activity, SD of the recording", title="With (line), without (dashed)")
        for left, table, label, factor, unit in (
            (0.65, found.assemblies, "assembly", 1.0, "change, SD of the recording"),
            (4.0, found.regions, "region", _PERCENT, "change, percentage points"),
        ):
            ax = place(left, 0.5, 2.0, 1.75)
            if len(table):
                draw_change(ax, table, label, factor, colours)
                _mark_end(ax, found, colours)
                ax.set(xlabel="time after the start, s", ylabel=unit)
            else:
                ax.set_axis_off()
                ax.text(0, 0.5, "The recording has no regions outside the group.", va="center")
        draw_heading(figure, f"Predicted response: {found.perturbation.words}", *found.sentences)
    return figure


def largest(table: pd.DataFrame, label: str, n_rows: int = COURSES) -> list[object]:
    """Return the names with the largest change at any time, the largest first."""
    size = table.assign(size=table["change"].abs()).groupby(label, sort=False)["size"].max()
    return list(size.sort_values(ascending=False, kind="stable").index[:n_rows])


def draw_courses(ax: Axes, table: pd.DataFrame, label: str, factor: float, theme: Theme) -> None:
    """Draw activity with (lines) and without (dashed lines) the perturbation."""
    names = largest(table, label)
    for name, colour in zip(names, theme.palette.assemblies, strict=False):
        rows = table[table[label] == name]
        ax.plot(rows["time_s"], factor * rows["with"], color=colour, gid="with")
        ax.plot(rows["time_s"], factor * rows["without"], "--", color=colour, linewidth=0.7)


def draw_change(ax: Axes, table: pd.DataFrame, label: str, factor: float, theme: Theme) -> None:
    """Draw the change over time with its interval of 95 %, for the largest changes."""
    names = largest(table, label)
    for name, colour in zip(names, theme.palette.assemblies, strict=False):
        rows = table[table[label] == name]
        low, high = (factor * rows[end].to_numpy() for end in ("low", "high"))
        if np.isfinite(low).all():
            ax.fill_between(rows["time_s"], low, high, color=colour, alpha=0.25, linewidth=0)
        words = f"{label} {name}" if label == "assembly" else str(name)[:26]
        ax.plot(rows["time_s"], factor * rows["change"], color=colour, label=words, gid="change")
    ax.axhline(0, color=theme.muted, linewidth=0.5)
    ax.legend(frameon=False, fontsize=5.5, loc="upper left", bbox_to_anchor=(1.0, 1.0))


def _mark_end(ax: Axes, found: PredictedResponse, theme: Theme) -> None:
    if found.lasting_s < found.assemblies["time_s"].max():
        ax.axvline(found.lasting_s, color=theme.muted, linewidth=0.5, linestyle=":", gid="end")
