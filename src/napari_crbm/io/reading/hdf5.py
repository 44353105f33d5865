"""HDF5 files: open read-only, check fields, write to a temporary file and rename.

Every file of ours carries the attributes ``format``, ``version`` and ``kind``, and
every way in which a file can be unreadable raises one `FormatError` that says so.
"""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import h5py
import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import CRBMError, FormatError, install_extra
from napari_crbm.io.safety import guard
from napari_crbm.io.safety.look import open_shared
from napari_crbm.io.safety.replacing import Sink, reason, sink

FORMAT = "napari-crbm"
VERSION = 1

# HDF5 brings those with lower numbers, up to lossless scaling, itself.
_FIRST_FOREIGN_FILTER = 256

T = TypeVar("T")

_KINDS = {
    "recording": "a recording",
    "model": "a trained model",
    "checkpoint": "a training checkpoint",
    "temporal-model": "a temporal model",
    "temporal-checkpoint": "a checkpoint of the training of a temporal model",
    "project": "a project of several animals",
}


@contextmanager
def reading(path: str | Path) -> Iterator[h5py.File]:
    """Open an HDF5 file read-only, and turn every error of HDF5 into a `FormatError`."""
    path = Path(path)
    file = _opened(path)
    try:
        with file:
            yield file
    except MemoryError as error:
        raise FormatError(
            f"{path.name} describes more data than this machine can hold: it is damaged, or needs "
            "a machine with more memory."
        ) from error
    except Exception as error:
        # h5py reports damage with any kind of exception; those from elsewhere are bugs.
        if isinstance(error, CRBMError) or not _from_h5py(error):
            raise
        if "filter" in str(error):
            raise FormatError(
                f"{path.name} is compressed with a filter that plain HDF5 does not have. For the "
                f"usual filters, {install_extra('formats')}; or rewrite the file with "
                "'h5repack -f GZIP=1 old.h5 new.h5'."
            ) from error
        raise FormatError(
            f"{path.name} is damaged: a part of it cannot be read ({reason(error)}). "
            "Copy it again from its source."
        ) from error


def provide_filters(datasets: Iterable[Any]) -> None:
    """Load filters such as Blosc if a dataset needs one and they are installed."""
    for dataset in datasets:
        stored = dataset.id.get_create_plist()
        codes = [stored.get_filter(index)[0] for index in range(stored.get_nfilters())]
        if any(code >= _FIRST_FOREIGN_FILTER for code in codes):
            with suppress(ImportError):
                import hdf5plugin  # noqa: F401
            return


def _from_h5py(error: BaseException) -> bool:
    frames = traceback.walk_tb(error.__traceback__)
    return any(frame.f_globals.get("__name__", "").startswith("h5py.") for frame, _ in frames)


def _opened(path: Path) -> h5py.File:
    if path.is_dir():
        raise FormatError(f"{path} is a folder; an HDF5 file is needed.")
    if path.is_symlink() and not path.exists():
        raise FormatError(f"{path} is a link to {path.readlink()}, which does not exist.")
    if not path.exists():
        raise FormatError(f"There is no file {path}.")
    guard.require_ordinary(path)
    if path.stat().st_size == 0:
        raise FormatError(f"{path.name} is empty (0 bytes). Copy it again from its source.")
    looked_at = path.stat()
    guard.check(path)
    try:
        file = open_shared(str(path))
        # A file that was put in its place meanwhile has not been looked at; one that another
        # program appends to has.
        if os.path.samestat(path.stat(), looked_at):
            return file
        file.close()
    except PermissionError as error:
        raise FormatError(f"{path.name} may not be read: permission denied.") from error
    except OSError as error:
        if "truncated" in str(error):
            raise FormatError(
                f"{path.name} is cut short: it ends before its HDF5 content does. Copy or "
                "download it again."
            ) from error
        if "signature" in str(error):
            named = path.suffix.lower() in (".h5", ".hdf5", ".nwb")
            raise FormatError(
                f"{path.name} is named like an HDF5 file, but its content is not HDF5. If it is "
                "of another format, give it that ending; otherwise copy or export it again."
                if named
                else f"{path.name} is not a file that this program reads: HDF5 (.h5, .nwb, .mat, "
                ".h5ad), netCDF, MATLAB, NumPy (.npy, .npz), a table (.csv, .tsv, .txt, .xlsx, "
                ".parquet), or a folder of an imaging program or of Zarr."
            ) from error
        if "already open for write" in str(error):
            raise FormatError(
                f"{path.name} is being written by another program, or that program ended before "
                "it closed the file: close it there, or run 'h5clear -s' on a copy of the file."
            ) from error
        raise FormatError(f"{path.name} cannot be opened: {reason(error)}.") from error
    raise FormatError(
        f"Another program has replaced {path.name} while it was being opened: open it again once "
        "that program is finished."
    )


