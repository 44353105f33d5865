"""Write files so that a failure loses nothing: temporary file, sync to disk, rename.

HDF5 meets a full disk when it flushes or closes, and can crash the process there. So HDF5
files are written through a `Sink`, which performs every write in Python and never reports
a failure to HDF5; the failure is raised as an ordinary error once HDF5 is done.
"""

from __future__ import annotations

import glob
import io
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from napari_crbm.errors import FormatError

# A temporary file this old belongs to no writer any more.
_ABANDONED_S = 3600.0
# A virus scanner or a sync client may hold a file for a moment (Windows).
_RENAME_ATTEMPTS = 6
_FIRST_WAIT_S = 0.05


class Sink:
    """A binary file for HDF5 that keeps the first error instead of raising it.

    After an error the file on disk is left as it is; what HDF5 still writes goes to
    memory, so that it can read it back and close.

    Parameters
    ----------
    raw : io.FileIO
        Open for reading and writing.
    """

    def __init__(self, raw: io.FileIO) -> None:
        self._raw = raw
        self._position = 0
        self._rest: io.BytesIO | None = None
        self.error: OSError | None = None

    def check(self) -> None:
        """Raise the first error, if there was one."""
        if self.error is not None:
            raise self.error

    def write(self, data: bytes | memoryview) -> int:
        """Write at the current position."""
        view = memoryview(data).cast("B")
        if self._rest is None:
            try:
                self._raw.seek(self._position)
                _write_all(self._raw, view)
            except OSError as error:
                self._fail(error)
        if self._rest is not None:
            self._rest.seek(self._position)
            self._rest.write(view)
        self._position += len(view)
        return len(view)

    def _fail(self, error: OSError) -> None:
        self.error = error
        # Metadata that HDF5 may want back; large files are not copied.
        self._rest = io.BytesIO()
        with suppress(OSError):
            self._raw.seek(0)
            self._rest.write(self._raw.read(_MOST_COPIED) or b"")

    def read(self, size: int) -> bytes:
        """Read at the current position; what lies beyond the end reads as zeros."""
        buffer = bytearray(size)
        self.readinto(buffer)
        return bytes(buffer)

    def readinto(self, buffer: bytearray | memoryview) -> int:
        """Read at the current position; what lies beyond the end reads as zeros."""
        source: io.FileIO | io.BytesIO = self._raw if self._rest is None else self._rest
        view = memoryview(buffer).cast("B")
        n_read = 0
        try:
            source.seek(self._position)
            while n_read < len(view) and (part := source.readinto(view[n_read:])):
                n_read += part
        except OSError as error:
            if self.error is None:
                self._fail(error)
        view[n_read:] = bytes(len(view) - n_read)
        self._position += len(view)
        return len(view)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position."""
        if whence == io.SEEK_END:
            source: io.FileIO | io.BytesIO = self._raw if self._rest is None else self._rest
            offset += source.seek(0, io.SEEK_END)
        elif whence == io.SEEK_CUR:
            offset += self._position
        self._position = offset
        return offset

    def tell(self) -> int:
        """Return the current position."""
        return self._position

    def truncate(self, size: int) -> int:
        """Set the length of the file."""
        if self._rest is None:
            try:
                self._raw.truncate(size)
            except OSError as error:
                self._fail(error)
        return size

    def flush(self) -> None:
        """Do nothing: the file is synced as a whole at the end."""


_MOST_COPIED = 256 << 20


@contextmanager
def sink(path: str | Path) -> Iterator[Sink]:
    """Write a file through a `Sink`; it takes its place when all went well.

    Raises
    ------
    FormatError
        If it cannot be written. An existing file of this name is then unchanged, and no
        temporary file is left.
    """
    with replacing(path) as temporary, _raw_file(temporary) as raw:
        target = Sink(raw)
        try:
            yield target
        except Exception:
            # What HDF5 raises after a failed write is a consequence of it.
            target.check()
            raise
        target.check()


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a temporary name beside a file, which takes the file's place when all went well.

    The new file is synced to disk first. Temporary files that a killed process left are
    removed by the next write, an hour later or more.

    Raises
    ------
    FormatError
        If the file cannot be written.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise FormatError(f"{path.name} cannot be written: there is no folder {path.parent}.")
    require_replaceable(path)
    _remove_abandoned(path)
    # Writers that look at endings find the one they expect.
    temporary = path.with_name(f".{path.stem}.{secrets.token_hex(4)}.part{path.suffix}")
    try:
        yield temporary
        _sync(temporary)
        _rename(temporary, path)
    except OSError as error:
        raise FormatError(
            f"{path.name} could not be written to {path.absolute().parent}: {reason(error)}."
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> Path:
    """Write a text file in UTF-8 and return its path.

    Raises
    ------
    FormatError
        If it cannot be written; an existing file is then unchanged.
    """
    with replacing(path) as temporary, _raw_file(temporary) as raw:
        _write_all(raw, memoryview(text.encode("utf-8")))
    return Path(path)


def require_replaceable(path: Path) -> None:
    """Refuse a pipe, a socket or a device as a file to write: it would be replaced by a file.

    Raises
    ------
    FormatError
        If it is one.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise FormatError(
            f"{path} is a pipe, a socket or a device, which a file would replace: choose another "
            "name for the output."
        )


