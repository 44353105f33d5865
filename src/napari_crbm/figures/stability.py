"""Stability of assemblies in other models: similarity against chance, and the pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from napari_crbm.figures.style import DOUBLE_COLUMN_IN, Theme, drawing, new_figure, theme_named

if TYPE_CHECKING:
    from napari_crbm.analysis import Stability


def stability_figure(result: Stability, *, theme: str | Theme = "light") -> Figure:
    """Draw similarity with chance, and the matched units of the first two models.

    Parameters
    ----------
    result : Stability
    theme : {"light", "dark"} or Theme
    """
    theme = theme_named(theme) if isinstance(theme, str) else theme
    order = np.argsort(-result.values, kind="stable")
    table = result.table.iloc[order]
    rank = np.empty(len(order), dtype=int)
    rank[order] = np.arange(len(order))
    with drawing(theme):
        figure = new_figure(DOUBLE_COLUMN_IN, 3.0)
        left, right = figure.subplots(
            1, 2, width_ratios=(1.5, 1), gridspec_kw={"wspace": 0.3, "bottom": 0.17}
        )
        left.fill_between(
            np.arange(len(table)),
            0,
            table["chance"],
            step="mid",
            color=theme.shade,
            lw=0,
            label="chance (95 % of shuffles)",
        )
        left.scatter(
            rank[result.pairs["assembly"]],
            result.pairs["similarity"],
            s=6,
            color=theme.muted,
            lw=0,
            label="each other model",
        )
        left.plot(
            np.arange(len(table)),
            table["stability"],
            color=theme.positive[-1],
            lw=1.2,
            label="stability (mean)",
        )
        left.set(
            xlabel="Assembly (most reproducible first)",
            ylabel="Similarity of weights (|cosine|)",
            ylim=(0, 1.03),
            xlim=(-0.5, len(table) - 0.5),
        )
        left.legend(frameon=False, loc="upper left", bbox_to_anchor=(0, 1.15), ncols=3, fontsize=6)
        pairs = result.pairs[result.pairs["model"] == 1].set_index("assembly")
        partners = pairs["match"].to_numpy()[order]
        known = partners[partners >= 0]
        rest = np.setdiff1d(np.arange(result.cosines[0].shape[1]), known)
        matrix = np.abs(result.cosines[0][np.ix_(order, np.concatenate([known, rest]))])
        image = right.imshow(
            matrix, vmin=0, vmax=1, cmap=theme.density_map, interpolation="nearest", aspect="auto"
        )
        right.set(
            xlabel="Assembly of the second model (matched)", ylabel="Assembly of the first model"
        )
        figure.colorbar(image, ax=right, label="|cosine|", shrink=0.8)
    return figure
