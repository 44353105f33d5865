"""Times of frames as files store them: their unit, and whether there are as many as frames."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from napari_crbm.errors import RecordingError
from napari_crbm.recording import Recording

TimeUnit = Literal["s", "ms", "us", "ns"]

_SECONDS: dict[str, float] = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
_NAMES = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}

#: Frame rates of imaging and of binned spikes, Hz; others are a sign of another unit.
PLAUSIBLE_HZ = (0.1, 1000.0)


def require_one_per_frame(name: str, n_times: int, n_frames: int) -> None:
    """Raise an error unless there are as many times as frames.

    Parameters
    ----------
    name : str
        What holds the times, for the message.
    n_times, n_frames : int

    Raises
    ------
    RecordingError
    """
    if n_times != n_frames:
        raise RecordingError(
            f"{name} holds {n_times:,} times, but there are {n_frames:,} frames: correct them, or "
            "give frame_rate_hz instead."
        )


def in_unit(recording: Recording, unit: TimeUnit) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the times of a recording in seconds, if those of its file are in ``unit``."""
    return np.asarray(recording.times * _SECONDS[unit])


def unit_warning(recording: Recording) -> str | None:
    """Return a sentence if the frame rate is implausible, with the likely unit of the times."""
    interval = recording.frame_interval_s
    if not interval or PLAUSIBLE_HZ[0] <= 1 / interval <= PLAUSIBLE_HZ[1]:
        return None
    text = (
        f"The times in the file mean {1 / interval:.3g} frames a second, which is outside "
        f"{PLAUSIBLE_HZ[0]:g} to {PLAUSIBLE_HZ[1]:,.0f} Hz"
    )
    likely = [
        unit
        for unit in get_args(TimeUnit)[1:]
        if PLAUSIBLE_HZ[0] <= 1 / (interval * _SECONDS[unit]) <= PLAUSIBLE_HZ[1]
    ]
    if not likely:
        return f"{text}: check them, or set the option frame_rate_hz."
    rate = 1 / (interval * _SECONDS[likely[0]])
    return (
        f"{text}: they are probably in {_NAMES[likely[0]]}, which would be {rate:.3g} Hz. If so, "
        f"give the option time_unit (--time-unit) '{likely[0]}'."
    )
