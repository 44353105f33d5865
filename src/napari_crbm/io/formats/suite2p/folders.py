"""Suite2p's output folders: one folder per plane, traces by cell, cells in ``stat.npy``.

``F.npy`` and ``Fneu.npy`` (cells, frames) hold the fluorescence of cells and of the
neuropil around them, ``spks.npy`` what deconvolution made of it, ``iscell.npy`` which
cells a person or the classifier kept. Positions are in pixels: how large a pixel is, and
how far planes are apart, the files do not tell.
"""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import FormatError, RecordingError
from napari_crbm.io.formats.suite2p.planes import Plane, joined
from napari_crbm.io.options import ReadOptions
from napari_crbm.io.safety import safe_pickle
from napari_crbm.recording import Recording

_FILES = ("F.npy", "Fneu.npy", "spks.npy", "iscell.npy", "stat.npy", "ops.npy", "settings.npy")


def can_read(path: Path) -> bool:
    """Return whether this is a Suite2p folder, one of its planes, or a file in one."""
    return bool(_plane_folders(path))


def _plane_folders(path: Path) -> list[Path]:
    if path.is_file():
        path = path.parent if path.name in _FILES else path
    if not path.is_dir():
        return []
    for folder in (path, path / "suite2p"):
        if (folder / "stat.npy").is_file() and (folder / "F.npy").is_file():
            return [folder]
        planes = [
            plane
            for plane in folder.glob("plane*")
            if re.fullmatch(r"plane\d+", plane.name) and (plane / "stat.npy").is_file()
        ]
        if planes:
            return sorted(planes, key=_plane_number)
    return []


def _plane_number(folder: Path) -> int:
    named = re.fullmatch(r"plane(\d+)", folder.name)
    return int(named[1]) if named else 0


def read(path: Path, options: ReadOptions) -> Recording:
    """Read all planes of a folder.

    Raises
    ------
    FormatError
        If a file is missing or damaged.
    RecordingError
        If files of a plane contradict each other, or no cell was kept.
    """
    folders = _plane_folders(path)
    if folders[0].name == "combined":
        raise RecordingError(
            "The folder 'combined' holds the planes as tiles of one picture, so its positions are "
            "not those of the brain: open the folder above it, which holds the planes."
        )
    planes: list[Plane] = []
    empty: list[Plane] = []
    for folder in folders:
        plane = _plane(folder)
        (planes if len(plane.traces) else empty).append(plane)
    if not planes:
        raise RecordingError("Suite2p has found no cell in any plane, so there is no recording.")
    notes: dict[str, Any] = {}
    if empty:
        names = ", ".join(plane.name for plane in empty)
        notes["planes_without_cells"] = [plane.name for plane in empty]
        warnings.warn(f"Planes without any cell are left out: {names}.", stacklevel=3)
    numbers = [plane.number for plane in (*planes, *empty)]
    missing = sorted(set(range(max(numbers))) - set(numbers)) if len(folders) > 1 else []
    if missing:
        names = ", ".join(f"plane{number}" for number in missing)
        warnings.warn(
            f"There is no folder {names}: depths are those of the plane numbers.", stacklevel=3
        )
    return joined(planes, _name(folders), options, notes, "the settings of Suite2p")


def _name(folders: list[Path]) -> str:
    folder = folders[0].parent if _plane_number(folders[0]) or len(folders) > 1 else folders[0]
    while folder.name in ("suite2p", "plane0") and folder.parent.name:
        folder = folder.parent
    return folder.name or "Suite2p recording"


def _plane(folder: Path) -> Plane:
    traces = _array(folder / "F.npy")
    others = {
        name: _array(folder / name) if (folder / name).is_file() else None
        for name in ("Fneu.npy", "spks.npy")
    }
    for name, values in others.items():
        if values is not None and values.shape != traces.shape:
            raise RecordingError(
                f"{folder.name}/{name} has shape {values.shape}, F.npy {traces.shape}: they "
                "belong to different runs."
            )
    kept = np.ones(len(traces), dtype=bool)
    if (folder / "iscell.npy").is_file():
        # Some programs write the judgement without the probability.
        judged = np.asarray(_array(folder / "iscell.npy", list_too=True))
        if len(judged) != len(traces):
            raise RecordingError(
                f"{folder.name}/iscell.npy judges {len(judged):,} cells, F.npy holds "
                f"{len(traces):,}: they belong to different runs."
            )
        kept = judged[:, 0] == 1
    stat = safe_pickle.load_npy(folder / "stat.npy")
    if np.shape(stat)[:1] != (len(traces),):
        raise RecordingError(
            f"{folder.name}/stat.npy describes {np.size(stat):,} cells, F.npy holds "
            f"{len(traces):,}: they belong to different runs."
        )
    centres = np.zeros((len(traces), 2))
    for cell in np.flatnonzero(kept):
        centres[cell] = _centre(stat[cell], folder)
    return Plane(
        folder.name,
        _plane_number(folder),
        traces,
        others["Fneu.npy"],
        others["spks.npy"],
        kept,
        centres,
        _settings(folder),
    )


def _array(path: Path, list_too: bool = False) -> NDArray[np.floating]:
    """Map a numeric (cells, ...) array of a file into memory; a list only if ``list_too``."""
    try:
        values = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError as error:
        raise FormatError(f"There is no {path.name} in {path.parent}.") from error
    except Exception as error:
        # Damaged headers end in many kinds of errors; all say that this is no array.
        reason = " ".join(str(error).split())
        raise FormatError(f"{path.parent.name}/{path.name} cannot be read: {reason}.") from error
    if isinstance(values, np.ndarray) and values.ndim == 1 and list_too:
        values = values[:, None]
    if not isinstance(values, np.ndarray) or values.ndim != 2 or values.dtype.kind not in "biuf":
        found = (
            f"{values.dtype} of shape {values.shape}"
            if isinstance(values, np.ndarray)
            else "an archive"
        )
        raise FormatError(
            f"{path.parent.name}/{path.name} must hold numbers of shape (cells, frames); "
            f"found {found}."
        )
    return values


def _settings(folder: Path) -> dict[str, Any]:
    """Read the settings of the run, under the names of ``ops.npy``.

    Suite2p 1.x keeps them in ``settings.npy``, and the frames that registration rejected in
    ``reg_outputs.npy``.
    """
    found = _dictionary(folder / "reg_outputs.npy")
    newer = _dictionary(folder / "db.npy") | _dictionary(folder / "settings.npy")
    extraction = newer.get("extraction")
    if isinstance(extraction, dict) and "neuropil_coefficient" in extraction:
        newer["neucoeff"] = extraction["neuropil_coefficient"]
    return found | newer | _dictionary(folder / "ops.npy")


def _dictionary(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    content = safe_pickle.load_npy(path)
    if isinstance(content, np.ndarray) and content.shape == ():
        content = content.item()
    return content if isinstance(content, dict) else {}


def _centre(cell: Any, folder: Path) -> tuple[float, float]:
    """Return y, x of a cell in pixels."""
    try:
        y, x = np.asarray(cell["med"], dtype=np.float64).ravel()
    except (KeyError, TypeError, ValueError):
        try:
            y, x = (np.asarray(cell[axis], dtype=np.float64).mean() for axis in ("ypix", "xpix"))
        except (KeyError, TypeError, ValueError) as error:
            raise RecordingError(
                f"A cell in {folder.name}/stat.npy has no position ('med', or 'ypix' and 'xpix')."
            ) from error
    return float(y), float(x)
