"""Draw region-level connectivity: matrix, circuit in the brain, comparison of animals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter
from numpy.typing import NDArray

from napari_crbm.anatomy import region_colours
from napari_crbm.anatomy.names import match_names
from napari_crbm.connectome import (
    Comparison,
    RegionMap,
    assembly_region_matrix,
    circuit,
    cluster_order,
    composition_table,
    region_centroids,
)
from napari_crbm.connectome.layout import ring_layout, scaled
from napari_crbm.figures.brain import DRAWN_AXES, Plane, brain_view
from napari_crbm.figures.style import DOUBLE_COLUMN_IN, Theme, drawing, new_figure, theme_named
from napari_crbm.recording import Recording
from napari_crbm.regions import Regions

if TYPE_CHECKING:
    from napari_crbm.model import CRBM

#: Display names of measures and rules.
_MEASURES = {
    "coupling": "effective coupling J",
    "covariance": "covariance",
    "correlation": "correlation",
    "structural": "structural connection",
    "planted": "planted connection",
}
_RULES = {"mean_abs": "mean |{}|", "rms": "rms of {}", "mean": "mean {}"}
_MAX_LABELS = 80
# Names of regions: size of letters in points, mean width of a letter as a share of its size,
# distance from the matrix in points, and the longest name where the margin gives way.
_LEAST_POINTS, _MOST_POINTS, _LETTER, _PAD_POINTS, _LONGEST_NAME = 5.0, 6.5, 0.62, 4, 34
_SIGNIFICANT = 0.05


def connectivity_figure(
    region_map: RegionMap,
    recording: Recording,
    regions: Regions | None = None,
    *,
    n_edges: int = 40,
    theme: str = "light",
) -> Figure:
    """Draw a region map: clustered matrix, and its strongest connections in the brain.

    Parameters
    ----------
    region_map : RegionMap
    recording : Recording
    regions : Regions, optional
        The regions of the map; those of the recording by default.
    n_edges : int
        Connections drawn in the brain.
    theme : {"light", "dark"}
    """
    colours = theme_named(theme)
    regions = recording.regions if regions is None else regions
    assert regions is not None
    with drawing(colours):
        figure = new_figure(DOUBLE_COLUMN_IN, 5.1)
        matrix = figure.add_axes((0.165, 0.245, 0.43, 0.607))
        draw_matrix(matrix, region_map, cluster_order(region_map), colours)
        view = brain_view(recording)
        depth, height, width = view.extent_um
        n_views = 1 if view.is_flat else 2
        total = width + (0 if view.is_flat else depth)
        left, available = 0.665, 0.325
        tall = min(0.8, available * DOUBLE_COLUMN_IN / total * height / 5.1)
        for plane in list(DRAWN_AXES)[:n_views]:
            share = available * (width if plane == "dorsal" else depth) / total
            ax = figure.add_axes((left, 0.09 + (0.8 - tall) / 2, share, tall))
            draw_circuit(ax, region_map, recording, regions, plane, n_edges, colours)
            left += share
        figure.text(0.02, 0.955, f"{recording.name}: {measure_label(region_map)}", fontsize=9)
        figure.text(
            0.665,
            0.9,
            f"{min(n_edges, len(circuit(region_map, n_edges)))} strongest between regions",
            fontsize=7,
            color=colours.muted,
        )
    return figure


def comparison_figure(
    maps: Mapping[str, RegionMap],
    mean: RegionMap,
    similarity: pd.DataFrame,
    structural: RegionMap | None = None,
    agreement: Comparison | None = None,
    *,
    theme: str = "light",
) -> Figure:
    """Draw the similarity of animals, their mean map, and a structural matrix beside it.

    Parameters
    ----------
    maps : mapping of str to RegionMap
        One map per animal.
    mean : RegionMap
    similarity : pandas.DataFrame
        See `napari_crbm.connectome.similarity`.
    structural : RegionMap, optional
    agreement : Comparison, optional
        Comparison of ``mean`` with ``structural``.
    theme : {"light", "dark"}
    """
    colours = theme_named(theme)
    with drawing(colours):
        figure = new_figure(DOUBLE_COLUMN_IN, 6.6)
        order = cluster_order(mean)
        draw_matrix(figure.add_axes((0.13, 0.56, 0.31, 0.338)), mean, order, colours)
        figure.text(0.13, 0.93, f"mean of {len(maps)} animals", fontsize=8)
        if structural is not None:
            pairs = dict(match_names([mean.names[k] for k in order], structural.names))
            chosen = np.array(list(pairs.values()), dtype=np.int64)
            ax = figure.add_axes((0.63, 0.56, 0.31, 0.338))
            draw_matrix(ax, structural, chosen, colours)
            figure.text(0.63, 0.93, "structural matrix, same order", fontsize=8)
        _draw_similarity(figure.add_axes((0.13, 0.1, 0.31, 0.25)), list(maps), similarity, colours)
        if agreement is not None:
            _draw_scatter(figure.add_axes((0.63, 0.09, 0.31, 0.26)), agreement, mean, colours)
    return figure


def composition_figure(model: CRBM, regions: Regions, *, theme: str = "light") -> Figure:
    """Draw the fraction of each assembly's members in each region; dots mark many members.

    Assemblies are sorted by the region that holds most of their members. A dot marks a
    region that holds more members than as many random neurons would have there (q < 0.05).

    Parameters
    ----------
    model : CRBM
    regions : Regions
    theme : {"light", "dark"}
    """
    colours = theme_named(theme)
    matrix = assembly_region_matrix(model, regions)
    matrix = matrix.loc[:, matrix.to_numpy().any(axis=0)]
    main = matrix.to_numpy().argmax(axis=1) if matrix.shape[1] else np.zeros(len(matrix))
    largest = matrix.max(axis=1).to_numpy() if matrix.shape[1] else np.zeros(len(matrix))
    matrix = matrix.iloc[np.lexsort((-largest, main))]
    table = composition_table(model, regions)
    table = table[table["q_value"] < _SIGNIFICANT]
    with drawing(colours):
        n_rows = len(matrix)
        figure = new_figure(DOUBLE_COLUMN_IN, float(np.clip(1.9 + 0.1 * n_rows, 3.2, 9.5)))
        ax = figure.add_subplot()
        if not matrix.shape[1]:
            ax.set_axis_off()
            ax.text(0.5, 0.5, "No assembly has members in a region.", ha="center")
            return figure
        scale = PowerNorm(0.5, 0, max(float(largest.max()), 1e-12))
        image = ax.imshow(matrix, aspect="auto", cmap="cividis", norm=scale, interpolation="none")
        row = {assembly: k for k, assembly in enumerate(matrix.index)}
        column = {name: k for k, name in enumerate(matrix.columns)}
        ax.plot(
            [column[name] for name in table["region"]],
            [row[assembly] for assembly in table["assembly"]],
            ".",
            color="white",
            markeredgecolor="black",
            markeredgewidth=0.4,
            markersize=4 if n_rows <= _MAX_LABELS else 2,
        )
        label_regions(ax, list(matrix.columns), "x", fixed=False)
        if n_rows <= _MAX_LABELS:
            ax.set_yticks(range(n_rows), [str(k) for k in matrix.index], fontsize=5.5)
        else:
            ax.set_yticks([])
        ax.tick_params(length=0)
        ax.set_ylabel("assembly, sorted by main region")
        ax.set_title(
            "dots: more members than random neurons have there (q < 0.05)", loc="left", fontsize=7
        )
        bar = figure.colorbar(image, ax=ax, fraction=0.03, pad=0.02)
        bar.set_label("fraction of the assembly's members", fontsize=6.5)
        figure.tight_layout()
    return figure


def label_regions(
    ax: Axes, names: Sequence[str], axis: Literal["x", "y"], *, fixed: bool = True
) -> int:
    """Write the names of regions beside a matrix, in letters that a journal prints.

    Where there is no room for all names, every second one is written, or every third, and so
    on. Of names too long for the margin the middle is left out.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    names : sequence of str
    axis : {"x", "y"}
    fixed : bool
        Whether the axes stay where they are, so that names must fit beside them.

    Returns
    -------
    int
        One region in so many is named.
    """
    box, page = ax.get_position(), ax.get_figure(root=True)
    assert page is not None
    width, height = page.get_size_inches()
    along = 72 * (box.width * width if axis == "x" else box.height * height)
    margin = 72 * (box.y0 * height if axis == "x" else box.x0 * width) - _PAD_POINTS
    each = along / max(len(names), 1)
    step = max(1, int(np.ceil(_LEAST_POINTS / each)))
    size = 0.9 * step * each
    if fixed and names:
        size = min(size, margin / (_LETTER * max(map(len, names))))
    size = float(np.clip(size, _LEAST_POINTS, _MOST_POINTS))
    longest = int(margin / (_LETTER * size)) if fixed else _LONGEST_NAME
    places = range(0, len(names), step)
    shown = [_shortened(names[place], longest) for place in places]
    if axis == "x":
        ax.set_xticks(places, shown, rotation=90, fontsize=size)
    else:
        ax.set_yticks(places, shown, fontsize=size)
    return step


def _shortened(name: str, longest: int) -> str:
    """Leave out the middle of a long name: its side stands at the end."""
    if len(name) <= longest:
        return name
    end = longest // 3
    return f"{name[: longest - end - 1]}…{name[len(name) - end :]}"


def measure_label(region_map: RegionMap) -> str:
    """Return the name of a map's values."""
    return kind_label(region_map.measure, region_map.rule)


