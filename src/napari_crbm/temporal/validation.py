"""The score that chooses the penalty: how well the next frame of validation blocks is predicted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_crbm.spikes import Spikes
from napari_crbm.temporal.model import TemporalModel
from napari_crbm.temporal.rollout import forecast

# Neurons and frames that are predicted at most.
_NEURONS, _FRAMES = 300, 160
# Groups of neighbouring frames between which the standard error is taken.
_GROUPS = 10
_SEED = 41


@dataclass(frozen=True, eq=False)
class Validation:
    """Frames and neurons to predict, the same for every penalty.

    Parameters
    ----------
    spikes : Spikes
        The whole recording.
    activity : (T, M) float32
        Standardised activity of assemblies.
    frames : (S,) int64
    neurons : (n,) int64
    rate : (n,) float64
        Mean activity in the training frames.
    seed : int
    """

    spikes: Spikes
    activity: NDArray[np.float32]
    frames: NDArray[np.int64]
    neurons: NDArray[np.int64]
    rate: NDArray[np.float64]
    seed: int

    @classmethod
    def of(
        cls,
        spikes: Spikes,
        activity: NDArray[np.float32],
        split: Mapping[str, NDArray[np.int64]],
        seed: int,
    ) -> Validation:
        """Choose frames at equal distances, and random neurons."""
        generator = np.random.default_rng([seed, _SEED])
        n_neurons = min(_NEURONS, spikes.n_neurons)
        neurons = np.sort(generator.choice(spikes.n_neurons, n_neurons, replace=False))
        every = split["validation"]
        some = np.unique(np.linspace(0, len(every) - 1, _FRAMES).astype(np.int64))
        return cls(
            spikes,
            activity,
            every[some],
            neurons,
            training_rate(spikes, split["train"])[neurons],
            seed,
        )

    def gains(self, model: TemporalModel) -> NDArray[np.float64]:
        """Return the log-likelihood gained over mean rates, nats per neuron, of each frame (S,)."""
        found = forecast(
            model,
            self.spikes,
            self.frames - 1,
            [1],
            activity=self.activity,
            neurons=self.neurons,
            random_state=self.seed,
        )
        active = self.spikes.dense(self.frames)[:, self.neurons].astype(bool)
        gain = log_likelihood(found.probability[0], active) - log_likelihood(self.rate, active)
        return np.asarray(gain.mean(axis=1))


def chosen(gains: Sequence[NDArray[np.float64]]) -> int:
    """Choose among models from the simplest on: one standard error rule (Breiman et al. 1984).

    Parameters
    ----------
    gains : sequence of (S,) float64
        Of the same frames.

    Returns
    -------
    int
        The first model that is worse than the best by at most one standard error of the difference.
    """
    best = gains[int(np.argmax([each.mean() for each in gains]))]
    for number, each in enumerate(gains):
        groups = np.array([part.mean() for part in np.array_split(best - each, _GROUPS)])
        if groups.mean() <= groups.std(ddof=1) / np.sqrt(_GROUPS):
            return number
    return len(gains) - 1


def training_rate(spikes: Spikes, frames: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return the mean activity of neurons in some frames, never 0 or 1, (N,)."""
    part = spikes.select_frames(frames)
    return np.asarray((part.neuron_counts + 0.5) / (part.n_frames + 1.0))


def log_likelihood(
    probability: NDArray[np.floating], active: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return the log-probability of activity (S, n) given probabilities that it is on."""
    chance = np.clip(np.asarray(probability, dtype=np.float64), 1e-6, 1 - 1e-6)
    return np.asarray(np.where(active, np.log(chance), np.log1p(-chance)))
