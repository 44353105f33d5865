"""The toolbox of Romano et al. 2017: ``NAME_RASTER.mat`` with ``NAME_ALL_CELLS.mat``.

The first holds ``raster`` and ``deltaFoF`` (frames, cells) and ``params.fps``, the second
the pixels of every cell, counted down columns of the average image ``avg`` from 1:
``cells`` with ``fromPlane`` if there are several planes, ``cell`` if there is one.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import FormatError, RecordingError
from napari_crbm.io.options import ReadOptions
from napari_crbm.io.reading import hdf5
from napari_crbm.io.reading.imaging_programs import (
    active_frames,
    frame_times,
    in_micrometres,
)
from napari_crbm.io.reading.layout import activity_tiles, on_first_axis
from napari_crbm.io.reading.matlab import numeric_arrays
from napari_crbm.io.reading.sources import (
    Array,
    container_of,
    damage_named,
    opened,
    opened_array,
)
from napari_crbm.io.reading.stored_fluorescence import StoredFluorescence
from napari_crbm.recording import Recording, Step
from napari_crbm.spikes import Spikes

_NAME = re.compile(r"(?P<stem>.*)_(RASTER|ALL_CELLS)\.mat$", re.IGNORECASE)
_CELLS = ("cells", "cell", "dataAllCells/cells", "dataAllCells/cell")


def can_read(path: Path) -> bool:
    """Return whether a file is named like one of the two files."""
    return path.is_file() and bool(_NAME.match(path.name)) and container_of(path) is not None


def read(path: Path, options: ReadOptions) -> Recording:
    """Read all cells.

    Raises
    ------
    FormatError
        If a file or field is missing or damaged.
    RecordingError
        If they contradict each other.
    """
    stem = _NAME.sub(r"\g<stem>", path.name)
    raster, cells = (_beside(path, stem, kind) for kind in ("RASTER", "ALL_CELLS"))
    zyx = _centres(cells)
    notes: dict[str, Any] = {"format": "Romano et al. 2017", "files": [raster.name, cells.name]}
    coordinates = in_micrometres(zyx, options, notes, "The toolbox")
    with opened(raster) as arrays:
        known = {name.lower(): name for name in arrays}
        fluorescence = _stored(raster, arrays, known.get("deltafof"), len(zyx), options)
        steps: list[Step] = []
        if options.binarise is None and "raster" in known:
            name = known["raster"]
            stored = arrays[name]
            first = _cells_first(name, stored, len(zyx), options)
            n_frames = stored.shape[1 if first else 0]
            spikes = Spikes.from_tiles(activity_tiles(stored, first), n_frames, len(zyx))
            notes["activity"] = name
        elif fluorescence is not None:
            spikes, step = active_frames(fluorescence, options, source="rises of deltaFoF")
            steps.append(step)
        else:
            raise FormatError(
                f"{raster.name} holds no activity: 'raster' or 'deltaFoF' is needed; found "
                f"{', '.join(list(arrays)[:8]) or 'nothing'}."
            )
        rate = _number(arrays.get(known.get("params/fps", "")))
        movements = arrays.get(known.get("movements", ""))
        traces = {}
        if movements is not None and int(np.prod(movements.shape)) == spikes.n_frames:
            traces["movements"] = np.ravel(movements[...]).astype(np.float64)
    if fluorescence is not None and fluorescence.shape != spikes.shape:
        raise RecordingError(
            f"'deltaFoF' has shape {fluorescence.shape}, 'raster' {spikes.shape}: they belong to "
            "different runs."
        )
    return Recording(
        coordinates=coordinates,
        spikes=spikes,
        times=frame_times(spikes.n_frames, options, notes, rate_hz=rate, source="params.fps"),
        name=stem,
        fluorescence=fluorescence,
        traces=traces,
        provenance=(Step("read Romano et al. 2017", notes), *steps),
    )


def _beside(path: Path, stem: str, kind: str) -> Path:
    wanted = f"{stem}_{kind}.mat".lower()
    for each in path.parent.iterdir():
        if each.name.lower() == wanted:
            return each
    role = "activity" if kind == "RASTER" else "places"
    raise FormatError(
        f"There is no {stem}_{kind}.mat beside {path.name}: it holds the {role} of the cells."
    )


def _cells_first(name: str, stored: Array, n_cells: int, options: ReadOptions) -> bool:
    # MATLAB's axes are reversed in files of version 7.3.
    usual = isinstance(stored, h5py.Dataset)
    return on_first_axis(name, tuple(stored.shape), n_cells, usual, options.neurons_first)


def _stored(
    path: Path, arrays: dict[str, Array], name: str | None, n_cells: int, options: ReadOptions
) -> StoredFluorescence | None:
    if name is None:
        return None
    stored = arrays[name]
    first = _cells_first(name, stored, n_cells, options)
    return StoredFluorescence(
        path,
        name,
        (stored.shape[0], stored.shape[1]),
        np.dtype(stored.dtype),
        first,
        chunks=getattr(stored, "chunks", None),
        open_array=opened_array,
    )


def _number(array: Array | None) -> float | None:
    if array is None or int(np.prod(array.shape)) != 1 or array.dtype.kind not in "iuf":
        return None
    return float(np.ravel(array[...])[0])


def _centres(path: Path) -> NDArray[np.float64]:
    """Compute the mean pixel of every cell: plane, row, column, (cells, 3)."""
    pixels, counts, average, planes = _content(path)
    if average is None or average.ndim not in (2, 3):
        raise FormatError(f"{path.name} lacks the average image 'avg', so pixels have no place.")
    n_rows, n_columns = average.shape[:2]
    if pixels.dtype.kind not in "biuf":
        raise FormatError(
            f"The cells of {path.name} must hold pixel numbers; found {pixels.dtype}."
        )
    cell = np.repeat(np.arange(len(counts)), counts)
    pixel = pixels.astype(np.int64) - 1
    if len(pixel) and not 0 <= pixel.min() <= pixel.max() < n_rows * n_columns:
        raise RecordingError(
            f"A cell of {path.name} has pixel {pixel.max() + 1}, but images have {n_rows} x "
            f"{n_columns}."
        )
    if (counts == 0).any():
        raise RecordingError(
            f"Cell {np.flatnonzero(counts == 0)[0] + 1} of {path.name} has no pixels."
        )
    column, row = np.divmod(pixel, n_rows)
    centres = np.zeros((len(counts), 3))
    for axis, place in ((1, row), (2, column)):
        centres[:, axis] = np.bincount(cell, place, len(counts)) / counts
    if planes is not None and planes.size == len(counts):
        centres[:, 0] = planes.ravel().astype(np.float64) - 1
    return centres


def _content(
    path: Path,
) -> tuple[NDArray[Any], NDArray[np.int64], NDArray[Any] | None, NDArray[Any] | None]:
    """Return the pixels of all cells, their number per cell, the average image, the planes."""
    if container_of(path) == "hdf5":
        return _content_of_new(path)
    with damage_named(path):
        arrays = numeric_arrays(path)
    name = next((name for name in _CELLS if f"{name}#counts" in arrays), None)
    if name is None:
        raise _no_cells(path, list(arrays))
    folder = name.rpartition("/")[0]
    held = {each.rpartition("/")[2]: arrays[each] for each in arrays if folder in each}
    counts = arrays[f"{name}#counts"].astype(np.int64)
    return arrays[name].ravel(), counts, held.get("avg"), held.get("fromPlane")


def _no_cells(path: Path, found: list[str]) -> FormatError:
    return FormatError(
        f"{path.name} holds no cells: a cell array 'cells' or 'cell' with the pixels of each is "
        f"needed; found {', '.join(found[:8]) or 'nothing'}."
    )


def _content_of_new(
    path: Path,
) -> tuple[NDArray[Any], NDArray[np.int64], NDArray[Any] | None, NDArray[Any] | None]:
    """Return the same from a file of version 7.3, where a cell array is a list of references."""
    with hdf5.reading(path) as file:
        name = next((name for name in _CELLS if isinstance(file.get(name), h5py.Dataset)), None)
        if name is None or file[name].dtype != h5py.ref_dtype:
            raise _no_cells(path, list(file))
        parts = [np.ravel(file[each][()]) for each in np.ravel(file[name][()])]
        parent = file[name].parent
        average = np.asarray(parent["avg"][()]).T if "avg" in parent else None
        planes = np.asarray(parent["fromPlane"][()]).T if "fromPlane" in parent else None
    counts = np.array([part.size for part in parts], dtype=np.int64)
    return np.concatenate([*parts, np.empty(0)]), counts, average, planes
