"""Checkpoints of a running training at intervals, and a model that must not be lost."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from napari_crbm.errors import CRBMError, FormatError
from napari_crbm.io.models.checkpoints import save_checkpoint


class Autosave:
    """Write a checkpoint of a running training at intervals.

    A checkpoint that cannot be written never ends the training: `problem` then says why,
    and the next attempt follows after the interval, or at once when a paused training goes on.
    The last good checkpoint stays.

    Parameters
    ----------
    path : path
        File of the checkpoint.
    interval_s : float
        Seconds between two checkpoints.
    kind : str
        Kind of the file, see `save_checkpoint`.
    pause : callable, optional
        Pauses the training when a checkpoint cannot be written; someone must be there who can
        make room and let it go on.
    """

    def __init__(
        self,
        path: Path,
        interval_s: float = 120.0,
        kind: str = "checkpoint",
        pause: Callable[[], None] | None = None,
    ) -> None:
        self.path = path
        self._kind = kind
        self._pause = pause
        self.interval_s = interval_s
        #: Why the last attempt failed, in one sentence; None if it succeeded.
        self.problem: str | None = None
        self._last = time.monotonic()

    def offer(self, take: Callable[[], Mapping[str, Any]]) -> None:
        """Write a checkpoint if one is due.

        Parameters
        ----------
        take : callable
            Returns the state of the training, such as `Training.checkpoint`.
        """
        if time.monotonic() - self._last >= self.interval_s:
            self.save(take)

    def save(self, take: Callable[[], Mapping[str, Any]]) -> bool:
        """Write a checkpoint now, and return whether that succeeded."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            save_checkpoint(take(), self.path, self._kind)
        except (CRBMError, OSError) as error:
            then = (
                "The training goes on; the next attempt follows in "
                f"{max(self.interval_s, 1.0):,.0f} s."
            )
            if self._pause is not None:
                then = "The training is paused and nothing is lost: make room, then let it go on."
            self.problem = f"No checkpoint could be written: {error} {then}"
        else:
            self.problem = None
        self._last = time.monotonic()
        if self.problem is not None and self._pause is not None:
            self._last = -math.inf
            self._pause()
        return self.problem is None

    def discard(self) -> None:
        """Delete the checkpoint."""
        with suppress(OSError):
            self.path.unlink(missing_ok=True)


def checkpoint_beside(model: Path) -> Path:
    """Return the file of the checkpoint of a training that writes a model file.

    Two models with different names never share a checkpoint.
    """
    if model.suffix.lower() == ".h5":
        return model.with_name(f"{model.stem}.checkpoint.h5")
    return model.with_name(f"{model.name}.training.checkpoint.h5")


def free_name(path: Path) -> Path:
    """Return the path, or with a number before its suffix if such a file exists."""
    candidate, number = path, 1
    while candidate.exists():
        number += 1
        candidate = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return candidate


def write_or_rescue(write: Callable[[Path], object], path: Path) -> tuple[Path, str | None]:
    """Write a result; if that fails, write it to the working or the temporary folder.

    Parameters
    ----------
    write : callable
        Writes the file of the given path.
    path : path

    Returns
    -------
    path : path
        Where the result is.
    problem : str or None
        Why it is not at ``path``.

    Raises
    ------
    FormatError
        If it cannot be written anywhere.
    """
    try:
        write(path)
    except FormatError as error:
        for folder in (Path.cwd(), Path(tempfile.gettempdir())):
            rescued = free_name(folder / path.name)
            with suppress(CRBMError, OSError):
                write(rescued)
                return rescued, str(error)
        raise
    return path, None
