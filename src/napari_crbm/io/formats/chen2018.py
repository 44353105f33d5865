"""The data of Chen et al. 2018 (FishExplorer): ``TimeSeries.h5`` with ``data_full.mat``.

``CellResp`` holds the responses of the valid cells, ``absIX`` which rows of the full list
they are, counted from 1. Positions and everything else are in the structure ``data`` of
``data_full.mat``, which must lie beside: ``CellXYZ_norm`` in voxels of the Z-Brain atlas
(row, column, plane), ``CellXYZ`` in those of the recording.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import FormatError, RecordingError
from napari_crbm.io.formats.paper import ZBRAIN_DEPTH_UM
from napari_crbm.io.options import ReadOptions
from napari_crbm.io.reading import hdf5
from napari_crbm.io.reading.imaging_programs import (
    active_frames,
    frame_times,
    in_micrometres,
)
from napari_crbm.io.reading.layout import on_first_axis
from napari_crbm.io.reading.sources import Array, container_of, opened
from napari_crbm.io.reading.stored_fluorescence import StoredFluorescence
from napari_crbm.io.reading.traces import Chosen, Traces
from napari_crbm.recording import Recording, Step

_SERIES, _STRUCTURE = "TimeSeries.h5", "data_full.mat"
#: Datasets that can be asked for as ``group``; the first there is read otherwise.
_RESPONSES = ("CellResp", "CellRespZ", "TimeSeries", "CellRespAvr", "CellRespAvrZ")
# Rows, columns and planes of the Z-Brain atlas, and their distances in micrometres.
_ZBRAIN_SHAPE = (1406, 621, 138)
_ZBRAIN_UM = (0.798, 0.798, 2.0)


def can_read(path: Path) -> bool:
    """Return whether this is such a folder, or one of its two files."""
    series = _series_of(path)
    if series is None or container_of(series) != "hdf5":
        return False
    with hdf5.reading(series) as file:
        return any(isinstance(file.get(name), h5py.Dataset) for name in _RESPONSES)


def _series_of(path: Path) -> Path | None:
    """Find the file with the responses, given the folder or either file."""
    if path.is_dir():
        beside = path / _SERIES
    elif path.name == _STRUCTURE:
        beside = path.with_name(_SERIES)
    elif path.suffix.lower() in (".h5", ".hdf5"):
        beside = path
    else:
        return None
    return beside if beside.is_file() else None


def read(path: Path, options: ReadOptions) -> Recording:
    """Read the valid cells.

    Raises
    ------
    FormatError
        If a file or field is missing or damaged.
    RecordingError
        If fields contradict each other.
    """
    series = _series_of(path)
    assert series is not None
    structure = _Structure(series.with_name(_STRUCTURE))
    notes: dict[str, Any] = {"format": "Chen et al. 2018", "folder": series.parent.name}
    with hdf5.reading(series) as file:
        name = _chosen(file, options.group, series)
        rows = _rows(file, structure, file[name].shape)
        zyx, space = _positions(structure, rows, options)
        valid = np.flatnonzero(_in_the_brain(zyx, space, structure, rows))
        if not len(valid):
            raise RecordingError("No cell has a valid position.")
        if len(valid) < len(rows):
            notes["left out"] = f"{len(rows) - len(valid)} cells without a valid position"
        notes |= {"responses": name, "space": space}
        first = on_first_axis(name, file[name].shape, len(rows), False, options.neurons_first)
        stored: Traces = StoredFluorescence.of(file[name], first)
    if len(valid) < len(rows):
        stored = Chosen(stored, valid)
    coordinates = _in_um(zyx[valid], space, options, notes)
    spikes, step = active_frames(stored, options, source=f"rises of {name}")
    return Recording(
        coordinates=coordinates,
        spikes=spikes,
        times=frame_times(
            spikes.n_frames, options, notes, rate_hz=structure.rate_hz(), source="data.fpsec"
        ),
        name=series.parent.name or series.stem,
        fluorescence=stored,
        traces=structure.traces(spikes.n_frames),
        metadata={"space": space},
        provenance=(Step("read Chen et al. 2018", notes), step),
    )


class _Structure:
    """The fields of ``data_full.mat`` that are needed, with MATLAB's axes."""

    _WANTED = (
        "CellXYZ",
        "CellXYZ_norm",
        "IX_inval_anat",
        "IX_inval_norm",
        "fpsec",
        "stim_full",
        "Behavior_full",
    )

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise FormatError(
                f"There is no {path.name} beside {_SERIES} in {path.parent}: it holds the "
                "positions of the cells."
            )
        self.path = path
        self.values: dict[str, NDArray[np.float64]] = {}
        with opened(path) as arrays:
            known = {name.rsplit("/", 1)[-1]: name for name in arrays}
            for name in self._WANTED:
                if name in known and (found := _as_in_matlab(arrays[known[name]])) is not None:
                    self.values[name] = found

    def positions(self, name: str) -> NDArray[np.float64] | None:
        """Return positions (cells, 3), None if absent."""
        found = self.values.get(name)
        if found is None or found.size == 0:
            return None
        if found.ndim != 2 or found.shape[1] not in (2, 3):
            found = found.T
        if found.ndim != 2 or found.shape[1] != 3:
            raise RecordingError(
                f"'{name}' of {self.path.name} must hold positions of shape (cells, 3); found "
                f"shape {found.shape}."
            )
        return found

    def rate_hz(self) -> float | None:
        """Return the frame rate in hertz."""
        found = self.values.get("fpsec")
        return float(found.ravel()[0]) if found is not None and found.size == 1 else None

    def traces(self, n_frames: int) -> dict[str, NDArray[np.float64]]:
        """Return stimulus and behaviour that have one number per frame."""
        traces = {}
        for name, label in (("stim_full", "stimulus"), ("Behavior_full", "behaviour")):
            found = np.atleast_2d(self.values.get(name, np.empty((0, 0))))
            found = found if found.shape[-1] == n_frames else found.T
            if found.shape[-1] == n_frames:
                for number, row in enumerate(found):
                    traces[label if len(found) == 1 else f"{label} {number + 1}"] = row
        return traces


