"""Draw combinations of assemblies on one page: number, sets, times, durations, density."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from napari_crbm.analysis import BrainStates, occurrences, sort_by_similarity
from napari_crbm.analysis.states.combinations import FERROMAGNETIC
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

_COMBINATIONS = 12
_HEIGHT_IN = 6.4
#: Limit of the colour scale of co-activation, as log2 of the ratio to chance.
LIMIT = 3.0


def states_page(
    states: BrainStates, recording: Recording | None = None, *, theme: str = "light"
) -> Figure:
    """Draw the results of `napari_crbm.analysis.states.brain_states`.

    Parameters
    ----------
    states : BrainStates
    recording : Recording, optional
        For the title.
    theme : {"light", "dark"}
    """
    colours = theme_named(theme)
    with drawing(colours):
        figure = new_figure(DOUBLE_COLUMN_IN, _HEIGHT_IN)
        over_time = figure.add_axes((0.2, 0.71, 0.56, 0.1))
        draw_active(over_time, states, colours)
        draw_distribution(figure.add_axes((0.83, 0.71, 0.14, 0.1)), states, colours)
        when = figure.add_axes((0.2, 0.44, 0.56, 0.22), sharex=over_time)
        draw_combinations(when, states, colours)
        draw_coactivation(figure.add_axes((0.08, 0.08, 0.24, 0.27)), states, colours)
        draw_durations(figure.add_axes((0.46, 0.08, 0.2, 0.27)), states, colours)
        draw_density(figure.add_axes((0.77, 0.08, 0.2, 0.27)), states, colours)
        title = "Assemblies in combination" if recording is None else recording.name
        draw_heading(
            figure, title, states.composition.verdict, states.summary, states.locality.verdict
        )
    return figure


def draw_active(ax: Axes, states: BrainStates, theme: Theme) -> None:
    """Draw the number of active assemblies in each frame over time."""
    made_of = states.composition
    ax.plot(states.times, made_of.counts, color=theme.accent, linewidth=0.4)
    ax.axhline(made_of.median, color=theme.positive[-1], linewidth=0.8)
    ax.set_xlim(states.times[0], states.times[-1])
    ax.set_ylim(0, None)
    ax.set_ylabel("active\nassemblies, m")
    ax.tick_params(labelbottom=False)


def draw_distribution(ax: Axes, states: BrainStates, theme: Theme) -> None:
    """Draw the distribution of the number of active assemblies, with its two bounds."""
    made_of = states.composition
    top = max(float(np.quantile(made_of.counts, 0.999)), made_of.noise) * 1.05
    ax.hist(made_of.counts, bins=40, range=(0, top), color=theme.outline)
    ax.axvline(made_of.median, color=theme.positive[-1], linewidth=1)
    for bound, style in ((FERROMAGNETIC * made_of.n_assemblies, ":"), (made_of.noise, "--")):
        ax.axvline(bound, color=theme.muted, linewidth=0.8, linestyle=style)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.set_xlabel("m (dotted: 5 % of all;\ndashed: noise)", fontsize=6)


def draw_combinations(ax: Axes, states: BrainStates, theme: Theme) -> None:
    """Draw when the most frequent combinations are on."""
    sets = states.combinations[states.combinations["n_assemblies"] > 0].head(_COMBINATIONS)
    on = occurrences(states.clearly_on, sets["assemblies"].tolist())
    for row, column in enumerate(on.T):
        at = states.times[column]
        ax.plot(at, np.full(len(at), row), "|", color=theme.accent, markersize=5, mew=0.5)
    labels = [
        f"{members.replace(' ', ' + ')}  ({100 * share:.1f} %)"
        for members, share in zip(sets["assemblies"], sets["fraction"], strict=True)
    ]
    ax.set_yticks(range(len(sets)), [_shortened(label) for label in labels], fontsize=6)
    ax.set_ylim(len(sets) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel("time (s)")
    ax.set_title("Most frequent combinations", fontsize=7, loc="left")


def _shortened(label: str, most: int = 28) -> str:
    return label if len(label) <= most else f"{label[: most - 1]}…"


def draw_coactivation(ax: Axes, states: BrainStates, theme: Theme) -> None:
    """Draw the ratio of observed to expected joint activity of pairs of assemblies."""
    order = states.counted[sort_by_similarity(states.on[:, states.counted].astype(np.float32))]
    ratio = np.nan_to_num(states.coactivation, nan=0.0, neginf=-LIMIT)[np.ix_(order, order)].copy()
    np.fill_diagonal(ratio, 0.0)
    image = ax.imshow(
        ratio, cmap=theme.weight_map, vmin=-LIMIT, vmax=LIMIT, interpolation="none", origin="upper"
    )
    ax.set_xticks([])
    if len(order) <= 30:
        ax.set_yticks(range(len(order)), order, fontsize=4.5)
        ax.tick_params(axis="y", length=0)
    else:
        ax.set_yticks([])
    bar = ax.figure.colorbar(image, ax=ax, orientation="horizontal", pad=0.04, aspect=30)
    bar.set_ticks([-LIMIT, 0, LIMIT], labels=["1/8", "chance", "8 times"])
    bar.ax.tick_params(labelsize=6)
    bar.outline.set_visible(False)
    ax.set_title("On together", fontsize=7, loc="left")


def draw_durations(ax: Axes, states: BrainStates, theme: Theme) -> None:
    """Draw the durations of on and off states; filled for assemblies with two clear states."""
    table = states.table[states.table["on_s"].gt(0) & states.table["off_s"].gt(0)]
    for clear, face in ((True, theme.accent), (False, "none")):
        part = table[table["bimodal"] == clear]
        ax.plot(
            part["off_s"],
            part["on_s"],
            "o",
            markersize=3.5,
            mfc=face,
            mec=theme.accent,
            mew=0.7,
            label="two clear states" if clear else "not clearly two",
        )
    _logarithmic(ax)
    ax.set(xlabel="stays off (s, median)", ylabel="stays on (s, median)")
    ax.legend(frameon=False, fontsize=5.5, loc="upper left", handletextpad=0.2)
    ax.set_title("Time constants", fontsize=7, loc="left")


def draw_density(ax: Axes, states: BrainStates, theme: Theme) -> None:
    """Draw the density of members relative to random neurons over the size of assemblies."""
    table = states.locality.table
    ax.axhline(1, color=theme.muted, linewidth=0.7, linestyle="--")
    ax.plot(
        100 * table["share_of_neurons"],
        table["times_denser"],
        "o",
        markersize=3.5,
        color=theme.positive[-1],
    )
    _logarithmic(ax)
    ax.set(xlabel="share of all neurons (%)", ylabel="density of members (1 by chance)")
    ax.set_title("Locally dense, globally sparse", fontsize=7, loc="left")


def _logarithmic(ax: Axes) -> None:
    """Make an axis logarithmic with ticks such as 0.5, 1, 2, 5."""
    ax.set_xscale("log")
    ax.set_yscale("log")
    for axis in (ax.xaxis, ax.yaxis):
        low, high = axis.get_data_interval()
        narrow = low > 0 and high / low < 30
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if narrow else (1.0,)))
        axis.set_major_formatter(lambda value, _: f"{value:g}")
        axis.set_minor_formatter(NullFormatter())
