"""Pictures of the canvas with a legend, and movies of it rotating."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QBuffer, QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QFont, QImage, QPainter

from napari_crbm.errors import CRBMError, install_extra
from napari_crbm.palette import DARK, Palette, weight_limit
from napari_crbm.viewer.layers.points import palette_of
from napari_crbm.viewer.state.workspace import Workspace, workspace_of

MOVIE_ENDINGS = (".gif", ".mp4")
FRAME_MS = 60

_MARGIN_PX, _LINE_PX, _BAR_PX, _LEGEND_PX = 16, 22, 130, 340
_MOST_NAMED = 8


def canvas_picture(
    viewer: Any,
    *,
    scale: float = 2.0,
    legend: bool = True,
    size: tuple[int, int] | None = None,
) -> NDArray[np.uint8]:
    """Return a picture (H, W, 4) of the canvas with scale bar and legend.

    Parameters
    ----------
    viewer : napari.Viewer
    scale : float
        Pixels of the picture per pixel of the screen.
    legend : bool
        Whether to draw the assemblies, the time and the colour bar of weights.
    size : (int, int), optional
        Height and width of the canvas; by default its size in the window.
    """
    if size is not None:
        # napari counts physical pixels, of which high-resolution screens have several.
        ratio = viewer.window._qt_window.devicePixelRatio()
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
    if not legend:
        return picture
    return draw_legend(picture, workspace_of(viewer), scale, palette_of(viewer))


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
    iio.imwrite(path, picture)
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
    size: tuple[int, int] | None = None,
) -> Path:
    """Write a movie of one full rotation as .gif or .mp4; see `canvas_picture`."""
    before = viewer.scene.camera.angles
    pictures = []
    try:
        for picture in range(n_pictures):
            viewer.scene.camera.angles = turned(before, picture, n_pictures)
            pictures.append(canvas_picture(viewer, scale=1.0, size=size)[..., :3])
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
    if path.suffix.lower() == ".gif":
        iio.imwrite(path, stack, duration=FRAME_MS, loop=0)
    else:
        # H.264 needs even numbers of pixels.
        even = stack[:, : stack.shape[1] // 2 * 2, : stack.shape[2] // 2 * 2]
        iio.imwrite(path, even, fps=1000 / FRAME_MS, codec="libx264", macro_block_size=2)
    return path


def draw_legend(
    picture: NDArray[np.uint8],
    workspace: Workspace,
    scale: float = 1.0,
    palette: Palette = DARK,
) -> NDArray[np.uint8]:
    """Return the picture (H, W, 4) with a legend in its upper left corner."""
    lines = _lines(workspace, palette)
    height = min(picture.shape[0], int(scale * (2 * _MARGIN_PX + _LINE_PX * len(lines))))
    width = min(picture.shape[1], int(scale * _LEGEND_PX))
    image = QImage(width, height, QImage.Format.Format_RGBA8888)
    image.fill(Qt.GlobalColor.transparent)
    # Black or white text, whichever contrasts with the canvas.
    bright = picture[:height, :width, :3].mean() > 127
    ink = QColor("black" if bright else "white")
    painter = QPainter(image)
    try:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.scale(scale, scale)
        font = QFont()
        font.setPixelSize(14)
        painter.setFont(font)
        for line, draw in enumerate(lines):
            painter.setPen(ink)
            draw(painter, float(_MARGIN_PX + line * _LINE_PX))
    finally:
        painter.end()
    drawn = _pixels(image)
    opacity = drawn[..., 3:] / 255
    picture = np.array(picture)
    corner = picture[:height, :width, :3]
    corner[:] = np.round(opacity * drawn[..., :3] + (1 - opacity) * corner)
    return picture


def _pixels(image: QImage) -> NDArray[np.uint8]:
    """Return an image as (H, W, 4), with every binding of Qt."""
    import imageio.v3 as iio

    buffer = QBuffer()
    buffer.open(QBuffer.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")
    return np.asarray(iio.imread(bytes(buffer.data()), extension=".png", mode="RGBA"))


def _lines(workspace: Workspace, palette: Palette) -> list[Callable[[QPainter, float], None]]:
    """Return functions that draw the lines of the legend."""
    recording, weights = workspace.recording, workspace.weights
    several = workspace.assemblies
    lines: list[Callable[[QPainter, float], None]] = []
    if weights is not None and len(several) == 1:
        limit = weight_limit(weights[workspace.shown_members(several[0]), several[0]])
        lines += [
            lambda painter, top: _text(painter, top, f"Assembly {several[0]}"),
            lambda painter, top: _colour_bar(painter, top, limit, palette),
        ]
    elif weights is not None:
        for place, assembly in enumerate(several[:_MOST_NAMED]):
            lines.append(_named(f"Assembly {assembly}", palette.assembly(place)))
        if len(several) > _MOST_NAMED:
            rest = f"and {len(several) - _MOST_NAMED} more"
            lines.append(lambda painter, top: _text(painter, top, rest))
        if len(several) > 1:
            lines.append(_named("in several", None))
            if any((weights[workspace.shown_members(unit), unit] < 0).any() for unit in several):
                lines.append(lambda painter, top: _text(painter, top, "rings: negative weight"))
    if recording is not None and workspace.frame is not None:
        now = recording.times[workspace.frame] - recording.times[0]
        lines.append(lambda painter, top: _text(painter, top, f"{now:.1f} s"))
    return lines


def _named(text: str, colour: str | None) -> Callable[[QPainter, float], None]:
    """Return a function that draws a dot and its name; without colour in that of the text."""

    def draw(painter: QPainter, top: float) -> None:
        pen = painter.pen()
        brush = pen.color()
        if colour is not None:
            brush = QColor(colour)
        painter.setBrush(brush)
        painter.drawEllipse(QPointF(_MARGIN_PX + 6, top + _LINE_PX / 2), 5.0, 5.0)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(pen)
        _text(painter, top, text, indent=20)

    return draw


def _text(painter: QPainter, top: float, text: str, indent: int = 0) -> None:
    box = QRectF(_MARGIN_PX + indent, top, 600, _LINE_PX)
    painter.drawText(box, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)


def _colour_bar(painter: QPainter, top: float, limit: float, palette: Palette) -> None:
    """Draw the colour bar of weights from minus to plus the limit."""
    ramp = (255 * palette.weights(np.linspace(-1, 1, _BAR_PX), 1.0)).astype(np.uint8)
    pixels = np.ascontiguousarray(np.tile(ramp, (8, 1, 1)))
    bar = QImage(pixels.data, _BAR_PX, 8, 4 * _BAR_PX, QImage.Format.Format_RGBA8888)
    painter.drawImage(QPointF(_MARGIN_PX, top + 7), bar)
    _text(painter, top, f"weight ±{limit:.2g}", indent=_BAR_PX + 10)
