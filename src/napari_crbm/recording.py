"""Recording: positions of neurons, their activity over time, and its provenance."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_crbm.errors import RecordingError
from napari_crbm.regions import Regions
from napari_crbm.spikes import Spikes

#: Smallest gap between two segments, in median frame intervals. Single dropped frames leave
#: smaller gaps.
GAP_INTERVALS = 4.0

#: Order of the coordinate axes, napari's: dorsal to ventral, anterior to
#: posterior, left to right.
AXES = ("z", "y", "x")


class Fluorescence(Protocol):
    """Fluorescence that stays on disk until a part of it is read."""

    @property
    def shape(self) -> tuple[int, int]:
        """``(n_frames, n_neurons)``."""
        ...

    def trace(self, neuron: int) -> NDArray[np.float32]:
        """One neuron over time, (T,) float32."""
        ...

    def frames(self, start: int, stop: int) -> NDArray[np.float32]:
        """Consecutive frames, (stop - start, N) float32."""
        ...


@dataclass(frozen=True)
class Step:
    """One step in the history of a recording: what was done, with which parameters."""

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Source:
    """File and options from which a recording was read, to read it again.

    Parameters
    ----------
    path : Path
    options : mapping
        Options that were passed to `napari_crbm.io.open_recording`.
    n_steps : int
        Length of the recording's provenance just after reading.
    """

    path: Path
    options: Mapping[str, Any] = field(default_factory=dict)
    n_steps: int = 0


@dataclass(frozen=True, eq=False)
class Recording:
    """Recording of one animal; immutable and validated on construction.

    Parameters
    ----------
    coordinates : (N, 3) float32, optional
        Neuron positions in micrometres, axes z, y, x: dorsal to ventral,
        anterior to posterior, left to right. None if they are not known, rows of NaN for
        neurons whose position is not known. (N,) or (N, 1) values are depths (z), with y
        and x zero.
    spikes : Spikes
        Binarised activity, T frames x N neurons.
    times : (T,) float64
        Time of every frame in seconds, strictly increasing.
    name : str
        Display name; usually the file's stem.
    regions : Regions, optional
        Membership of the neurons in named brain regions.
    fluorescence : Fluorescence, optional
        dF/F, read from disk when needed.
    traces : mapping of str to (T,) float arrays
        Stimulus or behaviour recorded alongside.
    metadata : mapping
        Other information; values must be str, int, float or bool.
    boundaries : tuple of int
        First frames of further sessions or conditions, where the times do not show a gap.
    provenance : tuple of Step
        Processing steps since the raw file, in order.
    source : Source, optional
        The file it was read from; not stored in saved recordings.

    Raises
    ------
    RecordingError
        With one sentence that names the field and what is wrong with it.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_crbm import Recording, Spikes
    >>> spikes = Spikes.from_dense(np.random.default_rng(0).random((100, 20)) < 0.1)
    >>> recording = Recording(
    ...     coordinates=np.random.default_rng(1).uniform(0, 100, (20, 3)),  # z, y, x in um
    ...     spikes=spikes,
    ...     times=np.arange(100) / 3,  # s
    ...     name="fish 1",
    ... )
    >>> round(recording.frame_interval_s, 3)
    0.333
    """

    coordinates: NDArray[np.float32] | None
    spikes: Spikes
    times: NDArray[np.float64]
    name: str = "recording"
    regions: Regions | None = None
    fluorescence: Fluorescence | None = None
    traces: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    provenance: tuple[Step, ...] = ()
    source: Source | None = None
    boundaries: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        coordinates = checked_coordinates(self.coordinates, self.spikes.shape)
        times = np.array(self.times, dtype=np.float64)
        check_times(times, self.spikes.n_frames)
        if self.regions is not None and self.regions.n_neurons != self.n_neurons:
            raise RecordingError(
                f"Regions describe {self.regions.n_neurons} neurons, "
                f"the activity has {self.n_neurons}."
            )
        if self.fluorescence is not None and tuple(self.fluorescence.shape) != self.spikes.shape:
            raise RecordingError(
                f"Fluorescence has shape {tuple(self.fluorescence.shape)}, "
                f"the activity {self.spikes.shape} (frames, neurons)."
            )
        boundaries = tuple(sorted({int(frame) for frame in self.boundaries}))
        if boundaries and not 0 < boundaries[0] <= boundaries[-1] < self.n_frames:
            raise RecordingError(
                f"Boundaries are frames from 1 to {self.n_frames - 1}; found {boundaries[0]} to "
                f"{boundaries[-1]}."
            )
        traces = {}
        for label, values in self.traces.items():
            trace = np.array(values, dtype=np.float64)
            if trace.shape != (self.n_frames,):
                raise RecordingError(
                    f"Trace '{label}' has shape {trace.shape}; "
                    f"one value for each of {self.n_frames} frames is needed."
                )
            trace.flags.writeable = False
            traces[label] = trace
        times.flags.writeable = False
        set_field = object.__setattr__
        set_field(self, "coordinates", coordinates)
        set_field(self, "times", times)
        set_field(self, "boundaries", boundaries)
        set_field(self, "traces", MappingProxyType(traces))
        set_field(self, "metadata", MappingProxyType(dict(self.metadata)))
        set_field(self, "provenance", tuple(self.provenance))

    @property
    def n_neurons(self) -> int:
        """Number of neurons N."""
        return self.spikes.n_neurons

    @property
    def n_frames(self) -> int:
        """Number of frames T."""
        return self.spikes.n_frames

    @cached_property
    def positions(self) -> NDArray[np.float32]:
        """`coordinates` with rows of NaN where they are not known, (N, 3) float32."""
        if self.coordinates is not None:
            return self.coordinates
        unknown = np.full((self.n_neurons, 3), np.nan, dtype=np.float32)
        unknown.flags.writeable = False
        return unknown

    @cached_property
    def located(self) -> NDArray[np.bool_]:
        """Neurons that have a position, (N,) bool."""
        return np.asarray(np.isfinite(self.positions).all(axis=1))

    @cached_property
    def known_axes(self) -> tuple[str, ...]:
        """The axes of `AXES` along which positions differ."""
        if not self.located.any():
            return ()
        extent = np.ptp(self.positions[self.located], axis=0)
        return tuple(axis for axis, size in zip(AXES, extent, strict=True) if size > 0)

    @property
    def duration_s(self) -> float:
        """Length of the recording in seconds, the last frame included."""
        return float(self.times[-1] - self.times[0]) + self.frame_interval_s

    @property
    def frame_interval_s(self) -> float:
        """Median time between frames in seconds."""
        return float(np.median(np.diff(self.times))) if self.n_frames > 1 else 0.0

    @cached_property
    def segments(self) -> tuple[tuple[int, int], ...]:
        """Stretches of continuous recording, as (first frame, frame after the last).

        A gap of more than `GAP_INTERVALS` median intervals, or one of the `boundaries`,
        begins a new segment. Computations across frames, such as baselines, lags and episodes,
        must stay within a segment.
        """
        long = np.diff(self.times) > GAP_INTERVALS * self.frame_interval_s
        starts = {0, *self.boundaries, *(int(frame) + 1 for frame in np.flatnonzero(long))}
        edges = [*sorted(starts), self.n_frames]
        return tuple(pairwise(edges))

    @cached_property
    def frame_numbers(self) -> NDArray[np.int64]:
        """Frame numbers, (T,), consecutive only within a segment.

        Between segments they jump by more than the number of frames, so that no lag and no run
        of consecutive numbers crosses a border.
        """
        starts = np.array([start for start, _ in self.segments[1:]], dtype=np.int64)
        jumps = np.searchsorted(starts, np.arange(self.n_frames), side="right")
        numbers = np.arange(self.n_frames) + (self.n_frames + 1) * jumps
        numbers.flags.writeable = False
        return np.asarray(numbers, dtype=np.int64)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over activity and coordinates; identifies the recording of a model."""
        digest = hashlib.sha256(self.spikes.fingerprint.encode())
        if self.coordinates is not None:
            digest.update(self.coordinates.tobytes())
        return digest.hexdigest()

    def select_neurons(self, neurons: NDArray[np.generic], why: str) -> Recording:
        """Keep the chosen neurons (indices or mask); ``why`` goes into the provenance.

        Fluorescence is dropped, because the file on disk has that of all neurons.
        """
        index = np.arange(self.n_neurons)[neurons]
        return replace(
            self,
            coordinates=None if self.coordinates is None else self.coordinates[index],
            spikes=self.spikes.select_neurons(index),
            regions=None if self.regions is None else self.regions.select_neurons(index),
            fluorescence=None,
            provenance=(
                *self.provenance,
                Step("select neurons", {"why": why, "kept": len(index), "of": self.n_neurons}),
            ),
        )

    def with_step(self, name: str, **parameters: Any) -> Recording:
        """Return the recording with one more step in its provenance."""
        return replace(self, provenance=(*self.provenance, Step(name, parameters)))

    def __repr__(self) -> str:
        rate = 1 / self.frame_interval_s if self.frame_interval_s else 0.0
        lines = [
            f"Recording '{self.name}': {self.n_neurons:,} neurons x {self.n_frames:,} frames",
            f"  time      {self.duration_s:,.1f} s at {rate:.2f} Hz",
            f"  extent    {extent_text(self)}",
            f"  activity  {100 * self.spikes.rate:.2f} % of neurons per frame",
        ]
        if len(self.segments) > 1:
            lines[1] += f", in {len(self.segments)} segments"
        if self.regions is not None:
            n_labelled = np.sum(self.regions.labelled)
            lines.append(
                f"  regions   {len(self.regions.names):,}, with {n_labelled:,} of "
                f"{self.n_neurons:,} neurons"
            )
        if self.traces:
            lines.append(f"  traces    {', '.join(self.traces)}")
        return "\n".join(lines)


