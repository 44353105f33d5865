"""Compare the model with other methods: reconstruction and recovery."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from napari_crbm.figures.style import DOUBLE_COLUMN_IN, Theme, drawing, new_figure, theme_named

_PANELS = (
    ("reconstruction", "Held-out reconstruction\n(nLLH, median; higher is better)"),
    ("recovered", "Planted assemblies recovered\n(share; higher is better)"),
    ("f1", "Members against planted\n(F1; higher is better)"),
)


def methods_figure(table: pd.DataFrame, *, theme: str | Theme = "light") -> Figure:
    """Draw one bar per method in one panel per available measure.

    Parameters
    ----------
    table : pandas.DataFrame
        From `napari_crbm.analysis.compare_methods`.
    theme : {"light", "dark"} or Theme
    """
    theme = theme_named(theme) if isinstance(theme, str) else theme
    panels = [(column, label) for column, label in _PANELS if column in table]
    places = np.arange(len(table))[::-1]
    with drawing(theme):
        figure = new_figure(DOUBLE_COLUMN_IN, 0.9 + 0.22 * len(table))
        axes = figure.subplots(
            1, len(panels), squeeze=False, gridspec_kw={"left": 0.15, "bottom": 0.3, "wspace": 0.2}
        )[0]
        for ax, (column, label) in zip(axes, panels, strict=True):
            values = table[column].to_numpy(dtype=float)
            colours = [
                theme.positive[-1] if generative else theme.muted
                for generative in table["generative"]
            ]
            ax.barh(places, values, color=colours, height=0.65)
            for place, value in zip(places, values, strict=True):
                ax.text(max(value, 0), place, f" {value:.2f}", va="center", fontsize=6)
            ax.set_xlim(min(0.0, values.min() * 1.1), max(values.max() * 1.2, 0.01))
            ax.axvline(0, color=theme.text, linewidth=0.5)
            ax.set_yticks(places, table.index if ax is axes[0] else [""] * len(table))
            ax.tick_params(axis="y", length=0)
            ax.set_xlabel(label)
            ax.locator_params(axis="x", nbins=4)
    return figure
