"""Trainings that are kept without being asked: none is lost when a window is closed.

For every recording the folder holds at most one checkpoint (of a training that was
stopped, or cut off) and one model (the last one that was trained), named by the
recording's fingerprint.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QStandardPaths

if TYPE_CHECKING:
    from napari_crbm.recording import Recording

_MOST_FILES = 20
_CHECKPOINT, _MODEL = ".checkpoint.h5", ".model.h5"


@dataclass(frozen=True)
class Kept:
    """Something kept of a recording, and since when."""

    path: Path
    when: str


def folder() -> Path:
    """Where trainings are kept; made when needed."""
    location = QStandardPaths.StandardLocation.GenericDataLocation
    base = QStandardPaths.writableLocation(location) or str(Path.home())
    return Path(base) / "napari-crbm" / "trainings"


def checkpoint_path(recording: Recording) -> Path:
    """File of the checkpoint of a training on a recording."""
    return folder() / f"{recording.fingerprint[:16]}{_CHECKPOINT}"


def model_path(recording: Recording) -> Path:
    """File of the last model trained on a recording."""
    return folder() / f"{recording.fingerprint[:16]}{_MODEL}"


def kept_checkpoint(recording: Recording) -> Kept | None:
    """The checkpoint of a training that did not come to its end, if there is one."""
    return _kept(checkpoint_path(recording))


def kept_model(recording: Recording) -> Kept | None:
    """The last model trained on a recording, if there is one."""
    return _kept(model_path(recording))


def _kept(path: Path) -> Kept | None:
    try:
        changed = path.stat().st_mtime
    except OSError:
        return None
    return Kept(path, time.strftime("%d %B %Y, %H:%M", time.localtime(changed)))


def make_room() -> None:
    """Make the folder, and forget the oldest files where there are many."""
    folder().mkdir(parents=True, exist_ok=True)
    files = sorted(folder().glob("*.h5"), key=lambda path: path.stat().st_mtime)
    for path in files[: -_MOST_FILES + 1]:
        with suppress(OSError):
            path.unlink()
