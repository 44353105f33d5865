"""Take the pictures of a movie while the camera turns once around the brain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject, QTimer, Signal

from napari_crbm.declarations import Setting
from napari_crbm.viewer.jobs.job import message_of
from napari_crbm.viewer.layers.pictures import FRAME_MS, turned

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class MovieSettings:
    """Settings of a movie that are not those of `napari_crbm.figures.Export`."""

    length_s: Annotated[
        float,
        Setting(
            "Duration of one turn. Longer is smoother, and the file is larger.",
            ge=0.5,
            le=60,
            unit="s",
            label="One turn",
        ),
    ] = 4.0

    @property
    def n_pictures(self) -> int:
        """Number of pictures of the movie."""
        return round(1000 * self.length_s / FRAME_MS)


class Turn(QObject):
    """Turns the camera once around and takes a picture at every step.

    It takes one picture in every turn of the event loop, so that the window stays responsive.
    Emits ``progressed(done, total)``, then either ``finished(pictures)`` (an empty list when it
    was stopped) or ``failed(message)``; the camera is then as it was before.

    Parameters
    ----------
    camera : napari Camera
    take : callable
        Takes a picture of the canvas, (height, width, 4) uint8.
    n_pictures : int
    parent : QObject
        The owner of this object.
    """

    progressed = Signal(int, int)
    finished = Signal(object)
    failed = Signal(str)

    def __init__(
        self, camera: Any, take: Callable[[], Picture], n_pictures: int, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._camera, self._take, self._n_pictures = camera, take, n_pictures
        self._before = camera.angles
        self._pictures: list[Picture] = []
        self._timer = QTimer(self, interval=0)
        self._timer.timeout.connect(self._step)

    def start(self) -> None:
        """Start to take pictures."""
        self._timer.start()

    def stop(self) -> None:
        """Drop all pictures and end."""
        self._pictures = []
        self._end()
        self.finished.emit([])

    def _step(self) -> None:
        done = len(self._pictures)
        if done == self._n_pictures:
            self._end()
            self.finished.emit(self._pictures)
            return
        try:
            self._camera.angles = turned(self._before, done, self._n_pictures)
            self._pictures.append(self._take()[..., :3])
        except Exception as error:
            # An error of the graphics driver would be raised again for every picture.
            self._end()
            self.failed.emit(message_of(error))
            return
        self.progressed.emit(done + 1, self._n_pictures)

    def _end(self) -> None:
        self._timer.stop()
        self._camera.angles = self._before
