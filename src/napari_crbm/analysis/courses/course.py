"""Time courses that assemblies may follow: stored traces, a neuron, an assembly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import RecordingError
from napari_crbm.recording import GAP_INTERVALS, Recording

Segments = Sequence[tuple[int, int]]


@dataclass(frozen=True, eq=False)
class Course:
    """A time course with one value per frame.

    Parameters
    ----------
    name : str
        For titles and messages.
    values : (T,) float64
        NaN where it is not known.
    neuron, assembly : int, optional
        The neuron or the assembly whose activity it is; it is not compared with itself.
    """

    name: str
    values: NDArray[np.float64]
    neuron: int | None = None
    assembly: int | None = None


def stored_course(recording: Recording, name: str) -> Course:
    """Return a stimulus or behaviour trace stored with the recording.

    Raises
    ------
    RecordingError
        If there is none of this name.
    """
    if name not in recording.traces:
        known = ", ".join(f"'{each}'" for each in recording.traces)
        raise RecordingError(
            f"Recording '{recording.name}' holds no trace '{name}': "
            + (f"it has {known}." if known else "it has no traces; bring one as a table.")
        )
    return Course(name, recording.traces[name])


def neuron_course(recording: Recording, neuron: int) -> Course:
    """Return the binarised activity of a neuron as a course.

    Raises
    ------
    RecordingError
        If there is no such neuron.
    """
    if not 0 <= neuron < recording.n_neurons:
        raise RecordingError(
            f"There is no neuron {neuron}: the recording's neurons are 0 to "
            f"{recording.n_neurons - 1}."
        )
    values = recording.spikes.trace(neuron).astype(np.float64)
    return Course(f"neuron {neuron}", values, neuron=neuron)


def assembly_course(activity: NDArray[np.floating], assembly: int) -> Course:
    """Return the activity of an assembly, E[h | v] from ``activity`` (T, M), as a course.

    Raises
    ------
    RecordingError
        If there is no such assembly.
    """
    if not 0 <= assembly < activity.shape[1]:
        raise RecordingError(
            f"There is no assembly {assembly}: the model's assemblies are 0 to "
            f"{activity.shape[1] - 1}."
        )
    values = activity[:, assembly].astype(np.float64)
    return Course(f"assembly {assembly}", values, assembly=assembly)


def known_stretches(
    values: NDArray[np.float64], segments: Segments
) -> tuple[NDArray[np.float64], list[tuple[int, int]]]:
    """Fill short gaps of a course, and say where it is known.

    Parameters
    ----------
    values : (T,) float64
        NaN or infinite where it is not known.
    segments : sequence of (first frame, frame after the last)
        Stretches of continuous recording.

    Returns
    -------
    filled : (T,) float64
        Up to `GAP_INTERVALS` unknown frames in a row are interpolated linearly.
    stretches : list of (first frame, frame after the last)
        Where it is known; none crosses a border of a segment.
    """
    filled, stretches = np.array(values, dtype=np.float64), []
    for start, stop in segments:
        part = filled[start:stop]
        known = np.flatnonzero(np.isfinite(part))
        if not len(known):
            continue
        breaks = np.flatnonzero(np.diff(known) > GAP_INTERVALS + 1) + 1
        for run in np.split(known, breaks):
            frames = np.arange(run[0], run[-1] + 1)
            part[frames] = np.interp(frames, run, part[run])
            stretches.append((start + int(run[0]), start + int(run[-1]) + 1))
    return filled, stretches
