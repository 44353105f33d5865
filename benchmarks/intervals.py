"""How often the intervals of an evaluation hold the right value.

python benchmarks/intervals.py --recordings 100     # about two minutes
python benchmarks/intervals.py --smoke

Neurons follow assemblies whose courses remember (autoregressive, Gaussian), so that frames are
correlated in time. Each recording is divided as a training does, and compared with samples of the
same process with weaker weights. The right nRMSE is the median over all recordings of a kind, the
right explained share follows from very many frames. Rows go to
``benchmarks/results/intervals.csv``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from napari_crbm.analysis.statistics.intervals import nrmse_intervals
from napari_crbm.analysis.statistics.registry import STATISTICS, Side
from napari_crbm.analysis.statistics.resampling import Resampling
from napari_crbm.analysis.statistics.rows import explained_shares
from napari_crbm.analysis.statistics.time_blocks import correlation_times
from napari_crbm.model import CRBM, DReLU
from napari_crbm.nrmse import agreement
from napari_crbm.spikes import Spikes

OUTPUT = Path(__file__).parent / "results" / "intervals.csv"
N_NEURONS, N_HIDDEN, N_BLOCKS = 60, 6, 10
TEST_BLOCKS = (3, 6, 9)
# Neurons differ in their mean activities.
BASE = np.random.default_rng(4).uniform(-4, -1, N_NEURONS)
# Weights of the model, of those of the recording.
WEAKER = 0.9
# Memory of the courses from frame to frame, and frames of a recording.
KINDS = ((0.0, 1500), (0.8, 1500), (0.9, 1500), (0.9, 4000), (0.95, 4000))


def weights_of(strength: float) -> np.ndarray:
    """Return the weights (N, M) of overlapping assemblies on a ring."""
    rng = np.random.default_rng(0)
    weights = np.zeros((N_NEURONS, N_HIDDEN), dtype=np.float32)
    for unit in range(N_HIDDEN):
        members = np.arange(10 * unit, 10 * unit + 14) % N_NEURONS
        weights[members, unit] = strength * rng.uniform(0.6, 1.0, 14)
    return weights


def recording(strength: float, n_frames: int, memory: float, seed: int) -> Spikes:
    """Simulate neurons that follow assemblies with memory."""
    rng = np.random.default_rng([seed, 1])
    course = rng.normal(size=(n_frames, N_HIDDEN))
    for frame in range(1, n_frames if memory else 0):
        course[frame] = memory * course[frame - 1] + np.sqrt(1 - memory**2) * course[frame]
    drive = course @ weights_of(strength).T + BASE
    return Spikes.from_dense(rng.random(drive.shape) < 1 / (1 + np.exp(-drive)))


def measure(n_recordings: int, memory: float, n_frames: int) -> pd.DataFrame:
    """Return nRMSE, explained shares and their intervals of every recording."""
    units = DReLU(*(np.full(N_HIDDEN, value) for value in (3.0, 3.0, -0.5, 0.5)))
    model = CRBM.from_parameters(weights_of(WEAKER), BASE, units)
    shift = np.zeros((N_NEURONS, N_HIDDEN), dtype=np.float32)
    connected = model.weights_ != 0
    block = np.arange(n_frames) * N_BLOCKS // n_frames
    held_out = np.isin(block, TEST_BLOCKS)
    frames = (np.flatnonzero(~held_out), np.flatnonzero(held_out))
    right = _right_shares(model, connected)
    rows = []
    for number in range(n_recordings):
        spikes = recording(1.0, n_frames, memory, number)
        drawn = recording(WEAKER, 3000, 0.0, 10_003 + number)
        parts = (drawn, *(spikes.select_frames(each) for each in frames))
        hidden = tuple(model.transform(part) for part in parts)
        cut = Resampling.of(model, parts, hidden, frames, 150, number)
        courses = np.column_stack([hidden[1], parts[1].frame_counts])
        moments = [each.moments() for each in cut.whole]
        sides = [Side(each, connected, shift) for each in moments]
        intervals = nrmse_intervals(cut.whole, connected, shift)
        shares = explained_shares(cut, connected, shift)
        for name, each in STATISTICS.items():
            if not each.from_moments:
                continue
            found, share = intervals[name], shares.get(name)
            rows.append(
                {
                    "memory": memory,
                    "frames": n_frames,
                    "recording": number,
                    "statistic": name,
                    "correlation_frames": correlation_times(courses, frames[0])[0],
                    "test_blocks": cut.whole[2].n_blocks,
                    "nrmse": agreement(*map(each.values, sides)).nrmse,
                    "reach": found.reach,
                    "explained": np.nan if share is None else share.share,
                    "low": np.nan if share is None else share.low,
                    "high": np.nan if share is None else share.high,
                    "right_explained": right.get(name, np.nan),
                }
            )
    return pd.DataFrame(rows)


def _right_shares(model: CRBM, connected: np.ndarray) -> dict[str, float]:
    """Compute the explained shares from 200,000 independent frames."""
    n, names = 200_000, ("mean_vh", "cov_vv", "cov_hh")
    values = []
    rng = np.random.default_rng(3)
    true, own = recording(1.0, n, 0.0, 10_001), recording(WEAKER, n, 0.0, 10_002)
    free = Spikes.from_dense(rng.random((n, N_NEURONS)) < true.mean_activity)
    for spikes in (true, own, free):
        v, h = spikes.dense().astype(np.float64), model.transform(spikes).astype(np.float64)
        both = np.cov(v.T, h.T, bias=True)
        upper = (np.triu_indices(k, 1) for k in (N_NEURONS, N_HIDDEN))
        vv, hh = both[:N_NEURONS, :N_NEURONS], both[N_NEURONS:, N_NEURONS:]
        values.append([both[:N_NEURONS, N_NEURONS:][connected], vv[next(upper)], hh[next(upper)]])
    data, of_model, none = values
    return {
        name: float(1 - ((m - c) ** 2).mean() / ((c - (0 if name == "cov_vv" else k)) ** 2).mean())
        for name, c, m, k in zip(names, data, of_model, none, strict=True)
    }


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Return the coverage of each kind of recording and statistic."""
    rows = []
    for (memory, frames, name), part in table.groupby(["memory", "frames", "statistic"]):
        known = part[np.isfinite(part["reach"])]
        off = (known["nrmse"] - part["nrmse"].median()).abs()
        told = part[np.isfinite(part["explained"])]
        right = told["right_explained"]
        rows.append(
            {
                "memory": memory,
                "frames": frames,
                "statistic": name,
                "correlation_frames": part["correlation_frames"].median(),
                "blocks": part["test_blocks"].median(),
                "nrmse_known": len(known) / len(part),
                "nrmse_covered": float((off <= known["reach"]).mean()),
                "explained_known": len(told) / len(part),
                "explained_covered": float(
                    ((told["low"] <= right) & (right <= told["high"])).mean()
                ),
                "explained_mean": told["explained"].mean(),
                "explained_right": part["right_explained"].iloc[0],
            }
        )
    return pd.DataFrame(rows)


def main() -> None:
    """Measure all kinds of recordings and print their coverage."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--recordings", type=int, default=100)
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    asked = parser.parse_args()
    kinds = KINDS[:1] if asked.smoke else KINDS
    n = 4 if asked.smoke else asked.recordings
    found = summary(pd.concat([measure(n, memory, frames) for memory, frames in kinds]))
    print(found.to_string(index=False, float_format="%.3f"))
    if not asked.smoke:
        asked.output.parent.mkdir(parents=True, exist_ok=True)
        found.to_csv(asked.output, index=False, float_format="%.4g")


if __name__ == "__main__":
    main()
