"""Assemblies that switch on and off, and make their members fire by a noisy OR.

A neuron stays silent if its baseline and every assembly that is on fail to make it
fire: P(silent) = (1 - b_i) prod_mu (1 - q_i,mu z_mu). Assemblies in which it is a
suppressed member multiply its chance to fire by (1 - r_i,mu). This is not the model
that is fitted later, so finding the assemblies again is a fair test.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import brentq

from napari_crbm.simulation.planting import Planting

DUTY_RANGE = (0.02, 0.10)
_DWELL_RANGE_S = (2.0, 10.0)
_MIN_EPISODES = 8
_FIRING = (0.25, 0.50)
_WEAKEST = 0.12
_SUPPRESSION = (0.5, 0.95)
# Share of all spikes that assemblies cause; the rest is baseline.
_SHARE, _MAX_SHARE = 0.6, 0.8
_RATE_SPREAD = 0.8
_MAX_RATE = 0.9
_LATENT, _EMISSION = 2, 3


@dataclass(frozen=True)
class NoisyOr:
    """The generator with everything drawn but the spikes.

    Parameters
    ----------
    baseline : (N,) float64
        Chance of each neuron to fire in a frame by itself.
    weights : (N, K) sparse float32
        q for members, -r for suppressed members.
    activity : (T, K) float32
        Zeros and ones.
    seed : int
    parameters : dict
        What the truth keeps beside the weights.
    """

    baseline: NDArray[np.float64]
    weights: sparse.csc_array
    activity: NDArray[np.float32]
    seed: int
    parameters: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def draw(
        cls,
        planting: Planting,
        n_frames: int,
        mean_activity: float,
        frame_rate_hz: float,
        seed: int,
    ) -> NoisyOr:
        """Draw strengths, rates and the assemblies' time course."""
        rng = np.random.default_rng([seed, _LATENT])
        weights, duty = _strengths_and_duty(planting.strengths, mean_activity, rng)
        shortest = max(_DWELL_RANGE_S[0], 2.0 / frame_rate_hz)
        dwell_s = rng.uniform(shortest, max(_DWELL_RANGE_S[1], shortest), len(duty))
        # A short recording must still hold several episodes of every assembly.
        dwell_s = np.minimum(dwell_s, n_frames / frame_rate_hz * duty / _MIN_EPISODES)
        dwell = np.maximum(dwell_s * frame_rate_hz, 2.0)
        activity = _switching(duty, dwell, n_frames, rng)
        shape = rng.lognormal(-(_RATE_SPREAD**2) / 2, _RATE_SPREAD, weights.shape[0])
        baseline = _baseline(shape, weights, duty, mean_activity)
        return cls(
            baseline,
            weights,
            activity,
            seed,
            {"baseline": baseline, "duty": duty, "dwell_s": dwell / frame_rate_hz},
        )

    def blocks(self, frames: int) -> Iterator[NDArray[np.uint8]]:
        """The raster, ``frames`` frames at a time: (t, N) uint8."""
        positive = self.weights.multiply(self.weights > 0)
        negative = self.weights.multiply(self.weights < 0)
        stay_silent = sparse.csr_array((-positive).log1p().T)
        stay_active = sparse.csr_array(negative.log1p().T)
        silent = (1.0 - self.baseline).astype(np.float32)
        for number, start in enumerate(range(0, len(self.activity), frames)):
            latent = sparse.csr_array(self.activity[start : start + frames])
            chance = np.empty((latent.shape[0], len(silent)), dtype=np.float32)
            chance[:] = 1.0 - silent
            driven = (latent @ stay_silent).tocoo()
            chance[driven.row, driven.col] = 1.0 - silent[driven.col] * np.exp(driven.data)
            held = (latent @ stay_active).tocoo()
            chance[held.row, held.col] *= np.exp(held.data)
            rng = np.random.default_rng([self.seed, _EMISSION, number])
            yield (rng.random(chance.shape, dtype=np.float32) < chance).view(np.uint8)


def _strengths_and_duty(
    strengths: sparse.csc_array, mean_activity: float, rng: np.random.Generator
) -> tuple[sparse.csc_array, NDArray[np.float64]]:
    """Signed strengths, and the fraction of time each assembly is on."""
    n_neurons, n_assemblies = strengths.shape
    matrix = strengths.tocsc(copy=True)
    firing = np.repeat(rng.uniform(*_FIRING, n_assemblies), np.diff(matrix.indptr))
    relative = np.abs(matrix.data)
    excited = matrix.data > 0
    chance = np.maximum(relative * firing, _WEAKEST)
    per_frame = float(chance[excited].sum()) / n_neurons
    typical = float(np.clip(_SHARE * mean_activity / max(per_frame, 1e-9), *DUTY_RANGE))
    # Assemblies must leave room for a baseline, however low the asked activity.
    chance *= min(1.0, _MAX_SHARE * mean_activity / max(typical * per_frame, 1e-9))
    held = np.interp(relative, (0.6, 1.4), _SUPPRESSION)
    matrix.data = np.where(excited, chance, -held).astype(np.float32)
    return matrix, typical * rng.uniform(0.6, 1.4, n_assemblies)


def _switching(
    duty: NDArray[np.float64], dwell: NDArray[np.float64], n_frames: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Two-state Markov chains, (T, K): on for ``dwell`` frames a time, ``duty`` of all time."""
    off_chance = 1.0 / dwell
    on_chance = off_chance * duty / (1.0 - duty)
    state = rng.random(len(duty)) < duty
    activity = np.empty((n_frames, len(duty)), dtype=np.float32)
    for frame in range(n_frames):
        activity[frame] = state
        switch = rng.random(len(duty)) < np.where(state, off_chance, on_chance)
        state = state ^ switch
    return activity


def _baseline(
    shape: NDArray[np.float64],
    weights: sparse.csc_array,
    duty: NDArray[np.float64],
    mean_activity: float,
) -> NDArray[np.float64]:
    """Baseline rates of the given shape with which the mean activity comes out as asked.

    Assemblies are independent, so the expectation of the noisy OR is a product.
    """
    scaled = weights @ sparse.diags_array(duty)
    silent = np.exp(np.asarray((-scaled.multiply(scaled > 0)).log1p().sum(axis=1)).ravel())
    kept = np.exp(np.asarray(scaled.multiply(scaled < 0).log1p().sum(axis=1)).ravel())

    def excess(log_scale: float) -> float:
        rate = np.minimum(np.exp(log_scale) * shape, _MAX_RATE)
        return float(np.mean((1.0 - (1.0 - rate) * silent) * kept)) - mean_activity

    scale = np.exp(brentq(excess, np.log(1e-6), np.log(50.0), xtol=1e-6))
    return np.asarray(np.minimum(scale * shape, _MAX_RATE))
