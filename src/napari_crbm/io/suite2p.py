"""Suite2p's output folders: one folder a plane, traces by cell, cells in ``stat.npy``.

``F.npy`` and ``Fneu.npy`` (cells, frames) hold the fluorescence of cells and of the
neuropil around them, ``spks.npy`` what deconvolution made of it, ``iscell.npy`` which
cells a person or the classifier kept. Positions are in pixels: how large a pixel is, and
how far planes are apart, the files do not tell.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import FormatError, RecordingError
from napari_crbm.io import safe_pickle
from napari_crbm.io.imaging import frame_times, in_micrometres
from napari_crbm.io.layout import neuron_ranges
from napari_crbm.io.options import ReadOptions
from napari_crbm.preprocessing import (
    DEFAULT_THRESHOLD_SD,
    PreprocessingStopped,
    activity_warning,
    events,
    noise_sd,
)
from napari_crbm.recording import Recording, Step
from napari_crbm.spikes import Spikes

_FILES = ("F.npy", "Fneu.npy", "spks.npy", "iscell.npy", "stat.npy", "ops.npy")
# Suite2p's own default; its settings say so if it was changed.
_NEUROPIL_SHARE = 0.7


def can_read(path: Path) -> bool:
    """Whether this is a Suite2p folder, one of its planes, or a file in one."""
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


@dataclass(frozen=True, eq=False)
class Plane:
    """Traces of one plane, left in their files.

    ``cell_traces`` and ``neuropil`` are (cells, frames); ``cells`` are the kept ones.
    """

    cell_traces: NDArray[np.floating]
    neuropil: NDArray[np.floating] | None
    deconvolved: NDArray[np.floating] | None
    cells: NDArray[np.int64]
    neuropil_share: float

    def corrected(self, cells: NDArray[np.int64], frames: slice) -> NDArray[np.float32]:
        """Fluorescence without its share of the neuropil, (n, t) float32."""
        values = np.asarray(self.cell_traces[cells, frames], dtype=np.float32)
        if self.neuropil is None:
            return values
        around = np.asarray(self.neuropil[cells, frames], dtype=np.float32)
        return values - np.float32(self.neuropil_share) * around


@dataclass(frozen=True, eq=False)
class Suite2pFluorescence:
    """dF/F of all planes (satisfies `napari_crbm.recording.Fluorescence`).

    The baseline of a cell is the median of its corrected trace, and it is divided by the
    median of its uncorrected one, so that cells dimmer than their surroundings keep
    their sign.
    """

    planes: tuple[Plane, ...]
    n_frames: int
    neurons: NDArray[np.int64]

    @cached_property
    def _plane_and_cell(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        plane = np.repeat(np.arange(len(self.planes)), [len(p.cells) for p in self.planes])
        cell = np.concatenate([p.cells for p in self.planes])
        return plane[self.neurons], cell[self.neurons]

    @property
    def shape(self) -> tuple[int, int]:
        """``(n_frames, n_neurons)``."""
        return self.n_frames, len(self.neurons)

    @cached_property
    def _levels(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Baseline and divisor of every neuron."""
        baseline, divisor = np.empty((2, len(self.neurons)), dtype=np.float32)
        for start, stop in neuron_ranges(*self.shape, 1):
            block = np.arange(start, stop)
            baseline[block] = np.median(self._corrected(block, slice(None)), axis=0)
            raw = self._raw(block)
            divisor[block] = np.maximum(np.abs(np.median(raw, axis=0)), 1e-6)
        return baseline, divisor

    def trace(self, neuron: int) -> NDArray[np.float32]:
        """One neuron over time, (T,) float32."""
        one = np.array([range(self.shape[1])[neuron]])
        values = self._corrected(one, slice(None))[:, 0]
        divisor = max(abs(float(np.median(self._raw(one)))), 1e-6)
        return np.asarray((values - np.median(values)) / np.float32(divisor), dtype=np.float32)

    def frames(self, start: int, stop: int) -> NDArray[np.float32]:
        """Consecutive frames, (stop - start, N) float32."""
        baseline, divisor = self._levels
        block = self._corrected(np.arange(self.shape[1]), slice(start, min(stop, self.n_frames)))
        return (block - baseline) / divisor

    def neuron_blocks(self) -> Iterator[NDArray[np.float32]]:
        """Whole traces of consecutive neurons, (T, n) float32, a few megabytes at a time."""
        for start, stop in neuron_ranges(*self.shape, 1):
            block = np.arange(start, stop)
            values = self._corrected(block, slice(None))
            divisor = np.maximum(np.abs(np.median(self._raw(block), axis=0)), 1e-6)
            centred = values - np.median(values, axis=0)
            yield np.asarray(centred / divisor, dtype=np.float32)

    def select_neurons(self, index: NDArray[np.int64]) -> Suite2pFluorescence:
        """The same fluorescence for the chosen neurons, ascending."""
        return replace(self, neurons=self.neurons[index])

    def active(self, start: int, stop: int, threshold_sd: float) -> NDArray[np.bool_]:
        """Events of consecutive neurons, (T, n): deconvolved activity above their noise.

        Deconvolved traces have the unit of the fluorescence, so the noise of the one is a
        measure for the other. Without deconvolved traces, rises of the fluorescence.
        """
        block = np.arange(start, stop)
        values = self._corrected(block, slice(None))
        if any(plane.deconvolved is None for plane in self.planes):
            return events(values, threshold_sd)
        return self._gathered(block, _deconvolved) > threshold_sd * noise_sd(values)

    def _corrected(self, block: NDArray[np.int64], frames: slice) -> NDArray[np.float32]:
        if frames == slice(None):
            frames = slice(0, self.n_frames)
        return self._gathered(block, lambda plane, cells: plane.corrected(cells, frames))

    def _raw(self, block: NDArray[np.int64]) -> NDArray[np.float32]:
        return self._gathered(block, lambda p, cells: p.cell_traces[cells, : self.n_frames])

    def _gathered(self, block: NDArray[np.int64], read: Any) -> NDArray[np.float32]:
        """``read(plane, cells)`` (n, t) of the neurons of a block, as (t, n)."""
        plane, cell = (part[block] for part in self._plane_and_cell)
        parts = [read(self.planes[p], cell[plane == p]) for p in np.unique(plane)]
        joined = np.concatenate([part[:, : self.n_frames] for part in parts])
        return np.ascontiguousarray(joined.T, dtype=np.float32)


