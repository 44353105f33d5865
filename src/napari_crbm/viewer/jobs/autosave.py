"""Trainings that are kept without being asked: none is lost when a window is closed.

For every recording the folder holds at most one checkpoint (of a training that was
stopped, or cut off) and the models that were trained, named by the recording's
fingerprint. The oldest files go where there are many.
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

#: So many files are kept, of all recordings together.
MOST_FILES = 20
_CHECKPOINT, _MODEL = ".checkpoint.h5", ".model.h5"


@dataclass(frozen=True)
class Kept:
    """Something kept of a recording, and since when; of models also how large they are."""

    path: Path
    when: str
    n_assemblies: int | None = None


def folder() -> Path:
    """Where trainings are kept; made when needed."""
    location = QStandardPaths.StandardLocation.GenericDataLocation
    base = QStandardPaths.writableLocation(location) or str(Path.home())
    return Path(base) / "napari-crbm" / "trainings"


def checkpoint_path(recording: Recording) -> Path:
    """File of the checkpoint of a training on a recording."""
    return folder() / f"{recording.fingerprint[:16]}{_CHECKPOINT}"


def new_model_path(recording: Recording, n_assemblies: int) -> Path:
    """File for a model that was trained on a recording now."""
    now = time.time_ns() // 1_000_000
    return folder() / f"{recording.fingerprint[:16]}.{now}.{n_assemblies}{_MODEL}"


def is_kept(path: Path | None) -> bool:
    """Whether a file is one of those kept here, and not one that a person has saved."""
    return path is not None and path.parent == folder()


def kept_checkpoint(recording: Recording) -> Kept | None:
    """The checkpoint of a training that did not come to its end, if there is one."""
    return _kept(checkpoint_path(recording))


def kept_models(recording: Recording) -> list[Kept]:
    """Models trained on a recording, the last one first."""
    found = []
    for path in folder().glob(f"{recording.fingerprint[:16]}.*{_MODEL}"):
        kept = _kept(path)
        if kept is not None:
            size = path.name.removesuffix(_MODEL).rpartition(".")[2]
            # Not what a person has put there.
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
    """Make the folder, and forget the oldest files where there are many."""
    folder().mkdir(parents=True, exist_ok=True)
    files = sorted(folder().glob("*.h5"), key=lambda path: path.stat().st_mtime)
    for path in files[: -MOST_FILES + 1]:
        with suppress(OSError):
            path.unlink()
