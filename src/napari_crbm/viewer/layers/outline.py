"""Layer of the brain outline, behind the neurons."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_crbm.anatomy import brain_outline
from napari_crbm.palette import OUTLINE
from napari_crbm.viewer.layers.points import SPACE, add_quietly

# More pieces make no visible difference, and napari draws thumbnails piece by piece.
_MOST_PIECES = 400


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
    pieces = [np.empty((0, 2, 3), dtype=np.float32)]
    for polygon in brain_outline(coordinates_um, "dorsal"):
        polygon = polygon[:: -(-len(polygon) // _MOST_PIECES)]
        start = np.column_stack([np.full(len(polygon), depth), polygon])
        pieces.append(np.stack([start, np.roll(start, -1, axis=0) - start], axis=1))
    return np.concatenate(pieces).astype(np.float32)


def add_outline(viewer: Any, segments: NDArray[np.float32], name: str) -> None:
    """Draw `outline_segments` in a layer behind all others.

    A Shapes layer takes three times as long: it triangulates every piece.
    """
    from napari.layers import Vectors

    if len(segments):
        layer = Vectors(
            segments,
            name=name,
            edge_color=np.array([OUTLINE], dtype=np.float32),
            edge_width=3.0,
            vector_style="line",
            **SPACE,
        )
        add_quietly(viewer, viewer.layers.insert, 0, layer)