def extent_text(recording: Recording) -> str:
    """Describe the extent of the neurons, and how many have no position."""
    located = recording.located
    if not located.any():
        return "positions are not known"
    z, y, x = np.ptp(recording.positions[located], axis=0)
    text = f"{x:.0f} x {y:.0f} x {z:.0f} um (x, y, z)"
    if located.all():
        return text
    return f"{text}; {np.sum(~located):,} of {len(located):,} neurons have no position"


def checked_coordinates(
    coordinates: ArrayLike | None, shape: tuple[int, int]
) -> NDArray[np.float32] | None:
    """Check coordinates against activity of ``shape`` (frames, neurons).

    Returns
    -------
    (N, 3) float32 or None
        Read-only, with whole rows of NaN for neurons without position; None if no neuron
        has one.

    Raises
    ------
    RecordingError
        If their shape does not fit the activity, or values are infinite.
    """
    if coordinates is None:
        return None
    n_frames, n_neurons = shape
    checked = np.array(coordinates, dtype=np.float32, order="C")
    if checked.ndim == 1 or (checked.ndim == 2 and checked.shape[1] == 1):
        checked = np.column_stack([checked.ravel(), *np.zeros((2, checked.size), np.float32)])
    if checked.ndim != 2 or checked.shape[1] != 3:
        raise RecordingError(
            f"Coordinates must have shape (neurons, 3) in the order z, y, x, or (neurons,) for "
            f"depths alone; found {checked.shape}."
        )
    if len(checked) != n_neurons:
        hint = " Frames and neurons look swapped." if len(checked) == n_frames else ""
        raise RecordingError(
            f"Coordinates describe {len(checked)} neurons, the activity has "
            f"{n_neurons} (shape {shape}: frames, neurons).{hint}"
        )
    infinite = np.flatnonzero(np.isinf(checked).any(axis=1))
    if len(infinite):
        raise RecordingError(
            f"Coordinates of {len(infinite)} of {len(checked)} neurons are infinite (first: neuron "
            f"{infinite[0]}): correct them, or set them to NaN if they are not known."
        )
    unknown = np.isnan(checked).any(axis=1)
    if unknown.all():
        return None
    checked[unknown] = np.nan
    checked.flags.writeable = False
    return checked


def check_times(times: NDArray[np.float64], n_frames: int) -> None:
    """Refuse times that are not one strictly increasing value per frame."""
    if times.shape != (n_frames,):
        raise RecordingError(
            f"Times have shape {times.shape}; one for each of {n_frames} frames is needed."
        )
    if not np.isfinite(times).all():
        raise RecordingError("Times hold values that are not finite.")
    backwards = np.flatnonzero(np.diff(times) <= 0)
    if len(backwards):
        raise RecordingError(
            f"Times must increase from frame to frame; they do not after frame {backwards[0]} "
            f"({times[backwards[0]]} s, then {times[backwards[0] + 1]} s)."
        )