def kind_label(measure: str, rule: str) -> str:
    """Return the display name of a measure and a rule, such as "mean |covariance|"."""
    return _RULES.get(rule, "{}").format(_MEASURES.get(measure, measure))


def draw_matrix(ax: Axes, region_map: RegionMap, order: NDArray[np.int64], theme: Theme) -> None:
    """Draw the map in a given order of regions, on a log scale if it is positive."""
    values = region_map.values[np.ix_(order, order)]
    shown = scaled(values)
    logarithmic = shown is not values
    known = shown[np.isfinite(shown)]
    low, high = np.quantile(known, [0.02, 0.995]) if len(known) else (0.0, 1.0)
    if np.any(known < 0) and not logarithmic:
        low, high = -np.abs(known).max(), np.abs(known).max()
    signed = not logarithmic and low < 0
    if logarithmic:
        # Zero has no logarithm and is left blank.
        shown = np.where(values > 0, shown, np.nan)
    image = ax.imshow(
        shown,
        cmap=theme.weight_map if signed else "cividis",
        vmin=low,
        vmax=high,
        interpolation="none",
    )
    names = [region_map.names[k] for k in order]
    for axis in ("x", "y"):
        step = label_regions(ax, names, axis)
    if step > 1:
        ax.set_title(f"one region in {step} is named", loc="left", fontsize=_LEAST_POINTS)
    ax.tick_params(length=0, pad=2)
    for side in ax.spines.values():
        side.set_visible(False)
    bar = ax.figure.colorbar(image, ax=ax, fraction=0.045, pad=0.02)
    bar.outline.set_visible(False)
    bar.set_label(f"{'log10 ' if logarithmic else ''}{measure_label(region_map)}", fontsize=6.5)
    bar.ax.tick_params(labelsize=6)


