"""Frames in which nearly all or no neurons are active, and slow changes of the activity."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_crbm.analysis.evidence.outlier_frames import TIMES_MEDIAN, outlier_frames
from napari_crbm.analysis.evidence.stretches import stretches
from napari_crbm.analysis.health.finding import Finding, counted, places, ranges_named
from napari_crbm.spikes import Spikes

#: Nearly everything is active in frames with this fraction of the neurons.
NEARLY_ALL = 0.5

#: And so many standard deviations of independent neurons above the median.
CHANCE_SD = 6.0

#: Frames without activity in a row are blank if that many active neurons were expected.
EXPECTED_ACTIVE = 50.0

#: The activity drifts if it rises or falls over the whole recording (rank correlation of parts
#: with time) and by this factor between the first and the last third.
DRIFT_FACTOR, DRIFT_RANK = 2.0, 0.8
_PARTS = 12

# Silence is usual if there are so many silent stretches; blank ones are so many times longer.
_MANY_STRETCHES, _TIMES_LONGER = 10, 10.0


def frame_findings(spikes: Spikes) -> list[Finding]:
    """Check how many neurons are active in every frame."""
    counts = spikes.frame_counts
    return [*_crowded(counts, spikes.n_neurons), *_blank(counts), *_drift(counts)]


def _crowded(counts: NDArray[np.int64], n_neurons: int) -> list[Finding]:
    found = []
    usual = float(np.median(counts))
    spread = np.sqrt(usual * (1 - usual / n_neurons))
    # In recordings of few neurons half of them are sometimes active by chance.
    nearly_all = counts >= max(NEARLY_ALL * n_neurons, usual + CHANCE_SD * max(spread, 1.0))
    if nearly_all.any() and usual < NEARLY_ALL * n_neurons:
        where, kind = places(np.flatnonzero(nearly_all)), "frames with nearly all neurons active"
        found.append(
            Finding(
                kind,
                f"In {counted(len(where), 'frame', 'frames')} at least {100 * NEARLY_ALL:g} % of "
                f"the neurons are active ({ranges_named(where)}), which points to motion or light.",
                len(where),
                where,
                "frames",
                "It is kept." if len(where) == 1 else "They are kept.",
                leave_out=where,
            )
        )
    many = outlier_frames(counts) & ~nearly_all
    if many.sum() > 0.05 * len(counts):
        where = places(np.flatnonzero(many))
        found.append(
            Finding(
                "crowded frames",
                f"In {counted(len(where), 'frame', 'frames')} more than {TIMES_MEDIAN:g} times as "
                "many neurons are active as in the median frame.",
                len(where),
                where,
                "frames",
                "They are kept for training; the evidence for assemblies leaves them out.",
                severity="note",
                leave_out=where,
            )
        )
    return found


def _blank(counts: NDArray[np.int64]) -> list[Finding]:
    silent = np.flatnonzero(counts == 0)
    if not len(silent) or not counts.any():
        return []
    mean = float(counts[counts > 0].mean())
    parts = [silent[start:stop] for start, stop in stretches(silent)]
    usual = float(np.median([len(part) for part in parts])) if len(parts) > _MANY_STRETCHES else 0.0
    long = [
        part
        for part in parts
        if len(part) > max(2.0, _TIMES_LONGER * usual) and len(part) * mean >= EXPECTED_ACTIVE
    ]
    if not long:
        return []
    where = places(np.concatenate(long))
    return [
        Finding(
            "blank frames",
            f"In {len(where):,} frames no neuron is active ({ranges_named(where)}), while on "
            f"average {mean:.3g} are in the others.",
            len(where),
            where,
            "frames",
            "They are kept.",
            leave_out=where,
        )
    ]


def drift(counts: NDArray[np.int64]) -> tuple[float, float]:
    """Return the mean activity of the first and the last third if it drifts, else NaN.

    Parameters
    ----------
    counts : (T,) int
        Active neurons in every frame.
    """
    if len(counts) < 10 * _PARTS:
        return np.nan, np.nan
    parts = np.array([part.mean() for part in np.array_split(counts, _PARTS)])
    ranks = parts.argsort().argsort()
    rank = float(np.corrcoef(ranks, np.arange(_PARTS))[0, 1])
    first, last = (float(each.mean()) for each in (parts[: _PARTS // 3], parts[-_PARTS // 3 :]))
    low, high = sorted((first, last))
    if abs(rank) < DRIFT_RANK or high < DRIFT_FACTOR * max(low, 1e-12):
        return np.nan, np.nan
    return first, last


def _drift(counts: NDArray[np.int64]) -> list[Finding]:
    first, last = drift(counts)
    if np.isnan(first):
        return []
    way, reason = ("falls", "bleaching or motion") if last < first else ("rises", "motion or light")
    return [
        Finding(
            "drift",
            f"The activity {way} over the recording, from {first:.3g} active neurons a frame in "
            f"its first third to {last:.3g} in its last, which points to {reason}.",
            len(counts),
            done="Nothing was corrected.",
            remedy="Preprocess the fluorescence with a running baseline (preprocess --baseline), "
            "or leave out a part (--burn-in, --drop-frames).",
        )
    ]
