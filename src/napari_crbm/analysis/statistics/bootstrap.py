"""Standard errors of the nRMSE from a block bootstrap over time.

Neighbouring frames are correlated, so whole blocks of time are resampled with
replacement (Kuensch 1989), from the held-out and from the training frames; the spread of the
statistic over resamples is its standard error.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_crbm.analysis.statistics.declared import STATISTICS, Side
from napari_crbm.analysis.statistics.moments import Moments
from napari_crbm.nrmse import agreement
from napari_crbm.spikes import Spikes

_BLOCKS = 30
# Neurons whose activity and pairs are resampled; the number of frames limits the precision.
_NEURONS = 300
_DRAWS = 100
# Smallest share of resamples in which an nRMSE must be defined for its error to be defined.
_KNOWN = 0.9


@dataclass(frozen=True, eq=False)
class _Blocks:
    """Sums of activity and of products over blocks of time, (blocks, values) each."""

    frames: NDArray[np.float64]
    v: NDArray[np.float64]
    h: NDArray[np.float64]
    vh: NDArray[np.float32]
    vv: NDArray[np.float32]
    hh: NDArray[np.float32]

    @classmethod
    def of(cls, raster: NDArray[np.uint8], hidden: NDArray[np.floating]) -> _Blocks:
        n_blocks = min(_BLOCKS, len(raster))
        v_pairs, h_pairs = (np.triu_indices(x.shape[1], 1) for x in (raster, hidden))
        sums: dict[str, list[NDArray[np.floating]]] = {
            name: [] for name in ["v", "h", "vh", "vv", "hh"]
        }
        parts = np.array_split(np.arange(len(raster)), n_blocks)
        for frames in parts:
            v, h = raster[frames].astype(np.float32), hidden[frames].astype(np.float32)
            sums["v"].append(v.sum(axis=0))
            sums["h"].append(h.sum(axis=0, dtype=np.float64))
            sums["vh"].append((v.T @ h).ravel())
            sums["vv"].append((v.T @ v)[v_pairs])
            sums["hh"].append((h.T @ h)[h_pairs])
        lengths = np.array([len(frames) for frames in parts], dtype=np.float64)
        return cls(lengths, *(np.stack(values) for values in sums.values()))

    def moments(self, share: NDArray[np.float64]) -> Moments:
        """Return the moments of the frames with each block counted ``share`` times."""
        total = share @ self.frames
        v, h, vh, vv, hh = (
            share @ values / total for values in (self.v, self.h, self.vh, self.vv, self.hh)
        )
        (a, b), (c, d) = (np.triu_indices(len(x), 1) for x in (v, h))
        return Moments(
            n_frames=int(total),
            mean_v=v,
            mean_h=h,
            mean_vh=vh.reshape(len(v), len(h)),
            cov_vv=vv - v[a] * v[b],
            cov_hh=hh - h[c] * h[d],
        )


def standard_errors(
    parts: tuple[Spikes, Spikes, Spikes],
    hidden: tuple[NDArray[np.floating], NDArray[np.floating], NDArray[np.floating]],
    connected: NDArray[np.bool_],
    shift: NDArray[np.floating],
    *,
    n_draws: int = _DRAWS,
    random_state: int = 0,
) -> dict[str, float]:
    """Compute the standard error of the nRMSE of every statistic of `STATISTICS`.

    Parameters
    ----------
    parts : (model, train, test) Spikes
    hidden : three (T, M) float arrays
        E[h | v] of the same frames.
    connected : (N, M) bool
        Pairs of a neuron and a hidden unit that are compared.
    shift : (N, M) float array
        Correction for the penalty, added to <vh> of the model.
    n_draws : int
        Resamples of blocks.
    random_state : int

    Notes
    -----
    The number of frames limits the precision, not the number of neurons; so 300 random neurons
    are resampled.
    """
    generator = np.random.default_rng([random_state, 2])
    n_neurons = parts[0].n_neurons
    chosen = np.sort(generator.choice(n_neurons, min(_NEURONS, n_neurons), replace=False))
    model, train, test = (
        _Blocks.of(_dense(spikes, chosen), values)
        for spikes, values in zip(parts, hidden, strict=True)
    )
    compared, none = connected[chosen], np.zeros((1, 1))
    fixed = Side(model.moments(np.ones(len(model.frames))), compared, shift[chosen])
    resampled = {name: each for name, each in STATISTICS.items() if each.from_moments}
    of_model = {name: each.values(fixed) for name, each in resampled.items()}
    found: dict[str, list[float]] = {name: [] for name in resampled}
    for _ in range(n_draws):
        drawn = []
        for blocks in (train, test):
            n = len(blocks.frames)
            share = generator.multinomial(n, np.full(n, 1 / n)).astype(float)
            drawn.append(Side(blocks.moments(share), compared, none))
        for name, each in resampled.items():
            values = (each.values(side) for side in drawn)
            found[name].append(agreement(of_model[name], *values).nrmse)
    return {name: _spread(found[name]) if name in found else float("nan") for name in STATISTICS}


def _spread(values: list[float]) -> float:
    """Return half the range of the middle 68 %, a robust estimate of the standard deviation.

    An nRMSE is a ratio whose denominator is close to zero in some resamples, and which is
    undefined where the denominator is negative. NaN if it is undefined in more than a few.
    """
    known = np.array(values)[np.isfinite(values)]
    if len(known) < _KNOWN * len(values):
        return float("nan")
    low, high = np.quantile(known, [0.16, 0.84])
    return float(high - low) / 2


def _dense(spikes: Spikes, neurons: NDArray[np.int64]) -> NDArray[np.uint8]:
    return np.concatenate([block[:, neurons] for block in spikes.iter_dense()])
