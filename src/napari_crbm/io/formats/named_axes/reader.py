"""Read recordings whose axes have names: netCDF, xarray's Zarr stores, Minian and AnnData.

Activity is the variable over neurons and frames; positions, regions and identity are
variables over neurons alone, times, stimulus and behaviour over frames alone, and footprints
over neurons and the axes of a picture (as Minian's ``A``).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from napari_crbm.errors import FieldNotFound, RecordingError
from napari_crbm.io.formats.named_axes.axes import SPATIAL, Axes, anndata_axes, named_axes
from napari_crbm.io.options import ReadOptions
from napari_crbm.io.reading import hdf5
from napari_crbm.io.reading import named_axes as files
from napari_crbm.io.reading.imaging_programs import active_frames, frame_times, in_micrometres
from napari_crbm.io.reading.labelled import labelled_only
from napari_crbm.io.reading.layout import MOSTLY_ZERO, SAMPLED
from napari_crbm.io.reading.named_axes import Variable
from napari_crbm.io.reading.position_units import zyx_in_um
from napari_crbm.io.reading.sources import container_of
from napari_crbm.io.reading.stored_fluorescence import StoredFluorescence
from napari_crbm.io.reading.times import are_frame_numbers, said_seconds
from napari_crbm.io.reading.traces import Combined, Held, Traces
from napari_crbm.io.reading.usual_names import (
    AXIS_NAMES,
    LABEL_NAMES,
    NOT_ACTIVITY,
    NOT_POSITIONS,
    RATE_NAMES,
    SPIKE_NAMES,
    TIME_NAMES,
    TRACE_NAMES,
    contains,
    rank,
)
from napari_crbm.preprocessing import above, binarise
from napari_crbm.recording import Recording, Step
from napari_crbm.regions import Regions
from napari_crbm.spikes import Spikes

# Minian's traces with their noise come before its denoised ones.
_TRACES = ("=yra", *TRACE_NAMES)
_PARTS = ("session", "condition", "segment")
# Values of footprints read at a time.
_AT_ONCE = 1 << 24
_MOST_PARTS = 1000


def can_read(path: Path) -> bool:
    """Return whether a file or folder names the axis of neurons and that of time."""
    if not files.has_named_axes(path):
        return False
    if container_of(path) == "hdf5":
        with hdf5.reading(path) as file:
            if hdf5.kind_of(file) is not None or "nwb_version" in file.attrs:
                return False
            if files.is_anndata(file):
                return True
    with files.opened(path) as variables:
        return named_axes(variables) is not None


def read(path: Path, options: ReadOptions) -> Recording:
    """Read activity, positions, times, regions and traces by the names of their axes.

    Raises
    ------
    FormatError
        If the file cannot be read.
    RecordingError
        If there is no activity, or fields contradict each other.
    """
    with files.opened(path) as variables:
        matrix = (files.OBSERVATIONS, files.VARIABLES)
        is_anndata = any(each.axes == matrix for each in variables.values())
        axes = anndata_axes(variables, options) if is_anndata else named_axes(variables)
        if axes is None:
            raise RecordingError(f"{path.name} does not name the axes of its activity.")
        found = Labelled(path, variables, axes, options)
        return found.recording("AnnData" if is_anndata else "named axes")


class Labelled:
    """The variables of one file by what they are.

    Parameters
    ----------
    path : Path
    variables : mapping of str to Variable
    axes : Axes
    options : ReadOptions
    """

    def __init__(
        self, path: Path, variables: Mapping[str, Variable], axes: Axes, options: ReadOptions
    ) -> None:
        self.path, self.variables, self.axes, self.options = path, variables, axes, options
        self.notes: dict[str, Any] = {"file": path.name, "axes": tuple(axes)}

    def recording(self, kind: str) -> Recording:
        """Put the recording together."""
        options, notes = self.options, self.notes
        spikes, fluorescence, step = self._activity()
        coordinates = self._coordinates(spikes.n_neurons)
        times = self._times(spikes.n_frames)
        regions = self._regions()
        recording = Recording(
            coordinates=coordinates,
            spikes=spikes,
            times=times,
            name=self.path.stem,
            regions=regions,
            fluorescence=fluorescence,
            traces=self._traces(),
            boundaries=self._boundaries(),
            provenance=(Step(f"read {kind}", notes), step),
        )
        return recording if options.keep_unlabelled else labelled_only(recording)

    def over(self, *axes: str) -> list[Variable]:
        """Return the variables over exactly these axes, in any order."""
        return [each for each in self.variables.values() if sorted(each.axes) == sorted(axes)]

    def _activity(self) -> tuple[Spikes, Traces | None, Step]:
        """Return spikes, fluorescence if there is any, and how neurons were found active."""
        every = [each for each in self.over(*self.axes) if each.numeric and 0 not in each.shape]
        if self.options.group is not None:
            every = [each for each in every if self.options.group in (each.name, each.path)]
        matrices = [each for each in every if not contains(each.name.lower(), NOT_ACTIVITY)]
        if not matrices:
            names = ", ".join(f"'{name}'" for name in self.variables)
            wanted = self.options.group or " and ".join(f"'{axis}'" for axis in self.axes)
            raise FieldNotFound(f"The file holds no activity over {wanted}; found {names}.")
        events = [each for each in matrices if _holds_events(each)]
        rest = [each for each in matrices if each not in events]
        event = min(events, key=lambda each: rank(each.name.lower(), SPIKE_NAMES), default=None)
        trace = min(rest, key=lambda each: rank(each.name.lower(), _TRACES), default=None)
        traces = None if trace is None else self._stored(trace)
        if trace is not None:
            self.notes["fluorescence"] = trace.path
        binary = event is not None and _is_binary(event)
        if event is not None and binary and self.options.binarise is None:
            return self._binary(event), traces, Step("spikes", {"of": event.path})
        if traces is not None:
            # Denoised traces show no noise to which deconvolved activity could be compared.
            noisy = trace is not None and trace.name.lower() != "c" and not binary
            deconvolved = self._stored(event) if event is not None and noisy else None
            of = f"rises of {trace.path if trace else ''}"
            spikes, step = active_frames(
                traces,
                self.options,
                deconvolved=deconvolved,
                source=of if deconvolved is None or event is None else event.path,
            )
            return spikes, traces, step
        assert event is not None
        if self.options.binarise is not None:
            raise RecordingError(
                f"'{event.name}' holds spikes or events, and there is no fluorescence in which "
                "to detect them: leave the threshold out (binarise, --binarise)."
            )
        stored = self._stored(event)
        spikes = binarise(
            stored.neuron_blocks(),  # type: ignore[attr-defined]
            *stored.shape,
            0.0,
            detect=above,
            progress=self.options.progress,
            control=self.options.control,
        )
        return spikes, None, Step("binarise", {"above": 0.0, "of": event.path})

    def _stored(self, variable: Variable) -> Traces:
        """Return a matrix as traces, left in its file if that can be read in parts."""
        first = variable.axes[0] == self.axes.neurons
        if isinstance(variable.stored, np.ndarray):
            values = variable.values()
            return Held(values.T if first else values)
        rows, columns = variable.shape
        chunks = getattr(variable.stored, "chunks", None)
        stored = StoredFluorescence(
            self.path,
            variable.path,
            (rows, columns),
            np.dtype(variable.stored.dtype),
            first,
            chunks=None if chunks is None else (int(chunks[0]), int(chunks[1])),
            open_array=files.opened_variable,
        )
        return Combined((stored,), variable.decoded) if variable.packed else stored

    def _binary(self, variable: Variable) -> Spikes:
        traces = self._stored(variable)
        n_frames, n_neurons = traces.shape
        tiles = ((0, start, traces.block(start, stop)) for start, stop in traces.ranges())
        return Spikes.from_tiles(tiles, n_frames, n_neurons)

    def _coordinates(self, n_neurons: int) -> NDArray[np.float32] | None:
        """Return positions from variables over neurons, or the centres of footprints."""
        columns = {each.name.lower(): each for each in self.over(self.axes.neurons) if each.numeric}
        for names in AXIS_NAMES:
            present = [columns.get(name) for name in names]
            if present[0] is not None and present[1] is not None:
                xyz = np.zeros((n_neurons, 3))
                for place, each in enumerate(present):
                    if each is not None:
                        xyz[:, place] = each.values()
                return self._in_um(xyz, present[0])
        for each in self.variables.values():
            name = each.name.lower()
            if (
                each.numeric
                and len(each.axes) == 2
                and each.axes[0] == self.axes.neurons
                and self.axes.frames not in each.axes
                and 2 <= each.shape[1] <= 3
                and contains(name, SPATIAL)
                and not contains(name, NOT_POSITIONS)
            ):
                xyz = np.zeros((n_neurons, 3))
                xyz[:, self._order(each)] = each.values()
                return self._in_um(xyz, each)
        return self._from_footprints()

    def _in_um(self, xyz: NDArray[np.float64], said: Variable) -> NDArray[np.float32]:
        unit = said.attributes.get("units", "")
        zyx, self.notes["unit"] = zyx_in_um(xyz, self.options, str(unit))
        self.notes["positions"] = said.path
        if self.options.flip_z:
            zyx[:, 0] = np.nanmax(zyx[:, 0]) - zyx[:, 0]
        return zyx.astype(np.float32)

    def _order(self, positions: Variable) -> list[int]:
        """Return the place of each column among x, y, z, as the file names them."""
        labels = self.variables.get(positions.axes[1])
        if labels is not None and labels.axes == (positions.axes[1],) and not labels.numeric:
            letters = [str(each).lower()[:1] for each in labels.values()]
            if set(letters) <= set("xyz") and len(set(letters)) == len(letters):
                return ["xyz".index(letter) for letter in letters]
        return list(range(positions.shape[1]))

    def _from_footprints(self) -> NDArray[np.float32] | None:
        """Return the centres of footprints, (neurons, rows, columns) or with planes before them."""
        for each in self.variables.values():
            if (
                each.numeric
                and len(each.axes) in (3, 4)
                and each.axes[0] == self.axes.neurons
                and self.axes.frames not in each.axes
            ):
                self.notes["footprints"] = each.path
                centres = _centres(each, [self._places(axis) for axis in each.axes[1:]])
                zyx = np.zeros((len(centres), 3))
                zyx[:, 3 - centres.shape[1] :] = centres
                return in_micrometres(zyx, self.options, self.notes, self.path.name)
        return None

    def _places(self, axis: str) -> NDArray[np.float64] | None:
        """Return the coordinates of the pixels along an axis, None if it has none."""
        each = self.variables.get(axis)
        if each is None or each.axes != (axis,) or not each.numeric:
            return None
        return np.asarray(each.values(), dtype=np.float64)

    def _times(self, n_frames: int) -> NDArray[np.float64]:
        known = {each.name.lower(): each for each in self.over(self.axes.frames) if each.numeric}
        times = None
        for name in (self.axes.frames.lower(), *TIME_NAMES):
            if name in known:
                stored = known[name]
                values = _since(np.asarray(stored.values(), np.float64), stored, self.options)
                if are_frame_numbers(values) and not stored.attributes.get("units"):
                    continue
                times, source = values, stored.path
                break
        rate = next(
            (
                float(np.ravel(each.values())[0])
                for name in RATE_NAMES
                for each in self.variables.values()
                if each.name.lower() == name and each.numeric and int(np.prod(each.shape)) == 1
            ),
            None,
        )
        return frame_times(
            n_frames,
            self.options,
            self.notes,
            times=times,
            rate_hz=rate,
            source=source if times is not None else "the file",
        )

    def _regions(self) -> Regions | None:
        for each in self.over(self.axes.neurons):
            if each.name.lower() in LABEL_NAMES:
                names = np.array([str(label) for label in each.values()])
                known = [label for label in np.unique(names) if label not in ("", "nan", "None")]
                if known:
                    member = sparse.csc_array(names[:, None] == np.array(known)[None, :])
                    self.notes["regions"] = each.path
                    return Regions(member, tuple(str(label) for label in known))
        return None

    def _traces(self) -> dict[str, NDArray[np.float64]]:
        """Return stimulus and behaviour: numbers over frames that are no times."""
        return {
            name: np.asarray(each.values(), dtype=np.float64)
            for name, each in self.variables.items()
            if each.axes == (self.axes.frames,)
            and each.numeric
            and name.lower() not in (self.axes.frames.lower(), *TIME_NAMES, *_PARTS)
        }

    def _boundaries(self) -> tuple[int, ...]:
        """Return the frames at which a named session, condition or segment changes."""
        for each in self.over(self.axes.frames):
            if each.name.lower() in _PARTS:
                values = each.values()
                changes = np.flatnonzero(values[1:] != values[:-1]) + 1
                if 0 < len(changes) <= _MOST_PARTS:
                    self.notes["segments"] = each.path
                    return tuple(int(frame) for frame in changes)
        return ()


def _sample(variable: Variable) -> NDArray[np.float64]:
    corner = np.asarray(variable.stored[:SAMPLED, :SAMPLED])
    return np.asarray(variable.decoded(corner) if variable.packed else corner, dtype=np.float64)


def _is_binary(variable: Variable) -> bool:
    sample = _sample(variable)
    return bool(((sample == 0) | (sample == 1)).all())


def _holds_events(variable: Variable) -> bool:
    """Return whether a matrix holds spikes, counts or deconvolved activity."""
    sample = _sample(variable)
    mostly_zero = np.mean(sample == 0) >= MOSTLY_ZERO and np.nanmin(sample) >= 0
    # Denoised traces of sparse activity are zero in many frames, too.
    named = rank(variable.name.lower(), _TRACES) < rank(variable.name.lower(), SPIKE_NAMES)
    return bool(mostly_zero) and not (named and variable.name.lower() in ("c", "c_raw", "yra"))


def _since(values: NDArray[np.float64], stored: Variable, options: ReadOptions) -> Any:
    """Return times in seconds; moments ("seconds since 2020-01-01") count from the first."""
    unit, _, moment = str(stored.attributes.get("units", "")).partition(" since ")
    if moment:
        values = values - values[0]
    for word, seconds in (("minute", 60.0), ("hour", 3600.0), ("day", 86400.0)):
        if unit.strip().lower().rstrip("s") == word:
            return values * seconds
    return said_seconds(values, unit, options.time_unit)


def _centres(footprints: Variable, places: list[NDArray[np.float64] | None]) -> NDArray[np.float64]:
    """Return the weighted centre of every footprint, NaN for empty ones."""
    n_neurons, *shape = footprints.shape
    grids = [
        np.arange(length, dtype=np.float64) if place is None or len(place) != length else place
        for place, length in zip(places, shape, strict=True)
    ]
    centres = np.full((n_neurons, len(shape)), np.nan)
    step = max(1, _AT_ONCE // max(int(np.prod(shape)), 1))
    for start in range(0, n_neurons, step):
        part = np.abs(np.nan_to_num(np.asarray(footprints.stored[start : start + step], float)))
        total = part.reshape(len(part), -1).sum(axis=1)
        for axis, grid in enumerate(grids):
            others = tuple(k + 1 for k in range(len(shape)) if k != axis)
            with np.errstate(invalid="ignore", divide="ignore"):
                centres[start : start + step, axis] = part.sum(axis=others) @ grid / total
    return centres
