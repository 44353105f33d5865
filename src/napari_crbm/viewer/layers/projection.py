"""Positions of points of the brain on the canvas, in pixels of the screen."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_crbm.viewer.layers.views import hidden_axis

_SPACE_AXES = 3


def screen_axes(viewer: Any) -> NDArray[np.float64]:
    """Return the directions right, down and away on the screen, rows (3, 3) along z, y, x.

    In 2-D, "away" is the axis that is not displayed.
    """
    camera, dims = viewer.scene.camera, viewer.dims
    if dims.ndisplay == 3:
        first = dims.ndim - _SPACE_AXES
        shown = [axis - first for axis in dims.displayed]
        axes = np.zeros((3, 3))
        away, up = np.asarray(camera.view_direction), np.asarray(camera.up_direction)
        right = np.cross(up, away)
        if str(getattr(camera.orientation[0], "value", camera.orientation[0])) == "towards":
            right = -right
        axes[:, shown] = np.stack([right, -up, away])
        return axes
    hidden = hidden_axis(dims)
    hidden = 0 if hidden is None else hidden
    rows, columns = (axis - (dims.ndim - _SPACE_AXES) for axis in dims.displayed)
    return np.eye(3)[[columns, rows, hidden]]


def on_screen(
    viewer: Any, points_um: NDArray[np.floating], size: tuple[float, float] | None = None
) -> NDArray[np.float64]:
    """Return where points of the brain are drawn: x and y from the canvas' upper left corner.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
    points_um : (n, 3) float
        Axes z, y, x.
    size : (float, float), optional
        Height and width of the canvas in pixels of the screen; by default those of the window.

    Returns
    -------
    (n, 2) float64
        Pixels of the screen.
    """
    camera, axes = viewer.scene.camera, screen_axes(viewer)
    height, width = viewer.canvas.size if size is None else size
    displayed = viewer.dims.displayed
    first = viewer.dims.ndim - _SPACE_AXES
    centre = np.zeros(3)
    for axis, place in zip(displayed, camera.center[-len(displayed) :], strict=True):
        centre[axis - first] = place
    right, down, away = ((np.asarray(points_um, dtype=np.float64) - centre) @ axes.T).T
    zoom = camera.zoom * np.ones(len(right))
    if viewer.dims.ndisplay == 3 and camera.perspective > 0:
        distance = min(height, width) / camera.zoom / 2 / np.tan(np.deg2rad(camera.perspective) / 2)
        zoom = zoom * distance / np.maximum(distance + away, 1e-6)
    return np.stack([width / 2 + zoom * right, height / 2 + zoom * down], axis=1)