@contextmanager
def writing(path: str | Path, kind: str) -> Iterator[OutputFile]:
    """Write a file of this program: under a temporary name, renamed when complete.

    A failure leaves neither the temporary file nor a change to an existing one.

    Raises
    ------
    FormatError
        If the file cannot be written, or would replace a file of another kind.
    """
    refuse_other_kind(path, kind)
    with sink(path) as target, OutputFile(target) as file:
        file.attrs["format"] = FORMAT
        file.attrs["version"] = VERSION
        file.attrs["kind"] = kind
        yield file


class OutputFile(h5py.File):  # type: ignore[misc]
    """An HDF5 file that is written through a `Sink`."""

    def __init__(self, target: Sink) -> None:
        super().__init__(target, "w")
        self._target = target

    def check(self) -> None:
        """Raise the error of the first write that failed, if there was one."""
        self._target.check()


def refuse_other_kind(
    path: str | Path, kind: str, is_same: Callable[[h5py.File], bool] | None = None
) -> None:
    """Raise an error if an HDF5 file of another kind has this name.

    A model never replaces a recording, and nothing replaces a file of another program.

    Parameters
    ----------
    path : path
    kind : str
        Kind of the file that is to be written, or what it is in words.
    is_same : callable, optional
        Returns whether an open file is of that kind.

    Raises
    ------
    FormatError
    """
    path = Path(path)
    try:
        if not (path.is_file() and path.stat().st_size and h5py.is_hdf5(path)):
            return
        with reading(path) as file:
            known = kind_of(file)
            if known == kind or (is_same is not None and is_same(file)):
                return
            found = "an HDF5 file of another program" if known is None else _KINDS[known]
    except (CRBMError, OSError):
        # A damaged file may still be worth something to its owner.
        found = "an HDF5 file that this program cannot read"
    raise FormatError(
        f"{path.name} holds {found}, which is not replaced by {_KINDS.get(kind, kind)}: choose "
        "another name, or delete the file first."
    )


def kind_of(file: h5py.File) -> str | None:
    """Return the kind of a file of this program, None for any other HDF5 file.

    Raises
    ------
    FormatError
        If the file is ours, but of a version or kind this program does not know.
    """
    if attribute(file, "format") != FORMAT:
        return None
    version, kind = attribute(file, "version"), attribute(file, "kind")
    if version != VERSION:
        raise FormatError(
            f"{file_name(file)} has version {version} of the {FORMAT} format; this program reads "
            f"version {VERSION}. Update {FORMAT} to open it."
        )
    if kind not in _KINDS:
        raise FormatError(
            f"{file_name(file)} is of the unknown kind '{kind}'; "
            f"{FORMAT} knows {', '.join(_KINDS)}."
        )
    return str(kind)


def require_kind(file: h5py.File, wanted: str) -> None:
    """Raise an error that names the kind of a file if it is not the wanted one."""
    kind = kind_of(file)
    if kind != wanted:
        found = "another HDF5 file" if kind is None else _KINDS[kind]
        raise FormatError(f"{file_name(file)} holds {found}, but {_KINDS[wanted]} is needed.")


def require(parent: h5py.Group, name: str, ndim: int | None = None) -> h5py.Dataset:
    """Return the named dataset, checked for its number of axes."""
    if not isinstance(parent, h5py.Group):
        raise FormatError(
            f"'{parent.name}' of {file_name(parent)} is a dataset; a group with '{name}' is needed."
        )
    found = parent.get(name)
    field = f"{parent.name.rstrip('/')}/{name}"
    if found is None and (elsewhere := _missing_link(parent, name)):
        raise FormatError(
            f"Dataset '{field}' of {file_name(parent)} lies in another file, '{elsewhere}', which "
            "is not there: keep both files in one folder."
        )
    if not isinstance(found, h5py.Dataset):
        raise FormatError(f"{file_name(parent)} lacks the dataset '{field}'.")
    if found.shape is None:
        raise FormatError(f"Dataset '{field}' of {file_name(parent)} is empty.")
    if ndim is not None and found.ndim != ndim:
        raise FormatError(
            f"Dataset '{field}' of {file_name(parent)} has shape {found.shape}; "
            f"{ndim} axes are expected."
        )
    provide_filters([found])
    return found