def draw_circuit(
    ax: Axes,
    region_map: RegionMap,
    recording: Recording,
    regions: Regions,
    plane: Plane,
    n_edges: int,
    theme: Theme,
) -> None:
    """Draw the strongest connections between the centres of regions."""
    view = brain_view(recording)
    right, down = DRAWN_AXES[plane]
    for polygon in view.outlines[plane]:
        ax.fill(*polygon.T, facecolor=theme.brain, edgecolor=theme.outline, linewidth=0.6)
    centres = region_centroids(recording.positions, regions, region_map.names)
    centre = centres[:, [right, down]]
    if view.schematic:
        # Without positions, regions are placed around a ring within the frame of the view.
        ring = ring_layout(region_map.names, centres) * (1, -1)
        low, high = view.low_um[[right, down]], view.high_um[[right, down]]
        centre = (low + high) / 2 + 0.45 * (high - low) * ring
    place = {name: k for k, name in enumerate(region_map.names)}
    edges = circuit(region_map, n_edges).iloc[::-1]
    ends = np.array(
        [
            [centre[place[a]], centre[place[b]]]
            for a, b in zip(edges["region_a"], edges["region_b"], strict=True)
        ]
    ).reshape(-1, 2, 2)
    strength = edges["strength"].to_numpy()
    lines = LineCollection(
        list(ends),
        linewidths=0.4 + 2.4 * strength,
        colors=theme.positive[-1],
        alpha=0.25 + 0.6 * strength if len(strength) else None,
        capstyle="round",
        zorder=2,
    )
    ax.add_collection(lines)
    used = sorted({place[n] for n in [*edges["region_a"], *edges["region_b"]]})
    if used:
        names = [region_map.names[k] for k in used]
        ax.scatter(
            centre[used, 0],
            centre[used, 1],
            s=14,
            c=region_colours(names),
            edgecolors=theme.background,
            linewidths=0.5,
            zorder=3,
        )
    ax.set_xlim(view.low_um[right], view.high_um[right])
    ax.set_ylim(view.high_um[down], view.low_um[down])
    ax.set_aspect("equal")
    ax.axis("off")


