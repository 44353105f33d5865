"""Preprocessing steps: a description that can be stored and repeated."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_crbm.declarations import Setting, check, documented
from napari_crbm.errors import RecordingError, SettingError
from napari_crbm.preprocessing.baseline import (
    DEFAULT_PERCENTILE,
    above_baseline,
    running_percentile,
)
from napari_crbm.preprocessing.deconvolution import DECAY_S, deconvolve
from napari_crbm.preprocessing.threshold import DEFAULT_THRESHOLD_SD, events, noise_sd

#: Ways to binarise, each with its usual threshold. "keep" leaves the spikes as they are.
METHODS: dict[str, float | None] = {
    "events": DEFAULT_THRESHOLD_SD,
    "deconvolution": 2.0,
    "zscore": 3.0,
    "level": 0.0,
    "keep": None,
}


_RANGES = ("drop_frames", "drop_neurons")


@documented
@dataclass(frozen=True)
class Steps:
    """All settings of `preprocess`, in the order of their application.

    Raises
    ------
    SettingError
        If a value has a wrong type, is out of its range or contradicts another.
    """

    burn_in_s: Annotated[
        float,
        Setting(
            "Time to leave out at the start.", ge=0, unit="s", label="Burn-in", option="burn-in"
        ),
    ] = 0.0
    baseline_s: Annotated[
        float | None,
        Setting(
            "Window of the running baseline.",
            gt=0,
            unit="s",
            label="Baseline window",
            option="baseline",
            absent="no baseline",
        ),
    ] = None
    percentile: Annotated[
        float, Setting("Percentile of the baseline.", ge=0, le=100, unit="%", group="rare")
    ] = DEFAULT_PERCENTILE
    raw: Annotated[
        bool,
        Setting(
            "The traces are intensities: divide by the baseline for dF/F.", label="Raw intensities"
        ),
    ] = False
    background: Annotated[
        float,
        Setting(
            "Intensity without tissue, of raw traces, in their unit. It is subtracted first.",
            group="rare",
        ),
    ] = 0.0
    method: Annotated[
        Literal["events", "deconvolution", "zscore", "level", "keep"],
        Setting(
            "How traces become spikes: rises of a trace above its noise ('events'), spikes "
            "inferred with OASIS ('deconvolution'), standardised traces ('zscore'), traces as "
            "they are ('level'), or the spikes of the file ('keep')."
        ),
    ] = "events"
    threshold: Annotated[
        float | None,
        Setting(
            "Threshold: standard deviations of a neuron's noise (events, deconvolution) or of its "
            "trace (zscore), or the unit of the traces (level).",
            absent="the usual one of the method",
        ),
    ] = None
    decay_s: Annotated[
        float,
        Setting(
            "Decay time of the indicator, for deconvolution (GCaMP6s 3.55, GCaMP6f 1.6).",
            gt=0,
            unit="s",
            label="Decay time",
            option="decay",
        ),
    ] = DECAY_S["GCaMP6s"]
    motion_trace: Annotated[
        str | None,
        Setting("Name of a trace of the file that records motion.", absent="none"),
    ] = None
    motion_above: Annotated[
        float,
        Setting("Leave out frames in which the motion trace exceeds this value."),
    ] = 0.0
    #: Ranges (first, last, both included, counted from 0 in the recording as it was opened).
    drop_frames: tuple[tuple[int, int], ...] = ()
    #: Ranges of neurons, likewise.
    drop_neurons: tuple[tuple[int, int], ...] = ()
    regions: Annotated[
        tuple[str, ...],
        Setting("Keep only neurons in this region.", option="region", absent="all regions"),
    ] = ()
    min_activity: Annotated[
        float,
        Setting("Keep neurons that are active in at least this fraction of frames.", ge=0, le=1),
    ] = 0.0
    max_activity: Annotated[
        float,
        Setting("Keep neurons that are active in at most this fraction of frames.", ge=0, le=1),
    ] = 1.0
    min_snr: Annotated[
        float,
        Setting(
            "Keep neurons whose 99th percentile of dF/F is at least this many standard deviations "
            "of their noise.",
            ge=0,
            label="Smallest signal-to-noise ratio",
        ),
    ] = 0.0

    def __post_init__(self) -> None:
        set_value = object.__setattr__
        set_value(self, "regions", tuple(self.regions))
        check(self)
        if self.threshold is None:
            set_value(self, "threshold", METHODS[self.method])
        for name in _RANGES:
            set_value(self, name, tuple((int(a), int(b)) for a, b in getattr(self, name)))
        if self.raw and self.baseline_s is None:
            raise SettingError("{raw} needs a baseline window: set {baseline_s}.")
        if not self.min_activity < self.max_activity:
            raise SettingError(
                "{min_activity} must be less than {max_activity}; found {low} and {high}.",
                {"low": f"{self.min_activity:g}", "high": f"{self.max_activity:g}"},
            )
        if self.method in ("events", "deconvolution") and not (self.threshold or 0) > 0:
            raise SettingError(
                "{threshold} must be a positive number for events and deconvolution; found "
                "{found}.",
                {"found": f"{self.threshold:g}"},
            )
        if self.method == "keep" and self.min_snr > 0:
            raise SettingError(
                "{min_snr} needs fluorescence: leave it at 0 to keep the spikes of the file."
            )
        for name in _RANGES:
            ranges = getattr(self, name)
            if any(a > b or a < 0 for a, b in ranges):
                raise SettingError(
                    f"{{{name}}} must be ranges from first to last, counted from 0; "
                    "found {found}.",
                    {"found": ", ".join(f"{a}-{b}" for a, b in ranges)},
                )

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; the inverse of `from_dict`."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        values |= {name: [list(pair) for pair in getattr(self, name)] for name in _RANGES}
        values["regions"] = list(self.regions)
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Steps:
        """Make steps from plain values; unknown entries are refused.

        Raises
        ------
        RecordingError
        """
        strange = set(values) - {field.name for field in fields(cls)}
        if strange:
            raise RecordingError(f"Preprocessing has no setting {', '.join(sorted(strange))}.")
        try:
            return cls(**values)
        except (TypeError, ValueError) as error:
            if isinstance(error, RecordingError):
                raise
            raise RecordingError(f"Preprocessing settings cannot be read: {error}.") from error


def frame_ranges(text: str, of: str = "frames") -> tuple[tuple[int, int], ...]:
    """Parse ranges of frames or neurons, such as "100-120, 300".

    Raises
    ------
    RecordingError
        Naming the part that is no range.
    """
    ranges = []
    for part in text.replace(";", ",").split(","):
        first, _, last = (piece.strip() for piece in part.partition("-"))
        if not part.strip():
            continue
        if not (first.isdecimal() and (last or first).isdecimal()):
            raise RecordingError(
                f"'{part.strip()}' is no range of {of}; write 'first-last', such as 100-120."
            )
        ranges.append((int(first), int(last or first)))
    return tuple(ranges)


class Stages(NamedTuple):
    """The stages of a block of traces from fluorescence to spikes; each (T, n)."""

    baseline: NDArray[np.float32] | None
    dff: NDArray[np.float32]
    score: NDArray[np.float32] | None
    active: NDArray[np.bool_]


def stages(
    traces: NDArray[np.floating],
    frame_rate_hz: float,
    steps: Steps,
    starts: Sequence[int] = (0,),
) -> Stages:
    """Compute baseline, dF/F, the thresholded signal and the spikes of a block of neurons.

    Parameters
    ----------
    traces : (T, n)
        Fluorescence after the burn-in.
    frame_rate_hz : float
    steps : Steps
        Its method must not be "keep".
    starts : sequence of int
        First frames of the segments, 0 among them: baseline, deconvolution and the rise of
        an event stay within a segment.

    Returns
    -------
    Stages
        ``score`` is the deconvolved or standardised trace, if the method makes one.
    """
    dff = np.asarray(traces, dtype=np.float32)
    baseline = None
    if steps.baseline_s is not None:
        window = max(1, round(steps.baseline_s * frame_rate_hz))
        baseline = within(
            starts, lambda part: running_percentile(part, window, steps.percentile), dff
        )
        dff = above_baseline(dff, baseline, raw=steps.raw, background=steps.background)
    threshold = 0.0 if steps.threshold is None else steps.threshold
    if steps.method == "events":
        active = events(dff, threshold)
        # Whether a neuron has just risen is not known in the first frame of a segment.
        active[list(starts)] = False
        return Stages(baseline, dff, None, active)
    if steps.method == "level":
        return Stages(baseline, dff, None, dff > threshold)
    if steps.method == "deconvolution":
        score = within(starts, lambda part: deconvolve(part, frame_rate_hz, steps.decay_s), dff)
    else:
        score = zscore(dff)
    return Stages(baseline, dff, score, score > threshold)


def within(
    starts: Sequence[int],
    function: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    traces: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Apply a function of (t, n) traces to each segment, and join the results."""
    edges = [*sorted(starts), len(traces)]
    if len(edges) == 2:
        return function(traces)
    return np.concatenate([function(traces[start:stop]) for start, stop in pairwise(edges)])


