"""Drift: differences in mean activity between held-out blocks and training frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from napari_crbm.analysis.evidence.stretches import stretches
from napari_crbm.autocorrelation import integrated_autocorrelation
from napari_crbm.spikes import Spikes

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: A test block drifts if mean activities differ by more than this many times chance.
DRIFTS = 1.5


@dataclass(frozen=True, eq=False)
class Drift:
    """Mean activities in the test blocks, compared with the training frames.

    Parameters
    ----------
    table : pandas.DataFrame
        One row per test block, columns ``first_frame, last_frame``; ``activity`` (share of
        neurons active per frame) and ``activity_ratio`` (to that of the training frames);
        ``difference``: root mean square difference of the mean activities of neurons from
        those in the training frames, as a multiple of what chance gives.
    gap_frames : int
        Smallest number of frames between test and training frames.
    """

    table: pd.DataFrame
    gap_frames: int

    @property
    def drifts(self) -> bool:
        """Whether a test block differs from the training frames by more than chance."""
        return bool((self.table["difference"] > DRIFTS).any())

    def __str__(self) -> str:
        listed = ", ".join(
            f"{row.difference:.1f} (frames {row.first_frame:,} to {row.last_frame:,})"
            for row in self.table.itertuples()
        )
        gap = "1 frame" if self.gap_frames == 1 else f"{self.gap_frames:,} frames"
        text = (
            f"Test frames lie at least {gap} from training frames. Differences of the mean "
            "activities of neurons between test blocks and training frames, in multiples of what "
            f"chance gives: {listed}."
        )
        if not self.drifts:
            return text
        low, high = self.table["activity_ratio"].min(), self.table["activity_ratio"].max()
        return (
            f"{text} The recording drifts: activity in the test blocks is {low:.2f} to {high:.2f} "
            "times that in the training frames. A model without time cannot follow this."
        )


def held_out_drift(spikes: Spikes, split: dict[str, NDArray[np.int64]]) -> Drift:
    """Compare the mean activities in the test blocks of a model with its training frames.

    By chance, the squared difference of a neuron with mean activity v has the expectation
    v (1 - v) tau (1 / n + 1 / n'), with n and n' the numbers of frames and tau the integrated
    autocorrelation (`napari_crbm.autocorrelation.integrated_autocorrelation`).

    Parameters
    ----------
    spikes : Spikes
        The whole recording.
    split : dict with "train" and "test" frame indices, neither empty
    """
    train, test = np.sort(split["train"]), np.sort(split["test"])
    usual = spikes.select_frames(train).mean_activity
    v = spikes.mean_activity
    variance = float((v * (1 - v)).sum()) * integrated_autocorrelation(spikes)
    rows = []
    for start, stop in stretches(test):
        frames = test[start:stop]
        block = spikes.select_frames(frames)
        squared = float(((block.mean_activity - usual) ** 2).sum())
        chance = variance * (1 / len(frames) + 1 / len(train))
        rows.append(
            {
                "first_frame": int(frames[0]),
                "last_frame": int(frames[-1]),
                "activity": block.rate,
                "activity_ratio": block.rate / usual.mean() if usual.any() else np.nan,
                "difference": np.sqrt(squared / chance) if chance > 0 else np.nan,
            }
        )
    place = np.searchsorted(train, test)
    near = [train[np.clip(place + step, 0, len(train) - 1)] for step in (-1, 0)]
    apart = np.abs(near - test).min()
    return Drift(pd.DataFrame(rows), int(apart) - 1)
