"""Simulate a stimulus that is shown again and again, and assemblies that respond to it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

#: Name of the trace with the simulated stimulus.
STIMULUS = "stimulus"
#: Duration of a presentation, and range of the pauses between two, in seconds.
SHOWN_S, PAUSE_S = 3.0, (20.0, 50.0)
#: Share of presentations to which a tuned assembly responds, and of its spontaneous episodes that
#: remain, so that it is on about as often as before.
RESPONDS, SPONTANEOUS = 0.4, 0.6


def stimulus_course(
    n_frames: int, frame_rate_hz: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Draw when a stimulus is shown, (T,): 1 during a presentation, otherwise 0."""
    course = np.zeros(n_frames)
    shown = max(round(SHOWN_S * frame_rate_hz), 1)
    frame = round(rng.uniform(*PAUSE_S) * frame_rate_hz)
    while frame < n_frames:
        course[frame : frame + shown] = 1.0
        frame += shown + max(round(rng.uniform(*PAUSE_S) * frame_rate_hz), 1)
    return course


def tuned_activity(
    activity: NDArray[np.float32],
    stimulus: NDArray[np.float64],
    tuned: NDArray[np.integer],
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Let some assemblies respond to a stimulus.

    Parameters
    ----------
    activity : (T, K) float32
        Whether each assembly is on, 0 or 1.
    stimulus : (T,) float64
        0 or 1.
    tuned : (n,) int
        Assemblies that respond: each is on throughout a random share `RESPONDS` of the
        presentations, and keeps a share `SPONTANEOUS` of its episodes.
    rng : numpy.random.Generator

    Returns
    -------
    (T, K) float32
    """
    out = activity.copy()
    for assembly in tuned:
        kept = _thinned(activity[:, assembly], SPONTANEOUS, rng)
        out[:, assembly] = np.maximum(kept, _thinned(stimulus, RESPONDS, rng))
    return out


def _thinned(
    course: NDArray[np.floating], share: float, rng: np.random.Generator
) -> NDArray[np.floating]:
    """Keep a random share of the episodes of a course of zeros and ones."""
    edges = [0, *(np.flatnonzero(np.diff(course)) + 1).tolist(), len(course)]
    out = np.zeros_like(course)
    for first, last in pairwise(edges):
        if course[first] and rng.random() < share:
            out[first:last] = course[first:last]
    return out
