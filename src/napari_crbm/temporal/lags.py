"""The past of assemblies: functions of the lag, and frames whose past is known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def n_lags(longest_lag_s: float, frame_interval_s: float) -> int:
    """Return the longest lag in frames, at least 1."""
    return max(round(longest_lag_s / frame_interval_s), 1) if frame_interval_s > 0 else 1


def lag_functions(n_frames: int, n_functions: int) -> NDArray[np.float64]:
    """Return raised cosines of the logarithm of the lag (Pillow et al. 2008).

    Parameters
    ----------
    n_frames : int
        Longest lag L.
    n_functions : int
        Number of functions; at most L are returned.

    Returns
    -------
    (B, L) float64
        Column l - 1 belongs to a lag of l frames. Rows sum to 1; the first peaks at one frame, the
        last at L frames.
    """
    n_functions = min(n_functions, n_frames)
    if n_functions == 1:
        return np.full((1, n_frames), 1.0 / n_frames)
    place = np.log(np.arange(1, n_frames + 1)) * (n_functions - 1) / np.log(n_frames)
    distance = np.clip(place - np.arange(n_functions)[:, None], -1, 1)
    functions = 0.5 * (1 + np.cos(np.pi * distance))
    return np.asarray(functions / functions.sum(axis=1, keepdims=True))


def filtered_past(
    activity: NDArray[np.floating], functions: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Sum the past of each assembly with the weights of each function.

    Parameters
    ----------
    activity : (T, M) float
    functions : (B, L) float64

    Returns
    -------
    (T, B, M) float32
        Rows before frame L count frames before the first one as zero.
    """
    n_frames, n_units = activity.shape
    out = np.zeros((n_frames, len(functions), n_units), dtype=np.float32)
    for column in range(min(functions.shape[1], n_frames - 1)):
        earlier = activity[: n_frames - column - 1]
        for row, weight in enumerate(functions[:, column].tolist()):
            if weight:
                out[column + 1 :, row] += np.float32(weight) * earlier
    return out


def frames_with_past(
    frames: NDArray[np.integer], numbers: NDArray[np.integer], longest: int
) -> NDArray[np.int64]:
    """Return the frames of a part of a recording whose past lies in the same part and segment.

    Parameters
    ----------
    frames : (P,) int
        Frames of the part, ascending.
    numbers : (T,) int
        `Recording.frame_numbers`, consecutive within a segment only.
    longest : int
        Frames of the past that are needed.
    """
    chosen = np.sort(np.asarray(frames, dtype=np.int64))
    number = numbers[chosen]
    complete = np.zeros(len(chosen), dtype=bool)
    complete[longest:] = number[longest:] - number[: len(number) - longest] == longest
    return chosen[complete]
