"""Times of frames as files store them: their unit, and whether there are as many as frames."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import RecordingError
from napari_crbm.recording import Recording

FloatArray = NDArray[np.float64]
TimeUnit = Literal["s", "ms", "us", "ns"]

#: Seconds in a unit of time.
SECONDS: dict[str, float] = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
_WORDS = {
    "s": ("s", "sec", "secs", "second", "seconds"),
    "ms": ("ms", "msec", "msecs", "millisecond", "milliseconds"),
    "us": ("us", "µs", "μs", "usec", "microsecond", "microseconds"),
    "ns": ("ns", "nsec", "nanosecond", "nanoseconds"),
}
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


def said_seconds(times: NDArray[np.float64], said: str, chosen: TimeUnit | None) -> FloatArray:
    """Return times in seconds if their file names their unit and no option does.

    Parameters
    ----------
    times : (T,) float64
    said : str
        Unit in the words of the file; empty or unknown words change nothing.
    chosen : {"s", "ms", "us", "ns"}, optional
        The option ``time_unit``, which is applied later.
    """
    word = said.strip().lower()
    unit = next((unit for unit, words in _WORDS.items() if word in words), None)
    return times if unit is None or chosen is not None else times * SECONDS[unit]


def in_unit(recording: Recording, unit: TimeUnit) -> FloatArray:
    """Return the times of a recording in seconds, if those of its file are in ``unit``."""
    return np.asarray(recording.times * SECONDS[unit])


def are_frame_numbers(times: NDArray[np.float64]) -> bool:
    """Return whether times are consecutive whole numbers, as the numbers of frames are."""
    return len(times) > 1 and bool((np.diff(times) == 1).all()) and times[0] in (0, 1)


def unit_warning(recording: Recording) -> str | None:
    """Return a warning with the likely unit if times are probably not in seconds."""
    if are_frame_numbers(recording.times):
        return (
            "The times in the file are consecutive whole numbers, probably frame numbers; they are "
            "taken for seconds. Give the option frame_rate_hz (--frame-rate-hz)."
        )
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
        if PLAUSIBLE_HZ[0] <= 1 / (interval * SECONDS[unit]) <= PLAUSIBLE_HZ[1]
    ]
    if not likely:
        return f"{text}: check them, or set the option frame_rate_hz."
    rate = 1 / (interval * SECONDS[likely[0]])
    return (
        f"{text}: they are probably in {_NAMES[likely[0]]}, which would be {rate:.3g} Hz. If so, "
        f"give the option time_unit (--time-unit) '{likely[0]}'."
    )
