"""Python that repeats a picture or movie of the canvas."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from napari_crbm.io.writing.script import Script, call, open_again
from napari_crbm.schematic import place_neurons
from napari_crbm.viewer.layers.colour_kinds import KINDS
from napari_crbm.viewer.layers.names import PLUGIN_LAYERS
from napari_crbm.viewer.layers.time_axis import TIME
from napari_crbm.viewer.layers.views import hidden_axis, plane_of, slab_bounds
from napari_crbm.viewer.state.marks import marks_of
from napari_crbm.viewer.state.region_view import RegionView
from napari_crbm.viewer.state.workspace import Workspace, workspace_of


def canvas_code(
    kind: str, path: Path | str, model_path: str | None, viewer: Any, **options: Any
) -> str:
    """Return Python that shows the same in a new viewer and writes the picture or movie.

    Parameters
    ----------
    kind : {"canvas", "movie"}
    path : path
        File to write.
    model_path : str, optional
        Without a model only neurons are shown.
    viewer : napari.Viewer
        With a recording.
    **options
        Options of `save_canvas` or `save_turn`.
    """
    workspace = workspace_of(viewer)
    assert workspace.recording is not None
    script = Script()
    open_again(script, workspace.recording)
    script.need("napari", "Viewer")
    script.need("napari_crbm.viewer.home", "home_of")
    script.add(
        "viewer = Viewer()",
        f"viewer.theme = {viewer.theme!r}",
        "workspace = home_of(viewer).workspace",
        "workspace.open(recording)",
    )
    if model_path is not None:
        script.need("napari_crbm.io", "load_model")
        script.need("napari_crbm.viewer.state.trained", "Trained")
        script.add(f"model = load_model({model_path!r})")
        trained = workspace.trained
        if trained is not None and trained.members.definition == "weight":
            script.add("model.find_members(recording, 'weight')")
        script.add(
            "workspace.show_model(Trained.of(model, recording))",
            f"workspace.set_threshold({workspace.threshold!r})",
            f"workspace.choose_assemblies({list(workspace.assemblies)!r})",
        )
    _add_choices(script, workspace)
    _add_regions(script, workspace.region_view)
    script.need("napari_crbm.viewer.home", "until_shown")
    script.add("until_shown(viewer)")
    _add_view(script, viewer, workspace)
    _add_layers(script, viewer)
    camera = viewer.scene.camera
    save = "save_canvas" if kind == "canvas" else "save_turn"
    size = tuple(int(side) for side in viewer.canvas.size)
    script.need("napari_crbm.viewer.layers.pictures", save)
    script.add(
        f"viewer.scene.camera.angles = {tuple(round(float(a), 3) for a in camera.angles)}",
        f"viewer.scene.camera.center = {tuple(round(float(c), 3) for c in camera.center)}",
        f"viewer.scene.camera.zoom = {float(camera.zoom):.5g}",
        f"{save}(viewer, {call(str(path), size=size, **options)})",
        # A window that is left open may crash Qt when Python ends.
        "viewer.close()",
    )
    return str(script)


def _add_choices(script: Script, workspace: Workspace) -> None:
    """Add the selected frame and neurons, and the colours."""
    if workspace.frame is not None:
        script.add(f"workspace.choose_frame({workspace.frame})")
    if workspace.neuron is not None:
        script.add(f"workspace.choose_neuron({workspace.neuron})")
    if len(workspace.neurons):
        script.add(f"workspace.choose_neurons({workspace.neurons.tolist()})")
    if workspace.colouring is None:
        return
    if workspace.colouring.kind in KINDS:
        function = KINDS[workspace.colouring.kind][1].__name__
        script.need("napari_crbm.viewer.layers.colour_kinds", function)
        script.add(f"workspace.show_colouring({function}(workspace))")
    else:
        script.add(f"# Not repeated: neurons coloured by {workspace.colouring.title}.")


def _add_regions(script: Script, view: RegionView) -> None:
    """Add the ticked regions in their colours."""
    if view.regions is None or not view.ticked.any():
        return
    plain = RegionView(view.regions).colours
    script.add("view = workspace.region_view", "names = list(view.regions.names)")
    for index in np.flatnonzero(view.ticked):
        place = f"[names.index({view.regions.names[index]!r})]"
        script.add(f"view.tick({place})")
        red, green, blue, opacity = (round(float(part), 3) for part in view.colours[index])
        if not np.array_equal(view.colours[index, :3], plain[index, :3]):
            script.add(f"view.paint({place}, {(red, green, blue)})")
        if view.colours[index, 3] != plain[index, 3]:
            script.add(f"view.fade({place}, {opacity})")
    if view.only_ticked:
        script.add("view.restrict(True)")


def _add_view(script: Script, viewer: Any, workspace: Workspace) -> None:
    """Add the slab of a view in 2-D, and what is not written on the canvas."""
    axis, recording = hidden_axis(viewer.dims), workspace.recording
    script.add(f"viewer.dims.ndisplay = {viewer.dims.ndisplay}")
    if axis is not None and recording is not None:
        low, high = slab_bounds(viewer.dims, axis)
        whole = np.ptp(place_neurons(recording).points, axis=0)[axis] < high - low
        script.need("napari_crbm.viewer.home", "home_of")
        script.add("view = home_of(viewer).view", f"view.look({plane_of(axis)!r})")
        if not whole:
            script.add(f"view.set_slab({high - low:g})")
            place = viewer.dims.ndim - 3 + axis
            script.add(f"viewer.dims.set_point({place}, {(low + high) / 2:g})")
    marks = marks_of(workspace)
    off = [name for name in ("orientation", "region_names") if not getattr(marks, name)]
    if off:
        script.need("napari_crbm.viewer.state.marks", "marks_of")
        script.add(f"marks_of(workspace).switch({', '.join(f'{name}=False' for name in off)})")


def _add_layers(script: Script, viewer: Any) -> None:
    """Add hidden layers, and comments on layers that the plugin did not make."""
    for layer in viewer.layers:
        if layer.name in PLUGIN_LAYERS and not layer.visible:
            script.add(
                f"if {layer.name!r} in viewer.layers:",
                f"    viewer.layers[{layer.name!r}].visible = False",
            )
        elif layer.name not in (*PLUGIN_LAYERS, TIME) and layer.visible:
            script.add(f"# Not repeated: the layer {layer.name!r}.")
