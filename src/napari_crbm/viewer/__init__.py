"""The napari plugin: state of a viewer, layers that follow it, docks that render it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_crbm.model import CRBM
    from napari_crbm.recording import Recording


def open_viewer(recording: Recording | None = None, model: CRBM | None = None) -> Any:
    """Open a napari window with all docks, showing a recording and a model if given.

    Returns
    -------
    napari.Viewer
        Call ``napari.run()`` afterwards in a script.
    """
    import napari

    from napari_crbm.viewer.docks.open import dock_everything
    from napari_crbm.viewer.home import home_of

    viewer = napari.Viewer(title="Neural assemblies")
    dock_everything(viewer)
    home_of(viewer).show(recording, model)
    return viewer
