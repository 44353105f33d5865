"""Join several sessions of the same neurons to one recording, and split it again."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import RecordingError
from napari_crbm.preprocessing.run import FluorescencePart
from napari_crbm.recording import Fluorescence, Recording, Step
from napari_crbm.regions import Regions
from napari_crbm.spikes import Spikes

#: Names of the steps in the provenance.
JOIN, SPLIT = "join sessions", "split sessions"

#: Distance up to which positions of one neuron in two sessions agree, in micrometres.
WITHIN_UM = 1.0

# Frame intervals of sessions may differ by this share: lags and episodes count frames.
_INTERVAL_SHARE = 0.05


@dataclass(frozen=True, eq=False)
class JoinedFluorescence:
    """Fluorescence of several sessions, one after the other.

    Parameters
    ----------
    parts : tuple of Fluorescence
        All of the same neurons.
    """

    parts: tuple[Fluorescence, ...]

    @property
    def shape(self) -> tuple[int, int]:
        """``(n_frames, n_neurons)``."""
        return sum(part.shape[0] for part in self.parts), self.parts[0].shape[1]

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Smallest type that holds the values of all parts."""
        return np.result_type(*(getattr(part, "dtype", np.float32) for part in self.parts))

    def trace(self, neuron: int) -> NDArray[np.float32]:
        """One neuron over time, (T,) float32."""
        return np.concatenate([part.trace(neuron) for part in self.parts])

    def frames(self, start: int, stop: int) -> NDArray[np.float32]:
        """Consecutive frames, (stop - start, N) float32."""
        found = [np.empty((0, self.shape[1]), dtype=np.float32)]
        begin = 0
        for part in self.parts:
            first, last = max(start - begin, 0), min(stop - begin, part.shape[0])
            if first < last:
                found.append(part.frames(first, last))
            begin += part.shape[0]
        return np.concatenate(found)


def join_sessions(
    recordings: Sequence[Recording],
    *,
    names: Sequence[str] | None = None,
    within_um: float = WITHIN_UM,
) -> Recording:
    """Join recordings of the same neurons, in the given order.

    Every session begins a new segment, which no episode, lag, baseline or test block crosses.
    Times are kept if each session begins after the end of the one before; otherwise they are
    shifted so that it does. Fluorescence, and traces of stimulus and behaviour, are kept if all
    sessions have them. `split_sessions` undoes it.

    Parameters
    ----------
    recordings : sequence of Recording
        Two or more, with the same neurons in the same order.
    names : sequence of str, optional
        Name of each session; those of the recordings by default.
    within_um : float
        Largest distance between the positions of a neuron in two sessions, in micrometres.

    Returns
    -------
    Recording
        With positions and regions of the first session that has them.

    Raises
    ------
    RecordingError
        If there are fewer than two sessions, two are the same, or they differ in number,
        positions or regions of the neurons, or in the frame rate.

    Examples
    --------
    >>> from napari_crbm.preprocessing import join_sessions, split_sessions
    >>> from napari_crbm import simulate
    >>> first, second = (
    ...     simulate(n_neurons=200, n_frames=n, n_assemblies=3, seed=0).recording
    ...     for n in (100, 150)
    ... )
    >>> joined = join_sessions([first, second], names=["morning", "evening"])
    >>> joined.segments
    ((0, 100), (100, 250))
    >>> [each.n_frames for each in split_sessions(joined)]
    [100, 150]
    """
    if len(recordings) < 2:
        raise RecordingError(f"Joining needs two sessions or more; found {len(recordings)}.")
    labels = _labels(recordings, names)
    first = recordings[0]
    for recording, label in zip(recordings[1:], labels[1:], strict=True):
        _require_same_neurons(first, recording, labels[0], label, within_um)
    _require_different_activity(recordings, labels)
    times, shifts = _consecutive(recordings)
    starts = np.cumsum([0, *(each.n_frames for each in recordings)])
    parts = [each.fluorescence for each in recordings]
    present = [part for part in parts if part is not None]
    shared = [name for name in first.traces if all(name in each.traces for each in recordings)]
    left_out = _left_out(recordings, labels, shared)
    if left_out:
        warnings.warn(f"Not all sessions have {', '.join(left_out)}: left out.", stacklevel=2)
    return Recording(
        coordinates=_coordinates(recordings),
        spikes=Spikes(np.concatenate([each.spikes.packed for each in recordings]), first.n_neurons),
        times=np.concatenate(times),
        name=" + ".join(labels),
        regions=next((each.regions for each in recordings if each.regions is not None), None),
        fluorescence=JoinedFluorescence(tuple(present)) if len(present) == len(parts) else None,
        traces={
            name: np.concatenate([each.traces[name] for each in recordings]) for name in shared
        },
        metadata=_metadata(recordings, labels),
        boundaries=tuple(
            int(start + frame)
            for start, each in zip(starts[:-1], recordings, strict=True)
            for frame in (*([0] if start else []), *each.boundaries)
        ),
        provenance=(
            *_steps(recordings, labels),
            Step(
                JOIN,
                {
                    "sessions": list(labels),
                    "frames": [each.n_frames for each in recordings],
                    "starts_s": [float(each[0]) for each in times],
                    "shifts_s": shifts,
                    "left_out": left_out,
                },
            ),
        ),
        source=first.source,
    )


