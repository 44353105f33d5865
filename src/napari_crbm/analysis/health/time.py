"""Gaps, dropped frames, irregular times and implausible frame rates."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_crbm.analysis.health.finding import Finding, counted, named, places
from napari_crbm.io.reading.times import unit_warning
from napari_crbm.recording import GAP_INTERVALS, Recording

#: Intervals that differ from the median by more than this share are irregular.
IRREGULAR = 0.2

#: Intervals of this many medians and more, up to a gap, are dropped frames.
DROPPED = 1.5


def time_findings(recording: Recording) -> list[Finding]:
    """Check the times of the frames."""
    found = []
    assumed = any(
        str(step.parameters.get(name, "")).startswith("1 Hz")
        for step in recording.provenance
        for name in ("times", "time_from")
    )
    if assumed:
        found.append(
            Finding(
                "frame rate",
                "The file names no frame rate.",
                recording.n_frames,
                done="One frame a second is assumed.",
                remedy="Give --frame-rate-hz.",
                severity="note",
            )
        )
    elif message := unit_warning(recording):
        found.append(Finding("frame rate", message, recording.n_frames))
    return [*found, *_gaps(recording), *_dropped(recording), *_irregular(recording)]


def _gaps(recording: Recording) -> list[Finding]:
    starts = places([start for start, _ in recording.segments[1:]])
    if not starts:
        return []
    times, interval = recording.times, recording.frame_interval_s
    lost = [float(times[k] - times[k - 1]) - interval for k in starts]
    longest = int(np.argmax(lost))
    text = f"The recording has {len(starts) + 1:,} segments, which begin at frames 0, "
    text += f"{named(starts)}"
    if max(lost) > interval:
        text += (
            f"; {sum(lost):,.4g} s are missing, the longest {lost[longest]:,.4g} s before frame "
            f"{starts[longest]:,}"
        )
    return [
        Finding(
            "segments",
            f"{text}.",
            len(starts),
            starts,
            "frames",
            "Episodes, lags, baselines and test blocks stay within a segment.",
            severity="note",
        )
    ]


def _intervals(recording: Recording) -> tuple[NDArray[np.float64], float]:
    return np.diff(recording.times), recording.frame_interval_s


def _dropped(recording: Recording) -> list[Finding]:
    steps, interval = _intervals(recording)
    late = (steps >= DROPPED * interval) & (steps <= GAP_INTERVALS * interval)
    where = places(np.flatnonzero(late) + 1)
    if not where:
        return []
    count = int(np.sum(np.round(steps[late] / interval) - 1))
    return [
        Finding(
            "dropped frames",
            f"About {counted(count, 'frame is', 'frames are')} missing, before "
            f"{'frame' if len(where) == 1 else 'frames'} {named(where)}.",
            count,
            where,
            "frames",
            "The frames beside them are taken as consecutive.",
            "",
            "note" if count < 0.01 * recording.n_frames else "problem",
        )
    ]


def _irregular(recording: Recording) -> list[Finding]:
    steps, interval = _intervals(recording)
    off = (np.abs(steps - interval) > IRREGULAR * interval) & (steps < DROPPED * interval)
    where = places(np.flatnonzero(off) + 1)
    if len(where) <= 0.01 * len(steps):
        return []
    return [
        Finding(
            "irregular times",
            f"{counted(len(where), 'interval', 'intervals')} between frames "
            f"{'differs' if len(where) == 1 else 'differ'} from the median, {interval:.4g} s, by "
            f"more than {100 * IRREGULAR:g} %.",
            len(where),
            where,
            "frames",
            "Lags and durations count frames of the median interval.",
            "Give --frame-rate-hz if the stored times are wrong.",
        )
    ]