def try_writing(folder: Path) -> None:
    """Create and delete a file in a folder.

    Raises
    ------
    FormatError
        If the folder does not exist or cannot be written to.
    """
    if not folder.is_dir():
        raise FormatError(f"The folder {folder} does not exist: create it first.")
    trial = folder / f".napari-crbm.{secrets.token_hex(4)}.part"
    try:
        with _raw_file(trial) as raw:
            _write_all(raw, memoryview(b"napari-crbm"))
    except OSError as error:
        raise FormatError(
            f"Nothing can be written to {folder.absolute()}: {reason(error)}. Choose another "
            "folder."
        ) from error
    finally:
        with suppress(OSError):
            trial.unlink(missing_ok=True)


def require_folder(folder: Path) -> None:
    """Refuse a folder for results that cannot be made or written to. Nothing is made yet.

    Raises
    ------
    FormatError
        If it, or a part of its path, is a file, or nothing can be written there.
    """
    there = folder.absolute()
    while not there.exists() and there != there.parent:
        there = there.parent
    if not there.is_dir():
        raise FormatError(f"{there} is a file, but a folder is needed: name another folder.")
    try_writing(there)


def make_folder(folder: Path) -> None:
    """Make a folder for results, and those above it, unless it exists.

    Raises
    ------
    FormatError
        As for `require_folder`.
    """
    require_folder(folder)
    folder.mkdir(parents=True, exist_ok=True)


def same_file(first: str | Path, second: str | Path) -> bool:
    """Return whether two paths lead to the same file, through links too."""
    first, second = Path(first), Path(second)
    try:
        return first.samefile(second)
    except OSError:
        # Unlike `Path.resolve`, this raises nothing at links that lead back to themselves.
        return os.path.realpath(first) == os.path.realpath(second)


def reason(error: BaseException) -> str:
    """Return the message of an error on one line, without its full stop."""
    text = getattr(error, "strerror", None) or str(error)
    return " ".join(text.split()).rstrip(".")


def _raw_file(path: Path) -> io.FileIO:
    return io.FileIO(path, "x+")


def _write_all(raw: io.FileIO, data: memoryview) -> None:
    """Write all bytes; a system call may write fewer."""
    while len(data):
        data = data[raw.write(data) or 0 :]


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _rename(temporary: Path, path: Path) -> None:
    """Rename over a file; wait a little for a program that holds it."""
    for attempt in range(_RENAME_ATTEMPTS):
        try:
            temporary.replace(path)
            return
        except PermissionError:
            if attempt == _RENAME_ATTEMPTS - 1:
                raise
            time.sleep(_FIRST_WAIT_S * 2**attempt)


def _remove_abandoned(path: Path) -> None:
    """Delete old temporary files of ``path``; young ones may be in use by another process."""
    pattern = f".{glob.escape(path.stem)}.*.part{glob.escape(path.suffix)}"
    with suppress(OSError):
        for temporary in path.parent.glob(pattern):
            with suppress(OSError):
                if time.time() - temporary.stat().st_mtime > _ABANDONED_S:
                    temporary.unlink()
