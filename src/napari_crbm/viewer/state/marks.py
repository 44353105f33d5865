"""What is written on the canvas beside the legend: directions and names of regions."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from psygnal import Signal

from napari_crbm.viewer.state.workspace import Workspace


class Marks:
    """Switches of what is written on the canvas; emits ``changed`` after every change."""

    changed = Signal()

    def __init__(self) -> None:
        self.orientation = True
        self.region_names = True

    def switch(self, *, orientation: bool | None = None, region_names: bool | None = None) -> None:
        """Show or hide the letters of the directions, or the names of ticked regions."""
        before = (self.orientation, self.region_names)
        if orientation is not None:
            self.orientation = orientation
        if region_names is not None:
            self.region_names = region_names
        if before != (self.orientation, self.region_names):
            self.changed.emit()


_marks: WeakKeyDictionary[Workspace, Marks] = WeakKeyDictionary()


def marks_of(workspace: Workspace) -> Marks:
    """Return the marks of a viewer, created at the first call."""
    return _marks.setdefault(workspace, Marks())
