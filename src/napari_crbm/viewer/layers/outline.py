"""Layer of the brain outline, behind the neurons."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_crbm.anatomy import brain_outline
from napari_crbm.palette import Palette, hex_to_rgb, with_alpha
from napari_crbm.viewer.layers.points import SPACE, add_quietly, palette_of

# More pieces make no visible difference, and napari draws thumbnails piece by piece.
_MOST_PIECES = 400
_ALPHA = 0.8


def outline_segments(coordinates_um: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the outline of a brain seen from above, at the median depth.

    Parameters
    ----------
    coordinates_um : (N, 3) float32
        Axes z, y, x.

    Returns
    -------
    (K, 2, 3) float32
        Start and extent of each straight piece, as a Vectors layer takes them.
    """
    depth = float(np.median(coordinates_um[:, 0]))
    return polygon_segments(brain_outline(coordinates_um, "dorsal"), 0, depth)


def polygon_segments(
    polygons: list[NDArray[np.float64]], axis: int, place_um: float
) -> NDArray[np.float32]:
    """Return polygons of a plane as straight pieces in space, (K, 2, 3).

    Parameters
    ----------
    polygons : list of (P, 2) float64
        Closed; columns are the two axes that are displayed, in order.
    axis : {0, 1, 2}
        The axis that is not displayed.
    place_um : float
        Position along it.
    """
    pieces = [np.empty((0, 2, 3), dtype=np.float32)]
    for polygon in polygons:
        polygon = polygon[:: -(-len(polygon) // _MOST_PIECES)]
        start = np.insert(polygon, axis, place_um, axis=1)
        pieces.append(np.stack([start, np.roll(start, -1, axis=0) - start], axis=1))
    return np.concatenate(pieces).astype(np.float32)


def outline_colour(palette: Palette) -> NDArray[np.float32]:
    """Return the colour of the outline on the background of a palette, (1, 4)."""
    return with_alpha(hex_to_rgb([palette.shell]), _ALPHA)


def add_outline(viewer: Any, segments: NDArray[np.float32], name: str) -> None:
    """Draw `outline_segments` in a layer behind all others.

    A Shapes layer takes three times as long: it triangulates every piece.
    """
    from napari.layers import Vectors

    if len(segments):
        layer = Vectors(
            segments,
            name=name,
            edge_color=outline_colour(palette_of(viewer)),
            edge_width=3.0,
            vector_style="line",
            **SPACE,
        )
        add_quietly(viewer, viewer.layers.insert, 0, layer)
