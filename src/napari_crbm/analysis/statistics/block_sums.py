"""Sums of activity and its products over blocks, from which the moments of any blocks follow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_crbm.analysis.statistics.moments import Moments
from napari_crbm.spikes import Spikes

#: Neurons whose activity and pairs are resampled; the number of frames limits the precision.
MOST_NEURONS = 600


@dataclass(frozen=True, eq=False)
class BlockSums:
    """Sums over B blocks of frames.

    Parameters
    ----------
    frames : (B,) float64
        Number of frames in each block.
    v, h : (B, n) and (B, M) float64
        Summed activity of neurons and of hidden units.
    vh, vv, hh : (B, K) float32
        Summed products of a neuron with a hidden unit, and of pairs i < j of neurons and of
        hidden units.
    """

    frames: NDArray[np.float64]
    v: NDArray[np.float64]
    h: NDArray[np.float64]
    vh: NDArray[np.float32]
    vv: NDArray[np.float32]
    hh: NDArray[np.float32]

    @classmethod
    def of(
        cls,
        spikes: Spikes,
        neurons: NDArray[np.integer],
        hidden: NDArray[np.floating],
        blocks: Sequence[NDArray[np.integer]],
    ) -> BlockSums:
        """Sum over blocks.

        Parameters
        ----------
        spikes : Spikes
        neurons : (n,) int
            Neurons to include.
        hidden : (T, M) float array
            E[h | v] of the same frames.
        blocks : sequence of int arrays
            Frames of each block.
        """
        raster = spikes.select_neurons(neurons).dense()
        v_pairs, h_pairs = (np.triu_indices(x.shape[1], 1) for x in (raster, hidden))
        sums: list[list[NDArray[np.floating]]] = [[] for _ in range(5)]
        for frames in blocks:
            v, h = raster[frames].astype(np.float32), hidden[frames].astype(np.float32)
            values = (
                v.sum(axis=0, dtype=np.float64),
                h.sum(axis=0, dtype=np.float64),
                (v.T @ h).ravel(),
                (v.T @ v)[v_pairs],
                (h.T @ h)[h_pairs],
            )
            for kept, value in zip(sums, values, strict=True):
                kept.append(value)
        lengths = np.array([len(frames) for frames in blocks], dtype=np.float64)
        return cls(lengths, *(np.stack(values) for values in sums))

    @property
    def n_blocks(self) -> int:
        """Number of blocks."""
        return len(self.frames)

    def moments(self, counted: NDArray[np.floating] | None = None) -> Moments:
        """Return the moments of all frames, each block counted so many times (once by default)."""
        counted = np.ones(self.n_blocks) if counted is None else np.asarray(counted)
        total = float(counted @ self.frames)
        single = counted.astype(np.float32)
        v, h = (counted @ values / total for values in (self.v, self.h))
        vh, vv, hh = (
            (single @ values) / np.float32(total) for values in (self.vh, self.vv, self.hh)
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

    def leaving_one_out(self) -> Iterator[Moments]:
        """Yield the leave-one-block-out moments, for the jackknife."""
        for block in range(self.n_blocks):
            counted = np.ones(self.n_blocks)
            counted[block] = 0
            yield self.moments(counted)

    def select(self, blocks: slice) -> BlockSums:
        """Return some of the blocks."""
        return BlockSums(*(values[blocks] for values in vars(self).values()))


class Halves(NamedTuple):
    """Two sets of frames, independent of each other, as sums over blocks."""

    first: BlockSums
    second: BlockSums


def jackknife_variance(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Jackknife variance of estimates from their leave-one-block-out values (Tukey 1958).

    Parameters
    ----------
    values : (B, ...) float array
        Estimates with each of B blocks left out in turn.

    Returns
    -------
    (...) float64
        NaN for a single block.
    """
    n = len(values)
    if n < 2:
        return np.full(values.shape[1:], np.nan)
    return np.asarray((n - 1) / n * ((values - values.mean(axis=0)) ** 2).sum(axis=0))
