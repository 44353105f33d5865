"""Points layers that are added once and then changed: adding one costs a second."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
from napari.utils.theme import get_theme
from numpy.typing import NDArray

from napari_crbm.palette import DARK, LIGHT, Palette

#: Units and axes of all layers in the space of the brain.
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
        # napari does not slice a hidden layer, and then draws old indices of new data.
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
    """Replace the points of a layer."""
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
    """Replace points in pieces: 200,000 points take a few tenths of a second.

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
    # napari warns of colours without points. It draws colours at once, so points come first.
    if len(data):
        if symbol is not None:
            _set_symbols(layer, symbol)
        set_colours(layer, face_color)


def set_colours(layer: Any, colours: NDArray[Any]) -> None:
    """Set the colours of the points of a layer, and draw it once.

    napari draws twice, for the layer and for its colour manager. Blocking the second needs a
    private attribute; without it both are drawn.
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
    """Change several properties of a layer, then slice and draw it once.

    Every setter slices and draws. Preventing that needs a private attribute of napari;
    without it the layer is drawn several times.
    """
    block = getattr(layer, "_block_refresh", nullcontext)
    with block():
        yield
    if layer.visible:
        layer.refresh()
    else:
        # napari does not slice a hidden layer, and would colour points by old indices.
        layer.set_view_slice()


def set_visible(layer: Any, visible: bool) -> None:
    """Show or hide a layer, only if that changes something: napari then updates its scene."""
    if layer.visible != visible:
        layer.visible = visible


def remove_layers(viewer: Any, *names: str) -> None:
    """Remove the named layers."""
    for name in names:
        if name in viewer.layers:
            viewer.layers.remove(viewer.layers[name])


class Drawing:
    """Context entered while the plugin adds layers, to distinguish them from the user's."""

    def __init__(self) -> None:
        self.under_way = False

    def __enter__(self) -> None:
        self.under_way = True

    def __exit__(self, *_: object) -> None:
        self.under_way = False


def add_quietly(viewer: Any, add: Any, *args: Any, **options: Any) -> Any:
    """Add a layer without selecting it; return what ``add`` returns."""
    layers = viewer.layers
    active = layers.selection.active
    # Selecting a layer makes napari redraw the highlights of all layers. Preventing that needs
    # a private attribute of its list; without it the selection is restored afterwards.
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
