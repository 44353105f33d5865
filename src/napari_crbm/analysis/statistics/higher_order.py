"""Statistics beyond pairs: the number of active neurons, and triplets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, wasserstein_distance

from napari_crbm.spikes import Spikes

_TRIPLETS_AT_ONCE = 4096
_BINS = 50


@dataclass(frozen=True, eq=False)
class PopulationCount:
    """Agreement of the distribution of the number of active neurons per frame.

    Distances are Wasserstein-1 distances between distributions, in neurons: the mean number
    of neurons per frame by which one distribution must be changed to become the other.

    Parameters
    ----------
    model, train, independent : float
        Distance from the held-out frames: of the model, of the training frames, and of
        independent neurons with the held-out rates.
    edges : (B + 1,) float64
        Bins of the number of active neurons.
    shares : dict of str to (B,) float64
        Share of frames in every bin: "held-out", "model", "training", "independent".
    """

    model: float
    train: float
    independent: float
    edges: NDArray[np.float64]
    shares: dict[str, NDArray[np.float64]]

    @property
    def nrmse(self) -> float:
        """Normalised distance: 0 as for the training frames, 1 as for independent neurons."""
        gain = self.independent - self.train
        return (self.model - self.train) / gain if gain > 0 else float("nan")


def population_count(model: Spikes, train: Spikes, test: Spikes) -> PopulationCount:
    """Compare distributions of the number of active neurons per frame."""
    p = test.mean_activity
    # The number of active neurons among many independent ones is nearly normal.
    ranks = (np.arange(test.n_frames) + 0.5) / test.n_frames
    independent = norm.ppf(ranks, p.sum(), np.sqrt((p * (1 - p)).sum()) + 1e-12)
    counts = {
        "held-out": test.frame_counts,
        "model": model.frame_counts,
        "training": train.frame_counts,
        "independent": np.maximum(independent, 0),
    }
    top = max(float(values.max()) for values in counts.values())
    # Bins of whole neurons.
    width = np.ceil((top + 1) / _BINS)
    edges = width * np.arange(int(np.ceil((top + 1) / width)) + 1) - 0.5
    distances = {
        name: float(wasserstein_distance(values, test.frame_counts))
        for name, values in counts.items()
    }
    return PopulationCount(
        model=distances["model"],
        train=distances["training"],
        independent=distances["independent"],
        edges=edges,
        shares={
            name: np.histogram(values, edges)[0] / len(values) for name, values in counts.items()
        },
    )


def random_triplets(
    membership: NDArray[np.bool_], n_triplets: int, random_state: int = 0
) -> NDArray[np.int64]:
    """Draw triplets of different neurons: half within single assemblies, half among all neurons.

    Parameters
    ----------
    membership : (N, M) bool
        Assemblies of fewer than three neurons are skipped.
    n_triplets : int
    random_state : int

    Returns
    -------
    (K, 3) int64
        Fewer than ``n_triplets`` if there are no assemblies, or fewer than three neurons.
    """
    generator = np.random.default_rng([random_state, 3])
    n_neurons = len(membership)
    groups = [np.flatnonzero(column) for column in membership.T]
    groups = [group for group in groups if len(group) >= 3]
    chosen = [generator.integers(n_neurons, size=(n_triplets // 2, 3))]
    if groups:
        own = generator.integers(len(groups), size=n_triplets - n_triplets // 2)
        sizes = np.array([len(group) for group in groups])
        starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        place = (generator.random((len(own), 3)) * sizes[own, None]).astype(np.int64)
        chosen.append(np.concatenate(groups)[starts[own, None] + place])
    triplets = np.sort(np.concatenate(chosen), axis=1)
    different = (np.diff(triplets, axis=1) > 0).all(axis=1)
    return np.asarray(triplets[different], dtype=np.int64)


def triplet_moments(spikes: Spikes, triplets: NDArray[np.int64]) -> NDArray[np.float64]:
    """Compute <(v_i - <v_i>)(v_j - <v_j>)(v_k - <v_k>)> of triplets (K, 3): (K,)."""
    bits, mean, n_frames = spikes.by_neuron, spikes.mean_activity, spikes.n_frames
    out = np.empty(len(triplets))
    for start in range(0, len(triplets), _TRIPLETS_AT_ONCE):
        part = slice(start, start + _TRIPLETS_AT_ONCE)
        i, j, k = triplets[part].T
        pair = bits[i] & bits[j]
        p_ijk = np.bitwise_count(pair & bits[k]).sum(axis=1) / n_frames
        p_ij = np.bitwise_count(pair).sum(axis=1) / n_frames
        p_ik = np.bitwise_count(bits[i] & bits[k]).sum(axis=1) / n_frames
        p_jk = np.bitwise_count(bits[j] & bits[k]).sum(axis=1) / n_frames
        means = mean[i] * p_jk + mean[j] * p_ik + mean[k] * p_ij
        out[part] = p_ijk - means + 2 * mean[i] * mean[j] * mean[k]
    return out
