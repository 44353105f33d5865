"""Preprocessing steps: a description that can be stored and repeated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import RecordingError
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


@dataclass(frozen=True)
class Steps:
    """All settings of `preprocess`, in the order of their application.

    Parameters
    ----------
    burn_in_s : float
        Seconds to leave out at the start.
    baseline_s : float, optional
        Window of the running baseline in seconds; none by default.
    percentile : float
        Percentile of the baseline.
    raw : bool
        The traces are intensities, to be divided by the baseline; else they are dF/F.
    background : float
        Intensity without tissue, for raw traces.
    method : str
        "events": rises above ``threshold`` standard deviations of the noise;
        "deconvolution": inferred spikes above ``threshold`` of them;
        "zscore": frames above ``threshold`` standard deviations over the mean;
        "level": values above ``threshold`` in the traces' own unit, for traces that are
        deconvolved already; "keep": the recording's spikes.
    threshold : float, optional
        By default the method's usual one.
    decay_s : float
        Decay time of the indicator for the deconvolution.
    motion_trace : str, optional
        Trace of the recording; frames in which it exceeds ``motion_above`` are left out.
    motion_above : float
    drop_frames : tuple of (int, int)
        Ranges of frames (first, last, both included, counted from 0 in the recording as
        it was opened) to leave out.
    regions : tuple of str
        Keep neurons in any of these regions; all by default.
    min_activity, max_activity : float
        Keep neurons active in this fraction of the remaining frames.
    min_snr : float
        Keep neurons whose transients stand this far above their noise.

    Raises
    ------
    RecordingError
        If a value makes no sense.
    """

    burn_in_s: float = 0.0
    baseline_s: float | None = None
    percentile: float = DEFAULT_PERCENTILE
    raw: bool = False
    background: float = 0.0
    method: str = "events"
    threshold: float | None = None
    decay_s: float = DECAY_S["GCaMP6s"]
    motion_trace: str | None = None
    motion_above: float = 0.0
    drop_frames: tuple[tuple[int, int], ...] = ()
    regions: tuple[str, ...] = ()
    min_activity: float = 0.0
    max_activity: float = 1.0
    min_snr: float = 0.0

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise RecordingError(
                f"'{self.method}' is no way to binarise; known are {', '.join(METHODS)}."
            )
        if self.threshold is None:
            object.__setattr__(self, "threshold", METHODS[self.method])
        set_tuple = object.__setattr__
        set_tuple(self, "regions", tuple(self.regions))
        set_tuple(self, "drop_frames", tuple((int(a), int(b)) for a, b in self.drop_frames))
        low, high = self.min_activity, self.max_activity
        wrong = [
            (
                self.burn_in_s < 0,
                f"the burn-in must not be negative; found {self.burn_in_s:g} s",
            ),
            (
                self.baseline_s is not None and not self.baseline_s > 0,
                f"the baseline window must be longer than 0 s; found {self.baseline_s} s",
            ),
            (
                not 0 <= self.percentile <= 100,
                f"the percentile must be 0 to 100; found {self.percentile:g}",
            ),
            (self.raw and self.baseline_s is None, "raw traces need a baseline window; set one"),
            (
                not self.decay_s > 0,
                f"the decay time must be longer than 0 s; found {self.decay_s:g} s",
            ),
            (
                not 0 <= low < high <= 1,
                "activity bounds must lie between 0 and 100 % of frames, the lower first; found "
                f"{100 * low:g} to {100 * high:g} %",
            ),
            (
                self.method in ("events", "deconvolution") and not (self.threshold or 0) > 0,
                f"the threshold must be above 0; found {self.threshold}",
            ),
            (
                self.method == "keep" and self.min_snr > 0,
                "the signal to noise is known of fluorescence only; leave it at 0 to keep spikes",
            ),
            (
                any(a > b or a < 0 for a, b in self.drop_frames),
                "frames to leave out must be ranges from first to last, counted from 0; found "
                + ", ".join(f"{a}-{b}" for a, b in self.drop_frames),
            ),
        ]
        for is_wrong, why in wrong:
            if is_wrong:
                raise RecordingError(f"Preprocessing: {why}.")

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; the inverse of `from_dict`."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        values["drop_frames"] = [list(pair) for pair in self.drop_frames]
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


def frame_ranges(text: str) -> tuple[tuple[int, int], ...]:
    """Parse ranges of frames, such as "100-120, 300".

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
                f"'{part.strip()}' is no range of frames; write 'first-last', such as 100-120."
            )
        ranges.append((int(first), int(last or first)))
    return tuple(ranges)


class Stages(NamedTuple):
    """The stages of a block of traces from fluorescence to spikes; each (T, n)."""

    baseline: NDArray[np.float32] | None
    dff: NDArray[np.float32]
    score: NDArray[np.float32] | None
    active: NDArray[np.bool_]


def stages(traces: NDArray[np.floating], frame_rate_hz: float, steps: Steps) -> Stages:
    """Compute baseline, dF/F, the thresholded signal and the spikes of a block of neurons.

    Parameters
    ----------
    traces : (T, n)
        Fluorescence after the burn-in.
    frame_rate_hz : float
    steps : Steps
        Its method must not be "keep".

    Returns
    -------
    Stages
        ``score`` is the deconvolved or standardised trace, if the method makes one.
    """
    dff = np.asarray(traces, dtype=np.float32)
    baseline = None
    if steps.baseline_s is not None:
        window = max(1, round(steps.baseline_s * frame_rate_hz))
        baseline = running_percentile(dff, window, steps.percentile)
        dff = above_baseline(dff, baseline, raw=steps.raw, background=steps.background)
    threshold = 0.0 if steps.threshold is None else steps.threshold
    if steps.method == "events":
        return Stages(baseline, dff, None, events(dff, threshold))
    if steps.method == "level":
        return Stages(baseline, dff, None, dff > threshold)
    if steps.method == "deconvolution":
        score = deconvolve(dff, frame_rate_hz, steps.decay_s)
    else:
        score = zscore(dff)
    return Stages(baseline, dff, score, score > threshold)


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
