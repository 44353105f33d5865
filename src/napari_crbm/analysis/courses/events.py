"""Activity around events, compared with the same events at shifted times.

In each surrogate the events of every window of time are shifted together by a random number of
frames, in a circle within their segment of the recording, independently of other windows. This
keeps the intervals between neighbouring events and breaks a common period.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from napari_crbm.analysis.courses.course import Segments
from napari_crbm.analysis.courses.shifts import Report
from napari_crbm.errors import RecordingError

#: With fewer events there is no average.
FEWEST_EVENTS = 3
#: Quantiles of the surrogates at each time: the band.
BAND = (0.025, 0.975)
# Values of all surrogates, times and units that are held at a time (8 bytes each).
_AT_ONCE = 8_000_000


@dataclass(frozen=True, eq=False)
class Triggered:
    """Average activity of K units around events.

    Parameters
    ----------
    offsets : (L,) int64
        Frames relative to the event.
    mean, low, high : (L, K) float64
        Average over events, and the band of surrogates at each time (95 %).
    baseline : (K,) float64
        Average before the events.
    peak : (K,) float64
        Largest difference from the baseline, in magnitude, at or after the event; with its sign.
    peak_offset : (K,) int64
        When it occurs, in frames after the event.
    p : (K,) float64
        Share of surrogates whose largest difference reaches it, this recording included.
    events : (E,) int64
        Frames of the events that were averaged.
    """

    offsets: NDArray[np.int64]
    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    baseline: NDArray[np.float64]
    peak: NDArray[np.float64]
    peak_offset: NDArray[np.int64]
    p: NDArray[np.float64]
    events: NDArray[np.int64]


def onsets(values: NDArray[np.float64], above: float, segments: Segments) -> NDArray[np.int64]:
    """Return the frames in which a course rises above a value, (E,).

    Parameters
    ----------
    values : (T,) float64
        NaN is not above it.
    above : float
    segments : sequence of (first frame, frame after the last)
        A course that is above the value when a segment begins does not rise there.
    """
    high = np.nan_to_num(values, nan=-np.inf) > above
    rises = np.flatnonzero(high[1:] & ~high[:-1] & np.isfinite(values[:-1])) + 1
    return np.setdiff1d(rises, [first for first, _ in segments])


def triggered_average(
    activity: NDArray[np.floating],
    events: NDArray[np.integer],
    before: int,
    after: int,
    segments: Segments,
    longest: int,
    *,
    n_shuffles: int,
    random_state: int = 0,
    report: Report | None = None,
) -> Triggered:
    """Average activity around events, and around events at shifted times.

    Parameters
    ----------
    activity : (T, K) float array
    events : (E,) int
        Frames. Events whose surroundings leave their segment are left out.
    before, after : int
        Frames before (at least 1) and after the event.
    segments : sequence of (first frame, frame after the last)
    longest : int
        Largest number of frames in which events are shifted together.
    n_shuffles : int
        Surrogates.
    random_state : int
    report : callable, optional
        Called with units done and units in all.

    Raises
    ------
    RecordingError
        If fewer than `FEWEST_EVENTS` events are left.
    """
    inside = _inside(np.unique(events), before, after, segments)
    if len(inside) < FEWEST_EVENTS:
        raise RecordingError(
            f"An average needs {FEWEST_EVENTS} events; {len(inside)} of {len(events)} have "
            f"{before} frames before and {after} after them in the same segment."
        )
    generator = np.random.default_rng(random_state)
    moved = _moved(inside, before, after, segments, longest, n_shuffles, generator)
    n_frames, n_units = activity.shape
    # Row 0 is the recording itself.
    rows = np.repeat(np.arange(n_shuffles + 1), len(inside))
    frames = np.concatenate([inside[None], moved]).ravel()
    offsets = np.arange(-before, after + 1)
    at_once = max(1, _AT_ONCE // ((n_shuffles + 1) * len(offsets)))
    weights = np.full(len(frames), 1 / len(inside))
    shape = (n_shuffles + 1, n_frames)
    parts = []
    for first in range(0, n_units, at_once):
        some = activity[:, first : first + at_once].astype(np.float64)
        means = np.stack(
            [sparse.csr_array((weights, (rows, frames + by)), shape=shape) @ some for by in offsets]
        )
        parts.append(_summary(means, before))
        if report is not None:
            report(min(first + at_once, n_units), n_units)
    joined = [np.concatenate(each, axis=-1) for each in zip(*parts, strict=True)]
    mean, low, high, baseline, peak, peak_offset, p = joined
    return Triggered(
        offsets, mean, low, high, baseline, peak, peak_offset.astype(np.int64), p, inside
    )


def _summary(means: NDArray[np.float64], before: int) -> tuple[NDArray[np.float64], ...]:
    """Return mean, band, baseline, peak, its time and p of averages (L, 1 + S, K)."""
    low, high = np.quantile(means[:, 1:], BAND, axis=1)
    baseline = means[:before].mean(axis=0)
    change = means[before:] - baseline
    size = np.abs(change)
    largest, when = size.max(axis=0), size[:, 0].argmax(axis=0)
    tiny = 1e-9 * max(float(np.abs(means).max()), 1e-300)
    reached = (largest[1:] >= largest[0] - tiny).sum(axis=0)
    p = np.where(largest[0] > tiny, (1 + reached) / largest.shape[0], np.nan)
    peak = np.take_along_axis(change[:, 0], when[None], axis=0)[0]
    return means[:, 0], low, high, baseline[0], peak, when.astype(np.float64), p


def _inside(
    events: NDArray[np.integer], before: int, after: int, segments: Segments
) -> NDArray[np.int64]:
    kept = [
        events[(events >= first + before) & (events + after < last)] for first, last in segments
    ]
    return np.asarray(np.concatenate(kept), dtype=np.int64)


def _moved(
    events: NDArray[np.int64],
    before: int,
    after: int,
    segments: Segments,
    longest: int,
    n_shuffles: int,
    generator: np.random.Generator,
) -> NDArray[np.int64]:
    """Shift the events of each window in a circle within their segment, (S, E)."""
    out = np.empty((n_shuffles, len(events)), dtype=np.int64)
    for first, last in segments:
        low, room = first + before, last - after - first - before
        mine = np.flatnonzero((events >= low) & (events < low + room))
        window = (events[mine] - low) // longest
        for number in np.unique(window):
            some = mine[window == number]
            # At least the width of the average apart, where the segment is long enough.
            least = min(before + after, room // 4)
            by = generator.integers(least, max(room - least, least) + 1, size=(n_shuffles, 1))
            out[:, some] = low + (events[some] - low + by) % room
    return out
