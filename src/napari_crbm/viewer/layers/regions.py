"""Layer of region surfaces: one layer for all ticked regions."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_crbm.anatomy import enclosing_surface
from napari_crbm.errors import RecordingError
from napari_crbm.recording import Recording
from napari_crbm.schematic import place_neurons
from napari_crbm.viewer.jobs.runners import Runner, run_at_once
from napari_crbm.viewer.layers.names import REGIONS, SHELL
from napari_crbm.viewer.layers.points import add_quietly, set_visible
from napari_crbm.viewer.layers.shell import (
    BODY_CLEAR,
    NORMALS,
    RIM_COLOURS,
    glass,
    mesh_normals,
    shell_of,
)
from napari_crbm.viewer.state.workspace import Workspace

if TYPE_CHECKING:
    from napari_crbm.anatomy.meshes import PlacedAtlas
    from napari_crbm.regions import Regions

# Vertices of bodies whose rim follows the camera.
_MOST_TURNED = 8000

SurfaceMesh = tuple[NDArray[np.float32], NDArray[np.int64]]


class RegionLayers:
    """Draw the surfaces of the regions that are ticked in the workspace's `region_view`.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
    workspace : Workspace
    run : Runner
        Without an atlas, surfaces are computed around the neurons: seconds for hundreds
        of regions.
    """

    def __init__(self, viewer: Any, workspace: Workspace, run: Runner = run_at_once) -> None:
        self.viewer = viewer
        self.workspace = workspace
        self.run = run
        self._surfaces: dict[int, SurfaceMesh] = {}
        self._of: Any = None
        self._shaping = False
        self._drawn: tuple[Any, list[int], NDArray[np.float32]] | None = None
        workspace.region_view.changed.connect(self.show)

    def show(self) -> None:
        """Draw the surfaces of the ticked regions, computing those that are new."""
        recording, view = self.workspace.recording, self.workspace.region_view
        if view.regions is not self._of:
            self._surfaces, self._of = {}, view.regions
        ticked = [int(k) for k in np.flatnonzero(view.ticked)]
        missing = [k for k in ticked if k not in self._surfaces]
        if recording is None or not ticked:
            self._draw([])
        elif not missing:
            self._draw(ticked)
        elif not self._shaping:
            self._shape(recording, missing)

    def _shape(self, recording: Recording, missing: list[int]) -> None:
        regions = self.workspace.region_view.regions
        assert regions is not None
        self._shaping = True
        placed = self.workspace.placed

        def work(report: Callable[[int, int], None]) -> dict[int, SurfaceMesh]:
            surfaces = {}
            for place, k in enumerate(missing):
                report(place, len(missing))
                surfaces[k] = _surface(recording, regions, regions.names[k], placed)
            return surfaces

        def done(surfaces: dict[int, SurfaceMesh]) -> None:
            self._shaping = False
            if regions is self._of:
                self._surfaces.update(surfaces)
            self.show()

        self.run("Computing region surfaces", work, done)

    def _draw(self, ticked: list[int]) -> None:
        view = self.workspace.region_view
        paints = view.colours[ticked]
        drawn, self._drawn = self._drawn, (view.regions, ticked, paints)
        if (
            drawn is not None
            and drawn[0] is view.regions
            and drawn[1] == ticked
            and np.array_equal(drawn[2], paints)
        ):
            # Only the neurons that are shown have changed.
            return
        surfaces = [(k, *self._surfaces[k]) for k in ticked if len(self._surfaces[k][0])]
        if not surfaces or view.regions is None:
            if REGIONS in self.viewer.layers:
                set_visible(self.viewer.layers[REGIONS], False)
            return
        sizes = [len(vertices) for _, vertices, _ in surfaces]
        starts = np.cumsum([0, *sizes[:-1]])
        vertices = np.concatenate([vertices for _, vertices, _ in surfaces])
        faces = np.concatenate(
            [faces + start for (_, _, faces), start in zip(surfaces, starts, strict=True)]
        )
        rim = np.repeat(view.colours[[k for k, _, _ in surfaces]], sizes, axis=0)
        normals = mesh_normals((vertices, faces))
        colours = glass(normals, self.viewer.scene.camera.view_direction, rim, BODY_CLEAR)
        metadata: dict[str, Any] = {
            "regions": [view.regions.names[k] for k, _, _ in surfaces],
            RIM_COLOURS: rim,
            # Many bodies would hold up the turning of the brain.
            NORMALS: normals if len(vertices) <= _MOST_TURNED else None,
        }
        if REGIONS not in self.viewer.layers:
            self._add(vertices, faces, colours, metadata)
            return
        layer = self.viewer.layers[REGIONS]
        set_visible(layer, True)
        # Remove the old colours first: their number may differ from that of the new vertices.
        layer.vertex_colors = None
        layer.data = (vertices, faces)
        layer.vertex_colors = colours
        layer.metadata.update(metadata)

    def _add(
        self,
        vertices: NDArray[np.float32],
        faces: NDArray[np.int64],
        colours: NDArray[np.float32],
        metadata: dict[str, Any],
    ) -> None:
        from napari.layers import Surface

        layer = Surface(
            (vertices, faces),
            name=REGIONS,
            vertex_colors=colours,
            shading="none",
            blending="translucent_no_depth",
            metadata=metadata,
            units=("um", "um", "um"),
            axis_labels=("z", "y", "x"),
        )
        # Behind the neurons, so that they stay visible, and in front of the shell.
        layers = self.viewer.layers
        place = layers.index(SHELL) + 1 if SHELL in layers else 0
        add_quietly(self.viewer, layers.insert, place, layer)


def _surface(
    recording: Recording, regions: Regions, name: str, placed: PlacedAtlas | None
) -> SurfaceMesh:
    """Return the surface of a region from its atlas, else around its neurons, in the brain."""
    if placed is not None:
        # Some atlases have no surface for regions that were merged to a level.
        with suppress(RecordingError):
            return placed.body(name)
    vertices, faces = enclosing_surface(place_neurons(recording).points[regions.members(name)])
    shell = shell_of(recording, placed)
    return vertices if shell is None else shell.keep_inside(vertices), faces
