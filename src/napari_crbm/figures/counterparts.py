"""Draw two models side by side: similarity of their assemblies, best pairs in the brain."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from napari_crbm.analysis import MATCH_BY, Counterparts, members_of
from napari_crbm.analysis.export.tables import TABLE_ENDINGS, write_table
from napari_crbm.figures.brain import BrainView, brain_view, draw_brain, draw_members
from napari_crbm.figures.style import (
    DOUBLE_COLUMN_IN,
    Theme,
    drawing,
    new_figure,
    save_figure,
    symmetric_norm,
    theme_named,
)

if TYPE_CHECKING:
    from napari_crbm.model import CRBM

_N_PAIRS = 8
_LEFT, _RIGHT, _GAP = 0.55, 0.15, 0.08
_TITLE, _CURVE, _BELOW = 0.6, 1.5, 0.55


def counterparts_figure(
    found: Counterparts, *, n_pairs: int = _N_PAIRS, theme: str = "light"
) -> Figure:
    """Draw the similarity of all pairs against chance, and the most similar ones in the brain.

    Each brain is drawn from above, coloured by weight up to the assembly's largest. The
    weights of a partner of opposite sign are multiplied by -1.

    Parameters
    ----------
    found : Counterparts
    n_pairs : int
        Pairs to draw.
    theme : {"light", "dark"}
    """
    colours = theme_named(theme)
    views = (
        brain_view(found.first_recording, found.first),
        brain_view(found.second_recording, found.second),
    )
    pairs = found.pairs[found.pairs["match"] >= 0]
    best = pairs.sort_values("similarity", ascending=False).head(n_pairs)
    width = (DOUBLE_COLUMN_IN - _LEFT - _RIGHT - _GAP * (n_pairs - 1)) / n_pairs
    scale = max(float(view.extent_um[2]) for view in views) / width
    heights = [float(view.extent_um[1]) / scale for view in views]
    total = _BELOW + _CURVE + 0.45 + sum(heights) + 0.25 + _TITLE
    with drawing(colours):
        figure = new_figure(DOUBLE_COLUMN_IN, total)
        _draw_similarity(
            figure.add_axes(
                (
                    _LEFT / DOUBLE_COLUMN_IN,
                    _BELOW / total,
                    1 - (_LEFT + _RIGHT) / DOUBLE_COLUMN_IN,
                    _CURVE / total,
                )
            ),
            found,
            colours,
        )
        bottom = _BELOW + _CURVE + 0.45
        for row, (model, view, height) in enumerate(
            zip((found.second, found.first), reversed(views), reversed(heights), strict=True)
        ):
            for column, pair in enumerate(best.itertuples()):
                left = _LEFT + column * (width + _GAP)
                size = float(view.extent_um[2]) / scale
                ax = figure.add_axes(
                    (
                        (left + (width - size) / 2) / DOUBLE_COLUMN_IN,
                        bottom / total,
                        size / DOUBLE_COLUMN_IN,
                        height / total,
                    )
                )
                unit = int(pair.assembly if row else pair.match)
                sign = 1 if row else int(pair.orientation)
                _draw_one(ax, view, model, unit, sign, scale, colours)
                ax.set_title(f"{unit}", fontsize=7, pad=1.5, color=colours.muted)
                if row == 0:
                    ax.text(
                        0.5,
                        -0.03,
                        f"{pair.similarity:.2f}",
                        transform=ax.transAxes,
                        ha="center",
                        va="top",
                        fontsize=7,
                    )
            recording = (found.second_recording, found.first_recording)[row]
            label = recording.name if len(recording.name) < 24 else f"{recording.name[:22]}…"
            figure.text(
                0.25 / DOUBLE_COLUMN_IN,
                (bottom + height / 2) / total,
                f"{('second', 'first')[row]}: {label}",
                rotation=90,
                ha="center",
                va="center",
            )
            bottom += height + 0.25
        figure.text(
            0.03,
            1 - 0.3 / total,
            f"{found.n_found} of {len(found.pairs)} assemblies have a counterpart",
            fontsize=10,
            fontweight="bold",
            va="center",
        )
        figure.text(
            0.97,
            1 - 0.3 / total,
            f"matched by {MATCH_BY[found.by]}",
            ha="right",
            va="center",
            color=colours.muted,
        )
    return figure


def write_counterparts(found: Counterparts, path: Path | str, *, theme: str = "light") -> Path:
    """Write the pairs as a table (.csv, .parquet) or as a figure (.pdf, .svg, .png).

    Raises
    ------
    CRBMError
        If the ending is none of these.
    """
    path = Path(path)
    if path.suffix.lower() in TABLE_ENDINGS:
        return write_table(found.pairs, path)
    about = {
        "napari-crbm": version("napari-crbm"),
        "kind": "counterparts",
        "by": found.by,
        "width_um": found.width_um if found.by == "places" else None,
        "first_fingerprint": found.first_recording.fingerprint,
        "second_fingerprint": found.second_recording.fingerprint,
    }
    return save_figure(counterparts_figure(found, theme=theme), path, about=json.dumps(about))


def _draw_one(
    ax: Axes, view: BrainView, model: CRBM, unit: int, sign: int, scale: float, theme: Theme
) -> None:
    draw_brain(ax, view, "dorsal", theme, scale)
    neurons, weights = members_of(model).of(unit), sign * model.weights_[:, unit]
    limit = float(np.abs(weights).max(initial=0.0)) or 1.0
    draw_members(ax, view, "dorsal", neurons, weights[neurons], theme, symmetric_norm(limit), scale)


def _draw_similarity(ax: Axes, found: Counterparts, theme: Theme) -> None:
    """Draw the similarity of the pairs, most similar first, with the chance level."""
    pairs = found.pairs.sort_values("similarity", ascending=False)
    place = np.arange(len(pairs))
    ax.fill_between(
        place,
        0,
        pairs["chance"],
        step="mid",
        color=theme.shade,
        linewidth=0,
        label="95 % of partners by chance",
    )
    held = pairs["found"].to_numpy()
    for chosen, colour, label in (
        (held, theme.positive[-1], "counterpart"),
        (~held, theme.muted, "not more alike than chance"),
    ):
        ax.scatter(place[chosen], pairs["similarity"][chosen], s=9, color=colour, label=label)
    ax.set(
        xlim=(-0.6, max(len(pairs), 2) - 0.4),
        ylim=(0, 1.02),
        xlabel="assemblies of the first model, most similar first",
        ylabel="similarity (|cosine|)",
    )
    ax.legend(
        frameon=False, fontsize=6.5, loc="lower right", bbox_to_anchor=(1, 1), ncols=3, borderpad=0
    )
