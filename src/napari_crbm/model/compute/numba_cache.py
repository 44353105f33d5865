"""A folder for Numba's compiled kernels where its own choices cannot be written.

Numba writes compiled code beside the package, or else to the user's cache folder. In
containers and on clusters often neither can be written, and then the first import of a
kernel fails with "cannot cache function".
"""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from napari_crbm.errors import CRBMError

_VARIABLE = "NUMBA_CACHE_DIR"


def ensure_cache_folder() -> None:
    """Name a writable cache folder for Numba, if it would find none itself.

    Must run after Numba is imported and before the first kernel is declared. A folder that
    the user has chosen with ``NUMBA_CACHE_DIR`` is left alone.

    Raises
    ------
    CRBMError
        If no folder can be written at all.
    """
    if os.environ.get(_VARIABLE) or any(map(_is_writable, _folders_of_numba())):
        return
    import numba

    folder = str(_temporary_folder())
    # The variable is for processes that this one starts; Numba has read it here already.
    os.environ[_VARIABLE] = folder
    numba.config.CACHE_DIR = folder  # type: ignore[attr-defined]


def _folders_of_numba() -> tuple[Path, Path]:
    """Return the folders that Numba tries: beside this module, and the user's."""
    from numba.misc.appdirs import user_cache_dir

    user = user_cache_dir("numba", appauthor=False)  # type: ignore[no-untyped-call]
    return Path(__file__).with_name("__pycache__"), Path(user)


def _is_writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _temporary_folder() -> Path:
    """Return a folder for temporary files that belongs to this user alone.

    Compiled code is loaded from it, so a folder that others can write is not used.
    """
    try:
        user = os.getuid() if hasattr(os, "getuid") else 0
        folder = Path(tempfile.gettempdir()) / f"napari-crbm-numba-{user}"
        folder.mkdir(mode=0o700, exist_ok=True)
        if _is_private(folder) and _is_writable(folder):
            return folder
        return Path(tempfile.mkdtemp(prefix="napari-crbm-numba-"))
    except OSError as error:
        raise CRBMError(
            "No folder can be written for compiled code: set the environment variable "
            f"{_VARIABLE} to a folder that you can write ({error})."
        ) from error


def _is_private(folder: Path) -> bool:
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode):
        return False
    if not hasattr(os, "getuid"):
        # Temporary folders of Windows belong to one user.
        return True
    return status.st_uid == os.getuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
