"""How the regions of a recording are shown: ticked or not, colour, transparency; no Qt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from napari_crbm.anatomy import distinct_region_colours, region_colours

if TYPE_CHECKING:
    from napari_crbm.regions import Regions

#: Opacity of a region's body at first.
OPACITY = 0.3


class RegionState(NamedTuple):
    """A copy of everything a `RegionView` shows, to go back to."""

    ticked: NDArray[np.bool_]
    colours: NDArray[np.float32]
    only_ticked: bool


class RegionView:
    """Ticks, colours and transparency of regions; emits ``changed`` after every change."""

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
        """Show bodies of regions, or no longer."""
        self.ticked[regions] = ticked
        self.changed.emit()

    def paint(self, regions: list[int], rgb: tuple[float, float, float]) -> None:
        """Give regions a colour."""
        self.colours[regions, :3] = rgb
        self.changed.emit()

    def fade(self, regions: list[int], opacity: float) -> None:
        """Give regions an opacity, 0 to 1."""
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
        """What is shown now."""
        return RegionState(self.ticked.copy(), self.colours.copy(), self.only_ticked)

    def restore(self, state: RegionState) -> None:
        """Go back to a `state` of the same regions."""
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
        """Neurons that may be shown, (N,); None for all."""
        if self.regions is None or not self.only_ticked or not self.ticked.any():
            return None
        # Asked for by all that shows neurons, again and again.
        key = self.ticked.tobytes()
        if self._shown is None or self._shown[0] != key:
            chosen = self.regions.membership[:, np.flatnonzero(self.ticked)]
            self._shown = key, np.asarray(chosen.sum(axis=1)).ravel() > 0
        return self._shown[1]
