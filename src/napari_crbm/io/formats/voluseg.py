"""Voluseg's results: ``cells0_clean.hdf5``, voxels and traces of every cell.

``cell_x``, ``cell_y``, ``cell_z`` and ``cell_weights`` (cells, most voxels) are padded
with -1 and NaN, ``cell_timeseries`` and ``cell_baseline`` are (cells, frames). The size of
a voxel and the frame rate are in ``parameters.json``, which lies beside the file unless
it was moved.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import RecordingError
from napari_crbm.io.options import ReadOptions
from napari_crbm.io.reading import hdf5
from napari_crbm.io.reading.imaging_programs import (
    active_frames,
    frame_times,
    in_micrometres,
)
from napari_crbm.io.reading.layout import on_first_axis
from napari_crbm.io.reading.stored_fluorescence import StoredFluorescence
from napari_crbm.io.reading.traces import Combined, Relative, Traces
from napari_crbm.recording import Recording, Step

_AXES = ("cell_z", "cell_y", "cell_x")
_CELLS_AT_ONCE = 2048
_PARAMETERS = "parameters.json"


def can_read(file: h5py.File) -> bool:
    """Return whether the open file has voxels and traces of cells."""
    return "cell_timeseries" in file and "cell_x" in file


def read(file: h5py.File, path: Path, options: ReadOptions) -> Recording:
    """Read all cells.

    Raises
    ------
    FormatError
        If a field is missing or damaged.
    RecordingError
        If fields contradict each other.
    """
    zyx = _centres(file)
    fluorescence, formula = _fluorescence(file, len(zyx), options)
    known = _parameters(path)
    notes: dict[str, Any] = {"file": path.name, "format": "voluseg", "dF/F": formula}
    # Rows and columns were binned, planes were not.
    binning = known.get("ds", 1.0)
    rows, columns = (
        known[name] * binning if name in known else None for name in ("res_y", "res_x")
    )
    coordinates = in_micrometres(
        zyx, options, notes, "Voluseg's cell file", (known.get("res_z"), rows, columns)
    )
    spikes, step = active_frames(fluorescence, options, source="rises of cell_timeseries")
    return Recording(
        coordinates=coordinates,
        spikes=spikes,
        times=frame_times(
            spikes.n_frames,
            options,
            notes,
            rate_hz=known.get("f_volume"),
            source=f"f_volume of {_PARAMETERS}",
        ),
        name=path.stem,
        fluorescence=fluorescence,
        provenance=(Step("read voluseg", notes), step),
    )


def _centres(file: h5py.File) -> NDArray[np.float64]:
    """Compute the centre of mass of every cell: plane, y, x in voxels, (cells, 3)."""
    voxels = [hdf5.require(file, name, 2) for name in _AXES]
    weights = hdf5.require(file, "cell_weights", 2) if "cell_weights" in file else None
    n_cells = len(voxels[0])
    for each in (*voxels, *(() if weights is None else (weights,))):
        if each.shape != voxels[0].shape or each.dtype.kind not in "iuf":
            raise RecordingError(
                f"'{each.name}' must hold numbers of shape {voxels[0].shape} like "
                f"'{_AXES[0]}'; found {each.dtype} of shape {each.shape}."
            )
    centres = np.zeros((n_cells, 3))
    for start in range(0, n_cells, _CELLS_AT_ONCE):
        part = slice(start, start + _CELLS_AT_ONCE)
        places = [each[part].astype(np.float64) for each in voxels]
        weight = np.ones_like(places[0]) if weights is None else weights[part].astype(np.float64)
        weight = np.where(places[-1] >= 0, np.abs(np.nan_to_num(weight)), 0.0)
        total = weight.sum(axis=1)
        for axis, place in enumerate(places):
            with np.errstate(invalid="ignore", divide="ignore"):
                centres[part, axis] = (weight * place).sum(axis=1) / total
    empty = np.flatnonzero(~np.isfinite(centres).all(axis=1))
    if len(empty):
        raise RecordingError(
            f"Cell {empty[0]} has no voxels ({len(empty)} in all), so its place is not known."
        )
    return centres


def _fluorescence(file: h5py.File, n_cells: int, options: ReadOptions) -> tuple[Traces, str]:
    """Return dF/F, left in the file, and how it is computed."""

    def stored(name: str) -> StoredFluorescence:
        dataset = hdf5.require(file, name, 2)
        first = on_first_axis(name, dataset.shape, n_cells, True, options.neurons_first)
        return StoredFluorescence.of(dataset, first)

    series = stored("cell_timeseries")
    if "cell_baseline" not in file:
        return Relative(series), "relative to the median"
    baseline = stored("cell_baseline")
    if baseline.shape != series.shape:
        raise RecordingError(
            f"'cell_baseline' has shape {baseline.stored_shape}, 'cell_timeseries' "
            f"{series.stored_shape}: they belong to different runs."
        )
    background = np.float32(0.0)
    found = file.get("background")
    if isinstance(found, h5py.Dataset) and found.size == 1 and found.dtype.kind in "iuf":
        background = np.nan_to_num(np.float32(np.ravel(found[()])[0]))

    def relative(values: NDArray[np.float32], level: NDArray[np.float32]) -> NDArray[np.float32]:
        above = level - background
        # A baseline at the background divides by next to nothing; it cannot be right.
        divisor = np.where(above > 1e-3 * np.abs(level), above, np.float32(1.0))
        return np.asarray((values - level) / divisor, dtype=np.float32)

    return Combined((series, baseline), relative), "(F - baseline) / (baseline - background)"


def _parameters(path: Path) -> dict[str, float]:
    """Read the numbers of the parameter file beside the cells, if there is one."""
    try:
        content = json.loads(path.with_name(_PARAMETERS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(content, dict):
        return {}
    return {
        str(name): float(value)
        for name, value in content.items()
        if isinstance(value, int | float) and np.isfinite(value) and value > 0
    }
