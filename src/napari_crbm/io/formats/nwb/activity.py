"""Cells and response series of an NWB file, and the role of each series.

The schema does not say whether a series is raw fluorescence, the neuropil around the
cells, or deconvolved; names do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import FormatError, RecordingError
from napari_crbm.io.formats.nwb.masks import Quirk, quirk_of
from napari_crbm.io.options import ReadOptions
from napari_crbm.io.reading.imaging_programs import active_frames
from napari_crbm.io.reading.layout import activity_tiles, on_first_axis
from napari_crbm.io.reading.stored_fluorescence import StoredFluorescence
from napari_crbm.io.reading.traces import Chosen, Combined, Joined, Relative, Traces
from napari_crbm.recording import Step
from napari_crbm.spikes import Spikes

#: Name of the series in which `napari_crbm.io.save_nwb` keeps binarised activity.
BINARISED = "BinarisedActivity"
# Suite2p's own default.
_NEUROPIL_SHARE = 0.7
_ROLES = (
    ("binarised", re.compile(rf"^{BINARISED}$")),
    ("ignored", re.compile(r"chan(nel)?_?2|background", re.IGNORECASE)),
    ("neuropil", re.compile(r"neuropil", re.IGNORECASE)),
    ("deconvolved", re.compile(r"deconv|spike|event", re.IGNORECASE)),
    ("relative", re.compile(r"dff|dfof|df_f|dfoverf|delta_?f", re.IGNORECASE)),
)
_ACTIVITY = {"raw", "relative", "deconvolved", "binarised"}


@dataclass(eq=False)
class Plane:
    """The cells of one plane segmentation and their response series."""

    segmentation: Any
    rows: NDArray[np.int64]
    series: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name of the segmentation, and of the series if it has several."""
        return str(self.segmentation.name)


def has_series(nwbfile: Any) -> bool:
    """Return whether a file holds response series of cells."""
    return any(
        type(item).__name__ == "RoiResponseSeries" and item.rois is not None
        for item in nwbfile.objects.values()
    )


def planes_of(nwbfile: Any, group: str | None, path: Path) -> list[Plane]:
    """Group response series by their cells, in the order of the file."""
    found = [
        item
        for item in nwbfile.objects.values()
        if type(item).__name__ == "RoiResponseSeries" and item.rois is not None
    ]
    if not found:
        raise FormatError(
            f"{path.name} holds no activity of cells: an NWB file with RoiResponseSeries (in "
            "Fluorescence or DfOverF) and the PlaneSegmentation of their cells is needed, or one "
            "with a table of units and their spike times."
        )
    # The library hands them out in no particular order.
    found.sort(key=_order)
    chosen = [series for series in found if group is None or group.strip("/") in _names(series)]
    if not chosen:
        known = sorted({name for series in found for name in _names(series)})
        raise FormatError(f"{path.name} has no '{group}'; there are {', '.join(known)}.")
    planes: dict[tuple[int, bytes], Plane] = {}
    for series in chosen:
        rows = np.asarray(series.rois.data[:], dtype=np.int64)
        key = (id(series.rois.table), rows.tobytes())
        plane = planes.setdefault(key, Plane(series.rois.table, rows))
        # An explicit choice is taken at its word.
        role = _role(series) if len(chosen) > 1 or group is None else _role(series, "raw")
        plane.series.setdefault(role, series)
    usable = [
        p for p in planes.values() if {"raw", "relative", "deconvolved", "binarised"} & {*p.series}
    ]
    if not usable:
        raise FormatError(
            f"{path.name} holds background signals alone; fluorescence of cells is needed."
        )
    return usable


def _order(series: Any) -> list[tuple[str | int, ...]]:
    """Sort by cells, then by name, with "plane10" after "plane9"."""
    holder = series.parent.name if series.parent is not None else ""
    names = (series.rois.table.name, series.name, holder)
    return [
        tuple(int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name))
        for name in names
    ]


def _names(series: Any) -> list[str]:
    """Return the names of a series: its own, its container's, its cells'."""
    holder = series.parent.name if series.parent is not None else ""
    return [series.name, holder, f"{holder}/{series.name}", series.rois.table.name]


def _role(series: Any, otherwise: str | None = None) -> str:
    holder = series.parent
    if type(holder).__name__ == "DfOverF":
        return "relative"
    for role, pattern in _ROLES:
        if pattern.search(series.name) or (holder is not None and pattern.search(holder.name)):
            return otherwise if otherwise and role in ("ignored", "neuropil") else role
    return "raw"


def kept_cells(plane: Plane) -> NDArray[np.int64]:
    """Return which cells of a plane a person or a classifier has kept, as indices into ``rows``."""
    table = plane.segmentation
    for column in ("iscell", "keep", "Accepted"):
        if column in table.colnames:
            judged = np.asarray(table[column].data[:])
            judged = judged[:, 0] if judged.ndim == 2 else judged
            return np.flatnonzero(judged[plane.rows].astype(np.float64) == 1)
    return np.arange(len(plane.rows))


