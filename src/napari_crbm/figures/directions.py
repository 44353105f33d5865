"""Directed couplings between assemblies: matrices at several lags, and arrows in the brain."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch
from numpy.typing import NDArray

from napari_crbm.analysis.assemblies.centres import assembly_centres
from napari_crbm.analysis.forecasts.directions import Directions
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
from napari_crbm.model.rbm import HasRBM
from napari_crbm.recording import Recording

_MATRICES = 4
_PANELS_IN = 5.0
#: The colour scale ends at this quantile of the couplings between different assemblies.
SCALE_QUANTILE = 0.99


def directions_figure(
    found: Directions, model: HasRBM, recording: Recording, *, theme: str | Theme = "light"
) -> Figure:
    """Draw couplings at four lags, and the directed ones as arrows between assemblies.

    Parameters
    ----------
    found : Directions
    model : RBM, CRBM or TemporalModel's ``rbm``
        Its weights say where assemblies lie.
    recording : Recording
    theme : {"light", "dark"} or Theme
    """
    colours = theme_named(theme) if isinstance(theme, str) else theme
    with drawing(colours):
        figure, place = new_page(_PANELS_IN, found.sentences)

        limit = scale_limit(found)
        lags = shown_lags(found)
        for column, lag in enumerate(lags):
            ax = place(0.55 + 1.62 * column, 3.3, 1.4, 1.4)
            draw_matrix(ax, found, lag, colours, limit)
            if column:
                ax.set_yticklabels([])
            else:
                ax.set_ylabel("target assembly")
        bar = place(0.55, 2.82, 1.8, 0.07)
        figure.colorbar(
            ScalarMappable(symmetric_norm(limit), colours.weight_map),
            cax=bar,
            orientation="horizontal",
        )
        bar.set_xlabel("change of the target per SD of the source, SD", fontsize=6.5, labelpad=1)
        bar.tick_params(labelsize=6)
        _draw_arrows(place(0.3, 0.1, 3.1, 2.1), found, model, recording, colours, limit)
        _draw_courses(place(4.4, 0.5, 1.7, 1.8), found, colours)
        draw_heading(figure, f"{recording.name}: directed couplings", *found.sentences)
    return figure


def scale_limit(found: Directions) -> float:
    """Return the end of the colour scale."""
    off = ~np.eye(len(found.strength), dtype=bool)
    return max(float(np.quantile(np.abs(found.by_lag[:, off]), SCALE_QUANTILE)), 1e-3)


def shown_lags(found: Directions) -> NDArray[np.int64]:
    """Return the indices of up to four lags at equal ratios."""
    longest = len(found.lags_s)
    chosen = np.geomspace(1, longest, min(_MATRICES, longest))
    return np.unique(np.rint(chosen).astype(np.int64)) - 1


def draw_matrix(ax: Axes, found: Directions, lag: int, theme: Theme, limit: float) -> None:
    """Draw the couplings at one lag; dots mark directed pairs, the diagonal is left blank."""
    values = found.by_lag[lag].copy()
    np.fill_diagonal(values, np.nan)
    ax.imshow(values, cmap=theme.weight_map, norm=symmetric_norm(limit), interpolation="none")
    target, source = np.nonzero(found.directed)
    ax.scatter(source, target, s=4, color=theme.text, linewidths=0, gid="directed")
    ax.set_title(f"{found.lags_s[lag]:.3g} s before")
    ax.set_xlabel("source assembly")
    ax.locator_params(integer=True, nbins=6)


def _draw_arrows(
    ax: Axes,
    found: Directions,
    model: HasRBM,
    recording: Recording,
    theme: Theme,
    limit: float,
) -> None:
    view = brain_view(recording)
    ax.set_aspect("equal")
    _, tall, wide = view.extent_um
    draw_brain(ax, view, "dorsal", theme, max(float(tall) / 2.1, float(wide) / 3.1))
    right, down = DRAWN_AXES["dorsal"]
    centres = assembly_centres(model.rbm_.weights, view.coordinates_um)
    colour = ScalarMappable(symmetric_norm(limit), theme.weight_map)
    target, source = np.nonzero(found.directed)
    for to, of in zip(target.tolist(), source.tolist(), strict=True):
        start, end = centres[of, [right, down]], centres[to, [right, down]]
        if not (np.isfinite(start).all() and np.isfinite(end).all()):
            continue
        peak = found.by_lag[np.abs(found.by_lag[:, to, of]).argmax(), to, of]
        ax.add_patch(
            FancyArrowPatch(
                (float(start[0]), float(start[1])),
                (float(end[0]), float(end[1])),
                arrowstyle="-|>",
                mutation_scale=7,
                connectionstyle="arc3,rad=0.2",
                color=colour.to_rgba(np.sign(found.total[to, of]) * limit),
                linewidth=0.4 + 1.2 * min(abs(peak) / limit, 1.0),
                shrinkA=4,
                shrinkB=4,
                zorder=4,
                gid="direction",
            )
        )
    for number, (y, x) in enumerate(centres[:, [down, right]].tolist()):
        if np.isfinite([x, y]).all():
            ax.text(x, y, str(number), ha="center", va="center", fontsize=5.5, zorder=5)
    draw_orientation(ax, view, "dorsal", theme)
    draw_bar(ax, view, theme)
    ax.set_title("Directions between the centres of assemblies", loc="left")


def _draw_courses(ax: Axes, found: Directions, theme: Theme) -> None:
    """Draw the strongest directed couplings over the lag."""
    chosen = np.where(found.directed, found.strength, 0.0)
    order = np.argsort(-chosen, axis=None)[: len(theme.palette.assemblies)]
    for place, colour in zip(order.tolist(), theme.palette.assemblies, strict=False):
        to, of = divmod(place, len(chosen))
        if chosen[to, of] > 0:
            ax.plot(found.lags_s, found.by_lag[:, to, of], color=colour, label=f"{of} to {to}")
    ax.axhline(0, color=theme.muted, linewidth=0.5)
    ax.set(xlabel="lag, s", ylabel="coupling, SD")
    ax.set_title("Strongest directions", loc="left")
    if ax.get_legend_handles_labels()[0]:
        ax.legend(frameon=False, fontsize=5.5, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    else:
        ax.text(0.5, 0.6, "none found", transform=ax.transAxes, ha="center")