def _missing_link(parent: h5py.Group, name: str) -> str | None:
    """Return the file to which an external link leads."""
    try:
        link = parent.get(name, getlink=True)
    except (KeyError, ValueError):
        return None
    return str(link.filename) if isinstance(link, h5py.ExternalLink) else None


def linked_elsewhere(file: h5py.File) -> tuple[str, str] | None:
    """Return the name of the first external link and of the file it leads to, or None."""
    found: list[tuple[str, str]] = []

    def note(name: str, link: object) -> bool | None:
        if isinstance(link, h5py.ExternalLink):
            found.append((name, str(link.filename)))
            return True
        return None

    file.visititems_links(note)
    return found[0] if found else None


def require_numbers(parent: h5py.Group, name: str, ndim: int | None = None) -> h5py.Dataset:
    """Return the named dataset, which must hold numbers."""
    stored = require(parent, name, ndim)
    if stored.dtype.kind not in "iuf":
        raise FormatError(
            f"Dataset '{stored.name}' of {file_name(parent)} must hold numbers; "
            f"found {stored.dtype}."
        )
    return stored


def numbers(parent: h5py.Group, name: str, ndim: int) -> NDArray[Any]:
    """Return all values of the named dataset, which must hold numbers."""
    return np.asarray(require_numbers(parent, name, ndim)[()])


def whole_numbers(dataset: h5py.Dataset) -> tuple[int, ...]:
    """Return all values of a dataset of whole numbers, which some programs store as floats."""
    values = np.ravel(dataset[()])
    if not np.isfinite(values).all() or (values != np.round(values)).any():
        raise FormatError(
            f"Dataset '{dataset.name}' of {file_name(dataset)} must hold whole numbers; found "
            f"{', '.join(f'{value:g}' for value in values[:4])}: it is damaged."
        )
    return tuple(int(value) for value in values)


def strings(dataset: h5py.Dataset) -> tuple[str, ...]:
    """Return all strings of a 1-D dataset."""
    if h5py.check_string_dtype(dataset.dtype) is None:
        raise FormatError(
            f"Dataset '{dataset.name}' of {file_name(dataset)} must hold text; "
            f"found {dataset.dtype}."
        )
    return tuple(str(text) for text in dataset.asstr()[()].ravel())


def write_json(target: h5py.Group, name: str, value: Any) -> None:
    """Write plain values as a JSON attribute."""
    target.attrs[name] = json.dumps(value, default=_plain)


def read_json(source: h5py.Group, name: str, kind: type[T]) -> T | None:
    """Read a JSON attribute of type ``kind``; None if it is null or absent."""
    text = attribute(source, name)
    return None if text is None else parsed_json(str(text), kind, f"Attribute '{name}'", source)


def parsed_json(text: str, kind: type[T], what: str, source: h5py.Group) -> T | None:
    """Parse JSON that must be a ``kind`` or null; errors name ``what``."""
    try:
        value = json.loads(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise FormatError(f"{what} of {file_name(source)} is not valid JSON: {error}.") from error
    if value is not None and not isinstance(value, kind):
        raise FormatError(
            f"{what} of {file_name(source)} must be a {kind.__name__}; "
            f"found a {type(value).__name__}."
        )
    return value


def file_name(item: h5py.Group | h5py.Dataset) -> str:
    """Return the file name of an open object, without folders."""
    return Path(item.file.filename).name


def attribute(item: h5py.Group | h5py.Dataset, name: str) -> Any:
    """Return an attribute as a plain value; None if it is absent or empty."""
    value = item.attrs.get(name)
    if isinstance(value, np.ndarray):
        # Some programs write every attribute as an array of one.
        value = value.ravel()[0] if value.size == 1 else str(value)
    if isinstance(value, h5py.Empty):
        return None
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return value.item() if isinstance(value, np.generic) else value


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    return str(value)
