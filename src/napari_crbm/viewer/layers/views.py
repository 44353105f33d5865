"""Views of the brain from its sides, and the slab that is shown in 2-D."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from psygnal import Signal

from napari_crbm.schematic import place_neurons
from napari_crbm.viewer.state.workspace import Workspace

_SPACE_AXES = 3


class View(NamedTuple):
    """One view of the brain.

    Parameters
    ----------
    label : str
    tip : str
    direction, up : tuple of 3 floats
        Line of sight and the direction that points up, along z, y, x.
    order : tuple of 3 ints
        Axes of space for the view of a plane: hidden, rows, columns.
    """

    label: str
    tip: str
    direction: tuple[float, float, float]
    up: tuple[float, float, float]
    order: tuple[int, int, int]


#: Views by name; they are those of `napari_crbm.anatomy.outline.PLANE_AXES`.
VIEWS = {
    "dorsal": View("Dorsal", "from above, anterior up", (1, 0, 0), (0, -1, 0), (0, 1, 2)),
    "side": View("Lateral", "from the left, dorsal up", (0, 0, 1), (-1, 0, 0), (2, 0, 1)),
    "frontal": View("Frontal", "from behind, dorsal up", (0, -1, 0), (-1, 0, 0), (1, 0, 2)),
}
_HIDDEN = {view.order[0]: name for name, view in VIEWS.items()}
# A slab of this share of the brain replaces the whole when the slider is moved.
_SLAB_SHARE, _SLAB_STEP_UM = 0.1, 5.0
# Room around the neurons, for the shell and a margin.
_ROOM = 1.15


def hidden_axis(dims: Any) -> int | None:
    """Return the axis of space that is not displayed: 0, 1 or 2 for z, y, x; None in 3-D."""
    first = dims.ndim - _SPACE_AXES
    hidden = [axis - first for axis in dims.not_displayed if axis >= first]
    return hidden[0] if len(hidden) == 1 and dims.ndisplay == 2 else None


def plane_of(axis: int) -> str:
    """Return the view of `VIEWS` in which an axis of space is not displayed."""
    return _HIDDEN[axis]


def slab_bounds(dims: Any, axis: int) -> tuple[float, float]:
    """Return lowest and highest coordinate shown along the hidden axis of space."""
    place = axis - _SPACE_AXES
    point, left, right = dims.point[place], dims.margin_left[place], dims.margin_right[place]
    return float(point - left), float(point + right)


class BrainView:
    """Turn the brain to its sides, and choose the slab that is shown in 2-D.

    Emits ``slab_changed`` when another slab is chosen. A slab of None is the whole brain; it
    becomes a slab when the person moves napari's slider of the hidden axis.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
    workspace : Workspace
    """

    slab_changed = Signal()

    def __init__(self, viewer: Any, workspace: Workspace) -> None:
        self.viewer, self.workspace = viewer, workspace
        self._slab_um: float | None = None
        self._setting = False
        self._at: tuple[Any, ...] = (None, None, 0.0)
        workspace.recording_changed.connect(self._on_recording)
        dims = viewer.dims
        dims.events.ndim.connect(self._apply)
        dims.events.ndisplay.connect(self._on_displayed)
        dims.events.point.connect(self._on_point)
        if workspace.recording is not None:
            self._on_recording()

    @property
    def name(self) -> str:
        """The view in 2-D: "dorsal", "side" or "frontal"."""
        axis = hidden_axis(self.viewer.dims)
        return "dorsal" if axis is None else plane_of(axis)

    def look(self, name: str) -> None:
        """Turn the brain to a view of `VIEWS`."""
        view, dims = VIEWS[name], self.viewer.dims
        if dims.ndisplay == 3:
            self._natural_order()
            self.viewer.scene.camera.set_view_direction(view.direction, view.up)
            self._fit(view)
            return
        first = dims.ndim - _SPACE_AXES
        with self._quietly():
            dims.order = (*range(first), *(first + axis for axis in view.order))
            self._centre()
        self.viewer.reset_view()

    def reset(self) -> None:
        """Show the whole brain from above."""
        self.set_slab(None)
        self.look("dorsal")

    def _fit(self, view: View) -> None:
        """Fill the canvas with the brain: napari leaves room for every angle, or cuts it."""
        recording = self.workspace.recording
        if recording is None:
            return
        points, camera = place_neurons(recording).points, self.viewer.scene.camera
        low, high = points.min(axis=0), points.max(axis=0)
        _, rows, columns = view.order
        size = np.maximum(high - low, 1.0)[[rows, columns]] * _ROOM
        camera.center = tuple(float(value) for value in (low + high) / 2)
        camera.zoom = float(np.min(np.array(self.viewer.canvas.size) / size))

    @property
    def slab_um(self) -> float | None:
        """Thickness of the slab shown in 2-D, in micrometres; None for the whole brain."""
        return self._slab_um

    def set_slab(self, thickness_um: float | None) -> None:
        """Choose the thickness of the slab shown in 2-D; None shows the whole brain."""
        if thickness_um != self._slab_um:
            self._slab_um = thickness_um
            self._apply()
            self.slab_changed.emit()

    # --- napari's dimensions --------------------------------------------------------------

    def _on_recording(self) -> None:
        if self.workspace.recording is None:
            return
        # Depth increases away from the reader: otherwise napari draws the brain's mirror image.
        self.viewer.scene.camera.orientation = ("away", "down", "right")
        self._slab_um = None
        self._natural_order()
        self._apply()
        self.slab_changed.emit()

    def _apply(self, _event: Any = None) -> None:
        """Pass the slab to napari; the whole brain needs its extent on either side."""
        dims, recording = self.viewer.dims, self.workspace.recording
        if recording is None or dims.ndim < _SPACE_AXES:
            return
        extent = np.ptp(place_neurons(recording).points, axis=0)
        margins = np.zeros(dims.ndim)
        margins[-_SPACE_AXES:] = extent + 1 if self._slab_um is None else self._slab_um / 2
        with self._quietly():
            dims.thickness = tuple(2 * margins)

    def _centre(self) -> None:
        """Move napari's sliders to the middle of the brain while the whole is shown."""
        recording, dims = self.workspace.recording, self.viewer.dims
        if recording is None or self._slab_um is not None:
            return
        points = place_neurons(recording).points
        middle = (points.min(axis=0) + points.max(axis=0)) / 2
        first = dims.ndim - _SPACE_AXES
        dims.set_point(range(first, dims.ndim), [float(value) for value in middle])

    def _on_displayed(self, _event: Any = None) -> None:
        """Keep the view between 2-D and 3-D, and the axes in their order in 3-D."""
        if self.workspace.recording is None:
            return
        dims = self.viewer.dims
        first = dims.ndim - _SPACE_AXES
        if dims.ndisplay == 3 and first >= 0:
            shown = next(
                (name for name, view in VIEWS.items() if view.order == self._space_order()),
                "dorsal",
            )
            if shown != "dorsal":
                self.look(shown)
        elif dims.ndisplay == 2:
            with self._quietly():
                self._centre()
        self._note_point()

    def _space_order(self) -> tuple[int, ...]:
        dims = self.viewer.dims
        first = dims.ndim - _SPACE_AXES
        return tuple(axis - first for axis in dims.order if axis >= first)

    def _natural_order(self) -> None:
        dims = self.viewer.dims
        if self._space_order() != (0, 1, 2):
            dims.order = tuple(range(dims.ndim))

    def _on_point(self, _event: Any = None) -> None:
        """Show a slab when the person moves the slider of the hidden axis."""
        before = self._at
        self._note_point()
        axis, span, place = self._at
        if self._setting or axis is None or self._slab_um is not None:
            return
        # Layers that are added change the range, and with it the place; the slider then rounds
        # the place to a step.
        recording = self.workspace.recording
        moved = before[:2] == (axis, span) and abs(place - before[2]) > 0.75 * span[2]
        if moved and recording is not None:
            part = _SLAB_SHARE * float(np.ptp(place_neurons(recording).points[:, axis]))
            self.set_slab(max(1.0, np.round(part / _SLAB_STEP_UM)) * _SLAB_STEP_UM)

    def _note_point(self) -> None:
        dims = self.viewer.dims
        axis = hidden_axis(dims)
        if axis is None:
            self._at = (None, None, 0.0)
        else:
            place = axis - _SPACE_AXES
            self._at = (axis, tuple(dims.range[place]), float(dims.point[place]))

    @contextmanager
    def _quietly(self) -> Iterator[None]:
        """Tell own changes of the sliders from those of the person."""
        before, self._setting = self._setting, True
        try:
            yield
        finally:
            self._setting = before
            self._note_point()
