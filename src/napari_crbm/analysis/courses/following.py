"""Which assemblies and neurons follow a time course: a stimulus, behaviour, a neuron."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from napari_crbm.analysis.chance import false_discovery_rate
from napari_crbm.analysis.courses.course import Course, known_stretches
from napari_crbm.analysis.courses.shifts import Places, Report, detrended, shifted_correlation
from napari_crbm.analysis.evidence.windows import Windows
from napari_crbm.autocorrelation import lasting_frames
from napari_crbm.errors import ModelError, RecordingError
from napari_crbm.model.members.courses import RIDGE, duals
from napari_crbm.model.members.windows import longest_window

if TYPE_CHECKING:
    from napari_crbm.model import CRBM
    from napari_crbm.recording import Recording
    from napari_crbm.spikes import Spikes

#: False discovery rate below which an assembly follows the course.
MAX_Q = 0.05
#: Surrogates: at least this many, and so many for each assembly, so that one assembly among all
#: can have a q-value below `MAX_Q`.
FEWEST_SHUFFLES, SHUFFLES_PER_UNIT = 1999, 40
#: Most lags that are tried; with a longer reach they are more than a frame apart.
MOST_LAGS = 61
#: With fewer windows of time there is no test.
FEWEST_WINDOWS = 4


@dataclass(frozen=True, eq=False)
class Following:
    """Correlation of assemblies and neurons with a course.

    Parameters
    ----------
    course : Course
    table : pandas.DataFrame
        Index ``assembly``; columns ``r`` (correlation at the lag where its magnitude is largest),
        ``lag_s`` (positive: the assembly follows the course), ``r_direct`` (with the other
        assemblies held constant), ``p`` (the larger of those of both correlations; 1 if their
        signs differ), ``q`` (Benjamini and Hochberg over the assemblies) and ``follows`` (q
        below `MAX_Q`).
    neurons : pandas.DataFrame
        Index ``neuron``; columns ``r`` and ``lag_s``. Neurons are not tested.
    lags_s : (L,) float64
        Lags that were tried.
    n_frames : int
        Frames that were compared.
    window_s : float
        Length of the longest window; slower changes do not count.
    n_shuffles : int
    """

    course: Course
    table: pd.DataFrame
    neurons: pd.DataFrame
    lags_s: NDArray[np.float64]
    n_frames: int
    window_s: float
    n_shuffles: int

    @property
    def n_following(self) -> int:
        """Number of assemblies that follow the course."""
        return int(self.table["follows"].sum())

    def __str__(self) -> str:
        tested, found = int(self.table["p"].notna().sum()), self.n_following
        lags = f" at lags up to {self.lags_s[-1]:g} s" if len(self.lags_s) > 1 else ""
        some = f"{found} of {tested} assemblies {'follows' if found == 1 else 'follow'}"
        if not found:
            some = f"None of {tested} assemblies follows"
        return (
            f"{some} {self.course.name}{lags} (false discovery rate {100 * MAX_Q:.0f} %, against "
            f"{self.n_shuffles:,} shifts of the course in {self.n_frames:,} frames). Changes "
            f"slower than {self.window_s:.0f} s do not count."
        )


def follow_course(
    model: CRBM,
    recording: Recording,
    course: Course,
    activity: NDArray[np.floating] | None = None,
    *,
    lags_s: float = 0.0,
    n_shuffles: int | None = None,
    random_state: int = 0,
    report: Report | None = None,
) -> Following:
    """Correlate every assembly and every neuron with a course.

    Assemblies that share neurons with one that follows the course correlate with it, too. An
    assembly therefore follows the course only if its correlation and its direct correlation,
    with all other assemblies held constant, are both larger than those with shifts of the course.

    Parameters
    ----------
    model : CRBM
    recording : Recording
    course : Course
        See `stored_course`, `neuron_course`, `assembly_course`, and
        `napari_crbm.io.table_course`.
    activity : (T, M) float array, optional
        ``model.transform(recording.spikes)``; computed if not given.
    lags_s : float
        Largest lag in seconds; activity may precede or follow the course by up to this much.
    n_shuffles : int, optional
        Shifts of the course; by default enough for the number of assemblies.
    random_state : int
    report : callable, optional
        Called with (steps done, all steps); may raise to cancel.

    Returns
    -------
    Following

    Raises
    ------
    RecordingError
        If the course has another number of frames than the recording, does not vary, or is
        known in too few frames.
    ModelError
        If model and recording do not belong together.

    Examples
    --------
    >>> from napari_crbm import CRBM, simulate
    >>> from napari_crbm.analysis import follow_course, stored_course
    >>> recording = simulate(200, 1200, 4, n_tuned=1).recording
    >>> model = CRBM(4, recipe="quick").fit(recording)
    >>> found = follow_course(model, recording, stored_course(recording, "stimulus"), lags_s=2)
    >>> found.table.columns.tolist()
    ['r', 'lag_s', 'r_direct', 'p', 'q', 'follows']
    """
    if model.n_neurons != recording.n_neurons:
        raise ModelError(
            f"The model has {model.n_neurons:,} neurons, recording '{recording.name}' "
            f"{recording.n_neurons:,}: use the recording the model was trained on."
        )
    if activity is None:
        activity = model.transform(recording.spikes)
    lags = lags_in_frames(recording, lags_s)
    places, values = places_of(course, recording, int(lags[-1]))
    chosen = n_shuffles or max(FEWEST_SHUFFLES, SHUFFLES_PER_UNIT * activity.shape[1] - 1)
    shared = {"n_shuffles": chosen, "random_state": random_state}
    n_units = activity.shape[1]

    def part(first: int) -> Report | None:
        return None if report is None else lambda done, _: report(first + done, 2 * n_units)

    found = shifted_correlation(activity, values, places, lags, report=part(0), **shared)
    alone = beyond_others(activity, places, course.assembly)
    direct = shifted_correlation(alone, values, places, lags, report=part(n_units), **shared)
    interval = recording.frame_interval_s
    p = np.where(found.r * direct.r > 0, np.maximum(found.p, direct.p), 1.0)
    p[np.isnan(found.r) | np.isnan(direct.r)] = np.nan
    q = false_discovery_rate(p)
    table = pd.DataFrame(
        {
            "r": found.r,
            "lag_s": found.lag * interval,
            "r_direct": direct.r,
            "p": p,
            "q": q,
            "follows": q < MAX_Q,
        }
    )
    if course.assembly is not None:
        table.loc[course.assembly, ["r", "r_direct"]] = np.nan
    table.index.name = "assembly"
    r, lag = neuron_correlation(recording.spikes, values, places, lags)
    if course.neuron is not None:
        r[course.neuron] = np.nan
    neurons = pd.DataFrame({"r": r, "lag_s": lag * interval})
    neurons.index.name = "neuron"
    longest = max(stop - start for start, stop in places.windows)
    return Following(
        course,
        table,
        neurons,
        np.asarray(lags * interval),
        places.n_frames,
        longest * interval,
        chosen,
    )


def beyond_others(
    activity: NDArray[np.floating], places: Places, itself: int | None = None
) -> NDArray[np.float64]:
    """Compute the part of each assembly's activity that other assemblies do not explain.

    It is the residual of a linear regression in the windows, on all other assemblies but those
    whose activity correlates above `SAME_COURSE`: these are units of one assembly.

    Parameters
    ----------
    activity : (T, M) float array
    places : Places
    itself : int, optional
        Assembly that is the course: it has no residual and is not held constant.

    Returns
    -------
    (T, M) float64
        Zero outside of the windows.
    """
    part = detrended(activity, places.windows)
    length = np.sqrt((part**2).sum(axis=0))
    alive = length > 1e-9 * max(float(length.max()), 1e-300)
    if itself is not None:
        alive[itself] = False
    part = np.where(alive, part / np.where(alive, length, 1.0), 0.0)
    product: NDArray[np.float64] = part.T @ part
    every = np.asarray(np.linalg.inv(product + RIDGE * np.eye(len(product))), dtype=np.float64)
    out = np.zeros(activity.shape)
    frames = np.concatenate([np.arange(first, last) for first, last in places.windows])
    out[frames] = part @ duals(product, every, alive)
    return out


def lags_in_frames(recording: Recording, longest_s: float) -> NDArray[np.int64]:
    """Return the lags to try, ascending from the negative to the positive longest one."""
    if not 0 <= longest_s <= recording.duration_s / 10:
        raise RecordingError(
            f"The largest lag must be 0 to {recording.duration_s / 10:.3g} s, a tenth of the "
            f"recording; found {longest_s:g} s."
        )
    reach = round(longest_s / recording.frame_interval_s) if recording.frame_interval_s else 0
    count = min(2 * reach + 1, MOST_LAGS)
    return np.unique(np.linspace(-reach, reach, count).round().astype(np.int64))


def places_of(
    course: Course, recording: Recording, reach: int
) -> tuple[Places, NDArray[np.float64]]:
    """Cut the frames in which a course is known into windows; also return the filled course.

    Raises
    ------
    RecordingError
        If the course does not fit the recording, does not vary, or leaves too few windows.
    """
    if course.values.shape != (recording.n_frames,):
        raise RecordingError(
            f"Course {course.name} has {len(course.values):,} values, the recording "
            f"{recording.n_frames:,} frames: it needs one value per frame."
        )
    values, stretches = known_stretches(course.values, recording.segments)
    known = np.concatenate([values[first:last] for first, last in stretches] or [np.empty(0)])
    if not len(known) or np.ptp(known) == 0:
        raise RecordingError(
            f"Course {course.name} "
            + ("does not vary" if len(known) else "is known in no frame")
            + ": nothing can follow it."
        )
    longest = longest_window(recording.n_frames)
    places = Places.of(stretches, longest, reach, max(lasting_frames(known), 1))
    if len(places.windows) < FEWEST_WINDOWS:
        raise RecordingError(
            f"Course {course.name} is known in too few frames ({len(known):,}) for a test with "
            f"lags up to {reach} frames: there must be {FEWEST_WINDOWS} windows of time and other "
            "times to compare them with. Try shorter lags or a longer recording."
        )
    return places, values


def neuron_correlation(
    spikes: Spikes,
    course: NDArray[np.float64],
    places: Places,
    lags: NDArray[np.int64],
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Correlate every neuron with a course, in the same windows as the assemblies.

    Returns
    -------
    r : (N,) float64
        At the lag where its magnitude is largest; NaN for neurons that do not vary.
    lag : (N,) int64
        In frames.
    """
    frames = np.concatenate([np.arange(first, last) for first, last in places.windows])
    part = spikes.select_frames(frames)
    indptr, neurons = part.by_frame
    ones = np.ones(len(neurons), dtype=np.float32)
    edges = np.cumsum([0, *(last - first for first, last in places.windows)])
    windows = Windows(part, sparse.csr_array((ones, neurons, indptr), shape=part.shape), edges)
    shifted = np.column_stack([np.roll(course, lag)[frames] for lag in lags])
    shifted = windows.detrended(shifted)
    length = np.sqrt((shifted**2).sum(axis=0))
    spread = np.sqrt(np.maximum(windows.variances(), 0) * windows.n_frames)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = (windows.raster.T @ shifted) / length / spread[:, None]
    found[spread < 1e-6] = np.nan
    best = np.abs(np.nan_to_num(found)).argmax(axis=1)
    r = found[np.arange(len(found)), best]
    return r, np.where(np.isfinite(r), lags[best], 0)
