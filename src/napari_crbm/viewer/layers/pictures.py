"""Pictures of the canvas with a legend, and movies of it rotating."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QBuffer, QRectF, Qt
from qtpy.QtGui import QImage, QPainter

from napari_crbm.errors import CRBMError, install_extra
from napari_crbm.io.safety.replacing import replacing
from napari_crbm.viewer.layers.canvas_legend import lines_of
from napari_crbm.viewer.layers.legend import Line, ink_on, legend_size, paint_legend
from napari_crbm.viewer.layers.marks import (
    COMPASS_MARGIN_PX,
    COMPASS_PX,
    letters,
    names_box,
    orientation_is_known,
    paint_letters,
    paint_names,
    region_names,
)
from napari_crbm.viewer.layers.points import palette_of
from napari_crbm.viewer.state.marks import marks_of
from napari_crbm.viewer.state.workspace import workspace_of

MOVIE_ENDINGS = (".gif", ".mp4")
FRAME_MS = 60


def canvas_picture(
    viewer: Any,
    *,
    scale: float = 2.0,
    legend: bool = True,
    size: tuple[int, int] | None = None,
) -> NDArray[np.uint8]:
    """Return a picture (H, W, 4) of the canvas with scale bar, legend, directions and names.

    Directions and names of regions are drawn unless they are switched off; see
    `napari_crbm.viewer.state.marks`.

    Parameters
    ----------
    viewer : napari.Viewer
    scale : float
        Pixels of the picture per pixel of the screen.
    legend : bool
        Whether to draw the legend of the canvas.
    size : (int, int), optional
        Height and width of the canvas; by default its size in the window.
    """
    # napari counts physical pixels, of which high-resolution screens have several.
    ratio = viewer.window._qt_window.devicePixelRatio()
    if size is not None:
        size = (int(size[0] * ratio), int(size[1] * ratio))
    bar, camera = viewer.canvas.overlays.scale_bar, viewer.scene.camera
    # napari scales neither overlays nor the scene with the picture.
    font_size, zoom = float(bar.font_size), float(camera.zoom)
    bar.font_size, camera.zoom = font_size * scale, zoom * scale
    try:
        picture = np.asarray(
            viewer.screenshot(canvas_only=True, scale=scale, size=size, flash=False),
            dtype=np.uint8,
        )
    finally:
        bar.font_size, camera.zoom = font_size, zoom
    ink, scale = ink_on(palette_of(viewer)), scale * ratio
    if legend:
        picture = draw_legend(picture, lines_of(viewer, workspace_of(viewer)), scale, ink)
    return draw_marks(picture, viewer, scale, ink)


def save_canvas(
    viewer: Any,
    path: Path | str,
    *,
    scale: float = 2.0,
    legend: bool = True,
    size: tuple[int, int] | None = None,
) -> Path:
    """Write the canvas as a PNG file; see `canvas_picture`."""
    check_picture(path)
    return write_picture(path, canvas_picture(viewer, scale=scale, legend=legend, size=size))


def check_picture(path: Path | str) -> None:
    """Check the file name of a picture before it is taken.

    Raises
    ------
    CRBMError
        If it does not end in .png.
    """
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise CRBMError(f"'{path.name}' must end in .png to hold a picture of the canvas.")


def write_picture(path: Path | str, picture: NDArray[np.uint8]) -> Path:
    """Write a picture (H, W, 4) as a PNG file; needs no window."""
    import imageio.v3 as iio

    path = Path(path)
    with replacing(path) as temporary:
        iio.imwrite(temporary, picture)
    return path


def turned(angles: Sequence[float], picture: int, n_pictures: int) -> tuple[float, float, float]:
    """Return the camera angles of one picture of a full rotation."""
    first, second, third = angles
    return first, second + 360 * picture / n_pictures, third


def save_turn(
    viewer: Any,
    path: Path | str,
    *,
    n_pictures: int = 72,
    legend: bool = True,
    size: tuple[int, int] | None = None,
) -> Path:
    """Write a movie of one full rotation as .gif or .mp4; see `canvas_picture`."""
    before = viewer.scene.camera.angles
    pictures = []
    try:
        for picture in range(n_pictures):
            viewer.scene.camera.angles = turned(before, picture, n_pictures)
            pictures.append(canvas_picture(viewer, scale=1.0, legend=legend, size=size)[..., :3])
    finally:
        viewer.scene.camera.angles = before
    return write_movie(path, pictures)


def check_movie(path: Path | str) -> None:
    """Check the file name of a movie before any picture is taken.

    Raises
    ------
    CRBMError
        If the ending is unknown, or imageio-ffmpeg is missing for MP4.
    """
    path = Path(path)
    if path.suffix.lower() not in MOVIE_ENDINGS:
        raise CRBMError(f"'{path.name}' must end in {' or '.join(MOVIE_ENDINGS)} to hold a movie.")
    if path.suffix.lower() == ".mp4":
        try:
            import imageio_ffmpeg  # noqa: F401
        except ImportError as error:
            raise CRBMError(
                f"MP4 files need a missing package: {install_extra('movie')}, or choose GIF."
            ) from error


def write_movie(path: Path | str, pictures: Sequence[NDArray[np.uint8]]) -> Path:
    """Write pictures of equal size, (H, W, 3) each, as a looping GIF or as MP4 (H.264)."""
    import imageio.v3 as iio

    path = Path(path)
    check_movie(path)
    stack = np.stack(pictures)
    with replacing(path) as temporary:
        if path.suffix.lower() == ".gif":
            iio.imwrite(temporary, stack, duration=FRAME_MS, loop=0)
        else:
            # H.264 needs even numbers of pixels.
            even = stack[:, : stack.shape[1] // 2 * 2, : stack.shape[2] // 2 * 2]
            iio.imwrite(temporary, even, fps=1000 / FRAME_MS, codec="libx264", macro_block_size=2)
    return path


def draw_legend(
    picture: NDArray[np.uint8], lines: Sequence[Line], scale: float, ink: str
) -> NDArray[np.uint8]:
    """Return the picture (H, W, 4) with a legend in its upper left corner.

    Parameters
    ----------
    picture : (H, W, 4) uint8
    lines : sequence of Line
        See `napari_crbm.viewer.layers.legend`.
    scale : float
        Pixels of the picture per pixel of the screen.
    ink : str
        Colour of the text.
    """
    size = legend_size(lines)
    box = QRectF(0, 0, size.width(), size.height())
    return _painted(picture, box, scale, lambda painter: paint_legend(painter, lines, ink))


def draw_marks(
    picture: NDArray[np.uint8], viewer: Any, scale: float, ink: str
) -> NDArray[np.uint8]:
    """Return the picture (H, W, 4) with directions and names of regions, as on the canvas.

    Parameters
    ----------
    picture : (H, W, 4) uint8
    viewer : napari.Viewer
    scale : float
        Pixels of the picture per pixel of the screen.
    ink : str
        Colour of the text.
    """
    workspace = workspace_of(viewer)
    marks, recording = marks_of(workspace), workspace.recording
    found = letters(viewer, recording) if marks.orientation else []
    if recording is not None and found:
        known = orientation_is_known(recording, workspace.placed)
        top = picture.shape[0] / scale - COMPASS_PX - COMPASS_MARGIN_PX
        box = QRectF(COMPASS_MARGIN_PX, top, COMPASS_PX, COMPASS_PX)
        picture = _painted(
            picture, box, scale, lambda painter: paint_letters(painter, found, ink, known=known)
        )
    size = (picture.shape[0] / scale, picture.shape[1] / scale)
    names = region_names(viewer, workspace, size) if marks.region_names else []
    if names:
        box = names_box(names)

        def paint(painter: QPainter) -> None:
            painter.translate(-box.topLeft())
            paint_names(painter, names, ink)

        picture = _painted(picture, box, scale, paint)
    return picture


def _painted(
    picture: NDArray[np.uint8], box: QRectF, scale: float, act: Callable[[QPainter], None]
) -> NDArray[np.uint8]:
    """Return the picture with what ``act(painter)`` draws in a box, in pixels of the screen."""
    top, left = round(scale * box.top()), round(scale * box.left())
    image = QImage(
        max(1, int(scale * box.width())),
        max(1, int(scale * box.height())),
        QImage.Format.Format_RGBA8888,
    )
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    try:
        painter.scale(scale, scale)
        act(painter)
    finally:
        painter.end()
    # Only the part of the box that lies in the picture.
    drawn = _pixels(image)[max(0, -top) :, max(0, -left) :]
    top, left = max(0, top), max(0, left)
    part = picture[top : top + drawn.shape[0], left : left + drawn.shape[1], :3]
    drawn = drawn[: part.shape[0], : part.shape[1]]
    opacity = drawn[..., 3:] / 255
    picture = np.array(picture)
    part = picture[top : top + drawn.shape[0], left : left + drawn.shape[1], :3]
    part[:] = np.round(opacity * drawn[..., :3] + (1 - opacity) * part)
    return picture


def _pixels(image: QImage) -> NDArray[np.uint8]:
    """Return an image as (H, W, 4), with every binding of Qt."""
    import imageio.v3 as iio

    buffer = QBuffer()
    buffer.open(QBuffer.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")
    return np.asarray(iio.imread(bytes(buffer.data()), extension=".png", mode="RGBA"))