def zscore(dff: NDArray[np.floating]) -> NDArray[np.float32]:
    """Compute z-scores per neuron over its finite values, (T, n) float32.

    NaN, and so never above a threshold, where a value is not finite or a neuron constant.
    """
    finite = np.isfinite(dff)
    values = np.where(finite, dff, 0).astype(np.float64)
    counts = np.maximum(finite.sum(axis=0), 1)
    centred = np.where(finite, values - values.sum(axis=0) / counts, 0)
    spread = np.sqrt((centred**2).sum(axis=0) / counts)
    score = np.full(dff.shape, np.nan, dtype=np.float32)
    np.divide(centred, spread, out=score, where=finite & (spread > 0), casting="same_kind")
    return score


def signal_to_noise(dff: NDArray[np.floating]) -> NDArray[np.float32]:
    """Compute the 99th percentile minus the median of each trace, in units of its noise SD.

    About 2.3 for a neuron that is noise alone; 0 where it cannot be told.

    Parameters
    ----------
    dff : (T, n)

    Returns
    -------
    (n,) float32
    """
    noise = noise_sd(dff)
    result = np.zeros(dff.shape[1], dtype=np.float32)
    usable = np.flatnonzero(np.isfinite(dff).all(axis=0) & (noise > 0))
    middle, high = np.percentile(dff[:, usable], [50, 99], axis=0)
    result[usable] = (high - middle) / noise[usable]
    return result
