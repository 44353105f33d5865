"""``napari-crbm view``: open napari with a recording and a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_crbm.cli import reading
from napari_crbm.cli.signals import plain_signals

if TYPE_CHECKING:
    from napari_crbm.model import CRBM
    from napari_crbm.recording import Recording


@reading.with_options
def view(
    recording_path: Annotated[
        Path | None,
        typer.Argument(metavar="[RECORDING]", help="Recording file (.h5).", show_default=False),
    ] = None,
    model_path: Annotated[
        Path | None,
        typer.Argument(metavar="[MODEL]", help="Trained model file (.h5).", show_default=False),
    ] = None,
    *,
    opening: dict[str, Any],
) -> None:
    """Open the viewer, with a recording and a model if given."""
    from napari_crbm.cli.pairing import open_pair
    from napari_crbm.io import open_recording

    if recording_path is None and opening:
        raise typer.BadParameter("needs a recording.", param_hint=reading.given_names(opening))
    recording = model = None
    if recording_path is not None and model_path is not None:
        model, recording = open_pair(model_path, recording_path, opening)
    elif recording_path is not None:
        recording = open_recording(recording_path, **opening)
    show(recording, model)


def show(recording: Recording | None = None, model: CRBM | None = None) -> None:
    """Open a viewer with everything docked and run until it is closed.

    Raises
    ------
    CRBMError
        If napari or a display is missing.
    """
    from napari_crbm.errors import CRBMError, install_extra

    if not display_available():
        raise CRBMError(
            "There is no display to open a window on. Use 'napari-crbm figure' to draw to files."
        )
    try:
        import napari
    except ImportError as error:
        raise CRBMError(f"The viewer needs napari and Qt: {install_extra('all')}.") from error
    from napari_crbm.viewer import open_viewer

    plain_signals()
    open_viewer(recording, model)
    napari.run()


def display_available() -> bool:
    """Whether a window could be opened here."""
    import os
    import sys

    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
