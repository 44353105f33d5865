"""NWB files: ROI response series with the plane segmentations they belong to.

Read with pynwb. A file may hold several planes, and for each fluorescence, the neuropil
around the cells, dF/F and deconvolved activity; what is what is told by names, since the
schema does not say. Programs whose files differ from the schema are known, see
`napari_crbm.io.formats.nwb.masks`.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from napari_crbm.errors import FormatError, RecordingError, install_extra
from napari_crbm.io.formats.nwb import units
from napari_crbm.io.formats.nwb.activity import (
    Plane,
    activity_of,
    has_series,
    kept_cells,
    planes_of,
)
from napari_crbm.io.formats.nwb.masks import (
    Quirk,
    centres,
    origin_um,
    quirk_of,
    spacing_um,
)
from napari_crbm.io.options import ReadOptions
from napari_crbm.io.reading.imaging_programs import frame_times, in_micrometres
from napari_crbm.io.reading.sources import damage_named
from napari_crbm.recording import Recording, Step
from napari_crbm.regions import Regions

#: Columns in which `napari_crbm.io.save_nwb` keeps exact positions, and brain regions.
POSITIONS, REGIONS = ("x_um", "y_um", "z_um"), "regions"


def can_read(file: h5py.File) -> bool:
    """Return whether the open file states an NWB version."""
    return "nwb_version" in file.attrs or "nwb_version" in file


def read(file: h5py.File, path: Path, options: ReadOptions) -> Recording:
    """Read all planes of a file, or the one named by ``group``; else its units of spikes.

    Raises
    ------
    FormatError
        If pynwb is missing, or cannot read the file.
    RecordingError
        If there are no cells with activity, or parts contradict each other.
    """
    if "nwb_version" not in file.attrs:
        raise FormatError(f"{path.name} is an NWB file of version 1; versions from 2 on are read.")
    with _contents(file, path) as nwbfile, damage_named(path):
        notes: dict[str, Any] = {"file": path.name, "format": "NWB"}
        if options.group == "units" or (units.has_units(nwbfile) and not has_series(nwbfile)):
            return units.read(nwbfile, path.stem, options, notes)
        planes = planes_of(nwbfile, options.group, path)
        notes["planes"] = [f"{plane.name}: {', '.join(plane.series)}" for plane in planes]
        kept = [kept_cells(plane) for plane in planes]
        if not sum(map(len, kept)):
            raise RecordingError("No cell was kept: all are marked as rejected in the file.")
        coordinates = _coordinates(planes, kept, options, notes)
        fluorescence, spikes, step = activity_of(planes, kept, nwbfile, options, notes)
        return Recording(
            coordinates=coordinates,
            spikes=spikes,
            times=_times(planes[0], spikes.n_frames, options, notes),
            name=path.stem,
            regions=_regions(planes, kept),
            fluorescence=fluorescence,
            traces=_traces(nwbfile, spikes.n_frames),
            provenance=(Step("read NWB", notes), *([step] if step else [])),
        )


def import_pynwb() -> Any:
    """Import pynwb, or raise an error that says how to install it."""
    try:
        return importlib.import_module("pynwb")
    except ImportError as error:
        raise FormatError(
            f"NWB files need the library pynwb: {install_extra('nwb')}, then start again."
        ) from error


@contextmanager
def _contents(file: h5py.File, path: Path) -> Iterator[Any]:
    pynwb = import_pynwb()
    with damage_named(path), warnings.catch_warnings():
        # Files of older versions and of other programs cause many remarks.
        warnings.simplefilter("ignore")
        reader = pynwb.NWBHDF5IO(file=file, mode="r")
        nwbfile = reader.read()
    yield nwbfile


def _coordinates(
    planes: list[Plane],
    kept: list[NDArray[np.int64]],
    options: ReadOptions,
    notes: dict[str, Any],
) -> NDArray[np.float32]:
    """Return the positions of all cells, (N, 3): z, y, x in micrometres."""
    exact = [set(POSITIONS) <= set(plane.segmentation.colnames) for plane in planes]
    if all(exact):
        notes["positions"] = ", ".join(POSITIONS)
        x, y, z = (
            np.concatenate(
                [
                    np.asarray(p.segmentation[axis].data[:], dtype=np.float64)[p.rows[k]]
                    for p, k in zip(planes, kept, strict=True)
                ]
            )
            for axis in POSITIONS
        )
        return np.stack([z, y, x], axis=1).astype(np.float32)
    voxels, origins, spacing = [], [], None
    for number, (plane, cells) in enumerate(zip(planes, kept, strict=True)):
        quirk = quirk_of(plane.segmentation)
        zyx = centres(plane.segmentation, plane.rows[cells], quirk)
        imaging_plane = plane.segmentation.imaging_plane
        trusted = quirk not in (Quirk.SUITE2P, Quirk.VOLUSEG) and imaging_plane is not None
        spacing = spacing or (spacing_um(imaging_plane) if trusted else None)
        origin = origin_um(imaging_plane) if trusted else None
        # Planes without a place of their own are stacked in the order of the file.
        if origin is None and "voxel_mask" not in plane.segmentation.colnames:
            zyx[:, 0] += number
        voxels.append(zyx)
        origins.append(np.tile(origin or (0.0, 0.0, 0.0), (len(zyx), 1)))
    program = quirk_of(planes[0].segmentation)
    who = "The file" if program is Quirk.NONE else f"{program.value}'s NWB file"
    scaled = in_micrometres(
        np.concatenate(voxels), options, notes, who, spacing or (None, None, None)
    )
    return np.asarray(scaled + np.concatenate(origins), dtype=np.float32)


def _times(
    plane: Plane, n_frames: int, options: ReadOptions, notes: dict[str, Any]
) -> NDArray[np.float64]:
    series = next(iter(plane.series.values()))
    if quirk_of(plane.segmentation) is Quirk.VOLUSEG:
        return frame_times(n_frames, options, notes)
    if series.timestamps is not None:
        times = np.asarray(series.timestamps[:], dtype=np.float64)
        return frame_times(n_frames, options, notes, times=times, source="timestamps")
    rate = None if series.rate is None else float(series.rate)
    start = float(series.starting_time or 0.0)
    return frame_times(n_frames, options, notes, rate_hz=rate, source="rate", start_s=start)


def _regions(planes: list[Plane], kept: list[NDArray[np.int64]]) -> Regions | None:
    """Read brain regions from files that this program exported."""
    if not all(REGIONS in plane.segmentation.colnames for plane in planes):
        return None
    names: list[str] = []
    of_neuron: list[NDArray[np.int64]] = []
    first = 0
    for plane, cells in zip(planes, kept, strict=True):
        column = plane.segmentation[REGIONS]
        if type(column).__name__ != "VectorIndex":
            return None
        ends = np.asarray(column.data[:], dtype=np.int64)
        starts = np.concatenate([[0], ends[:-1]])
        held = np.asarray(column.target.data[:], dtype=str)
        for place, row in enumerate(plane.rows[cells], start=first):
            here = held[starts[row] : ends[row]]
            names += here.tolist()
            of_neuron.append(np.full(len(here), place))
        first += len(cells)
    distinct, column_of = np.unique(names, return_inverse=True)
    if not len(distinct):
        return None
    entries = (np.ones(len(names), dtype=bool), (np.concatenate(of_neuron), column_of))
    matrix = sparse.csc_array(entries, shape=(first, len(distinct)))
    return Regions(matrix, tuple(str(name) for name in distinct))


def _traces(nwbfile: Any, n_frames: int) -> dict[str, NDArray[np.float64]]:
    """Read behaviour and stimuli with one number per frame."""
    behaviour = nwbfile.processing.get("behavior", None) if nwbfile.processing else None
    held = [*nwbfile.stimulus.values(), *(behaviour.data_interfaces.values() if behaviour else ())]
    found = {}
    for item in held:
        for series in (item, *getattr(item, "time_series", {}).values()):
            data = getattr(series, "data", None)
            if not isinstance(data, h5py.Dataset) or data.shape != (n_frames,):
                continue
            if data.dtype.kind in "biuf":
                found[str(series.name)] = np.asarray(data[()], dtype=np.float64)
    return found
