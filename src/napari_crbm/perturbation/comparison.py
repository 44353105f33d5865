"""What a model expects given an event beside what was recorded in held-out frames.

The same event, with the same weights of states, is looked for in the recording. This is the one
test of a static model that a recording without interventions allows. It tests whether the model
knows what occurs together, not what a stimulation would cause.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_crbm.analysis.statistics.time_blocks import block_frames, correlation_times, cut
from napari_crbm.perturbation.answers import Expected
from napari_crbm.perturbation.recorded import Recorded

#: Frames of the event that a comparison needs.
FEWEST_FRAMES = 10
#: Resamples of blocks of time, and the quantiles of the interval.
N_RESAMPLES = 500
INTERVAL = (0.025, 0.975)
#: Neurons compared at most, drawn at random.
MOST_NEURONS = 4000
_RESAMPLE = 13


@dataclass(frozen=True, eq=False)
class Agreement:
    """Expected and recorded activity of the neurons outside the group, given the event.

    Parameters
    ----------
    neurons : (n,) int64
        Neurons outside the group, `MOST_NEURONS` of them at most.
    expected, recorded : (n,) float64
        Probability to be active given the event: of the model, and share of the frames.
    change_expected, change_recorded : (n,) float64
        The same, minus the mean activity without the event.
    n_frames : float
        Frames in which the event was recorded; for a held assembly, how many they are worth.
    held_out : bool
        Whether the frames were kept from the training.
    correlation, slope : (3,) float64
        Of the changes: the correlation, and the slope of the recorded change against the expected
        one; each with the ends of its interval of 95 % over blocks of time. NaN if there are too
        few frames.
    by_rates : float
        Correlation of the recorded probabilities with the mean activities alone.
    problem : str
        Why there is no comparison; empty if there is one.
    """

    neurons: NDArray[np.int64]
    expected: NDArray[np.float64]
    recorded: NDArray[np.float64]
    change_expected: NDArray[np.float64]
    change_recorded: NDArray[np.float64]
    n_frames: float
    held_out: bool
    correlation: NDArray[np.float64]
    slope: NDArray[np.float64]
    by_rates: float
    problem: str = ""

    @property
    def caution(self) -> str | None:
        """A sentence if the recorded changes do not follow the expected ones; None if they do."""
        if self.problem or self.correlation[1] > 0:
            return None
        frames = "held-out frames" if self.held_out else "recorded frames"
        return f"Not confirmed: in the {frames} the changes do not follow the expected ones."

    @property
    def sentence(self) -> str:
        """The comparison in words."""
        frames = "held-out frames" if self.held_out else "frames, which the model was trained on"
        if self.problem:
            return self.problem
        r, low, high = self.correlation
        slope = self.slope
        return (
            f"Expected against recorded change given the event, {self.n_frames:,.0f} {frames}: "
            f"r = {r:.2f} ({low:.2f} to {high:.2f}), slope {slope[0]:.2f} ({slope[1]:.2f} to "
            f"{slope[2]:.2f})."
        )


def compare_with_recording(
    result: Expected, recorded: Recorded, random_state: int = 0
) -> Agreement:
    """Compare what a model expects with the frames in which the event was recorded.

    Parameters
    ----------
    result : Expected
    recorded : Recorded
        Its held-out frames are used; all frames if the model has none, which is said.
    random_state : int
        Seed of the resampling.
    """
    asked = result.perturbation
    held_out = len(recorded.held_out) > 0
    frames = recorded.held_out if held_out else np.arange(recorded.spikes.n_frames)
    part = recorded.spikes.select_frames(frames)
    logs = asked.log_weights(recorded, part, recorded.inputs[frames])
    possible = np.isfinite(logs.max())
    weights = np.exp(logs - logs.max()) if possible else np.zeros(len(frames))
    n_frames = float(weights.sum() ** 2 / (weights**2).sum()) if possible else 0.0
    generator = np.random.default_rng([random_state, _RESAMPLE])
    neurons = np.setdiff1d(np.arange(recorded.rbm.n_neurons), asked.neurons)
    if len(neurons) > MOST_NEURONS:
        neurons = np.sort(generator.choice(neurons, MOST_NEURONS, replace=False))
    time, _ = correlation_times(recorded.activity[frames], frames)
    blocks = cut(frames, block_frames(len(frames), time))
    sums, totals, plain = _by_block(recorded, frames, weights, blocks, neurons)
    sizes = np.array([len(block) for block in blocks], dtype=np.float64)
    given, before = result.neurons.given[neurons], result.neurons.before[neurons]
    change = given - before
    unknown = np.full(3, np.nan)
    if n_frames < FEWEST_FRAMES:
        problem = (
            f"The event occurs in {n_frames:.0f} of the {len(frames):,} "
            f"{'held-out' if held_out else 'recorded'} frames; a comparison needs {FEWEST_FRAMES}."
        )
        empty = np.full(len(neurons), np.nan)
        return Agreement(
            neurons, given, empty, change, empty, n_frames, held_out, unknown, unknown, np.nan,
            problem,
        )  # fmt: skip
    rate = plain.sum(axis=0) / sizes.sum()
    share = sums.sum(axis=0) / totals.sum()
    drawn = []
    for _ in range(N_RESAMPLES):
        times = np.bincount(
            generator.integers(len(blocks), size=len(blocks)), minlength=len(blocks)
        )
        if times @ totals > 0:
            again = times @ sums / (times @ totals) - times @ plain / (times @ sizes)
            drawn.append(_fit(change, again))
    ends = np.nanquantile(np.array(drawn), INTERVAL, axis=0)
    value = _fit(change, share - rate)
    return Agreement(
        neurons,
        given,
        share,
        change,
        share - rate,
        n_frames,
        held_out,
        np.array([value[0], ends[0, 0], ends[1, 0]]),
        np.array([value[1], ends[0, 1], ends[1, 1]]),
        _fit(rate, share)[0],
    )


def _by_block(
    recorded: Recorded,
    frames: NDArray[np.int64],
    weights: NDArray[np.float64],
    blocks: list[NDArray[np.int64]],
    neurons: NDArray[np.int64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Sum the weighted activity (B, n), the weights (B,) and the activity (B, n) of each block."""
    weighted, plain = (np.zeros((len(blocks), len(neurons))) for _ in range(2))
    byte, bit = neurons // 8, (neurons % 8).astype(np.uint8)
    for k, block in enumerate(blocks):
        active = (recorded.spikes.packed[frames[block]][:, byte] >> bit) & np.uint8(1)
        weighted[k] = weights[block].astype(np.float32) @ active.astype(np.float32)
        plain[k] = active.sum(axis=0, dtype=np.float64)
    return weighted, np.array([weights[block].sum() for block in blocks]), plain


def _fit(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float]:
    """Return the correlation of y with x and the slope of y on x; NaN if one is constant."""
    x, y = x - x.mean(), y - y.mean()
    xx, yy = float(x @ x), float(y @ y)
    if xx <= 0 or yy <= 0:
        return np.nan, np.nan
    return float(x @ y) / np.sqrt(xx * yy), float(x @ y) / xx