def _deconvolved(plane: Plane, cells: NDArray[np.int64]) -> NDArray[np.floating]:
    assert plane.deconvolved is not None
    return np.asarray(plane.deconvolved[cells])


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
        if np.shape(stat) != plane.cell_traces.shape[:1]:
            raise RecordingError(
                f"{folder.name}/stat.npy describes {np.size(stat):,} cells, F.npy holds "
                f"{plane.cell_traces.shape[0]:,}: they belong to different runs."
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
    n_frames = min(plane.cell_traces.shape[1] for plane in planes)
    notes: dict[str, Any] = {"planes": [folder.name for folder in folders]}
    coordinates = in_micrometres(zyx, options, notes, "Suite2p")
    fluorescence = Suite2pFluorescence(tuple(planes), n_frames, np.arange(len(zyx)))
    threshold = DEFAULT_THRESHOLD_SD if options.binarise is None else options.binarise
    if not threshold > 0:
        raise RecordingError(f"The threshold must be positive; found {threshold}.")

    def tiles() -> Iterator[tuple[int, int, NDArray[np.bool_]]]:
        for start, stop in neuron_ranges(n_frames, len(zyx), 1):
            if options.control is not None and options.control.stopped:
                raise PreprocessingStopped("Opening was cancelled; nothing was changed.")
            yield 0, start, fluorescence.active(start, stop, threshold)
            if options.progress is not None:
                options.progress(stop, len(zyx))

    spikes = Spikes.from_tiles(tiles(), n_frames, len(zyx))
    if message := activity_warning(spikes):
        warnings.warn(message, stacklevel=2)
    deconvolved = all(plane.deconvolved is not None for plane in planes)
    source = "spks.npy" if deconvolved else "rises of F.npy"
    return Recording(
        coordinates=coordinates,
        spikes=spikes,
        times=frame_times(n_frames, options, notes, rate_hz=rates[0], source="ops.npy"),
        name=_name(folders),
        fluorescence=fluorescence,
        metadata={"path": str(path)},
        provenance=(
            Step("read Suite2p", notes),
            Step("binarise", {"threshold_sd": threshold, "of": source}),
        ),
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
    share = float(share) if isinstance(share, int | float | np.number) else _NEUROPIL_SHARE
    return Plane(traces, others["Fneu.npy"], others["spks.npy"], cells, share)


def _array(path: Path) -> NDArray[np.floating]:
    """A numeric (cells, ...) array, left in its file."""
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
    """y, x of a cell in pixels."""
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
