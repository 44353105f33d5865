"""Stretches of consecutive frames."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray


def stretches(frames: NDArray[np.integer] | Sequence[int]) -> list[tuple[int, int]]:
    """Cut ascending frame numbers where frames are missing.

    Returns
    -------
    list of (start, stop)
        Positions in ``frames``: stretch k is ``frames[start:stop]``.
    """
    if not len(frames):
        return []
    breaks = np.flatnonzero(np.diff(frames) > 1) + 1
    return list(pairwise([0, *breaks.tolist(), len(frames)]))
