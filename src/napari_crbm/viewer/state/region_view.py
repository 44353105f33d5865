"""Which regions of the recording are shown, in which colour and opacity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from napari_crbm.anatomy import distinct_region_colours, region_colours

if TYPE_CHECKING:
    from napari_crbm.regions import Regions

#: Initial opacity of a region's surface.
OPACITY = 0.3


class RegionState(NamedTuple):
    """A copy of the state of a `RegionView`, for undo."""

    ticked: NDArray[np.bool_]
    colours: NDArray[np.float32]
    only_ticked: bool


class RegionView:
    """Ticks, colours and opacities of regions; emits ``changed`` after every change."""

    changed = Signal()

    def __init__(self, regions: Regions | None = None) -> None:
        self._take(regions)

    def _take(self, regions: Regions | None) -> None:
        self.regions = regions
        names = () if regions is None else regions.names
        self.ticked = np.zeros(len(names), dtype=bool)
        self.colours = np.zeros((len(names), 4), dtype=np.float32)
        if names:
            self.colours[:] = distinct_region_colours(names)
            self.colours[:, 3] = OPACITY
        self.only_ticked = False
        self._shown: tuple[bytes, NDArray[np.bool_]] | None = None

    def reset(self, regions: Regions | None) -> None:
        """Show other regions, none of them ticked."""
        self._take(regions)
        self.changed.emit()

    def tick(self, regions: NDArray[np.integer] | list[int], ticked: bool = True) -> None:
        """Show or hide the surfaces of regions."""
        self.ticked[regions] = ticked
        self.changed.emit()

    def paint(self, regions: list[int], rgb: tuple[float, float, float]) -> None:
        """Set the colour of regions."""
        self.colours[regions, :3] = rgb
        self.changed.emit()

    def fade(self, regions: list[int], opacity: float) -> None:
        """Set the opacity of regions, 0 to 1."""
        self.colours[regions, 3] = opacity
        self.changed.emit()

    def restrict(self, only_ticked: bool) -> None:
        """Show only neurons inside ticked regions, or all."""
        self.only_ticked = only_ticked
        self.changed.emit()

    def colours_of(self, names: Sequence[str]) -> NDArray[np.float32]:
        """Return opaque RGBA (n, 4) of regions by name, as they are coloured now."""
        rgba = np.asarray(region_colours(names), dtype=np.float32).reshape(-1, 4)
        known = {} if self.regions is None else {n: k for k, n in enumerate(self.regions.names)}
        for place, name in enumerate(names):
            if name in known:
                rgba[place, :3] = self.colours[known[name], :3]
        return rgba

    def state(self) -> RegionState:
        """Return a copy of what is shown."""
        return RegionState(self.ticked.copy(), self.colours.copy(), self.only_ticked)

    def restore(self, state: RegionState) -> None:
        """Restore a `state` of the same regions; another one is ignored."""
        if len(state.ticked) != len(self.ticked):
            return
        if (
            np.array_equal(state.ticked, self.ticked)
            and np.array_equal(state.colours, self.colours)
            and state.only_ticked == self.only_ticked
        ):
            return
        self.ticked, self.colours = state.ticked.copy(), state.colours.copy()
        self.only_ticked = state.only_ticked
        self.changed.emit()

    @property
    def shown_neurons(self) -> NDArray[np.bool_] | None:
        """Neurons inside ticked regions, (N,), while only these are shown; else None."""
        if self.regions is None or not self.only_ticked or not self.ticked.any():
            return None
        # Every layer and dock that shows neurons asks, so the answer is cached.
        key = self.ticked.tobytes()
        if self._shown is None or self._shown[0] != key:
            chosen = self.regions.membership[:, np.flatnonzero(self.ticked)]
            self._shown = key, np.asarray(chosen.sum(axis=1)).ravel() > 0
        return self._shown[1]
