"""Windows of time in which activity is shifted: slower changes than a window do not count."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# A window covers at most this share of the recording, and may have this many frames in any case.
_WINDOW_SHARE, _SHORTEST_WINDOW = 0.1, 20


def longest_window(n_frames: int) -> int:
    """Return the largest number of frames of a window in a recording of ``n_frames``."""
    return max(int(_WINDOW_SHARE * n_frames), _SHORTEST_WINDOW)


def window_edges(frames: NDArray[np.integer], longest: int) -> NDArray[np.int64]:
    """Cut some frames of a recording into windows of nearly equal length.

    Parameters
    ----------
    frames : (T,) int
        Ascending numbers of the frames, at least one. A window ends where more than a quarter
        of ``longest`` frames are missing.
    longest : int
        Largest number of frames in a window.

    Returns
    -------
    (W + 1,) int64
        Window w holds the frames ``frames[edges[w]:edges[w + 1]]``.
    """
    breaks = np.flatnonzero(np.diff(frames) > max(longest // 4, 1)) + 1
    edges = [0]
    for last in [*breaks.tolist(), len(frames)]:
        first = edges[-1]
        n_parts = -(-(last - first) // longest)
        edges += (first + np.arange(1, n_parts + 1) * (last - first) // n_parts).tolist()
    return np.array(edges, dtype=np.int64)