def activity_of(
    planes: list[Plane],
    kept: list[NDArray[np.int64]],
    nwbfile: Any,
    options: ReadOptions,
    notes: dict[str, Any],
) -> tuple[Traces | None, Spikes, Step | None]:
    """Return dF/F if present, spikes, and the step for the provenance."""

    def joined(role: str) -> Traces | None:
        parts: list[Traces] = []
        for plane, cells in zip(planes, kept, strict=True):
            if role not in plane.series:
                return None
            stored = _stored(plane.series[role], len(plane.rows), options)
            parts.append(stored if len(cells) == len(plane.rows) else Chosen(stored, cells))
        return parts[0] if len(parts) == 1 else Joined(tuple(parts))

    raw, relative, neuropil, deconvolved = (
        joined(role) for role in ("raw", "relative", "neuropil", "deconvolved")
    )
    noisy, shown = relative, relative
    if raw is not None:
        corrected = raw
        if neuropil is not None and neuropil.shape == raw.shape:
            corrected = Combined((raw, neuropil), _without_neuropil)
            notes["neuropil"] = f"{_NEUROPIL_SHARE} subtracted"
        rest = _residuals(planes, kept, nwbfile, options)
        if rest is not None and rest.shape == raw.shape:
            # Like CaImAn's own traces: without a baseline that could be divided by.
            corrected = shown = Combined((raw, rest), np.add)
        shown = shown or Relative(corrected, raw)
        # Without deconvolution slow changes count, and dF/F has none.
        noisy = relative if relative is not None and deconvolved is None else corrected
    if options.binarise is None and all("binarised" in plane.series for plane in planes):
        return shown, _stored_spikes(planes, kept, options), None
    if noisy is None:
        if deconvolved is None and all("binarised" in plane.series for plane in planes):
            raise RecordingError(
                "The file holds binarised activity alone, so there is nothing to detect events "
                "in: leave out the threshold."
            )
        if deconvolved is None:
            raise RecordingError(
                "Planes of this file hold different kinds of activity; choose one with the option "
                f"group: {', '.join(notes['planes'])}."
            )
        # Without fluorescence there is no noise to compare with; only rises can be counted.
        noisy, deconvolved = deconvolved, None
    if deconvolved is not None and deconvolved.shape != noisy.shape:
        raise RecordingError(
            f"Deconvolved activity has shape {deconvolved.shape}, fluorescence {noisy.shape}: "
            "they belong to different runs."
        )
    source = "deconvolved activity" if deconvolved is not None else "rises of fluorescence"
    spikes, step = active_frames(noisy, options, deconvolved=deconvolved, source=source)
    return shown or noisy, spikes, step


def _stored(series: Any, n_cells: int, options: ReadOptions) -> Traces:
    """Return a series in its unit, left in its file."""
    stored = _as_stored(series, n_cells, options)
    factor, offset = np.float32(series.conversion), np.float32(getattr(series, "offset", 0.0))
    if factor == 1 and offset == 0:
        return stored
    return Combined((stored,), lambda values: values * factor + offset)


def _as_stored(series: Any, n_cells: int, options: ReadOptions) -> StoredFluorescence:
    data = series.data
    if not isinstance(data, h5py.Dataset) or data.dtype.kind not in "biuf":
        raise RecordingError(f"The data of '{series.name}' must be numbers in the file.")
    first = on_first_axis(series.name, data.shape, n_cells, False, options.neurons_first)
    return StoredFluorescence.of(data, first)


def _without_neuropil(
    cell: NDArray[np.float32], around: NDArray[np.float32]
) -> NDArray[np.float32]:
    return cell - np.float32(_NEUROPIL_SHARE) * around


def _residuals(
    planes: list[Plane], kept: list[NDArray[np.int64]], nwbfile: Any, options: ReadOptions
) -> Traces | None:
    """Return the residuals of CaImAn's denoised traces."""
    if len(planes) != 1 or quirk_of(planes[0].segmentation) is not Quirk.CAIMAN:
        return None
    found = [item for item in nwbfile.objects.values() if item.name == "residuals"]
    n_cells = len(planes[0].rows)
    if not found or n_cells not in np.shape(found[0].data):
        return None
    stored = _stored(found[0], n_cells, options)
    return stored if len(kept[0]) == n_cells else Chosen(stored, kept[0])


def _stored_spikes(
    planes: list[Plane], kept: list[NDArray[np.int64]], options: ReadOptions
) -> Spikes:
    sources = [_as_stored(plane.series["binarised"], len(plane.rows), options) for plane in planes]
    n_frames = min(source.shape[0] for source in sources)

    def tiles() -> Iterator[tuple[int, int, NDArray[np.generic]]]:
        first = 0
        for plane, source, cells in zip(planes, sources, kept, strict=True):
            data = plane.series["binarised"].data
            for frame, neuron, tile in activity_tiles(data, source.neurons_first, cells):
                yield frame, first + neuron, tile[: n_frames - frame]
            first += len(cells)

    return Spikes.from_tiles(tiles(), n_frames, sum(map(len, kept)))
