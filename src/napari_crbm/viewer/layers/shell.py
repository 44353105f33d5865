"""Layers of the brain around the neurons: a translucent shell in 3-D, an outline in 2-D."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from napari_crbm.anatomy.shell import Shell, atlas_shell, neuron_shell
from napari_crbm.errors import RecordingError
from napari_crbm.palette import Palette, hex_to_rgb, with_alpha
from napari_crbm.recording import Recording
from napari_crbm.schematic import place_neurons
from napari_crbm.viewer.jobs.runners import Later, Runner
from napari_crbm.viewer.layers.names import OUTLINE_NAME, SHELL
from napari_crbm.viewer.layers.outline import (
    add_outline,
    outline_colour,
    outline_segments,
    polygon_segments,
)
from napari_crbm.viewer.layers.points import SPACE, Drawing, add_quietly, palette_of, set_visible
from napari_crbm.viewer.layers.views import hidden_axis, slab_bounds
from napari_crbm.viewer.state.workspace import Workspace

if TYPE_CHECKING:
    from napari_crbm.anatomy.meshes import Mesh, PlacedAtlas

#: Metadata key of the normals of a surface that is drawn as glass.
NORMALS = "glass_normals"
#: Metadata key of the colours at the rim, of surfaces in other colours than the shell.
RIM_COLOURS = "glass_rim"
#: Opacity where the surface faces the reader, as a share of that at the rim.
SHELL_CLEAR, BODY_CLEAR = 0.08, 0.4
# Opacity of the rim of the shell, and the power with which it falls off.
_RIM, _POWER = 0.37, 2
# The rim is drawn again when the camera has turned by this much, in degrees.
_TURNED_DEG = 3.0

_shells: WeakKeyDictionary[Recording, tuple[Any, Shell | None]] = WeakKeyDictionary()
_shells_lock = threading.Lock()


def shell_of(recording: Recording, placed: PlacedAtlas | None) -> Shell | None:
    """Return the surface of the atlas' brain, else around the neurons; computed once.

    None if fewer than 50 neurons have a position, or if they lie in a plane.
    """
    with _shells_lock:
        if recording in _shells and _shells[recording][0] is placed:
            return _shells[recording][1]
        shell = None
        if len(recording.known_axes) == 3:
            # Without scikit-image there is no surface.
            with suppress(RecordingError):
                if placed is not None:
                    shell = atlas_shell(placed)
                else:
                    shell = neuron_shell(recording.positions[recording.located])
                if shell is not None:
                    _ = shell.mesh
        _shells[recording] = placed, shell
        return shell


class _Brain(NamedTuple):
    """Surfaces and outline of the brain of one recording. Without a shell only the outline."""

    shell: Shell | None
    normals: NDArray[np.float32]
    flat: NDArray[np.float32]


class ShellLayers:
    """Draw the shell of the brain in 3-D, and the outline of the slab shown in 2-D.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
    workspace : Workspace
    drawing : Drawing
        Entered while layers are added.
    run : Runner
        Computes the surface: a second for 44,055 neurons.
    later : Later
        Adds and changes layers in pieces.
    """

    def __init__(
        self, viewer: Any, workspace: Workspace, drawing: Drawing, run: Runner, later: Later
    ) -> None:
        self.viewer, self.workspace = viewer, workspace
        self._drawing, self._run, self._later = drawing, run, later
        self._brain: _Brain | None = None
        self._of: tuple[Any, Any] = (None, None)
        self._outlined: tuple[Any, ...] = ()
        self._direction = np.zeros(3)
        workspace.palette_changed.connect(self._on_palette)
        workspace.regions_changed.connect(self.show)
        viewer.scene.camera.events.angles.connect(self._on_camera)
        viewer.dims.events.ndisplay.connect(self._on_displayed)
        for event in ("point", "margin_left", "margin_right", "order"):
            getattr(viewer.dims.events, event).connect(self._on_slab)

    def show(self) -> None:
        """Compute and draw what surrounds the neurons of the open recording."""
        recording, placed = self.workspace.recording, self.workspace.placed
        if recording is None or place_neurons(recording).schematic:
            self._brain, self._of = None, (None, None)
            return
        before, self._of = self._of, (recording, placed)
        if self._brain is not None and before[1] is placed and _same_places(before[0], recording):
            # Only the regions have changed.
            return
        self._brain, self._outlined = None, ()

        def work(_report: object) -> _Brain:
            shell = shell_of(recording, placed)
            normals = np.empty((0, 3), np.float32) if shell is None else mesh_normals(shell.mesh)
            flat = outline_segments(recording.positions[recording.located])
            return _Brain(shell, normals, flat)

        def done(brain: _Brain) -> None:
            if self._of == (recording, placed):
                self._brain = brain
                self._later(OUTLINE_NAME, self._draw())

        self._run("Drawing the brain", work, done)

    def _draw(self) -> Iterator[None]:
        brain = self._brain
        if brain is None:
            return
        if brain.shell is not None:
            with self._drawing:
                self._draw_shell(brain, brain.shell)
            yield
        if self._flat and self._brain is brain:
            self._draw_outline()
        yield

    @property
    def _flat(self) -> bool:
        """Whether an outline is drawn: in 2-D, and for neurons of one plane."""
        return self._brain is not None and (
            self.viewer.dims.ndisplay == 2 or self._brain.shell is None
        )

    # --- shell in 3-D ---------------------------------------------------------------------

    def _draw_shell(self, brain: _Brain, shell: Shell) -> None:
        if SHELL not in self.viewer.layers:
            self._direction = np.asarray(self.viewer.scene.camera.view_direction)
            layer = add_glass(self.viewer, shell.mesh, brain.normals, SHELL)
            layer.visible = self.viewer.dims.ndisplay == 3
            return
        layer = self.viewer.layers[SHELL]
        # Remove the old colours first: their number may differ from that of the vertices.
        layer.vertex_colors = None
        layer.data = shell.mesh
        layer.metadata[NORMALS] = brain.normals
        self._colour_glass()

    def _on_camera(self, _event: Any = None) -> None:
        """Draw the silhouettes of all translucent surfaces for the present camera."""
        if self.viewer.dims.ndisplay != 3:
            return
        turned = self._direction @ np.asarray(self.viewer.scene.camera.view_direction)
        if turned < np.cos(np.deg2rad(_TURNED_DEG)):
            self._colour_glass()

    def _on_palette(self) -> None:
        self._colour_glass()
        if OUTLINE_NAME in self.viewer.layers:
            colour = outline_colour(self.workspace.palette)
            self.viewer.layers[OUTLINE_NAME].edge_color = colour

    def _colour_glass(self) -> None:
        direction = np.asarray(self.viewer.scene.camera.view_direction, dtype=np.float64)
        self._direction = direction
        for layer in self.viewer.layers:
            normals = layer.metadata.get(NORMALS)
            if normals is None or not layer.visible:
                continue
            if RIM_COLOURS in layer.metadata:
                colours, clear = layer.metadata[RIM_COLOURS], BODY_CLEAR
            else:
                colours, clear = shell_colours(len(normals), palette_of(self.viewer)), SHELL_CLEAR
            layer.vertex_colors = glass(normals, direction, colours, clear)

    # --- outline in 2-D -------------------------------------------------------------------

    def _on_displayed(self, _event: Any = None) -> None:
        """Show the shell in 3-D and the outline in 2-D, if the other was shown before."""
        if self._brain is None or self._brain.shell is None:
            return
        to_3d = self.viewer.dims.ndisplay == 3
        before, after = (OUTLINE_NAME, SHELL) if to_3d else (SHELL, OUTLINE_NAME)
        layers = self.viewer.layers
        shown = before not in layers or layers[before].visible
        if before in layers:
            set_visible(layers[before], False)
        if after in layers:
            set_visible(layers[after], shown)
        if to_3d:
            self._colour_glass()
        elif shown:
            self._outlined = ()
            self._on_slab()

    def _on_slab(self, _event: Any = None) -> None:
        """Draw the outline of another slab."""
        if self._flat and self._slab() != self._outlined:
            self._later(OUTLINE_NAME, self._follow_slab())

    def _follow_slab(self) -> Iterator[None]:
        if self._flat and self._slab() != self._outlined:
            self._draw_outline()
        yield

    def _slab(self) -> tuple[Any, ...]:
        """Return the hidden axis of space, the bounds of the slab, and its middle."""
        axis = hidden_axis(self.viewer.dims)
        if axis is None:
            return (None,)
        low, high = slab_bounds(self.viewer.dims, axis)
        return axis, low, high, float(self.viewer.dims.point[axis - 3])

    def _draw_outline(self) -> None:
        assert self._brain is not None
        self._outlined = self._slab()
        axis, shell = self._outlined[0], self._brain.shell
        if shell is None or axis is None:
            segments = self._brain.flat
        else:
            _, low, high, middle = self._outlined
            segments = polygon_segments(shell.outline(axis, low, high), axis, middle)
        if OUTLINE_NAME in self.viewer.layers:
            self.viewer.layers[OUTLINE_NAME].data = segments
            return
        with self._drawing:
            add_outline(self.viewer, segments, OUTLINE_NAME)


def _same_places(one: Recording | None, other: Recording) -> bool:
    return one is not None and np.array_equal(one.positions, other.positions, equal_nan=True)


def mesh_normals(mesh: Mesh) -> NDArray[np.float32]:
    """Return the unit normal of every vertex of a surface, (V, 3)."""
    vertices, faces = mesh
    corner, second, third = (vertices[faces[:, k]] for k in range(3))
    across = np.cross(second - corner, third - corner)
    normals = np.zeros(vertices.shape)
    for k in range(3):
        np.add.at(normals, faces[:, k], across)
    length = np.maximum(np.linalg.norm(normals, axis=1), 1e-12)
    return (normals / length[:, None]).astype(np.float32)


def glass(
    normals: NDArray[np.floating],
    direction: NDArray[np.floating],
    colours: NDArray[np.floating],
    clear: float,
) -> NDArray[np.float32]:
    """Return colours (V, 4) of a translucent surface: clear where it faces the reader.

    Parameters
    ----------
    normals : (V, 3) float
        Unit normals of the vertices.
    direction : (3,) float
        Line of sight, of unit length.
    colours : (V, 4) float
        Colour and opacity at the rim.
    clear : float
        Opacity where the surface faces the reader, as a share of that at the rim.
    """
    facing = np.minimum(np.abs(normals @ np.asarray(direction, dtype=normals.dtype)), 1)
    painted = np.array(colours, dtype=np.float32)
    painted[:, 3] *= clear + (1 - clear) * (1 - facing) ** _POWER
    return painted


def shell_colours(n_vertices: int, palette: Palette) -> NDArray[np.float32]:
    """Return the colours (V, 4) of the rim of a shell."""
    return np.repeat(with_alpha(hex_to_rgb([palette.shell]), _RIM), n_vertices, axis=0)


def add_glass(
    viewer: Any,
    mesh: Mesh,
    normals: NDArray[np.float32],
    name: str,
) -> Any:
    """Add the shell of a brain behind all other layers; `ShellLayers` turns its rim."""
    from napari.layers import Surface

    colours = shell_colours(len(normals), palette_of(viewer))
    layer = Surface(
        mesh,
        name=name,
        vertex_colors=glass(normals, viewer.scene.camera.view_direction, colours, SHELL_CLEAR),
        shading="none",
        # Neurons are drawn over it: a shell in front of them would hide them.
        blending="translucent_no_depth",
        metadata={NORMALS: normals},
        **SPACE,
    )
    add_quietly(viewer, viewer.layers.insert, 0, layer)
    return layer
