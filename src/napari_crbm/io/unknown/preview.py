"""Preview of a file read with a profile, before all of it is read."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import RecordingError
from napari_crbm.io.reading.sources import Array, damage_named, opened_with_tables
from napari_crbm.io.unknown.by_profile import positions_um
from napari_crbm.io.unknown.profile import Profile
from napari_crbm.preprocessing import above, events

_MOST_POINTS = 5000
_MOST_FRAMES = 1500
# Neurons read to choose from, and bytes that may have to be read for them.
_CANDIDATES = 128
_MOST_BYTES = 64 << 20


class Preview(NamedTuple):
    """A sample of positions and of traces.

    ``coordinates`` (n, 3) are z, y, x in micrometres, empty if unknown; ``traces`` and
    ``active`` (t, k) of the neurons ``neurons`` (k,) in the first frames; ``rate`` is the
    fraction of active values among all neurons that were looked at.
    """

    coordinates: NDArray[np.float32]
    extent_um: NDArray[np.float32]
    times: NDArray[np.float64]
    neurons: NDArray[np.int64]
    traces: NDArray[np.float32]
    active: NDArray[np.bool_]
    rate: float


def preview(path: str | Path, profile: Profile, n_traces: int = 4) -> Preview:
    """Read the preview of a file with a profile that fits it.

    At most a few thousand positions and a corner of the activity are read, so this takes
    a moment whatever the size of the file.

    Raises
    ------
    FormatError, RecordingError
        If the file cannot be read, or the activity cannot be binarised as chosen.
    """
    path = Path(path)
    with opened_with_tables(path) as arrays, damage_named(path):
        coordinates = positions_um(profile, arrays)
        if coordinates is None:
            coordinates = np.empty((0, 3), dtype=np.float32)
        finite = coordinates[np.isfinite(coordinates).all(axis=1)]
        every = max(1, len(coordinates) // _MOST_POINTS)
        first, values = _corner(arrays[profile.activity], profile.neurons_first)
        times = _first_times(profile, arrays, len(values))
    if profile.holds == "spikes":
        strange = values[(values != 0) & (values != 1)]
        if len(strange):
            raise RecordingError(
                f"'{profile.activity}' holds other values than zeros and ones, such as "
                f"{strange[0]:g}: it is dF/F, or values that need a level."
            )
        active = values != 0
    elif profile.holds == "fluorescence":
        active = events(values, profile.level)
    else:
        active = above(values, profile.level)
    # Neurons with something to see: neither silent nor always active.
    often = active.mean(axis=0)
    chosen = np.sort(np.argsort(-np.minimum(often, 1 - often), kind="stable")[:n_traces])
    return Preview(
        coordinates=coordinates[::every],
        extent_um=np.ptp(finite, axis=0) if len(finite) else np.zeros(3, np.float32),
        times=times,
        neurons=first + chosen,
        traces=values[:, chosen],
        active=active[:, chosen],
        rate=float(active.mean()),
    )


def _corner(activity: Array, neurons_first: bool) -> tuple[int, NDArray[np.float32]]:
    """Return the first neuron and (t, n) of a part that is cheap to read."""
    n_frames, n_neurons = activity.shape[:: -1 if neurons_first else 1]
    chunks = getattr(activity, "chunks", None)
    frames_chunk, neurons_chunk = (chunks or (1, 1))[:: -1 if neurons_first else 1]
    n = min(n_neurons, _CANDIDATES)
    # Whole chunks are read, and always those at the start of the recording.
    width = -(-n // neurons_chunk) * neurons_chunk * activity.dtype.itemsize
    t = max(frames_chunk, _MOST_BYTES // max(width, 1) // frames_chunk * frames_chunk)
    t = min(n_frames, t, _MOST_FRAMES)
    first = (n_neurons // 2) // neurons_chunk * neurons_chunk if n_neurons > n else 0
    last = min(first + n, n_neurons)
    part = activity[first:last, :t].T if neurons_first else activity[:t, first:last]
    return first, np.asarray(part, dtype=np.float32)


def _first_times(profile: Profile, arrays: dict[str, Array], n_frames: int) -> NDArray[np.float64]:
    if profile.times:
        return np.ravel(arrays[profile.times][...]).astype(np.float64)[:n_frames]
    return np.arange(n_frames) / (profile.frame_rate_hz or 1.0)
