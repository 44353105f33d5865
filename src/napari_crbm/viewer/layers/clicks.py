"""Mouse clicks on the canvas: a click on a neuron selects it, elsewhere selects none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from napari_crbm.viewer.layers.names import ASSEMBLY
from napari_crbm.viewer.layers.neurons import neurons_layer
from napari_crbm.viewer.state.workspace import Workspace

_DRAG_PX = 4.0


def install_clicks(
    viewer: Any, workspace: Workspace, wanted: Callable[[], bool] = lambda: True
) -> None:
    """Select the neuron that is clicked (not dragged), whichever layer is active.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
    workspace : Workspace
    wanted : callable
        Returns False while clicks have another meaning, as with the lasso.
    """

    def on_drag(viewer: Any, event: Any) -> Iterator[None]:
        if event.button != 1 or event.modifiers or not wanted():
            return
        start = event.pos
        yield
        while event.type == "mouse_move":
            yield
        moved = max(abs(event.pos[0] - start[0]), abs(event.pos[1] - start[1]))
        if moved <= _DRAG_PX:
            workspace.choose_neuron(neuron_at(viewer, event))

    viewer.mouse_drag_callbacks.append(on_drag)


def neuron_at(viewer: Any, event: Any) -> int | None:
    """Return the neuron drawn at the pointer, or None."""
    layers = viewer.layers
    # The layer on top comes first.
    for layer in (*(each for each in layers if each.name == ASSEMBLY), neurons_layer(layers)):
        if layer is None or not layer.visible:
            continue
        index = layer.get_value(
            event.position,
            view_direction=event.view_direction,
            dims_displayed=event.dims_displayed,
            world=True,
        )
        if index is not None:
            return int(layer.features["neuron"].iloc[int(index)])
    return None
