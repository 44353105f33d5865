"""Layers of the Compare dock: pairs of assemblies of two models, side by side or overlaid."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_crbm.analysis import Counterparts, have_same_neurons, members_of
from napari_crbm.palette import SECOND_CONTEXT, hex_to_rgb, with_alpha
from napari_crbm.recording import Recording
from napari_crbm.schematic import place_neurons
from napari_crbm.viewer.layers.names import ASSEMBLY
from napari_crbm.viewer.layers.neurons import neuron_size_um
from napari_crbm.viewer.layers.outline import add_outline, outline_segments
from napari_crbm.viewer.layers.points import palette_of, remove_layers, show_points

PAIR, SECOND_BRAIN = "Counterparts", "Second brain"
SECOND_OUTLINE = "Second outline"

# Gap between the two brains, as a fraction of the wider one.
_GAP = 0.12
# Strength of colour of members with the smallest weight.
_FAINTEST = 0.35


class CompareLayers:
    """Draw pairs of assemblies; the layer of the selected assembly is hidden meanwhile."""

    def __init__(self, viewer: Any) -> None:
        self.viewer = viewer
        self._brain: tuple[Counterparts, bool] | None = None

    def show(
        self, found: Counterparts, first: int | None, second: int | None, *, apart: bool
    ) -> Iterator[None]:
        """Show an assembly of the first model, one of the second, or both, in pieces.

        Parameters
        ----------
        found : Counterparts
        first, second : int, optional
            Numbers of the assemblies.
        apart : bool
            Whether the second brain stands right of the first, or lies over it.
        """
        moved = self._brain is None or self._brain[0] is not found or self._brain[1] != apart
        # The user may have removed it.
        moved = moved or (apart and SECOND_BRAIN not in self.viewer.layers)
        if moved:
            yield from self._show_brain(found, apart)
        offset = self._offset_um(found) if apart else np.zeros(3, dtype=np.float32)
        parts, palette = [], palette_of(self.viewer)
        for model, recording, unit, colour, shift in (
            (found.first, found.first_recording, first, palette.assembly(0), 0 * offset),
            (found.second, found.second_recording, second, palette.assembly(1), offset),
        ):
            if unit is None:
                parts.append(_nothing())
                continue
            column = model.weights_[:, unit]
            neurons = members_of(model).of(unit)
            weight = column[neurons]
            strength = np.abs(weight) / max(float(np.abs(weight).max(initial=0)), 1e-12)
            colours = palette.fade(colour, _FAINTEST + (1 - _FAINTEST) * strength)
            points = place_neurons(recording).points[neurons] + shift
            parts.append((points, neurons, weight, colours))
        overlaid = not apart and have_same_neurons(found.first_recording, found.second_recording)
        if overlaid:
            for part, other in ((parts[0], parts[1]), (parts[1], parts[0])):
                part[3][np.isin(part[1], other[1])] = with_alpha(hex_to_rgb([palette.shared]))[0]
        points, neurons, weights, colours = (
            np.concatenate(each) for each in zip(*parts, strict=True)
        )
        sides = np.repeat(np.array(["first", "second"], dtype=object), [len(p[1]) for p in parts])
        show_points(
            self.viewer,
            PAIR,
            points,
            size=1.15 * neuron_size_um(found.first_recording),
            face_color=colours,
            features={"model": sides, "neuron": neurons, "weight": weights},
        )
        yield
        if ASSEMBLY in self.viewer.layers:
            self.viewer.layers[ASSEMBLY].visible = False
        if moved:
            self.viewer.reset_view()

    def end(self) -> Iterator[None]:
        """Remove these layers and show the selected assembly again, in pieces."""
        moved = self._brain is not None or SECOND_BRAIN in self.viewer.layers
        self._brain = None
        for name in (PAIR, SECOND_BRAIN, SECOND_OUTLINE):
            if name in self.viewer.layers:
                remove_layers(self.viewer, name)
                yield
        if ASSEMBLY in self.viewer.layers:
            self.viewer.layers[ASSEMBLY].visible = True
        if moved:
            self.viewer.reset_view()

    def _show_brain(self, found: Counterparts, apart: bool) -> Iterator[None]:
        """Draw the neurons of the second recording, unless both have the same and overlap."""
        # Set only at the end: another pair may interrupt these pieces.
        self._brain = None
        recording = found.second_recording
        if apart or not have_same_neurons(found.first_recording, recording):
            offset = self._offset_um(found) if apart else np.zeros(3, dtype=np.float32)
            show_points(
                self.viewer,
                SECOND_BRAIN,
                place_neurons(recording).points + offset,
                size=neuron_size_um(recording),
                face_color=np.tile(
                    np.array([SECOND_CONTEXT], dtype=np.float32), (recording.n_neurons, 1)
                ),
                features={"neuron": np.arange(recording.n_neurons)},
            )
            yield
            layers = self.viewer.layers
            if PAIR in layers and layers.index(SECOND_BRAIN) > layers.index(PAIR):
                layers.move(layers.index(SECOND_BRAIN), layers.index(PAIR))
                yield
            yield from self._show_outline(recording, offset)
        else:
            for name in (SECOND_BRAIN, SECOND_OUTLINE):
                remove_layers(self.viewer, name)
                yield
        self._brain = (found, apart)

    def _show_outline(self, recording: Recording, offset: NDArray[np.float32]) -> Iterator[None]:
        """Draw the outline of the second brain, behind all other layers."""
        if SECOND_OUTLINE in self.viewer.layers:
            remove_layers(self.viewer, SECOND_OUTLINE)
            yield
        if place_neurons(recording).schematic:
            return
        segments = outline_segments(recording.positions[recording.located] + offset)
        yield
        add_outline(self.viewer, segments, SECOND_OUTLINE)
        yield

    @staticmethod
    def _offset_um(found: Counterparts) -> NDArray[np.float32]:
        """Return the shift that puts the second brain right of the first."""
        one, other = (_box(r) for r in (found.first_recording, found.second_recording))
        gap = _GAP * max(one[1][2] - one[0][2], other[1][2] - other[0][2])
        offset = (one[0] + one[1] - other[0] - other[1]) / 2
        offset[2] = one[1][2] - other[0][2] + gap
        return offset.astype(np.float32)


def _box(recording: Recording) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    points = place_neurons(recording).points
    return points.min(axis=0), points.max(axis=0)


def _nothing() -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    return (
        np.empty((0, 3), np.float32),
        np.empty(0, np.int64),
        np.empty(0, np.float32),
        np.empty((0, 4), np.float32),
    )
