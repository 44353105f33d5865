"""Result of a sweep: held-out pseudo-likelihood of each configuration, the selected one marked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from napari_crbm.figures.style import DOUBLE_COLUMN_IN, Theme, drawing, new_figure, theme_named

if TYPE_CHECKING:
    from napari_crbm.analysis import Selection


def sweep_figure(selection: Selection, *, theme: str | Theme = "light") -> Figure:
    """Draw the difference of each configuration to the best, and mark the selected one.

    One line per penalty and learning rate over the number of hidden units; error bars are one
    standard error of the difference to the best (see `napari_crbm.analysis.select`).

    Parameters
    ----------
    selection : Selection
    theme : {"light", "dark"} or Theme
    """
    theme = theme_named(theme) if isinstance(theme, str) else theme
    table = selection.table[selection.table["mean"].notna()]
    with drawing(theme):
        figure = new_figure(DOUBLE_COLUMN_IN, 3.2)
        axes = figure.add_axes((0.12, 0.16, 0.52, 0.76))
        groups = list(table.groupby(["l1", "learning_rate"], sort=True))
        shades = [*theme.negative[::-1], *theme.positive]
        for number, ((l1, rate), group) in enumerate(groups):
            line = group.sort_values("fitted_n_hidden")
            place = round(number * (len(shades) - 1) / max(len(groups) - 1, 1))
            penalty = l1 if isinstance(l1, str) else f"{l1:.3g}"
            axes.errorbar(
                line["fitted_n_hidden"],
                -1e3 * line["deficit"],
                1e3 * line["standard_error"].fillna(0),
                color=shades[place],
                marker="osD^v<>"[number % 7],
                ms=4,
                lw=1,
                elinewidth=0.7,
                label=f"l1 {penalty}, learning rate {rate:.3g}",
            )
        chosen = table[table["selected"]].iloc[0]
        axes.plot(
            chosen["fitted_n_hidden"],
            -1e3 * chosen["deficit"],
            "o",
            ms=11,
            mfc="none",
            mec=theme.text,
            mew=1.2,
            label="selected",
        )
        axes.axhline(0, color=theme.muted, lw=0.6, ls=":")
        axes.set(
            xlabel="Hidden units",
            ylabel="Prediction of held-out neurons, difference\n"
            "to the best (10$^{-3}$ nats per neuron per frame)",
        )
        if (
            np.ptp(table["fitted_n_hidden"]) > 0
            and table["fitted_n_hidden"].max() > 8 * table["fitted_n_hidden"].min()
        ):
            axes.set_xscale("log")
        figure.legend(frameon=False, loc="center left", bbox_to_anchor=(0.66, 0.54), fontsize=6.5)
    return figure
