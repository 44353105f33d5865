"""Held-out activity in windows of time, without drifts that are slower than a window."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from napari_crbm.model.members.windows import window_edges
from napari_crbm.spikes import Spikes

# Pairs whose coincidences are counted at a time; this bounds the memory.
_PAIRS_AT_ONCE = 100_000


def trend_basis(length: int) -> NDArray[np.float64]:
    """Return an orthonormal basis (length, 2) of the linear trends in a window."""
    slope = np.arange(length) - (length - 1) / 2
    norm = max(float(np.linalg.norm(slope)), 1.0)
    return np.column_stack([np.full(length, 1 / np.sqrt(length)), slope / norm])


@dataclass(frozen=True, eq=False)
class Windows:
    """Held-out activity, cut into windows of time.

    Parameters
    ----------
    spikes : Spikes
        The frames of all windows, T in number, N neurons.
    raster : (T, N) sparse float32
        The same, zeros and ones.
    edges : (W + 1,) int
        Window w holds the frames ``edges[w]`` to ``edges[w + 1] - 1``.
    """

    spikes: Spikes
    raster: sparse.csr_array
    edges: NDArray[np.int64]

    @classmethod
    def of(
        cls,
        spikes: Spikes,
        frames: NDArray[np.integer],
        longest: int,
        numbers: NDArray[np.integer] | None = None,
    ) -> Windows:
        """Cut frames of a recording into windows.

        Parameters
        ----------
        spikes : Spikes
            The whole recording.
        frames : (T,) int
            Ascending numbers of the frames to use, at least one. A window ends where more
            than a quarter of ``longest`` frames are missing.
        longest : int
            Largest number of frames in a window.
        numbers : (T,) int, optional
            Numbers of these frames in time if the recording has several segments, see
            `napari_crbm.recording.Recording.frame_numbers`.
        """
        in_time = frames if numbers is None else numbers
        part = spikes.select_frames(frames)
        indptr, neurons = part.by_frame
        data = np.ones(len(neurons), dtype=np.float32)
        raster = sparse.csr_array((data, neurons, indptr), shape=part.shape)
        return cls(part, raster, window_edges(in_time, longest))

    @property
    def n_frames(self) -> int:
        """Frames in all windows."""
        return int(self.edges[-1])

    def each(self) -> Iterator[tuple[slice, NDArray[np.float64]]]:
        """Yield the frames of each window and an orthonormal basis (L, 2) of its linear trends."""
        for first, last in zip(self.edges[:-1], self.edges[1:], strict=True):
            basis = trend_basis(int(last - first))
            yield slice(int(first), int(last)), basis

    def detrended(self, courses: NDArray[np.floating]) -> NDArray[np.float64]:
        """Remove the linear trend in each window from time courses (T, K)."""
        out = np.array(courses, dtype=np.float64)
        for frames, basis in self.each():
            out[frames] -= basis @ (basis.T @ out[frames])
        return out

    def trends(self) -> NDArray[np.float64]:
        """Coefficients (N, 2 W) of each neuron's linear trends."""
        return np.hstack([self.raster[frames].T @ basis for frames, basis in self.each()])

    def variances(self) -> NDArray[np.float64]:
        """Variance of every neuron about its linear trends, (N,)."""
        total = np.asarray(self.raster.sum(axis=0), dtype=np.float64)
        return np.asarray((total - (self.trends() ** 2).sum(axis=1)) / self.n_frames)

    def pair_covariances(self, pairs: NDArray[np.int64]) -> NDArray[np.float64]:
        """Compute the covariances of pairs of neurons about their linear trends.

        Parameters
        ----------
        pairs : (P, 2) int

        Returns
        -------
        (P,) float64
        """
        trends, bits = self.trends(), self.spikes.by_neuron
        out = np.empty(len(pairs))
        for start in range(0, len(pairs), _PAIRS_AT_ONCE):
            i, j = pairs[start : start + _PAIRS_AT_ONCE].T
            together = np.bitwise_count(bits[i] & bits[j]).sum(axis=1, dtype=np.float64)
            out[start : start + len(i)] = together - (trends[i] * trends[j]).sum(axis=1)
        return out / self.n_frames
