r"""Correlation of activity with a time course, compared with the course shifted in time.

Activity is cut into windows of time, and linear trends in the windows are removed from activity
and course, so that slow drifts do not count. The correlation at a lag is

.. math:: r(l) = \frac{\sum_w a_w \cdot c_w(l)}{\sqrt{\sum_w a_w^2} \sqrt{\sum_w c_w(l)^2}}

with :math:`a_w` the activity in window :math:`w` and :math:`c_w(l)` the course :math:`l` frames
earlier. Under the null hypothesis the course could as well have been recorded at another time.
In each surrogate every window is therefore compared with a stretch of the course of equal length
from elsewhere, independently of the other windows. Stretches are continuous, so that they drift
and last as the course does, and lie within one segment of the recording. A single shift for all
windows would leave a periodic stimulus in place whenever it moves it by a whole period.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import oaconvolve

from napari_crbm.analysis.courses.course import Segments
from napari_crbm.analysis.evidence.windows import trend_basis
from napari_crbm.model.members.windows import window_edges

#: A window with fewer other places for its stretch of the course is left out.
FEWEST_PLACES = 20
# Values of all surrogates, lags and units that are held at a time (4 bytes each).
_AT_ONCE = 20_000_000
# Sums of squares below this share of the largest are zero up to rounding.
_CONSTANT = 1e-10

Report = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Places:
    """Windows of activity, and the stretches of the course that each may be compared with.

    Parameters
    ----------
    windows : tuple of (first frame, frame after the last)
    elsewhere : tuple of int arrays
        First frames of the other stretches, for each window.
    """

    windows: tuple[tuple[int, int], ...]
    elsewhere: tuple[NDArray[np.int64], ...]

    @classmethod
    def of(cls, stretches: Segments, longest: int, reach: int, gap: int) -> Places:
        """Cut stretches of continuous recording into windows.

        Parameters
        ----------
        stretches : sequence of (first frame, frame after the last)
        longest : int
            Largest number of frames in a window; at most half a stretch is used.
        reach : int
            Largest lag: this many frames at both ends of a stretch belong to no window.
        gap : int
            Frames by which a stretch of the course is shifted at least.
        """
        windows, elsewhere = [], []
        inner = [(first + reach, last - reach) for first, last in stretches]
        inner = [(first, last) for first, last in inner if last - first >= 4]
        for first, last in inner:
            frames = np.arange(first, last)
            edges = window_edges(frames, min(longest, len(frames) // 2)) + first
            for start, stop in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
                length = stop - start
                places = [np.arange(low, high - length + 1) for low, high in inner]
                places = [each[np.abs(each - start) > gap] for each in places]
                others = np.concatenate(places)
                if len(others) >= FEWEST_PLACES:
                    windows.append((start, stop))
                    elsewhere.append(others)
        return cls(tuple(windows), tuple(elsewhere))

    @property
    def n_frames(self) -> int:
        """Frames in all windows."""
        return sum(stop - start for start, stop in self.windows)


@dataclass(frozen=True, eq=False)
class Correlation:
    """Correlation of M units with a course at the lag where its magnitude is largest.

    Parameters
    ----------
    r : (M,) float64
        NaN for units or courses without variance.
    lag : (M,) int64
        In frames; positive if the unit follows the course.
    p : (M,) float64
        Share of surrogates whose largest magnitude over all lags reaches it, this recording
        included.
    """

    r: NDArray[np.float64]
    lag: NDArray[np.int64]
    p: NDArray[np.float64]


def shifted_correlation(
    activity: NDArray[np.floating],
    course: NDArray[np.float64],
    places: Places,
    lags: NDArray[np.int64],
    *,
    n_shuffles: int,
    random_state: int = 0,
    report: Report | None = None,
) -> Correlation:
    """Correlate activity with a course at several lags, and with stretches from elsewhere.

    Parameters
    ----------
    activity : (T, M) float array
    course : (T,) float64
        Finite in all windows and within the largest lag of them.
    places : Places
    lags : (L,) int64
        In frames, of either sign.
    n_shuffles : int
        Surrogates.
    random_state : int
    report : callable, optional
        Called with units done and units in all.
    """
    generator = np.random.default_rng(random_state)
    # Row 0 is the recording itself. All units are compared with the same surrogates.
    starts = np.array(
        [
            np.concatenate([[first], generator.choice(others, n_shuffles)])
            for (first, _), others in zip(places.windows, places.elsewhere, strict=True)
        ]
    )
    values = np.where(np.isfinite(course), course, 0.0)
    values = values - values.mean()
    length = _course_length(values, places, starts, lags)
    n_units = activity.shape[1]
    at_once = max(1, _AT_ONCE // (starts.shape[1] * len(lags)))
    r, lag, p = np.empty(n_units), np.empty(n_units, dtype=np.int64), np.empty(n_units)
    for first in range(0, n_units, at_once):
        some = slice(first, first + at_once)
        found = _correlations(activity[:, some], values, places, starts, lags) / length
        size = np.abs(found)
        best = size[0].argmax(axis=0)
        largest = size.max(axis=1)
        units = np.arange(found.shape[2])
        r[some], lag[some] = found[0, best, units], lags[best]
        reached = (largest[1:] >= largest[0] - 1e-6).sum(axis=0)
        p[some] = np.where(np.isfinite(r[some]), (1 + reached) / (1 + n_shuffles), np.nan)
        if report is not None:
            report(min(first + at_once, n_units), n_units)
    return Correlation(r, np.where(np.isfinite(r), lag, 0), p)


def detrended(
    courses: NDArray[np.floating], windows: Sequence[tuple[int, int]]
) -> NDArray[np.float64]:
    """Cut windows from courses (T, K), and remove the linear trend in each, (frames, K)."""
    parts = []
    for start, stop in windows:
        part, basis = courses[start:stop].astype(np.float64), trend_basis(stop - start)
        parts.append(part - basis @ (basis.T @ part))
    return np.concatenate(parts)


def _course_length(
    course: NDArray[np.float64],
    places: Places,
    starts: NDArray[np.int64],
    lags: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Compute the length of the course about its trends in each surrogate, (1 + S, L, 1)."""
    total = np.zeros((starts.shape[1], len(lags)))
    known: dict[int, NDArray[np.float64]] = {}
    for (first, last), moved in zip(places.windows, starts, strict=True):
        if last - first not in known:
            known[last - first] = _squares(course, last - first)
        total += known[last - first][moved[:, None] - lags]
    constant = total < _CONSTANT * max(float(total.max()), 1e-300)
    # A surrogate in which the course is constant correlates with nothing.
    total[constant] = np.inf
    total[0, constant[0]] = np.nan
    return np.sqrt(total)[:, :, None]