def split_sessions(recording: Recording) -> tuple[Recording, ...]:
    """Split a recording into the sessions that were joined, or else into its segments.

    Sessions have their own names and times again.

    Raises
    ------
    RecordingError
        If there is only one session and one segment.
    """
    joined = next((step for step in reversed(recording.provenance) if step.name == JOIN), None)
    if joined is None:
        starts = [start for start, _ in recording.segments]
        labels = [f"{recording.name} {number}" for number in range(1, len(starts) + 1)]
        shifts = [0.0] * len(starts)
    else:
        # Frames may have been left out since, so times tell where sessions begin.
        labels, shifts = joined.parameters["sessions"], joined.parameters["shifts_s"]
        starts = np.searchsorted(recording.times, joined.parameters["starts_s"]).tolist()
    if len(starts) < 2:
        raise RecordingError(
            f"'{recording.name}' is one session without gaps: there is nothing to split."
        )
    parts = zip(pairwise([*starts, recording.n_frames]), labels, shifts, strict=True)
    return tuple(
        _session(recording, joined, (start, stop), str(label), labels, float(shift))
        for (start, stop), label, shift in parts
        if stop > start
    )


def _session(
    recording: Recording,
    joined: Step | None,
    frame_range: tuple[int, int],
    label: str,
    labels: Sequence[str],
    shift: float,
) -> Recording:
    start, stop = frame_range
    frames = slice(start, stop)
    fluorescence = recording.fluorescence
    if fluorescence is not None:
        fluorescence = FluorescencePart(
            fluorescence, np.arange(start, stop), np.arange(recording.n_neurons)
        )
    own = [
        Step(step.name, {key: v for key, v in step.parameters.items() if key != "session"})
        for step in recording.provenance
        if step.parameters.get("session", label) == label and step is not joined
    ]
    return replace(
        recording,
        spikes=recording.spikes.select_frames(frames),
        times=recording.times[frames] - shift,
        name=label,
        fluorescence=fluorescence,
        traces={name: trace[frames] for name, trace in recording.traces.items()},
        metadata=_own_metadata(recording.metadata, label, labels),
        boundaries=tuple(frame - start for frame in recording.boundaries if start < frame < stop),
        provenance=(
            *own,
            Step(SPLIT, {"of": recording.name, "first_frame": start, "frames": stop - start}),
        ),
    )


def _labels(recordings: Sequence[Recording], names: Sequence[str] | None) -> tuple[str, ...]:
    """Return a different name for every session."""
    if names is not None and len(names) != len(recordings):
        raise RecordingError(
            f"There are {len(recordings)} sessions, but {len(names)} names: give one for each."
        )
    labels: list[str] = []
    for name in names or [each.name for each in recordings]:
        number, label = 2, name
        while label in labels:
            number, label = number + 1, f"{name} ({number})"
        labels.append(label)
    return tuple(labels)


def _require_same_neurons(
    first: Recording, other: Recording, label: str, other_label: str, within_um: float
) -> None:
    """Raise an error that says how the neurons or the frame rate of two sessions differ."""
    n, m = first.n_neurons, other.n_neurons
    if n != m:
        raise RecordingError(
            f"'{label}' has {n:,} neurons, '{other_label}' {m:,}: only sessions of the same "
            "neurons can be joined. Select the neurons that were found in both, in the same order."
        )
    both = first.located & other.located
    apart = np.linalg.norm(first.positions - other.positions, axis=1)
    far = np.flatnonzero(both & (apart > within_um))
    if len(far):
        farthest = far[np.argmax(apart[far])]
        what = (
            "The positions are the same in another order: sort the neurons alike."
            if _same_set(first.positions[both], other.positions[both], within_um)
            else "If they are the same neurons in another frame of reference, register the "
            "sessions first, or allow a larger distance (within_um, --within-um)."
        )
        raise RecordingError(
            f"The positions of {len(far):,} of {n:,} neurons differ by more than {within_um:g} um "
            f"between '{label}' and '{other_label}', most for neuron {farthest} "
            f"({apart[farthest]:,.4g} um). {what}"
        )
    if first.regions is not None and other.regions is not None:
        _require_same_regions(first.regions, other.regions, label, other_label)
    intervals = first.frame_interval_s, other.frame_interval_s
    if abs(intervals[0] - intervals[1]) > _INTERVAL_SHARE * max(intervals):
        rates = [f"{1 / each:.4g} Hz" if each else "no frame rate" for each in intervals]
        raise RecordingError(
            f"'{label}' has {rates[0]}, '{other_label}' {rates[1]}: sessions of different frame "
            "rates cannot be joined, because durations and lags count frames. Give the right rate "
            "(frame_rate_hz, --frame-rate-hz), or bin both alike."
        )


