"""Files of trainings that are saved automatically, so that closing a window loses nothing.

For each recording the folder holds the checkpoint of the last training that was stopped or
interrupted, those of earlier ones, and the trained models. File names begin with the
recording's fingerprint.
The oldest files are deleted when there are more than `MOST_FILES`.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QStandardPaths

if TYPE_CHECKING:
    from napari_crbm.recording import Recording

#: Maximum number of files kept, over all recordings.
MOST_FILES = 20
_CHECKPOINT, _MODEL = ".checkpoint.h5", ".model.h5"


@dataclass(frozen=True)
class Kept:
    """A kept checkpoint or model: its file, date and, for a model, number of assemblies."""

    path: Path
    when: str
    n_assemblies: int | None = None


def folder() -> Path:
    """Return the folder of kept trainings; `make_room` creates it."""
    location = QStandardPaths.StandardLocation.GenericDataLocation
    base = QStandardPaths.writableLocation(location) or str(Path.home())
    return Path(base) / "napari-crbm" / "trainings"


def checkpoint_path(recording: Recording) -> Path:
    """Return the path of the checkpoint of a training on a recording."""
    return folder() / f"{recording.fingerprint[:16]}{_CHECKPOINT}"


def set_checkpoint_aside(recording: Recording) -> None:
    """Rename the checkpoint of an earlier training, so that a new one does not overwrite it."""
    path = checkpoint_path(recording)
    with suppress(FileNotFoundError):
        number = path.stat().st_mtime_ns // 1_000_000
        path.rename(path.with_name(f"{recording.fingerprint[:16]}.{number}{_CHECKPOINT}"))


def new_model_path(recording: Recording, n_assemblies: int) -> Path:
    """Return the path for a model that has just been trained on a recording."""
    now = time.time_ns() // 1_000_000
    return folder() / f"{recording.fingerprint[:16]}.{now}.{n_assemblies}{_MODEL}"


def is_kept(path: Path | None) -> bool:
    """Whether a file was saved automatically in this folder, not by the user elsewhere."""
    return path is not None and path.parent == folder()


def kept_checkpoint(recording: Recording) -> Kept | None:
    """Return the checkpoint of the last unfinished training, or None."""
    earlier = folder().glob(f"{recording.fingerprint[:16]}.*{_CHECKPOINT}")
    # Names have equally many digits, so sorting them sorts by time.
    paths = [checkpoint_path(recording), *sorted(earlier, reverse=True)]
    return next((kept for kept in map(_kept, paths) if kept is not None), None)


def kept_models(recording: Recording) -> list[Kept]:
    """Return the kept models of a recording, the newest first."""
    found = []
    for path in folder().glob(f"{recording.fingerprint[:16]}.*{_MODEL}"):
        kept = _kept(path)
        if kept is not None:
            size = path.name.removesuffix(_MODEL).rpartition(".")[2]
            # Skip files that the user has put there.
            if size.isdecimal():
                found.append(replace(kept, n_assemblies=int(size)))
    return sorted(found, key=lambda kept: kept.path.name, reverse=True)


def _kept(path: Path) -> Kept | None:
    try:
        changed = path.stat().st_mtime
    except OSError:
        return None
    return Kept(path, time.strftime("%d %B %Y, %H:%M", time.localtime(changed)))


def make_room() -> None:
    """Create the folder, and delete the oldest files to make room for one more."""
    folder().mkdir(parents=True, exist_ok=True)
    files = sorted(folder().glob("*.h5"), key=lambda path: path.stat().st_mtime)
    for path in files[: -MOST_FILES + 1]:
        with suppress(OSError):
            path.unlink()
