"""Draw the agreement of a model with the recording: single panels, and a page of all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from napari_crbm.analysis import STATISTICS, Evaluation
from napari_crbm.figures.style import (
    DOUBLE_COLUMN_IN,
    Theme,
    draw_heading,
    drawing,
    new_figure,
    theme_named,
)

if TYPE_CHECKING:
    from napari_crbm.recording import Recording

_DENSITY_BINS = 64
#: Up to this many values are drawn one by one instead of as a density.
FEW_PAIRS = 2000
_PAGE_HEIGHT_IN = 6.2
# Scores with their errors stand side by side above panels of an inch.
_TITLE_POINTS = 6


def statistics_page(
    evaluation: Evaluation, recording: Recording | None = None, *, theme: str = "light"
) -> Figure:
    """Draw every comparison of an evaluation, with the verdict (paper Fig. 2).

    Parameters
    ----------
    evaluation : Evaluation
    recording : Recording, optional
        For the title.
    theme : {"light", "dark"}
    """
    colours = theme_named(theme)
    with drawing(colours):
        figure = new_figure(DOUBLE_COLUMN_IN, _PAGE_HEIGHT_IN)
        # One panel per statistic, one for the reconstruction, and the note in the last place.
        n_columns = -(-(len(STATISTICS) + 2) // 2)
        grid = figure.add_gridspec(
            2, n_columns, left=0.09, right=0.98, bottom=0.36, top=0.83, wspace=0.55, hspace=0.75
        )
        draw_population(figure.add_axes((0.09, 0.08, 0.37, 0.17)), evaluation, colours)
        draw_lagged(figure.add_axes((0.56, 0.08, 0.27, 0.17)), evaluation, colours)
        panels = [
            figure.add_subplot(grid[divmod(k, n_columns)]) for k in range(len(STATISTICS) + 1)
        ]
        for ax, name in zip(panels, STATISTICS, strict=False):
            draw_agreement(ax, evaluation, name, colours)
        panels[n_columns].set_ylabel("model")
        draw_reconstruction(panels[-1], evaluation, colours)
        title = "Model against held-out frames" if recording is None else recording.name
        draw_heading(figure, title, evaluation.verdict)
        note = (
            "nRMSE: 0 as good\nas the training frames,\n1 no better than chance;\n"
            "± standard error from\nblocks of time. Explains:\nreproducible covariance.\n\n"
            f"Active neurons per frame:\nnRMSE {_rounded(evaluation.population.nrmse)}\n\n"
            f"Prediction of neurons:\n{evaluation.pseudo_likelihood:.4f} nats per\nneuron per frame"
        )
        box = grid[1, n_columns - 1].get_position(figure)
        figure.text(box.x0, box.y1, note, va="top", fontsize=6.5, color=colours.muted)
    return figure


def draw_agreement(ax: Axes, evaluation: Evaluation, name: str, theme: Theme) -> None:
    """Draw model against held-out frames for one statistic."""
    test, model = evaluation.pairs[name]
    scale = "nRMSE " if np.isfinite(evaluation.table["nrmse"][name]) else ""
    score = evaluation.score(name).replace("-", "−")
    explained = evaluation.explained(name).replace("-", "−")
    second = f"\nexplains {explained}" if explained else ""
    ax.set_title(
        f"{STATISTICS[name].label}\n{scale}{score}{second}", fontsize=_TITLE_POINTS, linespacing=1.3
    )
    ax.set_label(name)
    if len(test):
        low, high = _limits(np.concatenate([test, model]), 0.0)
        density = pair_density(evaluation, name)
        if density is not None:
            count, low, high = density
            ax.imshow(
                np.log1p(count),
                origin="lower",
                extent=(low, high, low, high),
                cmap=theme.density_map,
                interpolation="none",
            )
        else:
            ax.plot(test, model, ".", color=theme.accent, markersize=2, markeredgewidth=0)
        ax.plot([low, high], [low, high], color=theme.muted, linewidth=0.6, linestyle=(0, (4, 3)))
        ax.set_xlim(low, high)
        ax.set_ylim(low, high)
    ax.set_box_aspect(1)
    ax.locator_params(nbins=3)
    ax.tick_params(labelsize=6)
    ax.set_xlabel("held-out frames")
    if name == next(iter(STATISTICS)):
        ax.set_ylabel("model")


def pair_density(
    evaluation: Evaluation, name: str
) -> tuple[NDArray[np.int64], float, float] | None:
    """Count the values of a statistic in bins, model (rows) against held-out data (columns).

    Returns
    -------
    counts, lowest, highest
        The range applies to both axes. None if there are too few values for a density.
    """
    test, model = evaluation.pairs[name]
    if len(test) <= FEW_PAIRS:
        return None
    if STATISTICS[name].all_pairs:
        edges = evaluation.all_pairs.edges
        return evaluation.all_pairs.counts, float(edges[0]), float(edges[-1])
    # Moments have long tails: a few extreme values must not set the range.
    low, high = _limits(np.concatenate([test, model]), 0.0005)
    counts, _, _ = np.histogram2d(model, test, _DENSITY_BINS, [[low, high]] * 2)
    return counts.astype(np.int64), low, high


def _limits(values: NDArray[np.floating], tail: float) -> tuple[float, float]:
    low, high = np.quantile(values, [tail, 1 - tail])
    pad = 0.05 * (high - low) or 1e-6
    return float(low - pad), float(high + pad)


def draw_reconstruction(ax: Axes, evaluation: Evaluation, theme: Theme) -> None:
    """Draw the distribution of the reconstruction likelihood over neurons."""
    known = evaluation.nllh[np.isfinite(evaluation.nllh)]
    ax.set_title(
        f"reconstruction\nmedian {_rounded(evaluation.median_nllh)}",
        fontsize=_TITLE_POINTS,
        linespacing=1.3,
    )
    if len(known):
        low, high = np.quantile(known, [0.005, 0.995])
        ax.hist(known, bins=40, range=(min(low, 0.0), max(high, 0.05)), color=theme.outline)
        ax.axvline(evaluation.median_nllh, color=theme.text, linewidth=0.8)
    ax.set_box_aspect(1)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.locator_params(axis="x", nbins=3)
    ax.tick_params(labelsize=6)
    ax.set_xlabel("nLLH of neurons")


def draw_population(ax: Axes, evaluation: Evaluation, theme: Theme) -> None:
    """Draw the distribution of the number of active neurons, in recording and model."""
    population = evaluation.population
    lines = (
        ("held-out", theme.muted, "-", 1.6),
        ("independent", theme.muted, ":", 0.9),
        ("model", theme.positive[-1], "-", 0.9),
    )
    for name, colour, style, width in lines:
        ax.stairs(
            100 * population.shares[name],
            population.edges,
            color=colour,
            linestyle=style,
            linewidth=width,
            label=name,
        )
    ax.set_label("population")
    ax.set(xlabel="active neurons per frame", ylabel="share of frames (%)")
    ax.set_title(f"nRMSE {_rounded(population.nrmse)}", fontsize=7, loc="left")
    ax.legend(frameon=False, fontsize=6)
    ax.tick_params(labelsize=6)


def draw_lagged(ax: Axes, evaluation: Evaluation, theme: Theme) -> None:
    """Draw lagged correlations of assemblies, and their agreement with the model."""
    table = evaluation.lagged.table
    ax.set_label("lagged")
    ax.set(xlabel="lag (s)", ylabel="correlation")
    ax.tick_params(labelsize=6)
    if not len(table):
        return
    lag = table["lag_s"]
    ax.fill_between(lag, table["itself_low"], table["itself_high"], color=theme.shade, lw=0)
    for name, label, colour, style in (
        ("itself", "an assembly with itself", theme.muted, "-"),
        ("train_r", "training with held-out", theme.negative[-1], "-"),
        ("model_r", "model with held-out", theme.positive[-1], "-"),
        ("directed_r", "temporal order", theme.text, ":"),
    ):
        ax.plot(
            lag, table[name], color=colour, linestyle=style, lw=1, marker=".", ms=3, label=label
        )
    ax.axhline(0, color=theme.muted, linewidth=0.4)
    ax.set_xscale("log")
    ax.set_xticks(lag, [f"{value:.2g}" for value in lag])
    ax.minorticks_off()
    ax.set_ylim(min(-0.15, float(table[["directed_r"]].min().iloc[0])), 1.02)
    ax.legend(
        frameon=False, fontsize=5.5, loc="center left", bbox_to_anchor=(1.0, 0.5), handlelength=1.2
    )


def _rounded(value: float) -> str:
    """Format with two decimals, a typographic minus sign and no minus before zero."""
    return f"{round(value, 2) + 0.0:.2f}".replace("-", "−")
