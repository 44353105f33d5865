"""What was measured: neurons in space, their activity in time, and where it came from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import RecordingError
from napari_crbm.regions import Regions
from napari_crbm.spikes import Spikes

#: Order of the coordinate axes, napari's: dorsal to ventral, anterior to
#: posterior, left to right.
AXES = ("z", "y", "x")


class Fluorescence(Protocol):
    """Fluorescence that stays on disk until a part of it is asked for."""

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
    """The file a recording was read from, and how, to read it again.

    Parameters
    ----------
    path : Path
    options : mapping
        Those of `napari_crbm.io.open_recording` that were given.
    n_steps : int
        Length of the recording's provenance when it had been read.
    """

    path: Path
    options: Mapping[str, Any] = field(default_factory=dict)
    n_steps: int = 0


@dataclass(frozen=True, eq=False)
class Recording:
    """One animal, one session: immutable and checked when it is made.

    Parameters
    ----------
    coordinates : (N, 3) float32
        Neuron positions in micrometres, axes z, y, x: dorsal to ventral,
        anterior to posterior, left to right.
    spikes : Spikes
        Binarised activity, T frames x N neurons.
    times : (T,) float64
        Time of every frame in seconds, strictly increasing.
    name : str
        Shown to people; usually the file's stem.
    regions : Regions, optional
        Membership of the neurons in named brain regions.
    fluorescence : Fluorescence, optional
        dF/F, read from disk when needed.
    traces : mapping of str to (T,) float arrays
        Stimulus or behaviour recorded alongside.
    metadata : mapping
        Anything else worth keeping; values must be str, int, float or bool.
    provenance : tuple of Step
        What was done since the raw file, in order.
    source : Source, optional
        The file it was read from; not kept when it is saved.

    Raises
    ------
    RecordingError
        With one sentence that names the field and what is wrong with it.
    """

    coordinates: NDArray[np.float32]
    spikes: Spikes
    times: NDArray[np.float64]
    name: str = "recording"
    regions: Regions | None = None
    fluorescence: Fluorescence | None = None
    traces: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    provenance: tuple[Step, ...] = ()
    source: Source | None = None

    def __post_init__(self) -> None:
        coordinates = np.array(self.coordinates, dtype=np.float32, order="C")
        times = np.array(self.times, dtype=np.float64)
        check_coordinates(coordinates, self.spikes.shape)
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
        coordinates.flags.writeable = False
        times.flags.writeable = False
        set_field = object.__setattr__
        set_field(self, "coordinates", coordinates)
        set_field(self, "times", times)
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

    @property
    def duration_s(self) -> float:
        """Length of the recording in seconds, the last frame included."""
        return float(self.times[-1] - self.times[0]) + self.frame_interval_s

    @property
    def frame_interval_s(self) -> float:
        """Median time between frames in seconds."""
        return float(np.median(np.diff(self.times))) if self.n_frames > 1 else 0.0

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over activity and coordinates: which recording a model was trained on."""
        digest = hashlib.sha256(self.spikes.fingerprint.encode())
        digest.update(self.coordinates.tobytes())
        return digest.hexdigest()

    def select_neurons(self, neurons: NDArray[np.generic], why: str) -> Recording:
        """Keep the chosen neurons (indices or mask); ``why`` goes into the provenance.

        Fluorescence is dropped, because it stays on disk for all neurons.
        """
        index = np.arange(self.n_neurons)[neurons]
        return replace(
            self,
            coordinates=self.coordinates[index],
            spikes=self.spikes.select_neurons(index),
            regions=None if self.regions is None else self.regions.select_neurons(index),
            fluorescence=None,
            provenance=(
                *self.provenance,
                Step("select neurons", {"why": why, "kept": len(index), "of": self.n_neurons}),
            ),
        )

    def with_step(self, name: str, **parameters: Any) -> Recording:
        """The same recording with one more step in its provenance."""
        return replace(self, provenance=(*self.provenance, Step(name, parameters)))

    def __repr__(self) -> str:
        extent = np.ptp(self.coordinates, axis=0)
        rate = 1 / self.frame_interval_s if self.frame_interval_s else 0.0
        lines = [
            f"Recording '{self.name}': {self.n_neurons:,} neurons x {self.n_frames:,} frames",
            f"  time      {self.duration_s:,.1f} s at {rate:.2f} Hz",
            f"  extent    {extent[2]:.0f} x {extent[1]:.0f} x {extent[0]:.0f} um (x, y, z)",
            f"  activity  {100 * self.spikes.rate:.2f} % of neurons a frame",
        ]
        if self.regions is not None:
            lines.append(f"  regions   {self.regions!r}")
        if self.traces:
            lines.append(f"  traces    {', '.join(self.traces)}")
        return "\n".join(lines)


def check_coordinates(coordinates: NDArray[np.float32], shape: tuple[int, int]) -> None:
    """Refuse coordinates that do not fit activity of ``shape`` (frames, neurons)."""
    n_frames, n_neurons = shape
    if coordinates.ndim != 2 or coordinates.shape[1] != 3:
        raise RecordingError(
            f"Coordinates must have shape (neurons, 3) in the order z, y, x; "
            f"found {coordinates.shape}."
        )
    if len(coordinates) != n_neurons:
        hint = " Frames and neurons look swapped." if len(coordinates) == n_frames else ""
        raise RecordingError(
            f"Coordinates describe {len(coordinates)} neurons, the activity has "
            f"{n_neurons} (shape {shape}: frames, neurons).{hint}"
        )
    bad = np.flatnonzero(~np.isfinite(coordinates).all(axis=1))
    if len(bad):
        raise RecordingError(
            f"Coordinates of {len(bad)} of {len(coordinates)} neurons are not finite "
            f"(first: neuron {bad[0]}). Remove these neurons or correct their positions."
        )


def check_times(times: NDArray[np.float64], n_frames: int) -> None:
    """Refuse times that are not one strictly increasing value a frame."""
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
