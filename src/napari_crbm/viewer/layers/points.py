"""Points layers that are made once and changed afterwards: adding one costs a second."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
from napari.utils.theme import get_theme
from numpy.typing import NDArray

from napari_crbm.palette import DARK, LIGHT, Palette

#: Units and axes of everything in the brain.
SPACE = {"units": ("um", "um", "um"), "axis_labels": ("z", "y", "x")}
_SELECTS = "_activate_on_insert"


def palette_of(viewer: Any) -> Palette:
    """Return the palette for the canvas of a viewer's theme."""
    return LIGHT if np.mean(get_theme(viewer.theme).canvas.as_rgb_tuple()[:3]) > 127 else DARK


def show_points(
    viewer: Any,
    name: str,
    data: NDArray[Any],
    *,
    size: float,
    face_color: NDArray[Any],
    features: Any,
    metadata: dict[str, Any] | None = None,
    symbol: str | NDArray[np.str_] = "disc",
) -> None:
    """Show points in the layer of this name; remove it if there are none.

    ``symbol`` is the name of one napari symbol, or an array of names, one per point.
    """
    if not len(data):
        remove_layers(viewer, name)
        return
    if name in viewer.layers:
        layer = viewer.layers[name]
        # A hidden layer does not slice new data, and then draws old indices into it.
        set_visible(layer, True)
        replace_points(
            layer, data, features=features, size=size, face_color=face_color, symbol=symbol
        )
        layer.metadata.update(metadata or {})
        return
    add_quietly(
        viewer,
        viewer.add_points,
        data,
        name=name,
        size=size,
        face_color=face_color,
        border_width=0,
        antialiasing=0,
        features=features,
        metadata=metadata or {},
        blending="translucent_no_depth",
        symbol=symbol,
        **SPACE,
    )


def replace_points(
    layer: Any,
    data: NDArray[Any],
    *,
    features: Any,
    size: float,
    face_color: NDArray[Any],
    symbol: str | NDArray[np.str_] | None = None,
) -> None:
    """Give a Points layer other points."""
    for _ in replacing_points(
        layer, data, features=features, size=size, face_color=face_color, symbol=symbol
    ):
        pass


def replacing_points(
    layer: Any,
    data: NDArray[Any],
    *,
    features: Any,
    size: float,
    face_color: NDArray[Any],
    symbol: str | NDArray[np.str_] | None = None,
) -> Iterator[None]:
    """Do what `replace_points` does in pieces: 200,000 points take a few tenths of a second.

    The layer is drawn at the end; between the pieces it shows the points before.
    """
    with layer.events.blocker_all():
        layer.selected_data = set()
    with _sliced_once(layer):
        layer.data = data
        yield
        layer.features = features
        layer.size = size
    yield
    # napari warns of colours for no points. It draws others at once, so the points come first.
    if len(data):
        if symbol is not None:
            _set_symbols(layer, symbol)
        set_colours(layer, face_color)


def set_colours(layer: Any, colours: NDArray[Any]) -> None:
    """Colour the points of a layer, which are drawn anew once.

    napari does so twice: for the layer, and for a part of it that can be kept silent, though
    not in public.
    """
    part = getattr(layer, "_face", None)
    with nullcontext() if part is None else part.events.blocker_all():
        layer.face_color = colours


def _set_symbols(layer: Any, symbol: str | NDArray[np.str_]) -> None:
    """Set the symbols of points if they differ: napari compares and copies them one by one."""
    wanted = {symbol} if isinstance(symbol, str) else set(np.unique(symbol).tolist())
    if {str(each) for each in set(layer.symbol)} != wanted or not isinstance(symbol, str):
        layer.symbol = symbol


@contextmanager
def _sliced_once(layer: Any) -> Iterator[None]:
    """Change several properties of a layer, which is sliced and drawn at the end.

    Every setter does that by itself; napari can be told not to, though not in public.
    """
    block = getattr(layer, "_block_refresh", nullcontext)
    with block():
        yield
    if layer.visible:
        layer.refresh()
    else:
        # A hidden layer is not sliced, and would draw new colours with old indices.
        layer.set_view_slice()


def set_visible(layer: Any, visible: bool) -> None:
    """Show or hide a layer; told what is so already, napari would go through its whole scene."""
    if layer.visible != visible:
        layer.visible = visible


def remove_layers(viewer: Any, *names: str) -> None:
    """Remove the named layers."""
    for name in names:
        if name in viewer.layers:
            viewer.layers.remove(viewer.layers[name])


class Drawing:
    """Entered while we add layers, to tell them from those that the user adds."""

    def __init__(self) -> None:
        self.under_way = False

    def __enter__(self) -> None:
        self.under_way = True

    def __exit__(self, *_: object) -> None:
        self.under_way = False


def add_quietly(viewer: Any, add: Any, *args: Any, **options: Any) -> Any:
    """Add a layer and leave the active one active; what ``add`` returns."""
    layers = viewer.layers
    active = layers.selection.active
    # Every change of the selection makes napari redraw the highlights of all layers. Its list
    # can be told not to select what is added, though not in public: without that, it is undone.
    selects = getattr(layers, _SELECTS, None)
    if active is not None and selects:
        setattr(layers, _SELECTS, False)
    try:
        added = add(*args, **options)
    finally:
        if selects is not None:
            setattr(layers, _SELECTS, selects)
    if active is not None and layers.selection.active is not active:
        layers.selection.active = active
    return added
