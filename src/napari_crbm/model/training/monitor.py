"""Statistics of the persistent chains, collected while a training runs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_crbm.model.compute.bits import dense_from_bits
from napari_crbm.nrmse import agreement
from napari_crbm.spikes import Spikes

# Neurons whose activity and pairs are followed.
_NEURONS = 128


def strong_members(weights: NDArray[np.float32]) -> NDArray[np.int64]:
    """Choose some neurons with large weights (N, M), whose covariances differ from zero."""
    strength = np.abs(weights).max(axis=1, initial=0)
    ranked = np.argsort(-strength, kind="stable")[: 8 * _NEURONS]
    return np.sort(ranked[:: max(1, len(ranked) // _NEURONS)][:_NEURONS]).astype(np.int64)


class Monitor:
    """Collects states of the chains between two evaluations, for a fixed set of neurons.

    Parameters
    ----------
    train, test : Spikes
        Training frames, and held-out frames to compare the chains with; None compares them with
        the training frames.
    neurons : int array
        Neurons to follow, see `strong_members`.
    """

    def __init__(self, train: Spikes, test: Spikes | None, neurons: NDArray[np.int64]) -> None:
        self._neurons = neurons
        self._train = _statistics(train, self._neurons)
        self._test = self._train if test is None else _statistics(test, self._neurons)
        self._pairs = np.triu_indices(len(self._neurons), 1)
        self._reset()
        self._last: NDArray[np.float32] | None = None

    def _reset(self) -> None:
        n = len(self._neurons)
        self._together = np.zeros((n, n))
        self._states = 0
        self._memory, self._looks = 0.0, 0

    def record(self, bits: NDArray[np.uint64], n_chains: int, hidden: NDArray[np.floating]) -> None:
        """Add states of the chains: activity as bits (N, words), mean hidden values (B, M)."""
        activity = dense_from_bits(bits[self._neurons], n_chains).astype(np.float32)
        self._together += activity.T @ activity
        self._states += n_chains
        centred = np.asarray(hidden - hidden.mean(axis=0), dtype=np.float32)
        centred /= np.sqrt((centred**2).sum(axis=0)) + 1e-12
        if self._last is not None:
            self._memory += float((self._last * centred).sum(axis=0).mean())
            self._looks += 1
        self._last = centred

    def report(self) -> dict[str, float]:
        """Return statistics of the states since the last report.

        ``nrmse_mean_v`` and ``nrmse_cov_vv`` compare the chains with held-out frames;
        ``chain_memory`` is the correlation of a chain's hidden units from one recorded state to
        the next (0: independent states, 1: constant chains).
        """
        nothing = float("nan")
        row = {"nrmse_mean_v": nothing, "nrmse_cov_vv": nothing, "chain_memory": nothing}
        if self._states and len(self._neurons) > 2:
            model = self._moments(self._together / self._states)
            for name, *values in zip(row, model, self._train, self._test, strict=False):
                row[name] = agreement(*values).nrmse
        if self._looks:
            row["chain_memory"] = self._memory / self._looks
        self._reset()
        return row

    def _moments(
        self, together: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        mean = np.diagonal(together).copy()
        return mean, (together - np.outer(mean, mean))[self._pairs]

    def state(self) -> dict[str, Any]:
        """Return what `restore` needs to continue bit for bit."""
        last = np.zeros((0, 0), np.float32) if self._last is None else self._last
        return {
            "neurons": self._neurons.copy(),
            "together": self._together.copy(),
            "counts": np.array([self._states, self._memory, self._looks], dtype=np.float64),
            "last": last.copy(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `state`."""
        self._together = np.array(state["together"], dtype=np.float64)
        states, self._memory, looks = (float(x) for x in state["counts"])
        self._states, self._looks = int(states), int(looks)
        last = np.array(state["last"], dtype=np.float32)
        self._last = last if last.size else None


def _statistics(
    spikes: Spikes, neurons: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute mean activity and pairwise covariances of the chosen neurons."""
    together = np.zeros((len(neurons), len(neurons)))
    for block in spikes.iter_dense():
        part = block[:, neurons].astype(np.float32)
        together += part.T @ part
    together /= spikes.n_frames
    mean = np.diagonal(together).copy()
    return mean, (together - np.outer(mean, mean))[np.triu_indices(len(neurons), 1)]