def _require_same_regions(first: Regions, other: Regions, label: str, other_label: str) -> None:
    if set(first.names) != set(other.names):
        differing = sorted(set(first.names) ^ set(other.names))
        raise RecordingError(
            f"'{label}' and '{other_label}' have different regions ('{differing[0]}' is in one of "
            "them only): assign the regions of one atlas to both."
        )
    order = [other.names.index(name) for name in first.names]
    differ = (first.membership != other.membership[:, order]).tocsr()
    count = int(np.count_nonzero(np.diff(differ.indptr)))
    if count:
        raise RecordingError(
            f"{count:,} of {first.n_neurons:,} neurons lie in other regions in '{other_label}' "
            f"than in '{label}': they are not the same neurons, or their regions were assigned "
            "differently."
        )


def _same_set(first: NDArray[np.float32], other: NDArray[np.float32], within_um: float) -> bool:
    """Return whether two sets of positions are the same up to their order."""
    ordered = [values[np.lexsort(values.T)] for values in (first, other)]
    return bool((np.linalg.norm(ordered[0] - ordered[1], axis=1) <= within_um).all())


def _require_different_activity(recordings: Sequence[Recording], labels: Sequence[str]) -> None:
    known: dict[str, str] = {}
    for recording, label in zip(recordings, labels, strict=True):
        print_ = recording.spikes.fingerprint
        if print_ in known:
            raise RecordingError(
                f"'{known[print_]}' and '{label}' have the same activity: one session was given "
                "twice."
            )
        known[print_] = label


def _consecutive(
    recordings: Sequence[Recording],
) -> tuple[list[NDArray[np.float64]], list[float]]:
    """Return the times of every session, and by how much they were shifted in seconds."""
    interval = max(each.frame_interval_s for each in recordings) or 1.0
    in_order = all(
        after.times[0] >= before.times[-1] + 0.5 * interval
        for before, after in pairwise(recordings)
    )
    times, shifts = [recordings[0].times], [0.0]
    for each in recordings[1:]:
        shift = 0.0 if in_order else float(times[-1][-1] + interval - each.times[0])
        times.append(each.times + shift)
        shifts.append(shift)
    return times, shifts


def _coordinates(recordings: Sequence[Recording]) -> NDArray[np.float32] | None:
    """Return the positions of the neurons, each from the first session that has it."""
    positions = recordings[0].positions
    for each in recordings[1:]:
        positions = np.where(np.isnan(positions), each.positions, positions)
    return None if np.isnan(positions).all() else positions


def _left_out(
    recordings: Sequence[Recording], labels: Sequence[str], shared: Sequence[str]
) -> list[str]:
    """Return what only some sessions have: the fluorescence, or traces by name."""
    having = sum(each.fluorescence is not None for each in recordings)
    traces = dict.fromkeys(name for each in recordings for name in each.traces)
    return [
        *(["fluorescence"] if 0 < having < len(labels) else []),
        *(f"the trace '{name}'" for name in traces if name not in shared),
    ]


def _metadata(recordings: Sequence[Recording], labels: Sequence[str]) -> dict[str, Any]:
    """Return what is the same in all sessions, and the rest with the name of its session."""
    first = recordings[0].metadata
    same = {
        key: value
        for key, value in first.items()
        if all(key in each.metadata and each.metadata[key] == value for each in recordings)
    }
    return same | {
        f"{label}: {key}": value
        for each, label in zip(recordings, labels, strict=True)
        for key, value in each.metadata.items()
        if key not in same
    }


def _own_metadata(metadata: Mapping[str, Any], label: str, labels: Sequence[str]) -> dict[str, Any]:
    prefix = f"{label}: "
    others = tuple(f"{each}: " for each in labels if each != label)
    return {
        key.removeprefix(prefix): value
        for key, value in metadata.items()
        if key.startswith(prefix) or not key.startswith(others or ("\0",))
    }


def _steps(recordings: Sequence[Recording], labels: Sequence[str]) -> list[Step]:
    """Return the steps of all sessions; those of one session have its name."""
    same = [
        step
        for step in recordings[0].provenance
        if all(step in each.provenance for each in recordings[1:])
    ]
    return [
        *same,
        *(
            Step(step.name, {**step.parameters, "session": label})
            for each, label in zip(recordings, labels, strict=True)
            for step in each.provenance
            if step not in same
        ),
    ]