def _draw_similarity(ax: Axes, names: list[str], similarity: pd.DataFrame, theme: Theme) -> None:
    """Draw the correlations of all pairs of animals, and their mean."""
    n = len(names)
    matrix = np.full((n, n), np.nan)
    for row in similarity.itertuples():
        a, b = names.index(row.first), names.index(row.second)
        matrix[max(a, b), min(a, b)] = row.spearman
        matrix[min(a, b), max(a, b)] = row.pearson
    ax.imshow(matrix, cmap="cividis", vmin=0, vmax=1, interpolation="none")
    if n <= 10:
        for (row, column), value in np.ndenumerate(matrix):
            if np.isfinite(value):
                colour = "black" if value > 0.5 else "white"
                ax.text(column, row, f"{value:.2f}", ha="center", va="center", color=colour)
    short = [name if len(name) < 20 else f"{name[:18]}…" for name in names]
    ax.set_xticks(range(n), short, rotation=40, ha="right", fontsize=6)
    ax.set_yticks(range(n), short, fontsize=6)
    ax.tick_params(length=0)
    for side in ax.spines.values():
        side.set_visible(False)
    ax.set_title("Spearman below, Pearson above the diagonal", loc="left", fontsize=7)


def _draw_scatter(ax: Axes, agreement: Comparison, mean: RegionMap, theme: Theme) -> None:
    """Draw the pairs of regions of a comparison as a scatter plot."""
    x, y = agreement.x, agreement.y
    if agreement.logarithmic:
        both = (x > 0) & (y > 0)
        x, y = x[both], y[both]
        for axis, scale in ((ax.xaxis, ax.set_xscale), (ax.yaxis, ax.set_yscale)):
            scale("log")
            axis.set_minor_formatter(NullFormatter())
    ax.plot(y, x, ".", color=theme.accent, markersize=3, markeredgewidth=0, alpha=0.7)
    ax.set_xlabel("structural connection")
    ax.set_ylabel(measure_label(mean))
    given = ""
    if not np.isnan(agreement.given_nearness_p):
        given = (
            f"\ngiven nearness {agreement.given_nearness:.2f} "
            f"(p = {agreement.given_nearness_p:.2g})"
        )
    ax.set_title(
        f"Spearman {agreement.spearman:.2f} (p = {agreement.spearman_p:.2g}), "
        f"{agreement.n_pairs} pairs{given}",
        loc="left",
        fontsize=7,
    )