def _squares(course: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """Compute the sum of squares about the trend in each stretch of the course, (T - length + 1,).

    Entry s belongs to the frames s to s + length - 1.
    """
    total = oaconvolve(course**2, np.ones(length), mode="valid")
    for direction in trend_basis(length).T:
        total = total - oaconvolve(course, direction[::-1], mode="valid") ** 2
    return np.asarray(np.maximum(total, 0.0), dtype=np.float64)


def _correlations(
    activity: NDArray[np.floating],
    course: NDArray[np.float64],
    places: Places,
    starts: NDArray[np.int64],
    lags: NDArray[np.int64],
) -> NDArray[np.float32]:
    """Compute the products of course and activity of unit length, (1 + S, L, M)."""
    out = np.zeros((starts.shape[1], len(lags), activity.shape[1]), dtype=np.float32)
    parts = [detrended(activity, [window]) for window in places.windows]
    square = sum((part**2).sum(axis=0) for part in parts)
    varies = square > _CONSTANT * max(float(np.max(square)), 1e-300)
    scale = np.divide(1.0, np.sqrt(square), out=np.full(len(square), np.nan), where=varies)
    for part, moved in zip(parts, starts, strict=True):
        # Row s: the product with the stretch of the course that begins at frame s.
        products = oaconvolve(course[:, None], (part * scale)[::-1], mode="valid", axes=0)
        out += products.astype(np.float32)[moved[:, None] - lags]
    return out