def _as_in_matlab(array: Array) -> NDArray[np.float64] | None:
    """Read a small array as float64; files of version 7.3 have reversed axes."""
    if array.dtype.kind not in "biuf":
        return None
    stored = isinstance(array, h5py.Dataset)
    if stored and getattr(array, "attrs", {}).get("MATLAB_empty", 0):
        return np.empty((0, 0))
    values = np.asarray(array[()] if stored else array[...], dtype=np.float64)
    return values.T if stored else values


def _chosen(file: h5py.File, group: str | None, path: Path) -> str:
    known = [name for name in _RESPONSES if isinstance(file.get(name), h5py.Dataset)]
    if group is None:
        return known[0]
    if group.strip("/") not in known:
        raise FormatError(f"{path.name} has no '{group}'; it has {', '.join(known)}.")
    return group.strip("/")


def _rows(file: h5py.File, structure: _Structure, shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Return the rows of the full list, from 0, to which the responses belong."""
    full = structure.positions("CellXYZ_norm")
    full = structure.positions("CellXYZ") if full is None else full
    n_full = 0 if full is None else len(full)
    if "absIX" not in file:
        # The older file has all cells.
        if n_full not in shape:
            raise FormatError(
                f"{_SERIES} lacks 'absIX', which says which of the {n_full:,} cells of "
                f"{_STRUCTURE} its responses of shape {shape} belong to."
            )
        return np.arange(n_full)
    rows = np.ravel(hdf5.require_numbers(file, "absIX")[()]).astype(np.int64) - 1
    if len(rows) == 0 or not 0 <= rows.min() <= rows.max() < n_full:
        raise RecordingError(
            f"'absIX' names cells {rows.min(initial=0) + 1} to {rows.max(initial=-1) + 1}, but "
            f"{_STRUCTURE} has positions of {n_full:,}."
        )
    return rows


def _positions(
    structure: _Structure, rows: NDArray[np.int64], options: ReadOptions
) -> tuple[NDArray[np.float64], str]:
    """Return plane, row, column of the cells, and their coordinate space."""
    for space, name in (("zbrain", "CellXYZ_norm"), ("native", "CellXYZ")):
        if options.space in (None, space):
            found = structure.positions(name)
            if found is not None and rows.max() < len(found):
                return found[rows][:, [2, 0, 1]], space
    wanted = {"zbrain": "'CellXYZ_norm'", "native": "'CellXYZ'"}.get(
        options.space or "", "'CellXYZ_norm' or 'CellXYZ'"
    )
    raise FormatError(f"{_STRUCTURE} holds no positions of all cells: {wanted} is needed.")


def _in_the_brain(
    zyx: NDArray[np.float64], space: str, structure: _Structure, rows: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Select the cells that were not marked as invalid and lie inside the volume."""
    valid = np.isfinite(zyx).all(axis=1)
    for name in ("IX_inval_anat", *(("IX_inval_norm",) if space == "zbrain" else ())):
        marked = structure.values.get(name, np.empty(0)).ravel().astype(np.int64) - 1
        valid &= ~np.isin(rows, marked)
    if space == "zbrain":
        n_rows, n_columns, n_planes = _ZBRAIN_SHAPE
        valid &= ((zyx > 0) & (zyx <= (n_planes, n_rows, n_columns))).all(axis=1)
    return np.asarray(valid)


def _in_um(
    zyx: NDArray[np.float64], space: str, options: ReadOptions, notes: dict[str, Any]
) -> NDArray[np.float32]:
    if space == "native":
        return in_micrometres(zyx, options, notes, _STRUCTURE)
    given = {"um_per_pixel": options.um_per_pixel, "plane_spacing_um": options.plane_spacing_um}
    if any(given.values()):
        warnings.warn(
            "Sizes of pixels and planes are those of the Z-Brain atlas here; the given ones are "
            "for native coordinates.",
            stacklevel=3,
        )
    scaled = zyx * (_ZBRAIN_UM[2], *_ZBRAIN_UM[:2])
    # Planes of the atlas count from its ventral end.
    flip = options.flip_z is not False
    if flip:
        scaled[:, 0] = ZBRAIN_DEPTH_UM - scaled[:, 0]
    notes["flip_z"] = flip
    return scaled.astype(np.float32)
