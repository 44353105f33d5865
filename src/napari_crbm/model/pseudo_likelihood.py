"""Pseudo-likelihood on a fixed sample of frames and neurons, exact for each of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_expit

from napari_crbm.model.compute.weights import DenseWeights
from napari_crbm.model.units.protocol import HiddenUnits
from napari_crbm.spikes import Spikes


class PseudoLikelihoodProbe:
    """A fixed sample of frames and neurons on which pseudo-likelihoods are compared.

    Half of the neurons of a frame are active (if it has any), half are silent. Their
    log-probabilities are weighted by the number of neurons that they represent, so that the
    estimate is the mean over all neurons and frames.
    """

    def __init__(
        self, spikes: Spikes, neurons_per_frame: int, random_state: int, max_frames: int = 2000
    ) -> None:
        generator = np.random.default_rng(random_state)
        n_frames = min(spikes.n_frames, max_frames)
        frames = np.sort(generator.choice(spikes.n_frames, n_frames, replace=False))
        self.spikes = spikes.select_frames(frames)
        half = max(1, neurons_per_frame // 2)
        indptr, indices = self.spikes.by_frame
        rows, neurons, states, shares = [], [], [], []
        for t in range(n_frames):
            active = indices[indptr[t] : indptr[t + 1]]
            silent = _silent_neurons(generator, active, self.spikes.n_neurons, half)
            chosen = generator.choice(active, min(half, len(active)), replace=False)
            for members, state, total in (
                (chosen, 1.0, len(active)),
                (silent, 0.0, self.spikes.n_neurons - len(active)),
            ):
                rows.append(np.full(len(members), t))
                neurons.append(members)
                states.append(np.full(len(members), state))
                shares.append(np.full(len(members), total / max(len(members), 1)))
        self.rows = np.concatenate(rows)
        self.neurons = np.concatenate(neurons).astype(np.int64)
        self.states = np.concatenate(states)
        self.shares = np.concatenate(shares) / (n_frames * self.spikes.n_neurons)

    def evaluate(
        self, weights: DenseWeights, fields: NDArray[np.float32], units: HiddenUnits
    ) -> float:
        """Mean log P(v_i | rest) in nats; call with kernel threads held."""
        inputs = np.empty((self.spikes.n_frames, weights.values.shape[1]), dtype=np.float32)
        weights.project_frames(self.spikes, np.arange(self.spikes.n_frames), inputs)
        as_it_is = units.cumulant(inputs).sum(axis=1)
        total = 0.0
        for start in range(0, len(self.rows), 4096):
            part = slice(start, start + 4096)
            rows, neurons = self.rows[part], self.neurons[part]
            # +1 for an active neuron, -1 for a silent one.
            sign = 2 * self.states[part].astype(np.float32) - 1
            flipped = inputs[rows] - sign[:, None] * weights.values[neurons]
            gain = as_it_is[rows] - units.cumulant(flipped).sum(axis=1)
            total += float((self.shares[part] * log_expit(sign * fields[neurons] + gain)).sum())
        return total


def _silent_neurons(
    generator: np.random.Generator, active: NDArray[np.int32], n_neurons: int, wanted: int
) -> NDArray[np.int64]:
    """Draw distinct silent neurons without listing them all."""
    n_silent = n_neurons - len(active)
    draws = generator.choice(n_silent, min(wanted, n_silent), replace=False, shuffle=False)
    # The k-th silent neuron is k plus the number of active ones before it.
    before = np.searchsorted(active - np.arange(len(active)), draws, side="right")
    return np.asarray(draws + before, dtype=np.int64)
