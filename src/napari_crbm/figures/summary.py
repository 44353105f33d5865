"""Draw a summary of the model on one page: all assemblies and their reliability."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from napari_crbm.analysis import (
    RECOVERED_AUROC,
    STATISTICS,
    Evaluation,
    assembly_table,
    fraction_recovered,
    members_of,
    membership,
    sort_by_similarity,
)
from napari_crbm.figures.agreement import draw_agreement, draw_reconstruction
from napari_crbm.figures.brain import BrainView, brain_view
from napari_crbm.figures.gallery import draw_gallery
from napari_crbm.figures.style import DOUBLE_COLUMN_IN, Theme, drawing, new_figure, theme_named
from napari_crbm.recording import Recording

if TYPE_CHECKING:
    from napari_crbm.analysis import Evidence
    from napari_crbm.model import CRBM

# The page in inches, from its lower left corner.
_HEIGHT = 10.2
_LEFT, _RIGHT, _BOTTOM = 0.95, 0.25, 0.5
_SQUARE_HEIGHT, _CURVE_HEIGHT, _HEATMAP_HEIGHT = 0.75, 1.1, 1.3
_ROW_GAP, _HEADER_HEIGHT = 0.75, 1.1

_LIKELIHOODS = {
    "pseudo_likelihood": "training frames",
    "test_pseudo_likelihood": "held-out frames",
}
_HEATMAP_COLUMNS = 1500
# Longest list of regions in the header.
_LONGEST_LIST = 66


def summary_page(
    model: CRBM,
    recording: Recording,
    activity: NDArray[np.floating] | None = None,
    *,
    evaluation: Evaluation | None = None,
    recovery: pd.DataFrame | None = None,
    evidence: Evidence | None = None,
    view: BrainView | None = None,
    theme: str = "light",
) -> Figure:
    """Draw the whole model on one page.

    A gallery of all assemblies, similar ones side by side; their activity; the training
    curve and the sizes of the assemblies; and, if given, the agreement with held-out frames
    and the recovery of planted assemblies.

    Parameters
    ----------
    model : CRBM
    recording : Recording
        The recording the model was trained on.
    activity : (T, M) float array, optional
        ``model.transform(recording.spikes)``; computed if not given.
    evaluation : Evaluation, optional
        Result of `napari_crbm.analysis.evaluate`.
    recovery : pandas.DataFrame, optional
        Result of `napari_crbm.analysis.recovery`, for simulated recordings.
    evidence : Evidence, optional
        Result of `napari_crbm.analysis.assembly_evidence`.
    view : BrainView, optional
        Outline of the brain; computed once per recording by default.
    theme : {"light", "dark"}

    Raises
    ------
    ModelError
        If model, recording and activity do not belong together.
    """
    colours = theme_named(theme)
    if activity is None:
        activity = model.transform(recording.spikes)
    table = assembly_table(model, recording, activity)
    order = sort_by_similarity(activity)
    view = brain_view(recording, model) if view is None else view
    with drawing(colours):
        figure = new_figure(DOUBLE_COLUMN_IN, _HEIGHT)
        _draw_header(figure, model, recording, table, view.note, colours, evidence)
        bottom = _BOTTOM
        if evaluation is not None:
            judged = [name for name, each in STATISTICS.items() if each.judged]
            panels = _row(figure, bottom, _SQUARE_HEIGHT, len(judged) + 1, gap=0.65)
            for ax, name in zip(panels, judged, strict=False):
                draw_agreement(ax, evaluation, name, colours)
            draw_reconstruction(panels[-1], evaluation, colours)
            bottom += _SQUARE_HEIGHT + _ROW_GAP
        curves: list[Callable[[Axes], None]] = [lambda ax: _draw_sizes(ax, table, colours)]
        if _LIKELIHOODS.keys() & model.history_.keys():
            curves.insert(0, lambda ax: _draw_training(ax, model, colours))
        if recovery is not None:
            curves.append(lambda ax: _draw_recovery(ax, recovery, colours))
        for ax, draw in zip(
            _row(figure, bottom, _CURVE_HEIGHT, len(curves), gap=0.42), curves, strict=True
        ):
            draw(ax)
        bottom += _CURVE_HEIGHT + _ROW_GAP
        (ax,) = _row(figure, bottom, _HEATMAP_HEIGHT, 1)
        _draw_heatmap(ax, recording, activity[:, order], colours)
        bottom += _HEATMAP_HEIGHT + 0.35
        (ax,) = _row(figure, bottom, _HEIGHT - _HEADER_HEIGHT - bottom, 1, left=_RIGHT)
        draw_gallery(ax, view, model, order, colours)
    return figure


def _row(
    figure: Figure,
    bottom: float,
    height: float,
    n_panels: int,
    gap: float = 0.0,
    left: float | None = None,
) -> list[Axes]:
    """Add axes side by side; bottom, height and left in inches, gap in widths of a panel."""
    grid = figure.add_gridspec(
        1,
        n_panels,
        left=(_LEFT if left is None else left) / DOUBLE_COLUMN_IN,
        right=1 - _RIGHT / DOUBLE_COLUMN_IN,
        bottom=bottom / _HEIGHT,
        top=(bottom + height) / _HEIGHT,
        wspace=gap,
    )
    return [figure.add_subplot(grid[0, column]) for column in range(n_panels)]


def count_in_words(model: CRBM, evidence: Evidence | None) -> str:
    """Describe the number of non-empty assemblies, and how many of them are certain."""
    some = int(np.count_nonzero(members_of(model).sizes))
    if evidence is None or evidence.reason:
        return f"{some} assemblies, evidence unknown,"
    return f"{evidence.n_certain} certain assemblies ({some} with members)"


def places_in_words(table: pd.DataFrame) -> str:
    """Say in which regions most members of how many assemblies lie, the most frequent first."""
    counts = table.loc[table["region"] != "", "region"].value_counts()
    if not len(counts):
        return ""
    listed = [f"{region} ({count})" for region, count in counts.items()]
    shown = listed[:1]
    for each in listed[1:]:
        if len(", ".join([*shown, each])) > _LONGEST_LIST:
            break
        shown.append(each)
    more = len(listed) - len(shown)
    text = f"assemblies by the region of most members: {', '.join(shown)}"
    return f"{text}, {more} more regions" if more else text


def _draw_header(
    figure: Figure,
    model: CRBM,
    recording: Recording,
    table: pd.DataFrame,
    note: str,
    theme: Theme,
    evidence: Evidence | None,
) -> None:
    rate = 1 / recording.frame_interval_s if recording.frame_interval_s else 0.0
    some = table.loc[table["size"] > 0, "size"] if table["size"].any() else table["size"]
    used = membership(model).any(axis=1).mean()
    lines = [
        f"{recording.n_neurons:,} neurons  ·  {recording.n_frames:,} frames, "
        f"{recording.duration_s / 60:.1f} min at {rate:.1f} Hz  ·  "
        f"{100 * recording.spikes.rate:.1f} % of neurons active per frame",
        f"{count_in_words(model, evidence)} of {some.median():.0f} neurons (median)  ·  "
        f"{100 * used:.0f} % of neurons in at least one",
        f"{100 * float(np.mean(model.weights_ == 0)):.0f} % of weights zero",
    ]
    if model.settings_ is not None:
        lines[2] += (
            f"  ·  l1 {float(model.settings_.l1):.2g}, {model.settings_.n_updates:,} updates"
        )
    lines += [line for line in (places_in_words(table), note) if line]
    x = 0.04
    figure.text(x, 1 - 0.22 / _HEIGHT, recording.name, fontsize=11, fontweight="bold", va="center")
    for row, line in enumerate(lines):
        figure.text(x, 1 - (0.42 + 0.16 * row) / _HEIGHT, line, color=theme.muted, va="center")


def _draw_heatmap(
    ax: Axes, recording: Recording, activity: NDArray[np.floating], theme: Theme
) -> None:
    """Draw activity over time, each assembly in units of its own standard deviation."""
    step = max(1, len(activity) // _HEATMAP_COLUMNS)
    n_columns = len(activity) // step
    means = activity[: n_columns * step].reshape(n_columns, step, -1).mean(axis=1)
    spread = means.std(axis=0)
    scaled = (means - np.median(means, axis=0)) / np.where(spread > 0, spread, 1.0)
    ax.imshow(
        scaled.T,
        aspect="auto",
        cmap="gray_r" if theme.name == "light" else "gray",
        vmin=0.0,
        vmax=3.0,
        extent=(recording.times[0], recording.times[-1], activity.shape[1], 0),
        interpolation="none",
    )
    ax.set_xlabel("time (s)")
    ax.set_ylabel("assembly\n(sorted as above)")
    ax.set_title(
        "expected hidden activity, in standard deviations (0 to 3)", loc="left", fontsize=7
    )


def _draw_training(ax: Axes, model: CRBM, theme: Theme) -> None:
    """Draw the pseudo-likelihood of training and test frames over the updates."""
    ax.set_title("training", loc="left", fontsize=7)
    ax.set_label("training")
    colours = (theme.accent, theme.positive[-2])
    for (name, label), colour in zip(_LIKELIHOODS.items(), colours, strict=True):
        values = model.history_.get(name)
        if values is not None and np.isfinite(values).any():
            ax.plot(model.history_["update"], values, color=colour, label=label, linewidth=0.9)
    ax.legend(frameon=False, fontsize=6.5, handlelength=1.2, loc="lower right")
    ax.set_xlabel("update")
    ax.set_ylabel("prediction of neurons\n(nats per neuron per frame)")


def _draw_sizes(ax: Axes, table: pd.DataFrame, theme: Theme) -> None:
    """Draw the distribution of the sizes of the assemblies."""
    ax.set_title("sizes", loc="left", fontsize=7)
    ax.set_label("sizes")
    sizes = np.sort(table["size"].to_numpy())[::-1]
    ax.plot(np.arange(1, len(sizes) + 1), sizes, ".", color=theme.accent, markersize=3)
    ax.set_yscale("symlog", linthresh=1)
    ax.set_ylim(0, 2 * max(int(sizes[0]), 1))
    ax.set_xlabel("assembly, by size")
    ax.set_ylabel("neurons")


def _draw_recovery(ax: Axes, recovery: pd.DataFrame, theme: Theme) -> None:
    """Draw the AUROC of every planted assembly, best first."""
    area = np.sort(recovery["auroc"].fillna(0.5).to_numpy())[::-1]
    found = round(fraction_recovered(recovery) * len(area))
    ax.set_title(f"planted assemblies: {found} of {len(area)} found", loc="left", fontsize=7)
    ax.set_label("recovery")
    ax.axhline(RECOVERED_AUROC, color=theme.muted, linewidth=0.6, linestyle=(0, (4, 3)))
    ax.plot(np.arange(1, len(area) + 1), area, ".", color=theme.accent, markersize=4)
    ax.set_ylim(0.45, 1.02)
    ax.set_xlabel("planted assembly, best first")
    ax.set_ylabel("AUROC of |weights|")
