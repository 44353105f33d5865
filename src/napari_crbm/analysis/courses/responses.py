"""Average activity of assemblies and regions around events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from napari_crbm.analysis.chance import false_discovery_rate
from napari_crbm.analysis.courses.events import Triggered, triggered_average
from napari_crbm.analysis.courses.following import MAX_Q
from napari_crbm.analysis.courses.shifts import Report
from napari_crbm.errors import RecordingError
from napari_crbm.model.members.windows import longest_window

if TYPE_CHECKING:
    from napari_crbm.recording import Recording

#: Seconds before and after an event.
BEFORE_S, AFTER_S = 5.0, 10.0
#: Surrogates: at least this many, and so many for each assembly or region.
FEWEST_SHUFFLES, SHUFFLES_PER_UNIT = 999, 40


@dataclass(frozen=True, eq=False)
class Responses:
    """Averages around events.

    Parameters
    ----------
    assemblies, regions : Triggered
        Of E[h | v], and of the percentage of active neurons in each region.
    region_names : tuple of str
    interval_s : float
        Time between frames.
    n_given : int
        Events that were given; some may lie too close to a border.
    """

    assemblies: Triggered
    regions: Triggered | None
    region_names: tuple[str, ...]
    interval_s: float
    n_given: int

    @property
    def times_s(self) -> NDArray[np.float64]:
        """Times relative to the event in seconds, (L,)."""
        return np.asarray(self.assemblies.offsets * self.interval_s)

    @property
    def table(self) -> pd.DataFrame:
        """One row per assembly: index ``assembly``; see `response_table`."""
        table = response_table(self.assemblies, self.interval_s)
        table.index.name = "assembly"
        return table

    @property
    def region_table(self) -> pd.DataFrame:
        """One row per region: index ``region``; see `response_table`."""
        if self.regions is None:
            return pd.DataFrame()
        table = response_table(self.regions, self.interval_s)
        table.index = pd.Index(self.region_names, name="region")
        return table

    @property
    def n_events(self) -> int:
        """Number of events that were averaged."""
        return len(self.assemblies.events)

    @property
    def n_responding(self) -> int:
        """Number of assemblies that respond to the events."""
        return int((self.table["response_q"] < MAX_Q).sum())

    def __str__(self) -> str:
        used, found = self.n_events, self.n_responding
        left = "" if used == self.n_given else f" (of {self.n_given:,}; the others lie at a border)"
        some = f"{found} of {len(self.table)} assemblies {'responds' if found == 1 else 'respond'}"
        if not found:
            some = f"None of {len(self.table)} assemblies responds"
        return (
            f"{some} to {used:,} events{left} beyond chance (false discovery rate "
            f"{100 * MAX_Q:.0f} %, against the same events at shifted times)."
        )


def response_table(triggered: Triggered, interval_s: float) -> pd.DataFrame:
    """Describe the average response of each unit.

    Returns
    -------
    pandas.DataFrame
        Columns ``baseline`` (average before the event), ``response`` (largest difference from it
        at or after the event), ``response_s`` (when), ``response_p`` and ``response_q``.
    """
    return pd.DataFrame(
        {
            "baseline": triggered.baseline,
            "response": triggered.peak,
            "response_s": triggered.peak_offset * interval_s,
            "response_p": triggered.p,
            "response_q": false_discovery_rate(triggered.p),
        }
    )


def event_responses(
    recording: Recording,
    activity: NDArray[np.floating],
    events: NDArray[np.integer],
    *,
    before_s: float = BEFORE_S,
    after_s: float = AFTER_S,
    n_shuffles: int | None = None,
    random_state: int = 0,
    report: Report | None = None,
) -> Responses:
    """Average the activity of every assembly and every region around events.

    Parameters
    ----------
    recording : Recording
    activity : (T, M) float array
        Activity of the assemblies, ``model.transform(recording.spikes)``.
    events : (E,) int
        Frames of the events, see `onsets` and `napari_crbm.io.table_events`.
    before_s, after_s : float
        Seconds before and after an event.
    n_shuffles : int, optional
        Surrogates; by default enough for the number of assemblies.
    random_state : int
    report : callable, optional
        Called with (steps done, all steps); may raise to cancel.

    Raises
    ------
    RecordingError
        If times are out of range, events lie outside the recording, or fewer than three can be
        averaged.

    Examples
    --------
    >>> from napari_crbm import CRBM, simulate
    >>> from napari_crbm.analysis import event_responses, onsets
    >>> recording = simulate(200, 1200, 4, n_tuned=1).recording
    >>> model = CRBM(4, recipe="quick").fit(recording)
    >>> events = onsets(recording.traces["stimulus"], 0.5, recording.segments)
    >>> responses = event_responses(recording, model.transform(recording.spikes), events)
    >>> responses.table.columns.tolist()
    ['baseline', 'response', 'response_s', 'response_p', 'response_q']
    """
    interval = recording.frame_interval_s or 1.0
    if not (before_s > 0 and after_s > 0 and before_s + after_s <= recording.duration_s / 4):
        raise RecordingError(
            "The times before and after an event must be positive, together at most a quarter of "
            f"the recording ({recording.duration_s / 4:.3g} s); found {before_s:g} and "
            f"{after_s:g} s."
        )
    outside = events[(events < 0) | (events >= recording.n_frames)]
    if len(outside):
        raise RecordingError(
            f"Event frame {int(outside[0])} lies outside the recording, whose frames are 0 to "
            f"{recording.n_frames - 1:,}."
        )
    around = (max(round(before_s / interval), 1), max(round(after_s / interval), 1))
    longest = longest_window(recording.n_frames)
    regions = recording.regions
    n_regions = 0 if regions is None else len(regions.names)
    n_units = max(activity.shape[1], n_regions)
    chosen = n_shuffles or max(FEWEST_SHUFFLES, SHUFFLES_PER_UNIT * n_units - 1)

    def average(values: NDArray[np.floating]) -> Triggered:
        return triggered_average(
            values,
            events,
            *around,
            recording.segments,
            longest,
            n_shuffles=chosen,
            random_state=random_state,
            report=report,
        )

    return Responses(
        average(activity),
        average(region_activity(recording)) if n_regions else None,
        () if regions is None else regions.names,
        interval,
        len(events),
    )


def region_activity(recording: Recording) -> NDArray[np.float64]:
    """Compute the percentage of active neurons in each region, (T, R); zero in empty regions."""
    assert recording.regions is not None
    indptr, neurons = recording.spikes.by_frame
    ones = np.ones(len(neurons), dtype=np.float32)
    raster = sparse.csr_array((ones, neurons, indptr), shape=recording.spikes.shape)
    counts = raster @ recording.regions.membership.astype(np.float32)
    return np.asarray(100 * counts.toarray() / np.maximum(recording.regions.counts, 1))
