"""Sums of activity and of products over blocks, from which moments of any of them follow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_crbm.analysis.statistics.moments import Moments
from napari_crbm.spikes import Spikes

#: Neurons whose activity and pairs are resampled; the number of frames limits the precision.
MOST_NEURONS = 600


@dataclass(frozen=True, eq=False)
class BlockSums:
    """Sums over blocks of frames, (B, values) each: of v, h, v h, v v' and h h'."""

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
            Neurons that are looked at.
        hidden : (T, M) float array
            E[h | v] of the same frames.
        blocks : sequence of int arrays
            Frames of each block.
        """
        raster = np.concatenate([block[:, neurons] for block in spikes.iter_dense()])
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
        """Yield the moments without each block in turn."""
        for block in range(self.n_blocks):
            counted = np.ones(self.n_blocks)
            counted[block] = 0
            yield self.moments(counted)

    def select(self, blocks: slice) -> BlockSums:
        """Return some of the blocks."""
        return BlockSums(*(values[blocks] for values in vars(self).values()))


def jackknife_variance(values: NDArray[np.floating]) -> float:
    """Return the variance of a statistic from its values without each of n blocks (Tukey 1958)."""
    n = len(values)
    return float((n - 1) / n * ((values - values.mean()) ** 2).sum()) if n > 1 else float("nan")
