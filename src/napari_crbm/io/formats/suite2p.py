"""Suite2p's output folders: one folder per plane, traces by cell, cells in ``stat.npy``.

``F.npy`` and ``Fneu.npy`` (cells, frames) hold the fluorescence of cells and of the
neuropil around them, ``spks.npy`` what deconvolution made of it, ``iscell.npy`` which
cells a person or the classifier kept. Positions are in pixels: how large a pixel is, and
how far planes are apart, the files do not tell.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import FormatError, RecordingError
from napari_crbm.io.options import ReadOptions
from napari_crbm.io.reading.imaging_programs import (
    active_frames,
    frame_times,
    in_micrometres,
)
from napari_crbm.io.reading.traces import Chosen, Combined, Held, Joined, Relative, Traces
from napari_crbm.io.safety import safe_pickle
from napari_crbm.recording import Recording, Step

_FILES = ("F.npy", "Fneu.npy", "spks.npy", "iscell.npy", "stat.npy", "ops.npy")
# Suite2p's own default; its settings say so if it was changed.
_NEUROPIL_SHARE = 0.7


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
    digits = re.sub(r"\D", "", folder.name)
    return int(digits) if digits else 0


class Plane(NamedTuple):
    """Traces of the kept cells of one plane, left in their files."""

    cell_traces: Traces
    corrected: Traces
    deconvolved: Traces | None
    cells: NDArray[np.int64]
    n_cells: int


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
    planes, positions, rates = [], [], []
    for number, folder in enumerate(folders):
        settings = _settings(folder)
        plane = _plane(folder, settings)
        stat = safe_pickle.load_npy(folder / "stat.npy")
        if np.shape(stat) != (plane.n_cells,):
            raise RecordingError(
                f"{folder.name}/stat.npy describes {np.size(stat):,} cells, F.npy holds "
                f"{plane.n_cells:,}: they belong to different runs."
            )
        yx = np.array([_centre(stat[cell], folder) for cell in plane.cells]).reshape(-1, 2)
        positions.append(np.column_stack([np.full(len(yx), float(number)), yx]))
        planes.append(plane)
        rate = settings.get("fs")
        rates.append(float(rate) if isinstance(rate, int | float | np.number) else None)
    zyx = np.concatenate(positions)
    if len(zyx) == 0:
        raise RecordingError(
            "No cell was kept: the first column of iscell.npy is 0 for all of them. Choose cells "
            "in Suite2p, or remove iscell.npy to use all."
        )
    notes: dict[str, Any] = {"planes": [folder.name for folder in folders]}
    coordinates = in_micrometres(zyx, options, notes, "Suite2p")
    corrected = Joined(tuple(plane.corrected for plane in planes))
    inferred = tuple(plane.deconvolved for plane in planes if plane.deconvolved is not None)
    deconvolved = Joined(inferred) if len(inferred) == len(planes) else None
    source = "rises of F.npy" if deconvolved is None else "spks.npy"
    spikes, step = active_frames(corrected, options, deconvolved=deconvolved, source=source)
    return Recording(
        coordinates=coordinates,
        spikes=spikes,
        times=frame_times(spikes.n_frames, options, notes, rate_hz=rates[0], source="ops.npy"),
        name=_name(folders),
        # Divided by uncorrected traces, so that cells dimmer than their surroundings keep
        # their sign.
        fluorescence=Relative(corrected, Joined(tuple(plane.cell_traces for plane in planes))),
        provenance=(Step("read Suite2p", notes), step),
    )


def _name(folders: list[Path]) -> str:
    folder = folders[0].parent if _plane_number(folders[0]) or len(folders) > 1 else folders[0]
    while folder.name in ("suite2p", "plane0") and folder.parent.name:
        folder = folder.parent
    return folder.name or "Suite2p recording"


def _plane(folder: Path, settings: dict[Any, Any]) -> Plane:
    traces = _array(folder / "F.npy")
    others = {
        name: _array(folder / name) if (folder / name).exists() else None
        for name in ("Fneu.npy", "spks.npy")
    }
    for name, values in others.items():
        if values is not None and values.shape != traces.shape:
            raise RecordingError(
                f"{folder.name}/{name} has shape {values.shape}, F.npy {traces.shape}: they "
                "belong to different runs."
            )
    cells = np.arange(len(traces))
    if (folder / "iscell.npy").exists():
        kept = np.atleast_2d(np.asarray(_array(folder / "iscell.npy")))
        if len(kept) != len(traces):
            raise RecordingError(
                f"{folder.name}/iscell.npy judges {len(kept):,} cells, F.npy holds "
                f"{len(traces):,}: they belong to different runs."
            )
        cells = np.flatnonzero(kept[:, 0] == 1)
    share = settings.get("neucoeff", _NEUROPIL_SHARE)
    factor = np.float32(share if isinstance(share, int | float | np.number) else _NEUROPIL_SHARE)

    def kept_of(values: NDArray[np.floating] | None) -> Chosen | None:
        return None if values is None else Chosen(Held(values.T), cells)

    own, around = Chosen(Held(traces.T), cells), kept_of(others["Fneu.npy"])
    corrected = own if around is None else Combined((own, around), lambda f, n: f - factor * n)
    return Plane(own, corrected, kept_of(others["spks.npy"]), cells, len(traces))


def _array(path: Path) -> NDArray[np.floating]:
    """Map a numeric (cells, ...) array of a file into memory."""
    try:
        values = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError as error:
        raise FormatError(f"There is no {path.name} in {path.parent}.") from error
    except Exception as error:
        # Damaged headers end in many kinds of errors; all say that this is no array.
        reason = " ".join(str(error).split())
        raise FormatError(f"{path.parent.name}/{path.name} cannot be read: {reason}.") from error
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


def _settings(folder: Path) -> dict[Any, Any]:
    """Settings of the run; recent versions of Suite2p need not write any."""
    if not (folder / "ops.npy").is_file():
        return {}
    settings = safe_pickle.load_npy(folder / "ops.npy")
    if isinstance(settings, np.ndarray) and settings.shape == ():
        settings = settings.item()
    return settings if isinstance(settings, dict) else {}


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
